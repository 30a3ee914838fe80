"""The ground: settings, database, unit of work, clock, ids, errors, files, jobs. No business nouns."""
