"""Saved searches: kept with their address, and their owner told when a record that they find is new or has changed.

What is new is known by the stamps that changes of records count up in their own transactions, not by clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

import sqlalchemy
from sqlalchemy import func
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.messages import service as messages
from catalog.boxes import Box, box_of
from catalog.search.engine import Search, search
from catalog.search.facets import BY_KEY
from catalog.search.tables import ChangeRow, IndexStateRow, SavedSearchRow
from core.errors import Conflict, InputRefused, NotFound
from core.text import Text
from core.work import Work

MOST: Final = 50  # of one person
_LOOKED_AT: Final = 200  # records of one search, the newest
_SIDES: Final = Box._fields


BAD_BOX: Final = Text(
    "空间范围须是四个经纬度：西、南、东、北（度），西不大于东，南不大于北。",
    "A box has four sides in degrees: west, south, east, north; west not beyond east, south not beyond north.",
)


class SavedAsk(SQLModel):
    """`query`: as in the address of the search's page (`q=停车&theme=PK&theme=TR`). `tells`: be told of what is new."""

    model_config = {"extra": "forbid"}
    query: str = Field(max_length=4000)
    title: str = Field(default="", max_length=100)
    tells: bool = True


class SavedChange(SQLModel):
    """Be told of what is new from now on, or no more."""

    model_config = {"extra": "forbid"}
    tells: bool


class SavedRead(SQLModel):
    """A saved search. `page` and `feed`: where to read it in a browser and by Atom."""

    id: str
    title: str
    query: str
    tells: bool
    created_at: datetime
    page: str
    feed: str


def box(given: Mapping[str, str]) -> Box | None:
    """The box that an address asks for: `bbox`, or its four sides one by one. None where there is none; raises InputRefused
    for what is none, or only a part of one."""
    text = given.get("bbox", "").strip() or " ".join(given.get(side, "").strip() for side in _SIDES).strip()
    try:
        return box_of(text) if text else None
    except ValueError as fault:
        raise InputRefused(BAD_BOX, field="bbox") from fault


def day(value: str) -> date | None:
    """A day as in an address; what is none is left out."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def save(work: Work, actor: Actor, body: SavedAsk) -> SavedRead:
    """Keep a search of one's own. The same one twice is one. Raises InputRefused, Conflict."""
    query = _canonical(body.query)
    if not query:
        raise InputRefused(
            Text(
                "请先输入检索词或选择筛选条件，再保存。",
                "Give words or choose conditions first, then save the search.",
            ),
            field="query",
        )
    if kept := same(work, actor, query):
        return kept
    if len(_own(work, actor)) >= MOST:
        raise Conflict(
            Text(
                f"最多保存 {MOST} 个检索；请先删去不用的。",
                f"{MOST} searches may be kept; remove some first.",
            )
        )
    title = " ".join(body.title.split()) or _title(query)
    row = SavedSearchRow(
        id=work.new_id(), account_id=actor.account_id, title=title[:100], query=query, tells=body.tells,
        told_until=_stamp(work), created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    audit.record(work, actor, "search.saved", subject=row.id, payload={"query": query})
    return _read(row)


def saved(work: Work, actor: Actor) -> list[SavedRead]:
    """One's own, newest first."""
    return [_read(row) for row in _own(work, actor)]


def same(work: Work, actor: Actor, query: str) -> SavedRead | None:
    """One's own that is this search."""
    wanted = _canonical(query)
    return next((_read(row) for row in _own(work, actor) if row.query == wanted), None)


def change(work: Work, actor: Actor, search_id: str, body: SavedChange) -> SavedRead:
    """Turn telling on (from now) or off. Raises NotFound."""
    row = _one(work, actor, search_id)
    if row.tells != body.tells:
        row.tells, row.told_until = body.tells, _stamp(work)
        work.db.add(row)
        audit.record(work, actor, "search.changed", subject=row.id, payload={"tells": row.tells})
    return _read(row)


def remove(work: Work, actor: Actor, search_id: str) -> None:
    """Keep it no longer. Raises NotFound."""
    row = _one(work, actor, search_id)
    work.db.delete(row)
    audit.record(work, actor, "search.removed", subject=row.id, payload={"query": row.query})


def is_anything_due(work: Work) -> bool:
    """Whether records have changed since somebody was told."""
    wanted = select(SavedSearchRow.id).where(
        SavedSearchRow.tells, col(SavedSearchRow.told_until) < _stamp(work)
    )
    return work.db.exec(wanted.limit(1)).first() is not None


def tell(work: Work, actor_of: Callable[[Work, str], Actor | None]) -> int:
    """Tell owners of new and changed records, as far as they may see them now; returns the number of messages.

    actor_of: who an account is at present; None when it may not act, which is told later, when it may again.
    """
    stamp, told = _stamp(work), 0
    due = select(SavedSearchRow).where(SavedSearchRow.tells, col(SavedSearchRow.told_until) < stamp)
    for row in work.db.exec(due.order_by(col(SavedSearchRow.id))).all():
        if (actor := actor_of(work, row.account_id)) is None:
            continue
        changed = set(
            work.db.connection()
            .execute(sqlalchemy.select(col(ChangeRow.number)).where(col(ChangeRow.stamp) > row.told_until))
            .scalars()
        )
        found = search(work, actor, ask_of(row.query))
        new = [hit for hit in found.hits if hit.row.number in changed] if not found.meant else []
        if new:
            told += messages.tell(
                work, [row.account_id], "search.found", subject=row.id, href=f"/datasets?{row.query}", once=f"{row.id}|{stamp}",
                facts={"title": row.title, "count": len(new)},
            )  # fmt: skip
        row.told_until = stamp
        work.db.add(row)
    return told


def ask_of(query: str) -> Search:
    """The search that an address asks for, newest first."""
    pairs = parse_qsl(query)
    words = dict(pairs)
    chosen = {key: [value for name, value in pairs if name == key] for key in BY_KEY}
    return Search(
        words.get("q", ""), chosen, "newest", _LOOKED_AT, since=day(words.get("since", "")), until=day(words.get("until", "")),
        box=box(words),
    )  # fmt: skip


def _canonical(query: str) -> str:
    """What of an address is a search, in a settled order."""
    pairs = [(name, value.strip()) for name, value in parse_qsl(query.lstrip("?")) if value.strip()]
    kept = {pair for pair in pairs if pair[0] in BY_KEY or pair[0] in ("q", "since", "until")}
    if asked := box(dict(pairs)):
        kept.add(("bbox", str(asked)))
    return urlencode(sorted(kept))


def _title(query: str) -> str:
    return " · ".join(value for _, value in parse_qsl(query))


def _own(work: Work, actor: Actor) -> list[SavedSearchRow]:
    wanted = select(SavedSearchRow).where(SavedSearchRow.account_id == actor.account_id)
    return list(
        work.db.exec(wanted.order_by(col(SavedSearchRow.created_at).desc(), col(SavedSearchRow.id).desc()))
    )


def _one(work: Work, actor: Actor, search_id: str) -> SavedSearchRow:
    found = next((row for row in _own(work, actor) if row.id == search_id), None)
    if found is None:
        raise NotFound(Text("您没有保存这个检索。", "You have not saved this search."))
    return found


def _stamp(work: Work) -> int:
    return work.db.exec(select(func.coalesce(func.max(IndexStateRow.stamp), 0))).one()


def _read(row: SavedSearchRow) -> SavedRead:
    return SavedRead.model_validate(
        row, update={"page": f"/datasets?{row.query}", "feed": f"/feeds/datasets.atom?{row.query}"}
    )
