"""The type of a column that nobody declared: one that all its values have without losing a character.

08, 0012 and eighteen-digit numbers are codes and stay text; so does anything with blanks around it.
A sample rules most types out; what is left is tried on every value, the narrowest first.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import duckdb

from datasets.intake.casts import matches
from datasets.intake.dictionary import ColumnType
from datasets.intake.scan import count_of, text_aggregates

SAMPLE_ROWS: Final = 5_000
SAMPLE_CELLS: Final = 200_000


class Candidate(NamedTuple):
    """A type, how to tell that a text has it (true or false, never null), and how to read it."""

    kind: ColumnType
    test: Callable[[str], str]
    cast: Callable[[str], str]


def _as(sql_type: str) -> Callable[[str], str]:
    return lambda x: f"try_cast({x} AS {sql_type})"


def _slashed_date(x: str) -> str:
    return f"try_cast(try_strptime({x}, '%Y/%m/%d') AS DATE)"


def _slashed_datetime(x: str) -> str:
    return f"try_strptime({x}, ['%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M', '%Y/%m/%d'])"


def _shaped(pattern: str, cast: Callable[[str], str]) -> Callable[[str], str]:
    return lambda x: f"({matches(x, pattern)} AND {cast(x)} IS NOT NULL)"


def _is_integer(x: str) -> str:
    return f"(length({x}) <= 15 AND coalesce(CAST(try_cast({x} AS BIGINT) AS VARCHAR) = {x}, false))"


def _is_number(x: str) -> str:
    shape = matches(x, "-?(0|[1-9][0-9]{0,14})([.][0-9]+)?([eE][-+]?[0-9]{1,3})?")
    return f"(length({x}) <= 26 AND {shape} AND coalesce(isfinite(try_cast({x} AS DOUBLE)), false))"


def _is_date(x: str) -> str:
    return f"coalesce(CAST(try_cast({x} AS DATE) AS VARCHAR) = {x}, false)"


def _is_timestamp(x: str) -> str:
    """The usual way of writing is told by its length and by being written the same again, which is quicker to see."""
    cast = _as("TIMESTAMP")(x)
    shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?"
    return (
        f"(coalesce(length({x}) = 19 AND CAST({cast} AS VARCHAR) = {x}, false) "
        f"OR ({matches(x, shape)} AND {cast} IS NOT NULL))"
    )


def _is_boolean(x: str) -> str:
    return f"(lower({x}) = 'true' OR lower({x}) = 'false')"


CANDIDATES: Final = (
    Candidate("integer", _is_integer, _as("BIGINT")),
    Candidate("number", _is_number, _as("DOUBLE")),
    Candidate("boolean", _is_boolean, _as("BOOLEAN")),
    Candidate("date", _is_date, _as("DATE")),
    Candidate("date", _shaped("[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", _slashed_date), _slashed_date),
    Candidate("datetime", _is_timestamp, _as("TIMESTAMP")),
    Candidate(
        "datetime",
        _shaped("[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?", _slashed_datetime),
        _slashed_datetime,
    ),
    Candidate("time", _shaped("([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", _as("TIME")), _as("TIME")),
)


def infer(
    db: duckdb.DuckDBPyConnection, table: str, values: Mapping[str, str]
) -> dict[str, Candidate | None]:
    """The narrowest lossless type of each column, None for text. values: column → SQL of its text."""
    sample = min(SAMPLE_ROWS, max(50, SAMPLE_CELLS // max(1, len(values))))
    sampled = f"(SELECT * FROM {table} LIMIT {sample})"
    misfits = _misfits(db, sampled, {name: (value, CANDIDATES) for name, value in values.items()})
    left = {
        name: [c for c, bad in zip(CANDIDATES, found, strict=True) if bad == 0]
        for name, found in misfits.items()
    }
    settled: dict[str, Candidate | None] = {name: None for name, options in left.items() if not options}
    filled = _filled(db, table, {name: values[name] for name, options in left.items() if options})
    settled |= {name: None for name, number in filled.items() if number == 0}
    while open_ := {name: options for name, options in left.items() if name not in settled}:
        asked = {name: (values[name], (options[0],)) for name, options in open_.items()}
        for name, (bad,) in _misfits(db, table, asked).items():
            option = left[name].pop(0)
            if bad == 0:
                settled[name] = option
            elif not left[name]:
                settled[name] = None
    return settled


def _misfits(
    db: duckdb.DuckDBPyConnection, table: str, asked: Mapping[str, tuple[str, tuple[Candidate, ...]]]
) -> dict[str, list[int]]:
    """For each column and candidate, how many values do not have that type."""
    if not asked:
        return {}
    row = text_aggregates(
        db, table, [(value, _misfit(option)) for value, options in asked.values() for option in options]
    )
    answer: dict[str, list[int]] = {}
    for name, (_, options) in asked.items():
        answer[name], row = row[: len(options)], row[len(options) :]
    return answer


def _misfit(option: Candidate) -> Callable[[str], str]:
    return lambda name: f"count(*) FILTER ({name} IS NOT NULL AND NOT {option.test(name)})"


def _filled(db: duckdb.DuckDBPyConnection, table: str, values: Mapping[str, str]) -> dict[str, int]:
    counts = text_aggregates(db, table, [count_of(value) for value in values.values()])
    return dict(zip(values, counts, strict=True))
