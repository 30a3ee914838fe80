"""Rules that follow a column over time within its groups, each said twice: as DuckDB SQL and over pandas rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

import pandas as pd

from quality import sql
from quality.gx.cross_match import HOLDS, CrossRule
from quality.gx.cross_tables import Part, part, part_sql, part_values
from quality.gx.facts import CURRENT, ROW, Facts
from quality.gx.record_rules import Args
from quality.kinds import NUMERIC, ORDERED, KindMismatch
from quality.own.ages import read_duration

Series = pd.Series


class Steps(NamedTuple):
    """A column followed over time within its groups."""

    value: Part
    time: Part
    groups: list[Part]


def _steps(args: Args, facts: Facts) -> Steps:
    value, time = (part(args[key], facts.columns, "本表") for key in ("column", "time_column"))
    groups = [part(each, facts.columns, "本表") for each in args["group_columns"]]
    part(
        {"column": args["time_column"], "period": "day"}, facts.columns, "本表"
    )  # a time column holds moments
    if args.get("daily"):
        groups.append(Part(time.column, "day"))
    return Steps(value, time, groups)


def _check_rise(args: Args, facts: Facts) -> None:
    found = _steps(args, facts)
    if found.value.column.kind not in ORDERED:
        raise KindMismatch(
            f"“{found.value.column.name}”没有大小之分。 “{found.value.column.name}” holds {found.value.column.kind}, which has no order."
        )


def _check_slow(args: Args, facts: Facts) -> None:
    found = _steps(args, facts)
    if found.value.column.kind not in NUMERIC:
        raise KindMismatch(
            f"“{found.value.column.name}”不是数值。 “{found.value.column.name}” holds {found.value.column.kind}; a change needs numbers."
        )


def _steps_sql(args: Args, rows: str, value: str, test: str) -> str:
    """`test` speaks of value, before, moment and moment_before (microseconds); the first of a group has no before."""
    found = _steps(args, CURRENT.get())
    groups = ", ".join(part_sql(each, each, "h") for each in found.groups)
    at = f"epoch_us(CAST(h.{found.time.column.sql} AS {'TIMESTAMPTZ' if found.time.column.zoned else 'TIMESTAMP'}))"
    complete = " AND ".join(
        f"h.{each.column.sql} IS NOT NULL" for each in (found.value, found.time, *found.groups)
    )
    window = f"OVER (PARTITION BY {groups} ORDER BY h.{found.time.column.sql}, h.{ROW})"
    steps = (
        f"SELECT h.{ROW}, {value} AS value, lag({value}) {window} AS before, {at} AS moment, lag({at}) {window} AS moment_before, "
        f"row_number() {window} AS place FROM {rows} AS h WHERE {complete}"
    )
    return f"SELECT {ROW} FROM ({steps}) WHERE place > 1 AND NOT coalesce({test}, FALSE)"


def _befores(args: Args, rows: pd.DataFrame) -> pd.DataFrame:
    """value, before, at, at_before (microseconds) and whether there is a before, at the index of `rows`."""
    found = _steps(args, CURRENT.get())
    times = rows[found.time.column.name]
    keys = list(zip(*(part_values(each, each, rows) for each in found.groups), strict=True))
    table = pd.DataFrame(
        {"value": rows[found.value.column.name].astype(object), "time": times}, index=rows.index
    )
    table["at"] = (
        (times if not found.time.column.zoned else times.dt.tz_localize(None))
        .astype("datetime64[us]")
        .astype("int64")
    )
    table["group"] = pd.factorize(pd.Series(keys, index=rows.index, dtype=object))[0] if len(rows) else 0
    table = table.sort_values(["group", "time"], kind="stable")
    same = table["group"] == table["group"].shift()
    table["before"], table["at_before"], table["has"] = table["value"].shift(), table["at"].shift(), same
    return table.loc[rows.index]


def _rise_sign(args: Args) -> str:
    falling = args.get("direction") == "falling"
    return ("<" if falling else ">") if args.get("strictly") else ("<=" if falling else ">=")


def _rise_sql(args: Args, rows: str) -> str:
    value = f"h.{_steps(args, CURRENT.get()).value.column.sql}"
    return _steps_sql(args, rows, value, f"value {_rise_sign(args)} before")


def _rise_frame(args: Args, rows: pd.DataFrame) -> Series:
    holds, steps = HOLDS[_rise_sign(args)], _befores(args, rows)
    found = [
        bool(has) and not holds(value, before)
        for value, before, has in zip(steps["value"], steps["before"], steps["has"], strict=True)
    ]
    return pd.Series(found, index=rows.index, dtype=bool)


def microseconds(duration: str) -> int:
    """A duration of days or shorter units; raises KindMismatch for months, which have no fixed length."""
    months, rest = read_duration(duration)
    if months:
        raise KindMismatch(
            f"时长 {duration} 含年或月，长短不定；请用日、时、分、秒。 {duration} counts months, which differ in length; use days or shorter units."
        )
    return rest // timedelta(microseconds=1)


def _slow_sql(args: Args, rows: str) -> str:
    value = f"CAST(h.{_steps(args, CURRENT.get()).value.column.sql} AS DOUBLE)"
    unit = sql.literal(float(microseconds(args.get("per", "PT1H"))))
    allowed = (
        f"{sql.literal(float(args['max_change']))} * greatest(1.0::DOUBLE, (moment - moment_before) / {unit})"
    )
    test = f"abs(value - before) <= {allowed} AND NOT isnan(value - before)"
    return _steps_sql(args, rows, value, test)


def _slow_frame(args: Args, rows: pd.DataFrame) -> Series:
    unit, steps = float(microseconds(args.get("per", "PT1H"))), _befores(args, rows)

    def broken(value: Any, before: Any, at: Any, at_before: Any, has: bool) -> bool:
        if not has:
            return False
        allowed = float(args["max_change"]) * max(1.0, float(int(at) - int(at_before)) / unit)
        return not abs(float(value) - float(before)) <= allowed

    columns = (steps[name] for name in ("value", "before", "at", "at_before", "has"))
    return pd.Series([broken(*row) for row in zip(*columns, strict=True)], index=rows.index, dtype=bool)


RULES: Final = (
    CrossRule("expect_values_to_rise_over_time", "multicolumn_values.dg_rise", _check_rise, _rise_sql, _rise_frame),
    CrossRule("expect_values_to_change_slowly", "multicolumn_values.dg_slow", _check_slow, _slow_sql, _slow_frame),
)  # fmt: skip
