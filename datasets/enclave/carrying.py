"""An enclave request that waits when its grant is amended: it goes on under the amendment where that still covers it, and else ends."""

from __future__ import annotations

from auth.actor import SYSTEM
from auth.grants import ledger, usage
from auth.grants import queries as grant_queries
from auth.grants.view import Used
from auth.vouching import cover as vouching
from core.errors import Reason, Unavailable
from core.ids import GrantId
from core.work import Work
from datasets.enclave import queries, rules, service
from datasets.enclave.model import EnclaveSpec
from datasets.enclave.tables import EnclaveRow
from datasets.enclave.workflow import EnclaveState, EnclaveStep
from datasets.outputs import opening
from datasets.queries.deciding import Case

WAITING = (EnclaveState.SUBMITTED, EnclaveState.RETURNED, EnclaveState.APPROVED, EnclaveState.IN_REVIEW)
_COMPUTING = (EnclaveState.APPROVED, EnclaveState.IN_REVIEW)


def carry_over(work: Work, row: EnclaveRow, to: GrantId) -> tuple[Reason, ...]:
    """Every reason why it ended; () when it goes on. `row` is held until the transaction ends.

    One whose specification cannot be read ends with that for its reason: it is no hindrance to the amendment. What was approved stays so only where the terms that it was read against are the same; what was computed is computed anew, for the
    result belongs to the grant that it leaves under. One that was returned is the requester's to change, whatever stands against it.
    """
    was, before = EnclaveState(row.state), GrantId(row.grant_id)
    old = grant_queries.view(work, before)
    opening.take_back(work, SYSTEM, "enclave", row.id)
    if was is EnclaveState.APPROVED:
        service.call_off(work, row)
    taken = ledger.taken_for(work, before, row.id)
    try:
        spec = queries.spec_of(row).model_copy(update={"grant_id": to})
    except Unavailable as unread:
        _stop(work, row, was, unread.reasons, taken)
        return unread.reasons
    case = _case(work, row, spec, taken)
    against = [
        each for each in case.reasons if was is not EnclaveState.RETURNED or each.code == "quota-exhausted"
    ]
    if against:
        _stop(work, row, was, tuple(against), taken)
        return tuple(against)
    usage.refund(
        work,
        before,
        extracts=taken["extracts"],
        rows=taken["rows"],
        bytes=taken["bytes"],
        subject=row.id,
        taking=service.taking_of(row),
    )
    row.asked_under = row.asked_under or before
    row.grant_id, row.application_id = to, case.grant.application_id
    row.spec, row.spec_hash, row.review_id = spec.model_dump_json(), spec.hash, None
    usage.charge(work, to, extracts=1, subject=row.id, taking=service.taking_of(row), is_new=False)
    is_same = case.release is not None and case.release.id == row.release_id
    step = EnclaveStep.CARRY
    if was in _COMPUTING and is_same and rules.approval_stands(spec, old.policy, case.grant.policy):
        row.approved_hash = row.spec_hash
        service.ask_for_work(work, row, row.requested_by)
    elif was in _COMPUTING:
        step, row.approved_hash, row.release_id, row.release_number = EnclaveStep.READ_ANEW, None, None, None
        row.job_id = None
    service.move(work, SYSTEM, row, step, note=f"{before} → {to}", spec=row.spec, tells=False)
    if row.state == EnclaveState.SUBMITTED:
        service.tell_stewards(work, row)
    return ()


def _case(work: Work, row: EnclaveRow, spec: EnclaveSpec, taken: dict[str, int]) -> Case:
    """The decision on it under the later grant, which carries what it took. The counts of day and month have it already."""
    now = grant_queries.view(work, spec.grant_id)
    of_person = vouching.at_use(work, service.requester(row), row.org_id, now.policy)
    others = Used(now.used.extracts - taken["extracts"], now.used.rows, now.used.bytes)
    return service.standing_under(work, spec, others, of_person)


def _stop(
    work: Work, row: EnclaveRow, was: EnclaveState, reasons: tuple[Reason, ...], taken: dict[str, int]
) -> None:  # fmt: skip
    """It ends under the grant that it was handed in under. What was computed stays charged, as everywhere."""
    if was is not EnclaveState.IN_REVIEW:
        usage.refund(
            work,
            GrantId(row.grant_id),
            extracts=taken["extracts"],
            rows=taken["rows"],
            bytes=taken["bytes"],
            subject=row.id,
            taking=service.taking_of(row),
        )
    usage.give_output_back(work, GrantId(row.grant_id), row.submitted_at)
    row.why_zh = "；".join(each.text.zh for each in reasons)
    row.why_en = " ".join(each.text.en for each in reasons)
    service.move(work, SYSTEM, row, EnclaveStep.STOP, note=row.why_zh[:1000], tells=False)
