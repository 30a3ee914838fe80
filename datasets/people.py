"""Who did something, for this room: see `auth.stamps`."""

from auth.stamps import acting_for, stamp

__all__ = ["acting_for", "stamp"]
