"""Consent of the department or region that shared a dataset with this one (R09)."""
