"""Great Expectations' Data Docs of a batch's verdict, made on request and handed out as a file. Never shown as a page of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from core import jobs
from core.errors import AccessRefused, NotFound, Reason
from core.jobs import JobRead, JobRow, JobState
from core.text import Text
from core.work import Work
from datasets import verdicts
from datasets.verdicts import Seen

KIND: Final = "verdict.docs"


@dataclass(frozen=True, slots=True)
class Site:
    """A zip that may be sent now."""

    sha256: str
    filename: str


def request(work: Work, actor: Actor, batch_id: str) -> JobRead:
    """Have the site made. It holds examples, so only who may see single values may ask."""
    return ask(work, actor, _allowed(work, actor, batch_id), KIND, "verdict.docs_requested")


def ask(work: Work, actor: Actor, seen: Seen, kind: str, noted: str) -> JobRead:
    """A job of this kind over one verdict of a batch, written down as `noted`."""
    job_id = jobs.ask_for(
        work, kind, f"batch/{seen.batch.id}", requested_by=actor.account_id, org_id=seen.batch.org_id,
        payload={"batch_id": seen.batch.id, "verdict_id": seen.read.id},
    )  # fmt: skip
    audit.record(
        work, actor, noted, subject=seen.read.id, dataset_id=seen.read.dataset_id,
        payload={"batch": seen.batch.id, "job": job_id},
    )  # fmt: skip
    return jobs.read(jobs.job(work, job_id))


def latest(work: Work, seen: Seen, kind: str = KIND) -> JobRead | None:
    """The newest job for this very verdict, whatever became of it."""
    wanted = select(JobRow).where(JobRow.kind == kind, JobRow.subject == f"batch/{seen.batch.id}")
    for row in work.db.exec(wanted.order_by(col(JobRow.id).desc()).limit(20)):
        if json.loads(row.payload)["verdict_id"] == seen.read.id:
            return jobs.read(row)
    return None


def take(work: Work, actor: Actor, batch_id: str) -> Site:
    """The zip of the batch's verdict, written down before it leaves. Raises NotFound while there is none."""
    seen = _allowed(work, actor, batch_id)
    job = latest(work, seen)
    if job is None or job.state is not JobState.DONE or job.result is None:
        raise NotFound(
            Text(
                "还没有为此结论生成 Data Docs；请先请求生成。",
                "No Data Docs were made for this verdict yet; ask for them first.",
            )
        )
    audit.record(
        work, actor, "verdict.docs_downloaded", subject=seen.read.id, dataset_id=seen.read.dataset_id,
        payload={"batch": batch_id, "sha256": job.result["sha256"]},
    )  # fmt: skip
    return Site(str(job.result["sha256"]), f"{seen.read.dataset_id}-batch{seen.batch.number}-data-docs.zip")


def _allowed(work: Work, actor: Actor, batch_id: str) -> Seen:
    seen = verdicts.of_batch(work, actor, batch_id)
    if not seen.sight.values:
        text = Text(
            "Data Docs 含有数据的例子，您不能查看该数据的单个数值。",
            "Data Docs hold examples of the data, whose single values you may not see.",
        )
        raise AccessRefused(text, reasons=[Reason("values-withheld", text, "docs/quality.md")])
    return seen
