"""Anomaly rules over the usage ledger: what they see, what follows, and who answers for it."""
