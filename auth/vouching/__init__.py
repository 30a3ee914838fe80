"""Whom an enterprise stands behind: its officer names the analysts who use its grants, and for how long."""
