"""Making a release that is open to everybody in another form, in the worker, by the writers of extracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import Conflict
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets.extracts.build import Recipe
from datasets.pipeline.looked_after import maker
from datasets.releases import forms
from datasets.releases.whole import whole


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two steps: the file into the store, then the transaction that lets it be taken."""
    key = str(ctx.payload["open_file_id"])
    made = ctx.step("build", lambda: _build(ctx, key))
    if made:
        ctx.step("finish", lambda: _finish(ctx, key, made))
    return made


def _build(ctx: JobContext, key: str) -> dict[str, Any]:
    with ctx.read() as work:
        found = forms.making(work, key)
    if found is None:
        return {}
    row, release = found
    sha256 = release.sha256 or ""
    path = whole(ctx.files, sha256)
    if reasons := forms.objections(release, row.form, path):
        raise Conflict(reasons[0].text, reasons=reasons)
    facts = {"datagrant.dataset": release.dataset_id, "datagrant.release": str(release.number), "datagrant.release_sha256": sha256}  # fmt: skip
    recipe = Recipe(
        forms.terms(release), None, forms.FORMS[row.form], b"\0" * 32, facts
    )  # no column is pseudonymised
    out = ctx.scratch(".part")
    with maker(ctx, path) as build:
        build(
            path, recipe, out, rows_expected=release.rows or 0, on_progress=ctx.part(0.1, 0.95),
            memory_limit_mb=ctx.settings.memory_limit_mb, scratch=ctx.settings.scratch_dir,
        )  # fmt: skip
    stored = ctx.files.put_file(out)
    return {"sha256": stored.sha256, "size_bytes": stored.size_bytes}


def _finish(ctx: JobContext, key: str, made: dict[str, Any]) -> dict[str, Any]:
    with ctx.write() as work:
        forms.finish(work, key, **made)
    return {}


def _unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    forms.give_up(work, str(payload["open_file_id"]), why)


JOB: Final = JobKind(
    forms.JOB, Text("生成开放数据的其他形式", "Make open data in another form"), run, _unwind
)
