"""Proposals to suspend a grant: a steward found why, a security officer suspends by one step or says why not."""
