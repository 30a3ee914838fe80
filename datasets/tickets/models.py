"""What callers send about tickets and what we promise to answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from sqlmodel import Field, SQLModel

from core.ids import BatchId, DatasetId, OrgId
from datasets.batches.models import Command, Who
from datasets.tickets.workflow import TicketState


class _Seen(SQLModel):
    """`version` is the ticket's version that the caller saw."""

    model_config = {"extra": "forbid"}

    version: int | None = None


class TicketRemark(SQLModel):
    """A remark beside the course of the ticket: it changes nothing that somebody else could have changed meanwhile."""

    model_config = {"extra": "forbid"}
    note: str = Field(default="", max_length=2000)


class TicketNote(_Seen):
    note: str = Field(default="", max_length=2000)


class TicketAssign(_Seen):
    """To a person (user name), or to a department for whoever takes it there. Without either: to the department itself."""

    org_id: str | None = Field(default=None, max_length=80)
    username: str | None = Field(default=None, max_length=60)
    note: str = Field(default="", max_length=2000)


class TicketAnswer(_Seen):
    """What the department found (校核): corrected elsewhere, right as they are, or impossible to correct; and why."""

    answer: Literal["corrected", "data_right", "cannot"]
    note: str = Field(max_length=2000)


class TicketRead(SQLModel):
    """A ticket in a list. `batch_id` is the batch that failed last; `failing_rows` of `checked_rows` in it."""

    id: str
    number: int
    dataset_id: DatasetId
    org_id: OrgId
    rule_key: str
    rule_zh: str
    rule_en: str
    severity: str
    state: TicketState
    opened_at: datetime
    batch_id: BatchId
    failing_rows: int | None
    checked_rows: int | None
    times: int
    due_on: date
    is_overdue: bool
    assignee_org: OrgId
    assignee: Who | None
    answer: str | None
    answer_note: str
    answered: Who | None
    answered_at: datetime | None
    mended_by: BatchId | None
    closed: Who | None
    closed_at: datetime | None
    previous_id: str | None
    version: int


class TicketEvent(SQLModel):
    """One line of the history; `who` is empty where the service acted."""

    at: datetime
    step: str
    who: Who | None
    note: str
    facts: dict[str, Any]


class FailureRead(SQLModel):
    """One failing batch: settled when `settled` says how (corrected, rejected, signed, waived), open otherwise."""

    batch_id: BatchId
    batch_number: int
    at: datetime
    failing_rows: int | None
    checked_rows: int | None
    followed_by: BatchId | None
    settled: str | None


class TicketDetail(TicketRead):
    """`left_working_days` until due, negative when overdue; `commands`: the steps open to this reader;
    `may_take`: whether this reader may have the failing rows of `batch_id` as a workbook."""

    left_working_days: int
    failures: list[FailureRead]
    history: list[TicketEvent]
    waivers: list[dict[str, Any]]
    commands: list[Command]
    may_take: bool
    may_return: bool
    is_waivable: bool


class FixDecision(SQLModel):
    """Accept a proposal with the date by which the source will be mended, or reject it with a reason."""

    model_config = {"extra": "forbid"}

    note: str = Field(default="", max_length=2000)
    planned_on: date | None = None
    version: int | None = None


class TrendPoint(SQLModel):
    """One delivery (corrections aside), oldest first."""

    batch_id: BatchId
    number: int
    at: datetime
    has_failed: bool
    failing_rows: int | None


class FixRead(SQLModel):
    """A proposed upstream fix: the rule failed `failed` of the last `of` deliveries. `is_late`: the planned day is over."""

    id: str
    dataset_id: DatasetId
    org_id: OrgId
    rule_key: str
    rule_zh: str
    rule_en: str
    state: str
    failed: int
    of: int
    proposed_at: datetime
    planned_on: date | None
    is_late: bool
    note: str
    decided: Who | None
    decided_at: datetime | None
    settled_at: datetime | None
    trend: list[TrendPoint]
    tickets: list[dict[str, Any]]
    may_decide: bool
    version: int
