"""Queries: answers about rows that may not leave. Statistics with disclosure control, with differential privacy, and yes-or-no."""
