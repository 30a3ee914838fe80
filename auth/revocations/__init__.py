"""A revocation stands at once; a second person confirms it within a day, and it may bar its holder from applying again."""
