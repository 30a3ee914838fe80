"""Two releases of a dataset beside each other: asked for, made at once or by a job, shown as far as the reader may see.

Counts are for everybody who sees both releases. Values of cells are for those who could take both anyway: everybody where
the data are open without condition, else the department's own stewards.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auth import audit
from auth.actor import Actor
from catalog import service as catalog
from core import jobs
from core.errors import Conflict, NotFound, TooMany
from core.files import FileStore
from core.ids import DatasetId, JobId, ReleaseId
from core.jobs import FINAL, JobRow, JobState
from core.settings import Settings
from core.text import Text
from core.work import Work, hold
from datasets.releases import access, queries, rules, shape
from datasets.releases.models import Difference, DiffRead, DiffSide
from datasets.releases.tables import ReleaseDiffRow, ReleaseRow
from datasets.releases.whole import whole_lately

JOB: Final = "release.diff"
TAKE: Final = "datasets:batch:take"
AT_ONCE_ROWS: Final = 200_000
_AT_ONCE_MB: Final = 256
_WAIT_S: Final = 10.0
_turn: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two releases to compare, what is known of their difference, and whether this reader may see values."""

    older: ReleaseRow
    newer: ReleaseRow
    key: tuple[str, ...]
    kept: ReleaseDiffRow | None
    job: JobRow | None
    shows_values: bool

    @property
    def is_small(self) -> bool:
        return (self.older.rows or 0) + (self.newer.rows or 0) <= AT_ONCE_ROWS


def pair_of(work: Work, actor: Actor, older_id: str, newer_id: str) -> Pair:
    """Both releases within the actor's sight, of one dataset. Raises NotFound, Gone, Conflict."""
    older, newer = (queries.shown(work, actor, each) for each in (older_id, newer_id))
    if older.dataset_id != newer.dataset_id:
        raise NotFound(
            Text(
                "两个版本不属于同一数据集，无法比较。",
                "The two releases are not of one dataset, so they cannot be compared.",
            )
        )
    for row in (older, newer):
        if row.sha256 is None or row.retired_at is not None:
            raise Conflict(
                Text(
                    f"第 {row.number} 版没有可比较的文件（未发布成功或已退役）。",
                    f"Release {row.number} has no file to compare (not published, or retired).",
                )
            )
    key = tuple(column.name for column in catalog.dictionary(work, newer.dataset_id) if column.primary)
    kept = work.db.get(ReleaseDiffRow, (older.id, newer.id))
    job = work.db.get(JobRow, kept.job_id) if kept and kept.job_id else None
    if kept is not None and kept.counts is not None and kept.counts["key"] != list(key):
        kept = None  # the dictionary names another key since
    return Pair(older, newer, key, kept, job, _shows_values(work, actor, older, newer))


def _shows_values(work: Work, actor: Actor, *pair: ReleaseRow) -> bool:
    return all(actor.may_in(TAKE, row.org_id) or access.may_flow(work, row.id) for row in pair)


def difference(
    reading: Callable[[], AbstractContextManager[Work]],
    files: FileStore,
    settings: Settings,
    actor: Actor,
    older_id: str,
    newer_id: str,
) -> DiffRead:
    """What is known of the difference; small releases are compared on the spot, for large ones `ask` is needed first."""
    with reading() as work:
        pair = pair_of(work, actor, older_id, newer_id)
    if pair.kept is not None and pair.kept.counts is not None:
        return _read(pair, "ready", Difference(pair.kept.counts, pair.kept.sample or []))
    if pair.is_small:
        return _read(pair, "ready", _at_once(files, settings, pair))
    if pair.job is None or pair.job.state == JobState.DONE:
        return _read(pair, "not-made")
    return _read(pair, "failed" if pair.job.state in FINAL else "making")


def _at_once(files: FileStore, settings: Settings, pair: Pair) -> Difference:
    """One at a time in a process, so that visitors cannot fill the memory. Raises TooMany while others wait long."""
    if not _turn.acquire(timeout=_WAIT_S):
        raise TooMany(
            Text(
                "正在比较的版本较多，请稍后再试。",
                "Several releases are being compared; try again in a moment.",
            )
        )
    try:
        with tempfile.TemporaryDirectory(dir=settings.scratch_dir) as room:
            limit = min(settings.memory_limit_mb, _AT_ONCE_MB)
            return made(files, pair.older, pair.newer, pair.key, limit, Path(room))
    finally:
        _turn.release()


def made(
    files: FileStore, older: ReleaseRow, newer: ReleaseRow, key: tuple[str, ...], memory_mb: int, room: Path
) -> Difference:
    """The difference itself. Hold no transaction meanwhile."""
    from datasets.releases.diff import compare

    before, after = (whole_lately(files, str(row.sha256)) for row in (older, newer))
    return compare(before, after, key, memory_limit_mb=memory_mb, scratch=room)


def ask(work: Work, actor: Actor, older_id: str, newer_id: str) -> DiffRead:
    """Have two large releases compared by a job. Asked for twice, it is made once."""
    pair = pair_of(work, actor, older_id, newer_id)
    hold(work, f"diff/{older_id}/{newer_id}")
    if pair.kept is not None and pair.kept.counts is not None:
        return _read(pair, "ready", Difference(pair.kept.counts, pair.kept.sample or []))
    if pair.job is None or pair.job.state in FINAL:
        payload = {"older": older_id, "newer": newer_id, "key": list(pair.key)}
        job_id = jobs.ask_for(
            work,
            JOB,
            f"release/{newer_id}",
            requested_by=actor.account_id,
            org_id=pair.newer.org_id,
            payload=payload,
        )
        row = work.db.get(ReleaseDiffRow, (older_id, newer_id))
        row = row or ReleaseDiffRow(older_id=older_id, newer_id=newer_id, dataset_id=pair.newer.dataset_id)
        row.job_id, row.counts, row.sample = job_id, None, None
        work.db.add(row)
        audit.record(
            work, actor, "release.compared", subject=newer_id, payload={"with": older_id, "job": job_id},
            dataset_id=pair.newer.dataset_id,
        )  # fmt: skip
        return _read(pair, "making").model_copy(update={"job_id": job_id})
    return _read(pair, "making")


def keep(work: Work, payload: Mapping[str, Any], found: Difference) -> None:
    """Keep what the job found."""
    row = work.db.get_one(ReleaseDiffRow, (str(payload["older"]), str(payload["newer"])))
    row.counts, row.sample, row.made_at = found.counts, found.sample, work.now
    work.db.add(row)


def _read(pair: Pair, state: str, found: Difference | None = None) -> DiffRead:
    changes = rules.changes(shape.shape_of_release(pair.older), shape.shape_of_release(pair.newer))
    return DiffRead(
        dataset_id=DatasetId(pair.newer.dataset_id),
        state=state,
        older=_side(pair.older),
        newer=_side(pair.newer),
        job_id=JobId(pair.job.id) if pair.job else None,
        shows_values=pair.shows_values,
        counts=found.counts if found else None,
        sample=found.sample if found and pair.shows_values else [],
        changes=[change.as_json() for change in changes],
    )


def _side(row: ReleaseRow) -> DiffSide:
    return DiffSide(id=ReleaseId(row.id), number=row.number, semver=shape.version_of(row), rows=row.rows)
