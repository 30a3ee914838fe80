"""What callers send and see of extracts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlmodel import SQLModel

from auth.policy.filters.model import RowFilter
from auth.policy.model import EXTRACT_FORMS, DeliveryForm
from core.ids import DatasetId, ExtractId, GrantId
from core.text import Text


class ExtractState(StrEnum):
    BUILDING = "building"
    IN_REVIEW = "in_review"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


STATE_NAMES: Final[dict[ExtractState, Text]] = {
    ExtractState.BUILDING: Text("生成中", "Being made"),
    ExtractState.IN_REVIEW: Text("待出域审核", "Waits for output review"),
    ExtractState.READY: Text("可下载", "Ready"),
    ExtractState.FAILED: Text("未生成", "Not made"),
    ExtractState.REFUSED: Text("不予出域", "Must not leave"),
    ExtractState.WITHDRAWN: Text("已撤回", "Withdrawn"),
}


def _of_files(form: DeliveryForm) -> DeliveryForm:
    if form not in EXTRACT_FORMS:
        raise ValueError(f"no file: {form}; one of {', '.join(sorted(EXTRACT_FORMS))}")
    return form


FileForm = Annotated[DeliveryForm, AfterValidator(_of_files)]


class ExtractCreate(BaseModel):
    """A request to take data out under one grant. `release_id` empty means the current release; no `columns` means all granted."""

    model_config = ConfigDict(extra="forbid")
    grant_id: GrantId
    release_id: str | None = None
    columns: list[str] = Field(default=[], max_length=2000)
    filter: RowFilter | None = None
    purpose: str = Field(min_length=1, max_length=80)
    scenario_id: str = Field(min_length=1, max_length=80)
    form: FileForm = DeliveryForm.EXTRACT_PARQUET


class PlannedColumn(SQLModel):
    """A column as it would leave."""

    name: str
    use: str
    mask: dict[str, Any] | None


class PlanRead(SQLModel):
    """What a request would deliver, or every reason why it is refused. `marks`: columns whose values may be off, and by how much.

    `rows_within`: 0 when `rows` is exact; else in what steps it is told, conditions on columns that only filter left open.
    """

    permitted: bool
    reasons: list[dict[str, Any]]
    release_id: str | None
    release_number: int | None
    columns: list[PlannedColumn]
    rows: int | None
    rows_within: int = 0
    rows_in_release: int | None
    size_estimate: int | None = None
    small_cells: dict[str, Any] | None = None
    checkers: int = 0
    marks: dict[str, float] = {}
    quota_left: dict[str, int | None]


class ExtractRead(SQLModel):
    """An extract as its organisation and the auditors see it. `asked_under`: the earlier grant, where it goes on under an amendment."""

    id: ExtractId
    grant_id: GrantId
    asked_under: GrantId | None
    application_id: str
    dataset_id: DatasetId
    release_id: str
    release_number: int
    org_id: str
    requested_by: str
    requested_name: str
    state: ExtractState
    columns: list[str]
    row_filter: dict[str, Any] | None
    purpose: str
    scenario_id: str
    form: DeliveryForm
    policy_hash: str
    job_id: str | None
    rows: int | None
    size_bytes: int | None
    sha256: str | None
    receipt_hash: str | None
    checked_by: int
    failed_zh: str
    failed_en: str
    requested_at: datetime
    ready_at: datetime | None
    downloads: int
    last_download_at: datetime | None
