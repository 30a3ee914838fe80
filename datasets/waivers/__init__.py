"""Waivers: a failed rule that people answer for, for a while, in the open."""
