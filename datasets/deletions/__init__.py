"""What was delivered under a grant, set against what its holder says to have deleted."""
