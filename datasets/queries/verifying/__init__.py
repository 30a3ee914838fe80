"""Verification (核验): yes or no about one record, with the consent of whom it is about."""
