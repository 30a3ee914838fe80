"""Scores of records within a reader's sight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from catalog import queries
from catalog import rules as record_rules
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
    """A record's score as metadata; `quality_score` is that of its current release's data (GB/T 36344)."""

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
    dimensions: list[DimensionRead]
    mend_first: list[MendRead]


def score(work: Work, actor: Actor, dataset_id: str) -> ScoreRead:
    """One record's score. NotFound, or Gone, as the record itself."""
    row = queries.dataset(work, actor, dataset_id)
    return _read(work, row, [column.model_dump() for column in queries.columns(work, row.id)])


def scores(
    work: Work, actor: Actor, *, order: Order = "score", publisher: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ScoreRead], int]:
    """The records of the actor's departments (no series: it holds no data), the worst first unless said otherwise; how many there are."""
    wanted = select(DatasetRow).where(
        queries.own(actor, queries.READ_DRAFTS), col(DatasetRow.state) != State.WITHDRAWN,
        col(DatasetRow.foreign_from) == "", col(DatasetRow.record_type) != record_rules.SERIES,
    )  # fmt: skip
    if publisher:
        wanted = wanted.where(DatasetRow.publisher == publisher)
    rows = list(work.db.exec(wanted))
    columns = _columns(work, [row.id for row in rows])
    cards = [(row, rules.card(_record(work, row), columns[row.id])) for row in rows]
    keys: Mapping[str, Any] = {
        "score": lambda each: each[1].points,
        "-score": lambda each: -each[1].points,
        "filled": lambda each: each[1].filled,
        "title": lambda each: each[0].title_key_zh,
        "publisher": lambda each: each[0].publisher,
    }
    cards.sort(key=lambda each: (keys[order](each), each[0].id))
    shown = cards[offset : offset + limit]
    return [_shown(row, card) for row, card in shown], len(rows)


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


def _read(work: Work, row: DatasetRow, columns: Sequence[Mapping[str, Any]]) -> ScoreRead:
    return _shown(row, rules.card(_record(work, row), columns))


def _shown(row: DatasetRow, card: rules.Card) -> ScoreRead:
    return ScoreRead(
        dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, publisher=row.publisher,
        publisher_zh=row.publisher_zh, publisher_en=row.publisher_en, state=row.state, points=card.points,
        maximum=rules.MAXIMUM, grade=card.grade, filled=round(card.filled, 4), quality_score=row.quality_score,
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
