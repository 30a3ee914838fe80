"""Erasing what the service knows of a person: asked for, decided by somebody else, refused where law keeps it, on record."""
