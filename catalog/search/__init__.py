"""Full-text search over records: our own tokens, the database's own index, written in the record's transaction."""
