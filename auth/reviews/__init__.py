"""Looking again at grants: certification campaigns each half year, evaluation after the grant, pilots."""
