"""Acting on time: sign for a submission, ask for an extension, decide on it as the second person."""

from __future__ import annotations

from auth import audit
from auth.actor import Actor
from auth.applications import deeds, steps
from auth.applications import queries as applications
from auth.applications.reviewing import need_note
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import State
from auth.clocks import counting, queries
from auth.clocks.models import CaseClocks, ExtensionAsk, ExtensionDecision, ExtensionRead
from auth.clocks.rules import STAGE_OF, Clock, present
from auth.clocks.sla import EXTENSION
from auth.clocks.tables import ExtensionRow, ReceiptRow
from auth.delegations.standing import persons
from auth.messages import audience
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.policy import separation
from auth.policy.rules import refused
from auth.profile.now import limits_now
from auth.roles import Role
from auth.scope import roles_towards
from core import outbox
from core.errors import AccessRefused, Conflict, NotFound, Reason, refuse_if
from core.ids import ApplicationId
from core.text import Text, number_of
from core.work import Work

BASIS = "办理时限 · clocks"
_MAY_ASK = {
    State.SUBMITTED: frozenset({Role.REVIEWER_BUSINESS}),
    State.IN_REVIEW: frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    State.DECIDING: frozenset({Role.APPROVER}),
}


def sign_for(work: Work, actor: Actor, application_id: ApplicationId) -> CaseClocks:
    """Say that the department has received the submission. Twice is once; Conflict when it does not wait for screening."""
    row = _held(work, actor, application_id)
    _demand_role(work, actor, row, frozenset({Role.REVIEWER_BUSINESS}))
    past = deeds.past(work, row.id)
    refuse_if(tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)))
    if work.db.get(ReceiptRow, (row.id, row.turn)) is None:
        if row.state != State.SUBMITTED:
            raise Conflict(
                Text("该申请不在待受理状态，无需签收。", "The application does not wait for screening; there is nothing to sign for.")
            )  # fmt: skip
        work.db.add(
            ReceiptRow(
                application_id=row.id, turn=row.turn, account_id=actor.account_id, person_id=actor.person_id,
                signed_by=actor.username, at=work.now,
            )
        )  # fmt: skip
        work.db.flush()
        audit.record(
            work, actor, "application.signed_for", subject=row.id, application_id=row.id, payload={"turn": row.turn}
        )  # fmt: skip
    return queries.case(work, actor, application_id)


def ask_extension(
    work: Work, actor: Actor, application_id: ApplicationId, body: ExtensionAsk
) -> ExtensionRead:
    """Ask for more working days for the stage that runs now; it counts once another person has approved it."""
    row = _held(work, actor, application_id)
    if row.state not in _MAY_ASK:
        raise Conflict(
            Text("该申请此时没有局方时限在走，不能延期。", "No clock of the bureau runs on this application now; there is nothing to extend.")
        )  # fmt: skip
    _demand_role(work, actor, row, _MAY_ASK[State(row.state)])
    clock = present(counting.clocks_of(work, row.id), row.state)
    refuse_if((*_too_late(work, clock), *_extension_objections(work, row, body)))
    made = ExtensionRow(
        id=work.new_id(), application_id=row.id, turn=row.turn, stage=STAGE_OF[row.state], reason=body.reason,
        working_days=body.working_days, asked_by=actor.username, asked_by_person=actor.person_id, asked_at=work.now,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    deciders = [each for each in audience.bureau(work, row, [Role.APPROVER]) if each != actor.account_id]
    tell(
        work, deciders, "clock.extension_asked", subject=row.id, href="/clocks", once=made.id,
        facts=short(row) | {"days": body.working_days},
    )  # fmt: skip
    due = clock.due_on.isoformat() if clock and clock.due_on else None
    audit.record(
        work, actor, "application.extension_asked", subject=row.id, application_id=row.id,
        payload={"extension": made.id, "stage": made.stage, "working_days": body.working_days, "reason": body.reason, "due_on": due},
    )  # fmt: skip
    return ExtensionRead.model_validate(made)


def _extension_objections(work: Work, row: ApplicationRow, body: ExtensionAsk) -> tuple[Reason, ...]:
    """At most one open wish, and no more days in all than the profile allows for a stage."""
    own = [
        each
        for each in queries.extensions(work, row.id)
        if each.stage == STAGE_OF[row.state] and each.state != "refused"
    ]
    found = []
    if any(each.state == "asked" for each in own):
        found.append(
            refused(
                "extension-waits",
                "已有一项延期申请待审批。",
                "An extension already waits for approval.",
                BASIS,
            )
        )
    return (*found, *_too_long(work, body.working_days, sum(each.working_days for each in own)))


def _too_long(work: Work, days: int, had: int) -> tuple[Reason, ...]:
    """By the profile in force when it is asked for, and again when it is granted: days that were granted stay."""
    most = limits_now(work).numbers[EXTENSION]
    if had + days <= most.value:
        return ()
    return (
        refused(
            "extension-too-long",
            f"本环节延期合计不得超过 {most.value} 个工作日（已有 {had} 个）；请改申请较短的延期。",
            f"Extensions of a stage are at most {number_of(most.value, 'working days')} in all ({had} so far); ask for fewer.",
            most.source,
        ),
    )


def _granted(work: Work, wish: ExtensionRow) -> int:
    """Working days that the stage of this wish has been granted already."""
    known = queries.extensions(work, wish.application_id)
    return sum(each.working_days for each in known if each.stage == wish.stage and each.state == "approved")


def _too_late(work: Work, clock: Clock | None) -> tuple[Reason, ...]:
    """An extension is got before the due day is over: what was missed stays missed, and a closed month stays as it was."""
    if clock is None or not clock.is_overdue(counting.day_of(work.now)):
        return ()
    return (
        refused(
            "extension-too-late",
            f"本环节已于 {clock.due_on} 到期，逾期后不能延期；请尽快办结。",
            f"This stage was due on {clock.due_on}; nothing is extended once it is overdue. Handle the case now.",
            BASIS,
        ),
    )


def decide_extension(work: Work, actor: Actor, extension_id: str, body: ExtensionDecision) -> ExtensionRead:
    """Approve or refuse as the second person; an approved one moves the due day at once, and the applicant is told."""
    found = work.db.get(ExtensionRow, extension_id)
    if found is None:
        raise _no_extension()
    try:
        row = _held(work, actor, ApplicationId(found.application_id))
    except NotFound:
        raise _no_extension() from None
    _demand_role(work, actor, row, frozenset({Role.APPROVER}))
    work.db.refresh(found)
    if found.state != "asked":
        raise Conflict(Text("该延期申请已有结论。", "This extension has been decided already."))
    if found.asked_by_person in persons(work, actor):
        text = Text(
            "延期须由申请人之外的第二人审批。",
            "An extension is decided by another person than who asked for it.",
        )
        raise AccessRefused(text, reasons=[Reason("second-person", text, BASIS)])
    past = deeds.past(work, row.id)
    refuse_if(tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past)))
    if body.outcome == "refuse":
        need_note(body.note)
    elif STAGE_OF.get(row.state) == found.stage:
        late = _too_late(work, present(counting.clocks_of(work, row.id), row.state))
        refuse_if((*late, *_too_long(work, found.working_days, _granted(work, found))))
    found.state = "approved" if body.outcome == "approve" else "refused"
    found.decided_by, found.decided_by_person = actor.username, actor.person_id
    found.decided_at, found.note = work.now, body.note
    work.db.add(found)
    work.db.flush()
    if found.state == "approved" and STAGE_OF.get(row.state) == found.stage:
        row.due_on = counting.due_on(work, row)
        work.db.add(row)
    due = row.due_on.isoformat() if row.due_on else None
    kind = f"application.extension_{found.state}"
    audit.record(
        work, actor, kind, subject=row.id, application_id=row.id,
        payload={"extension": found.id, "working_days": found.working_days, "note": body.note, "due_on": due},
    )  # fmt: skip
    if found.state == "approved":
        outbox.post(work, kind, row.id, {"application_id": row.id, "state": row.state, "due_on": due})
        tell(
            work, [row.created_by], "clock.extended", subject=row.id, href=f"/applications/{row.id}/clocks",
            once=found.id, facts=short(row) | {"days": found.working_days, "due_on": due or "—"},
        )  # fmt: skip
    return ExtensionRead.model_validate(found)


def _no_extension() -> NotFound:
    return NotFound(
        Text(
            "没有这项延期申请，或不在您可见的范围内。",
            "There is no such extension, or it is not yours to see.",
        )
    )


def _held(work: Work, actor: Actor, application_id: ApplicationId) -> ApplicationRow:
    return applications.row(work, application_id, actor, to_change=True)


def _demand_role(work: Work, actor: Actor, row: ApplicationRow, able: frozenset[Role]) -> None:
    departments = applications.departments(
        work, row.id
    )  # no lent role: signing for and extending are not lent
    if able.isdisjoint(roles_towards(actor, org_id=row.org_id, departments=departments)):
        text = Text("该申请此时不由您办理。", "This application is not yours to handle at this point.")
        raise AccessRefused(text, reasons=[Reason("not-yours-now", text, BASIS)])
