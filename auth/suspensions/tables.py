"""What is stored of proposals to suspend grants."""

from __future__ import annotations

from sqlmodel import Field

from auth.casework.tables import CaseFields


class SuspensionProposalRow(CaseFields, table=True):
    """One grant that somebody found reason to suspend. `found`: what was found, in his words; `commitment_id`: on which broken commitment."""

    __tablename__ = "auth_suspension_proposal"
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    commitment_id: str = Field(foreign_key="auth_commitment.id", index=True)
    application_id: str
    org_id: str = Field(index=True)
    dataset_id: str
    department_id: str = Field(index=True)
    found: str = Field(max_length=2000)
