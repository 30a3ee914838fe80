"""The papers that an application needs, with what is there and what the reader may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import defer
from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.applications import queries, steps
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import FINAL
from auth.applications.workflow import State as At
from auth.papers import cover
from auth.papers.book import PAPERS, today
from auth.papers.rules import Paper
from auth.papers.steps import REVIEWED, load
from auth.papers.tables import PaperFileRow, PaperRow
from auth.papers.workflow import State, Step
from auth.scope import roles_towards
from core.ids import ApplicationId
from core.work import Work


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


def papers(work: Work, actor: Actor, application_id: ApplicationId) -> list[PaperRead]:
    """What the application needs, with what is there; NotFound outside the actor's sight."""
    row = load(work, actor, application_id)
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
    if row.state not in REVIEWED:
        able.discard(Step.RETURN)
    if row.state not in cover.OPEN and paper.state is State.SUPPLIED:
        able.discard(Step.SUPPLY)
    if not paper.may_promise:
        able.discard(Step.PROMISE)
    return [step.value for step in (Step.SUPPLY, Step.PROMISE, Step.RETURN) if step in able]


def one(work: Work, actor: Actor, row: ApplicationRow, key: str) -> PaperRead:
    work.db.flush()
    return next(each for each in papers(work, actor, ApplicationId(row.id)) if each.key == key)
