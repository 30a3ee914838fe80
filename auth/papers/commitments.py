"""Signing a commitment in place of a paper, establishing that one is broken, and what that keeps its organisation from."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from typing import Annotated, Any, Final

import rfc8785
from pydantic import Field as Bound
from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.applications import deeds, steps
from auth.applications.tables import ApplicationRow
from auth.casework.book import CaseStep, Command, made_by, need_reason
from auth.duties.rules import later
from auth.identity import organisations
from auth.messages import audience
from auth.messages.service import tell
from auth.papers import commitment_workflow as commitment
from auth.papers import cover, rules
from auth.papers.book import COMMITMENTS, PAPERS, today
from auth.papers.reading import PaperRead, one
from auth.papers.rules import Paper
from auth.papers.steps import held, load, paper_of, tell_reviewers
from auth.papers.tables import CommitmentRow, PaperRow
from auth.papers.workflow import State, Step
from auth.policy import separation
from auth.profile.now import profile
from auth.roles import Role
from auth.suspensions.service import propose
from core.errors import Conflict, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

SIGN: Final = "auth:commitment:sign"
BREAK: Final = "auth:commitment:break"


class Promise(SQLModel):
    """`hash`: the digest of the commitment that was read."""

    model_config = {"extra": "forbid"}
    hash: Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


class CommitmentRead(SQLModel):
    """A commitment as a reader sees it; `document` is what was signed, `sha256` its digest."""

    id: str
    state: commitment.State
    version: int
    application_id: str
    org_id: str
    title_zh: str
    title_en: str
    document: dict[str, Any]
    sha256: str
    signer_zh: str
    signer_en: str
    note: str
    created_at: datetime
    ended_at: datetime | None


def to_sign(work: Work, actor: Actor, application_id: ApplicationId, key: str) -> dict[str, Any]:
    """The commitment as this person would sign it now: the document, its digest, and what stands against it."""
    row = load(work, actor, application_id)
    document = _document(work, actor, row, paper_of(work, row, key))
    return {
        "document": document,
        "hash": hashlib.sha256(rfc8785.dumps(document)).hexdigest(),
        "reasons": list(_against(work, row, paper_of(work, row, key))),
    }


def promise(work: Work, actor: Actor, application_id: ApplicationId, key: str, body: Promise) -> PaperRead:
    """Sign the very commitment that was read, in one's own name for the organisation; it stands in for the paper."""
    row = load(work, actor, application_id, to_change=True)
    paper, known = held(work, actor, row, key)
    PAPERS.check(actor, known, Step.PROMISE)
    refuse_if(_against(work, row, paper))
    canonical = rfc8785.dumps(_document(work, actor, row, paper))
    if hashlib.sha256(canonical).hexdigest() != body.hash:
        raise Conflict(
            Text(
                "您阅读的承诺书与当前文本不一致；请重新打开后签署。",
                "The commitment you read is not the present one; open it again and sign that.",
            )
        )
    was_owed = known.state == State.OWED
    signed = CommitmentRow(
        **made_by(work, actor), state=commitment.State.STANDING, paper_id=known.id, application_id=row.id, org_id=row.org_id,
        departments=known.departments, title_zh=known.title_zh, title_en=known.title_en, document=canonical.decode(),
        sha256=body.hash, signer_zh=actor.name.zh, signer_en=actor.name.en,
    )  # fmt: skip
    COMMITMENTS.open(work, actor, signed, {"paper": key, "sha256": body.hash})
    known.commitment_id, known.due_on = signed.id, None
    PAPERS.move(work, actor, known, Step.PROMISE, payload={"paper": key, "sha256": body.hash})
    if was_owed:
        cover.set_clock(work, row)
        tell_reviewers(work, row, known)
    return one(work, actor, row, key)


def _against(work: Work, row: ApplicationRow, paper: Paper) -> tuple[Any, ...]:
    until = barred_until(work, row.org_id)
    late = rules.supply_objections(paper, today(work), is_open=row.state in cover.OPEN)
    return (*rules.promise_objections(paper, until, today(work)), *late)


def _document(work: Work, actor: Actor, row: ApplicationRow, paper: Paper) -> dict[str, Any]:
    """What is signed: the wording of the profile, for this paper of this application, by this person of this organisation."""
    known = cover.rows_of(work, row.id).get(paper.key)
    rule = next((each for each in cover.rules_of(work, row) if each.key == paper.key), None)
    wording = known.promise if known and row.state not in cover.OPEN else ""
    if not wording and rule is not None and rule.promise is not None:
        wording = rule.promise.model_dump_json()
    org = organisations.organisation(work, row.org_id).name
    return {
        "version": 1, "application_id": row.id,
        "organisation": {"id": row.org_id, "zh": org.zh, "en": org.en},
        "paper": {"key": paper.key, "zh": paper.title.zh, "en": paper.title.en, "source": paper.source},
        "text": json.loads(wording) if wording else None,
        "signer": {"account": actor.username, "zh": actor.name.zh, "en": actor.name.en},
    }  # fmt: skip


def establish_broken(work: Work, actor: Actor, commitment_id: str, body: CaseStep) -> CommitmentRead:
    """A steward of the data's department finds that what was promised is not so: the paper itself is due, deciders see it from
    then on, and suspending what was granted upon it is proposed to the security officer.
    """
    row = COMMITMENTS.row(work, commitment_id, actor, version=body.version, to_change=True)
    COMMITMENTS.check(actor, row, commitment.Step.BREAK)
    application = work.db.get_one(ApplicationRow, row.application_id)
    past = deeds.past(work, row.application_id)
    refuse_if(tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)))
    need_reason(body.note)
    COMMITMENTS.move(work, actor, row, commitment.Step.BREAK, body.note, {"sha256": row.sha256})
    cover.reopen(work, application, work.db.get_one(PaperRow, row.paper_id), body.note)
    propose(work, actor, row.application_id, row.id, body.note)
    people = [
        *audience.bureau(work, application, [Role.APPROVER, Role.SECURITY_OFFICER, Role.REVIEWER_BUSINESS]),
        *audience.holders(work, [Role.ORG_OFFICER], [row.org_id]),
    ]
    facts = {"id": row.application_id[:13], "title_zh": row.title_zh, "title_en": row.title_en}
    tell(
        work, people, "commitment.broken", subject=row.id, href=f"/commitments/{row.id}", once=row.id, facts=facts
    )  # fmt: skip
    return read_commitment(row)


def barred_until(work: Work, org_id: str) -> date | None:
    """The last day on which an earlier breach keeps the organisation from promising; None without one."""
    months = profile(work).papers.broken_bars_months
    wanted = select(CommitmentRow.ended_at).where(
        CommitmentRow.org_id == org_id, CommitmentRow.state == commitment.State.BROKEN
    )
    ends = [steps.local_day(at) for at in work.db.exec(wanted) if at is not None]
    return later(max(ends), months) if ends and months else None


def broken_of(work: Work, org_id: str) -> list[CommitmentRead]:
    """Every commitment that the organisation broke, newest first: for those who decide."""
    wanted = select(CommitmentRow).where(
        CommitmentRow.org_id == org_id, CommitmentRow.state == commitment.State.BROKEN
    )
    return [read_commitment(row) for row in work.db.exec(wanted.order_by(col(CommitmentRow.ended_at).desc()))]


def commitment_of(work: Work, actor: Actor, commitment_id: str) -> CommitmentRead:
    """One commitment; NotFound outside the actor's sight."""
    return read_commitment(COMMITMENTS.row(work, commitment_id, actor))


def commitments(
    work: Work, actor: Actor, *, state: str = "", org_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[CommitmentRead], int]:
    """Commitments in sight, newest first, and their number."""
    met = [col(CommitmentRow.state) == state] if state else []
    met += [col(CommitmentRow.org_id) == org_id] if org_id else []
    rows, total = COMMITMENTS.listed(work, actor, *met, offset=offset, limit=limit)
    return [read_commitment(row) for row in rows], total


def commands(work: Work, actor: Actor, commitment_id: str) -> list[Command]:
    """What this actor may do with a commitment now."""
    row = COMMITMENTS.row(work, commitment_id, actor)
    past = deeds.past(work, row.application_id)
    return COMMITMENTS.commands(
        actor, row, lambda _: separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)
    )


def read_commitment(row: CommitmentRow) -> CommitmentRead:
    return CommitmentRead.model_validate(row, update={"document": json.loads(row.document)})
