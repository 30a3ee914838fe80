"""How well records answer the words of `q`, as CKAN's clients expect: relevance first, equal ones by their last change.

The weights are those of the pages' search (`catalog.search.engine`): a word counts by the heaviest place it stands in, and more
where it stands there itself rather than a synonym. `fq` filters and weighs nothing, nor does what `q` says of fields or excludes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy
from pyroaring import BitMap
from sqlalchemy import bindparam, func
from sqlmodel import col

from catalog.ckan.language import And, Node, Or, Term
from catalog.search import engine, synonyms
from catalog.search.query import SCORE, parse
from catalog.tables import DatasetRow, DescriptionRow
from core.work import Work, fetched

Weights = Sequence[tuple[int, BitMap]]
"""What a record gains that is among these; of one line, the first that holds it counts."""
_BY_NAME: Final = sqlalchemy.union_all(
    sqlalchemy.select(col(DatasetRow.number)).where(func.lower(col(DatasetRow.id)) == bindparam("name")),
    sqlalchemy.select(col(DatasetRow.number))
    .join(DescriptionRow, col(DescriptionRow.dataset_id) == col(DatasetRow.id))
    .where(col(DescriptionRow.name) == bindparam("name")),
)


def weighed(work: Work, q: Node) -> list[Weights]:
    """What the index says of the words that `q` asks for; empty when it asks for none."""
    texts = list(dict.fromkeys(_texts(q)))
    if not texts:
        return []
    groups = synonyms.groups(work)
    terms = list(dict.fromkeys(term for text in texts for term in parse(text, groups).terms))
    found: list[Weights] = []
    if len(texts) == 1 and texts[0].isascii():
        named = fetched(work, _BY_NAME, name=texts[0].lower()).scalars().all()
        found.append([(engine.EXACT_CODE, BitMap(named))])
    is_every = isinstance(q, Term) or (isinstance(q, And) and all(isinstance(each, Term) for each in q.args))
    less = SCORE["body"] if is_every else 0  # where all must be met, whatever is found holds them somewhere
    places = ("title", "subject") if is_every else ("title", "subject", None)
    for term in terms[: engine.SCORED_TERMS]:
        found.append(
            [(SCORE[place or "body"] - less, engine.numbers_in(work, term, place)) for place in places]
        )
        if len(term) > 1:
            found.append([(engine.AS_WRITTEN, engine.numbers_in(work, engine.itself(term)))])
    return found


def _texts(node: Node) -> Iterator[str]:
    """The words and phrases that a record gains by."""
    match node:
        case Term(None | "text", text):
            yield text
        case And(args) | Or(args):
            for each in args:
                yield from _texts(each)
        case _:
            return


def levels(numbers: BitMap, weights: Sequence[Weights]) -> list[BitMap]:
    """The records found, those that answer best first, each lot with the same sum."""
    found = {0: numbers}
    for line in weights:
        sums: dict[int, BitMap] = {}
        for total, lot in found.items():
            rest = lot
            for weight, having in line:
                _into(sums, total + weight, rest & having)
                rest = rest - having
            _into(sums, total, rest)
        found = sums
    return [lot for _, lot in sorted(found.items(), key=lambda each: -each[0])]


def _into(sums: dict[int, BitMap], total: int, lot: BitMap) -> None:
    if lot:
        sums[total] = sums[total] | lot if total in sums else lot


def paged(lots: Sequence[BitMap], start: int, rows: int) -> Iterator[tuple[BitMap, int, int]]:
    """Which stretch of which lots makes a page: lot, where in it to begin, how many."""
    for lot in lots:
        if rows <= 0:
            return
        if start < len(lot):
            taken = min(rows, len(lot) - start)
            yield lot, start, taken
            start, rows = 0, rows - taken
        else:
            start -= len(lot)
