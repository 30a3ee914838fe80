"""JSON as strangers send it: what could not be answered again or stored is refused while it is read."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """Raises ValueError for what is no JSON, for NaN and infinities, lone surrogates, and nesting beyond reason."""
    try:
        found = json.loads(text, parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
