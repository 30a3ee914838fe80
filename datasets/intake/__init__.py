"""Any real file in, one typed Parquet table out; whatever could not be typed is reported cell by cell."""
