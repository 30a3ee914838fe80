"""Records of other catalogues, looked into on schedule and shown as foreign; their files are linked to and never given."""
