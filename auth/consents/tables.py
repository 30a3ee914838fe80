"""What is stored of source consents."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class ConsentRow(CaseFields, table=True):
    """One consent. `columns`, `scenarios`: JSON lists, or `null` for all; `department_id`: the department that publishes the dataset; the evidence is kept there, its hash here."""

    __tablename__ = "auth_source_consent"
    dataset_id: str = Field(index=True, max_length=120)
    department_id: str = Field(index=True, max_length=60)
    title_zh: str = Field(max_length=300)
    title_en: str = Field(max_length=300)
    provider: str = Field(max_length=200)
    signatory: str = Field(max_length=100)
    consented_on: date
    columns: str = "null"
    scenarios: str = "null"
    scope: str = Field(default="", max_length=2000)
    starts_on: date
    ends_on: date = Field(index=True)
    evidence_name: str = Field(max_length=200)
    evidence_sha256: str = Field(max_length=64)
