"""What the features are worth: actions and sounds by class, both together, finding one by the other."""
