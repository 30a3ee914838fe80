"""What is stored of proposed caps. A confirmed one stands among the caps in force under the same id."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger
from sqlmodel import Field

from auth.casework.tables import CaseFields


class CapProposalRow(CaseFields, table=True):
    """One cap. `kind`: `fee` (the price of one unit in a scenario, from a day on) or `revenue` (an operator's, in a year); the other kind's fields are empty."""

    __tablename__ = "auth_cap_proposal"
    kind: str = Field(index=True, max_length=20)
    scenario_id: str = Field(default="", max_length=80)
    unit: str = Field(default="", max_length=20)
    effective_from: date | None = None
    org_id: str = Field(default="", max_length=60)
    year: int | None = None
    cap_fen: int = Field(sa_type=BigInteger)
    source: str = Field(max_length=500)
