"""What every step on an application shares: load within sight, compare versions, move, remember, audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from auth import audit
from auth.actor import PLATFORM, Actor, Lender, RoleAt
from auth.applications import plans, queries
from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.applications.workflow import FINAL, Part, Seat, State, Step, advance, state_on
from auth.asset import Asset
from auth.clocks import counting
from auth.clocks.rules import STAGE_OF
from auth.delegations.standing import doer
from auth.messages import announcing
from auth.policy.filters.rules import LOCAL
from auth.profile import now
from auth.profile.now import limits_now
from auth.roles import Role
from auth.scope import ENTERPRISE, roles_towards
from core import calendar, outbox
from core.errors import InputRefused, Stale, TransitionRefused
from core.ids import ApplicationId, DatasetId
from core.recalled import append
from core.text import Text
from core.work import Asked, Work, foresee

Assets = Callable[[DatasetId], Asset]

KINDS: Final[Mapping[Step, str]] = {
    Step.SAVE: "application.saved",
    Step.CONFIRM: "application.confirmed",
    Step.SUBMIT: "application.submitted",
    Step.SCREEN_OK: "application.screened",
    Step.SCREEN_RETURN: "application.returned",
    Step.SCREEN_REJECT: "application.rejected",
    Step.REVIEW: "application.reviewed",
    Step.COMPLETE: "application.review-completed",
    Step.RETURN: "application.returned",
    Step.RETURN_LATE: "application.returned",
    Step.PROPOSE: "application.decision-proposed",
    Step.CONCUR: "application.decision-concurred",
    Step.DISSENT: "application.decision-objected",
    Step.OFFER: "application.offered",
    Step.REJECT: "application.rejected",
    Step.ACCEPT_TERMS: "application.agreed",
    Step.DECLINE: "application.declined",
    Step.COUNTER: "application.countered",
    Step.WITHDRAW: "application.withdrawn",
    Step.LAPSE: "application.lapsed",
}

REVIEWERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY})
DECIDERS_STEPS: Final = frozenset(
    {Step.PROPOSE, Step.CONCUR, Step.DISSENT, Step.OFFER, Step.REJECT, Step.RETURN}
)
__all__ = [
    "KINDS", "Assets", "doer", "invited", "is_co_applicant", "load", "local_day", "move", "on_behalf", "remember", "reviews_for", "roles", "state",
]  # fmt: skip


def local_day(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()


def load(
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    version: int | None,
    *more: Asked,
) -> ApplicationRow:
    """The row, held for a change. Raises NotFound; Stale when somebody else was faster; InputRefused without a version.

    `more`: what the step will ask besides what every step does.
    """
    foresee(work, *queries.of_step(application_id), now.question(work), calendar.question(), *more)
    row = queries.row(work, application_id, actor, to_change=True)
    (
        queries.co_applicants(work, row),
        calendar.own_days(work),
    )  # kept for the answer, which is read after the writing
    if version is None:
        raise InputRefused(
            Text(
                "请说明您看到的版本（If-Match 或 version）。",
                "Say which version you saw (If-Match or version).",
            )
        )
    if version != row.version:
        raise Stale(
            Text(
                f"该申请已被他人修改（当前版本 {row.version}，您看到的是 {version}）；请刷新后再操作。",
                f"The application was changed by somebody else (now version {row.version}, you saw {version}); reload first.",
            ),
            version=row.version,
            state=state(work, row).value,
        )
    if row.state != State.LAPSED and state(work, row) is State.LAPSED:
        raise TransitionRefused(
            Text(
                f"该申请须在 {row.due_on} 前答复，现已逾期失效；可“复制为新申请”后重新提交。",
                f"The application was to be answered by {row.due_on} and has lapsed; copy it as a new one and submit that.",
            ),
            state=State.LAPSED.value,
        )
    return row


def state(work: Work, row: ApplicationRow) -> State:
    """The state that counts now."""
    return state_on(State(row.state), row.due_on, local_day(work.now))


def roles(work: Work, actor: Actor, row: ApplicationRow) -> frozenset[Part]:
    """The roles that count towards this application; of a reviewer who is invited to a stage, that stage's too, and the part of a co-applicant."""
    found: frozenset[Part] = roles_towards(
        actor, org_id=row.org_id, departments=queries.departments(work, row.id), with_lent=True
    )
    if row.state == State.IN_REVIEW and actor.role_kinds & REVIEWERS:
        seats = invited(work, actor, row)
        found |= {stage.role for stage in plans.plan(work, row) if stage.name in seats} if seats else set()
    if row.state in (State.DRAFT, State.RETURNED) and is_co_applicant(work, actor, row):
        found |= {Seat.CO_APPLICANT}
    return found


def is_co_applicant(work: Work, actor: Actor, row: ApplicationRow) -> bool:
    """Whether the actor was named to fill it in, and still belongs to its organisation with a role there."""
    if not any(held.role in ENTERPRISE and held.scope == row.org_id for held in actor.roles):
        return False
    return any(seat.account_id == actor.account_id for seat in queries.co_applicants(work, row))


def invited(work: Work, actor: Actor, row: ApplicationRow) -> dict[str, Lender | None]:
    """Stages of this turn to which the actor is invited, or somebody whose role is lent to him; for whom he then votes."""
    people: dict[str, Lender | None] = {
        each.lender.person_id: each.lender for each in actor.roles if each.lender and each.role in REVIEWERS
    }
    people[actor.person_id] = None
    found: dict[str, Lender | None] = {}
    for seat in queries.invited(work, row):
        if seat.person_id in people and (seat.person_id == actor.person_id or seat.stage not in found):
            found[seat.stage] = people[seat.person_id]
    return found


def on_behalf(work: Work, actor: Actor, row: ApplicationRow, line_ids: Sequence[str] = ()) -> Lender | None:
    """For whom the actor decides on these lines (else all): None where his own scope covers every one of them."""
    own, lent = _reach(actor, frozenset({Role.APPROVER}))
    needed = {
        line.department_id for line in queries.lines(work, row.id) if not line_ids or line.id in line_ids
    }
    return _lender(lent, frozenset() if PLATFORM in own else needed - own)


def reviews_for(actor: Actor, roles: frozenset[Role], departments: frozenset[str]) -> Lender | None:
    """For whom the actor screens, reviews or returns: None where he holds one of the roles himself over one of the departments."""
    own, lent = _reach(actor, roles)
    return None if own & {PLATFORM, *departments} else _lender(lent, departments)


def _reach(actor: Actor, roles: frozenset[Role]) -> tuple[frozenset[str], list[RoleAt]]:
    """The scopes of one's own roles, and the lent ones."""
    held = [each for each in actor.roles if each.role in roles]
    return frozenset(each.scope for each in held if each.lender is None), [
        each for each in held if each.lender
    ]


def _lender(lent: Iterable[RoleAt], departments: Collection[str]) -> Lender | None:
    """Whose role reaches one of the departments; the first by user name where several do."""
    fitting = [each.lender for each in lent if departments and each.scope in (PLATFORM, *departments)]
    return min(fitting, key=lambda lender: lender.username if lender else "", default=None)


def move(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    step: Step,
    note: str = "",
    payload: Mapping[str, Any] | None = None,
    *,
    line_ids: Sequence[str] = (),
    lender: Lender | None = None,
    refused: Iterable[str] = (),
) -> None:
    """Take a step: state, version, due day, history, audit and message, in the caller's transaction.

    `lender`: for whom a deputy screens, reviews or returns; for decisions it is found from the lines.
    `refused`: the code of each line that the decision refuses.
    """
    before = State(row.state)
    row.state = advance(before, step, roles(work, actor, row), by_system=actor.via == "system")
    row.version += 1
    _set_clock(work, row, before)
    work.db.add(row)
    work.db.flush()  # what is new follows with the audit record, in one way
    if before is State.DECIDING and step in DECIDERS_STEPS:
        lender = on_behalf(work, actor, row, line_ids)
    remember(work, actor, row, step.value, before.value, note, line_ids, lender, refused)
    if row.state != before and row.state in STAGE_OF:
        row.due_on = counting.due_on(work, row)
    acted_for = {"for": lender.username} if lender else {}
    audit.record(
        work, actor, KINDS[step], subject=row.id, application_id=row.id,
        payload={"from": before.value, "to": str(row.state), "version": row.version, "note": note, **acted_for, **(payload or {})},
        about={"for": lender.person_id} if lender else None,
    )  # fmt: skip
    if row.state != before:
        outbox.post(work, KINDS[step], row.id, {"application_id": row.id, "state": str(row.state)})
        announcing.moved(work, row, by=actor.account_id)


def _set_clock(work: Work, row: ApplicationRow, before: State) -> None:
    """The applicant's day, in calendar days; the bureau's own is counted from the events once this one is written."""
    after, today = State(row.state), local_day(work.now)
    if after == before:
        return
    row.due_on = None
    if after in (State.RETURNED, State.OFFERED):
        row.due_on = today + timedelta(days=limits_now(work)["answer_days"])
    if after in FINAL:
        row.ended_at = work.now


def remember(
    work: Work,
    actor: Actor,
    row: ApplicationRow,
    step: str,
    before: str,
    note: str = "",
    line_ids: Sequence[str] = (),
    lender: Lender | None = None,
    refused: Iterable[str] = (),
) -> None:
    append(
        work,
        ApplicationEventRow,
        row.id,
        ApplicationEventRow(
            id=work.new_id(), application_id=row.id, turn=row.turn, version=row.version, step=step, from_state=before, note=note,
            to_state=str(row.state), person_id=actor.person_id, account_id=actor.account_id, org_id=actor.org_id,
            line_ids=json.dumps(list(line_ids)) if line_ids else "", at=work.now,
            refused=json.dumps(Counter(filter(None, refused)), sort_keys=True),
            for_person=lender.person_id if lender else "", for_name=lender.username if lender else "", for_org=lender.org_id if lender else None,
        ),
    )  # fmt: skip
