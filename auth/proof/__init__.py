"""Proof that nobody rewrote the audit record: a Merkle tree over its events, signed checkpoints, an offline verifier."""
