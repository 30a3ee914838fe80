"""Scores of records within a reader's sight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlmodel import SQLModel, col, select

from auth.actor import ANYONE, Actor
from catalog import queries
from catalog import rules as record_rules
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.scores import rules
from catalog.tables import ColumnRow, DatasetRow
from catalog.workflow import State
from core.ids import DatasetId, OrgId
from core.work import Work

Order = Literal["score", "-score", "filled", "title", "publisher"]


class DimensionRead(SQLModel):
    key: str
    zh: str
    en: str
    points: int
    maximum: int


class MendRead(SQLModel):
    """Something to mend: the points that it gives, and the field of the form (empty: a release mends it)."""

    key: str
    zh: str
    en: str
    points: int
    field: str
    advice_zh: str
    advice_en: str


class ScoreRead(SQLModel):
    """A record's score as metadata; `quality_score` is that of its current release's data (GB/T 36344), of a series the mean
    of its members that have one; `members`: how many of a series were looked at, None for a dataset."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    publisher: OrgId
    publisher_zh: str
    publisher_en: str
    state: str
    points: int
    maximum: int
    grade: str
    filled: float
    quality_score: float | None
    members: int | None = None
    dimensions: list[DimensionRead]
    mend_first: list[MendRead]


def score(work: Work, actor: Actor, dataset_id: str) -> ScoreRead:
    """One record's score; a series' from its own record and its published members in sight. NotFound, or Gone, as the record itself."""
    row = queries.dataset(work, actor, dataset_id)
    return _read_all(work, actor, [row])[0]


def scores(
    work: Work, actor: Actor, *, order: Order = "score", publisher: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ScoreRead], int]:
    """The records of the actor's departments, the worst first unless said otherwise; how many there are."""
    wanted = select(DatasetRow).where(
        queries.own(actor, queries.READ_DRAFTS), col(DatasetRow.state) != State.WITHDRAWN, col(DatasetRow.foreign_from) == ""
    )  # fmt: skip
    if publisher:
        wanted = wanted.where(DatasetRow.publisher == publisher)
    rows = list(work.db.exec(wanted))
    judged = _judged(work, actor, rows)
    keys: Mapping[str, Any] = {
        "score": lambda each: each.card.points,
        "-score": lambda each: -each.card.points,
        "filled": lambda each: each.card.filled,
        "title": lambda each: each.row.title_key_zh,
        "publisher": lambda each: each.row.publisher,
    }
    judged.sort(key=lambda each: (keys[order](each), each.row.id))
    return [_shown(each) for each in judged[offset : offset + limit]], len(rows)


class Means(NamedTuple):
    """Over the published records of one department: how many, their mean points, and the mean share of filled fields."""

    records: int
    points: float
    filled: float


def means(work: Work) -> dict[str, Means]:
    """How each department's published records stand as metadata, for the room above; nothing harvested counts."""
    wanted = select(DatasetRow.id).where(
        col(DatasetRow.state) == State.PUBLISHED, col(DatasetRow.foreign_from) == ""
    ).order_by(col(DatasetRow.id))  # fmt: skip
    ids = list(work.db.exec(wanted))
    cards: dict[str, list[rules.Card]] = defaultdict(list)
    for at in range(0, len(ids), 500):
        rows = list(work.db.exec(select(DatasetRow).where(col(DatasetRow.id).in_(ids[at : at + 500]))))
        for each in _judged(work, ANYONE, rows):
            cards[each.row.publisher].append(each.card)
    return {
        org: Means(
            len(held),
            round(sum(card.points for card in held) / len(held), 1),
            round(sum(card.filled for card in held) / len(held), 4),
        )
        for org, held in cards.items()
    }


class _Judged(NamedTuple):
    row: DatasetRow
    card: rules.Card
    quality_score: float | None
    members: int | None


def _read_all(work: Work, actor: Actor, rows: Sequence[DatasetRow]) -> list[ScoreRead]:
    return [_shown(each) for each in _judged(work, actor, rows)]


def _judged(work: Work, actor: Actor, rows: Sequence[DatasetRow]) -> list[_Judged]:
    """Each record by itself, a series with its members."""
    members = _members(work, actor, [row.id for row in rows if row.record_type == record_rules.SERIES])
    columns = _columns(
        work, list({row.id for row in (*rows, *(one for each in members.values() for one in each))})
    )
    made = []
    for row in rows:
        if row.record_type != record_rules.SERIES:
            found = rules.card(_record(work, row), columns[row.id])
            made.append(_Judged(row, found, row.quality_score, None))
            continue
        held = members.get(row.id, [])
        found = rules.series_card(_record(work, row), [(_record(work, one), columns[one.id]) for one in held])
        told = [one.quality_score for one in held if one.quality_score is not None]
        mean = round(sum(told) / len(told), 2) if told else None
        made.append(_Judged(row, found, mean, len(held)))
    return made


def _members(work: Work, actor: Actor, ids: Sequence[str]) -> dict[str, list[DatasetRow]]:
    """The published members of several series in the actor's sight; a series within a series is none."""
    kind = kinds.KINDS[kinds.IN_SERIES].inverse
    named = {
        series: [one.dataset_id for one in found if one.kind == kind]
        for series, found in relations.of(work, actor, ids, tombstones=False).items()
    }
    wanted = sorted({one for each in named.values() for one in each})
    rows: dict[str, DatasetRow] = {}
    for at in range(0, len(wanted), 500):
        part = select(DatasetRow).where(
            col(DatasetRow.id).in_(wanted[at : at + 500]), col(DatasetRow.record_type) != record_rules.SERIES
        )  # fmt: skip
        rows |= {row.id: row for row in work.db.exec(part)}
    return {series: [rows[one] for one in each if one in rows] for series, each in named.items()}


def _columns(work: Work, ids: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        for column in work.db.exec(select(ColumnRow).where(col(ColumnRow.dataset_id).in_(part))):
            found[column.dataset_id].append(column.model_dump())
    return found


def _record(work: Work, row: DatasetRow) -> dict[str, Any]:
    record = row.model_dump()
    return record | {"staleness": record_rules.staleness(record, row.data_updated, work.now)}


def _shown(judged: _Judged) -> ScoreRead:
    row, card = judged.row, judged.card
    return ScoreRead(
        dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, publisher=row.publisher,
        publisher_zh=row.publisher_zh, publisher_en=row.publisher_en, state=row.state, points=card.points,
        maximum=rules.MAXIMUM, grade=card.grade, filled=round(card.filled, 4), quality_score=judged.quality_score,
        members=judged.members,
        dimensions=[
            DimensionRead(key=key, zh=text.zh, en=text.en, points=card.dimensions[key][0], maximum=card.dimensions[key][1])
            for key, text in rules.DIMENSIONS.items()
        ],
        mend_first=[
            MendRead(
                key=each.key, zh=each.label.zh, en=each.label.en, points=each.points, field=each.field,
                advice_zh=each.advice.zh, advice_en=each.advice.en,
            )
            for each in card.failing
        ],
    )  # fmt: skip
