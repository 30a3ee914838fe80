"""Writing every failing row of a stored verdict: its rules are run again over the same table, by the same version of the suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from core.errors import Conflict
from core.jobs_run import JobContext, JobKind
from core.text import Text
from datasets import gate
from datasets.batches.tables import BatchRow
from datasets.failing_list import FailingList
from datasets.references import look_up
from datasets.releases.writer import write_csv
from datasets.verdict_failing import KIND
from quality.engine import run_suite
from quality.suite import Suite
from quality.verdict import FailingRow, Outcome, Verdict

_RUNNING: Final = Text("正在逐条列出问题行", "Listing failing rows, rule by rule")
_CSV: Final = Text("正在写出 CSV 文件", "Writing the CSV file")


def run(ctx: JobContext) -> Mapping[str, Any]:
    """One Parquet and one CSV into the store. A rule that counts otherwise today (what it compares with has gone on) is left out
    and named, so that the list never says other than the verdict."""
    with ctx.read() as work:
        batch = work.db.get_one(BatchRow, str(ctx.payload["batch_id"]))
        stored = gate.verdict_row(work, str(ctx.payload["verdict_id"]))
        assert stored is not None  # noqa: S101 - verdicts are never deleted
        suite = Suite.from_data(gate.suite_version(work, stored.suite_version_id).suite)
        others = look_up(work, ctx.files, batch.dataset_id, suite)
        keys = gate.key_columns(work, batch.dataset_id)
    if batch.content_sha256 != stored.content_sha256 or batch.typed_sha256 is None:
        raise Conflict(
            Text(
                "该批次已重新读取，结论所指的表不在了。",
                "The batch was read anew; the verdict's table is gone.",
            )
        )
    said = Verdict.model_validate(stored.result).expectations
    places = [
        place for place, each in enumerate(said, start=1) if each.unexpected_count and each.outcome != "error"
    ]
    out = ctx.scratch(".parquet")
    left_out = list[int]()
    with FailingList(out) as kept:

        def failing(place: int, outcome: Outcome, rows: Iterator[Sequence[FailingRow]]) -> None:
            was = places[place - 1]
            if outcome.unexpected_count == said[was - 1].unexpected_count:
                kept(was, outcome, rows)
            else:
                left_out.append(was)

        if places:
            tell = ctx.part(0.0, 0.8)
            again = run_suite(
                Suite(name=suite.name, expectations=[suite.expectations[place - 1] for place in places]),
                ctx.files.path(batch.typed_sha256), memory_limit_mb=ctx.settings.memory_limit_mb, max_examples=1, max_failing_rows=1,
                query_seconds=ctx.settings.query_seconds, reference=batch.submitted_at, references=others, keys=keys,
                on_progress=lambda done, total: tell(done / max(total, 1), _RUNNING), failing=failing,
            )  # fmt: skip
            gone = (
                at
                for at, each in enumerate(again.expectations)
                if each.outcome == "error" or not each.unexpected_count
            )
            left_out += [places[at] for at in gone]
    ctx.progress(0.8, _CSV)
    text = ctx.scratch(".csv")
    write_csv(out, text)
    whole, cells = ctx.files.put_file(out), ctx.files.put_file(text)
    return {
        "verdict_id": stored.id, "rows": kept.rows, "left_out": sorted(set(left_out)), "sha256": whole.sha256,
        "size_bytes": whole.size_bytes, "csv_sha256": cells.sha256, "csv_bytes": cells.size_bytes,
    }  # fmt: skip


JOB: Final = JobKind(KIND, Text("列出全部问题行", "List every failing row"), run, lane="check")
