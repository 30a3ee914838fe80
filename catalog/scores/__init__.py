"""How good a record is as metadata, and what to mend first."""
