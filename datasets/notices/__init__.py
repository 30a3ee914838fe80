"""Telling those who follow a dataset what became of it."""
