"""What people do with tickets: accept, assign, work, answer, comment, confirm, reopen."""

from __future__ import annotations

from typing import Any, Final

from auth import audit
from auth.actor import Actor
from auth.applications.steps import local_day
from auth.identity.service import OrgKind, organisation
from core import bases
from core.calendar import working_days_left
from core.errors import Conflict, InputRefused, NotFound, Reason, Stale, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.batches.models import Command
from datasets.batches.tables import BatchRow
from datasets.people import stamp
from datasets.rule_keys import digest_of, keys_of
from datasets.tickets import following, queries, reports, rules
from datasets.tickets.models import (
    FailureRead,
    TicketAnswer,
    TicketAssign,
    TicketDetail,
    TicketEvent,
    TicketNote,
    TicketRead,
    TicketRemark,
)
from datasets.tickets.tables import RuleFailureRow, TicketRow
from datasets.tickets.workflow import LIVE, MOVES, TicketState, TicketStep, advance, open_steps
from datasets.waivers import queries as waivers
from datasets.waivers.cover import is_covered, is_personal
from quality.service import current_suite
from quality.suite import Expectation, Suite

TAKE: Final = "datasets:batch:take"
COMMENT: Final = "datasets:ticket:assign"
_GONE_STATES: Final = ("received", "typed", "publishing", "released")


def detail(work: Work, actor: Actor, ticket_id: str) -> TicketDetail:
    """A ticket with its failures, its history, and the steps open to this reader, each with what keeps him from it."""
    row = queries.ticket(work, actor, ticket_id)
    batch = work.db.get_one(BatchRow, row.batch_id)
    commands = [
        Command(
            step=step.value, allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for step in open_steps(TicketState(row.state))
        for reasons in [_objections(work, actor, row, step)]
    ]  # fmt: skip
    rule = _rule_in_force(work, row)
    return TicketDetail.model_validate(
        queries.read(work, row).model_dump()
        | {
            "left_working_days": working_days_left(work, local_day(work.now), row.due_on),
            "failures": [_failure(*each) for each in queries.failures(work, row.id)],
            "history": [TicketEvent.model_validate(each) for each in queries.history(work, row.id)],
            "waivers": [
                waivers.read(work, each).model_dump(mode="json") for each in queries.waivers_of(work, row)
            ],
            "commands": commands,
            "may_take": actor.may_in(TAKE, row.org_id) and batch.verdict is not None,
            "may_return": actor.may_in("datasets:batch:submit", row.org_id)
            and row.state in LIVE
            and batch.state not in (*_GONE_STATES, "superseded"),
            "is_waivable": rule is not None and not is_personal(work, rule),
        }
    )


def _failure(failure: RuleFailureRow, batch: BatchRow) -> FailureRead:
    return FailureRead.model_validate(
        failure, update={"batch_number": batch.number, "settled": queries.settled_by(failure, batch)}
    )


def accept(work: Work, actor: Actor, ticket_id: str, body: TicketNote) -> TicketRead:
    """Take a ticket in (受理)."""
    row = _for_step(work, actor, ticket_id, TicketStep.ACCEPT, body.version)
    return _done(work, actor, row, TicketStep.ACCEPT, body.note)


def start(work: Work, actor: Actor, ticket_id: str, body: TicketNote) -> TicketRead:
    """Begin work on it (处理); a ticket that was nobody's becomes one's own."""
    row = _for_step(work, actor, ticket_id, TicketStep.START, body.version)
    if row.assignee_id is None:
        row.assignee_id, row.assignee = actor.account_id, stamp(actor)
    return _done(work, actor, row, TicketStep.START, body.note)


def assign(work: Work, actor: Actor, ticket_id: str, body: TicketAssign) -> TicketRead:
    """Give it to a person or to a department (分拨). The time to answer goes on: it belongs to the ticket, not to the hands."""
    row = _for_step(work, actor, ticket_id, TicketStep.ASSIGN, body.version)
    org_id = body.org_id or row.assignee_org
    try:
        org = organisation(work, org_id)
    except NotFound:
        org = None
    if org is None or org.kind not in (OrgKind.SOURCE_DEPARTMENT, OrgKind.IMPLEMENTING_BODY):
        raise InputRefused(
            Text(
                f"没有部门“{org_id}”；工单只能分拨给数源单位或实施机构。",
                f"There is no department “{org_id}”; tickets go to source departments or the implementing body.",
            ),
            field="org_id",
        )
    row.assignee_org, row.assignee_id, row.assignee = org.id, None, None
    if body.username:
        person = next(
            (each for each in queries.assignable(work, org.id) if each.username == body.username.lower()),
            None,
        )
        if person is None:
            raise InputRefused(
                Text(
                    f"{org.name_zh}没有可处理工单的数据专员“{body.username}”；请核对用户名。",
                    f"{org.name_en} has no steward “{body.username}” who could work on tickets; check the user name.",
                ),
                field="username",
            )
        row.assignee_id = person.id
        row.assignee = {
            "account_id": person.id, "person_id": person.person_id, "username": person.username,
            "name": {"zh": person.name_zh, "en": person.name_en}, "org_id": person.org_id,
        }  # fmt: skip
    facts = {"org_id": org.id, "username": body.username or None}
    return _done(work, actor, row, TicketStep.ASSIGN, body.note, facts)


def answer(work: Work, actor: Actor, ticket_id: str, body: TicketAnswer) -> TicketRead:
    """Say what the department found (反馈)."""
    row = _for_step(work, actor, ticket_id, TicketStep.ANSWER, body.version)
    refuse_if(rules.note_objections(body.note))
    row.answer, row.answer_note = body.answer, body.note.strip()
    row.answered, row.answered_at = stamp(actor), work.now
    return _done(work, actor, row, TicketStep.ANSWER, body.note, {"answer": body.answer}, "ticket.answered")


def confirm(work: Work, actor: Actor, ticket_id: str, body: TicketNote) -> TicketRead:
    """Close an answered ticket (确认), as a second person."""
    row = _for_step(work, actor, ticket_id, TicketStep.CONFIRM, body.version)
    refuse_if(_confirm_objections(work, actor, row))
    row.closed, row.closed_at = stamp(actor), work.now
    return _done(work, actor, row, TicketStep.CONFIRM, body.note, {"answer": row.answer}, "ticket.closed")


def reopen(work: Work, actor: Actor, ticket_id: str, body: TicketNote) -> TicketRead:
    """The answer does not convince: back to the department, with a new time to answer."""
    row = _for_step(work, actor, ticket_id, TicketStep.REOPEN, body.version)
    refuse_if(rules.note_objections(body.note))
    live = queries.live_of_rule(work, row.dataset_id, row.rule_key)
    if live is not None and live.id != row.id:
        raise Conflict(
            Text(
                f"该规则已有未办结的工单 {live.number}；请在其中处理。",
                f"Ticket {live.number} about this rule is not closed yet; go on there.",
            ),
            ticket_id=live.id,
        )
    following.reopened(work, row, TicketStep.REOPEN, actor, body.note.strip())
    work.db.flush()
    if reports.is_report(row):
        reports.after_step(work, actor, row, TicketStep.REOPEN, "")
    return queries.read(work, row)


def comment(work: Work, actor: Actor, ticket_id: str, body: TicketRemark | TicketNote) -> TicketRead:
    """Add a remark; it moves nothing."""
    row = _held(work, actor, ticket_id, COMMENT)
    refuse_if(rules.note_objections(body.note))
    following.note(work, row, "comment", actor, body.note.strip())
    audit.record(work, actor, "ticket.commented", subject=row.id, dataset_id=row.dataset_id)
    work.db.flush()
    return queries.read(work, row)


def _held(work: Work, actor: Actor, ticket_id: str, needs: str) -> TicketRow:
    """The ticket for writing; refused where the actor's roles do not reach it."""
    row = queries.ticket(work, actor, ticket_id)
    hold(work, "tickets")
    work.db.refresh(row)
    refuse_if(_role_objections(actor, row, needs))
    return row


def _role_objections(actor: Actor, row: TicketRow, needs: str) -> tuple[Reason, ...]:
    orgs = {row.org_id} if needs == "datasets:ticket:confirm" else {row.org_id, row.assignee_org}
    if any(actor.may_in(needs, org) for org in orgs):
        return ()
    text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
    return (Reason("role-lacks-permission", text, bases.ROLES),)


def _for_step(work: Work, actor: Actor, ticket_id: str, step: TicketStep, version: int | None) -> TicketRow:
    needs = next(move.needs for (_, each), move in MOVES.items() if each is step)
    assert needs is not None  # noqa: S101 - people take no step of the service
    row = _held(work, actor, ticket_id, needs)
    if version is not None and version != row.version:
        raise Stale(
            Text(
                "工单已被他人更新；请刷新后再操作。",
                "Somebody changed the ticket meanwhile; reload it and look again.",
            ),
            version=row.version,
        )
    advance(TicketState(row.state), step)
    return row


def _done(
    work: Work,
    actor: Actor,
    row: TicketRow,
    step: TicketStep,
    text: str,
    facts: dict[str, Any] | None = None,
    kind: str = "ticket.moved",
) -> TicketRead:
    following.moved(work, row, step)
    following.note(work, row, step.value, actor, text.strip(), facts)
    payload = {"step": step.value, "state": row.state, "note": text.strip()} | (facts or {})
    assigned = {"username": row.assignee["person_id"]} if row.assignee else None
    audit.record(
        work, actor, kind, subject=row.id, payload=payload, dataset_id=row.dataset_id, about=assigned
    )
    if reports.is_report(row):
        work.db.flush()
        reports.after_step(work, actor, row, step, text.strip())
    return queries.read(work, row)


def _objections(work: Work, actor: Actor, row: TicketRow, step: TicketStep) -> tuple[Reason, ...]:
    needs = MOVES[TicketState(row.state), step].needs
    found = _role_objections(actor, row, needs) if needs else ()
    return (*found, *_confirm_objections(work, actor, row)) if step is TicketStep.CONFIRM else found


def _confirm_objections(work: Work, actor: Actor, row: TicketRow) -> tuple[Reason, ...]:
    left = [
        (failure, batch)
        for failure, batch in queries.failures(work, row.id)
        if queries.settled_by(failure, batch) is None
        and not is_covered(work, batch, row.rule_digest, failure)
    ]
    rule = _rule_in_force(work, row)
    is_untyped = row.rule_key.startswith("untyped:")
    return rules.confirm_objections(
        person=actor.person_id,
        answerers=queries.answerers(work, row),
        unsettled=len(left),
        is_rule_changed=not is_untyped and (rule is None or digest_of(rule) != row.rule_digest),
    )


def _rule_in_force(work: Work, row: TicketRow) -> Expectation | None:
    """The rule as the suite in force has it; None once it is gone, or where it never was one of a suite."""
    return rule_of(work, row.dataset_id, row.rule_key)


def rule_of(work: Work, dataset_id: str, rule_key: str) -> Expectation | None:
    """A rule of the suite in force, by its key."""
    version = current_suite(work, dataset_id)
    if version is None:
        return None
    expectations = Suite.from_data(version.suite).expectations
    return next(
        (e for key, e in zip(keys_of(expectations), expectations, strict=True) if key == rule_key), None
    )
