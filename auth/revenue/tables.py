"""What is stored of revenue caps; what was taken stands in the fees."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class RevenueCapRow(SQLModel, table=True):
    """The highest revenue of an operator in a year. Rows are only added; the newest of an operator and year counts."""

    __tablename__ = "auth_revenue_cap"
    id: str = Field(primary_key=True)
    org_id: str = Field(index=True, max_length=60)
    year: int
    cap_fen: int = Field(sa_type=BigInteger)
    source: str = Field(max_length=500)
    set_by: str
    set_at: datetime = Field(sa_type=UtcDateTime)
