"""Rules over several rows, or over a second table, each said twice: as DuckDB SQL and over pandas rows.

Each names the rows that break it. A row in which a column that the rule looks at is missing is never judged: it is left
out beforehand as `ignore_row_if` says, and fails where that says `never`. What both sides mean by equal stands in
`quality.gx.cross_tables`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

from quality import sql
from quality.gx import cross_steps
from quality.gx.cross_match import HOLDS, CrossRule, Match, match
from quality.gx.cross_tables import Part, comparable_parts, part, part_sql, part_values
from quality.gx.duck import Rows
from quality.gx.facts import CURRENT, ROW, Facts
from quality.gx.record_rules import Args, Columns, RecordRule
from quality.kinds import NUMERIC, ORDERED, Kind, KindMismatch
from quality.references import ROWS_COUNTED

Series = pd.Series


def _is_first(args: Args, facts: Facts) -> bool:
    """A rule about the last release where it is known that there is none: nothing can be broken yet."""
    return "dataset" not in args and facts.references.last() is None


_NOBODY: Final = f"SELECT 0 AS {ROW} WHERE FALSE"


def _none(rows: pd.DataFrame) -> Series:
    return pd.Series(False, index=rows.index)


# --- a key that is there -----------------------------------------------------------------------------------------


def _exists_sql(args: Args, rows: str) -> str:
    found = match(args, CURRENT.get(), "columns", "other_columns")
    return f"SELECT h.{ROW} FROM {rows} AS h ANTI JOIN {found.held.relation} AS o ON {found.on('h', 'o')}"


def _exists_frame(args: Args, rows: pd.DataFrame) -> Series:
    found = match(args, CURRENT.get(), "columns", "other_columns")
    there = set(found.keys_there(found.held.frame([each.column.name for each in found.theirs])))
    return pd.Series([key not in there for key in found.keys_here(rows)], index=rows.index, dtype=bool)


# --- a value that agrees with the other's ------------------------------------------------------------------------

_SIGNS: Final[Mapping[str, str]] = {"equal": "=", "at_most": "<=", "at_least": ">=", "more_than": ">"}


class Values(NamedTuple):
    """The two values of a comparison. exact: both are compared as they are, without arithmetic."""

    keys: Match
    mine: Part
    theirs: Part
    sign: str
    exact: bool


def _values(args: Args, facts: Facts) -> Values:
    keys = match(args, facts, "keys", "other_keys")
    mine = part(args["column"], facts.columns, "本表")
    theirs = Part(keys.held.column(str(args.get("other_column", args["column"]))))
    comparable_parts(mine, theirs)
    sign = _SIGNS[args.get("comparison", "equal")]
    exact = not ({"factor", "tolerance", "tolerance_share"} & set(args))
    kinds = (mine.column.kind, theirs.column.kind)
    if not exact and not set(kinds) <= NUMERIC:
        raise KindMismatch(
            f"系数与容差只适用于数值，而“{mine.column.name}”为 {kinds[0]}。 A factor or tolerance needs numbers; “{mine.column.name}” holds {kinds[0]}."
        )
    if sign != "=" and not set(kinds) <= ORDERED:
        raise KindMismatch(
            f"“{mine.column.name}”为 {kinds[0]}，没有大小之分。 “{mine.column.name}” holds {kinds[0]}, which has no order."
        )
    return Values(keys, mine, theirs, sign, exact)


def _check_values(args: Args, facts: Facts) -> None:
    found = _values(args, facts)
    found.keys.held.refuse_repeated([each.column.name for each in found.keys.theirs])


def _within_sql(args: Args, sign: str, mine: str, theirs: str) -> str:
    """Double arithmetic; whatever is not a number is not within."""
    bound = f"({theirs} * {sql.literal(float(args.get('factor', 1)))})"
    slack = f"({sql.literal(float(args.get('tolerance', 0)))} + {sql.literal(float(args.get('tolerance_share', 0)))} * abs({bound}))"
    if sign == "=":
        test = f"({mine} = {bound} OR coalesce(abs({mine} - {bound}) <= {slack} AND NOT isnan({mine} - {bound}) AND NOT isnan({slack}), FALSE))"
    else:
        edge = f"({bound} + {slack})" if sign == "<=" else f"({bound} - {slack})"
        test = f"({mine} {sign} {edge} AND NOT isnan({edge}))"
    return f"coalesce({test}, FALSE)"


def _within(args: Args, sign: str, mine: float, theirs: float) -> bool:
    bound = theirs * float(args.get("factor", 1))
    slack = float(args.get("tolerance", 0)) + float(args.get("tolerance_share", 0)) * abs(bound)
    if sign == "=":
        return mine == bound or abs(mine - bound) <= slack
    edge = bound + slack if sign == "<=" else bound - slack
    return bool(HOLDS[sign](mine, edge))


def _agree_sql(args: Args, rows: str) -> str:
    facts = CURRENT.get()
    if _is_first(args, facts):
        return _NOBODY
    keys, mine, theirs, sign, exact = _values(args, facts)
    value, other = part_sql(mine, theirs, "h"), part_sql(theirs, mine, "o")
    if exact:
        test = f"coalesce({value} {sign} {other}, FALSE)"
    else:
        test = _within_sql(args, sign, f"CAST({value} AS DOUBLE)", f"CAST({other} AS DOUBLE)")
    if args.get("unmatched") == "ignore":
        test = f"({other} IS NULL OR {test})"
    return f"SELECT h.{ROW} FROM {rows} AS h LEFT JOIN {keys.held.relation} AS o ON {keys.on('h', 'o')} WHERE NOT {test}"


def _agree_frame(args: Args, rows: pd.DataFrame) -> Series:
    facts = CURRENT.get()
    if _is_first(args, facts):
        return _none(rows)
    keys, mine, theirs, sign, exact = _values(args, facts)
    table = keys.held.frame([*(each.column.name for each in keys.theirs), theirs.column.name])
    known = dict(zip(keys.keys_there(table), part_values(theirs, mine, table), strict=True))
    ignored = args.get("unmatched") == "ignore"

    def broken(key: Any, value: Any) -> bool:
        other = known.get(key) if key is not None else None
        if value is None or other is None:
            return not (ignored and other is None)
        return not (HOLDS[sign](value, other) if exact else _within(args, sign, float(value), float(other)))

    values = part_values(mine, theirs, rows)
    found = [broken(key, value) for key, value in zip(keys.keys_here(rows), values, strict=True)]
    return pd.Series(found, index=rows.index, dtype=bool)


# --- totals of groups --------------------------------------------------------------------------------------------


def _sum_sql(column: Part | None, table: str) -> str:
    if column is None:
        return "CAST(count(*) AS DOUBLE)"
    name = f"{table}.{column.column.sql}"
    return f"CAST({'fsum' if column.column.kind is Kind.NUMBER else 'sum'}({name}) AS DOUBLE)"


def _total(column: Part | None, values: Iterable[Any]) -> float | None:
    if column is None:
        return float(sum(1 for _ in values))
    kept = [value for value in values if value is not None]
    if not kept:
        return None
    if column.column.kind is Kind.NUMBER:
        numbers = [float(value) for value in kept]
        return math.fsum(numbers) if all(map(math.isfinite, numbers)) else sum(numbers)
    return float(sum(kept))


class Totals(NamedTuple):
    groups: Match
    mine: Part | None
    theirs: Part | None


def _totals(args: Args, facts: Facts) -> Totals:
    """Sums of the column of the same name unless `other_column` says otherwise: `*` counts rows there."""
    groups = match(args, facts, "group_columns", "other_group_columns")
    mine = part(args["column"], facts.columns, "本表") if "column" in args else None
    named = str(args.get("other_column", args.get("column", ROWS_COUNTED)))
    theirs = None if named == ROWS_COUNTED else Part(groups.held.column(named))
    for one in (mine, theirs):
        if one is not None and one.column.kind not in NUMERIC:
            raise KindMismatch(
                f"“{one.column.name}”为 {one.column.kind}，不能求和。 “{one.column.name}” holds {one.column.kind}; a total needs numbers."
            )
    return Totals(groups, mine, theirs)


def _check_totals(args: Args, facts: Facts) -> None:
    _totals(args, facts)


def grouped_sql(table: str, alias: str, ones: Sequence[Part], others: Sequence[Part], total: str) -> str:
    names = [part_sql(one, other, alias) for one, other in zip(ones, others, strict=True)]
    chosen = ", ".join(f"{name} AS k{place}" for place, name in enumerate(names))
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    numbers = ", ".join(str(place + 1) for place in range(len(names)))
    return f"SELECT {chosen}, {total} AS total FROM {table} AS {alias} WHERE {present} GROUP BY {numbers}"


def _totals_sql(args: Args, rows: str) -> str:
    groups, mine, theirs = _totals(args, CURRENT.get())
    here = grouped_sql(rows, "h", groups.mine, groups.theirs, _sum_sql(mine, "h"))
    there = grouped_sql(groups.held.relation, "o", groups.theirs, groups.mine, _sum_sql(theirs, "o"))
    same = " AND ".join(f"a.k{place} = b.k{place}" for place in range(len(groups.mine)))
    test = _within_sql(args, "=", "a.total", "b.total")
    if args.get("unmatched") == "ignore":
        test = f"(b.total IS NULL OR {test})"
    names = ", ".join(f"a.k{place}" for place in range(len(groups.mine)))
    bad = f"SELECT {names} FROM ({here}) AS a LEFT JOIN ({there}) AS b ON {same} WHERE NOT {test}"
    on = " AND ".join(
        f"{part_sql(one, other, 'h')} = bad.k{place}"
        for place, (one, other) in enumerate(zip(groups.mine, groups.theirs, strict=True))
    )
    return f"SELECT h.{ROW} FROM {rows} AS h SEMI JOIN ({bad}) AS bad ON {on}"


def _by_key(keys: Iterable[Any], values: Iterable[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            found[key].append(value)
    return found


def _totals_frame(args: Args, rows: pd.DataFrame) -> Series:
    groups, mine, theirs = _totals(args, CURRENT.get())
    names = [each.column.name for each in groups.theirs] + ([theirs.column.name] if theirs else [])
    table = groups.held.frame(names)
    keys = groups.keys_here(rows)
    here = _by_key(keys, part_values(mine, mine, rows) if mine else keys)
    other_keys = groups.keys_there(table)
    there = _by_key(other_keys, part_values(theirs, theirs, table) if theirs else other_keys)
    ignored = args.get("unmatched") == "ignore"

    def agrees(key: Any) -> bool:
        one, other = _total(mine, here[key]), _total(theirs, there[key]) if key in there else None
        if other is None:
            return ignored
        return one is not None and _within(args, "=", one, other)

    good = {key for key in here if agrees(key)}
    return pd.Series([key not in good for key in keys], index=rows.index, dtype=bool)


# --- as Great Expectations takes them ----------------------------------------------------------------------------


def _check_exists(args: Args, facts: Facts) -> None:
    match(args, facts, "columns", "other_columns")


def grown(args: Args) -> dict[str, Any]:
    """A counter is a value that agrees with the last release's: not less, and new keys are welcome."""
    comparison = "more_than" if args.get("strictly") else "at_least"
    return {**{key: args[key] for key in ("column", "keys")}, "comparison": comparison, "unmatched": "ignore"}


def _check_grown(args: Args, facts: Facts) -> None:
    if not _is_first(grown(args), facts):
        _check_values(grown(args), facts)


CROSS_RULES: Final = (
    CrossRule("expect_column_values_to_exist_in_dataset", "multicolumn_values.dg_exists", _check_exists, _exists_sql, _exists_frame),
    CrossRule("expect_values_to_agree_with_dataset", "multicolumn_values.dg_agrees", _check_values, _agree_sql, _agree_frame),
    CrossRule("expect_totals_to_agree_with_dataset", "multicolumn_values.dg_totals", _check_totals, _totals_sql, _totals_frame),
    CrossRule(
        "expect_counters_to_grow_since_last_release",
        "multicolumn_values.dg_grown",
        _check_grown,
        lambda args, rows: _agree_sql(grown(args), rows),
        lambda args, rows: _agree_frame(grown(args), rows),
    ),
    *cross_steps.RULES,
)  # fmt: skip
BY_TYPE: Final[Mapping[str, CrossRule]] = {rule.type: rule for rule in CROSS_RULES}


def _as_record(rule: CrossRule) -> RecordRule:
    def as_sql(columns: Columns, args: Args, rows: Rows) -> str:
        complete = " AND ".join(f"{column.sql} IS NOT NULL" for column in columns)
        return f"{complete} AND {ROW} NOT IN ({rule.duck(args['how'], rows())})"

    def as_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
        rows = rows.loc[:, ~rows.columns.duplicated()]  # a lone column comes twice
        complete = rows.notna().all(axis=1)
        mask = complete.astype(bool)
        kept = rows[mask]
        mask[mask] = ~rule.frame(args["how"], kept).astype(bool)
        return mask

    return RecordRule(rule.metric, as_sql, as_mask, takes=("how",))


RECORD_RULES: Final = tuple(_as_record(rule) for rule in CROSS_RULES)
