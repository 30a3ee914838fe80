"""Making a grant's view in the worker: the same query, masks and judge as an extract's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from core.errors import Conflict
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets.extracts import watermark
from datasets.extracts.build import Built, Recipe, count
from datasets.extracts.keys import grant_key, master_key
from datasets.extracts.row_order import ReleaseLayout
from datasets.pipeline.extract_build import judged, looked_at, marks_of, written
from datasets.pipeline.looked_after import maker, until_cancelled
from datasets.releases.shape import sort_columns
from datasets.releases.whole import whole
from datasets.sharing import service
from datasets.sharing.spark import delta_schema


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two steps: the file into the store, then the transaction that lets it be read. The job has no result, as an extract's."""
    key = str(ctx.payload["view_id"])
    made = ctx.step("build", lambda: _build(ctx, key))
    if made:
        ctx.step("finish", lambda: _finish(ctx, key, made))
    return {}


def _build(ctx: JobContext, key: str) -> dict[str, Any]:
    import pyarrow.parquet as pq

    with ctx.read() as work:
        case = service.making(work, key)
        asked_at = service.row(work, key).requested_at
        allowed = service.allowed_marks(work, case) if case else {}
        sort_by = sort_columns(work, case.release.id) if case and case.release else ()
    if case is None or case.release is None or case.release.sha256 is None:
        return {}
    release = whole(ctx.files, case.release.sha256)
    memory, scratch = ctx.settings.memory_limit_mb, ctx.settings.scratch_dir
    with maker(ctx, release) as build:
        facts = {
            "datagrant.view": key, "datagrant.grant": case.grant.id, "datagrant.agreement_hash": case.grant.policy_hash,
            "datagrant.dataset": case.grant.dataset_id, "datagrant.release": str(case.release.number),
        }  # fmt: skip
        secret = grant_key(master_key(ctx.settings.keys_dir), case.grant.dataset_id, case.grant.id)
        marks, tolerances = marks_of(ctx, key, allowed, case.terms, release)
        recipe = Recipe(
            case.terms, case.row_filter, service.FORM, secret, facts, case.cells, for_readers=True, marks=marks,
            layout=ReleaseLayout(case.release.sha256, sort_by),
        )  # fmt: skip
        expected = count(
            release, case.row_filter, memory_limit_mb=memory, scratch=scratch, watched=until_cancelled(ctx)
        )

        def made(recipe: Recipe) -> tuple[Built, Path]:
            out = ctx.scratch(".part")
            built = build(
                release, recipe, out, rows_expected=expected, on_progress=written(ctx, is_exact=case.checkers < 1), memory_limit_mb=memory,
                scratch=scratch,
            )  # fmt: skip
            judged(
                ctx, release, recipe, out, build=build, dataset_id=dataset_id, about=key, reference=asked_at
            )
            return built, out

        dataset_id = case.grant.dataset_id
        try:
            built, out = made(recipe)
        except Conflict:
            if not marks:
                raise
            # with the marks the export suite does not pass: the view is made without
            recipe, tolerances = replace(recipe, marks=()), {}
            built, out = made(recipe)
    watermark.refuse_unmarked(case.grant.policy, tolerances)
    findings = looked_at(ctx, recipe, out, case.grant.policy, expected - built.left_out)
    schema = delta_schema(pq.read_schema(out))
    stored = ctx.files.put_file(out)
    return {
        "sha256": stored.sha256,
        "rows": built.rows,
        "size_bytes": stored.size_bytes,
        "delta_schema": schema,
        "findings": findings,
        "marks": tolerances,
    }


def _finish(ctx: JobContext, key: str, made: dict[str, Any]) -> dict[str, Any]:
    with ctx.write() as work:
        service.finish(work, key, **made)
    return {}


def _unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    service.give_up(work, str(payload["view_id"]), why)


JOB: Final = JobKind(service.JOB_KIND, Text("生成授权视图", "Make a grant's view"), run, _unwind)
