"""Classifiers of actions, sounds or both, trained end to end from a pre-trained, a supervised or a fresh start."""
