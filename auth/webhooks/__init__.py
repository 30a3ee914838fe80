"""Telling other systems: endpoints of an organisation, events they may know of, signed and delivered with a log."""
