"""How records stand to each other: series, parts, versions, succession, derivation. Stated once, read from both ends."""
