"""Evaluation of frozen sound features on labels: folds, linear classifiers, cross-validation, paired comparison."""
