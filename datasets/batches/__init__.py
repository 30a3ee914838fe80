"""Batches: what a source department handed in, and what the gate said about it."""
