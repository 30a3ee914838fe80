"""A disclosure's codes and times in words, for its page and its workbook; JSON keeps them as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from auth.agreements.model import MODE_NAMES, SELECTION_NAMES
from auth.agreements.workflow import STATE_NAMES as AGREEMENT_STATES
from auth.grants.workflow import STATE_NAMES as GRANT_STATES
from auth.identity.labels import ORG_KIND_NAMES
from auth.incidents.workflow import STATE_NAMES as INCIDENT_STATES
from auth.incidents.workflow import TARGET_NAMES
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Coded, limits
from auth.policy.wording import FORM_NAMES
from auth.products.rules import ANY, KINDS, UNITS
from core.text import Text

Named = Mapping[str, Text]


def _plain(names: Mapping[Any, Text]) -> Named:
    return {str(getattr(key, "value", key)): text for key, text in names.items()}


def _coded(codes: Mapping[str, Coded]) -> Named:
    return {code: each.name for code, each in codes.items()}


def _scenarios() -> Named:
    return {**_coded(limits().scenarios), ANY: Text("全部", "All")}


_EVERYWHERE: Final[Mapping[str, Callable[[], Named]]] = {
    "scenario_id": _scenarios,
    "purposes": lambda: _coded(limits().purposes),
    "purpose": lambda: _coded(limits().purposes),
    "delivery_forms": lambda: _plain(FORM_NAMES),
    "mode": lambda: _plain(MODE_NAMES),
    "selection": lambda: _plain(SELECTION_NAMES),
    "target_kind": lambda: _plain(TARGET_NAMES),
    "unit": lambda: _plain(UNITS),
}
_OF_SECTION: Final[Mapping[tuple[str, str], Callable[[], Named]]] = {
    ("bodies", "kind"): lambda: _plain(ORG_KIND_NAMES),
    ("operators", "kind"): lambda: _plain(ORG_KIND_NAMES),
    ("products", "kind"): lambda: _plain(KINDS),
    ("authorisations", "state"): lambda: _plain(GRANT_STATES),
    ("agreements", "state"): lambda: _plain(AGREEMENT_STATES),
    ("incidents", "state"): lambda: _plain(INCIDENT_STATES),
    ("refusals", "code"): lambda: _coded(limits().refusals),
}
_TIMES: Final = frozenset({"starts_at", "ends_at", "ended_at", "frozen_at", "lifted_at"})


def worded(section: str, rows: list[dict[str, Any]], say: Callable[[Text], str]) -> list[dict[str, Any]]:
    """The rows with every code that has a name said by it, and instants in local time to the minute. What has no name stays as it is."""
    if not rows:
        return rows
    of = {column: names for column in rows[0] if (names := _names(section, column)) is not None}
    return [
        {column: _said(column, value, of.get(column), say) for column, value in row.items()} for row in rows
    ]


def _names(section: str, column: str) -> Named | None:
    found = _OF_SECTION.get((section, column)) or _EVERYWHERE.get(column)
    return found() if found else None


def _said(column: str, value: Any, names: Named | None, say: Callable[[Text], str]) -> Any:  # noqa: ANN401 - a cell
    if not isinstance(value, str) or not value:
        return value
    if names is not None:
        return ", ".join(say(names[code]) if code in names else code for code in value.split(", "))
    if column in _TIMES:
        return f"{datetime.fromisoformat(value).astimezone(LOCAL):%Y-%m-%d %H:%M}"
    return value
