"""Who handles an application for a department (承办人): told of each move, and found by a filter. Everybody else's rights stay as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.applications import queries, seeing
from auth.applications.tables import ApplicationHandlerRow, ApplicationRow
from auth.applications.workflow import FINAL, State
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.policy.model import Prose
from auth.roles import PERMISSIONS
from auth.scope import sight
from core.errors import AccessRefused, Conflict, InputRefused, Reason, TransitionRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

ASSIGN: Final = "auth:application:assign"


class Handling(SQLModel):
    """Who shall handle it for this department; an empty `username`: nobody by name. `note`: why, for the colleagues."""

    model_config = {"extra": "forbid"}
    department_id: Prose = Field(min_length=1, max_length=80)
    username: Prose = Field(default="", max_length=80)
    note: Prose = Field(default="", max_length=500)


class HandlerRead(SQLModel):
    """A department of the application, who handles it there since when, and who could."""

    department_id: str
    username: str
    note: str
    since: datetime | None
    able: list[str]


def handlers(work: Work, actor: Actor, application_id: ApplicationId) -> list[HandlerRead]:
    """Each department within the actor's reach. Raises NotFound outside sight; AccessRefused to who is not of the bureau."""
    row = queries.row(work, application_id, actor)
    within = _within(work, actor, row, seeing.READ)
    if not within or actor.org_id == row.org_id:
        raise _not_yours()
    wanted = select(ApplicationHandlerRow).where(ApplicationHandlerRow.application_id == row.id)
    held = {each.department_id: each for each in work.db.exec(wanted)}
    able = {department: _able(work, row, department) for department in within}
    wanted_names = select(AccountRow.id, AccountRow.username).where(
        col(AccountRow.id).in_([each.account_id for each in held.values()])
    )
    names = dict(work.db.exec(wanted_names).all())
    return [
        HandlerRead(
            department_id=department,
            username=names.get(held[department].account_id, held[department].account_id) if department in held else "",
            note=held[department].note if department in held else "",
            since=held[department].at if department in held else None,
            able=sorted(able[department]),
        )
        for department in sorted(within)
    ]  # fmt: skip


def may_assign(work: Work, actor: Actor, row: ApplicationRow) -> frozenset[str]:
    """The departments for which this actor may name a handler now."""
    if row.state in FINAL or row.state == State.DRAFT or actor.org_id == row.org_id:
        return frozenset()
    return _within(work, actor, row, ASSIGN)


def assign(work: Work, actor: Actor, application_id: ApplicationId, body: Handling) -> list[HandlerRead]:
    """Name who handles it for a department, another instead, or nobody. Told to who gets it and who had it.

    Raises NotFound, AccessRefused, TransitionRefused once it has ended, InputRefused for somebody who holds no role there.
    """
    row = queries.row(work, application_id, actor, to_change=True)
    if body.department_id not in _within(work, actor, row, ASSIGN) or actor.org_id == row.org_id:
        raise _not_yours()
    if row.state in FINAL:
        raise TransitionRefused(Text("申请已办结。", "The application has ended."), state=row.state)
    able = _able(work, row, body.department_id)
    if body.username and body.username not in able:
        raise InputRefused(
            Text(
                f"“{body.username}”在该部门没有审核或审批角色，或属于申请机构。",
                f"“{body.username}” holds no role of a reviewer or approver for this department, or belongs to the applicant.",
            ),
            field="username",
        )
    held = work.db.get(ApplicationHandlerRow, (row.id, body.department_id))
    before, after = held.account_id if held else "", able.get(body.username, "")
    if before == after:
        raise Conflict(Text("承办人没有变化。", "The handler is the same as before."))
    if held is not None and not after:
        work.db.delete(held)
    else:
        held = held or ApplicationHandlerRow(
            application_id=row.id,
            department_id=body.department_id,
            account_id=after,
            assigned_by="",
            at=work.now,
        )
        held.account_id, held.assigned_by, held.note, held.at = (
            after,
            actor.account_id,
            body.note.strip(),
            work.now,
        )
        work.db.add(held)
    work.db.flush()
    audit.record(
        work, actor, "application.assigned", subject=row.id, application_id=row.id,
        payload={"department": body.department_id, "from_account": before, "to_account": after, "note": body.note.strip()},
    )  # fmt: skip
    if after and after != actor.account_id:
        tell(
            work, [after], "application.assigned", subject=row.id, href=f"/applications/{row.id}",
            once=f"{row.id}|{work.now.isoformat()}", facts=short(row),
        )  # fmt: skip
    return handlers(work, actor, application_id)


def _within(work: Work, actor: Actor, row: ApplicationRow, permission: str) -> frozenset[str]:
    """The application's departments that a bureau role of this actor reaches."""
    seen, of = sight(actor, permission), queries.departments(work, row.id)
    return of if seen.everything else of & seen.departments


def _able(work: Work, row: ApplicationRow, department: str) -> dict[str, str]:
    """User name to account of those who could handle it there."""
    held = audience.holders(work, PERMISSIONS[ASSIGN], [department])
    found = work.db.exec(select(AccountRow).where(col(AccountRow.id).in_(held)))
    return {each.username: each.id for each in found if each.org_id != row.org_id}


def _not_yours() -> AccessRefused:
    said = Text(
        "只有该部门的审核人、审批人可以指定承办人。",
        "Reviewers and approvers of the department name who handles it.",
    )
    return AccessRefused(said, reasons=[Reason("not-your-department", said, ASSIGN)])
