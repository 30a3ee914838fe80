"""Incidents: freezing a dataset, a grant or an organisation at once, until somebody else lifts it."""
