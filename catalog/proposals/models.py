"""What a proposal looks like to people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime
from sqlmodel import Field, SQLModel

from core.ids import DatasetId, OrgId


class ProposalDecision(SQLModel):
    """`version`: of the proposal, as it was seen; what was amended since is not decided unseen."""

    model_config = {"extra": "forbid"}
    version: int | None = None


class ProposalReturn(ProposalDecision):
    """Sent back to its author with a reason."""

    reason: str = Field(min_length=4, max_length=2000)


class ProposalTiming(ProposalDecision):
    """Accepted, to stand from a moment on; with its zone."""

    at: AwareDatetime


class FieldChange(SQLModel):
    """One field: how it stands, and how it would stand. `is_drifted`: the record changed meanwhile."""

    name: str
    label_zh: str
    label_en: str
    before: Any
    after: Any
    is_drifted: bool


class ColumnChange(SQLModel):
    """One column of the dictionary: `added`, `removed`, `moved`, or `changed` with the facts that differ."""

    name: str
    kind: str
    facts: dict[str, list[Any]]


class ProposalRead(SQLModel):
    """A proposal in a list. `kind`: publish or change. `takes_effect_at`: the moment that was named when it was accepted."""

    id: str
    dataset_id: DatasetId
    title_zh: str
    title_en: str
    publisher: OrgId
    kind: str
    state: str
    base_version: int
    note: str
    proposed_zh: str
    proposed_en: str
    proposed_at: datetime
    decided_zh: str
    decided_en: str
    decided_at: datetime | None
    takes_effect_at: datetime | None
    reason: str
    changed_fields: list[str]
    changes_dictionary: bool
    version: int


class ProposalStepRead(SQLModel):
    """A step of the proposal, and what keeps this reader from it."""

    step: str
    allowed: bool
    reasons: list[dict[str, Any]]


class ProposalDetail(ProposalRead):
    """With its difference, what would stand against the record as proposed, and the steps open to this reader.

    `is_held_up`: the record changed since, so that it could not stand as it was proposed.
    """

    is_held_up: bool
    fields: list[FieldChange]
    columns: list[ColumnChange]
    objections: list[dict[str, Any]]
    steps: list[ProposalStepRead]
