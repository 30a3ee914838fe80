"""What callers send about portals that we push to and what we promise to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import SecretStr, field_validator
from sqlmodel import Field, SQLModel

from core.text import Text
from datasets.batches.models import Who
from datasets.harvest.workflow import HarvestState, Result, RunState
from datasets.sources.addresses import address_fault

Reach = Literal["all", "department"]
Mode = Literal["all", "leaving", "take-back"]
REACHES: Final = {
    "department": Text("该部门的公开记录", "The department's public records"),
    "all": Text("所有部门的公开记录", "Public records of all departments"),
}
MODES: Final = {
    "all": Text("全部记录", "All records"),
    "leaving": Text("仅撤下", "Only what must leave"),
    "take-back": Text("全部收回", "All taken back"),
}


class PushCreate(SQLModel):
    """A CKAN portal. `url`: its root. `portal_org`: the organisation there, by name or id. `prefix`: before the names of our records
    there. `reach`: whose records. `only_open`: only datasets open without condition; else all public records, whose data stay here."""

    model_config = {"extra": "forbid"}
    title: str = Field(min_length=2, max_length=200)
    org_id: str = Field(max_length=80)
    url: str = Field(max_length=1500)
    portal_org: str = Field(min_length=2, max_length=100, schema_extra={"pattern": r"^[A-Za-z0-9_-]+$"})
    prefix: str = Field(default="", max_length=20, schema_extra={"pattern": r"^[a-z0-9_-]*$"})
    reach: Reach = "department"
    only_open: bool = True
    secret: SecretStr = Field(min_length=1, max_length=2000)
    schedule: str = Field(default="manual", max_length=60)

    @field_validator("title")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("须为一行可见文字 / must be one line of visible text")
        return value.strip()

    @field_validator("url")
    @classmethod
    def _root(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if fault := address_fault(value):
            raise ValueError(f"{fault.zh} / {fault.en}")
        if "?" in value or "{" in value:
            raise ValueError("填门户根地址，不含查询 / give the portal's root, without a query")
        return value

    @field_validator("secret")
    @classmethod
    def _sayable(cls, value: SecretStr) -> SecretStr:
        said = value.get_secret_value()
        if not said.isascii() or not said.isprintable() or " " in said:
            raise ValueError("令牌只能含 ASCII 可见字符 / a token is visible ASCII without blanks")
        return value


class PushAsk(SQLModel):
    """`dry`: only tell what would change. `overwrite`: also where the portal's people changed our records. `take_back`: delete them all there."""

    model_config = {"extra": "forbid"}
    dry: bool = False
    overwrite: bool = False
    take_back: bool = False


class PushRead(SQLModel):
    """A portal; its credential is never told. `records`: ours that stand there; `drifted`: of them changed there since."""

    id: str
    title: str
    org_id: str
    url: str
    portal_org: str
    prefix: str
    reach: Reach
    only_open: bool
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
    drifted: int


class PushRunRead(SQLModel):
    """One push with its counts by result."""

    id: str
    target_id: str
    job_id: str | None
    is_dry: bool
    overwrites: bool
    mode: Mode
    asked_by: Who | None
    asked_at: datetime
    ended_at: datetime | None
    state: RunState
    said: dict[str, str] | None
    counts: dict[str, int]


class PushResultRead(SQLModel):
    """What became of one record. `changes`: field → [there before, there after]; `drift`: field → [sent, found there]."""

    dataset_id: str
    title: str
    name: str
    result: Result
    why: dict[str, str] | None
    changes: dict[str, Any] | None
    drift: dict[str, Any] | None


class PushItemRead(SQLModel):
    """One of our records at a portal. `drift`: what was changed there since it was sent, field → [sent, found there]."""

    dataset_id: str
    portal_id: str
    pushed_at: datetime
    drift: dict[str, Any] | None
