"""What is stored of vouchings."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class VouchRow(CaseFields, table=True):
    """One organisation's word for one account, until its last day `until`. The names are those of the day on which it was given."""

    __tablename__ = "auth_vouch"
    org_id: str = Field(foreign_key="auth_organisation.id", index=True, max_length=60)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    person_id: str
    username: str = Field(max_length=40)
    until: date
