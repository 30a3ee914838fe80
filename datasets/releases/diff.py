"""Which rows two releases differ by, matched by key. One query out of core; nothing here decides who may see what.

Nulls are values: an empty key matches an empty key, and a cell that was emptied has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from core.errors import Conflict
from core.text import Text, number_of, verb_of
from datasets.geometry import shape_columns
from datasets.releases.engine import engine, quoted
from datasets.releases.models import Difference

SAMPLE: Final = 20
_KINDS: Final = ("added", "removed", "changed")


def compare(
    older: Path, newer: Path, key: Sequence[str], *, memory_limit_mb: int, scratch: Path
) -> Difference:
    """Compare two Parquet files whose rows `key` names. Raises Conflict when the key is missing or not unique."""
    old, new = pq.read_schema(older), pq.read_schema(newer)
    _demand_key(key, old.names, new.names)
    shared = [name for name in new.names if name in set(old.names) and name not in set(key)]
    shapes = {
        *shape_columns(old.metadata),
        *shape_columns(new.metadata),
    }  # compared and shown as well-known text
    alike = {
        name: name not in shapes and old.field(name).type == new.field(name).type for name in (*key, *shared)
    }
    with engine(memory_limit_mb, scratch, keeps_order=False) as db:
        for file, at in ((older, "o"), (newer, "n")):
            _view(db, at, file, key, shared, alike)
            _demand_unique(db, at, key)
        numbers, samples = _numbers(db, len(key), len(shared))
    counts = {
        "key": list(key),
        "rows_before": pq.read_metadata(older).num_rows,
        "rows_after": pq.read_metadata(newer).num_rows,
        **dict(zip((*_KINDS, "kept"), numbers, strict=False)),
        "by_column": {
            name: count for name, count in zip(shared, numbers[len(_KINDS) + 1 :], strict=True) if count
        },
        "columns_added": [name for name in new.names if name not in set(old.names)],
        "columns_removed": [name for name in old.names if name not in set(new.names)],
    }
    shown = [
        _row(kind, entry, key, shared)
        for kind, entries in zip(_KINDS, samples, strict=True)
        for entry in entries or []
    ]
    return Difference(counts, shown)


def _demand_key(key: Sequence[str], old: Sequence[str], new: Sequence[str]) -> None:
    if not key:
        raise Conflict(
            Text(
                "数据字典没有标明主键列，无法逐行比较；请在数据字典中标明。",
                "The dictionary names no key columns, so rows cannot be matched; mark them in the dictionary.",
            )
        )
    if missing := [name for name in key if name not in old or name not in new]:
        names = ", ".join(missing)
        raise Conflict(
            Text(
                f"主键列 {names} 不在两个版本中同时存在，无法逐行比较。",
                f"Key column {names} is not in both releases, so their rows cannot be matched.",
            )
        )


def _view(
    db: DuckDBPyConnection,
    at: str,
    file: Path,
    key: Sequence[str],
    shared: Sequence[str],
    alike: Mapping[str, bool],
) -> None:
    """One release under names that cannot clash: k0, k1 … the key, c0, c1 … the rest. Types that differ meet as text."""
    wkb = shape_columns(pq.read_schema(file).metadata)
    parts = [
        f"{_shown(name, alike[name], name in wkb)} AS {letter}{place}"
        for letter, names in (("k", key), ("c", shared))
        for place, name in enumerate(names)
    ]
    path = str(file).replace("'", "''")
    db.execute(f"CREATE VIEW {at} AS SELECT true AS p, {', '.join(parts)} FROM read_parquet('{path}')")  # noqa: S608 - quoted


def _shown(name: str, is_alike: bool, is_shape: bool) -> str:
    """SQL of a column: shapes as well-known text, types that differ as text, the rest as it is."""
    if is_shape:
        return f"ST_AsText(ST_GeomFromWKB({quoted(name)}))"
    return quoted(name) if is_alike else f"{quoted(name)}::VARCHAR"


def _demand_unique(db: DuckDBPyConnection, at: str, key: Sequence[str]) -> None:
    names = ", ".join(f"k{place}" for place in range(len(key)))
    found = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {at} GROUP BY {names} HAVING count(*) > 1)"  # noqa: S608 - our own names
    ).fetchone()
    if found and found[0]:
        where = (
            Text("较早版本", "the earlier release") if at == "o" else Text("较新版本", "the later release")
        )
        raise Conflict(
            Text(
                f"{where.zh}中有 {found[0]} 个主键（{'、'.join(key)}）对应多行，无法逐行比较。",
                f"In {where.en} {number_of(found[0], 'keys')} ({', '.join(key)}) {verb_of(found[0], 'stand')} for several rows, so rows cannot be matched.",
            )
        )


def _numbers(db: DuckDBPyConnection, keys: int, columns: int) -> tuple[list[int], list[list[Any] | None]]:
    """Counts of added, removed, changed and kept rows and of changed cells per column; then samples of the first three."""
    on = " AND ".join(f"o.k{n} IS NOT DISTINCT FROM n.k{n}" for n in range(keys))
    cells = [
        f"o.c{n} AS o{n}, n.c{n} AS n{n}, (o.c{n} IS DISTINCT FROM n.c{n}) AS d{n}" for n in range(columns)
    ]
    joined = ", ".join(
        ["o.p AS op, n.p AS np", *(f"coalesce(n.k{n}, o.k{n}) AS k{n}" for n in range(keys)), *cells]
    )
    differs = " OR ".join(f"d{n}" for n in range(columns)) or "false"
    when = {"added": "op IS NULL", "removed": "np IS NULL", "changed": f"op AND np AND ({differs})"}
    row = ", ".join(
        [f"'k{n}': k{n}" for n in range(keys)]
        + [f"'{side}{n}': {side}{n}::VARCHAR" for side in "on" for n in range(columns)]
    )
    wanted = [f"count(*) FILTER (WHERE {condition})" for condition in when.values()]
    wanted.append("count(*) FILTER (WHERE op AND np)")
    wanted += [f"count(*) FILTER (WHERE op AND np AND d{n})" for n in range(columns)]
    wanted += [f"min({{{row}}}, {SAMPLE}) FILTER (WHERE {condition})" for condition in when.values()]
    found = db.execute(
        f"WITH j AS (SELECT {joined} FROM o FULL OUTER JOIN n ON {on}) SELECT {', '.join(wanted)} FROM j"  # noqa: S608
    ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate gives a row
    return [int(each) for each in found[: -len(_KINDS)]], list(found[-len(_KINDS) :])


def _row(kind: str, entry: Mapping[str, Any], key: Sequence[str], shared: Sequence[str]) -> dict[str, Any]:
    """One differing row: its key, and the cells that differ (of a row that came or went: all of them)."""
    shown: dict[str, Any] = {"kind": kind, "key": {name: _text(entry[f"k{n}"]) for n, name in enumerate(key)}}
    cells = {name: (entry[f"o{n}"], entry[f"n{n}"]) for n, name in enumerate(shared)}
    if kind == "changed":
        cells = {name: pair for name, pair in cells.items() if pair[0] != pair[1]}
    if kind != "added":
        shown["before"] = {name: before for name, (before, _) in cells.items()}
    if kind != "removed":
        shown["after"] = {name: after for name, (_, after) in cells.items()}
    return shown


def _text(value: Any) -> str | None:  # noqa: ANN401 - any value of a cell
    return None if value is None else str(value)
