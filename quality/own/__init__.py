"""Checks that Great Expectations lacks: what is right, in plain Python. Pure; how engines ask stands in `quality/gx`."""
