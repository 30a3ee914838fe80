"""Deliveries that were cut are one line of the server's log each, not a trace.

Why this exists: to close a connection in the middle of an answer an application has to raise, and uvicorn prints whatever is raised as a fault
of the application, sixty lines long. Where rights end often, true faults drown in it.
"""

from __future__ import annotations

import logging
from typing import Final

from api.delivery import DeliveryStopped


class _OneLine(logging.Filter):
    """Says a delivery that was stopped in one line, a warning; leaves all else as it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        stopped = record.exc_info[1] if record.exc_info else None
        if isinstance(stopped, DeliveryStopped):
            where = "; ".join(getattr(stopped, "__notes__", ()))
            record.msg, record.args = (
                "a delivery was cut: %s (%s)",
                (stopped, where or "before its first byte"),
            )
            record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        return True


_ONE_LINE: Final = _OneLine()


def install() -> None:
    """Have uvicorn's log pass by here; a second time changes nothing."""
    logging.getLogger("uvicorn.error").addFilter(_ONE_LINE)
