"""Telling people: an inbox for each account, by e-mail as well for those who want it, and reminders before things end."""
