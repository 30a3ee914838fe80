"""Extracts: what a grant lets out of a release, as one file with a receipt."""
