"""Which rows each condition of a question decides on: a refusal must not hang on what few of them are.

A condition decides on a row when the row passes with the condition held true and not with it held false, or the other way
round, all other conditions as they are. `everybody or (one stay and fee < 5)` decides by `fee < 5` on one stay: whether the
answer differs, or is refused, would tell that stay's fee. So every condition decides on enough contributors or the question
is not answered, whatever its rows hold; and these sets of rows are held against each other, by column, like those of figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from duckdb import ColumnExpression, ConstantExpression, Expression
from numpy.typing import NDArray
from pyroaring import BitMap

from auth.policy.filters.model import All, Any_, Node, Not, RowFilter
from auth.policy.filters.rules import leaves
from datasets.extracts.build import engine_of, unfit, visible_rows
from datasets.extracts.compile import condition
from datasets.queries.bitmaps import bitmap
from datasets.queries.engine import Codes

_BATCH: Final = 1_000_000  # rows
Held = Node | bool  # a filter, or what it has become
Decided = list[tuple[str, list[BitMap]]]


def either_way(where: Node) -> Iterator[tuple[Held, Held]]:
    """For every condition in turn: the filter with it held true, and held false."""
    match where:
        case All():
            yield from _among(where.args, _all)
        case Any_():
            yield from _among(where.args, _any)
        case Not():
            for true, false in either_way(where.arg):
                yield _not(true), _not(false)
        case _:
            yield True, False


def _among(
    parts: tuple[Node, ...], joined: Callable[[tuple[Node, ...], Held], Held]
) -> Iterator[tuple[Held, Held]]:
    for at, part in enumerate(parts):
        rest = (*parts[:at], *parts[at + 1 :])
        for true, false in either_way(part):
            yield joined(rest, true), joined(rest, false)


def _all(rest: tuple[Node, ...], part: Held) -> Held:
    if isinstance(part, bool):
        return (All(op="and", args=rest) if rest else True) if part else False
    return All(op="and", args=(*rest, part))


def _any(rest: tuple[Node, ...], part: Held) -> Held:
    if isinstance(part, bool):
        return True if part else Any_(op="or", args=rest) if rest else False
    return Any_(op="or", args=(*rest, part))


def _not(part: Held) -> Held:
    return not part if isinstance(part, bool) else Not(op="not", arg=part)


def decided(
    release: Path,
    granted: RowFilter | None,
    where: RowFilter | None,
    who: Codes | None,
    min_group: int,
    *,
    memory_limit_mb: int,
    scratch: Path,
) -> Decided | None:
    """By condition its column and the rows that it decides on, of those the grant shows; None when these are of too few."""
    if where is None:
        return []
    with engine_of(memory_limit_mb, scratch) as connection:
        source, held = visible_rows(connection, release, granted)

        def passes(tree: Held) -> Expression:
            if isinstance(tree, bool):
                return ConstantExpression(tree)
            return duckdb.CoalesceOperator(condition(tree, held), ConstantExpression(False))

        try:
            flags = [
                (passes(true) != passes(false)).alias(f"d{at}")
                for at, (true, false) in enumerate(either_way(where))
            ]
        except (KeyError, ValueError, TypeError) as fault:
            raise unfit(str(fault)) from fault
        rows, parts = 0, [list[NDArray[np.uint32]]() for _ in flags]
        chosen = source.select(*flags, ColumnExpression("at").alias("at"))
        for batch in chosen.to_arrow_reader(_BATCH):
            places = batch.column("at").to_numpy().astype(np.uint32)
            rows = max(rows, int(places.max()) + 1 if len(places) else 0)
            for at, part in enumerate(parts):
                part.append(places[batch.column(f"d{at}").to_numpy(zero_copy_only=False)])
    found = []
    for leaf, part in zip(leaves(where), parts, strict=True):
        own = np.concatenate(part) if part else np.zeros(0, np.uint32)
        if _contributors(own, who) < min_group:
            return None
        found.append((leaf.column, [bitmap(own, rows)]))
    return found


def _contributors(places: NDArray[Any], who: Codes | None) -> int:
    if who is None or len(who) == 0:
        return len(places)
    there = np.zeros(int(who.max()) + 1, np.bool_)
    there[who[places]] = True
    return int(there.sum())
