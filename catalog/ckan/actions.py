"""Packages and resources, read. An action takes a Call and gives what stands under `result`; what a reader may not see is not there."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy
from pyroaring import BitMap
from sqlalchemy import ColumnElement, String, bindparam, cast, func
from sqlmodel import col, select

from auth.actor import Actor
from auth.identity import organisations
from catalog import queries
from catalog.boxes import Box, box_of
from catalog.ckan import shape
from catalog.ckan.errors import CkanError, bad_query, invalid, not_found
from catalog.ckan.language import parse
from catalog.ckan.shape import Json
from catalog.ckan.values import loads
from catalog.ckan.where import where
from catalog.imports import kept_of
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.search import memory
from catalog.search.facets import within
from catalog.tables import DatasetRow, DescriptionRow
from catalog.workflow import State
from core.ids import DatasetId
from core.work import Work

Resources = Callable[[Work, Actor, Sequence[DatasetRow]], Mapping[str, list[Json]]]
SEARCH_MOST: Final = 1000
LIST_MOST: Final = 1000
FULL_MOST: Final = 25
_BY_ID: Final = select(DatasetRow).where(col(DatasetRow.id).in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action. `resources`: what each of some records offers; `dataset_of`: whose a resource is, by its id;
    `site`: our address, without a slash at its end. `notes` and `changed`: what the answer says beside its result, and of which records."""

    work: Work
    actor: Actor
    params: Mapping[str, Any]
    site: str
    resources: Resources
    dataset_of: Callable[[Work, str], str | None]
    notes: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        value = self.params.get(name, default)
        return default if value is None else value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str, default: int, most: int | None = None) -> int:
        value = self.params.get(name)
        if value in (None, ""):
            return default
        try:
            found = int(str(value))
        except ValueError:
            raise CkanError(
                "Validation Error", fields={name: ["Invalid integer", "Please enter an integer value"]}
            ) from None
        if found < 0 or found > 2**31:
            raise invalid(**{name: "Must be a natural number"})
        return found if most is None else min(found, most)

    def yes(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1", "yes", "t", "on")

    def wanted(self, name: str = "id") -> str:
        value = self.text(name)
        if not value:
            raise invalid(**{name: "Missing value"})
        return value


def seen(call: Call) -> list[ColumnElement[bool]]:
    return [queries.visible(call.actor), col(DatasetRow.state) == State.PUBLISHED]


def packages(call: Call, rows: Sequence[DatasetRow]) -> list[Json]:
    found = call.resources(call.work, call.actor, rows)
    ids = [row.id for row in rows]
    kept = kept_of(call.work, ids)
    related = relations.of(call.work, call.actor, ids, tombstones=False)
    made = [shape.package(row, found.get(row.id, []), call.site, related.get(row.id, ())) for row in rows]
    return [
        shape.described(each, kept[row.id], row.version) if row.id in kept else each
        for each, row in zip(made, rows, strict=True)
    ]


def names(call: Call, ids: Sequence[str]) -> list[str]:
    """The CKAN names of several records, in order."""
    kept = kept_of(call.work, ids)
    return [kept[each].name if each in kept else shape.package_name(each) for each in ids]


def find(call: Call, name: str, *conditions: ColumnElement[bool]) -> DatasetRow:
    """A record by its code or CKAN name, as far as `conditions` let it be seen. Raises CkanError."""
    named = select(DescriptionRow.dataset_id).where(DescriptionRow.name == name)
    likely = col(DatasetRow.id).in_(
        [name, name.upper(), name.lower()]
    )  # by the key; what is left looks through all
    for is_it in (likely, col(DatasetRow.id).in_(named), func.lower(col(DatasetRow.id)) == name.lower()):
        row = call.work.db.exec(
            select(DatasetRow).where(is_it, *conditions).order_by(col(DatasetRow.id))
        ).first()
        if row is not None:
            break
    if row is None:
        raise not_found("Dataset was not found")
    return row


def _dataset(call: Call, name: str) -> DatasetRow:
    """What the caller may know of: published ones, and drafts of his own department."""
    return find(call, name, queries.visible(call.actor), col(DatasetRow.state) != State.WITHDRAWN)


# -- packages and resources


def package_list(call: Call) -> list[str]:
    """Names of all datasets, in their order."""
    name = func.coalesce(col(DescriptionRow.name), func.lower(col(DatasetRow.id)))
    kept = col(DescriptionRow.dataset_id) == col(DatasetRow.id)
    wanted = (
        sqlalchemy.select(name).select_from(DatasetRow).outerjoin(DescriptionRow, kept).where(*seen(call))
    )
    wanted = wanted.order_by(name).offset(call.number("offset", 0))
    if limit := call.number("limit", 0):
        wanted = wanted.limit(limit)
    return list(call.work.db.connection().execute(wanted).scalars())


def current_package_list_with_resources(call: Call) -> list[Json]:
    limit = call.number("limit", SEARCH_MOST, SEARCH_MOST)
    wanted = (
        select(DatasetRow).where(*seen(call)).order_by(col(DatasetRow.modified).desc(), col(DatasetRow.id))
    )
    return packages(call, call.work.db.exec(wanted.limit(limit).offset(call.number("offset", 0))).all())


def package_show(call: Call) -> Json:
    return packages(call, [_dataset(call, call.wanted())])[0]


def package_relationships_list(call: Call) -> list[Json]:
    """How a dataset (`id`) stands to others, or to one of them (`id2`), of one type (`rel`)."""
    row = _dataset(call, call.wanted())
    other = _dataset(call, call.text("id2")).id if call.text("id2") else ""
    wanted = call.text("rel")
    if wanted and wanted not in {*kinds.CKAN_INVERSE, *kinds.CKAN_INVERSE.values()}:
        raise invalid(rel="Unknown relationship type")
    found = [
        (shape.relationship_type(each.kind), each)
        for each in relations.of(call.work, call.actor, [row.id], tombstones=False).get(row.id, ())
        if other in ("", each.dataset_id)
    ]
    named = dict(zip([row.id, *(each.dataset_id for _, each in found)], names(call, [row.id, *(each.dataset_id for _, each in found)]), strict=True))  # fmt: skip
    return [
        {"subject": named[row.id], "type": type_, "object": named[each.dataset_id], "comment": each.kind}
        for type_, each in found
        if wanted in ("", type_)
    ]


def package_autocomplete(call: Call) -> list[Json]:
    q = call.wanted("q").lower()
    like = [
        func.lower(column).contains(q, autoescape=True)
        for column in (col(DatasetRow.id), col(DatasetRow.title_zh), col(DatasetRow.title_en))
    ]
    wanted = select(DatasetRow).where(*seen(call), like[0] | like[1] | like[2]).order_by(col(DatasetRow.id))
    rows = call.work.db.exec(wanted.limit(call.number("limit", 10, 100))).all()
    return [
        {
            "name": name, "title": row.title_zh,
            "match_field": "name" if q in row.id.lower() else "title",
            "match_displayed": f"{row.title_zh} ({name})",
        }
        for row, name in zip(rows, names(call, [row.id for row in rows]), strict=True)
    ]  # fmt: skip


def resource_show(call: Call) -> Json:
    wanted = call.wanted()
    held = cast(DescriptionRow.document, String).contains(wanted, autoescape=True)
    for kept in call.work.db.exec(select(DescriptionRow).where(held)):
        if any(each.get("id") == wanted for each in kept.document.get("resources") or []):
            shown = packages(call, [_dataset(call, kept.dataset_id)])[0]["resources"]
            return next(dict(each) for each in shown if each["id"] == wanted)
    if (owner := call.dataset_of(call.work, wanted)) is not None:
        for each in packages(call, [_dataset(call, owner)])[0]["resources"]:
            if each["id"] == wanted:
                return dict(each)
    raise not_found("Resource was not found")


def resource_search(call: Call) -> Json:
    """`query`: `field:term`, or a list of them (AND), over the resources' own fields."""
    asked = call.params.get("query")
    terms = [asked] if isinstance(asked, str) else asked
    if (
        not isinstance(terms, list)
        or not all(isinstance(each, str) and ":" in each for each in terms)
        or not terms
    ):
        raise invalid(query="Must be <field>:<value> pair(s)")
    pairs = [each.split(":", 1) for each in terms]
    found = [
        each
        for one in packages(
            call, call.work.db.exec(select(DatasetRow).where(*seen(call)).order_by(col(DatasetRow.id))).all()
        )
        for each in one["resources"]
        if all(term.lower() in str(each.get(field, "")).lower() for field, term in pairs)
    ]
    at = call.number("offset", 0)
    return {"count": len(found), "results": found[at : at + call.number("limit", SEARCH_MOST, SEARCH_MOST)]}


# -- search

_KNOWN: Final = frozenset(
    [
        "q",
        "fq",
        "fq_list",
        "sort",
        "rows",
        "start",
        "facet",
        "facet.field",
        "facet.limit",
        "facet.mincount",
        "fl",
        "qf",
        "include_private",
        "include_drafts",
        "include_deleted",
        "use_default_schema",
        "extras",
        "df",
        "defType",
        "mm",
        "tie",
        "bf",
        "boost",
        "q.op",
        "wt",
        "bq",
    ]
)
_SORTS: Final = {
    "metadata_modified": col(DatasetRow.modified), "metadata_created": col(DatasetRow.created_at), "name": col(DatasetRow.id),
    "id": col(DatasetRow.id), "title_string": col(DatasetRow.title_key_zh), "title": col(DatasetRow.title_key_zh),
    "views_recent": col(DatasetRow.fresh_at), "score": col(DatasetRow.fresh_at),
}  # fmt: skip
_USUAL: Final = "score desc, metadata_modified desc"
_FACETS: Final = memory.FACETS


def package_search(call: Call) -> Json:
    if strange := [name for name in call.params if name not in _KNOWN and not name.startswith("ext_")]:
        raise bad_query(f"Invalid search parameters: {strange}")
    conditions = [*seen(call), *_asked(call), within(_box(call))]
    sort = call.text("sort") or _USUAL
    order = _order(sort)
    fields = _facet_fields(call)
    rows, start = call.number("rows", 10, SEARCH_MOST), call.number("start", 0)
    numbers = _numbers(call, conditions)
    known, stamp = memory.of(call.work)
    ids: list[str] | None = None
    counted: dict[str, list[tuple[str, int]]] = {}
    if known is not None:
        with known.lock:
            if known.stamp == stamp:
                ids = known.newest(numbers, start, rows) if sort == _USUAL else None
                counted = {name: _few(call, known.counts(name, numbers)) for name in fields}
                fields = []
    if ids is None:
        ids = _ids(call, conditions, order, start, rows)
    counted |= _facets(call, conditions, fields)
    return {
        "count": len(numbers),
        "sort": sort,
        "results": packages(call, _rows(call, ids)),
        "facets": {name: dict(counts) for name, counts in counted.items()},
        "search_facets": {name: _search_facet(call, name, counts) for name, counts in counted.items()},
    }


def _box(call: Call) -> Box | None:
    """`ext_bbox`, as the spatial extension's clients send it: by itself, or inside `extras`."""
    given = call.params.get("ext_bbox")
    if given is None:
        extras = call.params.get("extras")
        try:
            said = loads(extras) if isinstance(extras, str) else extras
        except ValueError:
            said = None
        given = said.get("ext_bbox") if isinstance(said, Mapping) else None
    text = ",".join(map(str, given)) if isinstance(given, list) else given
    if text in (None, ""):
        return None
    try:
        return box_of(str(text))
    except ValueError as fault:
        raise CkanError("Search Error", f"Search error: Wrong bounding box provided: {fault}") from None


def _numbers(call: Call, conditions: Sequence[ColumnElement[bool]]) -> BitMap:
    """All that is found, as places in the index."""
    wanted = sqlalchemy.select(col(DatasetRow.number)).where(*conditions)
    return BitMap(call.work.db.connection().execute(wanted).scalars().all())


def _ids(
    call: Call, conditions: Sequence[ColumnElement[bool]], order: Sequence[Any], start: int, rows: int
) -> list[str]:
    if not rows:
        return []
    wanted = (
        sqlalchemy.select(col(DatasetRow.id)).where(*conditions).order_by(*order).limit(rows).offset(start)
    )
    return list(call.work.db.connection().execute(wanted).scalars())


def _rows(call: Call, ids: Sequence[str]) -> list[DatasetRow]:
    """The records in the order of `ids`."""
    if not ids:
        return []
    found = {row.id: row for row in call.work.db.exec(_BY_ID, params={"ids": list(ids)})}
    return [found[one] for one in map(DatasetId, ids)]


def _asked(call: Call) -> list[ColumnElement[bool]]:
    filters = call.params.get("fq_list", [])
    texts = [call.text("q"), call.text("fq"), *(filters if isinstance(filters, list) else [filters])]
    tree = " ".join(f"({text})" for text in texts if isinstance(text, str) and text.strip())
    return [where(call.work, parse(tree))]


def _order(text: str) -> list[Any]:
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", part, re.IGNORECASE)
        if match is None or match[1] not in _SORTS:
            raise bad_query(f"Can't determine a Sort Order (asc or desc) in sort spec {part.strip()!r}")
        column = _SORTS[match[1]]
        found.append(column.asc() if (match[2] or "asc").lower() == "asc" else column.desc())
    return [*found, col(DatasetRow.id)]


def _facet_fields(call: Call) -> list[str]:
    asked = call.params.get("facet.field")
    if call.text("facet", "true").lower() == "false" or not asked:
        return []
    if isinstance(asked, str):
        try:
            asked = loads(asked)
        except ValueError:
            raise invalid(**{"facet.field": "Could not parse as valid JSON"}) from None
    if not isinstance(asked, list):
        raise invalid(**{"facet.field": "Not a list"})
    return [name for name in dict.fromkeys(map(str, asked)) if name in _FACETS]


def _facets(
    call: Call, conditions: Sequence[ColumnElement[bool]], fields: Sequence[str]
) -> dict[str, list[tuple[str, int]]]:
    if not fields:
        return {}
    counts: dict[str, Counter[str]] = {name: Counter() for name in _FACETS}
    wanted = sqlalchemy.select(
        col(DatasetRow.publisher), col(DatasetRow.domain_code), col(DatasetRow.keywords), col(DatasetRow.keywords_en),
        col(DatasetRow.formats), col(DatasetRow.license_id),
    ).where(*conditions)  # fmt: skip
    for org, theme, zh, en, formats, licence in call.work.db.connection().execute(wanted):
        counts["organization"][org.lower()] += 1
        counts["groups"].update([theme.lower()] if theme else [])
        counts["tags"].update({*zh, *en})
        counts["res_format"].update(each.upper() for each in formats)
        counts["license_id"].update([licence] if licence else [])
    return {name: _few(call, counts[name].items()) for name in fields}


def _few(call: Call, counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most frequent values, as many as were asked for."""
    limit = call.text("facet.limit", "50")
    most = None if re.fullmatch(r"-\d{1,9}", limit) else call.number("facet.limit", 50)
    least = call.number("facet.mincount", 1)
    return [pair for pair in sorted(counts, key=lambda p: (-p[1], p[0])) if pair[1] >= least][:most]


def _search_facet(call: Call, name: str, counts: Sequence[tuple[str, int]]) -> Json:
    labels = _labels(call, name)
    items = [{"name": value, "display_name": labels.get(value, value), "count": n} for value, n in counts]
    return {"title": name, "items": items}


def _labels(call: Call, name: str) -> dict[str, str]:
    if name == "organization":
        return {org_id.lower(): name.zh for org_id, name in organisations.names(call.work).items()}
    if name == "groups":
        return {code.value.lower(): code.text.zh for code in shape.themes().values()}
    return {}


Action = Callable[[Call], Any]
PACKAGES: Final[tuple[Action, ...]] = (
    package_list, current_package_list_with_resources, package_show, package_relationships_list, package_search, package_autocomplete, resource_show,
    resource_search,
)  # fmt: skip
