"""The search language as conditions on the catalogue's records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, String, and_, cast, false, func, not_, or_, true
from sqlmodel import col

from catalog.ckan.errors import bad_query
from catalog.ckan.language import All, And, Node, Not, Or, Range, Term
from catalog.search import synonyms
from catalog.search.engine import matching
from catalog.search.query import Groups
from catalog.search.query import parse as parse_words
from catalog.tables import DatasetRow, DescriptionRow
from core.work import Work

Condition = ColumnElement[bool]


def where(work: Work, node: Node) -> Condition:
    """Raises CkanError for a field or a bound that there is none of."""
    return _Where(work).of(node)


class _Where:
    def __init__(self, work: Work) -> None:
        self._work, self._words = work, 0
        self._groups: Groups | None = None

    def of(self, node: Node) -> Condition:
        match node:
            case All():
                return true()
            case Not(arg):
                return not_(self.of(arg))
            case And(args):
                return and_(true(), *map(self.of, args))
            case Or(args):
                return or_(false(), *map(self.of, args))
            case Range():
                return _range(node)
            case Term(None | "text", text):
                return self._anywhere(text)
            case Term(field, text, is_phrase):
                return _field(field, text, is_phrase)

    def _anywhere(self, text: str) -> Condition:
        self._words += 1
        if self._groups is None:
            self._groups = synonyms.groups(self._work)
        asked = parse_words(text, self._groups)
        return matching(self._work, asked, f"ckan{self._words}") if asked else false()


def _field(field: str | None, text: str, is_phrase: bool) -> Condition:
    test = _FIELDS.get(field or "")
    if (field or "").startswith(("vocab_", "extras_")):
        return false()  # there are no vocabularies; extras are asked for by their own key
    if test is None and field and field in _TIMES and text == "*":
        known: Condition = _TIMES[field].is_not(None)
        return known
    if test is None:
        raise bad_query(f"undefined field {field}")
    return test(text, is_phrase)


def _like(column: Any) -> Callable[[str, bool], Condition]:  # noqa: ANN401 - a column
    """The whole value, in any case; `*` stands for anything."""

    def test(text: str, is_phrase: bool) -> Condition:
        wanted = text.lower()
        if is_phrase or "*" not in wanted:
            return func.lower(column) == wanted
        pieces = [part.replace("/", "//").replace("%", "/%").replace("_", "/_") for part in wanted.split("*")]
        return func.lower(column).like("%".join(pieces), escape="/")

    return test


def _holds(*columns: Any) -> Callable[[str, bool], Condition]:  # noqa: ANN401
    """The text stands somewhere in one of them; a `*` at an end changes nothing."""

    def test(text: str, _is_phrase: bool) -> Condition:
        wanted = text.lower().strip("*")
        return or_(false(), *(func.lower(column).contains(wanted, autoescape=True) for column in columns))

    return test


def _lists(*columns: Any, lower: bool = False) -> Callable[[str, bool], Condition]:  # noqa: ANN401
    """One of the values of a list stored as JSON."""

    def test(text: str, _is_phrase: bool) -> Condition:
        if text == "*":
            return or_(false(), *(cast(column, String) != "[]" for column in columns))
        member = json.dumps(text.lower() if lower else text)
        return or_(false(), *(cast(column, String).contains(member, autoescape=True) for column in columns))

    return test


def _only(value: str) -> Callable[[str, bool], Condition]:
    return lambda text, _is_phrase: true() if text.lower() in (value, "*") else false()


def _flag(condition: Condition) -> Callable[[str, bool], Condition]:
    return lambda text, _is_phrase: (
        true() if text == "*" else condition if text.lower() == "true" else not_(condition)
    )


def _number(column: Any) -> Callable[[str, bool], Condition]:  # noqa: ANN401
    return lambda text, _is_phrase: column == int(text) if text.isdecimal() and len(text) < 10 else false()


def _named(text: str, is_phrase: bool) -> Condition:
    """By its code, or by the name that a client gave it."""
    kept = sqlalchemy.select(col(DescriptionRow.dataset_id)).where(
        _like(col(DescriptionRow.name))(text, is_phrase)
    )
    return or_(_like(col(DatasetRow.id))(text, is_phrase), col(DatasetRow.id).in_(kept))


_D: Final = DatasetRow
_FIELDS: Final[Mapping[str, Callable[[str, bool], Condition]]] = {
    "name": _named, "id": _like(col(_D.id)), "resource_code": _like(col(_D.id)),
    "title": _holds(col(_D.title_zh), col(_D.title_en)), "notes": _holds(col(_D.description_zh), col(_D.description_en)),
    "author": _holds(col(_D.publisher_zh), col(_D.publisher_en)),
    "organization": _like(col(_D.publisher)), "owner_org": _like(col(_D.publisher)),
    "groups": _like(col(_D.domain_code)), "theme": _like(col(_D.domain_code)),
    "tags": _lists(col(_D.keywords), col(_D.keywords_en)), "res_format": _lists(col(_D.formats), lower=True),
    "license_id": _like(col(_D.license_id)), "open_type": _like(col(_D.open_type)),
    "auth_op_scope": _like(col(_D.auth_op_scope)), "share_type": _like(col(_D.share_type)),
    "update_freq": _like(col(_D.update_freq)), "data_level": _number(col(_D.data_level)),
    "quality_grade": _like(col(_D.quality_grade)),
    "state": _only("active"), "type": _only("dataset"), "dataset_type": _only("dataset"), "capacity": _only("public"),
    "private": _only("false"), "isopen": _flag(col(_D.open_type) == "U"), "res_name": _holds(col(_D.title_zh), col(_D.title_en)),
    "title_string": _holds(col(_D.title_zh), col(_D.title_en)), "maintainer": _holds(col(_D.contact)),
    "version": _number(col(_D.release_no)), "catalog_class": _like(col(_D.catalog_class)), "data_class": _like(col(_D.data_class)),
    "data_range": _like(col(_D.data_range)), "crs": _like(col(_D.crs)), "spatial": _holds(col(_D.spatial), col(_D.spatial_en)),
    "record_type": _like(col(_D.record_type)), "scenarios": _lists(col(_D.scenarios)),
    "registration_code": _like(col(_D.registration_code)), "share_mode": _like(col(_D.share_mode)),
}  # fmt: skip
_TIMES: Final[Mapping[str, Any]] = {
    "metadata_modified": col(_D.modified),
    "metadata_created": col(_D.created_at),
    "data_updated": col(_D.data_updated),
}


def _range(node: Range) -> Condition:
    column = _TIMES.get(node.field)
    if column is None:
        raise bad_query(f"no range over field {node.field}; there are {', '.join(_TIMES)}")
    found: list[Condition] = []
    if node.low != "*":
        low = _instant(node.low)
        found.append(column > low if node.open_low else column >= low)
    if node.high != "*":
        high = _instant(node.high)
        found.append(column < high if node.open_high else column <= high)
    return and_(true(), *found)


def _instant(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
        found = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise bad_query(f"Invalid Date String: {text!r}") from None
    if not 1900 <= found.year <= 2200:
        raise bad_query(f"Invalid Date String: {text!r} is not of this age")
    return found
