"""Implementation plans and authorised-operation agreements: the first tier, within which scenarios are granted."""
