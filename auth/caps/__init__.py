"""Caps of prices and of revenue: proposed by one person, put in force by another who has seen what is over them."""
