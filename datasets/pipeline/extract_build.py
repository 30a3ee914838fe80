"""Making an extract's file in the worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auth.policy.model import ColumnTerm, DeliveryForm, GrantPolicy, Use
from auth.profile.now import limits_under
from catalog.assets import asset
from core.errors import AppError, Conflict
from core.ids import ExtractId
from core.jobs import Progress
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets.content import content_digest
from datasets.extracts import delivering, export_suite, queries, watermark
from datasets.extracts.answering import Answered, as_answers
from datasets.extracts.apart import Build
from datasets.extracts.build import Recipe, count
from datasets.extracts.keys import grant_key, mark_key, master_key, person_mark_key
from datasets.extracts.row_order import ReleaseLayout
from datasets.extracts.signing import signing_key
from datasets.extracts.tables import ExtractRow
from datasets.formats.fitting import misfits
from datasets.outputs import opening as outputs
from datasets.outputs.checks import Expected, check
from datasets.pipeline.looked_after import maker, until_cancelled
from datasets.references import look_up
from datasets.releases.shape import sort_columns
from datasets.releases.whole import whole
from datasets.tracing import terms as mark_terms
from datasets.tracing.marks import Mark
from datasets.tracing.rules import HALVES, decimals_of
from quality.engine import run_suite
from quality.references import NONE
from quality.service import store_verdict
from quality.suite import Suite

_ROWS: Final = 1 << 20  # of one column, looked at between two looks at the job


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two steps: the file into the store, then one transaction that charges, writes the receipt and lets it be taken.

    The job has no result: its reader may see less of the file than the worker, which put it before checkers perhaps.
    """
    made = ctx.step("build", lambda: _build(ctx))
    if made:
        ctx.step("finish", lambda: _finish(ctx, made))
    return {}


def _build(ctx: JobContext) -> dict[str, Any]:
    with ctx.read() as work:
        making = delivering.making(work, ctx.payload)
    if making is None:
        return {}
    release = ctx.files.path(making.release_sha256)
    with as_answers(making.is_exact), maker(ctx, release) as build:
        return _made(ctx, making, release, build)


def _made(ctx: JobContext, making: delivering.Making, release: Path, build: Build) -> dict[str, Any]:
    row, case = making.row, making.case
    whole(ctx.files, making.release_sha256)
    memory, scratch = ctx.settings.memory_limit_mb, ctx.settings.scratch_dir
    until = until_cancelled(ctx)
    expected = count(release, case.row_filter, memory_limit_mb=memory, scratch=scratch, watched=until)
    leaving = partial(
        count,
        release,
        case.row_filter,
        memory_limit_mb=memory,
        scratch=scratch,
        cells=case.cells,
        watched=until,
    )
    if reasons := misfits(DeliveryForm(row.form), release, case.terms, leaving):
        raise Conflict(reasons[0].text, reasons=reasons)
    key = grant_key(master_key(ctx.settings.keys_dir), row.dataset_id, row.grant_id)
    with ctx.read() as work:
        allowed = mark_terms.allowed(work, row.dataset_id)
    person = person_mark_key(master_key(ctx.settings.keys_dir), row.grant_id, row.person_id)
    marks, tolerances = marks_of(ctx, row.id, allowed, case.terms, release, person)
    with ctx.read() as work:
        layout = ReleaseLayout(making.release_sha256, sort_columns(work, row.release_id))
    recipe = Recipe(
        case.terms, case.row_filter, DeliveryForm(row.form), key, _facts(row), case.cells, marks=marks, layout=layout
    )  # fmt: skip
    out, shows = ctx.scratch(".part"), written(ctx, is_exact=making.is_exact)
    built = build(
        release, recipe, out, rows_expected=expected, on_progress=shows,
        memory_limit_mb=memory, scratch=scratch,
    )  # fmt: skip
    judge = partial(
        judged, ctx, release, build=build, dataset_id=row.dataset_id, about=row.id, reference=row.requested_at
    )
    marked: dict[str, Any] | None = (
        {"columns": tolerances, "left_out": "", "halves": list(HALVES)} if marks else None
    )
    try:
        export = judge(recipe, out)
    except Conflict:
        if not marks:
            raise
        # with the marks the export suite does not pass: the file leaves without, and that is on record
        recipe, out, marked = (
            replace(recipe, marks=()),
            ctx.scratch(".part"),
            {"columns": {}, "left_out": "export-suite"},
        )
        built = build(
            release, recipe, out, rows_expected=expected, on_progress=shows,
            memory_limit_mb=memory, scratch=scratch,
        )  # fmt: skip
        export = judge(recipe, out)
    watermark.refuse_unmarked(case.grant.policy, marked["columns"] if marked else ())
    findings = looked_at(ctx, recipe, out, case.grant.policy, expected - built.left_out)
    stored = ctx.files.put_file(out)
    return {
        "sha256": stored.sha256,
        "rows": built.rows,
        "bytes": stored.size_bytes,
        "export": export,
        "left_out": built.left_out,
        "findings": findings,
        "marks": marked,
    }


def written(ctx: JobContext, *, is_exact: bool) -> Progress:
    """What tells how far the writing is. Where rows are not told as they are: that it goes on, as rows or their share would tell them."""
    if is_exact:
        return ctx.part(0.1, 0.95)
    return lambda _fraction, _said: ctx.progress(0.5, Text("正在写出文件", "The file is being written"))


def marks_of(
    ctx: JobContext,
    subject_id: str,
    allowed: Mapping[str, float],
    terms: tuple[ColumnTerm, ...],
    release: Path,
    person: bytes = b"",
) -> tuple[tuple[Mark, ...], dict[str, float]]:
    """The hidden marks of one file, and their tolerances: where `allowed`, in plain columns of 64-bit floats, under the file's own key.

    person: the key of the half that all files of one person share; a view has none, for all read the same bytes.
    """
    if not allowed:
        return (), {}
    schema, key = pq.read_schema(release), mark_key(master_key(ctx.settings.keys_dir), subject_id)
    found = {
        term.name: allowed[term.name]
        for term in terms
        if term.name in allowed and term.use is Use.PLAIN and schema.field(term.name).type == pa.float64()
    }
    return tuple(
        Mark(name, decimals_of(far), key, *bounds_of(release, name, ctx.raise_if_cancelled), person)
        for name, far in found.items()
    ), found


def bounds_of(release: Path, column: str, look: Callable[[], None] = lambda: None) -> tuple[float, float]:
    """The lowest and highest released value of a column of numbers; no mark passes them. `look` is called for every
    part that is read, and what it raises ends it."""
    low, high = math.inf, -math.inf
    for batch in pq.ParquetFile(release).iter_batches(batch_size=_ROWS, columns=[column]):
        look()
        values = batch.column(0).to_numpy(zero_copy_only=False)
        values = values[np.isfinite(values)]
        if len(values):
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high


def looked_at(
    ctx: JobContext, recipe: Recipe, out: Path, policy: GrantPolicy, rows: int
) -> list[dict[str, Any]] | None:
    """What the checks before an output review see in the finished file; None where it needs no review.

    rows: how many the file ought to have. policy: of the grant that it leaves under.
    """
    with ctx.read() as work:
        if outputs.needed(work, policy.dataset_id, recipe.form, policy) < 1:
            return None
        held, limits = asset(work, policy.dataset_id), limits_under(work, policy)
    groups = [
        term.name
        for term in recipe.columns
        if (column := held.column(term.name)) is not None and column.identifier_kind == "QI"
    ]
    ctx.progress(0.97, Text("出域审核前的自动检查", "Checks before the output review"))
    expected = Expected(recipe.columns, rows, groups, limits["small_cell_min_rows"])
    memory, scratch = ctx.settings.memory_limit_mb, ctx.settings.scratch_dir
    found = check(out, recipe.form, expected, memory_limit_mb=memory, scratch=scratch)
    return [each.as_json() for each in found]


def judged(
    ctx: JobContext,
    release: Path,
    recipe: Recipe,
    out: Path,
    *,
    build: Build,
    dataset_id: str,
    about: str,
    reference: datetime,
) -> dict[str, Any] | None:
    """The finished file before the dataset's export suite, if it has one; Conflict when it does not pass. None without one.

    about: what the verdict is stored for. reference: the instant that rules about time count from.

    Other forms than Parquet have no types: what it was written from is made once more as Parquet, by the same recipe, and judged.
    """
    with ctx.read() as work:
        rules = export_suite.in_force(work, dataset_id)
        whole = Suite.from_data(rules.suite) if rules else None
        others = look_up(work, ctx.files, dataset_id, whole) if whole else NONE
    if rules is None or whole is None:
        return None
    memory, scratch = ctx.settings.memory_limit_mb, ctx.settings.scratch_dir
    table = out
    if recipe.form is not DeliveryForm.EXTRACT_PARQUET:
        table = ctx.scratch(".judged")
        build(
            release,
            replace(recipe, form=DeliveryForm.EXTRACT_PARQUET),
            table,
            memory_limit_mb=memory,
            scratch=scratch,
        )
    ctx.progress(0.96, Text("正在按出域规则集校验", "Judging by the export suite"))
    asked = export_suite.applicable(whole, export_suite.columns_of(table))
    verdict = run_suite(
        asked, table, memory_limit_mb=memory, query_seconds=ctx.settings.query_seconds, max_examples=0, max_failing_rows=0, reference=reference,
        references=others,
    )  # fmt: skip
    content = content_digest(table)
    with ctx.write() as work:
        stored = store_verdict(
            work, subject=content, batch_id=about, suite_version_id=rules.id, verdict=verdict
        )
    if verdict.verdict != "passed":
        raise export_suite.refusal(rules.number, verdict)
    return export_suite.note_for_receipt(stored.id, rules, verdict, content)


def _facts(row: ExtractRow) -> dict[str, str]:
    return {
        "datagrant.extract": row.id,
        "datagrant.grant": row.grant_id,
        "datagrant.agreement_hash": row.policy_hash,
        "datagrant.dataset": row.dataset_id,
        "datagrant.release": str(row.release_number),
    }


def _finish(ctx: JobContext, made: dict[str, Any]) -> dict[str, Any]:
    with ctx.write() as work:
        actor = queries.requester(queries.row(work, ExtractId(ctx.payload["extract_id"])))
        done = delivering.Finished(
            made["sha256"], made["rows"], made["bytes"], made.get("export"), made.get("left_out", 0), made.get("findings"), made.get("marks")
        )  # fmt: skip
        delivering.finish(work, actor, ctx.payload, done, key=signing_key(ctx.settings.keys_dir))
    return {}


def _unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    delivering.give_up(work, payload, why)


def _refused(work: Work, payload: Mapping[str, Any], refusal: AppError) -> None:
    is_answered = isinstance(refusal, Answered)
    delivering.give_up(work, payload, refusal.detail, is_answered=is_answered)


JOB: Final = JobKind(
    delivering.JOB_KIND, Text("生成提取文件", "Make an extract"), run, _unwind, refused=_refused
)
