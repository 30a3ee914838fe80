"""What a version of the profile would do to clocks and reminders, as if it were in force now: a dry run that writes nothing.

No running clock is among it: a clock keeps the numbers of the profile under which it began, and days that were granted stay granted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import col, func, select

from auth.applications.tables import ApplicationRow
from auth.clocks import escalation, queries
from auth.clocks.sla import ESCALATION, EXTENSION, LEAST_AFTER_PAUSE, LIMIT_OF
from auth.clocks.tables import ExtensionRow
from auth.grants import dormancy
from auth.messages import reminders
from auth.policy.limits import Limits
from auth.profile.model import Profile
from auth.profile.now import as_if, limits_now
from core.work import Work

_STAGES = (*LIMIT_OF.values(), LEAST_AFTER_PAUSE)
_LEVELS = tuple(key for _, _, key, _ in ESCALATION)
_ENDS = ("pending_days", "answer_days", dormancy.KEY)


@dataclass(frozen=True, slots=True)
class Pair:
    """A number as things stand, and by the version."""

    now: int
    then: int


@dataclass(frozen=True, slots=True)
class ClockEffects:
    """What the version would do; None: it says nothing of that otherwise.

    `running`: applications that a clock of the bureau runs on, whose due days stay; `escalations`: levels that would be told at the
    next look; `extensions`: extensions that wait and are longer than allowed; `reminders`: those that would go out at the next look.
    """

    running: int | None = None
    escalations: Pair | None = None
    extensions: Pair | None = None
    reminders: Pair | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def clock_effects(work: Work, proposed: Profile) -> ClockEffects:
    """How clocks, escalation, extensions and reminders would go on under the proposed profile."""
    now, then = limits_now(work), proposed.limits()

    def differs(*keys: str) -> bool:
        return any(now[key] != then[key] for key in keys)

    sends = now.reminders != then.reminders or differs(*_ENDS)
    with as_if(work, proposed):
        told = len(escalation.due(work)) if differs(*_LEVELS) else None
        sent = len(reminders.due(work)) if sends else None
    return ClockEffects(
        running=_running(work) if differs(*_STAGES) else None,
        escalations=None if told is None else Pair(len(escalation.due(work)), told),
        extensions=Pair(_too_long(work, now), _too_long(work, then)) if differs(EXTENSION) else None,
        reminders=None if sent is None else Pair(len(reminders.due(work)), sent),
    )


def _running(work: Work) -> int:
    wanted = select(func.count()).select_from(ApplicationRow).where(queries.running())
    return work.db.exec(wanted).one()


def _too_long(work: Work, limits: Limits) -> int:
    """Extensions that wait and could not be granted for their length."""
    waiting = list(work.db.exec(select(ExtensionRow).where(ExtensionRow.state == "asked")))
    granted = (
        select(ExtensionRow.application_id, ExtensionRow.stage, func.sum(ExtensionRow.working_days))
        .where(ExtensionRow.state == "approved")
        .where(col(ExtensionRow.application_id).in_([each.application_id for each in waiting]))
        .group_by(col(ExtensionRow.application_id), col(ExtensionRow.stage))
    )
    had = {(application, stage): int(days) for application, stage, days in work.db.exec(granted)}
    most = limits[EXTENSION]
    return sum(had.get((each.application_id, each.stage), 0) + each.working_days > most for each in waiting)
