"""A further reviewer with a vote: where those whose stage it is are absent or may not vote, a steward or reviewer of its department invites another.

Whoever is invited holds the stage's role elsewhere, and meets every rule that binds the reviewers of the plan, by himself and by who counts as him.
His deputy votes for him while he is away.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlmodel import Field, SQLModel, col, or_, select

from auth import audit
from auth.actor import Actor
from auth.applications import deeds, plans, queries, reviewing, steps
from auth.applications.rules import Stage
from auth.applications.tables import ApplicationInvitationRow, ApplicationRow
from auth.applications.workflow import State
from auth.delegations.standing import deputies, persons
from auth.identity import principals
from auth.identity.tables import AccountRow, PersonRow, RoleAssignmentRow
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.policy import separation
from auth.policy.model import Prose
from auth.roles import Role
from auth.scope import sight
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, TransitionRefused, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

INVITE: Final = "auth:application:invite"
RULE: Final = "增补审核人 · a further reviewer (authorisation §4.2)"


class Invitation(SQLModel):
    """Who shall vote at which open stage, and why nobody else does. `version`: of the application, as it was seen."""

    model_config = {"extra": "forbid"}
    username: Prose = Field(min_length=1, max_length=80)
    stage: str = Field(default="", max_length=160)
    note: Prose = Field(default="", max_length=500)
    version: int | None = Field(default=None, ge=1)


class InvitationRead(SQLModel):
    """An invitation of the present turn. `has_voted`: whether the stage has a vote of his, or of his deputy for him."""

    id: str
    stage: str
    username: str
    invited_by: str
    note: str
    at: datetime
    ended_at: datetime | None
    has_voted: bool


class Invitable(SQLModel):
    """Somebody who could be invited to an open stage now: against whom nothing speaks."""

    stage: str
    username: str
    name_zh: str
    name_en: str
    org_id: str | None


def invitable(work: Work, actor: Actor, application_id: ApplicationId) -> list[Invitable]:
    """Who could be invited to the stages for which this actor may invite, by name. Nobody where he may invite to none."""
    row = queries.row(work, application_id, actor)
    seated = {(each.stage, each.username) for each in _of(work, row) if not each.ended_at}
    return [
        found
        for stage in stages_to_invite(work, actor, row)
        for found in _able(work, actor, row, stage)
        if (found.stage, found.username) not in seated
    ]


def _able(work: Work, actor: Actor, row: ApplicationRow, stage: Stage) -> Iterator[Invitable]:
    held = RoleAssignmentRow
    wanted = (
        select(AccountRow, PersonRow)
        .where(col(PersonRow.id) == col(AccountRow.person_id), col(AccountRow.disabled).is_(False))
        .where(
            select(held.id).where(
                held.account_id == AccountRow.id, held.role == stage.role, col(held.valid_from) <= work.now,
                or_(col(held.valid_to).is_(None), col(held.valid_to) > work.now),
            ).exists()
        )
    )  # fmt: skip
    for account, person in work.db.exec(wanted.order_by(col(AccountRow.username))):
        if not any(_against(work, actor, row, stage, account)):
            yield Invitable(
                stage=stage.name, username=account.username, name_zh=person.name_zh, name_en=person.name_en, org_id=account.org_id
            )  # fmt: skip


def invitations(work: Work, actor: Actor, application_id: ApplicationId) -> list[InvitationRead]:
    """Those of the present turn, oldest first; for the bureau alone. NotFound outside sight."""
    row = queries.row(work, application_id, actor)
    if not sight(actor, INVITE).everything and not sight(actor, INVITE).departments:
        raise _not_yours()
    return _of(work, row)


def stages_to_invite(work: Work, actor: Actor, row: ApplicationRow) -> list[Stage]:
    """Open stages for which this actor may invite now."""
    if row.state != State.IN_REVIEW or actor.org_id == row.org_id:
        return []
    return [stage for stage in reviewing.open_stages(work, row) if _reaches(work, actor, row, stage)]


def invite(work: Work, actor: Actor, application_id: ApplicationId, body: Invitation) -> list[InvitationRead]:
    """Invite one person to vote at one open stage of this turn.

    Raises TransitionRefused outside the review, AccessRefused with every reason against the inviter or the invited person, InputRefused for
    an account that is not there, Conflict for one that is invited already.
    """
    row = steps.load(work, actor, application_id, body.version)
    if row.state != State.IN_REVIEW:
        raise TransitionRefused(
            Text("只有审核中的申请可以增补审核人。", "A further reviewer is invited only while the application is in review."), state=row.state
        )  # fmt: skip
    refuse_if(
        tuple(separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, deeds.past(work, row.id)))
    )
    reviewing.need_note(body.note)
    able = [stage for stage in stages_to_invite(work, actor, row) if body.stage in ("", stage.name)]
    if not able:
        raise _not_yours()
    if len(able) > 1:
        names = ", ".join(stage.name for stage in able)
        raise InputRefused(
            Text(f"请指明环节（stage）：{names}。", f"Say which stage: {names}."), field="stage"
        )
    stage, account = able[0], _account(work, body.username)
    refuse_if(tuple(_against(work, actor, row, stage, account)))
    if any(
        each.username == account.username and each.stage == stage.name and not each.ended_at
        for each in _of(work, row)
    ):
        raise Conflict(Text("该人员已受邀审核本环节。", "That person is invited to this stage already."))
    made = ApplicationInvitationRow(
        id=work.new_id(), application_id=row.id, turn=row.turn, stage=stage.name, account_id=account.id, person_id=account.person_id,
        username=account.username, invited_by=actor.account_id, invited_by_name=actor.username, note=body.note.strip(), at=work.now,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, "application.reviewer_invited", subject=row.id, application_id=row.id,
        payload={"stage": stage.name, "account": account.id, "note": made.note},
    )  # fmt: skip
    told = {
        account.id,
        *deputies(work, [account.id], [stage.role], _scopes(work, account.id, stage.role)),
    } - {actor.account_id}
    tell(
        work, sorted(told), "application.invited", subject=row.id, href=f"/applications/{row.id}", once=made.id,
        facts=short(row) | {"who": actor.username},
    )  # fmt: skip
    return _of(work, row)


def take_back(
    work: Work, actor: Actor, application_id: ApplicationId, invitation_id: str
) -> list[InvitationRead]:
    """End an invitation that was not used. A vote that was cast stays."""
    row = queries.row(work, application_id, actor, to_change=True)
    wanted = select(ApplicationInvitationRow).where(
        ApplicationInvitationRow.id == invitation_id, ApplicationInvitationRow.application_id == row.id
    )
    held = work.db.exec(wanted).first()
    stage = next((each for each in plans.plan(work, row) if held and each.name == held.stage), None)
    if held is None or stage is None or held.turn != row.turn:
        raise NotFound(Text("没有这项邀请。", "There is no such invitation."))
    if not _reaches(work, actor, row, stage):
        raise _not_yours()
    if held.ended_at is not None:
        raise Conflict(Text("该邀请已撤回。", "The invitation was taken back already."))
    held.ended_at = work.now
    work.db.add(held)
    audit.record(
        work, actor, "application.invitation_ended", subject=row.id, application_id=row.id,
        payload={"stage": held.stage, "account": held.account_id},
    )  # fmt: skip
    return _of(work, row)


def _of(work: Work, row: ApplicationRow) -> list[InvitationRead]:
    wanted = select(ApplicationInvitationRow).where(
        ApplicationInvitationRow.application_id == row.id, ApplicationInvitationRow.turn == row.turn
    )
    votes = {
        (vote.stage, person)
        for vote in queries.reviews(work, row)
        for person in (vote.person_id, vote.for_person)
    }
    return [
        InvitationRead(
            id=each.id, stage=each.stage, username=each.username, invited_by=each.invited_by_name, note=each.note, at=each.at,
            ended_at=each.ended_at, has_voted=(each.stage, each.person_id) in votes,
        )
        for each in work.db.exec(wanted.order_by(col(ApplicationInvitationRow.id)))
    ]  # fmt: skip


def _account(work: Work, username: str) -> AccountRow:
    found = work.db.exec(select(AccountRow).where(AccountRow.username == username.strip())).first()
    if found is None or found.disabled:
        raise InputRefused(
            Text(f"没有可用的账号“{username}”。", f"There is no account “{username}” in use."),
            field="username",
        )
    return found


def _against(
    work: Work, actor: Actor, row: ApplicationRow, stage: Stage, account: AccountRow
) -> Iterator[Reason]:
    """Every reason why this person may not be invited: no fitting role, his own inviter, or what would bar his vote."""
    who = principals.principal(work, account.id, "token")
    invited = who.actor if who else None
    if invited is None or not any(held.role is stage.role and held.lender is None for held in invited.roles):
        yield Reason(
            "invitee-lacks-role",
            Text("受邀人须本人持有该环节的审核角色（任一部门）。", "Whoever is invited holds the stage's own role himself, in some department."),
            RULE,
        )  # fmt: skip
        return
    if persons(work, actor) & persons(work, invited):
        yield Reason(
            "invites-himself",
            Text(
                "不能邀请本人，或与您互为代理的人。", "Nobody invites himself, or somebody who counts as him."
            ),
            RULE,
        )
    if reviewing.reaches(work, invited, row, stage):
        yield Reason(
            "reviews-anyway",
            Text("该人员本来就审核本环节，无须邀请。", "That person reviews this stage anyway."),
            RULE,
        )
    yield from reviewing.review_objections(work, invited, row)


def _scopes(work: Work, account_id: str, role: Role) -> list[str]:
    who = principals.principal(work, account_id, "token")
    return [held.scope for held in who.actor.roles if held.role is role] if who else []


def _reaches(work: Work, actor: Actor, row: ApplicationRow, stage: Stage) -> bool:
    """Whether the actor's own right to invite reaches the stage's department."""
    seen = sight(actor, INVITE)
    return seen.everything or bool(seen.departments & reviewing.stage_departments(work, row, stage))


def _not_yours() -> AccessRefused:
    said = Text(
        "只有该环节所属部门的数据专员或审核人可以增补审核人，且该环节须尚未完成。",
        "Stewards and reviewers of the stage's department invite a further reviewer, while the stage is open.",
    )
    return AccessRefused(said, reasons=[Reason("not-your-stage", said, RULE)])
