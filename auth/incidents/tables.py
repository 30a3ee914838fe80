"""What is stored of incidents."""

from __future__ import annotations

from sqlmodel import Field

from auth.casework.tables import CaseFields


class IncidentRow(CaseFields, table=True):
    """One freeze. `department_id`: the source department concerned, for whoever reads by department."""

    __tablename__ = "auth_incident"
    target_kind: str = Field(max_length=20)
    target_id: str = Field(index=True, max_length=120)
    department_id: str = Field(default="", index=True, max_length=60)
    title_zh: str = Field(max_length=300)
    title_en: str = Field(max_length=300)
    reason: str = Field(max_length=2000)
    lifted_reason: str = Field(default="", max_length=2000)
