"""Duties of whoever holds, or held, a grant: use reports and deletion certificates."""
