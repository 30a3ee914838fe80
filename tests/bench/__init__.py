"""Side-by-side measurements: `python -m tests.bench`. Ratios against named alternatives on the same work, in one run."""
