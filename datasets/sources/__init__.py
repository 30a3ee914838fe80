"""Sources besides upload: folders, addresses and tables that the service looks into by itself."""
