"""Letting the bytes of an extract go: decided on at each download and while it runs, and written down before the first byte."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth.actor import Actor
from auth.grants import ledger
from auth.policy import rules
from core.errors import AppError, Conflict, Reason, refuse_if
from core.ids import ExtractId, GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import queries
from datasets.extracts.deciding import acting_for, case_of, policy_of
from datasets.extracts.models import ExtractState
from datasets.extracts.noting import note, taking_of
from datasets.extracts.tables import ExtractRow
from datasets.formats.kinds import kind_of
from datasets.outputs import opening as outputs
from datasets.outputs.rules import missing_review


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
    own = acting_for(work, actor, row.org_id, policy_of(work, row))
    refuse_if((*own, *_elsewhere(work, actor, row), *still_refused(work, row)))
    if row.state == ExtractState.IN_REVIEW:
        raise outputs.waiting(outputs.newest(work, "extract", row.id))
    if row.state != ExtractState.READY or row.sha256 is None:
        raise Conflict(Text("提取尚未完成，请稍后再下载。", "The extract is not ready; download it later."))
    return parcel_of(row)


def still_refused(work: Work, row: ExtractRow) -> tuple[Reason, ...]:
    """Why the bytes of this extract may not flow at this instant; () when they may."""
    case = case_of(work, row)
    missing = missing_review(row.checked_by, case.checkers) if row.state == ExtractState.READY else ()
    return (*case.reasons, *missing)


def may_flow(work: Work, actor: Actor, extract_id: ExtractId) -> bool:
    """Whether the bytes may go on flowing to this actor, with the roles that he holds and as the member that he is now."""
    row = queries.row(work, extract_id)
    own = acting_for(work, actor, row.org_id, policy_of(work, row))
    return not (own or _elsewhere(work, actor, row) or still_refused(work, row))


def _elsewhere(work: Work, actor: Actor, row: ExtractRow) -> tuple[Reason, ...]:
    """Why the file is not handed over where the actor is."""
    return rules.place_objections(policy_of(work, row), actor.address)


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


def note_sent(work: Work, actor: Actor, extract_id: ExtractId, size_bytes: int, *, was_cut: bool) -> None:
    """Add what really left to the extract's count; a download that was cut off is written down."""
    row = queries.row(work, extract_id, to_change=True)
    row.bytes_sent += size_bytes
    work.db.add(row)
    ledger.add_sent(work, GrantId(row.grant_id), row.id, size_bytes, actor.person_id)
    if was_cut:
        note(work, actor, "extract.cut_off", row, {"sha256": row.sha256, "bytes": size_bytes})


def note_download_refusal(work: Work, actor: Actor, extract_id: ExtractId, refusal: AppError) -> None:
    """Write down that the bytes of an extract were refused; the decision itself wrote nothing."""
    row = queries.row(work, extract_id, actor)
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    taking = replace(taking_of(row, actor.origin), person_id=actor.person_id, account=actor.username)
    ledger.enter(
        work, GrantId(row.grant_id), ledger.REFUSED, subject=row.id, taking=taking, reasons=tuple(codes)
    )
    note(work, actor, "extract.download_refused", row, {"reasons": codes})
