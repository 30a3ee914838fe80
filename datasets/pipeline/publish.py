"""Publishing a release: make its files, prove that they hold what was judged, then show all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import pyarrow.parquet as pq

from catalog import service as catalog
from catalog.assets import asset
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets import gate
from datasets.batches.tables import BatchRow
from datasets.content import ROW_COLUMN, content_digest
from datasets.releases import access, service
from datasets.releases.documents import digests, of_row
from datasets.releases.hashes import digests_of
from datasets.releases.manifest import manifest_of
from datasets.releases.partitions import Plan, split
from datasets.releases.shape import sorted_by
from datasets.releases.signing import signer
from datasets.releases.sorting import put_back, sorted_copy
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from datasets.releases.writer import write_csv, write_parquet

_WRITING: Final = Text("正在写出 Parquet 文件", "Writing the Parquet file")
_PROVING: Final = Text("正在核对内容与校验结论一致", "Proving that the content is what was judged")
_SORTING: Final = Text("正在排序", "Sorting the rows")
_SPLITTING: Final = Text("正在按时间分区", "Splitting by time")
_CSV: Final = Text("正在写出 CSV 文件", "Writing the CSV file")


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Files first, one small transaction last; each step looks first whether it was done already."""
    release_id = str(ctx.payload["release_id"])
    made = ctx.step("write", lambda: _write(ctx, release_id))
    if made:
        made |= ctx.step("csv", lambda: _write_csv(ctx, release_id, made["sha256"]))
        content = ctx.step("prove", lambda: _prove(ctx, release_id, made["sha256"]))
        made |= ctx.step("split", lambda: _split(ctx, release_id, made["sha256"]))
        made |= ctx.step("manifest", lambda: _manifest(ctx, release_id, made))
        ctx.step("publish", lambda: _publish(ctx, release_id, made, content))
    with ctx.read() as work:
        row = work.db.get_one(ReleaseRow, release_id)
    return {"release_id": row.id, "number": row.number, "state": row.state, "sha256": row.sha256}


def unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    service.give_up(work, str(payload["release_id"]), why)


def _rows(ctx: JobContext, release_id: str) -> tuple[ReleaseRow, BatchRow]:
    with ctx.read() as work:
        row = work.db.get_one(ReleaseRow, release_id)
        return row, work.db.get_one(BatchRow, row.batch_id)


def _share(ctx: JobContext, start: float, end: float, said: Text) -> Callable[[float], None]:
    tell = ctx.part(start, end)
    return lambda share: tell(share, said)


def _write(ctx: JobContext, release_id: str) -> dict[str, Any]:
    """The Parquet file, in the store."""
    row, batch = _rows(ctx, release_id)
    if row.state != ReleaseState.PREPARING or batch.typed_sha256 is None:
        return {}
    with ctx.read() as work:
        words, shapes = gate.column_words(work, row.dataset_id), gate.shapes(work, row.dataset_id)
        title = asset(work, row.dataset_id).title
    notes = {
        "datagrant:dataset_id": row.dataset_id, "datagrant:release": str(row.number), "datagrant:release_id": row.id,
        "datagrant:title_zh": title.zh, "datagrant:title_en": title.en, "datagrant:suite_version": str(row.suite_number),
        "datagrant:verdict": row.verdict, "datagrant:verdict_id": row.verdict_id,
        "datagrant:content_sha256": row.content_sha256, "datagrant:batch_sha256": row.batch_sha256,
    }  # fmt: skip
    out, table = ctx.scratch(".parquet"), ctx.files.path(batch.typed_sha256)
    if by := list(sorted_by(row)):
        table = _sorted(ctx, table, by)
    columns = write_parquet(table, out, words, notes, _share(ctx, 0.1, 0.5, _WRITING), shapes, by)
    stored = ctx.files.put_file(out)
    return {"sha256": stored.sha256, "size_bytes": stored.size_bytes, "rows": batch.rows, "columns": columns}


def _write_csv(ctx: JobContext, release_id: str, sha256: str) -> dict[str, Any]:
    """CSV beside it, only where anybody may take the data."""
    row, _ = _rows(ctx, release_id)
    with ctx.read() as work:
        if not _is_open(work, row):
            return {}
    out = ctx.scratch(".csv")
    write_csv(ctx.files.path(sha256), out, _share(ctx, 0.5, 0.8, _CSV))
    stored = ctx.files.put_file(out)
    return {"csv_sha256": stored.sha256, "csv_bytes": stored.size_bytes}


def _is_open(work: Work, row: ReleaseRow) -> bool:
    """Whether anybody may take the data, by the record as it was when the release was asked for and as it is now."""
    was_open = bool((row.shape or {}).get("is_open"))
    return was_open and not access.open_objections(asset(work, row.dataset_id))


def _prove(ctx: JobContext, release_id: str, sha256: str) -> str:
    """The digest of the values that the file on disk really holds, in the order of columns that was judged."""
    ctx.progress(0.85, _PROVING)
    row, batch = _rows(ctx, release_id)
    made, order = ctx.files.path(sha256), _judged_order(ctx, release_id)
    if not (by := list(sorted_by(row))):
        return content_digest(made, order)
    table, back, limit = (
        ctx.files.path(str(batch.typed_sha256)),
        ctx.scratch(".parquet"),
        ctx.settings.memory_limit_mb,
    )
    put_back(made, table, by, back, memory_limit_mb=limit, scratch=ctx.scratch())
    return content_digest(back, order)


def _sorted(ctx: JobContext, table: Path, by: list[str]) -> Path:
    ctx.progress(0.0, _SORTING)
    out = ctx.scratch(".parquet")
    sorted_copy(table, out, by, memory_limit_mb=ctx.settings.memory_limit_mb, scratch=ctx.scratch())
    return out


def _judged_order(ctx: JobContext, release_id: str) -> list[str]:
    """The columns as the typed table has them."""
    _, batch = _rows(ctx, release_id)
    names = pq.read_schema(ctx.files.path(str(batch.typed_sha256))).names
    return [name for name in names if name != ROW_COLUMN]


def _split(ctx: JobContext, release_id: str, sha256: str) -> dict[str, Any]:
    """The same rows by period, where the dictionary's layout says so and anybody may take the data."""
    row, _ = _rows(ctx, release_id)
    with ctx.read() as work:
        layout = catalog.layout(work, row.dataset_id)
        is_open = _is_open(work, row)
    if layout.partition_by is None or not is_open:
        return {}
    ctx.progress(0.9, _SPLITTING)
    plan = Plan(layout.partition_by, layout.partition_period or "month")
    parts = split(
        ctx.files.path(sha256),
        plan,
        ctx.scratch,
        memory_limit_mb=ctx.settings.memory_limit_mb,
        scratch=ctx.scratch(),
    )
    files = []
    for value, rows, path in parts:
        stored = ctx.files.put_file(path)
        files.append({"value": value, "rows": rows, "sha256": stored.sha256, "size_bytes": stored.size_bytes})
    return {"partitions": {"column": plan.column, "period": plan.period, "files": files}}


def _manifest(ctx: JobContext, release_id: str, made: dict[str, Any]) -> dict[str, Any]:
    row, batch = _rows(ctx, release_id)
    salt = token_hex(16)
    with ctx.read() as work:
        suite = gate.suite_version(work, row.suite_version_id)
        named = digests(of_row(work, row, salt))
    files: dict[str, Any] = {"parquet": _hashes(ctx, made["sha256"])}
    if "csv_sha256" in made:
        files["csv"] = _hashes(ctx, made["csv_sha256"])
    if parts := made.get("partitions"):
        each = [part | _hashes(ctx, part["sha256"]) for part in parts["files"]]
        files["partitions"] = parts | {"files": each}
    facts = {
        "rows": made["rows"], "columns": made["columns"], "files": files, "judged_order": _judged_order(ctx, release_id),
        "sorted_by": list(sorted_by(row)),
    }  # fmt: skip
    by = signer(ctx.settings)
    stored = ctx.files.put([manifest_of(row, batch, suite.name, facts, named, by)])
    return {"manifest_sha256": stored.sha256, "signing_key": by.verifier.key_id.hex(), "verdict_salt": salt}


def _hashes(ctx: JobContext, sha256: str) -> dict[str, str | int]:
    """Both hashes as the file on disk has them now."""
    held = digests_of(ctx.files.path(sha256))
    if held.sha256 != sha256:
        raise RuntimeError(f"the store holds other bytes under {sha256}")
    return held.as_json()


def _publish(ctx: JobContext, release_id: str, made: dict[str, Any], content: str) -> str:
    with ctx.write() as work:
        return service.finish(work, release_id, made, content).state


JOB: Final = JobKind(service.JOB, Text("发布版本", "Publish a release"), run, unwind)
