"""A grant that nobody uses falls asleep; its holder asks for it, and a steward lets it be used again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlmodel import col, select

from auth.actor import SYSTEM, Actor
from auth.grants import dormancy, steps, telling
from auth.grants.reading import GrantRead, read
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.grants.workflow import Step
from auth.messages import audience
from auth.policy import rules
from auth.profile.now import limits_now
from auth.roles import Role
from core.errors import Reason, refuse_if
from core.ids import GrantId
from core.text import Text, number_of
from core.work import Work

OF_SLEEP: Final = frozenset({Step.ASK_RESUME, Step.WAKE, Step.DECLINE_RESUME})
# Where one of these stands against a step, it is not on offer at all.
NO_STEP: Final = frozenset({"grant-not-dormant", "resume-not-asked", "resume-asked-already"})


def suspend_dormant_due(work: Work) -> int:
    """Note every grant that fell asleep, once, and tell its holder. Safe at any time and in several workers."""
    days = limits_now(work)[dormancy.KEY]
    if not days:
        return 0
    wanted = select(GrantRow).where(dormancy.candidates(work.now, days)).order_by(col(GrantRow.id))
    rows = list(
        work.db.exec(wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True))
    )
    for row in rows:
        note = Text(f"连续 {days} 天未使用", f"Not used for {number_of(days, 'days')}")
        steps.move(
            work,
            SYSTEM,
            row,
            Step.SUSPEND_DORMANT,
            f"{note.zh} · {note.en}",
            {"cause": "dormant", "days": days},
        )
        telling.say(work, row, "grant.dormant", telling.people(work, [row.org_id]))
    return len(rows)


def ask_resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """The holder says why a grant that fell asleep is needed; a steward decides."""
    row = steps.load(work, actor, grant_id, body, needs_note=True)
    refuse_if(sleep_objections(work, actor, row, Step.ASK_RESUME))
    steps.move(work, actor, row, Step.ASK_RESUME, body.note)
    telling.say(work, row, "grant.resume_asked", audience.holders(work, [Role.STEWARD], [row.department_id]))
    return read(work, row)


def decide_resume(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep, step: Step) -> GrantRead:
    """A steward lets a dormant grant be used again, or declines with a reason."""
    row = steps.load(work, actor, grant_id, body, needs_note=step is Step.DECLINE_RESUME)
    refuse_if(sleep_objections(work, actor, row, step))
    steps.move(work, actor, row, step, body.note)
    telling.say(work, row, "grant.resume_decided", telling.people(work, [row.org_id]))
    return read(work, row)


def sleep_objections(work: Work, actor: Actor, row: GrantRow, step: Step) -> tuple[Reason, ...]:
    return tuple(_against_waking(work, actor, row, step))


def _against_waking(work: Work, actor: Actor, row: GrantRow, step: Step) -> Iterator[Reason]:
    sleep = dormancy.sleep_of(work, row)
    if sleep is None:
        yield rules.refused(
            "grant-not-dormant", "该授权不是因长期未使用而暂停的，不适用此步骤。",
            "The grant is not suspended for want of use; this step does not apply.", rules.GRANT,
        )  # fmt: skip
        return
    if step is Step.ASK_RESUME:
        if sleep.asked:
            yield rules.refused(
                "resume-asked-already", "已提出恢复申请，等待数据专员决定。",
                "Resuming was asked for already; a steward decides.", rules.GRANT,
            )  # fmt: skip
        return
    if sleep.asked is None:
        yield rules.refused(
            "resume-not-asked", "持有方尚未申请恢复。", "The holder has not asked to resume it.", rules.GRANT
        )
    yield from steps.of_own_side(work, actor, row)
