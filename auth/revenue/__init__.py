"""What operators take in a year against what they may take: the excess counts in the next (R18)."""
