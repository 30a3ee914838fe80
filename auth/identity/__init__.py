"""People, organisations, and the proofs by which a request becomes an actor."""
