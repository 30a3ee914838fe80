"""Packages and resources, read. An action takes a Call and gives what stands under `result`; what a reader may not see is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, CompoundSelect, bindparam, false, func, literal, or_
from sqlmodel import col, select

from auth.actor import Actor
from catalog import queries
from catalog.ckan import shape
from catalog.ckan.errors import CkanError, invalid, not_found
from catalog.ckan.shape import Json
from catalog.imports import holders, kept_of
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.relations.service import RelationRead
from catalog.search.engine import matching
from catalog.search.query import parse
from catalog.tables import DatasetRow, DescriptionRow
from catalog.use import service as use
from catalog.workflow import State
from core.work import Work, fetched

Resources = Callable[[Work, Actor, Sequence[DatasetRow]], Mapping[str, list[Json]]]
SEARCH_MOST: Final = 1000
_SOME: Final = 500
LIST_MOST: Final = 1000
FULL_MOST: Final = 25
_CALLED: Final[CompoundSelect[Any]] = sqlalchemy.union_all(
    sqlalchemy.select(col(DatasetRow.id), literal(0).label("place")).where(
        col(DatasetRow.id).in_(bindparam("likely", expanding=True))
    ),
    sqlalchemy.select(col(DescriptionRow.dataset_id), literal(1)).where(
        col(DescriptionRow.name) == bindparam("name")
    ),
    sqlalchemy.select(col(DatasetRow.id), literal(2)).where(
        func.lower(col(DatasetRow.id)) == bindparam("lower")
    ),
)
"""What a name may mean, best first; the wide rows are read only of what is there."""
_BY_ID: Final = (
    select(DatasetRow)
    .where(col(DatasetRow.id).in_(bindparam("ids", expanding=True)))
    .order_by(col(DatasetRow.id))
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action. `resources`: what each of some records offers; `dataset_of`: whose a resource is, by its id;
    `site`: our address, without a slash at its end. `notes` and `changed`: what the answer says beside its result, and of which records.
    `takes_json`: whoever asks writes JSON of the answer, and parts of it may be JSON already (`orjson.Fragment`)."""

    work: Work
    actor: Actor
    params: Mapping[str, Any]
    site: str
    resources: Resources
    dataset_of: Callable[[Work, str], str | None]
    notes: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    takes_json: bool = False

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


def packages(
    call: Call, rows: Sequence[DatasetRow], related: Mapping[str, Sequence[RelationRead]] | None = None
) -> list[Json]:
    """Records as CKAN shows them; `related`: their relations in the caller's sight, where they have been read already."""
    found = call.resources(call.work, call.actor, rows)
    ids = [row.id for row in rows]
    kept = kept_of(call.work, ids)
    if related is None:
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
    likely = [name, name.upper(), name.lower()]
    meant: Sequence[Any] = fetched(call.work, _CALLED, likely=likely, name=name, lower=name.lower()).all()
    for dataset_id in dict.fromkeys(each[0] for each in sorted(meant, key=lambda each: (each[1], each[0]))):
        wanted = select(DatasetRow).where(DatasetRow.id == dataset_id, *conditions)
        if (row := call.work.db.exec(wanted).first()) is not None:
            return row
    raise not_found("Dataset was not found")


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
    wanted = select(DatasetRow).where(*seen(call)).order_by(queries.changed.desc(), col(DatasetRow.id))
    return packages(call, call.work.db.exec(wanted.limit(limit).offset(call.number("offset", 0))).all())


def package_show(call: Call) -> Json:
    """One dataset; with `include_tracking` how often its page is visited, where its data are open."""
    row = _dataset(call, call.wanted())
    return tracked(call, [row.id], packages(call, [row]))[0]


def tracked(call: Call, ids: Sequence[str], shown: list[Json]) -> list[Json]:
    """The packages with CKAN's `tracking_summary`, where it is asked for; never otherwise, so that what is dumped and loaded stays the same."""
    if not call.yes("include_tracking"):
        return shown
    totals, recent = use.totals(call.work, ids), use.recent(call.work, ids)
    return [
        each | {"tracking_summary": {"total": totals[id_].visits if id_ in totals else 0, "recent": recent.get(id_, 0)}}
        for id_, each in zip(ids, shown, strict=True)
    ]  # fmt: skip


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
    """Names and titles that hold what is typed, in either script, by sound or by first letters."""
    q = call.wanted("q").lower()
    like = [
        func.lower(column).contains(q, autoescape=True)
        for column in (col(DatasetRow.id), col(DatasetRow.title_zh), col(DatasetRow.title_en))
    ]
    asks = [ask for by_letters in (False, True) if (ask := parse(q, by_letters=by_letters))]
    titles = [matching(call.work, ask, f"typed{n}", "title") for n, ask in enumerate(asks[:1])]
    sounds = [matching(call.work, ask, f"heard{n}") for n, ask in enumerate(asks) if q.isascii()]
    rows: Sequence[DatasetRow] = ()
    for ways in ([*like, *titles], sounds):  # by sound only where nothing holds it as it is written
        wanted = select(DatasetRow).where(*seen(call), or_(false(), *ways)).order_by(col(DatasetRow.id))
        if ways and (rows := call.work.db.exec(wanted.limit(call.number("limit", 10, 100))).all()):
            break
    return [
        {
            "name": name, "title": row.title_zh,
            "match_field": "name" if q in row.id.lower() else "title",
            "match_displayed": f"{row.title_zh} ({name})",
        }
        for row, name in zip(rows, names(call, [row.id for row in rows]), strict=True)
    ]  # fmt: skip


def resource_show(call: Call) -> Json:
    """One file or link; a file of ours before a link, and a link only of a record that the caller may know of."""
    wanted = call.wanted()
    owners = [call.dataset_of(call.work, wanted), *(each.dataset_id for each in holders(call.work, [wanted]))]
    for owner in dict.fromkeys(filter(None, owners)):
        with suppress(CkanError):
            for each in packages(call, [_dataset(call, owner)])[0]["resources"]:
                if each["id"] == wanted:
                    return dict(each)
    raise not_found("Resource was not found")


def _resources(call: Call) -> Iterator[Json]:
    """The resources of all records in sight, without the packages around them; records that can hold none are not read."""
    described = sqlalchemy.select(col(DescriptionRow.dataset_id))
    holds = or_(col(DatasetRow.release_no).is_not(None), col(DatasetRow.id).in_(described))
    ids = call.work.db.exec(
        select(DatasetRow.id).where(*seen(call), holds).order_by(col(DatasetRow.id))
    ).all()
    for at in range(0, len(ids), _SOME):  # so that never all records lie in memory
        some = ids[at : at + _SOME]
        rows = call.work.db.exec(_BY_ID, params={"ids": some}).all()
        files, kept = call.resources(call.work, call.actor, rows), kept_of(call.work, some)
        for row in rows:
            yield from shape.offered(row.id, files.get(row.id, ()), kept.get(row.id), row.version)
        for row in rows:
            call.work.db.expunge(row)


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
    wanted = [(field, term.lower()) for field, term in pairs]
    found = [
        each
        for each in _resources(call)
        if all(term in str(each.get(field, "")).lower() for field, term in wanted)
    ]
    if order := call.text("order_by"):
        found.sort(key=lambda each: str(each.get(order) or ""))
    at = call.number("offset", 0)
    return {"count": len(found), "results": found[at : at + call.number("limit", SEARCH_MOST, SEARCH_MOST)]}


Action = Callable[[Call], Any]
PACKAGES: Final[tuple[Action, ...]] = (
    package_list, current_package_list_with_resources, package_show, package_relationships_list, package_autocomplete, resource_show,
    resource_search,
)  # fmt: skip
