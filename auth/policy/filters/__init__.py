"""Row filters: a small typed language, its rules, and a slow reading of it to compare fast ones with."""
