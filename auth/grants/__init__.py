"""Grants: the right to use, from agreement to its end."""
