"""Whether a form can hold what was asked for, judged before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from auth.policy.model import EXTRACT_FORMS, ColumnTerm, DeliveryForm, GridMask, Use
from core import bases
from core.errors import Reason
from core.text import Text
from datasets.formats.kinds import MOST_COLUMNS_OF_SHEET, MOST_ROWS_OF_SHEET

TOO_MANY_ROWS: Final = "too-many-rows-for-form"
TOO_LARGE: Final = "too-large-for-form"
MORE_THAN_A_SHEET: Final = Text(
    f"工作表至多 {MOST_ROWS_OF_SHEET} 行（另有表头），请求的行可能更多",
    f"A sheet holds {MOST_ROWS_OF_SHEET} rows at most besides its header, and more may have been asked for",
)
BOUNDED: Final = frozenset({DeliveryForm.EXTRACT_XLSX, DeliveryForm.EXTRACT_GEOJSON})
_NAMES: Final = {  # in the order of what keeps values exact
    DeliveryForm.EXTRACT_PARQUET: Text("Parquet", "Parquet"),
    DeliveryForm.EXTRACT_JSONL: Text("JSON Lines", "JSON lines"),
    DeliveryForm.EXTRACT_CSV: Text("CSV", "CSV"),
    DeliveryForm.EXTRACT_CSV_GB18030: Text("CSV（GB18030）", "CSV (GB18030)"),
    DeliveryForm.EXTRACT_GEOJSON: Text("GeoJSON", "GeoJSON"),
}
_GEOPARQUET: Final = Text("Parquet（即 GeoParquet）", "Parquet (as GeoParquet)")
BASIS: Final = bases.FILE_FORMS
_ON_THE_EARTH: Final = frozenset(
    {"WGS 84", "CGCS2000"}
)  # names of `datasets.geometry.NAMES`; a few decimetres apart


def misfits(
    form: DeliveryForm,
    release: Path,
    terms: Sequence[ColumnTerm],
    count: Callable[[], int],
    granted: Collection[DeliveryForm] = EXTRACT_FORMS,
    *,
    is_exact: bool = True,
) -> tuple[Reason, ...]:
    """Every reason why `form` cannot hold the request; () when it can. `count` is asked only where it matters.

    granted: the forms that the grant allows of this data; a refusal names those of them that can hold it. is_exact: whether it tells how many rows
    were counted.
    """
    if form is DeliveryForm.EXTRACT_XLSX:
        return tuple(_of_sheet(release, terms, count, _instead(form, release, terms, granted), is_exact))
    if form is DeliveryForm.EXTRACT_GEOJSON:
        return _of_shapes(release, terms, _instead(form, release, terms, granted))
    return ()


def _instead(
    form: DeliveryForm, release: Path, terms: Sequence[ColumnTerm], granted: Collection[DeliveryForm]
) -> Text | None:
    """The other forms of a file that the grant allows and that hold any number of rows and columns; None where there is none."""
    import pyarrow.parquet as pq

    from datasets.geometry import shape_columns

    fits = [each for each in _NAMES if each in granted and each is not form]
    if form is not DeliveryForm.EXTRACT_GEOJSON and _of_shapes(release, terms, None):
        fits = [each for each in fits if each is not DeliveryForm.EXTRACT_GEOJSON]
    has_shape = shape_of(tuple(shape_columns(pq.read_schema(release).metadata)), terms) is not None
    names = [
        _GEOPARQUET if has_shape and each is DeliveryForm.EXTRACT_PARQUET else _NAMES[each] for each in fits
    ]
    if not names:
        return None
    return Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))


def _or_take(instead: Text | None) -> Text:
    """How a refusal goes on: with what can be had instead."""
    if instead is None:
        return Text(
            "；本授权没有其他可容纳的文件形式。", "; the grant has no other form of file that holds it."
        )
    return Text(
        f"，或改选本授权可用的形式：{instead.zh}。", f", or take another form of the grant: {instead.en}."
    )


def shape_of(shapes: Sequence[str], terms: Sequence[ColumnTerm]) -> str | None:
    """The column that becomes a feature's geometry: the first shape that leaves as it is, or as a cell of a grid."""
    leave = (term for term in terms if term.use is Use.PLAIN or isinstance(term.mask, GridMask))
    return next((term.name for term in leave if term.name in shapes), None)


def _of_sheet(
    release: Path,
    terms: Sequence[ColumnTerm],
    count: Callable[[], int],
    instead: Text | None,
    is_exact: bool,
) -> list[Reason]:
    import pyarrow.parquet as pq

    found, columns, other = [], len(terms), _or_take(instead)
    if columns > MOST_COLUMNS_OF_SHEET:
        text = Text(
            f"工作表至多 {MOST_COLUMNS_OF_SHEET} 列，请求 {columns} 列；请减少列{other.zh}",
            f"A sheet holds {MOST_COLUMNS_OF_SHEET} columns at most, {columns} were asked for; take fewer{other.en}",
        )
        found.append(Reason("too-many-columns-for-form", text, BASIS, {"columns": str(columns)}))
    if pq.read_metadata(release).num_rows > MOST_ROWS_OF_SHEET and (rows := count()) > MOST_ROWS_OF_SHEET:
        text = Text(
            f"工作表至多 {MOST_ROWS_OF_SHEET} 行（另有表头），请求 {rows} 行；请加筛选条件{other.zh}",
            f"A sheet holds {MOST_ROWS_OF_SHEET} rows at most besides its header, {rows} would leave; filter them{other.en}",
        )
        if not is_exact:
            zh, en = MORE_THAN_A_SHEET.zh, MORE_THAN_A_SHEET.en
            text = Text(
                f"{zh}（仅用于筛选的列不计）；请按可交付的列筛选{other.zh}",
                f"{en} (conditions on columns that only filter are not counted); filter by columns that leave{other.en}",
            )
        found.append(Reason(TOO_MANY_ROWS, text, BASIS, {"rows": str(rows)} if is_exact else {}))
    return found


def _of_shapes(release: Path, terms: Sequence[ColumnTerm], instead: Text | None) -> tuple[Reason, ...]:
    import pyarrow.parquet as pq

    from datasets.geometry import shape_columns

    other = _or_take(instead)
    shapes = shape_columns(pq.read_schema(release).metadata)
    name = shape_of(tuple(shapes), terms)
    if name is None:
        text = Text(
            f"所选列中没有可原样提供的几何列，不能写成 GeoJSON；请加选几何列{other.zh}",
            f"None of the columns chosen is a shape that leaves as it is, so there is no GeoJSON; choose one{other.en}",
        )
        return (Reason("no-geometry-for-form", text, BASIS),)
    system = str(shapes[name].get("crs_name") or "")
    if system in _ON_THE_EARTH:
        return ()
    said = Text(system or "未注明", system or "not named")
    text = Text(
        f"GeoJSON 只用 WGS 84 坐标，而列 {name} 的坐标系为 {said.zh}；请不选该列{other.zh}",
        f"GeoJSON is WGS 84 by definition, and the system of column {name} is {said.en}; leave the column out{other.en}",
    )
    return (Reason("not-wgs84-for-form", text, BASIS, {"column": name}),)
