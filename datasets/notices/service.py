"""Following datasets, and reading what became of them. What a reader may no longer see, he is no longer told of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from catalog import queries as catalog
from catalog.tables import DatasetRow
from core.text import Text
from core.work import Work
from datasets.notices.models import FollowRead, NoticeRead
from datasets.notices.tables import FollowRow, NoticeRow

KIND_NAMES: Final[dict[str, Text]] = {
    "released": Text("发布新版本", "New release"),
    "breaking": Text("不兼容的新版本", "Breaking release"),
    "withdrawn": Text("版本已撤回", "Release withdrawn"),
    "retiring": Text("版本即将退役", "Release to be retired"),
    "retired": Text("版本已退役", "Release retired"),
    "answered": Text("报错已答复", "Error report answered"),
}


def tell(work: Work, dataset_id: str, kind: str, release_id: str, facts: dict[str, Any]) -> None:
    """Note something for all who follow the dataset; in the transaction that made it so. `facts`: no values of cells."""
    work.db.add(
        NoticeRow(
            id=work.new_id(),
            dataset_id=dataset_id,
            kind=kind,
            release_id=release_id,
            at=work.now,
            facts=facts,
        )
    )


def follow(work: Work, actor: Actor, dataset_id: str) -> FollowRead:
    """Be told of the dataset's releases from now on. Twice is once. NotFound outside the actor's sight."""
    dataset = catalog.dataset(work, actor, dataset_id)
    row = work.db.get(FollowRow, (actor.account_id, dataset.id))
    if row is None:
        row = FollowRow(account_id=actor.account_id, dataset_id=dataset.id, since=work.now, read_at=work.now)
        work.db.add(row)
        audit.record(work, actor, "dataset.followed", subject=dataset.id, dataset_id=dataset.id)
    return _follow_read(row, dataset)


def unfollow(work: Work, actor: Actor, dataset_id: str) -> None:
    """Be told no more. Also of a record that the actor can no longer see."""
    row = work.db.get(FollowRow, (actor.account_id, dataset_id))
    if row is None:
        catalog.dataset(work, actor, dataset_id)  # NotFound, as for anything outside his sight
        return
    work.db.delete(row)
    audit.record(work, actor, "dataset.unfollowed", subject=dataset_id, dataset_id=dataset_id)


def is_following(work: Work, actor: Actor, dataset_id: str) -> bool:
    return work.db.get(FollowRow, (actor.account_id, dataset_id)) is not None


def followed(work: Work, actor: Actor) -> list[FollowRead]:
    """What the actor follows and still sees, by code."""
    wanted = (
        select(FollowRow, DatasetRow)
        .join(DatasetRow, col(DatasetRow.id) == FollowRow.dataset_id)
        .where(FollowRow.account_id == actor.account_id, catalog.visible(actor))
    )
    rows = work.db.exec(wanted.order_by(col(FollowRow.dataset_id))).all()
    return [_follow_read(row, dataset) for row, dataset in rows]


def notices(work: Work, actor: Actor, limit: int = 50) -> list[NoticeRead]:
    """The newest notices about what the actor follows, newest first."""
    wanted = (
        select(NoticeRow, FollowRow, DatasetRow)
        .join(FollowRow, col(FollowRow.dataset_id) == NoticeRow.dataset_id)
        .join(DatasetRow, col(DatasetRow.id) == NoticeRow.dataset_id)
        .where(*_mine(actor))
        .order_by(col(NoticeRow.at).desc(), col(NoticeRow.id).desc())
        .limit(limit)
    )
    return [_read(notice, follows, dataset) for notice, follows, dataset in work.db.exec(wanted)]


def unread(work: Work, actor: Actor) -> int:
    """How many notices came since the actor last said that he had read them."""
    wanted = (
        select(func.count())
        .select_from(NoticeRow)
        .join(FollowRow, col(FollowRow.dataset_id) == NoticeRow.dataset_id)
        .join(DatasetRow, col(DatasetRow.id) == NoticeRow.dataset_id)
        .where(*_mine(actor), col(NoticeRow.at) > col(FollowRow.read_at))
    )
    return work.db.exec(wanted).one()


def mark_read(work: Work, actor: Actor) -> None:
    """Everything so far counts as read. Nobody else is concerned, so the record is silent about it."""
    for row in work.db.exec(select(FollowRow).where(FollowRow.account_id == actor.account_id)):
        row.read_at = work.now
        work.db.add(row)


def _mine(actor: Actor) -> Sequence[Any]:
    return (
        FollowRow.account_id == actor.account_id,
        col(NoticeRow.at) > col(FollowRow.since),
        catalog.visible(actor),
    )


def _follow_read(row: FollowRow, dataset: DatasetRow) -> FollowRead:
    return FollowRead(
        dataset_id=dataset.id,
        title_zh=dataset.title_zh,
        title_en=dataset.title_en or dataset.title_zh,
        since=row.since,
    )


def _read(notice: NoticeRow, follows: FollowRow, dataset: DatasetRow) -> NoticeRead:
    said = _sentence(notice)
    former = notice.facts.get("compared_to")
    difference = (
        f"/datasets/{dataset.id}/releases/diff?from={former}&to={notice.release_id}" if former else None
    )
    return NoticeRead(
        id=notice.id, dataset_id=dataset.id, title_zh=dataset.title_zh, title_en=dataset.title_en or dataset.title_zh,
        kind=notice.kind, release_id=notice.release_id, at=notice.at, is_new=notice.at > follows.read_at,
        zh=said.zh, en=said.en, facts=notice.facts, difference=difference,
        href=f"/datasets/{dataset.id}/discussion#{notice.facts['thread']}" if notice.kind == "answered" else f"/releases/{notice.release_id}",
    )  # fmt: skip


def _sentence(notice: NoticeRow) -> Text:
    facts = notice.facts
    if notice.kind == "answered":
        return Text(
            f"部门答复了一条数据报错（工单 {facts['ticket']}）：{facts['state_zh']}。",
            f"The department answered an error report (ticket {facts['ticket']}): {facts['state_en']}.",
        )
    number, version = facts["number"], facts.get("semver") or "—"
    if notice.kind == "withdrawn":
        return Text(
            f"第 {number} 版已撤回：{facts['reason']}", f"Release {number} was withdrawn: {facts['reason']}"
        )
    if notice.kind == "retiring":
        return Text(
            f"第 {number} 版将于 {facts['on']} 按保留规则退役；仍需使用请尽快取用。",
            f"Release {number} will be retired by the rule of retention on {facts['on']}; take what you still need.",
        )
    if notice.kind == "retired":
        return Text(
            f"第 {number} 版已按保留规则退役。", f"Release {number} was retired by the rule of retention."
        )
    changes = facts.get("changes") or []
    zh, en = "；".join(each["zh"] for each in changes), "; ".join(each["en"] for each in changes)
    return Text(
        f"第 {number} 版（{version}）已发布。{zh}",
        f"Release {number} ({version}) was published. {en}".strip(),
    )
