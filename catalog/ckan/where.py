"""The search language as conditions on the catalogue's records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, String, and_, cast, false, func, not_, or_, true
from sqlmodel import col

from catalog import queries, regions
from catalog.ckan.errors import bad_query
from catalog.ckan.language import All, And, Node, Not, Or, Range, Term
from catalog.ckan.moments import moment
from catalog.search import synonyms
from catalog.search.engine import matching
from catalog.search.query import Ask, Groups
from catalog.search.query import parse as parse_words
from catalog.search.tokens import fold
from catalog.tables import DatasetRow, DescriptionRow
from core.work import Work

Condition = ColumnElement[bool]


def where(work: Work, node: Node) -> Condition:
    """Raises CkanError for a field or a bound that there is none of."""
    return _Where(work).of(node)


class _Where:
    def __init__(self, work: Work) -> None:
        self._work, self._words, self._kept = work, 0, 0
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
                return _range(node, self._work.now)
            case Term(None | "text", text):
                return self._anywhere(text)
            case Term(field, text, is_phrase):
                return self._field(field or "", text, is_phrase)

    def _anywhere(self, text: str) -> Condition:
        if self._groups is None:
            self._groups = synonyms.groups(self._work)
        return self._matching(parse_words(text, self._groups))

    def _matching(self, asked: Ask, place: str | None = None) -> Condition:
        self._words += 1
        return matching(self._work, asked, f"ckan{self._words}", place) if asked else false()

    def _field(self, field: str, text: str, is_phrase: bool) -> Condition:
        field = field.removeprefix("extras_")
        if (test := _FIELDS.get(field)) is not None:
            found = test(text, is_phrase)
            if field == "title" and not is_phrase and "*" not in text:
                return or_(found, self._matching(parse_words(text), "title"))
            return found
        if field in _TIMES:
            if text != "*":
                raise bad_query(f"write {field}:[a TO b]")
            known: Condition = _TIMES[field].is_not(None)
            return known
        if field.startswith("vocab_"):
            return false()  # there are no vocabularies
        return self._extra(field, text)

    def _extra(self, key: str, text: str) -> Condition:
        """What a client keeps beside a record, by its own key."""
        self._kept += 1
        if self._kept > MOST_EXTRAS:
            raise bad_query(f"more than {MOST_EXTRAS} fields that are no fields of ours")
        written = _KEPT[self._work.db.get_bind().dialect.name]
        names = {"key": f"extra{self._kept}", "value": f"said{self._kept}"}
        found = sqlalchemy.text(written.format(**names)).bindparams(
            **{names["key"]: key, names["value"]: _pattern(text)}
        )
        return col(DatasetRow.id).in_(found.columns(sqlalchemy.column("dataset_id", String)))


MOST_EXTRAS: Final = 5
_KEPT: Final = {
    "sqlite": "SELECT d.dataset_id FROM catalog_description d, json_each(CASE json_type(d.document, '$.extras') WHEN 'array' "
    "THEN json_extract(d.document, '$.extras') ELSE '[]' END) e WHERE json_extract(e.value, '$.key') = :{key} "
    "AND lower(CAST(json_extract(e.value, '$.value') AS TEXT)) LIKE :{value} ESCAPE '/'",
    "postgresql": "SELECT d.dataset_id FROM catalog_description d, json_array_elements(CASE json_typeof(d.document->'extras') WHEN 'array' "
    "THEN d.document->'extras' ELSE '[]'\\:\\:json END) e WHERE e->>'key' = :{key} AND lower(e->>'value') LIKE :{value} ESCAPE '/'",
}  # fmt: skip


def _pattern(text: str) -> str:
    """For LIKE: `*` stands for anything, nothing else for anything but itself."""
    return "%".join(
        part.replace("/", "//").replace("%", "/%").replace("_", "/_") for part in text.lower().split("*")
    )


def _like(column: Any) -> Callable[[str, bool], Condition]:  # noqa: ANN401 - a column
    """The whole value, in any case; `*` stands for anything."""

    def test(text: str, is_phrase: bool) -> Condition:
        wanted = text.lower()
        if is_phrase or "*" not in wanted:
            return func.lower(column) == wanted
        return func.lower(column).like(_pattern(wanted), escape="/")

    return test


def _holds(*columns: Any) -> Callable[[str, bool], Condition]:  # noqa: ANN401
    """The text, as it is or folded as the index folds it, stands somewhere in one of them; a `*` at an end changes nothing."""

    def test(text: str, _is_phrase: bool) -> Condition:
        wanted = text.lower().strip("*")
        return or_(
            false(),
            *(
                func.lower(column).contains(each, autoescape=True)
                for column in columns
                for each in dict.fromkeys((wanted, fold(wanted)))
            ),
        )

    return test


def _lists(*columns: Any, lower: bool = False) -> Callable[[str, bool], Condition]:  # noqa: ANN401
    """One of the values of a list stored as JSON."""

    def test(text: str, _is_phrase: bool) -> Condition:
        if text == "*":
            return or_(false(), *(cast(column, String) != "[]" for column in columns))
        member = json.dumps(text.lower() if lower else text)
        return or_(false(), *(cast(column, String).contains(member, autoescape=True) for column in columns))

    return test


def _within() -> Callable[[str, bool], Condition]:
    """A division, by its code: records of it and of what lies in it."""
    column = col(_D.region_key)

    def test(text: str, _is_phrase: bool) -> Condition:
        if text == "*":
            return cast(col(_D.spatial_codes), String) != "[]"
        part = regions.PART
        return (part + column + part).contains(f"{part}{text}{part}", autoescape=True)

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
    "spatial_codes": _within(),
    "record_type": _like(col(_D.record_type)), "scenarios": _lists(col(_D.scenarios)),
    "registration_code": _like(col(_D.registration_code)), "share_mode": _like(col(_D.share_mode)),
}  # fmt: skip
_TIMES: Final[Mapping[str, Any]] = {
    "metadata_modified": queries.changed,
    "metadata_created": col(_D.created_at),
    "data_updated": col(_D.data_updated),
}


def _range(node: Range, now: datetime) -> Condition:
    column = _TIMES.get(node.field)
    if column is None:
        raise bad_query(f"no range over field {node.field}; there are {', '.join(_TIMES)}")
    found: list[Condition] = []
    if node.low != "*":
        low = moment(node.low, now)
        found.append(column > low if node.open_low else column >= low)
    if node.high != "*":
        high = moment(node.high, now)
        found.append(column < high if node.open_high else column <= high)
    return and_(true(), *found)
