"""Handing papers in and sending them back."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from sqlmodel import Field, SQLModel

from auth.actor import SYSTEM, Actor
from auth.applications import deeds, steps
from auth.casework.book import CaseStep, need_reason
from auth.papers import commitment_workflow as commitment
from auth.papers import cover, rules
from auth.papers.book import COMMITMENTS, PAPERS, days_on, today
from auth.papers.files import UNSCANNED, Scan, media_type, named
from auth.papers.reading import PaperRead, one
from auth.papers.steps import REVIEWED, held, load, need_fresh, paper_of, tell_reviewers
from auth.papers.tables import CommitmentRow, PaperFileRow
from auth.papers.workflow import State, Step
from auth.policy import separation
from auth.policy.model import Prose
from auth.profile.papers import WorkingDays
from core.errors import InputRefused, TransitionRefused, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

SUPPLY: Final = "auth:paper:supply"
RETURN: Final = "auth:paper:return"


class PaperSupply(SQLModel):
    """A paper with its bytes: PDF, PNG or JPEG, at most 5 MiB."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=0)
    name: Prose = Field(min_length=1, max_length=200)
    content_base64: str = Field(max_length=7_200_000)


class PaperReturn(CaseStep):
    """A paper that will not do goes back; it is due again within so many working days."""

    working_days: WorkingDays = 5


def supply(work: Work, actor: Actor, application_id: ApplicationId, key: str, body: PaperSupply) -> PaperRead:
    """Hand a paper in, or a better one in its place while the application is with the applicant. A commitment that stood in for it has been kept by that."""
    return hand_in(work, actor, application_id, key, body.name, bytes_of(body), body.version)


def bytes_of(body: PaperSupply) -> bytes:
    """The bytes that stand in Base64. Raises InputRefused."""
    return _bytes(body.content_base64)


def _bytes(words: str) -> bytes:
    try:
        return base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError) as wrong:
        text = Text(
            "content_base64 不是有效的 Base64 编码；请重新编码文件内容。",
            "content_base64 is not valid Base64; encode the file's bytes again.",
        )
        raise InputRefused(text, field="content_base64") from wrong


def hand_in(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, name: str, content: bytes, version: int | None = None,
    scan: Scan = UNSCANNED,
) -> PaperRead:  # fmt: skip
    """The same with the bytes themselves, and what the scanner said of them. Raises InputRefused for what is no PDF, PNG or JPEG, or too
    large; AccessRefused for what is infected.
    """
    row = load(work, actor, application_id, to_change=True)
    kind = media_type(content)
    paper, known = held(work, actor, row, key)
    if scan.found:
        refuse_if((rules.infected(paper.title, key, scan.found),))
    if version or known.file_id:  # 0: nothing was handed in yet
        need_fresh(known, version)
    PAPERS.check(actor, known, Step.SUPPLY)
    if known.state == State.SUPPLIED and row.state not in cover.OPEN:
        raise TransitionRefused(
            Text(
                "材料提交后，申请在办期间不再更换；须由审核人员先退回该材料，或退回申请。",
                "What was handed in stays while the application is handled: the paper, or the application, is sent back first.",
            ),
            state=row.state,
        )
    refuse_if(tuple(rules.supply_objections(paper, today(work), is_open=row.state in cover.OPEN)))
    file = PaperFileRow(
        id=work.new_id(), paper_id=known.id, name=named(name), media_type=kind, size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(), content=content, by=actor.account_id, at=work.now,
        scan=scan.state, scanned_at=work.now if scan.was_asked else None,
    )  # fmt: skip
    work.db.add(file)
    if known.commitment_id:
        COMMITMENTS.move(
            work, SYSTEM, work.db.get_one(CommitmentRow, known.commitment_id), commitment.Step.KEEP
        )
    was_owed = known.state == State.OWED
    known.file_id, known.commitment_id, known.due_on = file.id, None, None
    facts = {"paper": key, "sha256": file.sha256, "size_bytes": file.size_bytes, "scan": file.scan}
    PAPERS.move(work, actor, known, Step.SUPPLY, payload=facts)
    if was_owed:
        cover.set_clock(work, row)
        tell_reviewers(work, row, known)
    return one(work, actor, row, key)


def send_back(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, body: PaperReturn
) -> PaperRead:
    """A paper that will not do is asked for again, with the reason and a day."""
    row = load(work, actor, application_id, to_change=True)
    paper_of(work, row, key)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or row.state not in REVIEWED:
        raise TransitionRefused(
            Text(
                "申请不在审核或审批中，材料不能退回。",
                "The application is not under review; its papers cannot be sent back.",
            ),
            state=row.state,
        )
    need_fresh(known, body.version)
    PAPERS.check(actor, known, Step.RETURN)
    past = deeds.past(work, row.id)
    refuse_if(tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)))
    need_reason(body.note)
    known.due_on = days_on(work, body.working_days)
    facts = {"paper": key, "due_on": str(known.due_on)}
    PAPERS.move(work, actor, known, Step.RETURN, body.note, facts)
    cover.set_clock(work, row)
    cover.tell_owed(work, row, known)
    return one(work, actor, row, key)
