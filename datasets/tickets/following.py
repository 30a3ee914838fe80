"""Tickets follow what the gate says: a failing rule opens one, a corrected batch answers it, a new failure reopens it.

Called in the transaction that stores a verdict, so that no failure goes without its ticket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.applications.steps import local_day
from core import outbox
from core.calendar import add_working_days
from core.text import Text
from core.work import Work, hold
from datasets import gate
from datasets.batches.tables import BatchRow
from datasets.people import stamp
from datasets.rule_keys import digest_of, keys_of
from datasets.tickets import queries, recurring
from datasets.tickets.policy import policy
from datasets.tickets.tables import RuleFailureRow, TicketEventRow, TicketRow
from datasets.tickets.workflow import LIVE, TicketState, TicketStep, advance
from datasets.waivers.cover import Standing
from quality.verdict import Verdict
from quality.wording import describe

_TICKETED = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class Failing:
    """A rule that a batch fails; a column with cells that cannot be typed counts as one too."""

    key: str
    digest: str
    severity: str
    said: Text
    failing_rows: int | None
    checked_rows: int | None


def failing_of(batch: BatchRow, verdict: Verdict) -> dict[str, Failing]:
    """What the department must look at, by rule key; failed rules that only report are left out."""
    outcomes = verdict.expectations
    found = {
        key: Failing(
            key, digest_of(each), each.severity, describe(each), each.unexpected_count, each.element_count
        )
        for key, each in zip(keys_of(outcomes), outcomes, strict=True)
        if each.outcome == "failed" and each.severity in _TICKETED
    }
    intake = batch.intake or {"findings": []}
    kinds = {each["name"]: each["type"] for each in intake.get("columns", ())}
    kinds |= {each["column"]: each["wanted"] for each in gate.untyped_findings(intake)}
    for column, count in gate.untyped_counts(intake).items():
        wanted = kinds[column]
        said = Text(
            f"列 {column} 中有单元格不能读作 {wanted}", f"cells of {column} cannot be read as {wanted}"
        )
        key = f"untyped:{column}"[:120]
        found[key] = Failing(key, "", "critical", said, count, batch.rows)
    return found


@dataclass(slots=True)
class _Register:
    """What opening many tickets at once asks only once: live tickets and the last ticket's id by rule, the last number."""

    live: dict[str, TicketRow]
    former: dict[str, str]
    number: int
    due: dict[str, date]


def _register(work: Work, dataset_id: str) -> _Register:
    of_dataset = select(TicketRow).where(TicketRow.dataset_id == dataset_id)
    live = work.db.exec(of_dataset.where(col(TicketRow.state).in_(LIVE)))
    former = select(TicketRow.rule_key, TicketRow.id).where(TicketRow.dataset_id == dataset_id)
    last = work.db.exec(select(TicketRow.number).order_by(col(TicketRow.number).desc())).first()
    return _Register(
        {row.rule_key: row for row in live},
        dict(work.db.exec(former.order_by(col(TicketRow.number))).all()),
        last or 0,
        {severity: due_on(work, severity) for severity in _TICKETED},
    )


def after_check(work: Work, batch: BatchRow, verdict: Verdict, standing: Standing) -> None:
    """Bring tickets, failures and proposals up to date with a stored verdict. A check that could not finish says nothing."""
    if verdict.verdict == "error":
        return
    hold(work, "tickets")
    failing, waived = failing_of(batch, verdict), standing.waived
    known = set(keys_of(verdict.expectations))
    touched = _follow(work, batch, failing)
    register = _register(work, batch.dataset_id)
    for each in failing.values():
        row = _failure(work, batch, each, waived.get(each.key))
        if row.waiver_id is None:
            ticket = _ticket_for(work, batch, each, register)
            row.ticket_id = ticket.id
        work.db.add(row)
    work.db.flush()
    for ticket_id in sorted(touched):
        ticket = work.db.get_one(TicketRow, ticket_id)
        kind = (
            "waived"
            if ticket.rule_key in waived
            else "corrected"
            if ticket.rule_key in known or ticket.rule_key.startswith("untyped:")
            else "rule_gone"
        )
        if ticket.rule_key not in failing or kind == "waived":
            answer_if_settled(work, ticket, kind, mended_by=batch.id)
    recurring.look(work, batch)


def _chain(work: Work, batch: BatchRow) -> list[str]:
    """The batch and those that it corrects, back to the first."""
    ids, before = [batch.id], batch.corrects
    while before and before not in ids:
        ids.append(before)
        former = work.db.get(BatchRow, before)
        before = former.corrects if former else None
    return ids


def _follow(work: Work, batch: BatchRow, failing: dict[str, Failing]) -> set[str]:
    """Note on the failures of the batches that this one corrects (or of its own earlier check) what came of them."""
    wanted = select(RuleFailureRow).where(
        col(RuleFailureRow.batch_id).in_(_chain(work, batch)), col(RuleFailureRow.followed_by).is_(None)
    )
    touched = set()
    for row in work.db.exec(wanted).all():
        row.followed_by, row.is_mended = batch.id, row.rule_key not in failing
        work.db.add(row)
        if row.ticket_id:
            touched.add(row.ticket_id)
    work.db.flush()
    return touched


def _failure(work: Work, batch: BatchRow, each: Failing, waiver_id: str | None) -> RuleFailureRow:
    return RuleFailureRow(
        id=work.new_id(), dataset_id=batch.dataset_id, rule_key=each.key, batch_id=batch.id,
        verdict_id=str(batch.verdict_id), waiver_id=waiver_id, at=work.now, severity=each.severity,
        failing_rows=each.failing_rows, checked_rows=each.checked_rows,
    )  # fmt: skip


def _ticket_for(work: Work, batch: BatchRow, each: Failing, register: _Register) -> TicketRow:
    """The rule's live ticket, which now speaks of this batch; a new one where there is none."""
    live = register.live.get(each.key)
    if live is None:
        return _opened(work, batch, each, register)
    live.batch_id, live.times = batch.id, live.times + 1
    live.failing_rows, live.checked_rows, live.severity = each.failing_rows, each.checked_rows, each.severity
    live.rule_digest, live.rule_zh, live.rule_en = each.digest, each.said.zh, each.said.en
    facts = {"batch_id": batch.id, "batch_number": batch.number, "failing_rows": each.failing_rows}
    if live.state == TicketState.ANSWERED:
        work.db.add(live)
        reopened(work, live, TicketStep.RECUR, SYSTEM, facts=facts)
    else:
        note(work, live, TicketStep.RECUR.value, SYSTEM, facts=facts)
        live.version += 1
        work.db.add(live)
    return live


def _opened(work: Work, batch: BatchRow, each: Failing, register: _Register) -> TicketRow:
    register.number += 1
    row = TicketRow(
        id=work.new_id(), number=register.number, dataset_id=batch.dataset_id, org_id=batch.org_id,
        rule_key=each.key, rule_digest=each.digest, rule_zh=each.said.zh, rule_en=each.said.en, severity=each.severity,
        opened_at=work.now, batch_id=batch.id, failing_rows=each.failing_rows, checked_rows=each.checked_rows,
        due_on=register.due[each.severity], assignee_org=batch.org_id, previous_id=register.former.get(each.key),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    facts = {"batch_id": batch.id, "batch_number": batch.number, "failing_rows": each.failing_rows}
    note(work, row, "open", SYSTEM, facts=facts)
    payload = {
        "number": row.number, "rule": row.rule_key, "batch": batch.id, "verdict": batch.verdict_id,
        "due_on": row.due_on.isoformat(),
    }  # fmt: skip
    audit.record(work, SYSTEM, "ticket.opened", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    outbox.post(work, "ticket.opened", row.id, told(row))
    return row


def told(row: TicketRow) -> dict[str, object]:
    """What an event says of a ticket: no value of any cell."""
    return {
        "number": row.number, "dataset_id": row.dataset_id, "org_id": row.org_id, "rule": row.rule_key,
        "severity": row.severity, "failing_rows": row.failing_rows, "due_on": row.due_on.isoformat(),
    }  # fmt: skip


def due_on(work: Work, severity: str) -> date:
    """The last day to answer, counted in working days from today."""
    today = local_day(work.now)
    return add_working_days(work.db, today, policy(today).due_days(severity))


def note(
    work: Work, row: TicketRow, step: str, actor: Actor, text: str = "", facts: dict[str, Any] | None = None
) -> None:
    """A line of the ticket's history."""
    who = None if actor.via == "system" else stamp(actor)
    work.db.add(
        TicketEventRow(
            id=work.new_id(), ticket_id=row.id, at=work.now, step=step, who=who, note=text, facts=facts or {}
        )
    )


def moved(work: Work, row: TicketRow, step: TicketStep) -> None:
    row.state = advance(TicketState(row.state), step)
    row.version += 1
    work.db.add(row)


def reopened(
    work: Work,
    row: TicketRow,
    step: TicketStep,
    actor: Actor,
    text: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Back to the department, with a new time to answer; what was answered stays in the history."""
    moved(work, row, step)
    row.answer, row.answer_note, row.answered, row.answered_at, row.mended_by = None, "", None, None, None
    row.closed, row.closed_at, row.overdue_noted_on = None, None, None
    row.due_on = due_on(work, row.severity)
    note(work, row, step.value, actor, text, (facts or {}) | {"due_on": row.due_on.isoformat()})
    audit.record(
        work, actor, "ticket.reopened", subject=row.id, payload={"note": text} | (facts or {}),
        dataset_id=row.dataset_id,
    )  # fmt: skip


def answer_if_settled(
    work: Work,
    row: TicketRow,
    kind: str,
    *,
    mended_by: str | None = None,
    actor: Actor = SYSTEM,
    text: str = "",
) -> None:
    """Answer a ticket once none of its batches fails the rule any more; a steward still confirms it."""
    left = [each for each in queries.failures(work, row.id) if queries.settled_by(*each) is None]
    if left or row.state not in LIVE:
        return
    moved(work, row, TicketStep.MEND)
    row.answer, row.answer_note, row.answered_at, row.mended_by = kind, text, work.now, mended_by
    row.answered = None if actor.via == "system" else stamp(actor)
    facts = {"answer": kind, "batch_id": mended_by}
    note(work, row, TicketStep.MEND.value, actor, text, facts)
    audit.record(work, actor, "ticket.answered", subject=row.id, payload=facts, dataset_id=row.dataset_id)


def after_signature(work: Work, actor: Actor, batch: BatchRow) -> None:
    """Somebody signed for the warnings of a batch: that answers their tickets."""
    _settle_batch(work, batch, "signed", actor, batch.confirmed_note)


def after_waiver(work: Work, batch: BatchRow) -> None:
    """A batch passes under waivers: that answers the tickets of the waived rules."""
    waived = {each["rule_key"]: each["waiver_id"] for each in batch.waivers}
    wanted = select(RuleFailureRow).where(
        RuleFailureRow.batch_id == batch.id, col(RuleFailureRow.followed_by).is_(None)
    )
    for failure in work.db.exec(wanted).all():
        if failure.rule_key in waived:
            failure.waiver_id = waived[failure.rule_key]
            work.db.add(failure)
    _settle_batch(work, batch, "waived", SYSTEM, "", set(waived))


def _settle_batch(
    work: Work, batch: BatchRow, kind: str, actor: Actor, text: str, keys: set[str] | None = None
) -> None:
    work.db.flush()
    hold(work, "tickets")
    wanted = (
        select(TicketRow)
        .join(RuleFailureRow, col(RuleFailureRow.ticket_id) == TicketRow.id)
        .where(
            RuleFailureRow.batch_id == batch.id,
            col(RuleFailureRow.followed_by).is_(None),
            col(TicketRow.state).in_(LIVE),
        )
        .order_by(col(TicketRow.number))
    )
    for row in work.db.exec(wanted).all():
        if keys is None or row.rule_key in keys:
            answer_if_settled(work, row, kind, actor=actor, text=text)
