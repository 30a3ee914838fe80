"""A search's answer as programs read it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from catalog import rules
from catalog.search.engine import Found, Hit, Search
from catalog.search.snippet import Piece
from core.text import Text
from core.work import Work


class PieceRead(BaseModel):
    """A stretch of text; `hit` says that it is what was asked for."""

    text: str
    hit: bool


class HitRead(BaseModel):
    """A record in a list. `columns` names dictionary columns in which words were found, when only they hold them; `places` says
    where words stand; `instead` what stands for words that the record does not hold as they were written (a synonym, a sound)."""

    id: str
    title_zh: str
    title_en: str
    title: list[PieceRead]
    snippet: list[PieceRead]
    columns: list[dict[Literal["zh", "en"], str]]
    places: list[dict[Literal["zh", "en"], str]]
    instead: list[dict[Literal["zh", "en"], str]]
    publisher: str
    publisher_zh: str
    publisher_en: str
    domain_code: str
    open_type: str
    data_level: int | None
    formats: list[str]
    update_freq: str
    update_interval: str | None
    keywords: list[str]
    keywords_en: list[str]
    record_type: str
    state: str
    version: int
    modified: datetime
    release_no: int | None
    released_at: datetime | None
    row_count: int | None
    column_count: int
    size_bytes: int | None
    quality_score: float | None
    quality_grade: str | None
    staleness: rules.Staleness


class OptionRead(BaseModel):
    value: str
    zh: str
    en: str
    count: int
    chosen: bool


class FacetRead(BaseModel):
    key: str
    zh: str
    en: str
    options: list[OptionRead]


class FoundRead(BaseModel):
    """A page of records; `next` is the offset of the following page, null at the end. `meant`: what was looked for in place of a
    text that finds nothing."""

    items: list[HitRead]
    total: int
    next: int | None
    facets: list[FacetRead]
    meant: str = ""


def as_read(work: Work, found: Found, ask: Search) -> FoundRead:
    after = ask.offset + len(found.hits)
    return FoundRead(
        items=[_hit(work, hit) for hit in found.hits],
        total=found.total,
        next=after if found.hits and after < found.total else None,
        facets=[
            FacetRead(
                key=counted.facet.key, zh=counted.facet.label.zh, en=counted.facet.label.en,
                options=[
                    OptionRead(value=o.value, zh=o.text.zh, en=o.text.en, count=o.count, chosen=o.chosen)
                    for o in counted.options
                ],
            )
            for counted in found.facets
        ],
        meant=found.meant,
    )  # fmt: skip


def _hit(work: Work, hit: Hit) -> HitRead:
    row = hit.row
    stored = {name: getattr(row, name) for name in HitRead.model_fields if hasattr(row, name)}
    fresh = rules.staleness(
        {"update_freq": row.update_freq, "update_interval": row.update_interval}, row.data_updated, work.now
    )
    return HitRead(
        **stored | {
            "title": _pieces(hit.title), "snippet": _pieces(hit.snippet), "staleness": fresh,
            "columns": _texts(hit.columns), "places": _texts(hit.places), "instead": _texts(hit.instead),
        }
    )  # fmt: skip


def _texts(texts: list[Text]) -> list[dict[Literal["zh", "en"], str]]:
    return [{"zh": text.zh, "en": text.en} for text in texts]


def _pieces(pieces: list[Piece]) -> list[PieceRead]:
    return [PieceRead(text=piece.text, hit=piece.hit) for piece in pieces]
