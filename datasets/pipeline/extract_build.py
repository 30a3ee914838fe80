"""Making an extract's file in the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auth.policy.model import DeliveryForm
from core.errors import Unavailable
from core.ids import ExtractId
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work
from datasets.extracts import queries, service
from datasets.extracts.build import Recipe, build, count
from datasets.extracts.keys import grant_key, master_key
from datasets.extracts.tables import ExtractRow


def run(ctx: JobContext) -> Mapping[str, Any]:
    """Two steps: the file into the store, then one transaction that charges, writes the receipt and lets it be taken."""
    extract_id = ExtractId(ctx.payload["extract_id"])
    made = ctx.step("build", lambda: _build(ctx, extract_id))
    if made:
        ctx.step("finish", lambda: _finish(ctx, extract_id, made))
    return made


def _build(ctx: JobContext, extract_id: ExtractId) -> dict[str, Any]:
    with ctx.read() as work:
        making = service.making(work, extract_id)
    if making is None:
        return {}
    row, case = making.row, making.case
    if not ctx.files.verify(making.release_sha256):
        raise Unavailable(
            Text(
                f"发布版本文件 {making.release_sha256[:12]} 校验不符，已停止交付；请联系系统管理员。",
                f"The release file {making.release_sha256[:12]} does not match its digest; delivery stopped. Tell the system administrator.",
            )
        )
    release = ctx.files.path(making.release_sha256)
    memory, scratch = ctx.settings.memory_limit_mb, ctx.settings.scratch_dir
    expected = count(release, case.row_filter, memory_limit_mb=memory, scratch=scratch)
    key = grant_key(master_key(ctx.settings.keys_dir), row.dataset_id, row.grant_id)
    recipe = Recipe(case.terms, case.row_filter, DeliveryForm(row.form), key, _facts(row))
    out = ctx.scratch(".part")
    built = build(
        release, recipe, out, rows_expected=expected, on_progress=ctx.part(0.1, 0.95),
        memory_limit_mb=memory, scratch=scratch,
    )  # fmt: skip
    stored = ctx.files.put_file(out)
    return {"sha256": stored.sha256, "rows": built.rows, "bytes": stored.size_bytes}


def _facts(row: ExtractRow) -> dict[str, str]:
    return {
        "datagrant.extract": row.id,
        "datagrant.grant": row.grant_id,
        "datagrant.agreement_hash": row.policy_hash,
        "datagrant.dataset": row.dataset_id,
        "datagrant.release": str(row.release_number),
    }


def _finish(ctx: JobContext, extract_id: ExtractId, made: dict[str, Any]) -> dict[str, Any]:
    with ctx.write() as work:
        actor = queries.requester(queries.row(work, extract_id))
        service.finish(work, actor, extract_id, made["sha256"], made["rows"], made["bytes"])
    return {}


def _unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    service.give_up(work, ExtractId(payload["extract_id"]), why)


JOB: Final = JobKind(service.JOB_KIND, Text("生成提取文件", "Make an extract"), run, _unwind)
