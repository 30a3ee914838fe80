"""Conditions as people write them in Python, as the filter that the service takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

Where = Mapping[str, Any] | Sequence[Sequence[Any]] | str | None
_OPERATIONS: Final = {
    "==": "eq", "=": "eq", "!=": "ne", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "in": "in",
    "between": "between", "is_null": "is_null",
}  # fmt: skip


def tree_of(where: Where) -> dict[str, Any] | None:
    """The filter; ValueError for what is none."""
    if where is None:
        return None
    if isinstance(where, str):
        found: Any = json.loads(where)
        return tree_of(found)
    if isinstance(where, Mapping):
        return dict(where)
    parts = [_leaf(each) for each in where]
    return None if not parts else parts[0] if len(parts) == 1 else {"op": "and", "args": parts}


def _leaf(each: Sequence[Any]) -> dict[str, Any]:
    if isinstance(each, str) or len(each) not in (2, 3) or each[1] not in _OPERATIONS:
        known = ", ".join(_OPERATIONS)
        raise ValueError(f"{each!r} is no condition: (column, operation, value) with one of {known}")
    column, operation = str(each[0]), _OPERATIONS[each[1]]
    if operation == "is_null":
        return {"op": operation, "column": column}
    value = each[2]
    if operation == "in":
        return {"op": operation, "column": column, "values": [_plain(one) for one in value]}
    if operation == "between":
        low, high = value
        return {"op": operation, "column": column, "low": _plain(low), "high": _plain(high)}
    return {"op": operation, "column": column, "value": _plain(value)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a scalar of the caller's, also numpy's
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def columns_of(tree: Mapping[str, Any] | None) -> set[str]:
    """The columns that a filter reads."""
    if not tree:
        return set()
    below = [*tree.get("args", ()), *([tree["arg"]] if "arg" in tree else [])]
    return set().union({str(tree["column"])} if "column" in tree else set(), *map(columns_of, below))
