"""Schema revisions, run by `api.upgrading`."""
