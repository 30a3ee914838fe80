"""An extract that waits when its grant is amended: it goes on under the amendment where that still covers it, and else ends with every reason."""

from __future__ import annotations

from dataclasses import replace

from auth.actor import SYSTEM
from auth.grants import ledger, usage
from auth.grants import queries as grant_queries
from auth.grants.view import Used
from auth.vouching import cover as vouching
from core import jobs
from core.errors import Reason
from core.ids import GrantId
from core.work import Work
from datasets.extracts import deciding, delivering, noting, queries, reviewed
from datasets.extracts.models import ExtractState
from datasets.extracts.tables import ExtractRow
from datasets.outputs import opening

WAITING = (ExtractState.BUILDING, ExtractState.IN_REVIEW)


def carry_over(work: Work, row: ExtractRow, to: GrantId) -> tuple[Reason, ...]:
    """Every reason why it ended; () when it goes on. `row` is held until the transaction ends.

    The file is made anew, also where it was made and waited for its checkers: keys of pseudonyms, hidden marks and the receipt belong
    to the one grant that it leaves under, and its checks and reviews are those that the grant asks for now.
    """
    before = GrantId(row.grant_id)
    opening.take_back(work, SYSTEM, "extract", row.id)
    if row.state == ExtractState.BUILDING and row.job_id and (job := work.db.get(jobs.JobRow, row.job_id)):
        job.cancel_requested = True
        work.db.add(job)
    reviewed.set_free(work, row)
    taken = ledger.taken_for(work, before, row.id)
    usage.refund(work, before, extracts=taken["extracts"], subject=row.id, taking=noting.taking_of(row))
    row.rows = row.size_bytes = None
    reasons = _objections(work, row, to)
    if reasons:
        row.state = ExtractState.FAILED
        row.failed_zh = "；".join(each.text.zh for each in reasons)
        row.failed_en = " ".join(each.text.en for each in reasons)
        work.db.add(row)
        codes = [each.code for each in reasons]
        noting.note(work, SYSTEM, "extract.failed", row, {"amended_by": to, "reasons": codes})
        return reasons
    now = grant_queries.view(work, to)
    row.asked_under = row.asked_under or before
    row.grant_id, row.application_id, row.policy_hash = to, now.application_id, now.policy_hash
    row.state = ExtractState.BUILDING
    usage.charge(work, to, extracts=1, subject=row.id, taking=noting.taking_of(row), is_new=False)
    row.job_id = jobs.ask_for(
        work, delivering.JOB_KIND, row.id, requested_by=row.requested_by, org_id=row.org_id, payload=delivering.payload_of(row)
    )  # fmt: skip
    work.db.add(row)
    noting.note(work, SYSTEM, "extract.carried", row, {"from": before, "to": to})
    return ()


def _objections(work: Work, row: ExtractRow, to: GrantId) -> tuple[Reason, ...]:
    """What stands against the extract under the later grant. The counts of day and month have it already."""
    grant = grant_queries.view(work, to)
    used = Used(grant.used.extracts, grant.used.rows, grant.used.bytes)
    case = deciding.considered(work, replace(grant, used=used), deciding.body_of(row))
    return (*vouching.at_use(work, queries.requester(row), row.org_id, grant.policy), *case.reasons)
