"""Every failing row of a batch's verdict as a file: asked for, made by a job, taken by those who correct the data."""

from __future__ import annotations

from typing import Final, Literal

from auth import audit
from auth.actor import Actor
from core.errors import AccessRefused, Conflict, NotFound, Reason
from core.jobs import JobRead, JobState
from core.text import Text
from core.work import Work
from datasets import verdict_docs, verdicts
from datasets.releases.access import Parcel
from datasets.verdicts import Seen

KIND: Final = "verdict.failing"
Form = Literal["parquet", "csv"]
_KINDS: Final[dict[Form, tuple[str, str]]] = {
    "parquet": ("sha256", "application/vnd.apache.parquet"),
    "csv": ("csv_sha256", "text/csv; charset=utf-8"),
}


def request(work: Work, actor: Actor, batch_id: str) -> JobRead:
    """Have the list made. It holds values of whole columns, so only who may take the batch's rows may ask."""
    seen = _allowed(work, actor, batch_id)
    if seen.stored.content_sha256 != seen.batch.content_sha256:
        text = Text(
            "该批次在此结论之后已重新读取；请先重新校验。",
            "The batch was read anew since this verdict; check it again first.",
        )
        raise Conflict(text, reasons=[Reason("verdict-names-other-content", text, "docs/quality.md")])
    return verdict_docs.ask(work, actor, seen, KIND, "verdict.failing_requested")


def latest(work: Work, seen: Seen) -> JobRead | None:
    """The newest job for this very verdict; none for those who may not take rows."""
    return verdict_docs.latest(work, seen, KIND) if seen.sight.rows else None


def take(work: Work, actor: Actor, batch_id: str, form: Form) -> Parcel:
    """The finished list, written down before it leaves. Raises NotFound while there is none."""
    seen = _allowed(work, actor, batch_id)
    job = latest(work, seen)
    if job is None or job.state is not JobState.DONE or job.result is None:
        raise NotFound(
            Text(
                "还没有为此结论生成完整的问题行清单；请先请求生成。",
                "No complete list of failing rows was made for this verdict yet; ask for it first.",
            )
        )
    key, media_type = _KINDS[form]
    sha256 = str(job.result[key])
    audit.record(
        work, actor, "verdict.failing_downloaded", subject=seen.read.id, dataset_id=seen.read.dataset_id,
        payload={"batch": batch_id, "sha256": sha256},
    )  # fmt: skip
    return Parcel(sha256, f"{seen.read.dataset_id}-batch{seen.batch.number}-failing.{form}", media_type)


def _allowed(work: Work, actor: Actor, batch_id: str) -> Seen:
    seen = verdicts.of_batch(work, actor, batch_id)
    if not seen.sight.rows:
        text = Text(
            "完整的问题行清单含有数据的取值，只有本部门可下载该批次数据的人员可以生成。",
            "The complete list of failing rows holds values of the data; only the department's people who may take the batch's rows may have it.",
        )
        raise AccessRefused(text, reasons=[Reason("values-withheld", text, "docs/quality.md")])
    return seen
