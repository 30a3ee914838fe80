"""CKAN's Action API over the catalogue, for the clients that exist: reading whole, writing refused by policy in CKAN's own form."""
