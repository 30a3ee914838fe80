"""Our disclosure control beside acro's on the same tables: `python -m tests.campaigns.disclosure [--tables 600] [--seed 1] [--write]`.

Random tables of contributors are judged cell by cell and rule by rule (least group, two that make most of a sum, p%): by the functions that answer
queries and check results of the enclave, and by acro in an environment of its own (`make acro`, or `--python` of one that has it).
acro sees each table twice: a row for what each contributor has in a cell, which is what we weigh; and the records as they are, as it would be
run by hand. Each difference falls into a class that says why, or is unexplained: then the exit code is 1. `--write` writes docs/disclosure.md.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from auth.policy.limits import limits
from datasets.queries.engine import figures, makers
from datasets.queries.rules import Control, Figure, is_safe_count, is_safe_sum

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "disclosure.md"
ORACLE: Final = Path(__file__).with_name("disclosure_oracle.py")
OURS: Final = ROOT / ".venv-acro" / "bin" / "python"
NO_RULE: Final = 10**12  # a percentage that no cell reaches
Record = tuple[int, int, float | None]  # cell, contributor, value
CHECKS: Final = {
    "least group": "MinimumThresholdCheck",
    "two make most of it": "NKCheck",
    "p%": "PPercentCheck",
}
VIEWS: Final = ("contributors", "records")
CLASSES: Final = {
    "records for contributors": "acro counts and weighs records; a contributor with several of them counts once with us, and all they have in the cell is one share. With every record a contributor of its own our rules say what acro says",
    "negative values": "with a negative value anywhere in the table acro judges dominance of none of its cells and has those with a negative one reviewed; we weigh magnitudes",
    "on the limit": "a share of exactly the limit, or a rounding error from it: of the two largest acro keeps in what reaches the limit, we what passes it; p% compares alike and differs by the rounding of decimals alone",
    "nothing but zeros": "where all have zero acro's quotient of p% is left at zero, below any p, so it keeps the cell in; we tell the sum, zero, once there are enough contributors: that each of them has zero is then known",
    "missing values": "acro counts a record whose value is missing in the cell; we leave it out of a sum and of its contributors",
}  # each is held against what acro then must say: see `why`


@dataclass(frozen=True, slots=True)
class Table:
    """One random table. `kind`: how its values were drawn."""

    kind: str
    cells: int
    records: tuple[Record, ...]


def _even(dice: random.Random) -> float:
    return round(dice.uniform(50, 150), 2)


KINDS: Final[dict[str, Callable[[random.Random], float | None]]] = {
    "even": _even,
    "lognormal": lambda dice: round(dice.lognormvariate(3, 1.6), 2),
    "heavy tail": lambda dice: round(dice.paretovariate(0.7), 2),
    "whole and equal": lambda dice: float(dice.choice((1, 1, 1, 2, 20, 100))),
    "many zeros": lambda dice: 0.0 if dice.random() < 0.7 else _even(dice),
    "negative": lambda dice: round(dice.gauss(20, 40), 2),
    "missing": lambda dice: None if dice.random() < 0.3 else _even(dice),
}
SIZES: Final = (
    1,
    2,
    3,
    5,
    8,
    9,
    10,
    11,
    12,
    15,
    30,
)  # contributors of a cell, most of them about the least group


def a_table(dice: random.Random, kind: str) -> Table:
    """A table of 3 to 8 cells; a third of the tables has contributors with several records, a third has cells on the limits."""
    cells, most = dice.randint(3, 8), dice.choice((1, 1, 4))
    on_limit = dice.random() < 1 / 3
    found: list[Record] = []
    for cell in range(cells):
        size = dice.choice(SIZES)
        drawn = [[KINDS[kind](dice) for _ in range(dice.randint(1, most))] for _ in range(size)]
        if on_limit and size > 2 and kind in ("even", "lognormal"):
            drawn = _on_limit(dice, size)
        found += [(cell, who, value) for who, values in enumerate(drawn) for value in values]
    return Table(kind, cells, tuple(found))


def _on_limit(dice: random.Random, size: int) -> list[list[float | None]]:
    """Two that make 84, 85 or 86 % of the sum, or a rest that is 9, 10 or 11 % of the largest."""
    if dice.random() < 0.5:
        two, rest = dice.choice((84.0, 85.0, 86.0)), size - 2
        return [[two / 2], [two / 2], *([(100 - two) / rest] for _ in range(rest))]
    left = dice.choice((9.0, 10.0, 11.0))
    return [[100.0], [dice.choice((1.0, 60.0))], *([left / (size - 2)] for _ in range(size - 2))]


def shares(table: Table) -> list[tuple[int, float | None]]:
    """What each contributor has in each cell; None where none of their values is there."""
    held: dict[tuple[int, int], list[float]] = {}
    for cell, who, value in table.records:
        held.setdefault((cell, who), []).extend([] if value is None else [value])
    return [(cell, sum(values) if values else None) for (cell, _), values in held.items()]


def ours(table: Table, control: Control) -> tuple[list[Figure], dict[str, list[int]]]:
    """The cells' figures, and by rule the cells that may not be told, by the functions that decide."""
    there = [record for record in table.records if record[2] is not None]
    cell = np.array([record[0] for record in there], np.int64)
    people = np.array([record[1] for record in there], np.uint32)
    values = np.array([record[2] for record in there], np.float64)
    found = figures(makers(table.cells, cell, np.arange(len(there)), people), values)
    alone = {
        "two make most of it": replace(control, min_group=0, p_percent=0),
        "p%": replace(control, min_group=0, dominance_percent=NO_RULE),
    }
    kept = {"least group": [at for at, each in enumerate(found) if not is_safe_count(each, control)]}
    for rule, only in alone.items():
        kept[rule] = [at for at, each in enumerate(found) if not is_safe_sum(each, only)]
    return found, kept


def as_records(table: Table) -> Table:
    """The same with every record a contributor of its own."""
    return replace(
        table, records=tuple((cell, at, value) for at, (cell, _, value) in enumerate(table.records))
    )


def as_shares(table: Table) -> Table:
    """The same with one record for what each contributor has in a cell."""
    return replace(table, records=tuple((cell, at, value) for at, (cell, value) in enumerate(shares(table))))


def why(seen: Table, rule: str, figure: Figure, cell: int, control: Control, is_marked: bool) -> str:
    """The class of a difference on a table as acro saw it, where acro did what the class says it does; empty: unexplained."""
    own = [value for at, _, value in seen.records if at == cell]
    if rule == "least group":
        return "missing values" if None in own and is_marked == (len(own) < control.min_group) else ""
    if any((value or 0) < 0 for _, _, value in seen.records):
        return "negative values" if is_marked == any((value or 0) < 0 for value in own) else ""
    if not figure.total:
        return "nothing but zeros" if rule == "p%" and is_marked else ""
    two = figure.largest + figure.second
    limit = {
        "two make most of it": (two * 100, control.dominance_percent * figure.total),
        "p%": ((figure.total - two) * 100, control.p_percent * figure.largest),
    }[rule]
    return "on the limit" if math.isclose(*limit, rel_tol=1e-9) else ""


@dataclass
class Tally:
    """What was compared: by view and rule how many cells, how many agree as kept or told; differences by class and by who is stricter."""

    cells: Counter[tuple[str, str]]
    kept: Counter[tuple[str, str]]
    told: Counter[tuple[str, str]]
    differs: Counter[tuple[str, str, str, str]]
    unexplained: list[dict[str, Any]]


def compare(tables: Sequence[Table], said: dict[str, list[dict[str, list[str]]]], control: Control) -> Tally:
    """Ours beside what the oracle marked, by view."""
    tally = Tally(Counter(), Counter(), Counter(), Counter(), [])
    for at, table in enumerate(tables):
        _, kept = ours(table, control)
        for view, seen in (("contributors", as_shares(table)), ("records", as_records(table))):
            found, alike = ours(seen, control)
            for rule, check in CHECKS.items():
                theirs = {int(cell) for cell in said[view][at].get(check, ())}
                for cell in range(table.cells):
                    mine, marks, key = cell in kept[rule], cell in theirs, (view, rule)
                    tally.cells[key] += 1
                    if mine == marks:
                        (tally.kept if mine else tally.told)[key] += 1
                        continue
                    reason = (
                        "records for contributors"
                        if view == "records" and (cell in alike[rule]) == marks
                        else why(seen, rule, found[cell], cell, control, marks)
                    )
                    stricter = "ours" if mine else "acro's"
                    tally.differs[view, rule, reason, stricter] += 1
                    if not reason:
                        tally.unexplained.append({"table": at, "kind": table.kind, "view": view, "rule": rule, "cell": cell, "stricter": stricter, "figure": str(found[cell])})  # fmt: skip
    return tally


def asked_of_acro(tables: Sequence[Table], control: Control, python: str) -> dict[str, Any]:
    """acro's answers by view, and which versions gave them."""
    rows: dict[str, list[list[list[Any]]]] = {
        "contributors": [[[f"{cell:03}", value] for cell, value in shares(each)] for each in tables],
        "records": [[[f"{cell:03}", value] for cell, _, value in each.records] for each in tables],
    }
    numbers = {
        "safe_threshold": control.min_group, "safe_nk_n": 2, "safe_nk_k": control.dominance_percent / 100,
        "safe_pratio_p": control.p_percent / 100,
    }  # fmt: skip
    said: dict[str, Any] = {}
    for view in VIEWS:
        body = json.dumps({"control": numbers, "tables": rows[view]})
        done = subprocess.run([python, str(ORACLE)], input=body, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"acro did not answer ({python}; `make acro` makes its environment):\n{done.stderr[-2000:]}"
            )
        answer = json.loads(done.stdout)
        said[view] = answer["marked"]
        said["versions"] = f"acro {answer['acro']}, pandas {answer['pandas']}"
    return said


def page_of(tally: Tally, tables: int, seed: int, versions: str, control: Control) -> str:
    """The page, from what was counted."""
    lines = [
        "# Disclosure control beside acro", "",
        "Written by `python -m tests.campaigns.disclosure --write`; the environment is made by `make acro`. Random tables of contributors (even, heavy-tailed, equal, zero,",
        "negative and missing values; cells of 1 to 30 contributors, a third of the tables with cells on the limits, some contributors with several records) are judged",
        "cell by cell and rule by rule by the functions that answer queries and bound the enclave's results (`datasets/queries/rules.py`, `engine.py`) and by",
        "[acro](https://github.com/AI-SDC/ACRO), which checks research outputs. It needs an older pandas than ours, so it is no library of the service.", "",
        f"{tables} tables, seed {seed}; {versions}; least group {control.min_group}, (2, {control.dominance_percent} %), p {control.p_percent} %. "
        f"Unexplained differences: **{len(tally.unexplained)}**.", "",
        "| acro sees | rule | cells | both keep in | both tell | differ |", "|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for key, cells in tally.cells.items():
        same = tally.kept[key] + tally.told[key]
        lines.append(
            f"| {key[0]} | {key[1]} | {cells:,} | {tally.kept[key]:,} | {tally.told[key]:,} | {cells - same:,} |"
        )
    lines += [
        "",
        "## Why they differ",
        "",
        "| acro sees | rule | class | stricter | cells |",
        "|---|---|---|---|---:|",
    ]
    for (view, rule, reason, stricter), count in sorted(tally.differs.items()):
        lines.append(f"| {view} | {rule} | {reason or '**unexplained**'} | {stricter} | {count:,} |")
    lines += [""] + [f"- *{name}*: {words}." for name, words in CLASSES.items()]
    lines += [
        "", "## What the comparison does not reach", "",
        "- With us alone: figures left out so that what is left in does not give others away (`complemented`), the overlap guard over earlier answers, counts to multiples of five, sums to four digits.",
        "- With acro alone: a zero is marked for review (`PresenceOfZeroCheck`), linked tables are left to a person, and regressions and plots are judged, neither of which leaves the enclave.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """The tally as JSON; 1 where a difference is unexplained."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--tables", type=int, default=600)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--python", default=str(OURS), help="of an environment that has acro")
    given.add_argument("--write", action="store_true", help="write docs/disclosure.md")
    options = given.parse_args(argv)
    dice, control = random.Random(options.seed), Control.of(limits())  # noqa: S311 - tables, no secrets
    kinds = list(KINDS)
    tables = [a_table(dice, kinds[at % len(kinds)]) for at in range(options.tables)]
    said = asked_of_acro(tables, control, options.python)
    tally = compare(tables, said, control)
    if options.write:
        PAGE.write_text(
            page_of(tally, options.tables, options.seed, said["versions"], control), encoding="utf-8"
        )
    differs = {" | ".join(key): count for key, count in sorted(tally.differs.items())}
    summary = {"cells": sum(tally.cells.values()), "differs": differs, "unexplained": tally.unexplained[:20], "versions": said["versions"]}  # fmt: skip
    sys.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    return 1 if tally.unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
