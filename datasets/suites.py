"""Suites before they bind: proposed from a batch, tried on batches and old releases. Nothing here judges or saves anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlmodel import select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset, out_of_reach
from catalog import service as catalog
from catalog.assets import asset
from core import jobs
from core.errors import Conflict, InputRefused, NotFound
from core.files import FileStore
from core.jobs import JobRead, JobRow, JobState
from core.text import Text, number_of
from core.work import Work
from datasets.batches import queries
from datasets.batches.tables import BatchRow
from datasets.intake.dictionary import Dictionary
from datasets.references import frequency, refuse_unreadable
from datasets.releases import queries as releases
from datasets.releases.tables import ReleaseRow
from quality.profile import propose
from quality.suite import Suite

WRITE: Final = "quality:suite:write"
TRY: Final = "suite.try"
PREVIEW: Final = "suite.preview"
RELEASE: Final = "release:"
ALL_RELEASES: Final = "releases"
MOST_RELEASES: Final = 5
_OFFERED: Final = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a proposal is made from: a typed table, what the dictionary says of its columns, and whether it comes by a limit of time."""

    table: Path
    columns: list[dict[str, Any]]
    name: str
    paced: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A suite on trial: the job that runs it, the suite as it was then, and what it runs over (a choice of `targets`).

    note, seen: what its writer had typed as reason, and the version that was changed, for going on with it.
    """

    job: JobRead
    suite: dict[str, Any]
    target: str
    note: str
    seen: int | None


@dataclass(frozen=True, slots=True)
class On:
    """What a dry run runs over. target: the choice by which the editor names it; runs: batches, and the releases made of them."""

    target: str
    runs: list[dict[str, str | None]]


def writable(work: Work, actor: Actor, dataset_id: str) -> Asset:
    """The dataset, if the actor may write its suite. Raises NotFound."""
    held = asset(work, dataset_id)
    if not actor.may_in(WRITE, held.org_id):
        raise out_of_reach(
            held,
            Text(
                f"{dataset_id} 的规则集不在您可编辑的范围内。",
                f"The suite of {dataset_id} is not yours to change.",
            ),
        )
    return held


def sample_of(
    work: Work, actor: Actor, files: FileStore, dataset_id: str, batch_id: str | None = None
) -> Sample:
    """The named batch, or the newest that was typed. Raises NotFound, Conflict."""
    held = writable(work, actor, dataset_id)
    row = _typed(work, actor, dataset_id, batch_id)
    columns = [column.model_dump() for column in catalog.dictionary(work, dataset_id)]
    paced = frequency(work, dataset_id).max_age is not None
    return Sample(files.path(str(row.typed_sha256)), columns, held.dataset_id, paced)


def proposal(sample: Sample) -> Suite:
    """Takes seconds on large tables; hold no transaction meanwhile."""
    return propose(sample.table, sample.columns, name=sample.name, paced=sample.paced)


def proposal_for_file(
    source: Path, room: Path, dictionary: Dictionary | None = None, often: str = ""
) -> Suite:
    """A suite for a file that no dataset knows yet. room: a folder for the typed table; often: the update frequency, a code
    of `update_freq` or an ISO 8601 interval, by which freshness is proposed too. Raises InputRefused."""
    from datasets.intake.partners import frequency_of
    from datasets.intake.reader import read_table

    pace = frequency_of(often)

    if not source.is_file():
        raise InputRefused(
            Text(f"找不到文件 {source}；请检查路径。", f"There is no file {source}; check the path.")
        )
    table = room / "table.parquet"
    read_table(source, table, dictionary=dictionary)
    known = [column.model_dump() for column in dictionary.columns] if dictionary else []
    return propose(table, known, name=source.stem, paced=pace is not None and pace.max_age is not None)


def typed_batches(work: Work, actor: Actor, dataset_id: str) -> list[tuple[str, Text]]:
    """The newest batches that a suite can be tried on, with their names."""
    found = queries.batches(work, actor, dataset_id=dataset_id, size=_OFFERED).items
    return [
        (each.id, Text(f"第 {each.number} 批 {each.name}", f"Batch {each.number} {each.name}"))
        for each in found
        if each.rows is not None
    ]


def old_releases(work: Work, dataset_id: str) -> list[ReleaseRow]:
    """The releases that a suite can be tried on, newest first."""
    return [row for row in releases.releases_of(work, dataset_id) if releases.is_deliverable(row)]


def targets(work: Work, actor: Actor, dataset_id: str) -> list[tuple[str, Text]]:
    """All that a suite can be tried on, as the editor's menu names it: batches, releases, the last few releases at once."""
    published = old_releases(work, dataset_id)
    found = typed_batches(work, actor, dataset_id)
    found += [
        (f"{RELEASE}{row.id}", Text(f"已发布的第 {row.number} 版", f"Release {row.number}"))
        for row in published[:_OFFERED]
    ]
    if len(published) > 1:
        several = min(len(published), MOST_RELEASES)
        found.append(
            (ALL_RELEASES, Text(f"最近 {several} 个版本", f"The last {number_of(several, 'releases')}"))
        )
    return found


def chosen(work: Work, actor: Actor, dataset_id: str, target: str) -> On:
    """What a choice of the menu means; an empty one is the newest batch."""
    if target == ALL_RELEASES:
        return on_releases(work, actor, dataset_id, MOST_RELEASES)
    if target.startswith(RELEASE):
        return on_release(work, actor, dataset_id, target.removeprefix(RELEASE))
    return on_batch(work, actor, dataset_id, target or None)


def on_batch(work: Work, actor: Actor, dataset_id: str, batch_id: str | None = None) -> On:
    """That batch, else the newest that was read. Raises NotFound, Conflict."""
    row = _typed(work, actor, dataset_id, batch_id)
    return On(row.id, [{"batch_id": row.id, "release_id": None}])


def on_release(work: Work, actor: Actor, dataset_id: str, release_id: str) -> On:
    """What was published as that release. Raises NotFound."""
    writable(work, actor, dataset_id)
    for row in old_releases(work, dataset_id):
        if row.id == release_id:
            return On(f"{RELEASE}{row.id}", [{"batch_id": row.batch_id, "release_id": row.id}])
    raise NotFound(Text("该数据集没有这个可试跑的版本。", "This dataset has no such release to try on."))


def on_releases(work: Work, actor: Actor, dataset_id: str, count: int) -> On:
    """The last `count` releases, newest first. Raises Conflict when there is none."""
    writable(work, actor, dataset_id)
    found = old_releases(work, dataset_id)[:count]
    if not found:
        raise Conflict(
            Text(
                f"{dataset_id} 还没有已发布的版本；请改在批次上试跑。",
                f"{dataset_id} has no release yet; try the suite on a batch.",
            )
        )
    return On(ALL_RELEASES, [{"batch_id": row.batch_id, "release_id": row.id} for row in found])


def ask_to_try(
    work: Work,
    actor: Actor,
    dataset_id: str,
    suite: Suite,
    on: On,
    *,
    note: str = "",
    seen: int | None = None,
) -> JobRead:
    """Ask for a dry run over what is there; its result says what the suite would have found, and binds nothing."""
    job_id = _ask(work, actor, TRY, dataset_id, suite, on, note=note, seen=seen)
    audit.record(
        work, actor, "suite.tried", subject=job_id, dataset_id=dataset_id,
        payload={"on": on.runs, "rules": len(suite.expectations)},
    )  # fmt: skip
    return jobs.read(jobs.job(work, job_id))


def ask_to_preview(work: Work, actor: Actor, dataset_id: str, rule: Suite, on: On) -> JobRead:
    """Ask what one rule would find while it is being written. Whatever its writer asked before and nobody has begun yet
    is taken back. Not in the audit record: it reads counts of what its asker may read anyway, many times a minute."""
    mine = select(JobRow).where(
        JobRow.kind == PREVIEW, JobRow.requested_by == actor.account_id, JobRow.state == JobState.QUEUED
    )
    for earlier in work.db.exec(mine):
        earlier.cancel_requested = True
        work.db.add(earlier)
    return jobs.read(jobs.job(work, _ask(work, actor, PREVIEW, dataset_id, rule, on)))


def preview(work: Work, actor: Actor, dataset_id: str, job_id: str) -> JobRead:
    """A preview of this dataset's suite that the actor asked for. Raises NotFound."""
    writable(work, actor, dataset_id)
    row = work.db.get(JobRow, job_id)
    is_his = row is not None and row.kind == PREVIEW and row.requested_by == actor.account_id
    if row is None or not is_his or row.subject != _subject(dataset_id):
        raise NotFound(Text("没有这次预览。", "There is no such preview."))
    return jobs.read(row)


def _ask(work: Work, actor: Actor, kind: str, dataset_id: str, suite: Suite, on: On, **more: object) -> str:
    held = writable(work, actor, dataset_id)
    refuse_unreadable(work, held, suite)
    payload: dict[str, Any] = {
        "dataset_id": dataset_id,
        "target": on.target,
        "runs": on.runs,
        "suite": suite.as_json(),
    }
    return jobs.ask_for(
        work,
        kind,
        _subject(dataset_id),
        requested_by=actor.account_id,
        org_id=held.org_id,
        payload=payload | more,
    )


def trial(work: Work, actor: Actor, dataset_id: str, job_id: str) -> Trial:
    """A trial of this dataset's suite. Raises NotFound."""
    writable(work, actor, dataset_id)
    row = work.db.get(JobRow, job_id)
    if row is None or row.kind != TRY or row.subject != _subject(dataset_id):
        raise NotFound(Text("没有这次试跑。", "There is no such trial."))
    payload = json.loads(row.payload)
    return Trial(jobs.read(row), payload["suite"], payload["target"], payload["note"], payload["seen"])


def _subject(dataset_id: str) -> str:
    return f"suite/{dataset_id}"


def _typed(work: Work, actor: Actor, dataset_id: str, batch_id: str | None) -> BatchRow:
    if batch_id is None:
        offered = typed_batches(work, actor, dataset_id)
        if not offered:
            raise Conflict(
                Text(
                    f"{dataset_id} 还没有读取成功的批次；请先提交一个文件。",
                    f"{dataset_id} has no batch that was read yet; hand a file in first.",
                )
            )
        batch_id = offered[0][0]
    row = queries.batch(work, actor, batch_id)
    if row.dataset_id != dataset_id:
        raise NotFound(
            Text("该数据集没有这个批次。", "This dataset has no such batch; look for it in the list.")
        )
    if row.typed_sha256 is None:
        raise Conflict(
            Text(
                f"第 {row.number} 批没有读取成功，无法在其上试跑；请选择另一批次。",
                f"Batch {row.number} could not be read, so nothing can be tried on it; choose another.",
            )
        )
    return row
