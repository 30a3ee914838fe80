"""Catalogues of others, read: one module per format, each pure (bytes to records and faults)."""
