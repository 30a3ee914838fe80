"""How well departments describe and deliver their data, from one day to the next."""
