"""Our public records, shown on CKAN portals of others; what is withdrawn here is withdrawn there."""
