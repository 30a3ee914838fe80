"""Looking at open data on its page: rows, columns in numbers, places. Nobody's restricted data are read here."""
