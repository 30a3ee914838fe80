"""Where a release comes from and where it went: from the handed-in batch to the extracts."""
