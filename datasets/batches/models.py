"""What callers send about batches and what we promise to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlmodel import Field, SQLModel

from core.ids import BatchId, DatasetId, JobId, OrgId
from datasets.batches.workflow import BatchState
from datasets.intake.dictionary import FileFormat, Quote, Zone
from datasets.intake.header_rows import MOST_TOLD


class IntakeOptions(SQLModel):
    """How a file shall be read; a key left out is taken from the dataset's layout, or detected.

    sheet: a name, or a number from 1. header_line: 0 says that there is none. header_rows: how many
    lines, `header_line` being the last, make up the header. delimiter: a line feed says that lines
    are not split. member: of an archive; a pattern (`*`, `*.csv`) reads several as one table, and `fill_missing` leaves
    empty what one of them lacks. zone: of times without an offset in a column where others carry one; `written`: left as they are.
    """

    model_config = {"extra": "forbid"}

    null_values: list[str] | None = Field(default=None, max_length=100)
    header_line: int | None = Field(default=None, ge=0, le=1_000_000)
    header_rows: int | None = Field(default=None, ge=1, le=MOST_TOLD)
    sheet: str | int | None = None
    member: str | None = Field(default=None, max_length=1000)
    fill_missing: bool | None = None
    encoding: str | None = Field(default=None, max_length=40)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    format: FileFormat | None = Field(default=None, sa_type=String)
    quote: Quote | None = Field(default=None, sa_type=String)
    zone: Zone | None = Field(default=None, sa_type=String)


class Note(SQLModel):
    """A signed note; `version` is the batch's version that the signer saw."""

    model_config = {"extra": "forbid"}

    note: str = Field(max_length=2000)
    version: int | None = None


class Split(SQLModel):
    """Which dataset each member of an archive is handed in for. `again`: also where the dataset has that member already."""

    model_config = {"extra": "forbid"}

    tables: dict[str, str] = Field(min_length=1)
    again: bool = False
    version: int | None = None


class Who(SQLModel):
    """A person as he was at the time."""

    account_id: str
    person_id: str
    username: str
    name: dict[str, str]
    org_id: str | None


class BatchRead(SQLModel):
    """A batch in a list, and the receipt: `id`, `sha256` and `size_bytes` name what was taken in, byte for byte.
    `member`: what of an archive it is; `split_from`: the batch of the whole archive, handed in once. `scan`: what the malware scanner said of
    these bytes before they were taken in (`clean`), or that they were not shown to one (`not_scanned`); empty where an earlier version took them in."""

    id: BatchId
    dataset_id: DatasetId
    org_id: OrgId
    number: int
    name: str
    sha256: str
    size_bytes: int
    state: BatchState
    corrects: BatchId | None
    is_row_correction: bool
    split_from: BatchId | None
    member: str | None
    submitted: Who
    submitted_at: datetime
    scan: str
    scanned_at: datetime | None
    job_id: JobId | None
    rows: int | None
    untyped_cells: int | None
    verdict: str | None
    suite_number: int | None
    version: int


class Receipts(SQLModel):
    """One receipt for each batch."""

    items: list[BatchRead]


class Command(SQLModel):
    """A step that this reader may or may not take now; `reasons` say why not."""

    step: str
    allowed: bool
    reasons: list[dict[str, str]]


class SameBytes(SQLModel):
    """Another batch of the dataset that holds the very same bytes."""

    id: BatchId
    number: int
    name: str


class ListedMember(SQLModel):
    """A member of an archive. `columns` is None where they were not looked at; `refused` says why it cannot be read."""

    name: str
    bytes: int
    format: str | None
    columns: list[str] | None
    refused: dict[str, str] | None


class BatchDetail(BatchRead):
    """Everything about one batch. `intake` is how the file was read; `doubts` are the conclusions about it that a
    person should look at; `choices` the members an archive leaves to choose from, `members` each with its size, format and columns; `outcomes` what each expectation found;
    `untyped_sha256`: the list of cells that do not fit their types, where there are any. `may_take`: whether this reader may have the rows themselves, without which single values of sensitive data are left out."""

    options: dict[str, Any]
    intake: dict[str, Any] | None
    doubts: list[dict[str, Any]]
    choices: list[str]
    members: list[ListedMember]
    members_total: int
    same_bytes: list[SameBytes]
    typed_sha256: str | None
    content_sha256: str | None
    verdict_id: str | None
    outcomes: list[dict[str, Any]]
    problem: dict[str, Any] | None
    confirmed: Who | None
    confirmed_at: datetime | None
    confirmed_note: str
    waivers: list[dict[str, Any]]
    closed: Who | None
    closed_at: datetime | None
    closed_note: str
    corrected_by: list[BatchId]
    parts: list[BatchRead]
    release_id: str | None
    may_take: bool
    untyped_sha256: str | None
    commands: list[Command]
