"""Error reports of readers as tickets: taken in, assigned, worked on and answered as failing rules are (受理、分拨、处理、反馈).

The reader writes in the discussion of the dataset (`catalog.discussions`); where data have been released, his report opens a ticket of the
source department. What becomes of it stands in his thread, and he is told. The answer's note is what everybody reads there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from catalog.discussions import service as discussions
from catalog.discussions.service import PostCreate, Reply, ThreadRead
from catalog.discussions.workflow import STATE_NAMES as THREAD_STATES
from catalog.discussions.workflow import ThreadState, ThreadStep
from core import outbox
from core.errors import Conflict
from core.text import Text
from core.work import Work, hold
from datasets.notices import service as notices
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from datasets.tickets import following, queries
from datasets.tickets.tables import TicketRow
from datasets.tickets.workflow import STATE_NAMES, TicketState, TicketStep

PREFIX: Final = "report:"
_SAID: Final = Text("读者报告的数据错误", "An error in the data, reported by a reader")
_SEVERITY: Final = "warning"


def is_report(row: TicketRow) -> bool:
    return row.rule_key.startswith(PREFIX)


def thread_of(row: TicketRow) -> str:
    return row.rule_key.removeprefix(PREFIX)


def post(work: Work, actor: Actor, dataset_id: str, body: PostCreate) -> ThreadRead:
    """Ask, or report an error; a report on released data becomes a ticket of the department in the same transaction."""
    made = discussions.post(work, actor, dataset_id, body)
    if body.kind == "error" and (release := _release(work, made)) is not None:
        _open(work, actor, made, release)
    return told(work, [made])[0]


def step(work: Work, actor: Actor, thread_id: str, taken: ThreadStep, body: Reply) -> ThreadRead:
    """A step of a thread. What has a ticket is decided there; asked again by its author, the ticket is opened again."""
    seen = discussions.thread(work, actor, thread_id)
    row = _latest(work, seen.dataset_id, thread_id)
    if row is not None and taken is not ThreadStep.REOPEN and taken in seen.steps:
        raise Conflict(
            Text(
                f"这一报错由工单 {row.number} 办理；请在工单中反馈（/tickets/{row.id}），答复会写入这里。",
                f"This report is handled as ticket {row.number}; answer it there (/tickets/{row.id}), and the answer stands here.",
            ),
            ticket_id=row.id,
        )
    done = discussions.step(work, actor, thread_id, taken, body)
    if row is not None and taken is ThreadStep.REOPEN:
        hold(work, "tickets")
        work.db.refresh(row)
        again = {TicketState.ANSWERED: TicketStep.RECUR, TicketState.CLOSED: TicketStep.REOPEN}
        if (move := again.get(TicketState(row.state))) is not None:
            following.reopened(work, row, move, actor, body.body.strip())
            work.db.flush()
    return told(work, [done])[0]


def after_step(work: Work, actor: Actor, row: TicketRow, taken: TicketStep, note: str) -> None:
    """What a step of a report's ticket does to its thread, and what the reader is told of it."""
    if taken is TicketStep.ANSWER:
        to = ThreadState.SETTLED if row.answer == "corrected" else ThreadState.DECLINED
        discussions.decide(work, actor, thread_of(row), to, note)
        _tell_followers(work, row, to)
        return
    if taken is TicketStep.REOPEN:
        discussions.decide(work, actor, thread_of(row), ThreadState.OPEN, "")
    state = STATE_NAMES[TicketState(row.state)]
    facts: dict[str, str | int] = {
        "number": row.number,
        "state_zh": state.zh,
        "state_en": state.en,
    }
    discussions.tell_author(work, thread_of(row), "report.moved", once=f"{row.id}|{row.version}", facts=facts)


def _tell_followers(work: Work, row: TicketRow, to: ThreadState) -> None:
    """Who follows the dataset is told that an error in it was answered, and how; not the words."""
    batch = select(ReleaseRow.id).where(ReleaseRow.batch_id == row.batch_id)
    state = THREAD_STATES[to]
    facts = {"ticket": row.number, "thread": thread_of(row), "state_zh": state.zh, "state_en": state.en}
    notices.tell(work, row.dataset_id, "answered", work.db.exec(batch).first() or "", facts)


def told(work: Work, threads: Sequence[ThreadRead]) -> list[ThreadRead]:
    """The threads with how their tickets stand; everybody may know that, and nothing else of a ticket."""
    keys = [PREFIX + thread.id for thread in threads]
    rows = work.db.exec(
        select(TicketRow).where(col(TicketRow.rule_key).in_(keys)).order_by(col(TicketRow.number))
    )
    handled = {thread_of(row): row for row in rows}
    return [
        thread.model_copy(update=_handling(thread, handled[thread.id])) if thread.id in handled else thread
        for thread in threads
    ]


def _handling(thread: ThreadRead, row: TicketRow) -> dict[str, Any]:
    """The number and state for everybody, the way to the ticket for the department; only asking again is left to do here."""
    state = STATE_NAMES[TicketState(row.state)]
    return {
        "ticket_id": row.id if thread.may_hide else "", "ticket_number": row.number, "handling_zh": state.zh, "handling_en": state.en,
        "steps": [each for each in thread.steps if each is ThreadStep.REOPEN],
    }  # fmt: skip


def _latest(work: Work, dataset_id: str, thread_id: str) -> TicketRow | None:
    return queries.latest_of_rule(work, dataset_id, PREFIX + thread_id)


def _release(work: Work, thread: ThreadRead) -> ReleaseRow | None:
    """The release that the report is about: the one named, else the current one."""
    wanted = select(ReleaseRow).where(ReleaseRow.dataset_id == thread.dataset_id)
    if thread.release_number is not None:
        wanted = wanted.where(ReleaseRow.number == thread.release_number)
    else:
        wanted = wanted.where(col(ReleaseRow.state) == ReleaseState.PUBLISHED)
    return work.db.exec(wanted.order_by(col(ReleaseRow.number).desc())).first()


def _open(work: Work, actor: Actor, thread: ThreadRead, release: ReleaseRow) -> None:
    hold(work, "tickets")
    last = work.db.exec(select(TicketRow.number).order_by(col(TicketRow.number).desc())).first()
    row = TicketRow(
        id=work.new_id(), number=(last or 0) + 1, dataset_id=thread.dataset_id, org_id=release.org_id, rule_key=PREFIX + thread.id,
        rule_digest="", rule_zh=_SAID.zh, rule_en=_SAID.en, severity=_SEVERITY, opened_at=work.now, batch_id=release.batch_id,
        due_on=following.due_on(work, _SEVERITY), assignee_org=release.org_id,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    facts = {"thread_id": thread.id, "release_number": release.number}
    following.note(work, row, "open", actor, "", facts)
    payload = {
        "number": row.number,
        "rule": row.rule_key,
        "batch": row.batch_id,
        "due_on": row.due_on.isoformat(),
    }
    audit.record(work, actor, "ticket.opened", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    outbox.post(work, "ticket.opened", row.id, following.told(row))
