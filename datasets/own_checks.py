"""The facts that own checks look at, of a batch or of a release. Cheap: no file is read for them.

A release's bytes are read whole by the job that checks the store (`store.scrub`); what it noted last is taken from its result.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlmodel import col, select

from catalog import queries as records
from catalog import service as catalog
from catalog.workflow import State
from core.errors import NotFound
from core.files import FileStore
from core.jobs import JobRow
from core.work import Work
from datasets.batches.tables import BatchRow
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC, ReleaseState
from quality.checks import Checked, Facts, Standing, checked

SCRUB = "store.scrub"
_OPEN = frozenset({"U", "C"})
_SHARED = frozenset({"1", "2"})


@dataclass(frozen=True, slots=True)
class Record:
    """What is the same for every table of a dataset."""

    dictionary: dict[str, bool]
    offered: bool
    licence: bool
    contact: bool
    damaged: frozenset[str]


def record_of(work: Work, dataset_id: str) -> Record:
    row = records.by_id(work, dataset_id)
    words = {
        each.name: bool((each.title_zh or each.title_en) and each.type)
        for each in catalog.dictionary(work, dataset_id)
    }
    is_offered = row.open_type in _OPEN or row.share_type in _SHARED or row.auth_op_scope in ("yes", "negotiable")  # fmt: skip
    return Record(
        words, row.state == State.PUBLISHED and is_offered, bool(row.license_id), bool(row.contact), _damaged(work)
    )  # fmt: skip


def of_batch(record: Record, batch: BatchRow) -> list[Checked]:
    """Of a batch that is no release: whether it can be had cannot be asked yet."""
    columns = [each["name"] for each in batch.intake["columns"]] if batch.intake else []
    return checked(Facts(columns, record.dictionary))


def of_release(
    record: Record, row: ReleaseRow, files: FileStore | None = None, *, as_current: bool = False
) -> list[Checked]:
    """files: looked at for presence and size where given. as_current: as it stood while it was the current release."""
    columns = [name for each in row.columns for name in each.get("derived_from", [each["name"]])]
    standing = Standing(
        stored=None if files is None else _is_stored(files, row), sound=row.sha256 not in record.damaged,
        offered=record.offered, current=as_current or row.state == ReleaseState.PUBLISHED,
        licence=record.licence, contact=record.contact,
    )  # fmt: skip
    return checked(Facts(columns, record.dictionary, standing))


def made_of(work: Work, verdict_id: str) -> ReleaseRow | None:
    """The release that was published by this verdict."""
    wanted = select(ReleaseRow).where(ReleaseRow.verdict_id == verdict_id, col(ReleaseRow.state).in_(PUBLIC))
    return work.db.exec(wanted.order_by(col(ReleaseRow.number).desc())).first()


def _is_stored(files: FileStore, row: ReleaseRow) -> bool:
    try:
        return row.sha256 is not None and files.size_and_age(row.sha256)[0] == row.size_bytes
    except NotFound:
        return False


def _damaged(work: Work) -> frozenset[str]:
    wanted = select(JobRow.result).where(JobRow.kind == SCRUB, col(JobRow.result).is_not(None))
    found = work.db.exec(wanted.order_by(col(JobRow.ended_at).desc()).limit(1)).first()
    return frozenset(json.loads(found).get("damaged", ())) if found else frozenset()
