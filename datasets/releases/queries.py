"""Which releases there are and who may see them. Every list and every look-up starts here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import sqlalchemy
from sqlalchemy import bindparam, false, func, or_, true
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from catalog import queries as catalog
from catalog.tables import DatasetRow
from core.errors import Gone, NotFound
from core.text import Text
from core.work import Asked, Work, fetched, hold, rows
from datasets.batches.queries import READ, scopes
from datasets.releases.models import ReleaseRead
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import DELIVERABLE, PUBLIC, ReleaseState

_SORTS: Final[dict[str, Any]] = {
    "published": col(ReleaseRow.published_at),
    "dataset": col(ReleaseRow.dataset_id),
    "number": col(ReleaseRow.number),
    "rows": col(ReleaseRow.rows),
    "size": col(ReleaseRow.size_bytes),
}


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """One page of a list."""

    items: list[ReleaseRead]
    total: int
    page: int
    pages: int


def is_deliverable(row: ReleaseRow | ReleaseFacts) -> bool:
    """Whether bytes of this release may leave at all, grants aside: published or superseded, never withdrawn."""
    return row.state in DELIVERABLE


def release(work: Work, release_id: str) -> ReleaseRow:
    """A release regardless of who asks, for other parts of the room. Raises NotFound; Gone when it was withdrawn or retired."""
    row = work.db.get(ReleaseRow, release_id)
    if row is None:
        raise _unknown()
    if row.state in (ReleaseState.WITHDRAWN, ReleaseState.RETIRED):
        raise tombstone(row)
    return row


_ONE: Final = (
    select(ReleaseRow)
    .where(col(ReleaseRow.id) == bindparam("release_id"))
    .execution_options(populate_existing=True)
)


def keep_while_using(work: Work, dataset_id: str, release_id: str, *more: Asked) -> None:
    """Before a transaction writes down a use that keeps a release from being retired: nobody retires or withdraws a release of the
    dataset until it ends. Raises Gone where somebody did since it was decided on; NotFound. `more`: what is asked next."""
    hold(work, f"releases/{dataset_id}", (_ONE, {"release_id": release_id}), *more)
    found = rows(work, _ONE, release_id=release_id)
    if not found:
        raise _unknown()
    if not is_deliverable(found[0]):
        raise tombstone(found[0])


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a decision reads of a release, by the names of its columns."""

    id: str
    dataset_id: str
    number: int
    state: str
    sha256: str | None
    size_bytes: int | None
    rows: int | None
    columns: list[dict[str, Any]]
    shape: dict[str, Any] | None

    @classmethod
    def of(cls, row: ReleaseRow) -> ReleaseFacts:
        return cls(**{each.name: getattr(row, each.name) for each in fields(cls)})


_CURRENT: Final = sqlalchemy.select(*(getattr(ReleaseRow, each.name) for each in fields(ReleaseFacts))).where(
    col(ReleaseRow.dataset_id) == bindparam("dataset_id"), col(ReleaseRow.state) == ReleaseState.PUBLISHED
)


def current_row(work: Work, dataset_id: str) -> ReleaseRow | None:
    """The same as a row that may be changed."""
    wanted = select(ReleaseRow).where(
        ReleaseRow.dataset_id == dataset_id, ReleaseRow.state == ReleaseState.PUBLISHED
    )
    return work.db.exec(wanted).first()


def current(work: Work, dataset_id: str) -> ReleaseFacts | None:
    """The dataset's current release, if it has one."""
    statement, given = current_asked(dataset_id)
    found: tuple[Any, ...] | None = fetched(work, statement, **given).first()
    return None if found is None else ReleaseFacts(*found)


def current_asked(dataset_id: str) -> Asked:
    """What `current` asks."""
    return _CURRENT, {"dataset_id": dataset_id}


def under(work: Work, dataset_id: str, pinned: str | None) -> ReleaseFacts | None:
    """The release that a grant reads: the one it is pinned to if its bytes may still leave, else the current one."""
    if pinned is None:
        return current(work, dataset_id)
    row = work.db.get(ReleaseRow, pinned, populate_existing=True)
    if row is None or row.dataset_id != dataset_id or not is_deliverable(row):
        return None
    return ReleaseFacts.of(row)


def releases_of(work: Work, dataset_id: str) -> list[ReleaseRow]:
    """Everything that was ever published of a dataset, newest first, tombstones included."""
    wanted = select(ReleaseRow).where(ReleaseRow.dataset_id == dataset_id, col(ReleaseRow.state).in_(PUBLIC))
    return list(work.db.exec(wanted.order_by(col(ReleaseRow.number).desc())))


def of_batch(work: Work, batch_id: str) -> ReleaseRow | None:
    """The newest release made of a batch, failed tries included."""
    wanted = select(ReleaseRow).where(ReleaseRow.batch_id == batch_id)
    return work.db.exec(wanted.order_by(col(ReleaseRow.number).desc())).first()


def visible(actor: Actor) -> SelectOfScalar[ReleaseRow]:
    """Published releases of datasets within the actor's sight; all states to the department's own people."""
    within = scopes(actor, READ)
    own = true() if within is None else col(ReleaseRow.org_id).in_(sorted(within)) if within else false()
    known = select(DatasetRow.id).where(catalog.visible(actor))
    public = col(ReleaseRow.state).in_(PUBLIC) & col(ReleaseRow.dataset_id).in_(known)
    return select(ReleaseRow).where(or_(own, public))


def seen(work: Work, actor: Actor, release_id: str) -> ReleaseRow:
    """A release within the actor's sight, tombstones included; raises NotFound."""
    row = work.db.exec(visible(actor).where(ReleaseRow.id == release_id)).first()
    if row is None:
        raise _unknown()
    return row


def shown(work: Work, actor: Actor, release_id: str) -> ReleaseRow:
    """A release to show; outsiders get Gone for a withdrawn one, the department's own people see it whole."""
    row = seen(work, actor, release_id)
    if row.state == ReleaseState.WITHDRAWN and not actor.may_in(READ, row.org_id):
        raise tombstone(row)
    return row


def releases(
    work: Work,
    actor: Actor,
    *,
    dataset_id: str | None = None,
    state: str = "",
    words: str = "",
    sort: str = "-published",
    page: int = 1,
    size: int = 50,
) -> ReleasePage:
    """One page of the releases within the actor's sight. `words` is looked for in dataset codes."""
    wanted = visible(actor)
    if dataset_id:
        wanted = wanted.where(ReleaseRow.dataset_id == dataset_id)
    if state:
        wanted = wanted.where(ReleaseRow.state == state)
    if words.strip():
        wanted = wanted.where(col(ReleaseRow.dataset_id).icontains(words.strip(), autoescape=True))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    key = _SORTS.get(sort.removeprefix("-"), _SORTS["published"])
    ordered = wanted.order_by(key.desc() if sort.startswith("-") else key.asc(), col(ReleaseRow.id).desc())
    rows = work.db.exec(ordered.limit(size).offset((page - 1) * size)).all()
    return ReleasePage(
        [ReleaseRead.model_validate(row) for row in rows], total, page, max(1, -(-total // size))
    )


def tombstone(row: ReleaseRow) -> Gone:
    """What a withdrawn release answers, or a retired one whose files are asked for."""
    if row.state == ReleaseState.RETIRED:
        return Gone(
            Text(
                f"{row.dataset_id} 第 {row.number} 版已按保留规则退役，文件不再提供；记录与清单保留，请使用当前版本。",
                f"Release {row.number} of {row.dataset_id} was retired by the dataset's rule of retention: its files are no longer delivered, its record and manifest stay. Use the current release.",
            ),
            release_id=row.id,
            dataset_id=row.dataset_id,
            number=row.number,
            retired_at=row.retired_at.isoformat() if row.retired_at else None,
        )
    return Gone(
        Text(
            f"{row.dataset_id} 第 {row.number} 版已撤回：{row.withdrawn_reason}",
            f"Release {row.number} of {row.dataset_id} was withdrawn: {row.withdrawn_reason}",
        ),
        release_id=row.id,
        dataset_id=row.dataset_id,
        number=row.number,
        withdrawn_at=row.withdrawn_at.isoformat() if row.withdrawn_at else None,
    )


def _unknown() -> NotFound:
    return NotFound(
        Text(
            "没有这个发布版本；请在数据集页面查看版本列表。",
            "There is no such release; see the dataset's list of versions.",
        )
    )
