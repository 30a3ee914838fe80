"""Rules over pairs of columns that Great Expectations lacks: the delay between two clocks, points in their declared datum.

Each is said twice: as a DuckDB condition and as a pandas mask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from quality import sql
from quality.gx.cross_steps import microseconds
from quality.gx.duck import Rows
from quality.gx.record_rules import Args, Columns, RecordRule
from quality.gx.row_rules import double
from quality.own.areas import read_area
from quality.own.datums import REACH_DEG, fits, guess, plan_text

Series = pd.Series


# --- delay between two clocks -------------------------------------------------------------------------------------


def _delay_bounds(args: Args) -> tuple[int | None, int | None]:
    least, most = (args["how"].get(key) for key in ("min_delay", "max_delay"))
    return (microseconds(least) if least else None), (microseconds(most) if most else None)


def _delay_sql(columns: Columns, args: Args, _: Rows) -> str:
    since, until = (
        f"epoch_us(CAST({each.sql} AS {'TIMESTAMPTZ' if each.zoned else 'TIMESTAMP'}))" for each in columns
    )
    least, most = _delay_bounds(args)
    tests = ([f"{until} - {since} >= {least}"] if least is not None else []) + (
        [f"{until} - {since} <= {most}"] if most is not None else []
    )
    return f"coalesce({' AND '.join(tests)}, FALSE)"


def _delay_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    since, until = (rows[each.name] for each in columns)
    least, most = _delay_bounds(args)
    present = since.notna() & until.notna()

    def stamps(values: Series) -> list[int]:
        plain = values.dt.tz_localize(None) if values.dt.tz is not None else values
        return [int(value) for value in plain.astype("datetime64[us]").astype("int64")]

    kept = present.astype(bool)
    delays = zip(stamps(since[kept]), stamps(until[kept]), strict=True)
    inside = [
        (least is None or late - early >= least) and (most is None or late - early <= most)
        for early, late in delays
    ]
    return pd.Series(inside, index=since[kept].index, dtype=bool).reindex(since.index, fill_value=False)


# --- the declared datum -------------------------------------------------------------------------------------------


def _fits_sql(columns: Columns, args: Args, _: Rows) -> str:
    """A box around the area, as wide as a datum can shift a place, goes before the asking of Python."""
    area, (longitude, latitude) = read_area(args["area"]), map(double, columns)
    box = (
        f"{longitude} BETWEEN {sql.literal(area.west - REACH_DEG)} AND {sql.literal(area.east + REACH_DEG)} "
        f"AND {latitude} BETWEEN {sql.literal(area.south - REACH_DEG)} AND {sql.literal(area.north + REACH_DEG)}"
    )
    point = f"CAST({longitude} AS VARCHAR) || ',' || CAST({latitude} AS VARCHAR)"
    return f"CASE WHEN {box} THEN dg_fits_crs({point}, {sql.literal(plan_text(args['area'], args['crs']))}) ELSE FALSE END"


def _fits_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    plan = plan_text(args["area"], args["crs"])
    points = zip(*(rows[column.name].astype("float64") for column in columns), strict=True)
    return pd.Series([fits(f"{x},{y}", plan) for x, y in points], index=rows.index, dtype=bool)


def likely(args: Args, points: Sequence[Sequence[Any]]) -> dict[str, int]:
    """What the points that do not fit look like."""
    found = Counter(
        guess(float(longitude), float(latitude), args["area"], args["crs"]) or "elsewhere"
        for longitude, latitude in points
        if not (pd.isna(longitude) or pd.isna(latitude))
    )
    return {**{f"likely_{name}": count for name, count in sorted(found.items())}, "looked_at": len(points)}


PAIR_RULES: Final = (
    RecordRule("column_pair_values.dg_delay", _delay_sql, _delay_mask, takes=("how",)),
    RecordRule("column_pair_values.dg_fits_crs", _fits_sql, _fits_mask, takes=("area", "crs")),
)
NOTES: Final[Mapping[str, Callable[[Args, Sequence[Sequence[Any]]], Any]]] = {
    "expect_coordinates_to_fit_crs": likely
}
