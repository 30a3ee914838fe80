"""Questions and error reports on datasets and their releases: read by everybody who sees the record, answered by its department."""
