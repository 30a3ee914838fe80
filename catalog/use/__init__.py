"""How often open data are visited, downloaded and called: counted by day, never by person."""
