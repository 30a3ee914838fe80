"""The file store as a whole: what cites its files, whether they are what they were, and which nothing cites any more."""
