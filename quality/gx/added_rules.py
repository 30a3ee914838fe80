"""The row rules that Great Expectations lacks, each said twice: as a DuckDB condition and as a pandas mask.

What is right stands in `quality/own`; both engines call those very functions. DuckDB looks with a cheap pattern
first, so that Python is asked only about the few values that could be a number of a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from quality import sql
from quality.gx import frame
from quality.gx.record_rules import Args, Columns, RecordRule
from quality.gx.row_rules import RowRule, Scope, View, asked_of_python, double, text_sql
from quality.own import identifiers
from quality.own.areas import Area, area_text, lies_in, read_area
from quality.predicates import Predicate

Series = pd.Series


def _holds_none(metric: str, predicate: str, test: Predicate, hint: str) -> RowRule:
    def as_sql(scope: Scope) -> str:
        text = text_sql(scope.column)
        return f"NOT CASE WHEN regexp_matches({text}, {sql.literal(hint)}) THEN {predicate}({text}, '') ELSE FALSE END"

    def as_mask(view: View) -> Series:
        found = frame.text_of(view.values, view.column).map(lambda text: test(text, ""))
        return ~found.astype(bool)

    return RowRule(metric, as_sql, as_mask)


def _box_sql(columns: Columns, area: Area) -> str:
    longitude, latitude = map(double, columns)
    return (
        f"{longitude} BETWEEN {sql.literal(area.west)} AND {sql.literal(area.east)} "
        f"AND {latitude} BETWEEN {sql.literal(area.south)} AND {sql.literal(area.north)}"
    )


def _area_sql(columns: Columns, args: Args, _: Callable[[], str]) -> str:
    area = read_area(args["area"])
    inside = "TRUE"
    if area.polygons:
        longitude, latitude = (f"CAST({double(column)} AS VARCHAR)" for column in columns)
        inside = f"dg_lies_in({longitude} || ',' || {latitude}, {sql.literal(area_text(args['area']))})"
    return f"CASE WHEN {_box_sql(columns, area)} THEN {inside} ELSE FALSE END"


def _area_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    area = read_area(args["area"])
    points = zip(*(rows[column.name].astype("float64") for column in columns), strict=True)
    return pd.Series([area.holds(*point) for point in points], index=rows.index, dtype=bool)


def swapped(args: Args, points: Sequence[Sequence[Any]]) -> dict[str, int]:
    """Of the points that lie outside: how many would lie inside with longitude and latitude the other way round."""
    area = area_text(args["area"])
    pairs = [tuple(map(_number, point)) for point in points]
    turned = sum(
        lies_in(f"{latitude},{longitude}", area)
        for longitude, latitude in pairs
        if longitude is not None and latitude is not None
    )
    return {"likely_swapped": turned, "looked_at": len(points)}


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _small_groups_sql(columns: Columns, args: Args, rows: Callable[[], str]) -> str:
    names = [column.sql for column in columns]
    packed = "struct_pack(" + ", ".join(f"k{place} := {name}" for place, name in enumerate(names)) + ")"
    small = f"SELECT {packed} FROM {rows()} GROUP BY {', '.join(names)} HAVING count(*) < {int(args['k'])}"
    return f"NOT coalesce({packed} IN ({small}), FALSE)"


def _small_groups_mask(columns: Columns, args: Args, rows: pd.DataFrame) -> Series:
    names = list(dict.fromkeys(column.name for column in columns))
    rows = rows.loc[:, ~rows.columns.duplicated()]  # a lone column comes twice
    places = rows.groupby(names, dropna=False, sort=False).ngroup()
    return places.map(places.value_counts()) >= int(args["k"])


COLUMN_RULES: Final = (
    asked_of_python("column_values.dg_credit_code", "dg_is_credit_code", lambda _: ""),
    _holds_none(
        "column_values.dg_no_phone_number",
        "dg_holds_phone_number",
        identifiers.holds_phone_number,
        identifiers.PHONE_HINT,
    ),
    _holds_none(
        "column_values.dg_no_card_number",
        "dg_holds_card_number",
        identifiers.holds_card_number,
        identifiers.CARD_HINT,
    ),
)
PAIR_RULES: Final = (RecordRule("column_pair_values.dg_in_area", _area_sql, _area_mask, takes=("area",)),)
RECORD_RULES: Final = (
    RecordRule("multicolumn_values.dg_group_size", _small_groups_sql, _small_groups_mask, takes=("k",)),
)
# What a rule has to say about the rows it refused, beyond their keys and values.
NOTES: Final[Mapping[str, Callable[[Args, Sequence[Sequence[Any]]], Any]]] = {
    "expect_coordinates_to_lie_in_area": swapped
}
