"""帮代办: a clerk drafts for an enterprise; the enterprise's applicant confirms exactly that content before it may be submitted.

The clerk sees what he drafted and nothing else, and takes the applicant's side in the case for good: he neither reviews nor decides it.
"""

from __future__ import annotations

import hashlib

import rfc8785
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.papers.tables import PaperFileRow, PaperRow
from auth.policy.rules import refused
from auth.roles import Role
from core.errors import Reason
from core.work import Work

BASIS = "帮代办 · assisted applications"


def content_hash(work: Work, row: ApplicationRow) -> str:
    """The digest of the request as it stands. Terms that came later stand in it only where they are set, as in a policy."""
    asked = queries.ask_of(work, row)
    said = asked.model_dump(mode="json")
    for line, meant in zip(said["lines"], asked.lines, strict=True):
        line["safeguards"] = meant.safeguards.said()
        for name in ("members", "fee_reference", "safeguards"):
            if not line[name]:
                del line[name]
        if line["quotas"]["outputs_per_month"] is None:
            del line["quotas"]["outputs_per_month"]
    if handed := _handed_in_by_clerk(work, row):
        said["papers"] = handed
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _handed_in_by_clerk(work: Work, row: ApplicationRow) -> dict[str, str]:
    """The papers that the clerk handed in, with the digest of each; behind its own the enterprise stands anyway."""
    wanted = (
        select(PaperRow.key, PaperFileRow.sha256)
        .join(PaperFileRow, col(PaperFileRow.id) == col(PaperRow.file_id))
        .where(PaperRow.application_id == row.id, PaperFileRow.by == row.assisted_by)
    )
    return dict(work.db.exec(wanted.order_by(PaperRow.key)).all())


def is_confirmed(work: Work, row: ApplicationRow) -> bool:
    """Whether the enterprise stands behind the content as it is now; its own drafts need no such step."""
    if not row.assisted_by:
        return True
    return bool(row.confirmed_hash) and row.confirmed_hash == content_hash(work, row)


def submission_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """What a clerk drafted waits for the applicant's confirmation of that very content."""
    if is_confirmed(work, row):
        return ()
    return (
        refused(
            "draft-not-confirmed",
            "帮代办草稿须由贵机构申请人核对确认后方可提交；确认后又有改动的，须重新确认。",
            "A draft by a clerk is submitted once an applicant of the organisation has confirmed it; what was changed since must be confirmed anew.",
            BASIS,
        ),
    )


def is_clerk_of(actor: Actor, row: ApplicationRow) -> bool:
    return Role.CLERK in actor.role_kinds and row.assisted_person == actor.person_id
