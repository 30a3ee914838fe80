"""Changes of many records at once, by choice or by file: shown before they are made, made whole or not at all, and undone."""
