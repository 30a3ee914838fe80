"""Suites before they bind: proposed from a batch, tried on a batch. Nothing here judges or saves anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auth import audit
from auth.actor import Actor
from auth.asset import Asset
from catalog import service as catalog
from catalog.assets import asset
from core import jobs
from core.errors import Conflict, InputRefused, NotFound
from core.files import FileStore
from core.jobs import JobRead, JobRow
from core.text import Text
from core.work import Work
from datasets.batches import queries
from datasets.batches.tables import BatchRow
from datasets.intake.dictionary import Dictionary
from datasets.intake.reader import read_table
from datasets.references import refuse_unreadable
from quality.profile import propose
from quality.suite import Suite

WRITE: Final = "quality:suite:write"
TRY: Final = "suite.try"
_OFFERED: Final = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a proposal is made from: a typed table and what the dictionary says of its columns."""

    table: Path
    columns: list[dict[str, Any]]
    name: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A suite on trial: the job that runs it, the suite as it was then, and the batch it runs over.

    note, seen: what its writer had typed as reason, and the version that was changed, for going on with it.
    """

    job: JobRead
    suite: dict[str, Any]
    batch_id: str
    note: str
    seen: int | None


def writable(work: Work, actor: Actor, dataset_id: str) -> Asset:
    """The dataset, if the actor may write its suite. Raises NotFound."""
    held = asset(work, dataset_id)
    if not actor.may_in(WRITE, held.org_id):
        raise NotFound(
            Text(
                f"{dataset_id} 的规则集不在您可编辑的范围内。",
                f"The suite of {dataset_id} is not yours to change.",
            )
        )
    return held


def sample_of(
    work: Work, actor: Actor, files: FileStore, dataset_id: str, batch_id: str | None = None
) -> Sample:
    """The named batch, or the newest that was typed. Raises NotFound, Conflict."""
    held = writable(work, actor, dataset_id)
    row = _typed(work, actor, dataset_id, batch_id)
    columns = [column.model_dump() for column in catalog.dictionary(work, dataset_id)]
    return Sample(files.path(str(row.typed_sha256)), columns, held.dataset_id)


def proposal(sample: Sample) -> Suite:
    """Takes seconds on large tables; hold no transaction meanwhile."""
    return propose(sample.table, sample.columns, name=sample.name)


def proposal_for_file(source: Path, room: Path, dictionary: Dictionary | None = None) -> Suite:
    """A suite for a file that no dataset knows yet. room: a folder for the typed table."""
    if not source.is_file():
        raise InputRefused(
            Text(f"找不到文件 {source}；请检查路径。", f"There is no file {source}; check the path.")
        )
    table = room / "table.parquet"
    read_table(source, table, dictionary=dictionary)
    known = [column.model_dump() for column in dictionary.columns] if dictionary else []
    return propose(table, known, name=source.stem)


def typed_batches(work: Work, actor: Actor, dataset_id: str) -> list[tuple[str, Text]]:
    """The newest batches that a suite can be tried on, with their names."""
    found = queries.batches(work, actor, dataset_id=dataset_id, size=_OFFERED).items
    return [
        (each.id, Text(f"第 {each.number} 批 {each.name}", f"Batch {each.number} {each.name}"))
        for each in found
        if each.rows is not None
    ]


def ask_to_try(
    work: Work,
    actor: Actor,
    dataset_id: str,
    suite: Suite,
    batch_id: str | None = None,
    *,
    note: str = "",
    seen: int | None = None,
) -> JobRead:
    """Ask for a dry run over a typed batch; its result says what the suite would have found, and binds nothing."""
    held = writable(work, actor, dataset_id)
    refuse_unreadable(work, held, suite)
    row = _typed(work, actor, dataset_id, batch_id)
    payload: dict[str, Any] = {"dataset_id": dataset_id, "batch_id": row.id, "suite": suite.as_json()}
    payload |= {"note": note, "seen": seen}
    job_id = jobs.ask_for(
        work, TRY, _subject(dataset_id), requested_by=actor.account_id, org_id=held.org_id, payload=payload
    )
    audit.record(
        work, actor, "suite.tried", subject=job_id, dataset_id=dataset_id,
        payload={"batch": row.id, "rules": len(suite.expectations)},
    )  # fmt: skip
    return jobs.read(jobs.job(work, job_id))


def trial(work: Work, actor: Actor, dataset_id: str, job_id: str) -> Trial:
    """A trial of this dataset's suite. Raises NotFound."""
    writable(work, actor, dataset_id)
    row = work.db.get(JobRow, job_id)
    if row is None or row.kind != TRY or row.subject != _subject(dataset_id):
        raise NotFound(Text("没有这次试跑。", "There is no such trial."))
    payload = json.loads(row.payload)
    return Trial(jobs.read(row), payload["suite"], payload["batch_id"], payload["note"], payload["seen"])


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
