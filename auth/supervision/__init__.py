"""Watching over grants: who took what, what stands out, and what the public is told of it."""
