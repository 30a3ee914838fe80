"""The enclave: a reviewed specification runs inside, and what it makes leaves when two checkers have released it."""
