"""Handing papers in, sending them back, signing a commitment instead, and establishing that one is broken."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final

import rfc8785
from pydantic import Field as Bound
from sqlalchemy.orm import defer
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.applications import deeds, queries, steps
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import FINAL
from auth.applications.workflow import State as At
from auth.casework.book import CaseStep, Command, made_by, need_reason
from auth.duties.rules import later
from auth.identity import organisations
from auth.messages import audience
from auth.messages.service import tell
from auth.papers import commitment_workflow as commitment
from auth.papers import cover, rules
from auth.papers.book import COMMITMENTS, PAPERS, days_on, today
from auth.papers.rules import Paper
from auth.papers.tables import CommitmentRow, PaperFileRow, PaperRow
from auth.papers.workflow import State, Step
from auth.policy import separation
from auth.policy.model import Prose
from auth.profile.now import profile
from auth.profile.papers import WorkingDays
from auth.roles import Role
from auth.scope import roles_towards
from auth.suspensions.service import propose
from core.errors import Conflict, InputRefused, NotFound, Stale, TransitionRefused, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

SUPPLY: Final = "auth:paper:supply"
RETURN: Final = "auth:paper:return"
SIGN: Final = "auth:commitment:sign"
BREAK: Final = "auth:commitment:break"
_REVIEWED: Final = frozenset({At.SUBMITTED, At.IN_REVIEW, At.DECIDING})


class PaperSupply(SQLModel):
    """A paper with its bytes: PDF, PNG or JPEG, at most 5 MiB."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=0)
    name: Prose = Field(min_length=1, max_length=200)
    content_base64: str = Field(max_length=7_200_000)


class PaperReturn(CaseStep):
    """A paper that will not do goes back; it is due again within so many working days."""

    working_days: WorkingDays = 5


class Promise(SQLModel):
    """`hash`: the digest of the commitment that was read."""

    model_config = {"extra": "forbid"}
    hash: Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


class PaperRead(SQLModel):
    """A paper as a reader sees it. `id` and `version` are empty while nothing was done with it; `steps`: what the reader may do now.

    `scan`: what the malware scanner said of its file: clean, infected, not_scanned (no scanner is configured, or was when it was handed in).
    """

    key: str
    id: str
    version: int
    title_zh: str
    title_en: str
    state: State
    later_working_days: int | None
    may_promise: bool
    source: str
    due_on: date | None
    is_overdue: bool
    file_name: str
    file_sha256: str
    file_bytes: int | None
    scan: str
    scan_found: str
    supplied_at: datetime | None
    commitment_id: str | None
    note: str
    steps: list[str]


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


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner said: the name of what it found, "" for clean bytes. `was_asked` is false where none is configured."""

    was_asked: bool = False
    found: str = ""

    @property
    def state(self) -> str:
        return cover.INFECTED if self.found else cover.CLEAN if self.was_asked else cover.NOT_SCANNED


@dataclass(frozen=True, slots=True)
class File:
    """A paper's bytes."""

    name: str
    media_type: str
    content: bytes


_UNSCANNED: Final = Scan()


def _row(
    work: Work, actor: Actor, application_id: ApplicationId, *, to_change: bool = False
) -> ApplicationRow:
    row = queries.row(work, application_id, actor, to_change=to_change)
    if to_change and steps.state(work, row) in FINAL - {At.AGREED}:
        raise TransitionRefused(
            Text(
                "申请已终结，不再收取材料。",
                "The application has ended; papers are not taken any more.",
            ),
            state=row.state,
        )
    return row


def papers(work: Work, actor: Actor, application_id: ApplicationId) -> list[PaperRead]:
    """What the application needs, with what is there; NotFound outside the actor's sight."""
    row = _row(work, actor, application_id)
    known = cover.rows_of(work, row.id)
    held = [each.file_id for each in known.values() if each.file_id]
    wanted = select(PaperFileRow).options(defer(col(PaperFileRow.content)))  # type: ignore[arg-type]  # the bytes stay where they are
    files = {each.id: each for each in work.db.exec(wanted.where(col(PaperFileRow.id).in_(held)))}
    return [_read(work, actor, row, each, known.get(each.key), files) for each in cover.papers_of(work, row)]


def _read(
    work: Work, actor: Actor, row: ApplicationRow, paper: Paper, known: PaperRow | None, files: Mapping[str, PaperFileRow]
) -> PaperRead:  # fmt: skip
    file = files.get(known.file_id or "") if known else None
    return PaperRead(
        key=paper.key, id=known.id if known else "", version=known.version if known else 0,
        title_zh=paper.title.zh, title_en=paper.title.en, state=paper.state, later_working_days=paper.later_days,
        may_promise=paper.may_promise, source=paper.source, due_on=paper.due_on if paper.state is State.OWED else None,
        is_overdue=paper.state is State.OWED and paper.due_on is not None and paper.due_on < today(work),
        file_name=file.name if file else "", file_sha256=file.sha256 if file else "", file_bytes=file.size_bytes if file else None,
        scan=file.scan if file else "", scan_found=file.scan_found if file else "",
        supplied_at=file.at if file else None, commitment_id=known.commitment_id if known else None,
        note=known.note if known else "", steps=_open_steps(work, actor, row, paper),
    )  # fmt: skip


def _open_steps(work: Work, actor: Actor, row: ApplicationRow, paper: Paper) -> list[str]:
    """What this reader's roles open now; whether it is then granted is asked when it is done."""
    if steps.state(work, row) in FINAL - {At.AGREED}:
        return []
    held = roles_towards(actor, org_id=row.org_id, departments=queries.departments(work, row.id))
    able = set(PAPERS.machine.open_steps(paper.state, held)) - {Step.DEFER}
    if row.state not in _REVIEWED:
        able.discard(Step.RETURN)
    if row.state == At.AGREED and paper.state is State.SUPPLIED:
        able.discard(Step.SUPPLY)
    if not paper.may_promise:
        able.discard(Step.PROMISE)
    return [step.value for step in (Step.SUPPLY, Step.PROMISE, Step.RETURN) if step in able]


def _held(work: Work, actor: Actor, row: ApplicationRow, key: str) -> tuple[Paper, PaperRow]:
    """The paper and its row, made where the application has none yet. NotFound for a paper that it does not need."""
    paper = _paper(work, row, key)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or row.state in cover.OPEN:
        rule = next(each for each in cover.rules_of(work, row) if each.key == key)
        departments = json.dumps(sorted(queries.departments(work, row.id)))
        known = cover.listed(work, actor, row, rule, departments)
    return paper, known


def _paper(work: Work, row: ApplicationRow, key: str) -> Paper:
    found = next((each for each in cover.papers_of(work, row) if each.key == key), None)
    if found is None:
        raise NotFound(
            Text(
                f"该申请不需要材料“{key}”。",
                f"The application needs no paper “{key}”.",
            )
        )
    return found


def supply(work: Work, actor: Actor, application_id: ApplicationId, key: str, body: PaperSupply) -> PaperRead:
    """Hand a paper in, or a better one in its place. A commitment that stood in for it has been kept by that."""
    return hand_in(work, actor, application_id, key, body.name, bytes_of(body), body.version)


def bytes_of(body: PaperSupply) -> bytes:
    """The bytes that stand in Base64. Raises InputRefused."""
    return _bytes(body.content_base64)


def hand_in(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, name: str, content: bytes, version: int | None = None,
    scan: Scan = _UNSCANNED,
) -> PaperRead:  # fmt: skip
    """The same with the bytes themselves, and what the scanner said of them. Raises InputRefused for what is no PDF, PNG or JPEG, or too
    large; AccessRefused for what is infected.
    """
    row = _row(work, actor, application_id, to_change=True)
    kind = media_type(content)
    paper, known = _held(work, actor, row, key)
    if scan.found:
        refuse_if((rules.infected(paper.title, key, scan.found),))
    if version or known.file_id:  # 0: nothing was handed in yet
        _fresh(known, version)
    PAPERS.check(actor, known, Step.SUPPLY)
    if row.state == At.AGREED and known.state == State.SUPPLIED:
        raise TransitionRefused(
            Text(
                "申请已签约，已提交的材料不再更换。", "The application is agreed; what was handed in stays."
            ),
            state=row.state,
        )
    refuse_if(tuple(rules.supply_objections(paper, today(work), is_open=row.state in cover.OPEN)))
    file = PaperFileRow(
        id=work.new_id(), paper_id=known.id, name=_named(name), media_type=kind, size_bytes=len(content),
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
        _tell_reviewers(work, row, known)
    return _one(work, actor, row, key)


def unscanned(work: Work, actor: Actor, application_id: ApplicationId) -> list[tuple[str, bytes]]:
    """Files of the papers as they are now that no scanner has seen: id and bytes. NotFound outside the actor's sight."""
    row = queries.row(work, application_id, actor)
    held = [each.file_id for each in cover.rows_of(work, row.id).values() if each.file_id]
    wanted = select(PaperFileRow.id, PaperFileRow.content).where(
        col(PaperFileRow.id).in_(held), PaperFileRow.scan == cover.NOT_SCANNED
    )
    return list(work.db.exec(wanted.order_by(col(PaperFileRow.id))).all())


def note_scan(work: Work, actor: Actor, application_id: ApplicationId, file_id: str, scan: Scan) -> None:
    """What the scanner said of a file that was handed in before one was configured."""
    row = queries.row(work, application_id, actor, to_change=True)
    file = work.db.get_one(PaperFileRow, file_id)
    file.scan, file.scan_found, file.scanned_at = scan.state, scan.found[:200], work.now
    work.db.add(file)
    audit.record(
        work, actor, "paper.scanned", subject=file.paper_id, application_id=row.id,
        payload={"sha256": file.sha256, "scan": file.scan, "found": file.scan_found},
    )  # fmt: skip


def note_infected(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, content: bytes, scan: Scan
) -> None:
    """That infected bytes were offered: who, where, their digest, what was found. The bytes are kept nowhere."""
    row = queries.row(work, application_id, actor)
    audit.record(
        work, actor, "paper.infected", subject=row.id, application_id=row.id,
        payload={"paper": key, "sha256": hashlib.sha256(content).hexdigest(), "found": scan.found[:200]},
    )  # fmt: skip


def send_back(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, body: PaperReturn
) -> PaperRead:
    """A paper that will not do is asked for again, with the reason and a day."""
    row = _row(work, actor, application_id, to_change=True)
    _paper(work, row, key)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or row.state not in _REVIEWED:
        raise TransitionRefused(
            Text(
                "申请不在审核或审批中，材料不能退回。",
                "The application is not under review; its papers cannot be sent back.",
            ),
            state=row.state,
        )
    _fresh(known, body.version)
    PAPERS.check(actor, known, Step.RETURN)
    past = deeds.past(work, row.id)
    refuse_if(tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)))
    need_reason(body.note)
    known.due_on = days_on(work, body.working_days)
    facts = {"paper": key, "due_on": str(known.due_on)}
    PAPERS.move(work, actor, known, Step.RETURN, body.note, facts)
    cover.set_clock(work, row)
    cover.tell_owed(work, row, known)
    return _one(work, actor, row, key)


def file(work: Work, actor: Actor, application_id: ApplicationId, key: str) -> File:
    """The paper's bytes as they were last handed in. That it was read is on record, whoever reads it."""
    row = _row(work, actor, application_id)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or known.file_id is None:
        raise NotFound(Text("没有提交过这份材料。", "This paper was not handed in."))
    found = work.db.get_one(PaperFileRow, known.file_id)
    if found.scan == cover.INFECTED:
        refuse_if((rules.infected(Text(known.title_zh, known.title_en), key, found.scan_found),))
    audit.record(
        work, actor, "paper.read", subject=known.id, application_id=row.id, payload={"paper": key, "sha256": found.sha256}
    )  # fmt: skip
    return File(found.name, found.media_type, found.content)


# -- commitments


def to_sign(work: Work, actor: Actor, application_id: ApplicationId, key: str) -> dict[str, Any]:
    """The commitment as this person would sign it now: the document, its digest, and what stands against it."""
    row = _row(work, actor, application_id)
    document = _document(work, actor, row, _paper(work, row, key))
    return {
        "document": document,
        "hash": hashlib.sha256(rfc8785.dumps(document)).hexdigest(),
        "reasons": list(_against(work, row, _paper(work, row, key))),
    }


def promise(work: Work, actor: Actor, application_id: ApplicationId, key: str, body: Promise) -> PaperRead:
    """Sign the very commitment that was read, in one's own name for the organisation; it stands in for the paper."""
    row = _row(work, actor, application_id, to_change=True)
    paper, known = _held(work, actor, row, key)
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
        _tell_reviewers(work, row, known)
    return _one(work, actor, row, key)


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


# -- shared


def _one(work: Work, actor: Actor, row: ApplicationRow, key: str) -> PaperRead:
    work.db.flush()
    return next(each for each in papers(work, actor, ApplicationId(row.id)) if each.key == key)


def _tell_reviewers(work: Work, row: ApplicationRow, paper: PaperRow) -> None:
    facts = {"id": row.id[:13], "title_zh": paper.title_zh, "title_en": paper.title_en}
    tell(
        work, audience.bureau(work, row, [Role.REVIEWER_BUSINESS]), "paper.came", subject=paper.id,
        href=f"/applications/{row.id}/papers", once=f"{paper.id}|{paper.version}", facts=facts,
    )  # fmt: skip


def _fresh(row: PaperRow, version: int | None) -> None:
    if version is not None and version != row.version:
        raise Stale(
            Text(
                f"材料已被他人修改（当前版本 {row.version}）；请刷新后再操作。",
                f"The paper was changed by somebody else (now version {row.version}); reload first.",
            ),
            version=row.version,
        )


def _bytes(words: str) -> bytes:
    try:
        return base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError) as wrong:
        text = Text(
            "content_base64 不是有效的 Base64 编码；请重新编码文件内容。",
            "content_base64 is not valid Base64; encode the file's bytes again.",
        )
        raise InputRefused(text, field="content_base64") from wrong


def media_type(content: bytes) -> str:
    """What the bytes are. Raises InputRefused for what is not taken as a paper, or too large."""
    if len(content) > rules.MOST_BYTES:
        raise InputRefused(
            Text(
                "材料文件超过 5 MiB；请压缩或拆分后再提交。",
                "The file is larger than 5 MiB; make it smaller and hand it in again.",
            ),
            field="file",
        )
    if (found := rules.media_type(content)) is None:
        raise InputRefused(
            Text(
                "材料须为 PDF、PNG 或 JPEG 文件；请转换格式后再提交。",
                "A paper is a PDF, PNG or JPEG file; convert it and hand it in again.",
            ),
            field="file",
        )
    return found


def _named(name: str) -> str:
    """The last part of the name, without what a file system or a header could read as something else."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable()).strip(". ")[:200] or "paper"
