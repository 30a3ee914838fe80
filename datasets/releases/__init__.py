"""Releases: what was published, once and for all."""
