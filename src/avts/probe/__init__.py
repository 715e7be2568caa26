"""Frozen features of sounds held against labels: folds, linear classifiers, cross-validation, paired comparison."""
