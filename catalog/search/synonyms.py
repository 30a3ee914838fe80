"""Synonyms as data: read by every search, changed by the catalogue's administrators. A change counts from the next search on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final

import sqlalchemy
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from catalog.search.query import Groups, key_of
from catalog.search.tables import SynonymRow
from catalog.search.tokens import fold, runs
from core.errors import Conflict, InputRefused, NotFound
from core.text import Text
from core.work import Work

MOST_WORDS: Final = 12
MOST_GROUPS: Final = 2000
_LONGEST: Final = 60
_WORDS: Final = sqlalchemy.text("SELECT CAST(words AS TEXT) FROM catalog_synonym ORDER BY id")


class SynonymAsk(SQLModel):
    """The words of a group, two or more."""

    model_config = {"extra": "forbid"}
    words: list[str] = Field(schema_extra={"examples": [["停车", "泊车", "parking"]]})


class SynonymRead(SQLModel):
    """A group of words that are searched for together."""

    id: str
    words: list[str]
    set_by: str
    set_at: datetime


def groups(work: Work) -> Groups:
    """Every word with the others of its groups, as the parser wants them."""
    return _groups(tuple(work.db.connection().execute(_WORDS).scalars()))


@lru_cache(maxsize=4)
def _groups(rows: tuple[str, ...]) -> Groups:
    """The same lists of words, as JSON, are parsed once."""
    found: dict[tuple[tuple[str, bool], ...], list[tuple[tuple[str, bool], ...]]] = {}
    for words in map(json.loads, rows):
        parts = [tuple(runs(word)) for word in words]
        for part in parts:
            found.setdefault(key_of(part), []).extend(other for other in parts if other != part)
    return {part: tuple(dict.fromkeys(others)) for part, others in found.items() if part}


def listed(work: Work, *, words: str = "", offset: int = 0, limit: int = 50) -> tuple[list[SynonymRead], int]:
    """One page, and how many there are; `words`: only groups that hold this text."""
    rows = work.db.exec(select(SynonymRow).order_by(col(SynonymRow.id))).all()
    asked = fold(words).strip()
    found = [row for row in rows if not asked or any(asked in fold(word) for word in row.words)]
    return [SynonymRead.model_validate(row) for row in found[offset : offset + limit]], len(found)


def add(work: Work, actor: Actor, body: SynonymAsk) -> SynonymRead:
    """A new group. Raises InputRefused for words that cannot be searched for, Conflict for a group that is there."""
    words = _checked(body.words)
    rows = work.db.exec(select(SynonymRow)).all()
    if len(rows) >= MOST_GROUPS:
        raise Conflict(
            Text(
                f"同义词最多 {MOST_GROUPS} 组；请先删去不用的。",
                f"There may be {MOST_GROUPS} groups at most; remove some first.",
            )
        )
    if same := next((row for row in rows if _keys(words) <= _keys(row.words)), None):
        raise Conflict(
            Text(
                f"这些词已在同一组：{'、'.join(same.words)}",
                f"These words are in one group already: {', '.join(same.words)}",
            ),
            id=same.id,
        )
    row = SynonymRow(id=work.new_id(), words=words, set_by=actor.account_id, set_at=work.now)
    work.db.add(row)
    audit.record(work, actor, "synonym.added", subject=row.id, payload={"words": words})
    return SynonymRead.model_validate(row)


def remove(work: Work, actor: Actor, group_id: str) -> None:
    """No longer search for these together. Raises NotFound."""
    row = work.db.get(SynonymRow, group_id) if group_id.isprintable() else None
    if row is None:
        raise NotFound(
            Text(
                "没有这组同义词；它可能已被删除。",
                "There is no such group of synonyms; it may have been removed.",
            )
        )
    work.db.delete(row)
    audit.record(work, actor, "synonym.removed", subject=group_id, payload={"words": row.words})


def _keys(words: Iterable[str]) -> set[tuple[tuple[str, bool], ...]]:
    return {key_of(tuple(runs(word))) for word in words}


def _checked(given: list[str]) -> list[str]:
    words = list(dict.fromkeys(" ".join(word.split()) for word in given if word.strip()))
    bad = [word for word in words if len(word) > _LONGEST or not word.isprintable() or not any(runs(word))]
    if bad:
        raise InputRefused(
            Text(
                f"“{bad[0][:_LONGEST]}”不能用作同义词：须含文字或数字，最多 {_LONGEST} 字。",
                f"“{bad[0][:_LONGEST]}” cannot be a synonym: it needs letters or digits, {_LONGEST} characters at most.",
            ),
            field="words",
        )
    if not len(_keys(words)) >= 2 or len(words) > MOST_WORDS:
        raise InputRefused(
            Text(
                f"一组须有 2 至 {MOST_WORDS} 个不同的词（全角、大小写、繁简算同一个词）。",
                f"A group has 2 to {MOST_WORDS} different words (width, case, traditional characters make no difference).",
            ),
            field="words",
        )
    return words
