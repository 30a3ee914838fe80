"""Changes of records that wait for a second person: nothing that readers see changes by one person's hand."""
