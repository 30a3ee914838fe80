"""What the design promises, line by line, and the tests that hold each line. `python -m tests.claims.document` writes docs/acceptance.md."""
