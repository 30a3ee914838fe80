"""Reading granted data in place: the grant's own view of a release, signed links to it, and the Delta Sharing protocol over both."""
