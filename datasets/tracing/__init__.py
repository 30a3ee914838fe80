"""Tracing: which grant, person and time a file that came back from outside left under."""
