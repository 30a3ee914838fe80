"""Synthetic tourism sample: datasets with a clean and a defective batch each, organisations and people.

Everything is drawn from fixed seeds; no person, phone number, enterprise or measurement is real.
"""
