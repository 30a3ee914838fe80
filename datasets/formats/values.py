"""Values as JSON: exact numbers, ISO 8601 times, hexadecimal bytes; null for numbers that JSON does not have."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS


def json_of(value: Any) -> bytes:  # noqa: ANN401 - a row or a value of one
    """The value in one line of JSON."""
    return orjson.dumps(value, default=_said, option=_OPTIONS)


def _said(value: Any) -> Any:  # noqa: ANN401 - what orjson does not know by itself
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f")) if value.is_finite() else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
