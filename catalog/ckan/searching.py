"""`package_search`: what is found, counted, sorted and paged; from memory where it knows the state that is read, else from the
database alike."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson
import sqlalchemy
from pyroaring import BitMap
from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.orm import defer
from sqlalchemy.sql.elements import False_
from sqlmodel import col, select

from auth.identity import organisations
from catalog import queries
from catalog.boxes import Box, box_of
from catalog.ckan import ranking, sets, shape
from catalog.ckan.actions import SEARCH_MOST, Call, packages, seen, tracked
from catalog.ckan.errors import CkanError, bad_query, invalid
from catalog.ckan.language import Node, parse
from catalog.ckan.shape import Json
from catalog.ckan.values import loads
from catalog.ckan.where import where
from catalog.relations import service as relations
from catalog.search import memory
from catalog.search.facets import within
from catalog.search.memory import Memory, Place
from catalog.tables import DatasetRow
from catalog.use import service as use
from core.ids import DatasetId

_KNOWN: Final = frozenset((
    "q", "fq", "fq_list", "sort", "rows", "start", "facet", "facet.field", "facet.limit", "facet.mincount", "fl", "qf",
    "include_tracking", "include_private", "include_drafts", "include_deleted", "use_default_schema", "extras", "df", "defType", "mm", "tie", "bf",
    "boost", "q.op", "wt", "bq",
))  # fmt: skip
_SORTS: Final = {
    "metadata_modified": queries.changed, "metadata_created": col(DatasetRow.created_at), "name": col(DatasetRow.id),
    "id": col(DatasetRow.id), "title_string": col(DatasetRow.title_key_zh), "title": col(DatasetRow.title_key_zh),
    "views_total": use.total_of("visits"),
}  # fmt: skip
_USUAL: Final = "score desc, metadata_modified desc"
_LAST: Final = ("metadata_modified", "desc")
_FACETS: Final = memory.FACETS
_BY_ID: Final = (
    select(DatasetRow).where(col(DatasetRow.id).in_(bindparam("ids", expanding=True)))
    # lists that no package shows; reading them takes as long as the rest
    .options(*(defer(getattr(DatasetRow, name)) for name in ("related_codes", "relations", "data_kind", "scenarios", "formats", "layout")))
)  # fmt: skip
Counts = dict[str, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class _Order:
    """By what is sorted: first by how well the words of `q` are answered (1: the best first, -1: last, 0: not at all), then by columns.

    `is_usual`: those that answer alike by their last change, which memory knows.
    """

    score: int
    columns: Sequence[Any]
    is_usual: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, as far as it could be read. `q`: what weighs, of all that `tree` asks."""

    tree: Node
    q: Node
    box: Box | None
    order: _Order
    fields: Sequence[str]
    rows: int
    start: int


@dataclass(frozen=True, slots=True)
class _Found:
    """`places`: the page, in order; `known` and `stamps`: what remembers them, and the stamps of their last changes."""

    count: int
    places: Sequence[Place]
    counted: Counts
    known: Memory | None = None
    stamps: Sequence[int] = ()


def package_search(call: Call) -> Json:
    """Datasets by words, filters and facets: q, fq, fq_list, sort, rows, start, facet, facet.field, facet.limit, facet.mincount, ext_bbox."""
    if strange := [name for name in call.params if name not in _KNOWN and not name.startswith("ext_")]:
        raise bad_query(f"Invalid search parameters: {strange}")
    sort = call.text("sort")
    sort = _USUAL if sort in ("", "rank") else sort
    q = parse(call.text("q"))  # first, so that a fault is named by its place in what was sent
    asked = _Asked(
        parse(_query(call)), q, _box(call), _order(sort, use.today(call.work)), _facet_fields(call),
        call.number("rows", 10, SEARCH_MOST), call.number("start", 0),
    )  # fmt: skip
    wanted = _wanted(call)
    found = _found(call, asked)
    return {
        "count": found.count,
        "sort": sort,
        "results": _results(call, found) if wanted is None else _parts(call, found, wanted),
        "facets": {name: dict(counts) for name, counts in found.counted.items()},
        "search_facets": {name: _search_facet(call, name, counts) for name, counts in found.counted.items()},
    }


def _found(call: Call, asked: _Asked) -> _Found:
    """Counted from bitmaps where memory knows the state that is read; else all of it in the database."""
    known, stamp = memory.of(call.work)
    tree = None if known is None or asked.box else sets.simple(asked.tree)
    is_usual = asked.order.is_usual
    weights = ranking.weighed(call.work, asked.q) if asked.order.score and asked.rows else []
    conditions: list[ColumnElement[bool]] = []
    if tree is None or not is_usual:
        conditions = [*seen(call), where(call.work, asked.tree), within(asked.box)]
    places = None if known is not None and is_usual else _page(call, conditions, asked, weights)
    numbers = _numbers(call, conditions) if tree is None else BitMap()
    if known is not None:
        sight = _sight(call) if tree else None
        words = sets.looked_up(call.work, tree) if tree else {}
        with known.lock:
            if known.stamp == stamp:
                if tree is not None:
                    numbers = sets.numbers(known, known.public if sight is None else sight, words, tree)
                if places is None:
                    places = _best(known, ranking.levels(numbers, weights), asked)
                counted = {name: _few(call, known.counts(name, numbers)) for name in asked.fields}
                stamps = [known.stamp_of(number) for _, number in places]
                return _Found(len(numbers), places, counted, known, stamps)
    conditions = conditions or [*seen(call), where(call.work, asked.tree), within(asked.box)]
    numbers = _numbers(call, conditions)
    places = _page(call, conditions, asked, weights) if places is None else places
    return _Found(len(numbers), places, _facets(call, conditions, asked.fields))


def _sight(call: Call) -> BitMap | None:
    """The published records in the caller's sight; None when they are those that everybody sees."""
    if isinstance(queries.own(call.actor, queries.READ_DRAFTS), False_):
        return None
    return _numbers(call, seen(call))


def _wanted(call: Call) -> frozenset[str] | None:
    """The fields that `fl` names; None for whole packages."""
    given = call.params.get("fl")
    if isinstance(given, str) and given.startswith("["):
        try:
            given = loads(given)
        except ValueError:
            raise invalid(fl="Could not parse as valid JSON") from None
    names = [
        name
        for each in (given if isinstance(given, list) else [given or ""])
        for name in re.split(r"[\s,]+", str(each))
        if name
    ]
    return None if not names or "*" in names else frozenset(names)


def _parts(call: Call, found: _Found, wanted: frozenset[str]) -> list[Json]:
    """Of each package only these fields, or extras by their key."""
    ids = [dataset_id for dataset_id, _ in found.places]
    whole = tracked(call, ids, packages(call, _rows(call, ids)))
    return [
        {key: value for key, value in each.items() if key in wanted}
        | {
            f"extras_{one['key']}": one["value"]
            for one in each.get("extras") or []
            if f"extras_{one.get('key')}" in wanted
        }
        for each in whole
    ]


def _results(call: Call, found: _Found) -> list[Any]:
    """The packages. Where the answer is written as JSON at once, those that were written before and have not changed since are
    taken as they are: a package is made of its record with its dictionary, release and description, all of which count the
    record's stamp up, and of its relations, which are read anew. For visitors alone: who has signed in may be told of tables that are
    his by a grant, which nobody else may know of."""
    ids = [dataset_id for dataset_id, _ in found.places]
    if not call.takes_json or found.known is None or call.actor.is_signed_in or call.yes("include_tracking"):
        return tracked(call, ids, packages(call, _rows(call, ids)))
    related = relations.of(call.work, call.actor, ids, tombstones=False)
    made_from = {
        dataset_id: (stamp, call.site, tuple((each.kind, each.dataset_id) for each in related.get(dataset_id, ())))
        for dataset_id, stamp in zip(ids, found.stamps, strict=True)
    }  # fmt: skip
    shelf = found.known.shelf
    with found.known.lock:
        kept = {each: shelf.get(each, made_from[each]) for each in ids}
    missing = [each for each in ids if kept[each] is None]
    if missing:
        made = [_written(each) for each in packages(call, _rows(call, missing), related)]
        with found.known.lock:
            for dataset_id, text in zip(missing, made, strict=True):
                kept[dataset_id] = text
                shelf.put(dataset_id, made_from[dataset_id], text)
    return [orjson.Fragment(kept[each] or b"null") for each in ids]


def _written(package: Json) -> bytes:
    try:
        return orjson.dumps(package)
    except TypeError:  # a whole number of more than 64 bits, as an import may hold
        return json.dumps(package, ensure_ascii=False, allow_nan=False).encode()


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


def _best(known: Memory, lots: Sequence[BitMap], asked: _Asked) -> list[Place]:
    """A page of those that answer best, and of equal ones those that changed last."""
    stretches = ranking.paged(lots, asked.start, asked.rows)
    return [place for lot, start, rows in stretches for place in known.newest(lot, start, rows)]


def _page(
    call: Call, conditions: Sequence[ColumnElement[bool]], asked: _Asked, weights: Sequence[ranking.Weights]
) -> list[Place]:
    if not asked.rows:
        return []
    wanted = sqlalchemy.select(col(DatasetRow.id), col(DatasetRow.number)).where(*conditions)
    wanted = wanted.order_by(*asked.order.columns)
    if not weights:
        wanted = wanted.limit(asked.rows).offset(asked.start)
    found: list[Place] = [(row[0], row[1]) for row in call.work.db.connection().execute(wanted)]
    if weights:
        lots = ranking.levels(BitMap([number for _, number in found]), weights)
        rank = {number: place for place, lot in enumerate(lots) for number in lot}
        found.sort(key=lambda place: rank[place[1]] * asked.order.score)
        found = found[asked.start : asked.start + asked.rows]
    return found


def _rows(call: Call, ids: Sequence[str]) -> list[DatasetRow]:
    """The records in the order of `ids`."""
    if not ids:
        return []
    found = {row.id: row for row in call.work.db.exec(_BY_ID, params={"ids": list(ids)})}
    return [found[one] for one in map(DatasetId, ids)]


def _query(call: Call) -> str:
    """Query and filters as one text; every one of them must be met."""
    filters = call.params.get("fq_list", [])
    texts = [call.text("q"), call.text("fq"), *(filters if isinstance(filters, list) else [filters])]
    return " ".join(f"({text})" for text in texts if isinstance(text, str) and text.strip())


def _order(text: str, today: date) -> _Order:
    """CKAN's sort, with the code last, so that pages never overlap. A score counts as the first key alone: what follows another orders
    what is equal in it, and hardly anything is."""
    columns = _SORTS | {"views_recent": use.recent_visits(today), "score": None}
    found: list[Any] = []
    score, named = 0, []
    for place, part in enumerate(text.split(",")):
        match = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", part, re.IGNORECASE)
        if match is None or match[1] not in columns:
            raise bad_query(f"Can't determine a Sort Order (asc or desc) in sort spec {part.strip()!r}")
        column, way = columns[match[1]], (match[2] or "").lower()
        if column is None:
            score = score if place else -1 if way == "asc" else 1
            continue
        named.append((match[1], way))
        found.append(column.desc() if way == "desc" else column.asc())
    if score and not found:
        named, found = [_LAST], [queries.changed.desc()]
    return _Order(score, [*found, col(DatasetRow.id)], score == 1 and named == [_LAST])


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
