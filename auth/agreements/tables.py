"""What is stored of plans and agreements; `body` is the value of `auth.agreements.model` as JSON."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class PlanRow(CaseFields, table=True):
    """One version of an implementation plan. `series`: the id of its first version."""

    __tablename__ = "auth_plan"
    series: str = Field(index=True, max_length=40)
    number: int
    title: str = Field(max_length=200)
    body: str


class AgreementRow(CaseFields, table=True):
    """One agreement; operator and period stand beside the body, for the question whether it covers a grant."""

    __tablename__ = "auth_agreement"
    title: str = Field(max_length=200)
    plan_id: str = Field(default="", max_length=40)
    operator_id: str = Field(index=True, max_length=60)
    starts_on: date
    ends_on: date
    body: str
