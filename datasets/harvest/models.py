"""What callers send about outside catalogues and what we promise to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import SecretStr, field_validator
from sqlmodel import Field, SQLModel

from core.text import Text
from datasets.batches.models import Who
from datasets.harvest.workflow import HarvestState, Result, RunState
from datasets.sources.addresses import address_fault

Form = Literal["ckan", "csw", "csw-3", "oai-pmh", "dcat", "data-us", "data-package", "listing"]
FORM_NAMES: Final = {
    "ckan": Text("CKAN 门户", "CKAN portal"),
    "csw": Text("CSW 2.0.2（ISO 19139）", "CSW 2.0.2 (ISO 19139)"),
    "csw-3": Text("CSW 3.0（ISO 19139）", "CSW 3.0 (ISO 19139)"),
    "oai-pmh": Text("OAI-PMH 2.0（Dublin Core）", "OAI-PMH 2.0 (Dublin Core)"),
    "dcat": Text("DCAT（RDF/XML、Turtle、JSON-LD）", "DCAT (RDF/XML, Turtle, JSON-LD)"),
    "data-us": Text("DCAT-US data.json", "DCAT-US data.json"),
    "data-package": Text("Data Package", "Data Package"),
    "listing": Text("JSON 或 CSV 目录清单", "Plain list, JSON or CSV"),
}


class HarvestCreate(SQLModel):
    """An outside catalogue. `url`: a portal's root for `ckan`, the service's address for `csw` and `oai-pmh`, the document's otherwise. `org_id`: the department that answers for it here."""

    model_config = {"extra": "forbid"}
    title: str = Field(min_length=2, max_length=200)
    org_id: str = Field(max_length=80)
    form: Form
    url: str = Field(max_length=1500)
    header: str | None = Field(default=None, max_length=60, schema_extra={"pattern": r"^[A-Za-z0-9-]+$"})
    secret: SecretStr | None = Field(default=None, max_length=2000)
    schedule: str = Field(default="manual", max_length=60)

    @field_validator("title")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("须为一行可见文字 / must be one line of visible text")
        return value.strip()

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if fault := address_fault(value.strip()):
            raise ValueError(f"{fault.zh} / {fault.en}")
        return value.strip()


class RunAsk(SQLModel):
    """`dry`: only tell what would change. `let_go`: take all missing records as deleted, however many."""

    model_config = {"extra": "forbid"}
    dry: bool = False
    let_go: bool = False


class HarvestRead(SQLModel):
    """An outside catalogue; its credential is never told."""

    id: str
    title: str
    org_id: str
    form: Form
    url: str
    has_secret: bool
    schedule: str
    state: HarvestState
    due_at: datetime | None
    failures: int
    proposed: Who
    approved: Who | None
    open_run: str | None
    created_at: datetime
    records: int


class HarvestRunRead(SQLModel):
    """One harvest with its counts by result."""

    id: str
    source_id: str
    job_id: str | None
    is_dry: bool
    asked_by: Who | None
    asked_at: datetime
    ended_at: datetime | None
    state: RunState
    said: dict[str, str] | None
    counts: dict[str, int]


class HarvestItemRead(SQLModel):
    """What became of one record. `changes`: field → [before, after]."""

    place: int
    identifier: str
    title: str
    result: Result
    dataset_id: str | None
    why: dict[str, str] | None
    changes: dict[str, Any] | None
