"""What the steps of an application ask about its papers, and what they do to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, exists
from sqlmodel import col, select

from auth.actor import SYSTEM, Actor
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import State as At
from auth.casework.book import made_by
from auth.clocks import counting
from auth.clocks.rules import STAGE_OF
from auth.messages import audience
from auth.messages.service import tell
from auth.papers import rules
from auth.papers.book import PAPERS, days_on, today
from auth.papers.rules import Paper
from auth.papers.tables import CommitmentRow, PaperFileRow, PaperRow
from auth.papers.workflow import State, Step
from auth.profile.now import profile
from auth.profile.papers import PaperRule
from auth.roles import Role
from core.errors import Reason
from core.text import Text
from core.work import Asked, Work, rows

NOT_SCANNED, CLEAN, INFECTED = "not_scanned", "clean", "infected"
OPEN = frozenset({At.DRAFT, At.RETURNED})  # the application is with the applicant


def rows_of(work: Work, application_id: str) -> dict[str, PaperRow]:
    """The papers on record, by key."""
    return {row.key: row for row in rows(work, _PAPERS, application_id=application_id)}


_PAPERS: Final = (
    select(PaperRow)
    .where(col(PaperRow.application_id) == bindparam("application_id"))
    .order_by(col(PaperRow.id))
    .execution_options(populate_existing=True)
)


def question(application_id: str) -> Asked:
    """What `rows_of` asks."""
    return _PAPERS, {"application_id": application_id}


def rules_of(work: Work, row: ApplicationRow) -> tuple[PaperRule, ...]:
    """What the profile in force asks of this application."""
    lines = queries.lines(work, row.id)
    level, personal = (
        max((line.level for line in lines), default=1),
        any(line.needs_security_review for line in lines),
    )
    return profile(work).papers.required(level, today(work), personal=personal)


def papers_of(work: Work, row: ApplicationRow) -> list[Paper]:
    """What this application needs: by the profile in force while it is with the applicant, as it was fixed afterwards."""
    known = rows_of(work, row.id)
    if row.state not in OPEN:
        return [_of_row(each) for each in known.values() if each.is_required]
    return [_of_rule(rule, known.get(rule.key)) for rule in rules_of(work, row)]


def _of_row(row: PaperRow) -> Paper:
    return Paper(
        row.key, Text(row.title_zh, row.title_en), State(row.state), row.later_days, bool(row.promise), row.due_on, row.source
    )  # fmt: skip


def _of_rule(rule: PaperRule, row: PaperRow | None) -> Paper:
    return Paper(
        rule.key, Text(rule.zh, rule.en), State(row.state) if row else State.MISSING, rule.later_working_days,
        rule.promise is not None, row.due_on if row else None, rule.source,
    )  # fmt: skip


def listed(
    work: Work, actor: Actor, row: ApplicationRow, rule: PaperRule, departments: str = "[]"
) -> PaperRow:
    """The row of a paper, made when it is first asked for, with the rule as it is now."""
    facts: dict[str, Any] = {
        "title_zh": rule.zh, "title_en": rule.en, "later_days": rule.later_working_days, "source": rule.source,
        "promise": rule.promise.model_dump_json() if rule.promise else "", "is_required": True,
    }  # fmt: skip
    found = rows_of(work, row.id).get(rule.key)
    if found is None:
        made = PaperRow(
            **made_by(work, actor), state=State.MISSING, application_id=row.id, org_id=row.org_id, key=rule.key,
            departments=departments, **facts,
        )  # fmt: skip
        return PAPERS.open(work, actor, made, {"paper": rule.key})
    for name, value in facts.items():
        setattr(found, name, value)
    work.db.add(found)
    return found


def fix(work: Work, actor: Actor, row: ApplicationRow) -> None:
    """Write down what the application needs, as the turn begins: later changes of the profile do not touch it."""
    asked = rules_of(work, row)
    departments = json.dumps(sorted(queries.departments(work, row.id)))
    for rule in asked:
        listed(work, actor, row, rule, departments)
    for known in rows_of(work, row.id).values():
        known.departments = departments
        known.is_required = any(rule.key == known.key for rule in asked)
        work.db.add(known)
        if known.commitment_id:
            signed = work.db.get_one(CommitmentRow, known.commitment_id)
            signed.departments = departments
            work.db.add(signed)
    work.db.flush()


def submission_objections(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    return (*rules.submission_objections(papers_of(work, row)), *_infected(work, row))


def _infected(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Files that the scanner objects to, of the papers as they are now."""
    held = {each.file_id: each for each in rows_of(work, row.id).values() if each.file_id}
    wanted = select(PaperFileRow.id, PaperFileRow.scan_found).where(
        col(PaperFileRow.id).in_(sorted(held)), PaperFileRow.scan == INFECTED
    )
    return tuple(
        rules.infected(Text(held[file_id].title_zh, held[file_id].title_en), held[file_id].key, found)
        for file_id, found in work.db.exec(wanted)
    )


def advice(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    return tuple(rules.advice(papers_of(work, row)))


def screening_objections(work: Work, row: ApplicationRow, named: Mapping[str, int]) -> tuple[Reason, ...]:
    """Why it cannot be accepted with these papers named as missing (key → working days)."""
    return tuple(rules.screening_objections(papers_of(work, row), named))


def may_follow(work: Work, row: ApplicationRow) -> list[tuple[Paper, int]]:
    """Papers that lack and with which it can be accepted all the same, each with the working days it may take."""
    return [(each, each.later_days) for each in papers_of(work, row) if not each.is_held and each.later_days]


def screening_forbids(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Papers that lack and may not follow: with them missing it can only be returned."""
    lacking = papers_of(work, row)
    named = {each.key: 1 for each in lacking if not each.is_held and each.later_days}
    return tuple(rules.screening_objections(lacking, named))


def blocking(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """What must be there before anything is decided or agreed."""
    return tuple(rules.decision_objections(papers_of(work, row), today(work)))


def defer(work: Work, actor: Actor, row: ApplicationRow, named: Mapping[str, int]) -> None:
    """The application is accepted though these papers lack: each has its day, and the applicant is told."""
    known = rows_of(work, row.id)
    for key, days in named.items():
        paper = known[key]
        paper.due_on = days_on(work, days)
        facts = {"paper": key, "due_on": str(paper.due_on), "working_days": days}
        PAPERS.move(work, actor, paper, Step.DEFER, payload=facts)
        tell_owed(work, row, paper)
    if named:
        set_clock(work, row)


def set_clock(work: Work, row: ApplicationRow) -> None:
    """The bureau's day, counted anew: its clocks stand while a paper is to follow."""
    if row.state in STAGE_OF:
        work.db.flush()
        row.due_on = counting.due_on(work, row)
        work.db.add(row)


def tell_owed(work: Work, row: ApplicationRow, paper: PaperRow) -> None:
    """Tell the applicant's side that a paper is wanted, and until when."""
    facts = {
        "id": row.id[:13], "title_zh": paper.title_zh, "title_en": paper.title_en, "due_on": str(paper.due_on)
    }  # fmt: skip
    tell(
        work, audience.holders(work, [Role.APPLICANT, Role.ORG_OFFICER], [row.org_id]), "paper.owed", subject=paper.id,
        href=f"/applications/{row.id}/papers", once=f"{paper.id}|{paper.version}", facts=facts,
    )  # fmt: skip


def owing(org_id: Any, day: Any) -> ColumnElement[bool]:  # noqa: ANN401 - values, or parameters of a query
    """The condition that `overdue_of` finds something."""
    return exists().where(_overdue(org_id, day))


def _overdue(org_id: Any, day: Any) -> ColumnElement[bool]:  # noqa: ANN401 - as above
    return and_(
        col(PaperRow.org_id) == org_id, col(PaperRow.state) == State.OWED, col(PaperRow.due_on) < day,
        col(PaperRow.application_id).in_(
            select(ApplicationRow.id).where(col(ApplicationRow.org_id) == org_id, ApplicationRow.state == At.AGREED)
        ),
    )  # fmt: skip


def overdue_of(work: Work, org_id: str) -> tuple[Reason, ...]:
    """Papers asked for again after a broken commitment, on applications that were agreed, that did not come in time."""
    wanted = select(PaperRow).where(_overdue(org_id, today(work)))
    return tuple(
        rules.overdue(Text(row.title_zh, row.title_en), row.application_id, row.due_on)
        for row in work.db.exec(wanted.order_by(col(PaperRow.id)))
        if row.due_on is not None
    )


def late(work: Work) -> list[ApplicationRow]:
    """Applications in the bureau's hands whose paper did not follow in time, held for a change; empty most of the time."""
    owed = select(PaperRow.application_id).where(
        PaperRow.state == State.OWED, col(PaperRow.is_required).is_(True), col(PaperRow.due_on) < today(work)
    )
    wanted = select(ApplicationRow).where(
        col(ApplicationRow.state).in_([At.IN_REVIEW, At.DECIDING]), col(ApplicationRow.id).in_(owed)
    )
    held = wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return list(work.db.exec(held))


def is_anything_late(work: Work) -> bool:
    owed = select(PaperRow.application_id).where(
        PaperRow.state == State.OWED, col(PaperRow.is_required).is_(True), col(PaperRow.due_on) < today(work)
    )
    wanted = select(ApplicationRow.id).where(
        col(ApplicationRow.state).in_([At.IN_REVIEW, At.DECIDING]), col(ApplicationRow.id).in_(owed)
    )
    return work.db.exec(wanted.limit(1)).first() is not None


def reopen(work: Work, row: ApplicationRow, paper: PaperRow, note: str) -> None:
    """Its commitment is broken: the paper itself is asked for, with a day."""
    paper.due_on = days_on(work, profile(work).papers.reopened_working_days)
    paper.commitment_id = None
    PAPERS.move(work, SYSTEM, paper, Step.REOPEN, note, {"paper": paper.key, "due_on": str(paper.due_on)})
    set_clock(work, row)
    tell_owed(work, row, paper)
