"""Canonical JSON (RFC 8785): the one form of bytes that digests and signatures are made over.

`rfc8785` walks a value in Python; the interpreter's own encoder writes the same bytes in a fraction of that wherever the two forms agree:
all but numbers that are not small and whole, and names beyond the Basic Multilingual Plane, which RFC 8785 sorts by UTF-16.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

import rfc8785

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)
# Where a number may begin, a fraction or an exponent; 16 digits anywhere; any character that UTF-16 writes as two. It may find too
# much, as in "1,5.0", and then the bytes are only made more slowly.
_MAY_DIFFER: Final = re.compile(r'(?:^|":|[\[,])-?\d+[.eE]|\d{16}|[\U00010000-\U0010ffff]')


def canonical(value: Any) -> bytes:  # noqa: ANN401 - JSON, whose objects have text for names
    """The bytes of a JSON value. Raises rfc8785.CanonicalizationError for what has none."""
    try:
        text = _ENCODER.encode(value)
        made = text.encode()
    except (TypeError, ValueError):  # it says in its own words what is wrong
        return rfc8785.dumps(cast(Any, value))
    return made if _MAY_DIFFER.search(text) is None else rfc8785.dumps(cast(Any, value))
