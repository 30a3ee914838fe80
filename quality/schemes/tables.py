"""What is stored of scoring schemes: every version that was proposed."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class SchemeRow(CaseFields, table=True):
    """One version. `body` is the scheme as JSON; `number` counts versions from 1, 0 being the shipped one."""

    __tablename__ = "quality_scheme"
    number: int = Field(unique=True)
    body: str
    reason: str = Field(max_length=2000)
    effective_from: date
