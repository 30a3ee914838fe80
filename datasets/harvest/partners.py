"""What every outside partner goes through, a catalogue that is harvested or a portal that is pushed to: two persons, steps, schedule, failures."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from auth.actor import SYSTEM, Actor
from auth.identity.organisations import organisation
from core import bases
from core.errors import AccessRefused, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Work
from datasets.harvest.workflow import HarvestState, HarvestStep, advance
from datasets.people import acting_for, stamp
from datasets.sources import rules as schedules

PAST: Final = {HarvestStep.PAUSE: "paused", HarvestStep.RESUME: "resumed", HarvestStep.REMOVE: "removed"}
BROKEN_OFF: Final = Text("任务中断，没有留下结果。", "The job broke off and left no result.")


class Partner(Protocol):
    """The columns that both kinds of partner have."""

    org_id: str
    schedule: str
    state: str
    due_at: datetime | None
    failures: int
    proposed: dict[str, Any]
    approved: dict[str, Any] | None
    secret: str | None


def demand_department(work: Work, actor: Actor, permission: str, org_id: str) -> None:
    """Refuse an organisation that is no department, or not one that the actor may act for."""
    try:
        org = organisation(work, org_id) if actor.may_in(permission, org_id) else None
    except NotFound:
        org = None
    if org is None or org.is_enterprise:
        raise InputRefused(
            Text("请选择您可代为登记的部门。", "Choose a department that you may enter records for."),
            field="org_id",
        )


def planned(text: str) -> schedules.Schedule:
    """A schedule as a partner may have it; the rhythm of a record's data is none. Raises InputRefused."""
    plan = schedules.schedule(text)
    if plan.kind == "frequency":
        raise InputRefused(
            Text(
                "计划请写 manual、every P1D 或 daily 06:30。",
                "As the schedule write manual, every P1D or daily 06:30.",
            ),
            field="schedule",
        )
    return plan


def demand(actor: Actor, permission: str, row: Partner) -> None:
    """Refuse who sees the partner but may not take this step."""
    if not actor.may_in(permission, row.org_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])


def approve(row: Partner, actor: Actor, now: datetime) -> None:
    """A second person, whatever account he uses, lets it begin. Raises AccessRefused, TransitionRefused."""
    if row.proposed["person_id"] == actor.person_id:
        why = Text(
            "提出的人不能自己批准；请由另一人批准。",
            "Whoever proposed it cannot approve it; another person must.",
        )
        raise AccessRefused(why, reasons=[Reason("second-person-needed", why, "promise 3")])
    row.state = advance(HarvestState(row.state), HarvestStep.APPROVE)
    row.approved = stamp(actor)
    row.due_at = schedules.next_due(schedules.schedule(row.schedule), None, None, now)


def step(row: Partner, which: HarvestStep, now: datetime) -> None:
    """Pause, resume or remove; a removed one loses its credential."""
    row.state = advance(HarvestState(row.state), which)
    row.failures = 0 if which is HarvestStep.RESUME else row.failures
    plan = schedules.schedule(row.schedule)
    row.due_at = schedules.next_due(plan, None, None, now) if row.state == HarvestState.ACTIVE else None
    if row.state == HarvestState.REMOVED:
        row.secret = None


def failed(row: Partner, now: datetime, *, retries: bool) -> None:
    """One more run broke off: tried again later (`retries`), or paused after the fifth time."""
    row.failures += 1
    if schedules.gives_up(row.failures) and row.state == HarvestState.ACTIVE:
        row.state, row.due_at = HarvestState.PAUSED, None
    elif retries:
        row.due_at = schedules.retry_at(row.failures, now)


def actor_of(row: Partner) -> Actor:
    """In whose name the worker acts: whoever approved the partner."""
    return acting_for(row.approved) if row.approved else SYSTEM
