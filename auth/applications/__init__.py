"""Applications: the request for use, from draft to agreement."""
