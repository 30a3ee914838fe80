"""Views on their way out of the cache: their right has ended, there is no room for them, or their file is damaged."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from auth.actor import SYSTEM
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from core.files import FileStore
from core.work import Work
from datasets.sharing import service
from datasets.sharing.rules import ViewState
from datasets.sharing.tables import ViewRow

_KEEP_BUSY: Final = timedelta(hours=1)
_LASTING: Final = frozenset({State.PENDING.value, State.ACTIVE.value, State.SUSPENDED.value})


def drop_ended(work: Work, *, quota_bytes: int) -> int:
    """Drop the views whose grant or release has ended, then the longest unread ones beyond the cache's quota; their number.

    What was read within the hour stays though the quota is full. Files go afterwards, by `remove_one`.
    """
    live = select(ViewRow).where(ViewRow.state == ViewState.READY)
    dropped: list[ViewRow] = []
    kept: list[ViewRow] = []
    for view in work.db.exec(live.order_by(col(ViewRow.id)).with_for_update()).all():
        (dropped if _has_ended(work, view) else kept).append(view)
    size = sum(view.size_bytes or 0 for view in kept)
    for view in sorted(kept, key=_last_use):
        if size > quota_bytes and work.now - _last_use(view) > _KEEP_BUSY:
            size -= view.size_bytes or 0
            dropped.append(view)
    for view in dropped:
        view.state, view.dropped_at, view.job_id = ViewState.DROPPED, work.now, None
        work.db.add(view)
        service.note(work, SYSTEM, "view.dropped", view, {"sha256": view.sha256})
    return len(dropped)


def drop_damaged(work: Work, found: Collection[str]) -> int:
    """Drop the views whose stored file is not what was judged, by digest; they are made anew when they are asked for. Their number."""
    wanted = select(ViewRow).where(ViewRow.state == ViewState.READY, col(ViewRow.sha256).in_(found))
    views = work.db.exec(wanted.order_by(col(ViewRow.id)).with_for_update()).all()
    for view in views:
        view.state, view.dropped_at, view.job_id = ViewState.DROPPED, work.now, None
        work.db.add(view)
        service.note(work, SYSTEM, "view.dropped", view, {"sha256": view.sha256, "why": "damaged"})
    return len(views)


def _last_use(view: ViewRow) -> datetime:
    return view.last_read_at or view.ready_at or view.requested_at


def to_remove(work: Work) -> list[str]:
    """Dropped views whose file is still there."""
    wanted = select(ViewRow.id).where(ViewRow.state == ViewState.DROPPED, col(ViewRow.sha256).is_not(None))
    return list(work.db.exec(wanted))


def remove_one(work: Work, key: str, files: FileStore) -> None:
    """Take a dropped view's file out of the store. The row is held meanwhile, so that nobody makes the view anew.

    A view's file names its view, so nothing else in the store has the same bytes.
    """
    found = service.row(work, key, to_change=True)
    if found.state == ViewState.DROPPED and found.sha256 is not None:
        files.remove(found.sha256)
        found.sha256 = None
        work.db.add(found)


def is_anything_to_drop(work: Work, *, quota_bytes: int) -> bool:
    """Whether `drop_ended` may have something to do; cheap, for the worker's look around."""
    found = work.db.exec(select(ViewRow).where(ViewRow.state == ViewState.READY)).all()
    return sum(view.size_bytes or 0 for view in found) > quota_bytes or any(
        _has_ended(work, view) for view in found
    )


def _has_ended(work: Work, view: ViewRow) -> bool:
    grant = work.db.exec(
        select(GrantRow.state, GrantRow.policy_hash, GrantRow.ends_at).where(GrantRow.id == view.grant_id)
    ).first()
    if grant is None or grant[0] not in _LASTING or grant[1] != view.policy_hash or grant[2] <= work.now:
        return True
    return not any(each.release_id == view.release_id for each in service.versions(work, view.dataset_id))
