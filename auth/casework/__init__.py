"""What the bureau's records around grants share: a machine as a table, a history, and one grammar of steps."""
