"""What an enclave specification is, and what callers send and see of it. A tree of values: no SQL, no code.

It is a statistical query (`datasets.queries.model.QueryAsk`) with an order and a length. A grant covers one dataset, so a
specification reads one dataset; there is nothing to join. Rows never leave this way: what leaves are figures by group.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import SQLModel

from auth.policy.model import Prose
from core.ids import DatasetId, GrantId
from datasets.batches.models import Command
from datasets.enclave.workflow import EnclaveState
from datasets.queries.model import QueryAsk, query_hash
from datasets.queries.rules import label

MAX_SORTS = 3


class Sort(BaseModel):
    """Rows of the result by one of its columns (a group or a measure, as it is called there); empty ones come last."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    by: Prose = Field(min_length=1, max_length=260)
    descending: bool = False


class EnclaveSpec(QueryAsk):
    """What is to be computed under one grant, on the release that is current when it is approved."""

    sort: tuple[Sort, ...] = Field(default=(), max_length=MAX_SORTS)
    limit: int | None = Field(default=None, ge=1, le=10_000)

    @model_validator(mode="after")
    def _sorts_by_what_is_there(self) -> Self:
        there = {*self.groups, *self.measures}
        if unknown := sorted({each.by for each in self.sort} - there):
            raise ValueError(
                f"sort: no column {', '.join(unknown)} in the result; there are {', '.join(sorted(there))}"
            )
        if len({each.by for each in self.sort}) != len(self.sort):
            raise ValueError("排序：同一列列出了两次 / sort: a column is named twice")
        return self

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(label(each) for each in self.group_by)

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(label(each) for each in self.select)

    @property
    def hash(self) -> str:
        """What the steward approves and the worker runs: any change of the specification changes it."""
        return query_hash(spec=self.model_dump(mode="json"))


class EnclaveSubmit(BaseModel):
    """A specification handed in for review. `because`: what the result is for, which the steward reads."""

    model_config = ConfigDict(extra="forbid")
    spec: EnclaveSpec
    because: Prose = Field(min_length=4, max_length=1000)


class EnclaveRevise(EnclaveSubmit):
    """The same again after it was returned; `version` is the request's that was seen."""

    version: int | None = None


class EnclaveDecision(BaseModel):
    """A steward's word on a specification. `spec_hash` names the very specification that was read."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["approve", "return", "decline"]
    spec_hash: str = Field(min_length=64, max_length=64)
    note: Prose = Field(default="", max_length=1000)


class EnclaveStepRead(SQLModel):
    """One step that was taken, by whom, on which specification."""

    step: str
    to_state: EnclaveState
    name_zh: str
    name_en: str
    at: datetime
    note: str
    spec_hash: str


class EnclaveRead(SQLModel):
    """One request. `asked_under`: the earlier grant, where it goes on under an amendment. `extract_id`: where the released file and its receipt are; empty before. `spec`: null in lists where this version cannot read it."""

    id: str
    grant_id: GrantId
    asked_under: GrantId | None
    application_id: str
    dataset_id: DatasetId
    department_id: str
    org_id: str
    requested_name: str
    purpose: str
    scenario_id: str
    spec: dict[str, Any] | None
    spec_hash: str
    because: str
    state: EnclaveState
    release_number: int | None
    reviewed_name: str
    review_id: str | None
    extract_id: str | None
    job_id: str | None
    why_zh: str
    why_en: str
    submitted_at: datetime
    ended_at: datetime | None
    version: int


class EnclaveDetail(EnclaveRead):
    """The same with its history, what stands against it now, and what the reader may do."""

    steps: list[EnclaveStepRead]
    reasons: list[dict[str, Any]]
    commands: list[Command]
    progress: float | None
    progress_zh: str
    progress_en: str
