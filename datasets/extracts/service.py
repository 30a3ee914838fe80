"""Asking for an extract, and reading what became of it."""

from __future__ import annotations

import json

from auth import audit
from auth.actor import Actor
from auth.grants import ledger, usage
from auth.grants import queries as grant_queries
from auth.grants.ledger import Taking
from core import jobs
from core.errors import AppError, Conflict, refuse_if
from core.ids import ExtractId
from core.text import Text
from core.work import Work
from datasets.extracts import queries
from datasets.extracts.deciding import consider_held
from datasets.extracts.delivering import JOB_KIND, payload_of
from datasets.extracts.models import ExtractCreate, ExtractRead, ExtractState
from datasets.extracts.noting import filter_hash, note, taking_of
from datasets.extracts.tables import ExtractRow
from datasets.outputs import opening as outputs
from datasets.releases import queries as releases


def request(work: Work, actor: Actor, body: ExtractCreate) -> ExtractRead:
    """Take one extract from the quota and have the file made. AccessRefused lists every reason; QuotaExceeded takes nothing."""
    case, held = consider_held(work, actor, body)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    charging = grant_queries.question(held.id), grant_queries.view_asked(work, held)
    releases.keep_while_using(work, case.grant.dataset_id, case.release.id, *charging)
    row = ExtractRow(
        id=work.new_id(), grant_id=case.grant.id, application_id=case.grant.application_id,
        dataset_id=case.grant.dataset_id, release_id=case.release.id, release_number=case.release.number,
        org_id=case.grant.org_id, requested_by=actor.account_id, requested_name=actor.username,
        person_id=actor.person_id, state=ExtractState.BUILDING,
        columns=json.dumps([term.name for term in case.terms], ensure_ascii=False),
        row_filter=body.filter.model_dump_json() if body.filter else None,
        purpose=body.purpose, scenario_id=body.scenario_id, form=body.form,
        policy_hash=case.grant.policy_hash, requested_at=work.now,
    )  # fmt: skip
    usage.charge(work, case.grant.id, extracts=1, subject=row.id, taking=taking_of(row, actor.origin))
    row.job_id = jobs.ask_for(
        work,
        JOB_KIND,
        row.id,
        requested_by=actor.account_id,
        org_id=row.org_id,
        payload=payload_of(row),
    )
    work.db.add(row)
    note(work, actor, "extract.requested", row, {"columns": json.loads(row.columns), "form": row.form})
    return queries.read(row)


def note_refusal(work: Work, actor: Actor, body: ExtractCreate, refusal: AppError) -> None:
    """Write down that a request was refused, and why; the refusal itself wrote nothing."""
    grant = grant_queries.row(work, body.grant_id, actor)
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    columns = tuple(name for name in body.columns if grant_queries.view_of(work, grant).policy.term(name))
    taking = Taking.by(
        actor, purpose=body.purpose, scenario_id=body.scenario_id, form=body.form, columns=columns,
        release_id=body.release_id or "", filter_hash=filter_hash(body.filter),
    )  # fmt: skip
    ledger.enter(work, body.grant_id, ledger.REFUSED, subject=grant.id, taking=taking, reasons=tuple(codes))
    audit.record(
        work, actor, "extract.refused", subject=grant.id, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id, payload={"reasons": codes, "release": body.release_id},
    )  # fmt: skip


def extract(work: Work, actor: Actor, extract_id: ExtractId) -> ExtractRead:
    """One extract; NotFound outside the actor's sight."""
    return queries.read(queries.row(work, extract_id, actor))


def receipt(work: Work, actor: Actor, extract_id: ExtractId) -> str:
    """The receipt's canonical JSON. Conflict while there is none."""
    row = queries.row(work, extract_id, actor)
    if row.state == ExtractState.IN_REVIEW:
        raise outputs.waiting(outputs.newest(work, "extract", row.id))
    if row.receipt is None:
        raise Conflict(Text("提取尚未完成，没有回执。", "The extract is not ready; there is no receipt yet."))
    return row.receipt
