"""What is stored of delegations."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields
from auth.roles import Role


class DelegationRow(CaseFields, table=True):
    """One deputy for one decider or reviewer. `created_…` is the principal; `scope`: a department, or `*`; both days count."""

    __tablename__ = "auth_delegation"
    principal_name: str = Field(max_length=40)
    deputy_account: str = Field(index=True)
    deputy_person: str = Field(index=True)
    deputy_name: str = Field(max_length=40)
    role: str = Field(
        default=Role.APPROVER.value, max_length=40, sa_column_kwargs={"server_default": Role.APPROVER.value}
    )
    scope: str = Field(max_length=60)
    starts_on: date
    ends_on: date = Field(index=True)
    reason: str = Field(max_length=500)
