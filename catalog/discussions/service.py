"""Asking, reporting errors, replying, deciding, and moderating in the open: what is taken from sight leaves its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Select, func
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import PLATFORM, Actor
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.model import Prose
from auth.roles import Role
from auth.stamps import stamp
from catalog import queries as records
from catalog.discussions.tables import PostRow
from catalog.discussions.workflow import Kind, ThreadState, ThreadStep, advance, steps_of
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import Conflict, InputRefused, NotFound, TooMany
from core.ids import DatasetId
from core.text import Text
from core.work import Work

AN_HOUR: Final = 10  # posts of one person
MOST_REPLIES: Final = 200


class PostCreate(SQLModel):
    """A question, or an error in the data; `release_number`: in which release it was seen."""

    model_config = {"extra": "forbid"}
    kind: Kind = "question"
    body: Prose = Field(min_length=4, max_length=4000)
    release_number: int | None = Field(default=None, ge=1, le=1_000_000)


class Reply(SQLModel):
    """A reply; with a step its text is the reason that everybody reads."""

    model_config = {"extra": "forbid"}
    body: Prose = Field(min_length=2, max_length=4000)


class Hiding(SQLModel):
    """Why a text is taken from sight; the reason stays."""

    model_config = {"extra": "forbid"}
    reason: Prose = Field(min_length=4, max_length=500)


class ReplyRead(SQLModel):
    """A reply. `body` is empty where it is hidden."""

    id: str
    body: str
    by_department: bool
    is_mine: bool
    posted_at: datetime
    hidden_reason: str


class ThreadRead(ReplyRead):
    """A thread with its replies, and the steps open to this reader. `ticket_…`, `handling_…`: of the ticket that an error report became."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    kind: str
    release_number: int | None
    state: ThreadState
    replies: list[ReplyRead]
    steps: list[ThreadStep]
    may_reply: bool
    may_hide: bool
    ticket_id: str = ""
    ticket_number: int | None = None
    handling_zh: str = ""
    handling_en: str = ""


def threads(
    work: Work, actor: Actor, *, dataset_id: str = "", kind: str = "", state: str = "", offset: int = 0, limit: int = 20
) -> tuple[list[ThreadRead], int]:  # fmt: skip
    """Threads on records within the reader's sight, newest first. Raises NotFound or Gone for a dataset that is not."""
    wanted = _seen(actor)
    if dataset_id:
        wanted = wanted.where(col(PostRow.dataset_id) == records.dataset(work, actor, dataset_id).id)
    if kind:
        wanted = wanted.where(col(PostRow.kind) == kind)
    if state:
        wanted = wanted.where(col(PostRow.state) == state)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    order = wanted.order_by(col(PostRow.posted_at).desc(), col(PostRow.id).desc()).offset(offset).limit(limit)
    found = [(row[0], row[1]) for row in work.db.execute(order).all()]
    replies = _replies(work, [head.id for head, _ in found])
    return [_read(actor, head, row, replies.get(head.id, [])) for head, row in found], total


def thread(work: Work, actor: Actor, thread_id: str) -> ThreadRead:
    """One thread within sight. Raises NotFound."""
    head, row = _thread(work, actor, thread_id)
    return _read(actor, head, row, _replies(work, [head.id]).get(head.id, []))


def post(work: Work, actor: Actor, dataset_id: str, body: PostCreate) -> ThreadRead:
    """Ask, or report an error, on a published record. Its stewards are told. Raises InputRefused, TooMany."""
    row = records.dataset(work, actor, dataset_id)
    if row.state != State.PUBLISHED or row.foreign_from:
        raise Conflict(
            Text(
                "只能对本平台已发布的数据集提问或报错。",
                "Only published datasets of this platform are discussed here.",
            )
        )
    if body.release_number is not None and body.release_number > (row.release_no or 0):
        raise InputRefused(
            Text(f"没有第 {body.release_number} 版。", f"There is no release {body.release_number}."),
            field="release_number",
        )
    made = _made(work, actor, row, body.body, kind=body.kind, release_number=body.release_number)
    audit.record(
        work, actor, "discussion.posted", subject=made.id, dataset_id=row.id, payload={"kind": body.kind, "release": body.release_number}
    )  # fmt: skip
    _tell_department(work, row, made)
    return thread(work, actor, made.id)


def reply(work: Work, actor: Actor, thread_id: str, body: Reply) -> ThreadRead:
    """Say more in a thread. Its author is told of the department's words, the department of others'."""
    head, row = _thread(work, actor, thread_id, lock=True)
    _say(work, actor, head, row, body.body)
    return thread(work, actor, thread_id)


def step(work: Work, actor: Actor, thread_id: str, taken: ThreadStep, body: Reply) -> ThreadRead:
    """Decide, with a reason that everybody reads; or ask again as its author. Raises TransitionRefused."""
    head, row = _thread(work, actor, thread_id, lock=True)
    before = head.state
    head.state = advance(
        ThreadState(before),
        taken,
        is_department=_is_department(actor, row),
        is_author=_is_author(actor, head),
    )
    work.db.add(head)
    audit.record(
        work, actor, "discussion.moved", subject=head.id, dataset_id=row.id, payload={"from": before, "to": head.state}
    )  # fmt: skip
    _say(work, actor, head, row, body.body)
    return thread(work, actor, thread_id)


def decide(work: Work, actor: Actor, thread_id: str, to: ThreadState, body: str) -> None:
    """What the department's ticket decided about an error report; for the room above, which has judged who may. `body`: its words
    for everybody, or none."""
    head = work.db.get_one(PostRow, thread_id)
    row = records.by_id(work, head.dataset_id)
    before, head.state = head.state, to
    work.db.add(head)
    audit.record(
        work, actor, "discussion.moved", subject=head.id, dataset_id=row.id, payload={"from": before, "to": head.state}
    )  # fmt: skip
    if body.strip():
        made = _made(
            work, actor, row, body, kind=head.kind, release_number=head.release_number, thread_id=head.id, for_department=True
        )  # fmt: skip
        audit.record(
            work, actor, "discussion.replied", subject=made.id, dataset_id=row.id, payload={"thread": head.id}
        )
        tell_author(work, thread_id, "discussion.answered", once=made.id)


def tell_author(
    work: Work, thread_id: str, kind: str, *, once: str, facts: Mapping[str, str | int] | None = None
) -> None:
    """A message to who began a thread."""
    head = work.db.get_one(PostRow, thread_id)
    row = records.by_id(work, head.dataset_id)
    said = {"title_zh": row.title_zh, "title_en": row.title_en or row.title_zh, **(facts or {})}
    tell(
        work, [head.author["account_id"]], kind, subject=head.id, href=f"/datasets/{row.id}/discussion#{head.id}", once=once, facts=said
    )  # fmt: skip


def hide(work: Work, actor: Actor, post_id: str, body: Hiding) -> ThreadRead:
    """Take a text from everybody's sight; that it was there, and why it left, stays. By the department or the catalogue's administrator."""
    said = work.db.get(PostRow, post_id) if post_id.isascii() and post_id.isprintable() else None
    head, row = _thread(work, actor, said.thread_id if said else post_id, lock=True)
    if said is None or not _is_department(actor, row):
        raise _unknown(post_id)
    if said.by_department and not actor.may_in(records.WRITE, PLATFORM):
        raise Conflict(
            Text(
                "部门自己的答复不能隐藏；可再作答复更正。",
                "The department’s own answers are not hidden; reply again to correct one.",
            )
        )
    said.hidden_reason = body.reason
    work.db.add(said)
    work.db.flush()
    audit.record(
        work, actor, "discussion.hidden", subject=said.id, dataset_id=row.id, payload={"reason": body.reason}
    )
    return thread(work, actor, head.id)


def _seen(actor: Actor) -> Select[Any, Any]:
    joined = sqlalchemy.select(PostRow, DatasetRow).join(DatasetRow, col(DatasetRow.id) == PostRow.dataset_id)
    return joined.where(col(PostRow.thread_id) == PostRow.id, records.visible(actor))


def _thread(work: Work, actor: Actor, thread_id: str, *, lock: bool = False) -> tuple[PostRow, DatasetRow]:
    found = None
    if thread_id.isascii() and thread_id.isprintable():
        wanted = _seen(actor).where(col(PostRow.id) == thread_id)
        found = work.db.execute(wanted.with_for_update(of=PostRow) if lock else wanted).first()
    if found is None:
        raise _unknown(thread_id)
    return found[0], found[1]


def _unknown(thread_id: str) -> NotFound:
    return NotFound(Text(f"没有讨论 {thread_id}。", f"There is no discussion {thread_id}."))


def _say(work: Work, actor: Actor, head: PostRow, row: DatasetRow, body: str) -> None:
    wanted = select(func.count()).select_from(PostRow).where(PostRow.thread_id == head.id)
    if work.db.exec(wanted).one() > MOST_REPLIES:
        raise Conflict(Text("这一讨论已很长，请另开一条。", "This thread is long; begin another one."))
    made = _made(
        work, actor, row, body, kind=head.kind, release_number=head.release_number, thread_id=head.id
    )
    audit.record(
        work, actor, "discussion.replied", subject=made.id, dataset_id=row.id, payload={"thread": head.id}
    )
    if made.by_department:
        tell_author(work, head.id, "discussion.answered", once=made.id)
    else:
        _tell_department(work, row, made)


def _tell_department(work: Work, row: DatasetRow, made: PostRow) -> None:
    stewards = [
        one
        for one in audience.holders(work, [Role.STEWARD], [row.publisher])
        if one != made.author["account_id"]
    ]
    facts = {"title_zh": row.title_zh, "title_en": row.title_en or row.title_zh}
    tell(
        work, stewards, "discussion.waits", subject=made.thread_id, href=f"/datasets/{row.id}/discussion#{made.thread_id}",
        once=made.id, facts=facts,
    )  # fmt: skip


def _made(
    work: Work, actor: Actor, row: DatasetRow, body: str, *, kind: str, release_number: int | None, thread_id: str = "",
    for_department: bool = False,
) -> PostRow:  # fmt: skip
    is_department = for_department or _is_department(actor, row)
    recent = (
        select(func.count())
        .select_from(PostRow)
        .where(PostRow.person_id == actor.person_id, col(PostRow.posted_at) > work.now - timedelta(hours=1))
    )
    if not is_department and work.db.exec(recent).one() >= AN_HOUR:
        raise TooMany(
            Text(
                f"一小时内最多发表 {AN_HOUR} 条；请稍后再来。",
                f"At most {AN_HOUR} posts an hour; come back later.",
            )
        )
    new_id = work.new_id()
    made = PostRow(
        id=new_id, thread_id=thread_id or new_id, dataset_id=row.id, kind=kind, release_number=release_number, body=body.strip(),
        by_department=is_department, author=stamp(actor), person_id=actor.person_id, posted_at=work.now,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    return made


def _is_department(actor: Actor, row: DatasetRow) -> bool:
    return actor.may_in(records.WRITE, row.publisher)


def _is_author(actor: Actor, post: PostRow) -> bool:
    return actor.is_signed_in and post.person_id == actor.person_id


def _replies(work: Work, thread_ids: Sequence[str]) -> dict[str, list[PostRow]]:
    found: dict[str, list[PostRow]] = {}
    wanted = select(PostRow).where(
        col(PostRow.thread_id).in_(thread_ids), col(PostRow.id) != PostRow.thread_id
    )
    for row in work.db.exec(wanted.order_by(col(PostRow.posted_at), col(PostRow.id))):
        found.setdefault(row.thread_id, []).append(row)
    return found


def _said(actor: Actor, post: PostRow) -> dict[str, Any]:
    return {
        "id": post.id, "body": "" if post.hidden_reason else post.body, "by_department": post.by_department,
        "is_mine": _is_author(actor, post), "posted_at": post.posted_at, "hidden_reason": post.hidden_reason,
    }  # fmt: skip


def _read(actor: Actor, head: PostRow, row: DatasetRow, replies: Sequence[PostRow]) -> ThreadRead:
    is_department = _is_department(actor, row)
    state = ThreadState(head.state)
    return ThreadRead(
        **_said(actor, head), dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, kind=head.kind,
        release_number=head.release_number, state=state, replies=[ReplyRead(**_said(actor, each)) for each in replies],
        steps=steps_of(state, is_department=is_department, is_author=_is_author(actor, head)), may_reply=actor.is_signed_in,
        may_hide=is_department,
    )  # fmt: skip
