"""What is said about an application beside its steps: to the applicant, or among the bureau. No step, so no version moves.

A remark inside the bureau is never told to the applicant, not even that there is one. Votes stay blind by their own rule; whoever
writes how he voted into a remark tells it himself, so remarks say whose they are and stay on record.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import func
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.applications import queries, seeing, steps
from auth.applications.tables import ApplicationCommentRow, ApplicationRow
from auth.applications.workflow import LIVE, State
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages.announcing import short
from auth.messages.service import tell
from auth.policy.model import Prose
from auth.roles import PERMISSIONS, Role
from auth.scope import ENTERPRISE, sight
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, TooMany, TransitionRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

COMMENT: Final = "auth:application:comment"
AN_HOUR: Final = 60  # comments of one person, over all applications
MOST: Final = 500  # of one application
OPEN: Final = LIVE | {State.RETURNED}
Audience = Literal["public", "internal"]
_COLLEAGUES: Final = PERMISSIONS[COMMENT] - ENTERPRISE - {Role.CLERK}
_SCREENERS: Final = frozenset({Role.REVIEWER_BUSINESS})


class CommentCreate(SQLModel):
    """`ask`: the user name of a colleague whose opinion is sought; only in a remark of the bureau."""

    model_config = {"extra": "forbid"}
    audience: Audience = "public"
    body: Prose = Field(min_length=2, max_length=4000)
    ask: Prose = Field(default="", max_length=80)


class CommentHide(SQLModel):
    """Why a text is taken from sight; the reason stays in its place."""

    model_config = {"extra": "forbid"}
    reason: Prose = Field(min_length=4, max_length=500)


class CommentRead(SQLModel):
    """One comment. `body` is empty where it is hidden."""

    id: str
    audience: Audience
    body: str
    by_bureau: bool
    author: str
    is_mine: bool
    asked: str
    turn: int
    at: datetime
    hidden_reason: str
    may_hide: bool


def side(
    work: Work, actor: Actor, row: ApplicationRow, permission: str = COMMENT
) -> Literal["", "bureau", "applicant"]:
    """On which side of this application the actor stands; nowhere without the permission."""
    seen = sight(actor, permission)
    if row.org_id in seen.orgs or (
        Role.CLERK in actor.role_kinds and actor.covers(permission) and row.assisted_person == actor.person_id
    ):
        return "applicant"
    if actor.org_id == row.org_id:
        return ""
    return "bureau" if seen.everything or seen.departments & queries.departments(work, row.id) else ""


def comments(
    work: Work, actor: Actor, application_id: ApplicationId, *, offset: int = 0, limit: int = 200
) -> tuple[list[CommentRead], int]:
    """What this reader may read, oldest first, and how much there is. Raises NotFound outside sight."""
    row = queries.row(work, application_id, actor)
    conditions: list[Any] = [ApplicationCommentRow.application_id == row.id]
    if side(work, actor, row, seeing.READ) != "bureau":
        conditions.append(ApplicationCommentRow.audience == "public")
    total = work.db.exec(select(func.count()).select_from(ApplicationCommentRow).where(*conditions)).one()
    wanted = select(ApplicationCommentRow).where(*conditions)
    ordered = wanted.order_by(col(ApplicationCommentRow.at), col(ApplicationCommentRow.id))
    found = work.db.exec(ordered.offset(offset).limit(limit)).all()
    names = _usernames(work, (each.asked for each in found))
    return [_read(work, actor, row, each, names) for each in found], total


def may_comment(work: Work, actor: Actor, row: ApplicationRow) -> list[Audience]:
    """Whom this actor may address now."""
    if steps.state(work, row) not in OPEN:
        return []
    return {"": [], "applicant": ["public"], "bureau": ["internal", "public"]}[side(work, actor, row)]  # type: ignore[return-value]


def comment(work: Work, actor: Actor, application_id: ApplicationId, body: CommentCreate) -> CommentRead:
    """Say something. The other side is told of what it may read, whoever is asked of that.

    Raises NotFound, TransitionRefused once the application has ended, AccessRefused, InputRefused, TooMany.
    """
    row = queries.row(work, application_id, actor, to_change=True)
    of = side(work, actor, row)
    if not of:
        raise _not_yours()
    if (now := steps.state(work, row)) not in OPEN:
        raise TransitionRefused(
            Text(
                "申请尚未提交或已办结，不能留言。",
                "The application is not submitted yet, or has ended; nothing more is said about it.",
            ),
            state=now.value,
        )
    if body.audience == "internal" and of != "bureau":
        raise _not_yours()
    asked = _asked(work, actor, row, body)
    _not_too_many(work, actor, row)
    made = ApplicationCommentRow(
        id=work.new_id(), application_id=row.id, turn=row.turn, audience=body.audience, body=body.body.strip(), by_bureau=of == "bureau",
        person_id=actor.person_id, account_id=actor.account_id, author_name=actor.username, org_id=actor.org_id,
        asked=asked, at=work.now,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    kind = "application.commented" if body.audience == "public" else "application.remarked"
    audit.record(
        work, actor, kind, subject=row.id, application_id=row.id,
        payload={"comment_id": made.id, "comment": made.body, "turn": row.turn, "asked": asked},
    )  # fmt: skip
    _announce(work, actor, row, made)
    return _read(work, actor, row, made, _usernames(work, [asked]))


def hide(
    work: Work, actor: Actor, application_id: ApplicationId, comment_id: str, body: CommentHide
) -> CommentRead:
    """Take a text from sight: by its author, or by a security officer or approver of the departments. It stays in the record.

    Raises NotFound, AccessRefused, Conflict when it is hidden already.
    """
    row = queries.row(work, application_id, actor, to_change=True)
    made = (
        work.db.get(ApplicationCommentRow, comment_id)
        if comment_id.isascii() and comment_id.isprintable()
        else None
    )
    inside = side(work, actor, row, seeing.READ) == "bureau"
    if made is None or made.application_id != row.id or (made.audience == "internal" and not inside):
        raise NotFound(Text("没有这条留言。", "There is no such comment."))
    if not _may_hide(work, actor, row, made):
        raise _not_yours()
    if made.hidden_reason:
        raise Conflict(Text("这条留言已隐藏。", "This comment is hidden already."))
    made.hidden_reason = body.reason.strip()
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, "application.comment_hidden" if made.audience == "public" else "application.remark_hidden", subject=row.id, application_id=row.id,
        payload={"comment_id": made.id, "reason": made.hidden_reason},
    )  # fmt: skip
    return _read(work, actor, row, made, _usernames(work, [made.asked]))


def colleagues(work: Work, actor: Actor, row: ApplicationRow) -> list[str]:
    """User names of those whose opinion this actor may seek: the bureau's people over one of the departments, not of the applicant."""
    if side(work, actor, row) != "bureau":
        return []
    return sorted(each.username for each in _colleagues(work, row) if each.id != actor.account_id)


def _colleagues(work: Work, row: ApplicationRow) -> list[AccountRow]:
    held = audience.holders(work, _COLLEAGUES, queries.departments(work, row.id))
    found = work.db.exec(select(AccountRow).where(col(AccountRow.id).in_(held)))
    return [each for each in found if each.org_id != row.org_id]


def _asked(work: Work, actor: Actor, row: ApplicationRow, body: CommentCreate) -> str:
    """The account whose opinion is sought, or none."""
    if not body.ask:
        return ""
    known = {each.username: each.id for each in _colleagues(work, row)}
    if body.audience != "internal" or known.get(body.ask, actor.account_id) == actor.account_id:
        raise InputRefused(
            Text(
                f"不能征求“{body.ask}”的意见：只能在内部批注中，征求本申请所涉部门或本局其他承办人员的意见。",
                f"The opinion of “{body.ask}” cannot be sought: name a colleague over this application's departments, in an internal remark.",
            ),
            field="ask",
        )
    return known[body.ask]


def _not_too_many(work: Work, actor: Actor, row: ApplicationRow) -> None:
    counted = select(func.count()).select_from(ApplicationCommentRow)
    recent = counted.where(
        ApplicationCommentRow.person_id == actor.person_id,
        col(ApplicationCommentRow.at) > work.now - timedelta(hours=1),
    )
    if work.db.exec(recent).one() >= AN_HOUR:
        raise TooMany(
            Text(
                f"一小时内最多留言 {AN_HOUR} 条；请稍后再来。",
                f"At most {AN_HOUR} comments an hour; come back later.",
            )
        )
    if work.db.exec(counted.where(ApplicationCommentRow.application_id == row.id)).one() >= MOST:
        raise Conflict(
            Text(f"一份申请最多 {MOST} 条留言。", f"An application takes {MOST} comments at most.")
        )


def _announce(work: Work, actor: Actor, row: ApplicationRow, made: ApplicationCommentRow) -> None:
    """Tell those concerned, each once, and never the author."""
    href, facts = f"/applications/{row.id}#comment-{made.id}", short(row)
    if made.asked:
        tell(
            work, [made.asked], "application.opinion_asked", subject=row.id, href=href, once=made.id, facts=facts | {"who": actor.username}
        )  # fmt: skip
    if made.audience == "internal":
        told = {each.account_id for each in _remarks(work, row)} | set(audience.handlers(work, row.id))
    elif made.by_bureau:
        told = {row.created_by, row.confirmed_by}
    else:
        told = set(audience.handlers(work, row.id)) or set(audience.bureau(work, row, _SCREENERS))
    told -= {"", actor.account_id, made.asked}
    tell(work, told, "application.commented", subject=row.id, href=href, once=made.id, facts=facts)


def _remarks(work: Work, row: ApplicationRow) -> Iterable[ApplicationCommentRow]:
    """What the bureau has said so far: whoever takes part in a talk is told how it goes on."""
    return work.db.exec(
        select(ApplicationCommentRow).where(
            ApplicationCommentRow.application_id == row.id, col(ApplicationCommentRow.by_bureau).is_(True)
        )
    )


def _may_hide(work: Work, actor: Actor, row: ApplicationRow, made: ApplicationCommentRow) -> bool:
    of = side(work, actor, row)
    if not of or made.hidden_reason:
        return False
    heads = steps.roles(work, actor, row) & {Role.SECURITY_OFFICER, Role.APPROVER}
    return made.person_id == actor.person_id or (of == "bureau" and bool(heads))


def _read(
    work: Work, actor: Actor, row: ApplicationRow, made: ApplicationCommentRow, names: dict[str, str]
) -> CommentRead:
    return CommentRead(
        id=made.id, audience="internal" if made.audience == "internal" else "public", body="" if made.hidden_reason else made.body,
        by_bureau=made.by_bureau, author=made.author_name, is_mine=made.person_id == actor.person_id,
        asked=names.get(made.asked, made.asked), turn=made.turn, at=made.at, hidden_reason=made.hidden_reason,
        may_hide=_may_hide(work, actor, row, made),
    )  # fmt: skip


def _usernames(work: Work, accounts: Iterable[str]) -> dict[str, str]:
    wanted = sorted({each for each in accounts if each})
    found = select(AccountRow.id, AccountRow.username).where(col(AccountRow.id).in_(wanted))
    return dict(work.db.exec(found).all()) if wanted else {}


def _not_yours() -> AccessRefused:
    said = Text("您在这份申请中的角色不能这样做。", "Your roles towards this application do not allow this.")
    return AccessRefused(said, reasons=[Reason("not-your-side", said, "auth:application:comment")])
