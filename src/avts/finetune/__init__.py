"""Classifiers of actions, sounds or both, trained end to end with or without pre-training."""
