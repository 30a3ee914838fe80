"""Searching: what the actor may see, what the text asks for, what facets choose; sorted, paged, counted, marked.

Relevance is the same sum on every database: each word counts by the heaviest place it stands in (title and code,
then keywords and publisher and theme, then the rest), an exact code beats all; equal sums put the newest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final, Literal

import sqlalchemy
from pyroaring import BitMap
from sqlalchemy import ColumnElement, and_, case, func, text, true
from sqlmodel import col, select

from auth.actor import Actor
from catalog import queries
from catalog.boxes import Box
from catalog.search import facets, memory, reasons, suggest, synonyms
from catalog.search.facets import Chosen, Counted
from catalog.search.query import SCORE, Ask, Term, fts5, parse, tsquery
from catalog.search.snippet import WIDTH, Piece, pieces, spans
from catalog.search.tokens import fold
from catalog.tables import ColumnRow, DatasetRow
from catalog.use import service as use
from core.text import Lang, Text
from core.work import Work

Sort = Literal["relevance", "newest", "title", "used", "score"]
SCORED_TERMS: Final = 6
EXACT_CODE: Final = 1000
AS_WRITTEN: Final = 6  # what holds the word itself in its text stands before what holds a synonym in its title: 1 + 6 < 8 would not
_COLUMNS_SHOWN: Final = 3
_TITLES_READ: Final = 50
_MATCH: Final = {
    "sqlite": "SELECT rowid FROM catalog_search WHERE catalog_search MATCH :{name}",
    "postgresql": "SELECT p.number FROM catalog_search_pg p WHERE p.tokens @@ CAST(:{name} AS tsquery)",
}
_POSTGRES: Final = sqlalchemy.table("catalog_search_pg", sqlalchemy.column("number", sqlalchemy.Integer))
# PostgreSQL does not count what it costs to unpack a vector, and would rather read all of them than its own index.
_BY_INDEX: Final = text("SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)")


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked. `chosen`: facet → values (any of them). `since`, `until`: records whose stated period meets these days;
    `box`: whose bounding box meets this one."""

    text: str = ""
    chosen: Chosen = field(default_factory=dict)
    sort: Sort = "relevance"
    limit: int = 20
    offset: int = 0
    lang: Lang = "zh"
    since: date | None = None
    until: date | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A record found, with its marked title, a marked stretch of text, the columns in which words were found, where else words
    stand (`places`), and what stands for words that it does not hold as they were written (`instead`)."""

    row: DatasetRow
    title: list[Piece]
    snippet: list[Piece]
    columns: list[Text]
    places: list[Text]
    instead: list[Text]


@dataclass(frozen=True, slots=True)
class Found:
    hits: list[Hit]
    total: int
    facets: list[Counted]
    understood: bool  # False: there was text, but nothing in it that can be looked for
    meant: str = ""  # what was looked for, when the text itself found nothing and something near it does


def search(work: Work, actor: Actor, ask: Search) -> Found:
    """Records in the actor's sight. Text that holds neither letter nor digit finds nothing."""
    parsed = parse(ask.text, synonyms.groups(work))
    if ask.text.strip() and not parsed:
        return Found([], 0, facets.count([], ask.chosen).facets, False)
    period = and_(facets.covering(ask.since, ask.until), facets.within(ask.box))
    meant, parsed, groups = _understood(work, and_(queries.visible(actor), period), ask.text, parsed)
    seen = [queries.visible(actor), period, matching(work, parsed)]
    counted = facets.count(groups, ask.chosen)
    page = sqlalchemy.select(col(DatasetRow.id)).where(*seen, facets.condition(ask.chosen, work.now))
    if _is_ranked(ask, parsed) and _is_postgres(work):
        page = page.join(_POSTGRES, _POSTGRES.c.number == col(DatasetRow.number))
    page = page.order_by(*_order(work, ask, parsed)).limit(ask.limit).offset(ask.offset)
    ids = list(work.db.connection().execute(page).scalars())
    hits = _hits(work, _rows(work, ids), parsed, ask.lang)
    return Found(hits, counted.total, counted.facets, True, meant)


def _understood(
    work: Work, sight: ColumnElement[bool], text: str, parsed: Ask
) -> tuple[str, Ask, list[tuple[str, str, int]]]:
    """What finds something: the question, its words as first letters of Chinese ones, or one near it. Facets do not count here."""

    def found(ask: Ask) -> list[tuple[str, str, int]]:
        return _groups(work, [sight, matching(work, ask)])

    groups = found(parsed)
    if groups or not parsed:
        return "", parsed, groups
    by_letters = parse(text, synonyms.groups(work), by_letters=True)
    if by_letters != parsed and (groups := found(by_letters)):
        return "", by_letters, groups

    def exists(ask: Ask) -> bool:
        wanted = sqlalchemy.select(col(DatasetRow.number)).where(sight, matching(work, ask)).limit(1)
        return work.db.connection().execute(wanted).first() is not None

    def titles(ask: Ask) -> list[str]:
        wanted = sqlalchemy.select(col(DatasetRow.title_zh), col(DatasetRow.keywords)).where(
            sight, matching(work, ask)
        )
        rows = work.db.connection().execute(wanted.order_by(col(DatasetRow.id)).limit(_TITLES_READ))
        return ["\n".join((title, *keywords)) for title, keywords in rows]

    if near := suggest.suggestion(work, text, exists, titles):
        parsed = parse(near, synonyms.groups(work))
        return near, parsed, found(parsed)
    return "", parsed, []


def matching(work: Work, parsed: Ask, name: str = "q", place: str | None = None) -> ColumnElement[bool]:
    """The condition that a record holds everything that was asked for, anywhere or in one `place` of the index; `name`: one of
    its own for each in a statement."""
    return _match(work, parsed.terms, place, name) if parsed else true()


def numbers(work: Work, parsed: Ask) -> BitMap:
    """The places in the index of all records that hold everything, whoever may see them."""
    return _numbers(work, parsed.terms, None)


def numbers_in(work: Work, term: Term, place: str | None = None) -> BitMap:
    """The places in the index of all records that hold one term, anywhere or in one place of theirs."""
    return _numbers(work, (term,), place)


def _numbers(work: Work, terms: tuple[Term, ...], place: str | None) -> BitMap:
    return memory.remembered(work, (terms, place), lambda: _looked_up(work, terms, place))


def _looked_up(work: Work, terms: tuple[Term, ...], place: str | None) -> BitMap:
    written, expression = _found_by(work, terms, place, "q")
    found = work.db.connection().execute(text(written), {"q": expression})
    numbers = BitMap([number for (number,) in found.cursor.fetchall()]) if found.cursor else BitMap()
    found.close()  # thousands of plain numbers: the driver's own answer costs a third of one made of rows
    return numbers


def itself(term: Term) -> Term:
    """A term without what else stands for it: whole words, no synonyms and no sounds."""
    return (term[0]._replace(tokens=tuple((token, False) for token, _ in term[0].tokens)),)


def _match(work: Work, terms: tuple[Term, ...], place: str | None, name: str) -> ColumnElement[bool]:
    written, expression = _found_by(work, terms, place, name)
    found = text(written).bindparams(**{name: expression})
    return col(DatasetRow.number).in_(found.columns(sqlalchemy.column("number", sqlalchemy.Integer)))


def _found_by(work: Work, terms: tuple[Term, ...], place: str | None, name: str) -> tuple[str, str]:
    """The question to the index, and what its one parameter says."""
    if not (is_postgres := _is_postgres(work)):
        expression = fts5(terms, place)
    else:
        _prefer_index(work)
        expression = tsquery(terms)
    written = _MATCH[work.db.get_bind().dialect.name].format(name=name)
    if place and is_postgres:  # the whole, which is indexed, holds what a place holds
        written += f" AND p.{place} @@ CAST(:{name} AS tsquery)"
    return written, expression


def _is_postgres(work: Work) -> bool:
    return work.db.get_bind().dialect.name == "postgresql"


def _prefer_index(work: Work) -> None:
    """For the rest of this transaction, once."""
    if work.db.info.get("prefers_index") is None:
        work.db.connection().execute(_BY_INDEX)
        work.db.info["prefers_index"] = True


def _groups(work: Work, seen: Sequence[ColumnElement[bool]]) -> list[tuple[str, str, int]]:
    """How many records share each facet key and freshness."""
    key, fresh = col(DatasetRow.facet_key), facets.freshness(work.now).label("fresh")
    statement = (
        sqlalchemy.select(key, fresh, func.count()).select_from(DatasetRow).where(*seen).group_by(key, fresh)
    )
    return [(row[0], row[1], row[2]) for row in work.db.connection().execute(statement)]


def _rows(work: Work, ids: list[Any]) -> list[DatasetRow]:
    """The records in the order of `ids`."""
    found = (
        {row.id: row for row in work.db.exec(select(DatasetRow).where(col(DatasetRow.id).in_(ids)))}
        if ids
        else {}
    )
    return [found[one] for one in ids]


def _order(work: Work, ask: Search, parsed: Ask) -> list[Any]:
    newest = col(DatasetRow.fresh_at).desc()
    last = col(DatasetRow.id)
    if ask.sort == "title":
        return [col(DatasetRow.title_key_zh if ask.lang == "zh" else DatasetRow.title_key_en), last]
    if ask.sort == "used":
        return [use.total_of("visits", "downloads").desc(), use.total_of("calls").desc(), newest, last]
    if ask.sort == "score":  # of the data; what has none comes last
        return [func.coalesce(col(DatasetRow.quality_score), -1).desc(), newest, last]
    if not _is_ranked(ask, parsed):
        return [newest, last]
    return [_score(work, ask.text, parsed).desc(), newest, last]


def _is_ranked(ask: Search, parsed: Ask) -> bool:
    return ask.sort == "relevance" and bool(parsed)


def _score(work: Work, asked: str, parsed: Ask) -> ColumnElement[Any]:
    exact = case((func.lower(col(DatasetRow.id)) == fold(asked).strip(), EXACT_CODE), else_=0)
    score: ColumnElement[Any] = exact
    held = _held if _is_postgres(work) else partial(_match, work)
    for n, term in enumerate(parsed.terms[:SCORED_TERMS]):
        title, subject = held((term,), "title", f"t{n}"), held((term,), "subject", f"s{n}")
        score = score + case((title, SCORE["title"]), (subject, SCORE["subject"]), else_=SCORE["body"])
        if len(term) > 1:
            score = score + case((held((itself(term),), None, f"w{n}"), AS_WRITTEN), else_=0)
    return score


def _held(terms: tuple[Term, ...], place: str | None, name: str) -> ColumnElement[bool]:
    """Whether the row of the index that is joined holds them: a common word need not be looked up in every other record."""
    written = f"catalog_search_pg.{place or 'tokens'} @@ CAST(:{name} AS tsquery)"
    return text(written).bindparams(**{name: tsquery(terms)})  # type: ignore[return-value]


def _hits(work: Work, rows: Sequence[DatasetRow], parsed: Ask, lang: Lang) -> list[Hit]:
    made = []
    for row in rows:
        title = Text(row.title_zh or row.id, row.title_en or row.title_zh or row.id).in_(lang)
        snippet = _snippet(row, parsed, lang)
        places, instead = reasons.of(row, parsed) if parsed else ([], [])
        made.append(Hit(row, pieces(title, spans(title, parsed)), snippet, [], places, instead))
    bare = [hit for hit in made if parsed and not any(piece.hit for piece in (*hit.title, *hit.snippet))]
    for dataset_id, column in _columns_found(work, [hit.row.id for hit in bare], parsed):
        next(hit for hit in bare if hit.row.id == dataset_id).columns.append(column)
    return made


def _snippet(row: DatasetRow, parsed: Ask, lang: Lang) -> list[Piece]:
    """The description in the reader's language; in the other one when only that holds a word."""
    own, other = row.description_zh, row.description_en
    if lang == "en":
        own, other = other, own
    marks = spans(own, parsed)
    if not marks and (others := spans(other, parsed)):
        return pieces(other, others, WIDTH)
    return pieces(own or other, marks, WIDTH)


def _columns_found(work: Work, ids: list[Any], parsed: Ask) -> list[tuple[str, Text]]:
    if not ids:
        return []
    wanted = (
        select(ColumnRow.dataset_id, ColumnRow.name, ColumnRow.title_zh, ColumnRow.title_en)
        .where(col(ColumnRow.dataset_id).in_(ids))
        .order_by(col(ColumnRow.dataset_id), col(ColumnRow.position))
        .limit(5000)
    )
    found: dict[str, list[tuple[int, Text]]] = {}
    for dataset_id, name, zh, en in work.db.exec(wanted):
        if marks := len(spans(f"{name} {zh} {en}", parsed)):
            found.setdefault(dataset_id, []).append(
                (-marks, Text(f"{zh or name} {name}", f"{en or name} {name}"))
            )
    return [
        (dataset_id, column)
        for dataset_id, columns in found.items()
        for _, column in sorted(columns, key=lambda ranked: ranked[0])[:_COLUMNS_SHOWN]
    ]
