"""Answers with differential privacy: a known loss for each, taken from a budget before any noise is drawn."""
