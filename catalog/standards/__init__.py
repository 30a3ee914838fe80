"""Our records in the words of others: one module per outside standard, all made from one `Entry`."""
