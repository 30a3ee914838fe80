"""Asking for an extract, making it, and letting its bytes go. Every step asks the grant again, at that instant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth import audit
from auth.actor import Actor
from auth.grants import ledger, usage
from auth.grants import queries as grant_queries
from auth.grants.ledger import Taking
from auth.grants.standing import licence as licence_of
from auth.grants.tables import GrantFacts
from auth.grants.view import GrantView, Used
from auth.identity.organisations import licence_asked
from auth.policy import rules
from auth.policy.filters.model import MAX_DEPTH, MAX_NODES, RowFilter, all_of, parse_json
from auth.policy.filters.rules import columns_of
from auth.policy.model import Ask, ColumnTerm, DeliveryForm, GrantPolicy
from auth.policy.small_cells import SmallCells, small_cells
from auth.profile import now
from auth.profile.now import limits_under
from auth.vouching import cover as vouching
from catalog.assets import asset
from catalog.queries import with_columns_asked
from core import bases, jobs, outbox
from core.errors import AppError, Conflict, Gone, NotFound, Reason, refuse_if
from core.ids import DatasetId, ExtractId, GrantId
from core.text import Text
from core.work import Work, foresee
from datasets.extracts import queries, telling, watermark
from datasets.extracts.answering import as_answers
from datasets.extracts.models import ExtractCreate, ExtractRead, ExtractState
from datasets.extracts.receipt import receipt_of, suppression_of
from datasets.extracts.tables import ExtractRow
from datasets.formats.kinds import kind_of
from datasets.outputs import opening as outputs
from datasets.outputs.opening import Output
from datasets.outputs.rules import missing_review
from datasets.outputs.tables import OutputReviewRow
from datasets.releases import queries as releases
from datasets.releases.queries import ReleaseFacts

JOB_KIND: Final = "extract.build"
POLICY: Final = bases.TERMS
PROMISE: Final = bases.UNVALIDATED


@dataclass(frozen=True, slots=True)
class Case:
    """One request with all that was decided about it. `reasons` empty means permitted.

    checkers: how many people review a file of that form before it leaves; of a dataset that is gone, two.
    """

    grant: GrantView
    release: ReleaseFacts | None
    terms: tuple[ColumnTerm, ...]
    row_filter: RowFilter | None
    reasons: tuple[Reason, ...]
    cells: SmallCells | None = None
    checkers: int = 2


def consider(work: Work, actor: Actor, body: ExtractCreate) -> Case:
    """Every reason to refuse the request now, and what it would deliver. NotFound outside the actor's sight."""
    return _considered(work, actor, body)[0]


def _considered(work: Work, actor: Actor, body: ExtractCreate) -> tuple[Case, GrantFacts]:
    """The same with the grant's row, as it was read for it."""
    foresee(work, grant_queries.question(body.grant_id), now.question(work))
    held = grant_queries.facts(work, body.grant_id, actor)
    foresee(
        work, grant_queries.view_asked(work, held), releases.current_asked(held.dataset_id),
        *with_columns_asked(held.dataset_id), licence_asked(held.org_id),
    )  # fmt: skip
    grant = grant_queries.view_of(work, held)
    case = considered(work, grant, body)
    at = rules.place_objections(grant.policy, actor.address)
    against = (*acting_for(work, actor, grant.org_id, grant.policy), *at, *case.reasons)
    return replace(case, reasons=against), held


def considered(work: Work, grant: GrantView, body: ExtractCreate) -> Case:
    """The decision on a request under a grant as it is given here, whoever asks."""
    columns = tuple(body.columns) or tuple(term.name for term in grant.policy.leaving)
    case = _case(work, grant, columns, body, _release(work, grant, body.release_id))
    unmarked = watermark.objections(work, grant.policy, body.form, case.terms)
    return replace(case, reasons=(*case.reasons, *unmarked))


def request(work: Work, actor: Actor, body: ExtractCreate) -> ExtractRead:
    """Take one extract from the quota and have the file made. AccessRefused lists every reason; QuotaExceeded takes nothing."""
    case, held = _considered(work, actor, body)
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


def note_plan(work: Work, actor: Actor, body: ExtractCreate, case: Case) -> None:
    """Write down that somebody let a plan count rows. It takes nothing from the quotas."""
    columns = tuple(term.name for term in case.terms)
    taking = Taking.by(
        actor, purpose=body.purpose, scenario_id=body.scenario_id, form=body.form, columns=columns,
        release_id=case.release.id if case.release else "", release_number=case.release.number if case.release else None,
        filter_hash=_filter_hash(body.filter),
    )  # fmt: skip
    grant = case.grant
    ledger.enter(work, grant.id, ledger.PLAN, subject=grant.id, taking=taking, counts={"extracts": 0})
    audit.record(
        work, actor, "extract.planned", subject=grant.id, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id, payload={"form": body.form, "filter": _filter_hash(body.filter)},
    )  # fmt: skip


def note_refusal(work: Work, actor: Actor, body: ExtractCreate, refusal: AppError) -> None:
    """Write down that a request was refused, and why; the refusal itself wrote nothing."""
    grant = grant_queries.row(work, body.grant_id, actor)
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    columns = tuple(name for name in body.columns if grant_queries.view_of(work, grant).policy.term(name))
    taking = Taking.by(
        actor, purpose=body.purpose, scenario_id=body.scenario_id, form=body.form, columns=columns,
        release_id=body.release_id or "", filter_hash=_filter_hash(body.filter),
    )  # fmt: skip
    ledger.enter(work, body.grant_id, ledger.REFUSED, subject=grant.id, taking=taking, reasons=tuple(codes))
    audit.record(
        work, actor, "extract.refused", subject=grant.id, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id, payload={"reasons": codes, "release": body.release_id},
    )  # fmt: skip


def note_download_refusal(work: Work, actor: Actor, extract_id: ExtractId, refusal: AppError) -> None:
    """Write down that the bytes of an extract were refused; the decision itself wrote nothing."""
    row = queries.row(work, extract_id, actor)
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    taking = replace(taking_of(row, actor.origin), person_id=actor.person_id, account=actor.username)
    ledger.enter(
        work, GrantId(row.grant_id), ledger.REFUSED, subject=row.id, taking=taking, reasons=tuple(codes)
    )
    note(work, actor, "extract.download_refused", row, {"reasons": codes})


def taking_of(row: ExtractRow, origin: str = "") -> Taking:
    """What the ledger says of an extract; what the worker does for it comes from no address."""
    return Taking(
        person_id=row.person_id, account=row.requested_name, origin=origin, release_id=row.release_id,
        release_number=row.release_number, purpose=row.purpose, scenario_id=row.scenario_id, form=row.form,
        columns=tuple(json.loads(row.columns)),
        filter_hash=_filter_hash(parse_json(row.row_filter) if row.row_filter else None),
    )  # fmt: skip


def _filter_hash(asked: RowFilter | None) -> str:
    """A name for a filter by which equal ones are found, without its values."""
    return hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:32] if asked else ""


@dataclass(frozen=True, slots=True)
class Making:
    """What the worker needs to make one file."""

    row: ExtractRow
    case: Case
    release_sha256: str

    @property
    def is_exact(self) -> bool:
        """Whether the requester is told its rows as they are while it is made, and when it cannot be."""
        asked = parse_json(self.row.row_filter) if self.row.row_filter else None
        return telling.is_exact(asked, self.case.grant.policy, self.case.checkers)


def payload_of(row: ExtractRow) -> dict[str, str]:
    """What a job that makes this file is told: under which grant, for a file belongs to the one grant that it was made under."""
    return {"extract_id": row.id, "grant_id": row.grant_id}


def is_asked(row: ExtractRow, payload: Mapping[str, Any]) -> bool:
    """Whether a job still makes what is wanted: not once the extract goes on under a later grant, or has ended."""
    before = row.asked_under or row.grant_id  # a job of an earlier version does not say
    return row.state == ExtractState.BUILDING and payload.get("grant_id", before) == row.grant_id


def making(work: Work, payload: Mapping[str, Any], *, to_change: bool = False) -> Making | None:
    """The extract as this job is to make it now; None when it is made, given up, or made by another job under another grant.

    AccessRefused when the grant no longer allows it.
    """
    row = queries.row(work, ExtractId(payload["extract_id"]), to_change=to_change)
    if not is_asked(row, payload):
        return None
    case = _case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    return Making(row, case, case.release.sha256)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the worker made. `export`: what the dataset's export suite said. `left_out`: rows of small cells.

    findings: what the checks before an output review saw, None where none was needed. marks: the columns that bear hidden
    marks, by tolerance, or why none does though it was allowed.
    """

    sha256: str
    rows: int
    size_bytes: int
    export: dict[str, Any] | None = None
    left_out: int = 0
    findings: list[dict[str, Any]] | None = None
    marks: dict[str, Any] | None = None


def finish(
    work: Work, actor: Actor, payload: Mapping[str, Any], done: Finished, *, key: Ed25519PrivateKey
) -> None:
    """Charge rows and bytes; then hand the file over with its receipt, signed with `key`, or put it before the checkers.

    One transaction; twice is once.
    """
    made = making(work, payload, to_change=True)
    if made is None:
        return
    row = made.row
    row.rows, row.size_bytes = done.rows, done.size_bytes
    suppression = suppression_of(made.case.cells, done.left_out)
    policy = made.case.grant.policy
    with as_answers(made.is_exact):
        if outputs.needed(work, row.dataset_id, row.form, policy) < 1:
            _deliver(
                work,
                actor,
                made,
                done.sha256,
                key,
                export=done.export,
                suppression=suppression,
                marks=done.marks,
            )
            return
        step = limits_under(work, policy)["query_min_group"]
        grant_queries.row(work, made.case.grant.id, to_change=True)
        left = grant_queries.view(work, made.case.grant.id)
        kept = telling.reserved(done.rows, done.size_bytes, left, step)
        usage.charge(
            work,
            left.id,
            rows=kept["rows"],
            bytes=kept["bytes"],
            subject=row.id,
            taking=taking_of(row),
            reserves=True,
        )
    row.state = ExtractState.IN_REVIEW
    work.db.add(row)
    outputs.open_review(
        work, actor,
        Output(
            "extract", row.id, row.dataset_id, row.org_id, row.grant_id, row.application_id, row.release_id,
            row.release_number, row.form, row.purpose, json.loads(row.columns), done.sha256, done.rows, done.size_bytes,
            row.requested_by, row.job_id, done.findings, {"export": done.export, "small_cells": suppression, "marks": done.marks},
        ),
    )  # fmt: skip


def _deliver(
    work: Work,
    actor: Actor,
    made: Making,
    sha256: str,
    key: Ed25519PrivateKey,
    *,
    export: dict[str, Any] | None,
    suppression: dict[str, Any] | None,
    review: dict[str, Any] | None = None,
    enclave: dict[str, Any] | None = None,
    marks: dict[str, Any] | None = None,
) -> None:
    """Charge what leaves, write the receipt, and make the file takeable."""
    row = made.row
    usage.charge(
        work, made.case.grant.id, rows=row.rows or 0, bytes=row.size_bytes or 0, subject=row.id, taking=taking_of(row),
        delivers=True,
    )  # fmt: skip
    row.sha256, row.state, row.ready_at = sha256, ExtractState.READY, work.now
    row.checked_by = len(review["checkers"]) if review else 0
    row.receipt, row.receipt_hash = receipt_of(
        row, made.case.terms, made.release_sha256, work.now, key, export, suppression, review, enclave, marks
    )
    work.db.add(row)
    note(
        work, actor, "extract.delivered", row,
        {"sha256": sha256, "rows": row.rows, "bytes": row.size_bytes, "receipt_hash": row.receipt_hash}
        | ({"export_verdict": export["verdict_id"]} if export else {})
        | ({"output_review": review["review"]} if review else {})
        | ({"marks": marks} if marks else {}),
    )  # fmt: skip
    outbox.post(work, "extract.ready", row.id, {"grant": row.grant_id, "org": row.org_id})


def let_go(work: Work, reviewed: OutputReviewRow, review: dict[str, Any], key: Ed25519PrivateKey) -> None:
    """The checkers released it: what was kept back is charged as delivered, and the file can be had.

    Raises AccessRefused when the grant no longer allows it.
    """
    row = queries.row(work, ExtractId(reviewed.subject_id), to_change=True)
    if row.state != ExtractState.IN_REVIEW:
        raise _not_waiting()
    case = _case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    set_free(work, row)
    said = reviewed.made
    _deliver(
        work, queries.requester(row), Making(row, case, case.release.sha256), reviewed.sha256, key,
        export=said["export"], suppression=said["small_cells"], review=review, marks=said.get("marks"),
    )  # fmt: skip


def hand_over(
    work: Work,
    row: ExtractRow,
    sha256: str,
    review: dict[str, Any],
    enclave: dict[str, Any],
    key: Ed25519PrivateKey,
) -> None:
    """A result of the enclave that its checkers released, as a file that can be had. `row` is new and says what was made.

    Raises AccessRefused when the grant no longer allows it.
    """
    case = _case_of(work, row)
    refuse_if(case.reasons)
    assert case.release is not None  # noqa: S101 - a missing release is a reason
    assert case.release.sha256 is not None  # noqa: S101 - what is deliverable has its file
    _deliver(
        work, queries.requester(row), Making(row, case, case.release.sha256), sha256, key,
        export=None, suppression=None, review=review, enclave=enclave,
    )  # fmt: skip


def keep_in(work: Work, extract_id: str, why: Text) -> None:
    """The checkers refused it: everything goes back to the quotas, and the requester reads why."""
    row = queries.row(work, ExtractId(extract_id), to_change=True)
    _end(work, queries.requester(row), row, ExtractState.REFUSED, why, "extract.kept_in", extracts=1)


def withdraw(work: Work, actor: Actor, extract_id: str) -> None:
    """Somebody of the requester's organisation takes it back while it waits. Raises NotFound, AccessRefused, Conflict.

    Rows and bytes go back; the extract stays taken, else asking and taking back would be questions for nothing.
    """
    row = queries.row(work, ExtractId(extract_id), actor, to_change=True)
    refuse_if(acting_for(work, actor, row.org_id, _policy(work, row)))
    why = Text(f"由 {actor.name.zh} 撤回。", f"Withdrawn by {actor.name.en}.")
    _end(work, actor, row, ExtractState.WITHDRAWN, why, "extract.withdrawn", extracts=0)


def _end(
    work: Work, actor: Actor, row: ExtractRow, state: ExtractState, why: Text, kind: str, *, extracts: int
) -> None:
    if row.state != ExtractState.IN_REVIEW:
        raise _not_waiting()
    row.state, row.failed_zh, row.failed_en = state, why.zh, why.en
    work.db.add(row)
    set_free(work, row)
    if extracts:
        usage.refund(work, GrantId(row.grant_id), extracts=extracts, subject=row.id, taking=taking_of(row))
    note(work, actor, kind, row, {"why": why.en})


def set_free(work: Work, row: ExtractRow) -> None:
    """Rows and bytes that were taken for a file that waits go back; such as were charged before there was a word for it, too."""
    grant_id, taking = GrantId(row.grant_id), taking_of(row)
    kept = ledger.taken_for(work, grant_id, row.id, kind=ledger.RESERVED)
    if any(kept.values()):
        usage.refund(
            work,
            grant_id,
            rows=kept["rows"],
            bytes=kept["bytes"],
            subject=row.id,
            taking=taking,
            reserved=True,
        )
    left = ledger.taken_for(work, grant_id, row.id)
    if left["rows"] or left["bytes"]:
        usage.refund(work, grant_id, rows=left["rows"], bytes=left["bytes"], subject=row.id, taking=taking)


def _not_waiting() -> Conflict:
    return Conflict(
        Text(
            "该提取现在不在出域审核中；请刷新页面。",
            "The extract does not wait for review now; reload the page.",
        )
    )


def give_up(work: Work, payload: Mapping[str, Any], why: Text, *, is_answered: bool = False) -> None:
    """The file of this job will not come: say why, and give the extract back to the quota unless the refusal `is_answered`."""
    row = queries.row(work, ExtractId(payload["extract_id"]), to_change=True)
    if not is_asked(row, payload):
        return
    row.state, row.failed_zh, row.failed_en = ExtractState.FAILED, why.zh, why.en
    work.db.add(row)
    if not is_answered:
        usage.refund(work, GrantId(row.grant_id), extracts=1, subject=row.id, taking=taking_of(row))
    said = {"why": why.en} | ({"stays_taken": True} if is_answered else {})
    note(work, queries.requester(row), "extract.failed", row, said)


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


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file that may be sent now."""

    sha256: str
    filename: str
    media_type: str


def parcel_of(row: ExtractRow) -> Parcel:
    """The file under the name that people keep it by."""
    kind = kind_of(row.form)
    name = f"{row.dataset_id}-v{row.release_number}-{row.id[-8:]}.{kind.ending}"
    return Parcel(row.sha256 or "", name, kind.media_type)


def open_download(work: Work, actor: Actor, extract_id: ExtractId) -> Parcel:
    """Decide on one download. AccessRefused lists every reason; Conflict while there is no file."""
    row = queries.row(work, extract_id, actor)
    own = acting_for(work, actor, row.org_id, _policy(work, row))
    refuse_if((*own, *_elsewhere(work, actor, row), *still_refused(work, row)))
    if row.state == ExtractState.IN_REVIEW:
        raise outputs.waiting(outputs.newest(work, "extract", row.id))
    if row.state != ExtractState.READY or row.sha256 is None:
        raise Conflict(Text("提取尚未完成，请稍后再下载。", "The extract is not ready; download it later."))
    return parcel_of(row)


def note_download(
    work: Work, actor: Actor, extract_id: ExtractId, asked_range: str, *, ticket: str = ""
) -> None:
    """Write one download down; its transaction commits before the first byte leaves. `ticket`: the one that it used up."""
    row = queries.row(work, extract_id, actor, to_change=True)
    row.downloads += 1
    row.last_download_at = work.now
    work.db.add(row)
    taking = replace(taking_of(row, actor.origin), person_id=actor.person_id, account=actor.username)
    ledger.enter(work, GrantId(row.grant_id), ledger.DOWNLOAD, subject=row.id, taking=taking)
    note(
        work,
        actor,
        "extract.downloaded",
        row,
        {"sha256": row.sha256, "range": asked_range[:200]} | ({"ticket": ticket} if ticket else {}),
    )


def _elsewhere(work: Work, actor: Actor, row: ExtractRow) -> tuple[Reason, ...]:
    """Why the file is not handed over where the actor is."""
    return rules.place_objections(_policy(work, row), actor.address)


def _policy(work: Work, row: ExtractRow) -> GrantPolicy:
    return grant_queries.view(work, GrantId(row.grant_id)).policy


def still_refused(work: Work, row: ExtractRow) -> tuple[Reason, ...]:
    """Why the bytes of this extract may not flow at this instant; () when they may."""
    case = _case_of(work, row)
    missing = missing_review(row.checked_by, case.checkers) if row.state == ExtractState.READY else ()
    return (*case.reasons, *missing)


def may_flow(work: Work, actor: Actor, extract_id: ExtractId) -> bool:
    """Whether the bytes may go on flowing to this actor, with the roles that he holds and as the member that he is now."""
    row = queries.row(work, extract_id)
    own = acting_for(work, actor, row.org_id, _policy(work, row))
    return not (own or _elsewhere(work, actor, row) or still_refused(work, row))


def note_sent(work: Work, actor: Actor, extract_id: ExtractId, size_bytes: int, *, was_cut: bool) -> None:
    """Add what really left to the extract's count; a download that was cut off is written down."""
    row = queries.row(work, extract_id, to_change=True)
    row.bytes_sent += size_bytes
    work.db.add(row)
    ledger.add_sent(work, GrantId(row.grant_id), row.id, size_bytes, actor.person_id)
    if was_cut:
        note(work, actor, "extract.cut_off", row, {"sha256": row.sha256, "bytes": size_bytes})


def _case(
    work: Work, grant: GrantView, columns: Sequence[str], body: ExtractCreate, release: ReleaseFacts | None
) -> Case:
    """The whole decision on one request, whoever asks."""
    terms = tuple(term for name in columns if (term := grant.policy.term(name)) is not None)
    limits = limits_under(work, grant.policy)
    try:
        held = asset(work, grant.dataset_id)
    except NotFound as gone:
        against = (*rules.effective(grant, work.now), Reason("dataset-gone", gone.detail, POLICY))
        cells, checkers = None, 2
    else:
        against = rules.objections(
            _ask(work, grant, columns, body, release), grant, held, licence_of(work, grant.org_id), limits
        )
        cells = small_cells(held, grant.policy.columns, limits)
        checkers = limits.checkers(held.level, body.form)
    reasons = list(against)
    row_filter: RowFilter | None = None
    try:
        row_filter = all_of(grant.policy.row_filter, body.filter)
    except ValueError:
        reasons.append(_too_complex())
    reasons.extend(release_objections(grant.dataset_id, body.release_id, release, terms, row_filter))
    return Case(grant, release, terms, row_filter, tuple(reasons), cells, checkers)


def _case_of(work: Work, row: ExtractRow) -> Case:
    """The decision on an extract that was asked for before, at this instant. What it took from the quota is not asked twice."""
    grant = replace(grant_queries.view(work, GrantId(row.grant_id)), used=Used())
    body = body_of(row)
    return _case(work, grant, body.columns, body, _deliverable(work, row.release_id))


def _ask(
    work: Work, grant: GrantView, columns: Sequence[str], body: ExtractCreate, release: ReleaseFacts | None
) -> Ask:
    return Ask(
        grant_id=grant.id, dataset_id=grant.dataset_id, columns=tuple(columns), filter=body.filter,
        purpose=body.purpose, scenario_id=body.scenario_id, delivery_form=body.form, at=work.now,
        release_id=release.id if release else body.release_id,
    )  # fmt: skip


def acting_for(
    work: Work, actor: Actor, org_id: str, policy: GrantPolicy, permission: str = "datasets:extract:request"
) -> tuple[Reason, ...]:
    """Why this person may not take data under a grant of the organisation now: no analyst of it, gone from it, not named, or not vouched for."""
    if not actor.may_in(permission, org_id):
        return (not_an_analyst(),)
    return vouching.at_use(work, actor, org_id, policy)


def not_an_analyst() -> Reason:
    """Why somebody else may not ask under a grant."""
    text = Text(
        "只有被授权机构的分析员可以提取数据。",
        "Only an analyst of the grant's own organisation may take data out.",
    )
    return Reason("not-an-analyst-of-the-grantee", text, bases.ROLES)


def _release(work: Work, grant: GrantView, wanted: str | None) -> ReleaseFacts | None:
    pinned = grant.policy.pinned_release
    found = releases.under(work, grant.dataset_id, pinned) if wanted is None else _deliverable(work, wanted)
    if found is not None and found.dataset_id != grant.dataset_id:
        raise NotFound(Text("该数据集没有这个发布版本。", "The dataset has no such release."))
    return found


def _deliverable(work: Work, release_id: str) -> ReleaseFacts | None:
    """The release if its bytes may leave at all; None when it was withdrawn."""
    try:
        found = ReleaseFacts.of(releases.release(work, release_id))
    except Gone:
        return None
    return found if releases.is_deliverable(found) and found.sha256 else None


def release_objections(
    dataset_id: DatasetId,
    wanted: str | None,
    release: ReleaseFacts | None,
    terms: Sequence[ColumnTerm],
    row_filter: RowFilter | None,
) -> tuple[Reason, ...]:
    """What stands against delivering from this release: there is none, or it lacks a column."""
    if release is None:
        return (_no_release(dataset_id, wanted),)
    return tuple(_not_in_release(release, terms, row_filter))


def _no_release(dataset_id: DatasetId, release_id: str | None) -> Reason:
    which = release_id or "current"
    text = Text(
        f"{dataset_id} 没有可交付的发布版本（{which}）：尚未发布或已撤回。",
        f"{dataset_id} has no release that may be delivered ({which}): none published, or it was withdrawn.",
    )
    return Reason("release-not-published", text, PROMISE)


def _not_in_release(
    release: ReleaseFacts, terms: Sequence[ColumnTerm], row_filter: RowFilter | None
) -> Iterator[Reason]:
    """Columns of the terms or the filter that this release does not have: an older or newer schema than the dictionary's."""
    there = {str(column["name"]) for column in release.columns}
    for name in sorted(({term.name for term in terms} | columns_of(row_filter)) - there):
        text = Text(
            f"版本 v{release.number} 中没有列 {name}；请去掉该列或选择其他版本。",
            f"Release v{release.number} has no column {name}; leave it out or choose another release.",
        )
        yield Reason("column-not-in-release", text, POLICY, {"column": name})


def _too_complex() -> Reason:
    text = Text(
        f"筛选条件与授权自带的条件合并后过于复杂（至多 {MAX_DEPTH} 层、{MAX_NODES} 项）；请减少条件。",
        f"The filter together with the grant's own is too complex (at most {MAX_DEPTH} levels, {MAX_NODES} parts); use fewer conditions.",
    )
    return Reason("filter-too-complex", text, POLICY)


def body_of(row: ExtractRow) -> ExtractCreate:
    return ExtractCreate.model_construct(  # checked when it was asked for; a result of the enclave is no form to ask for
        grant_id=GrantId(row.grant_id), release_id=row.release_id, columns=json.loads(row.columns),
        filter=parse_json(row.row_filter) if row.row_filter else None, purpose=row.purpose,
        scenario_id=row.scenario_id, form=DeliveryForm(row.form),
    )  # fmt: skip


def note(work: Work, actor: Actor, kind: str, row: ExtractRow, payload: dict[str, Any]) -> None:
    audit.record(
        work, actor, kind, subject=row.id, dataset_id=row.dataset_id, grant_id=row.grant_id,
        application_id=row.application_id, payload={"release": row.release_number, **payload},
    )  # fmt: skip
