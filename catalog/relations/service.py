"""Relations read from both ends, as far as the reader may know of the other record; and what may be stated.

A relation to a record that is out of sight is not told at all: neither its title nor its code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, or_
from sqlmodel import Field, SQLModel, col, delete, select

from auth.actor import Actor
from catalog import queries
from catalog.relations import kinds
from catalog.relations.tables import RelationRow
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import Conflict, InputRefused, Reason
from core.ids import DatasetId
from core.text import Text
from core.work import Work

BASIS: Final = "政务信息资源目录编制指南 关联资源 · guide to resource catalogues: related resources"
_FEW: Final = 500
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_OF: Final = select(RelationRow).where(
    or_(col(RelationRow.dataset_id).in_(_IDS), col(RelationRow.other_id).in_(_IDS))
)
_TOMBSTONE: Final = and_(
    col(DatasetRow.state) == State.WITHDRAWN, col(DatasetRow.issued).is_not(None),
    or_(col(DatasetRow.data_level).is_(None), col(DatasetRow.data_level) <= queries.OPEN_LEVELS),
)  # fmt: skip


class RelationRead(SQLModel):
    """How a record stands to another. `stated_here`, `stated_there`: which of the two says so."""

    kind: str
    kind_zh: str
    kind_en: str
    dataset_id: DatasetId
    title_zh: str
    title_en: str
    publisher: str
    publisher_zh: str
    publisher_en: str
    record_type: str
    state: str
    stated_here: bool
    stated_there: bool
    description_zh: str = Field(default="", exclude=True)
    description_en: str = Field(default="", exclude=True)

    @property
    def title(self) -> Text:
        return Text(self.title_zh or self.title_en, self.title_en or self.title_zh)


def of(
    work: Work, actor: Actor, dataset_ids: Collection[str], *, tombstones: bool = True
) -> dict[str, list[RelationRead]]:
    """The relations of several records, in the order of kinds and then codes; only to records within the actor's sight, or
    (`tombstones`) to those whose withdrawal everybody may read."""
    wanted = set(dataset_ids)
    found: dict[tuple[str, str, str], set[str]] = {}
    if not wanted:
        return {}
    if len(wanted) <= _FEW:
        stated = work.db.exec(_OF, params={"ids": list(wanted)})
    else:  # all of them are read, which no list of codes has to be sent for
        stated = work.db.exec(select(RelationRow))
    for row in stated:
        if row.dataset_id in wanted:
            found.setdefault((row.dataset_id, row.kind, row.other_id), set()).add("here")
        if row.other_id in wanted:
            turned = (row.other_id, kinds.KINDS[row.kind].inverse, row.dataset_id)
            found.setdefault(turned, set()).add("there")
    others = {
        other.id: other for other in _in_sight(work, actor, {other for _, _, other in found}, tombstones)
    }
    order = list(kinds.KINDS)
    read: dict[str, list[RelationRead]] = {}
    for dataset_id, kind, other_id in sorted(found, key=lambda each: (order.index(each[1]), each[2])):
        if (other := others.get(DatasetId(other_id))) is not None and other_id != dataset_id:
            said = found[dataset_id, kind, other_id]
            read.setdefault(dataset_id, []).append(_read(kind, other, said))
    return read


def listed(
    work: Work, actor: Actor, dataset_id: str, *, kind: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[RelationRead], int]:
    """One page of a record's relations, and how many there are. Raises NotFound, Gone."""
    row = queries.dataset(work, actor, dataset_id)
    found = [each for each in of(work, actor, [row.id]).get(row.id, []) if kind in ("", each.kind)]
    return found[offset : offset + limit], len(found)


def in_sight(work: Work, actor: Actor, rows: Sequence[DatasetRow]) -> dict[str, dict[str, list[str]]]:
    """The fields of these records that name others, without those of which the actor may not know. A related code that is none of
    ours stays as it was written."""
    named = {code for row in rows for _, code in kinds.pairs(row.relations, row.related_codes)}
    known, seen = _known(work, actor, named)
    return {
        row.id: {
            "related_codes": [code for code in row.related_codes if code in seen or code not in known],
            "relations": [kinds.written(*pair) for pair in kinds.pairs(row.relations) if pair[1] in seen],
        }
        for row in rows
    }  # fmt: skip


def _known(work: Work, actor: Actor, codes: Collection[str]) -> tuple[set[str], set[str]]:
    """Those of these codes that are records here, and those of them of which the actor may know."""
    ordered = sorted(codes)
    known = {
        str(each)
        for at in range(0, len(ordered), _FEW)
        for each in work.db.exec(select(DatasetRow.id).where(col(DatasetRow.id).in_(ordered[at : at + _FEW])))
    }
    return known, {str(other.id) for other in _in_sight(work, actor, known, True)}


def keep(work: Work, row: DatasetRow, *, is_new: bool = False) -> None:
    """Make what is kept of a record's relations from its fields; in the transaction that changes them. `is_new`: it has none yet."""
    wanted = set(kinds.pairs(row.relations, row.related_codes))
    if row.replaced_by:
        wanted.add((kinds.IS_REPLACED_BY, row.replaced_by))
    stated = select(RelationRow).where(RelationRow.dataset_id == row.id)
    kept = set() if is_new else {(each.kind, each.other_id) for each in work.db.exec(stated)}
    for kind, other in kept - wanted:
        work.db.exec(
            delete(RelationRow).where(
                col(RelationRow.dataset_id) == row.id,
                col(RelationRow.kind) == kind,
                col(RelationRow.other_id) == other,
            )
        )
    for kind, other in sorted(wanted - kept):
        work.db.add(RelationRow(dataset_id=row.id, kind=kind, other_id=other))
    work.db.flush()


def demand_sound(
    work: Work, actor: Actor | None, dataset_id: str, words: Sequence[str], before: Sequence[str] = ()
) -> None:
    """Raise when a record may not state this. `before`: what it states already, which is not looked up again; `actor`: who
    states it and must know of the other record, or None where that was judged when it was proposed."""
    pairs = kinds.pairs(words)
    added = [pair for pair in pairs if pair not in kinds.pairs(before)]
    if actor is not None and added:
        _demand_known(work, actor, added)
    reasons = [
        *(_to_itself(code) for _, code in pairs if code == dataset_id),
        *_series_objections(work, added),
        *_circles(work, dataset_id, pairs, added),
    ]
    if reasons:
        raise Conflict(
            Text(
                f"记录 {dataset_id} 的关联不能这样登记：" + "".join(each.text.zh for each in reasons),
                f"Record {dataset_id} cannot state these relations: "
                + " ".join(each.text.en for each in reasons),
            ),
            reasons=tuple(reasons),
        )


def _demand_known(work: Work, actor: Actor, added: Sequence[tuple[str, str]]) -> None:
    known = {str(other.id) for other in _in_sight(work, actor, {code for _, code in added}, True)}
    if strange := [code for _, code in added if code not in known]:
        raise InputRefused(
            Text(
                f"目录中没有数据集 {'、'.join(strange)}；请先核对资源代码。",
                f"There is no dataset {', '.join(strange)} in the catalogue; check the resource code.",
            ),
            field="relations",
        )


def _series_objections(work: Work, added: Sequence[tuple[str, str]]) -> list[Reason]:
    """Only a series has members."""
    wanted = {code for kind, code in added if kind == kinds.IN_SERIES}
    if not wanted:
        return []
    rows = work.db.exec(select(DatasetRow.id, DatasetRow.record_type).where(col(DatasetRow.id).in_(wanted)))
    return [
        _reason("not-a-series", f"{code} 不是系列。", f"{code} is no series.")
        for code, record_type in sorted(rows)
        if record_type != "series"
    ]


def _to_itself(code: str) -> Reason:
    return _reason("relation-to-itself", f"{code} 不能与自身关联。", f"{code} cannot be related to itself.")


def _circles(
    work: Work, dataset_id: str, pairs: Sequence[tuple[str, str]], added: Sequence[tuple[str, str]]
) -> list[Reason]:
    """What would lead round in a circle, such as two records that are part of each other."""
    found = []
    for kind in dict.fromkeys(kinds.forward(kind)[0] for kind, _ in added):
        edges = _edges(work, kind, dataset_id, pairs)
        if kinds.circle(dataset_id, kind, edges):
            label = kinds.KINDS[kind].label
            found.append(
                _reason(
                    "relations-in-a-circle", f"“{label.zh}”首尾相接成了环。", f"“{label.en}” would lead round in a circle."
                )
            )  # fmt: skip
    return found


def _edges(work: Work, kind: str, dataset_id: str, pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """What all others state of one kind, with what this record is to state."""
    inverse = kinds.KINDS[kind].inverse
    stated = select(RelationRow).where(
        col(RelationRow.kind).in_([kind, inverse]), col(RelationRow.dataset_id) != dataset_id
    )
    every = [(row.dataset_id, row.kind, row.other_id) for row in work.db.exec(stated)]
    every += [(dataset_id, each, code) for each, code in pairs if each in (kind, inverse)]
    edges: dict[str, list[str]] = {}
    for here, each, there in every:
        start, end = (here, there) if each == kind else (there, here)
        if start != end:
            edges.setdefault(start, []).append(end)
    return edges


def _reason(code: str, zh: str, en: str) -> Reason:
    return Reason(code, Text(zh, en), BASIS, {"field": "relations"})


def _in_sight(
    work: Work, actor: Actor, dataset_ids: Collection[str], tombstones: bool
) -> Sequence[DatasetRow]:
    if not dataset_ids:
        return ()
    seen: ColumnElement[bool] = (
        or_(queries.visible(actor), _TOMBSTONE)
        if tombstones
        else and_(queries.visible(actor), col(DatasetRow.state) == State.PUBLISHED)
    )
    ordered = sorted(dataset_ids)
    return [
        row
        for at in range(0, len(ordered), _FEW)
        for row in work.db.exec(
            select(DatasetRow).where(col(DatasetRow.id).in_(ordered[at : at + _FEW]), seen)
        )
    ]


def _read(kind: str, other: DatasetRow, said: Collection[str]) -> RelationRead:
    label = kinds.KINDS[kind].label
    return RelationRead(
        kind=kind, kind_zh=label.zh, kind_en=label.en, dataset_id=other.id, title_zh=other.title_zh or other.title_en or other.id,
        title_en=other.title_en or other.title_zh or other.id, publisher=other.publisher, publisher_zh=other.publisher_zh,
        publisher_en=other.publisher_en, record_type=other.record_type, state=other.state, stated_here="here" in said,
        stated_there="there" in said, description_zh=other.description_zh, description_en=other.description_en,
    )  # fmt: skip
