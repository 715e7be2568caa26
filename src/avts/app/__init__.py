"""The page: drop a film on it, see how far its sound is off, take the repaired film with you. Nothing leaves it."""
