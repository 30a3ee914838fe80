"""What callers send about waivers and what we promise to answer."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from core.ids import DatasetId, OrgId
from datasets.batches.models import Command, Who
from datasets.waivers.workflow import WaiverState


class WaiverCreate(SQLModel):
    """Sign a waiver: this rule of this dataset may fail until `valid_to`, at most so many rows or this share of them.

    `rule_key`: the rule's `meta.rule_id`, or the key that tickets and `GET /waivers/rules` show.
    """

    model_config = {"extra": "forbid"}

    dataset_id: DatasetId
    rule_key: str = Field(max_length=120)
    reason: str = Field(max_length=2000)
    valid_to: date
    max_count: int | None = Field(default=None, ge=1)
    max_share: float | None = Field(default=None, gt=0, le=1)
    ticket_id: str | None = None


class WaiverNote(SQLModel):
    """A signed note; `version` is the waiver's version that the signer saw."""

    model_config = {"extra": "forbid"}

    note: str = Field(default="", max_length=2000)
    version: int | None = None


class WaiverRead(SQLModel):
    """A waiver; `standing` is what it counts for now: proposed, effective, expired, refused or revoked."""

    id: str
    dataset_id: DatasetId
    org_id: OrgId
    ticket_id: str | None
    rule_key: str
    rule_type: str
    rule_zh: str
    rule_en: str
    severity: str
    reason: str
    max_count: int | None
    max_share: float | None
    valid_to: date
    state: WaiverState
    standing: str
    signed: Who
    signed_at: datetime
    seconded: Who | None
    seconded_at: datetime | None
    second_note: str
    ended: Who | None
    ended_at: datetime | None
    ended_note: str
    version: int


class WaiverDetail(WaiverRead):
    """`used_by`: batches that passed under it, with the releases made of them."""

    used_by: list[dict[str, str | int | None]]
    commands: list[Command]


class RuleToWaive(SQLModel):
    """A rule of the suite in force, and whether it may be waived at all."""

    rule_key: str
    rule_zh: str
    rule_en: str
    severity: str
    may_be_waived: bool
