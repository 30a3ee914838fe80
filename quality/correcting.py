"""Corrected rows back into their table by row key (更正): types kept, every cell that cannot be read named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputRefused, Reason
from core.text import Text
from quality.kinds import Column, Kind, column_of, read_moment
from quality.sheet import DATA_SHEET, FAULT_TITLE, HEADER_LINES, KEY_TITLE, ROW, armed

if TYPE_CHECKING:
    import pyarrow as pa

_MAX_FAULTS: Final = 100
_TRUE: Final = frozenset({"true", "1", "1.0", "是", "yes", "y", "t"})
_FALSE: Final = frozenset({"false", "0", "0.0", "否", "no", "n", "f"})
Cells = dict[str, Any]


def apply_correction(original: Path, corrected_xlsx: Path, out: Path) -> int:
    """Write `original` to `out` with the corrected rows in place of the old ones; gives the number of rows taken.

    Rows are matched by their key; a column that the sheet leaves out stays as it was; types stay. An empty cell is a
    missing value (an empty text stays an empty text). Raises InputRefused for unknown keys or columns, keys named
    twice, and cells that cannot be read as the column's type; each with line, column and value.
    """
    import pyarrow.parquet as pq

    source = pq.ParquetFile(original)
    schema = source.schema_arrow
    columns = {field.name: column_of(field) for field in schema if field.name != ROW}
    corrected = _read(corrected_xlsx, columns)
    left = set(corrected)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        offset = 0
        for batch in source.iter_batches(batch_size=65_536):
            keys = (
                batch.column(ROW).to_pylist()
                if ROW in schema.names
                else range(offset + 1, offset + len(batch) + 1)
            )
            offset += len(batch)
            writer.write_batch(_merged(batch, keys, corrected, columns))
            left.difference_update(keys)
    if left:
        out.unlink()
        shown = ", ".join(map(str, sorted(left)[:10]))
        raise _refused(f"行号 {shown} 在原表中不存在", f"the table has no row {shown}")
    return len(corrected)


def _merged(
    batch: pa.RecordBatch, keys: Sequence[int], corrected: Mapping[int, Cells], columns: Mapping[str, Column]
) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    places = [place for place, key in enumerate(keys) if key in corrected]
    if not places:
        return batch
    named = set().union(*(corrected[keys[place]] for place in places))
    mask = pa.array([key in corrected for key in keys])
    arrays = []
    for field, old in zip(batch.schema, batch.columns, strict=True):
        if field.name not in named:
            arrays.append(old)
            continue
        new = [
            _kept(corrected[keys[place]][field.name], old[place].as_py(), columns[field.name])
            for place in places
        ]
        arrays.append(pc.replace_with_mask(old, mask, pa.array(new, field.type)))
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _kept(new: Any, old: Any, column: Column) -> Any:
    """A spreadsheet cannot tell an empty text from a missing one: what was empty stays empty."""
    return "" if new is None and old == "" and column.kind is Kind.TEXT else new


def _read(path: Path, columns: Mapping[str, Column]) -> dict[int, Cells]:
    """Corrected cells by row key."""
    lines = _lines(path)
    header = [str(cell).strip() for cell in lines[0]]
    taken = _header(header, columns)
    found: dict[int, Cells] = {}
    faults: list[Reason] = []
    for number, line in enumerate(lines[1:], start=2):
        cell = line[header.index(KEY_TITLE)]
        if number <= HEADER_LINES and not _is_key(cell):
            continue  # the line of titles
        if all(each == "" for each in line):
            continue
        if not _is_key(cell):
            _fault(
                faults,
                number,
                KEY_TITLE,
                cell,
                Text("行号应为正整数", "a row key is a positive whole number"),
            )
        elif int(float(cell)) in found:
            _fault(faults, number, KEY_TITLE, cell, Text("行号重复", "the row is named twice"))
        else:
            found[int(float(cell))] = _cells(line, number, taken, columns, faults)
    if faults:
        raise _refused(
            "；".join(fault.text.zh for fault in faults[:3])
            + (f" 等 {len(faults)} 处" if len(faults) > 3 else ""),
            "; ".join(fault.text.en for fault in faults[:3])
            + (f"; {len(faults)} faults in all" if len(faults) > 3 else ""),
            faults[:_MAX_FAULTS],
        )
    if not found:
        raise _refused("表中没有数据行", "the sheet holds no rows")
    return found


def _lines(path: Path) -> list[list[Any]]:
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            name = DATA_SHEET if DATA_SHEET in book.sheet_names else book.sheet_names[0]
            lines = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise _refused(
            f"无法作为工作簿打开（{error}）", f"it cannot be opened as a workbook ({error})"
        ) from None
    if not lines or KEY_TITLE not in [str(cell).strip() for cell in lines[0]]:
        raise _refused(
            f"第一行缺少列“{KEY_TITLE}”；请使用系统生成的更正表",
            f'its first line has no column "{KEY_TITLE}"; use the sheet that the system made',
        )
    return lines


def _header(header: list[str], columns: Mapping[str, Column]) -> dict[int, str]:
    """Column names by their place in the sheet."""
    taken = {place: name for place, name in enumerate(header) if name not in ("", KEY_TITLE, FAULT_TITLE)}
    unknown = [name for name in taken.values() if name not in columns or columns[name].kind is Kind.OTHER]
    if unknown:
        listed = "、".join(unknown), ", ".join(unknown)
        raise _refused(
            f"原表没有可更正的列：{listed[0]}", f"the table has no such column to correct: {listed[1]}"
        )
    if len(set(taken.values())) < len(taken):
        raise _refused("有重名的列", "a column is named twice")
    return taken


def _cells(
    line: Sequence[Any],
    number: int,
    taken: Mapping[int, str],
    columns: Mapping[str, Column],
    faults: list[Reason],
) -> Cells:
    cells: Cells = {}
    for place, name in taken.items():
        column = columns[name]
        try:
            cells[name] = cell_value(line[place], column)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            said = Text(f"不能读作{_KIND_ZH[column.kind]}", f"cannot be read as {column.kind}")
            _fault(faults, number, name, line[place], said)
    return cells


_KIND_ZH: Final = {
    Kind.INTEGER: "整数",
    Kind.NUMBER: "数值",
    Kind.DECIMAL: "数值",
    Kind.TEXT: "文本",
    Kind.BOOLEAN: "是否",
    Kind.DATE: "日期",
    Kind.DATETIME: "日期时间",
    Kind.TIME: "时间",
}


def cell_value(cell: Any, column: Column) -> Any:
    """A spreadsheet cell as a value of the column's kind; None for an empty one. Raises ValueError."""
    if isinstance(cell, str):
        cell = armed(cell)
    if cell is None or cell == "":
        return None
    kind = column.kind
    if kind is Kind.TEXT:
        return _as_text(cell)
    if kind is Kind.INTEGER:
        return _whole(cell)
    if kind is Kind.NUMBER:
        return float(cell)
    if kind is Kind.DECIMAL:
        return Decimal(str(cell).strip())
    if kind is Kind.BOOLEAN:
        return _truth(cell)
    if kind is Kind.TIME:
        return cell if isinstance(cell, time) else time.fromisoformat(str(cell).strip())
    moment = _moment(cell)
    if kind is Kind.DATE:
        if moment.time() != time():
            raise ValueError(cell)
        return moment.date()
    if column.zoned:
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.replace(tzinfo=None)


def _as_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _whole(cell: Any) -> int:
    if isinstance(cell, float):
        if not cell.is_integer():
            raise ValueError(cell)
        return int(cell)
    return int(str(cell).strip())


def _truth(cell: Any) -> bool:
    word = str(cell).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(cell)
    return word in _TRUE


def _moment(cell: Any) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    return read_moment(str(cell).strip())


def _is_key(cell: Any) -> bool:
    try:
        return float(cell) >= 1 and float(cell).is_integer()
    except (TypeError, ValueError):
        return False


def _fault(faults: list[Reason], line: int, column: str, value: Any, why: Text) -> None:
    shown = str(value)[:60]
    text = Text(f"第 {line} 行“{column}”：{shown} {why.zh}", f'line {line}, "{column}": {shown} {why.en}')
    faults.append(
        Reason("bad-cell", text, "correction-sheet", {"line": line, "column": column, "value": shown})
    )


def _refused(zh: str, en: str, faults: Sequence[Reason] = ()) -> InputRefused:
    return InputRefused(
        Text(
            f"更正表无法采用：{zh}。请改正后重新提交。",
            f"The correction sheet cannot be taken: {en}. Mend it and hand it in again.",
        ),
        reasons=faults,
    )
