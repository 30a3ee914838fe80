"""What is stored of the policy profile: every version that was proposed."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class ProfileRow(CaseFields, table=True):
    """One version. `body` is the profile as JSON; `number` counts versions."""

    __tablename__ = "auth_profile"
    number: int = Field(unique=True)
    key: str = Field(max_length=60)
    body: str
    reason: str = Field(max_length=2000)
    effective_from: date
