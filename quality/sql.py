"""DuckDB literals and names. Everything that enters a query as text passes here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

_BRACES: Final = re.compile(r"\{\{|\}\}|\{batch\}|[{}]")


def name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A typed DuckDB literal; floats stay DOUBLE, decimals exact, moments with a zone become TIMESTAMPTZ."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return f"({value})"
    if isinstance(value, float):
        text = repr(value) if math.isfinite(value) else ("nan" if math.isnan(value) else f"{value}")
        return f"CAST('{text}' AS DOUBLE)"
    if isinstance(value, Decimal):
        return f"({value:f})"
    if isinstance(value, datetime):
        kind = "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP"
        return f"CAST('{value.isoformat(sep=' ')}' AS {kind})"
    if isinstance(value, date):
        return f"CAST('{value.isoformat()}' AS DATE)"
    if isinstance(value, time):
        return f"CAST('{value.isoformat()}' AS TIME)"
    return "'" + str(value).replace("'", "''") + "'"


def filled(query: str, table: str) -> str:
    """The query with `table` for each `{batch}` and single braces for doubled ones. Raises ValueError for any other brace:
    fields with widths or attributes are never carried out."""

    def put(found: re.Match[str]) -> str:
        if found[0] in "{}":
            raise ValueError(f"unexpected_rows_query has a lone brace at {found.start() + 1}; write it twice")
        return table if found[0] == "{batch}" else found[0][0]

    return _BRACES.sub(put, query)


def listed(values: Iterable[Any]) -> str:
    return ", ".join(literal(value) for value in values)


def member_of(expression: str, values: list[Any]) -> str:
    """`expression IN (...)`; an empty set holds nothing."""
    return f"{expression} IN ({listed(values)})" if values else "FALSE"
