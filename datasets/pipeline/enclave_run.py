"""Running an approved specification inside: bounded in memory and time, cancellable, stopped when the grant ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.errors import AccessRefused, Conflict, refuse_if
from core.jobs_run import JobContext, JobKind
from core.text import Text
from core.work import Work, hold
from datasets.enclave import output, queries, service
from datasets.enclave.model import EnclaveSpec
from datasets.enclave.tables import EnclaveRow
from datasets.enclave.watch import Watch
from datasets.enclave.workflow import EnclaveStep
from datasets.extracts.keys import grant_key, master_key
from datasets.outputs import opening
from datasets.outputs.opening import Output
from datasets.queries import history
from datasets.queries.answering import Told, tell
from datasets.queries.deciding import Case
from datasets.queries.engine import TooManyGroups, View, contributors, scan
from datasets.queries.model import Count
from datasets.queries.rules import Control, suppressed
from datasets.queries.service import (
    Desk,
    answer_row,
    cache_of,
    conditions,
    scope_of,
    weighed,
    with_conditions,
)
from datasets.releases.whole import whole

HELD: Final = "held"
_LIMIT: Final = "enclave_figures"
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Running:
    """An approved request with the decision on it as it is now."""

    row: EnclaveRow
    spec: EnclaveSpec
    case: Case


def run(ctx: JobContext) -> Mapping[str, Any]:
    """One durable step: compute, hold against what was told before, put before the checkers. Twice is once."""
    return {"state": ctx.step("run", lambda: _run(ctx))}


def _run(ctx: JobContext) -> str:
    try:
        return _computed(ctx)
    except AccessRefused as refusal:
        why = Text(
            "；".join(each.text.zh for each in refusal.reasons) or refusal.detail.zh,
            " ".join(each.text.en for each in refusal.reasons) or refusal.detail.en,
        )
        step = EnclaveStep.SUPPRESS if _is_suppressed(refusal) else EnclaveStep.STOP
        with ctx.write() as work:
            service.end(work, ctx.payload, step, why)
        return step.value


def _is_suppressed(refusal: AccessRefused) -> bool:
    return [each.code for each in refusal.reasons] == ["suppressed"]


def _running(work: Work, payload: Mapping[str, Any], *, to_change: bool = False) -> Running | None:
    """The request as this job is to run it now; None where that is no longer approved. AccessRefused with every reason.

    What runs is the specification that was approved, on the release that was current then: nothing else is.
    """
    row = queries.row(work, None, str(payload["enclave_id"]), to_change=to_change)
    if not service.is_asked(row, payload):
        return None
    spec = queries.spec_of(row)
    if not row.spec_hash == row.approved_hash == spec.hash:
        raise Conflict(
            Text(
                "方案与批准的不同，未予计算。",
                "The specification is not the one that was approved; nothing was computed.",
            )
        )
    case = service.standing(work, spec)
    refuse_if(case.reasons)
    if case.release is None or case.release.id != row.release_id:
        raise Conflict(
            Text(
                "批准之后发布了新版本；请重新提交。",
                "A new release was published after the approval; hand it in again.",
            )
        )
    return Running(row, spec, case)


def _computed(ctx: JobContext) -> str:
    with ctx.read() as work:
        now = _running(work, ctx.payload)
    if now is None:
        return "ended"

    def asks() -> None:
        with ctx.read() as work:
            refuse_if(service.standing(work, now.spec).reasons)

    watch = Watch(ctx, asks, now.case.limits["enclave_seconds"])
    told = _told(ctx, now, watch)
    watch.look()
    rows = output.arranged(told, now.spec)
    out = ctx.scratch(".parquet")
    facts = {
        "datagrant.enclave": now.row.id,
        "datagrant.grant": now.row.grant_id,
        "datagrant.spec": now.row.spec_hash,
    }
    policy = now.case.grant.policy
    output.write(out, rows, now.spec, facts, policy)
    ctx.progress(0.9, Text("输出前的自动检查", "Checks before the output review"))
    findings = output.looked_at(
        out, now.spec, policy, rows=len(rows), hidden=told.hidden, min_group=now.case.limits["query_min_group"],
        memory_limit_mb=ctx.settings.memory_limit_mb, scratch=ctx.settings.scratch_dir,
    )  # fmt: skip
    watch.look()
    stored = ctx.files.put_file(out)
    return _finished(ctx, now, told, (stored.sha256, len(rows), stored.size_bytes), findings)


def _told(ctx: JobContext, now: Running, watch: Watch) -> Told:
    """The figures that the rules let out, over the grant's own view. AccessRefused `suppressed` when that is nothing."""
    case, spec = now.case, now.spec
    assert case.release is not None and case.release.sha256 is not None and case.terms is not None  # noqa: S101, PT018 - reasons otherwise
    ctx.progress(0.1, Text("正在读取授权视图", "Reading the grant's view"))
    release, memory, desk = whole(ctx.files, case.release.sha256), ctx.settings.memory_limit_mb, _desk(ctx)
    who = contributors(release, case.terms.contributor, cache_of(desk), memory_limit_mb=memory)
    key = grant_key(master_key(ctx.settings.keys_dir), now.row.dataset_id, now.row.grant_id)
    view = View({term.name: term for term in case.grant.policy.columns}, key)
    measured = sorted({part.column for part in spec.select if not isinstance(part, Count)})
    try:
        found = scan(
            release, case.row_filter, spec.group_by, measured, max_groups=case.limits[_LIMIT],
            memory_limit_mb=memory, scratch=ctx.settings.scratch_dir, view=view, watched=watch.over,
        )  # fmt: skip
        ctx.progress(0.6, Text("正在按披露控制计算", "Computing under the rules of disclosure control"))
        lists = {name: codes for name, codes in case.terms.lists.items() if view.shows_as_is(name)}
        told = tell(spec, found, who, Control.of(case.limits), lists)
    except TooManyGroups:
        raise _suppressed() from None
    weighed_too = (
        None if told.is_empty else with_conditions(told, conditions(case, release, who, ctx.settings))
    )
    if weighed_too is None:
        raise _suppressed()
    return weighed_too


def _suppressed() -> AccessRefused:
    reason = suppressed()
    return AccessRefused(reason.text, reasons=[reason])


def _desk(ctx: JobContext) -> Desk:
    return Desk(ctx.read, ctx.write, ctx.files, ctx.settings)


def _finished(
    ctx: JobContext, first: Running, told: Told, made: tuple[str, int, int], findings: list[dict[str, Any]]
) -> str:
    """Held against all that was told before; from then on its figures count as told, and the checkers have it."""
    for left in reversed(range(_TRIES)):
        if left:
            with ctx.read() as work:
                before, may = weighed(work, _desk(ctx), first.case, told, _LIMIT)
            if not may:
                raise _suppressed()
        with ctx.write() as work:
            now = _running(work, ctx.payload, to_change=True)
            if now is None:
                return "ended"
            hold(work, f"query:{now.row.dataset_id}")
            if (
                now.case.terms != first.case.terms
                or now.case.grant.policy_hash != first.case.grant.policy_hash
            ):
                raise Conflict(
                    Text(
                        "计算期间条款发生变化；请重新提交。", "Terms changed while it ran; hand it in again."
                    )
                )
            if not left:  # nobody is told anything meanwhile, so this one is the last
                _, may = weighed(work, _desk(ctx), first.case, told, _LIMIT)
                if not may:
                    raise _suppressed()
            elif history.told(work, scope_of(now.case)) != before:
                continue  # somebody was told something meanwhile
            _put_before_checkers(work, now, told, made, findings)
            return EnclaveStep.FINISH.value
    raise AssertionError("the last try ends")


def _put_before_checkers(
    work: Work, now: Running, told: Told, made: tuple[str, int, int], findings: list[dict[str, Any]]
) -> None:
    row, case, (sha256, rows, size) = now.row, now.case, made
    assert case.release is not None  # noqa: S101 - a reason otherwise
    who = service.requester(row)
    held = answer_row(work, who, case, now.spec.model_dump(mode="json"), HELD, {})
    work.db.add(held)
    work.db.flush()
    history.keep(work, held, told.partitions)
    review = opening.open_review(
        work, who,
        Output(
            "enclave", row.id, row.dataset_id, row.org_id, row.grant_id, row.application_id, case.release.id,
            case.release.number, case.question.form, row.purpose, [*now.spec.groups, *now.spec.measures], sha256, rows,
            size, row.requested_by, row.job_id, findings, {"enclave": row.id, "spec": row.spec_hash},
        ),
    )  # fmt: skip
    service.finish(work, row, review.id)


def _unwind(work: Work, payload: Mapping[str, Any], why: Text) -> None:
    service.end(work, payload, EnclaveStep.FAIL, why)


JOB: Final = JobKind(service.JOB_KIND, Text("域内计算", "Compute in the enclave"), run, _unwind)
