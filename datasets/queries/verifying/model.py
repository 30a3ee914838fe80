"""What is asked of one record, and what is read of the answer. Values of the key never leave the question."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator
from sqlmodel import SQLModel

from auth.policy.filters.model import ColumnName, Compare
from auth.policy.model import Prose
from auth.policy.serving import MOST_KEYS
from core.ids import DatasetId, GrantId

KeyValue = Annotated[StrictStr, Field(min_length=1, max_length=200)] | StrictInt


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubjectConsent(_Part):
    """Where the subject's consent is kept by the asker, and for which days it holds; both days count."""

    reference: Prose = Field(min_length=4, max_length=120)
    given_on: date
    until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.given_on:
            raise ValueError("同意：结束早于作出 / consent: it ends before it was given")
        return self


class VerifyAsk(_Part):
    """`key`: a value for each column that the grant joins on. `claim`: what is to hold of that record; None asks whether it exists."""

    grant_id: GrantId
    dataset_id: DatasetId
    key: dict[ColumnName, KeyValue] = Field(min_length=1, max_length=MOST_KEYS)
    claim: Compare | None = None
    consent: SubjectConsent
    purpose: str = Field(min_length=1, max_length=80)
    scenario_id: str = Field(min_length=1, max_length=80)


class VerificationRead(SQLModel):
    """One verification as its organisation and the watchers see it. `verified`: null while, or because, no answer came about.

    `subject`: a pseudonym of the key, equal for equal keys of the organisation on the dataset.
    """

    id: str
    grant_id: str
    dataset_id: str
    release_number: int
    org_id: str
    asked_name: str
    asked_at: datetime
    subject: str
    claim: str
    consent_reference: str
    consent_until: date
    purpose: str
    verified: bool | None
