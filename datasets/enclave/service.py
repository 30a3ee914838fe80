"""Handing a specification in, its review by a steward, and what becomes of the result. Each step asks the grant at its own instant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth import audit
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants import usage
from auth.grants.ledger import Taking
from auth.grants.view import Used
from auth.identity.principals import orgs_of
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.model import DeliveryForm
from auth.roles import Role
from auth.stored import if_readable
from catalog.assets import asset
from core import jobs
from core.errors import AppError, NotFound, Reason, Stale, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.batches.models import Command
from datasets.enclave import queries, rules
from datasets.enclave.model import (
    EnclaveDecision,
    EnclaveDetail,
    EnclaveRead,
    EnclaveRevise,
    EnclaveSpec,
    EnclaveSubmit,
)
from datasets.enclave.tables import EnclaveRow, EnclaveStepRow
from datasets.enclave.workflow import GIVES_BACK, REVIEW, STATE_NAMES, EnclaveState, EnclaveStep, advance
from datasets.extracts import reviewed as extract_reviewed
from datasets.extracts.models import ExtractState
from datasets.extracts.tables import ExtractRow
from datasets.outputs import opening
from datasets.outputs.tables import OutputReviewRow
from datasets.people import stamp
from datasets.queries import deciding
from datasets.queries.deciding import Case, Question

JOB_KIND: Final = "enclave.run"
_KINDS: Final[Mapping[EnclaveStep, str]] = {
    EnclaveStep.REVISE: "enclave.revised", EnclaveStep.APPROVE: "enclave.approved", EnclaveStep.RETURN: "enclave.returned",
    EnclaveStep.DECLINE: "enclave.declined", EnclaveStep.FINISH: "enclave.finished",
    EnclaveStep.SUPPRESS: "enclave.suppressed", EnclaveStep.STOP: "enclave.stopped", EnclaveStep.FAIL: "enclave.failed",
    EnclaveStep.RELEASE: "enclave.released", EnclaveStep.REFUSE: "enclave.kept_in", EnclaveStep.WITHDRAW: "enclave.withdrawn",
    EnclaveStep.CARRY: "enclave.carried", EnclaveStep.READ_ANEW: "enclave.carried",
}  # fmt: skip


def question_of(spec: EnclaveSpec) -> Question:
    return Question(
        DeliveryForm.ENCLAVE, spec.grant_id, spec.dataset_id, spec.columns, spec.where, spec.purpose, spec.scenario_id
    )  # fmt: skip


def consider(work: Work, actor: Actor, spec: EnclaveSpec) -> Case:
    """Every reason to refuse the specification now, before it is handed in. NotFound outside the actor's sight."""
    grant = grant_queries.view(work, spec.grant_id, actor)
    return deciding.consider(work, actor, question_of(spec), _misfits(work, spec, grant.policy))


def standing(work: Work, spec: EnclaveSpec) -> Case:
    """The decision on a specification that was handed in, whoever looks. What it took from the quota is not asked twice."""
    return standing_under(work, spec, Used())


def standing_under(work: Work, spec: EnclaveSpec, used: Used, more: Iterable[Reason] = ()) -> Case:
    """The same where so much was used of its grant; `more`: what else stands against it."""
    grant = replace(grant_queries.view(work, spec.grant_id), used=used)
    return deciding.considered(work, grant, question_of(spec), (*more, *_misfits(work, spec, grant.policy)))


def _misfits(work: Work, spec: EnclaveSpec, policy: Any) -> tuple[Reason, ...]:  # noqa: ANN401 - a grant's policy
    try:
        return rules.misfits(spec, asset(work, spec.dataset_id), policy)
    except NotFound:
        return ()  # a reason already


def submit(work: Work, actor: Actor, body: EnclaveSubmit) -> EnclaveRead:
    """Hand a specification in: one extract of the quota is taken, and one output of the month. AccessRefused lists every reason."""
    case = consider(work, actor, body.spec)
    refuse_if(case.reasons)
    held = asset(work, case.grant.dataset_id)
    row = EnclaveRow(
        id=work.new_id(), grant_id=case.grant.id, application_id=case.grant.application_id, dataset_id=case.grant.dataset_id,
        department_id=held.org_id, org_id=case.grant.org_id, requested_by=actor.account_id, requested_name=actor.username,
        person_id=actor.person_id, purpose=body.spec.purpose, scenario_id=body.spec.scenario_id,
        spec=body.spec.model_dump_json(), spec_hash=body.spec.hash, because=body.because.strip(), submitted_at=work.now,
    )  # fmt: skip
    usage.charge(
        work,
        case.grant.id,
        extracts=1,
        subject=row.id,
        taking=case.question.taking(actor, case.release),
        outputs=1,
    )
    work.db.add(row)
    work.db.flush()
    _remember(work, actor, row, "submit", "enclave.submitted", note=row.because, spec=row.spec)
    tell_stewards(work, row)
    return queries.read(row)


def note_refusal(work: Work, actor: Actor, spec: EnclaveSpec, refusal: AppError) -> None:
    """Write down that a specification was refused, and why; the refusal itself wrote nothing."""
    deciding.note_refusal(work, actor, question_of(spec), refusal)


def revise(work: Work, actor: Actor, enclave_id: str, body: EnclaveRevise) -> EnclaveRead:
    """Hand a returned specification in again, changed; it is reviewed anew."""
    row = queries.row(work, actor, enclave_id, to_change=True)
    if body.version is not None and body.version != row.version:
        raise _stale(row.version)
    advance(EnclaveState(row.state), EnclaveStep.REVISE)
    if body.spec.grant_id != row.grant_id:
        raise NotFound(Text("方案须仍依据同一授权。", "The specification must stay under the same grant."))
    case = deciding.consider(
        work, actor, question_of(body.spec),
        _misfits(work, body.spec, grant_queries.view(work, GrantId(row.grant_id)).policy), is_charged=True,
    )  # fmt: skip
    refuse_if(case.reasons)
    row.spec, row.spec_hash, row.because = body.spec.model_dump_json(), body.spec.hash, body.because.strip()
    row.purpose, row.scenario_id = body.spec.purpose, body.spec.scenario_id
    move(work, actor, row, EnclaveStep.REVISE, note=row.because, spec=row.spec)
    tell_stewards(work, row)
    return queries.read(row)


def decide(work: Work, actor: Actor, enclave_id: str, body: EnclaveDecision) -> EnclaveRead:
    """A steward approves, returns or declines the very specification that was read. Approval has it computed at once."""
    row = queries.row(work, actor, enclave_id, to_change=True)
    step = EnclaveStep(body.decision)
    refuse_if(_people(work, actor, row))
    advance(EnclaveState(row.state), step)
    case = standing(work, queries.spec_of(row))
    refuse_if(
        rules.decision_objections(body.decision, body.note, body.spec_hash, row.spec_hash, case.reasons)
    )
    row.reviewer_person, row.reviewed_name = actor.person_id, actor.username
    if step is EnclaveStep.APPROVE:
        assert case.release is not None  # noqa: S101 - a reason otherwise
        row.approved_hash, row.release_id, row.release_number = (
            row.spec_hash,
            case.release.id,
            case.release.number,
        )
        ask_for_work(work, row, actor.account_id)
    else:
        row.why_zh = row.why_en = body.note.strip()
    if step in GIVES_BACK:
        give_back(work, row)
    move(work, actor, row, step, note=body.note.strip())
    return queries.read(row)


def ask_for_work(work: Work, row: EnclaveRow, account_id: str) -> None:
    """Have the approved specification computed. The job is for that very one: what its request goes on with later is another job's."""
    row.job_id = jobs.ask_for(
        work, JOB_KIND, row.id, requested_by=account_id, org_id=row.department_id,
        payload={"enclave_id": row.id, "spec_hash": row.spec_hash},
    )  # fmt: skip


def is_asked(row: EnclaveRow, payload: Mapping[str, Any]) -> bool:
    """Whether a job still computes what is wanted: not once the request goes on under a later grant, or has ended."""
    before = row.spec_hash if row.asked_under is None else ""  # a job of an earlier version does not say
    return row.state == EnclaveState.APPROVED and payload.get("spec_hash", before) == row.spec_hash


def call_off(work: Work, row: EnclaveRow) -> None:
    """Stop the computation that was asked for last, if it still waits or runs."""
    if row.job_id and (job := work.db.get(jobs.JobRow, row.job_id)):
        job.cancel_requested = True
        work.db.add(job)


def withdraw(work: Work, actor: Actor, enclave_id: str) -> EnclaveRead:
    """The requester's side takes it back, at any time before the release; what runs is stopped."""
    row = queries.row(work, actor, enclave_id, to_change=True)
    refuse_if(deciding.acting_for(work, actor, grant_queries.view(work, GrantId(row.grant_id))))
    was = EnclaveState(row.state)
    advance(was, EnclaveStep.WITHDRAW)
    if was is EnclaveState.IN_REVIEW:
        opening.take_back(work, actor, "enclave", row.id)
        usage.give_output_back(work, GrantId(row.grant_id), row.submitted_at)
    else:
        give_back(work, row)
    if was is EnclaveState.APPROVED:
        call_off(work, row)
    row.why_zh, row.why_en = f"由 {actor.name.zh} 撤回。", f"Withdrawn by {actor.name.en}."
    move(work, actor, row, EnclaveStep.WITHDRAW)
    return queries.read(row)


def end(work: Work, payload: Mapping[str, Any], step: EnclaveStep, why: Text) -> None:
    """The worker's word that nothing comes of this job: suppressed, stopped or failed. Left alone where it is no longer asked for."""
    row = queries.row(work, None, str(payload["enclave_id"]), to_change=True)
    if not is_asked(row, payload):
        return
    row.why_zh, row.why_en = why.zh, why.en
    if step in GIVES_BACK:
        give_back(work, row)
    move(work, requester(row), row, step, note=why.zh[:1000])


def finish(work: Work, row: EnclaveRow, review_id: str) -> None:
    """The result lies before the checkers."""
    row.review_id = review_id
    move(work, requester(row), row, EnclaveStep.FINISH)


def let_go(work: Work, reviewed: OutputReviewRow, review: dict[str, Any], key: Ed25519PrivateKey) -> None:
    """The checkers released it: only now is there a file to be had, with its receipt. AccessRefused when the grant no longer allows it."""
    row = queries.row(work, None, reviewed.subject_id, to_change=True)
    advance(EnclaveState(row.state), EnclaveStep.RELEASE)
    spec = queries.spec_of(row)
    refuse_if(standing(work, spec).reasons)
    grant = grant_queries.view(work, GrantId(row.grant_id))
    made = ExtractRow(
        id=work.new_id(), grant_id=row.grant_id, application_id=row.application_id, dataset_id=row.dataset_id,
        release_id=reviewed.release_id, release_number=reviewed.release_number, org_id=row.org_id,
        requested_by=row.requested_by, requested_name=row.requested_name, person_id=row.person_id,
        state=ExtractState.IN_REVIEW, columns=json.dumps(spec.columns, ensure_ascii=False),
        row_filter=spec.where.model_dump_json() if spec.where else None, purpose=row.purpose, scenario_id=row.scenario_id,
        form=DeliveryForm.ENCLAVE, policy_hash=grant.policy_hash, job_id=row.job_id, requested_at=row.submitted_at,
        rows=reviewed.rows, size_bytes=reviewed.size_bytes,
    )  # fmt: skip
    facts = {
        "request": row.id, "spec_hash": row.spec_hash, "spec": json.loads(row.spec), "spec_reviewed_by": row.reviewer_person
    }  # fmt: skip
    extract_reviewed.hand_over(work, made, reviewed.sha256, review, facts, key)
    row.extract_id = made.id
    move(work, requester(row), row, EnclaveStep.RELEASE)


def keep_in(work: Work, enclave_id: str, why: Text) -> None:
    """The checkers refused it; it was computed, and stays charged, but for the output that did not come."""
    row = queries.row(work, None, enclave_id, to_change=True)
    row.why_zh, row.why_en = why.zh, why.en
    usage.give_output_back(work, GrantId(row.grant_id), row.submitted_at)
    move(work, requester(row), row, EnclaveStep.REFUSE)


def detail(work: Work, actor: Actor, enclave_id: str) -> EnclaveDetail:
    """One request with its history, what stands against it now, and the steps open to the reader. Raises Unavailable where it cannot be read."""
    row = queries.row(work, actor, enclave_id)
    spec = queries.spec_of(row)
    reasons = standing(work, spec).reasons if row.ended_at is None else ()
    job = work.db.get(jobs.JobRow, row.job_id) if row.job_id and row.state == EnclaveState.APPROVED else None
    return EnclaveDetail.model_validate(
        queries.read(row).model_dump()
        | {
            "steps": queries.steps(work, row.id), "reasons": [_as_json(each) for each in reasons],
            "commands": _commands(work, actor, row, reasons), "progress": job.progress if job else None,
            "progress_zh": job.message_zh if job else "", "progress_en": job.message_en if job else "",
        }
    )  # fmt: skip


def _commands(work: Work, actor: Actor, row: EnclaveRow, reasons: tuple[Reason, ...]) -> list[Command]:
    found: list[tuple[str, tuple[Reason, ...]]] = []
    state = EnclaveState(row.state)
    if state is EnclaveState.SUBMITTED and actor.may(REVIEW):
        people = _people(work, actor, row)
        found = [("approve", (*people, *reasons)), ("return", people), ("decline", people)]
    own = deciding.acting_for(work, actor, grant_queries.view(work, GrantId(row.grant_id)))
    if not own:
        found += [("revise", reasons)] if state is EnclaveState.RETURNED else []
        found += [("withdraw", ())] if row.ended_at is None else []
    return [
        Command(step=step, allowed=not against, reasons=[_as_json(each) for each in against]) for step, against in found
    ]  # fmt: skip


def _as_json(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "zh": reason.text.zh, "en": reason.text.en, "basis": reason.basis}


def _people(work: Work, actor: Actor, row: EnclaveRow) -> tuple[Reason, ...]:
    if not actor.may_in(REVIEW, row.department_id):
        text = Text(
            "只有该部门的数据专员可以审查方案。",
            "Only a data steward of the department reviews a specification.",
        )
        return (Reason("role-lacks-permission", text, "roles and permissions"),)
    return rules.reviewer_objections(
        actor.person_id, orgs_of(work, actor), rules.Near(row.person_id, row.org_id)
    )


def requester(row: EnclaveRow) -> Actor:
    """Who asked, for what the worker and the checkers' last vote do in his name. Holds no roles."""
    name = Text(row.requested_name, row.requested_name)
    return Actor(row.requested_by, row.person_id, row.requested_name, name, row.org_id, via="system")


def give_back(work: Work, row: EnclaveRow) -> None:
    usage.refund(work, GrantId(row.grant_id), extracts=1, subject=row.id, taking=taking_of(row))
    usage.give_output_back(work, GrantId(row.grant_id), row.submitted_at)


def taking_of(row: EnclaveRow) -> Taking:
    """What the ledger says of it; of a specification that cannot be read, all but its columns and conditions."""
    spec = if_readable(queries.spec_of, row)
    if spec is None:
        taking = Taking.by(
            requester(row), purpose=row.purpose, scenario_id=row.scenario_id, form=DeliveryForm.ENCLAVE
        )
    else:
        taking = question_of(spec).taking(requester(row), None)
    return replace(
        taking, person_id=row.person_id, release_id=row.release_id or "", release_number=row.release_number
    )  # fmt: skip


def _stale(version: int) -> Stale:
    return Stale(
        Text("该请求已有变化；请刷新后再办理。", "The request has changed; reload it and look again."), version=version
    )  # fmt: skip


def move(
    work: Work, actor: Actor, row: EnclaveRow, step: EnclaveStep, *, note: str = "", spec: str | None = None, tells: bool = True
) -> None:  # fmt: skip
    """Take a step: on record, and told to the requester unless `tells` is false because he is told more."""
    row.state = advance(EnclaveState(row.state), step)
    row.version += 1
    if row.state not in (
        EnclaveState.SUBMITTED,
        EnclaveState.RETURNED,
        EnclaveState.APPROVED,
        EnclaveState.IN_REVIEW,
    ):
        row.ended_at = work.now
    work.db.add(row)
    work.db.flush()
    _remember(work, actor, row, step, _KINDS[step], note=note, spec=spec)
    if tells and step is not EnclaveStep.REVISE:
        name = STATE_NAMES[EnclaveState(row.state)]
        facts = {"dataset": row.dataset_id, "state_zh": name.zh, "state_en": name.en}
        tell(work, [row.requested_by], "enclave.moved", subject=row.id, href=f"/enclave/{row.id}", once=f"{row.id} {row.version}", facts=facts)  # fmt: skip


def _remember(
    work: Work, actor: Actor, row: EnclaveRow, step: str, kind: str, *, note: str, spec: str | None
) -> None:
    work.db.add(
        EnclaveStepRow(
            id=work.new_id(), enclave_id=row.id, step=step, to_state=row.state, who=stamp(actor), at=work.now, note=note,
            spec_hash=row.spec_hash, spec=spec,
        )
    )  # fmt: skip
    work.db.flush()
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id, application_id=row.application_id,
        payload={"spec": row.spec_hash, "state": str(row.state)},
    )  # fmt: skip


def tell_stewards(work: Work, row: EnclaveRow) -> None:
    people = audience.holders(work, [Role.STEWARD], [row.department_id])
    facts = {"dataset": row.dataset_id}
    tell(work, people, "enclave.waits", subject=row.id, href=f"/enclave/{row.id}", once=f"{row.id} {row.version}", facts=facts)  # fmt: skip
