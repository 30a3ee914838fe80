"""Whether a form can hold what was asked for, judged before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from auth.policy.model import ColumnTerm, DeliveryForm, GridMask, Use
from core.errors import Reason
from core.text import Text
from datasets.formats.kinds import MOST_COLUMNS_OF_SHEET, MOST_ROWS_OF_SHEET

BOUNDED: Final = frozenset({DeliveryForm.EXTRACT_XLSX, DeliveryForm.EXTRACT_GEOJSON})
_BASIS: Final = "提取的文件形式（docs/extracts.md）· forms of an extract (docs/extracts.md)"
_ON_THE_EARTH: Final = frozenset(
    {"WGS 84", "CGCS2000"}
)  # names of `datasets.geometry.NAMES`; a few decimetres apart


def misfits(
    form: DeliveryForm, release: Path, terms: Sequence[ColumnTerm], count: Callable[[], int]
) -> tuple[Reason, ...]:
    """Every reason why `form` cannot hold the request; () when it can. `count` is asked only where it matters."""
    if form is DeliveryForm.EXTRACT_XLSX:
        return tuple(_of_sheet(release, len(terms), count))
    if form is DeliveryForm.EXTRACT_GEOJSON:
        return _of_shapes(release, terms)
    return ()


def shape_of(shapes: Sequence[str], terms: Sequence[ColumnTerm]) -> str | None:
    """The column that becomes a feature's geometry: the first shape that leaves as it is, or as a cell of a grid."""
    leave = (term for term in terms if term.use is Use.PLAIN or isinstance(term.mask, GridMask))
    return next((term.name for term in leave if term.name in shapes), None)


def _of_sheet(release: Path, columns: int, count: Callable[[], int]) -> list[Reason]:
    import pyarrow.parquet as pq

    found = []
    if columns > MOST_COLUMNS_OF_SHEET:
        text = Text(
            f"工作表至多 {MOST_COLUMNS_OF_SHEET} 列，请求 {columns} 列；请减少列或选择 Parquet。",
            f"A sheet holds {MOST_COLUMNS_OF_SHEET} columns at most, {columns} were asked for; take fewer, or Parquet.",
        )
        found.append(Reason("too-many-columns-for-form", text, _BASIS, {"columns": str(columns)}))
    if pq.read_metadata(release).num_rows > MOST_ROWS_OF_SHEET and (rows := count()) > MOST_ROWS_OF_SHEET:
        text = Text(
            f"工作表至多 {MOST_ROWS_OF_SHEET} 行（另有表头），请求 {rows} 行；请加筛选条件，或选择 Parquet 或 CSV。",
            f"A sheet holds {MOST_ROWS_OF_SHEET} rows at most besides its header, {rows} would leave; filter them, or take Parquet or CSV.",
        )
        found.append(Reason("too-many-rows-for-form", text, _BASIS, {"rows": str(rows)}))
    return found


def _of_shapes(release: Path, terms: Sequence[ColumnTerm]) -> tuple[Reason, ...]:
    import pyarrow.parquet as pq

    from datasets.geometry import shape_columns

    shapes = shape_columns(pq.read_schema(release).metadata)
    name = shape_of(tuple(shapes), terms)
    if name is None:
        text = Text(
            "所选列中没有可原样提供的几何列，不能写成 GeoJSON；请加选几何列，或选择其他形式。",
            "None of the columns chosen is a shape that leaves as it is, so there is no GeoJSON; choose one, or another form.",
        )
        return (Reason("no-geometry-for-form", text, _BASIS),)
    system = str(shapes[name].get("crs_name") or "")
    if system in _ON_THE_EARTH:
        return ()
    said = Text(system or "未注明", system or "not named")
    text = Text(
        f"GeoJSON 只用 WGS 84 坐标；列 {name} 的坐标系为 {said.zh}，请选择 Parquet。",
        f"GeoJSON is WGS 84 by definition; the system of column {name} is {said.en}. Take Parquet.",
    )
    return (Reason("not-wgs84-for-form", text, _BASIS, {"column": name}),)
