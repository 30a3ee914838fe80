"""What the rules over several rows, or over a second table, share: their form, and which columns meet which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import pandas as pd

from quality.gx.cross_tables import LAST, Held, Part, comparable_parts, keys_of, part, part_sql
from quality.gx.facts import Facts
from quality.gx.record_rules import Args
from quality.kinds import KindMismatch

Series = pd.Series
HOLDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}


class CrossRule(NamedTuple):
    """duck: arguments and FROM clause → SELECT of the row keys that break the rule. frame: arguments and complete rows → True where broken.

    check: refuses arguments that the tables cannot answer (KindMismatch).
    """

    type: str
    metric: str
    check: Callable[[Args, Facts], None]
    duck: Callable[[Args, str], str]
    frame: Callable[[Args, pd.DataFrame], Series]


class Match(NamedTuple):
    """Columns here against columns there, in order."""

    held: Held
    mine: list[Part]
    theirs: list[Part]

    def on(self, here: str, there: str) -> str:
        pairs = zip(self.mine, self.theirs, strict=True)
        return " AND ".join(
            f"{part_sql(one, other, here)} = {part_sql(other, one, there)}" for one, other in pairs
        )

    def keys_here(self, rows: pd.DataFrame) -> list[tuple[Any, ...] | None]:
        return keys_of(self.mine, self.theirs, rows)

    def keys_there(self, rows: pd.DataFrame) -> list[tuple[Any, ...] | None]:
        return keys_of(self.theirs, self.mine, rows)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def held(args: Args, facts: Facts) -> Held:
    """The table that the rule compares with; raises ReferenceUnavailable."""
    if "dataset" not in args:
        facts.references.last()
        return facts.others[LAST]
    facts.references.table(str(args["dataset"]))
    return facts.others[str(args["dataset"])]


def match(args: Args, facts: Facts, here: str, there: str) -> Match:
    """The columns named by argument `here` against those named by `there` (the same names unless said)."""
    table = held(args, facts)
    mine = [part(each, facts.columns, "本表") for each in listed(args[here])]
    theirs = [part(each, table.columns, table.name) for each in listed(args.get(there, args[here]))]
    if len(mine) != len(theirs):
        raise KindMismatch(
            f"{here} 有 {len(mine)} 列而 {there} 有 {len(theirs)} 列。 {here} names {len(mine)} columns, {there} {len(theirs)}."
        )
    for one, other in zip(mine, theirs, strict=True):
        comparable_parts(one, other)
    return Match(table, mine, theirs)
