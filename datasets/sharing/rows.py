"""A grant's view page by page: rows in the view's own order, from a place in it onwards.

The view never changes, so the place of a row is a key: pages neither skip nor repeat a row, and the next one costs no more than the first. A
cursor names the view and the question that it belongs to.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auth.policy.filters.model import RowFilter
from auth.policy.filters.rules import columns_of
from auth.policy.model import Use
from core.errors import InputRefused, Reason, refuse_if
from core.text import Text
from datasets.sharing.service import BASIS, Reading

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS: Final = 10_000
MOST_LOOKED_AT: Final = (
    2_000_000  # rows that one request goes through; a page may be short and still have a next
)
JUDGE_MEMORY_MB: Final = 256
_BATCH: Final = 16_384
_PLACE: Final = "at"


class PageFormat(StrEnum):
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    ARROW = "arrow"


MEDIA: Final = {
    PageFormat.JSON: "application/json",
    PageFormat.JSONL: "application/x-ndjson",
    PageFormat.CSV: "text/csv; charset=utf-8",
    PageFormat.ARROW: "application/vnd.apache.arrow.stream",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a view: columns in the order wanted, and which rows."""

    columns: tuple[str, ...]
    row_filter: RowFilter | None

    def cursor(self, view_id: str, at: int) -> str:
        """Where the next page begins: at the row whose place is `at`."""
        return base64.urlsafe_b64encode(json.dumps([self._name(view_id), at]).encode()).decode().rstrip("=")

    def place(self, view_id: str, cursor: str) -> int:
        """The place that a cursor of this question names; 0 without one. InputRefused for any other."""
        if not cursor:
            return 0
        try:
            name, at = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except ValueError:
            raise _foreign() from None
        if name != self._name(view_id) or type(at) is not int or not 0 <= at < 2**53:
            raise _foreign()
        return at

    def _name(self, view_id: str) -> str:
        said = self.row_filter.model_dump_json() if self.row_filter else ""
        return hashlib.sha256(json.dumps([view_id, self.columns, said]).encode()).hexdigest()[:16]


def _foreign() -> InputRefused:
    return InputRefused(
        Text(
            "该游标属于另一个版本、另一些列或条件；请从第一页重新开始，或用 release 固定版本。",
            "This cursor belongs to another release, other columns or another filter; begin with the first page, or pin the release.",
        )
    )


def demand_filterable(who: Reading, row_filter: RowFilter | None) -> None:
    """Raise AccessRefused for a filter on a column that the view does not hold as it is."""
    plain = {term.name for term in who.grant.policy.columns if term.use is Use.PLAIN}
    refuse_if([_not_in_view(name) for name in sorted(columns_of(row_filter) - plain)])


def _not_in_view(name: str) -> Reason:
    text = Text(
        f"列 {name} 不以原值提供，不能在分页接口中筛选；请改用提取。",
        f"Column {name} does not leave as it is, so pages cannot be filtered by it; take an extract.",
    )
    return Reason("filter-not-in-view", text, BASIS, {"column": name})


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the place from which to go on; None at the end."""

    table: pa.Table
    next_at: int | None


def page_of(path: Path, question: Question, after: int, limit: int) -> Page:
    """At most `limit` rows from the place `after` onwards. Memory stays at a batch and the page."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file, _judge(question.row_filter) as passing:
        needed = list(dict.fromkeys([*question.columns, *columns_of(question.row_filter)]))
        found: list[pa.Table] = []
        rows, looked_at, end = 0, 0, file.metadata.num_rows
        for start, batch in _from(file, needed, after):
            places = pa.array(range(start, start + batch.num_rows), pa.int64())
            table = pa.table(batch)
            kept = table.append_column(_PLACE, places)
            found.append(kept.filter(passing(table)) if passing else kept)
            rows, looked_at = rows + found[-1].num_rows, looked_at + batch.num_rows
            if rows > limit or looked_at >= MOST_LOOKED_AT:
                end = start + batch.num_rows
                break
        whole = pa.concat_tables(found) if found else _empty(file, needed)
        if whole.num_rows > limit:
            next_at = whole.column(whole.num_columns - 1)[limit].as_py()
            return Page(whole.slice(0, limit).select(list(question.columns)), next_at)
        return Page(whole.select(list(question.columns)), end if end < file.metadata.num_rows else None)


@contextmanager
def _judge(row_filter: RowFilter | None) -> Iterator[Callable[[pa.Table], pa.Array] | None]:
    """What says which rows pass; None where all do."""
    if row_filter is None:
        yield None
        return
    from datasets.extracts.build import engine_of, passing

    with engine_of(JUDGE_MEMORY_MB, Path(tempfile.gettempdir())) as connection:
        yield lambda table: passing(connection, table, row_filter)


def _empty(file: object, needed: Sequence[str]) -> pa.Table:
    import pyarrow.parquet as pq

    assert isinstance(file, pq.ParquetFile)  # noqa: S101 - opened above
    return file.schema_arrow.empty_table().select(list(needed))


def _from(file: object, needed: Sequence[str], after: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches and the place of their first row, from `after` on; groups of rows before it are not read."""
    import pyarrow.parquet as pq

    assert isinstance(file, pq.ParquetFile)  # noqa: S101 - opened above
    at = 0
    for group in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if at + size <= after:
            at += size
            continue
        for batch in file.iter_batches(_BATCH, row_groups=[group], columns=list(needed), use_threads=False):
            skipped = min(max(after - at, 0), batch.num_rows)
            if skipped < batch.num_rows:
                yield at + skipped, batch.slice(skipped)
            at += batch.num_rows


def body_of(page: Page, kind: PageFormat, cursor: str | None, release: int) -> bytes:
    """The page in its form. JSON names columns, release and cursor; other forms leave that to the headers."""
    from datasets.formats.pages import as_arrow, as_csv, as_lines

    match kind:
        case PageFormat.CSV:
            return as_csv(page.table)
        case PageFormat.JSONL:
            return b"".join(each + b"\n" for each in as_lines(page.table))
        case PageFormat.ARROW:
            return as_arrow(page.table)
        case _:
            head = {"release": release, "columns": page.table.schema.names, "next": cursor}
            items = b",".join(as_lines(page.table))
            return json.dumps(head, ensure_ascii=False).encode()[:-1] + b',"items":[' + items + b"]}"
