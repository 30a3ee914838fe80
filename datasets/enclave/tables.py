"""What is stored of enclave requests. Rows and steps are never deleted: a receipt cites them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.enclave.workflow import EnclaveState


class EnclaveRow(SQLModel, table=True):
    """One request. `asked_under`: the grant under which it was handed in, where it goes on under an amendment of that. `spec` is JSON text and `spec_hash` its name; `approved_hash` is the one that the steward read.

    Until the release no row leads to the result but the review's. `reviewer_person`: who approved, returned or declined last.
    """

    __tablename__ = "datasets_enclave"
    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True)
    asked_under: str | None = None
    application_id: str
    dataset_id: str = Field(index=True, max_length=80)
    department_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    requested_by: str
    requested_name: str
    person_id: str = Field(max_length=80)
    purpose: str = Field(max_length=80)
    scenario_id: str = Field(max_length=80)
    spec: str
    spec_hash: str = Field(max_length=64)
    because: str = Field(max_length=1000)
    state: str = Field(default=EnclaveState.SUBMITTED, index=True, max_length=20)
    approved_hash: str | None = Field(default=None, max_length=64)
    reviewer_person: str | None = Field(default=None, max_length=80)
    reviewed_name: str = ""
    release_id: str | None = Field(default=None, index=True)
    release_number: int | None = None
    job_id: str | None = None
    review_id: str | None = None
    extract_id: str | None = None
    why_zh: str = ""
    why_en: str = ""
    submitted_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class EnclaveStepRow(SQLModel, table=True):
    """One step that was taken. `spec` stands where a specification was handed in, so that every version can be read."""

    __tablename__ = "datasets_enclave_step"
    id: str = Field(primary_key=True)
    enclave_id: str = Field(foreign_key="datasets_enclave.id", index=True)
    step: str = Field(max_length=20)
    to_state: str = Field(max_length=20)
    who: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=UtcDateTime)
    note: str = Field(default="", max_length=1000)
    spec_hash: str = Field(max_length=64)
    spec: str | None = None
