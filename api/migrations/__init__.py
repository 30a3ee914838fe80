"""Schema revisions, run by `api.schema`."""
