"""What is stored of disclosures that were made."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class DisclosureRow(SQLModel, table=True):
    """A year that was disclosed, once: `body` is the disclosure as it was told, canonical JSON; `sha256` its digest."""

    __tablename__ = "auth_disclosure"
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: str
    sha256: str = Field(max_length=64)
    disclosed_by: str
    disclosed_at: datetime = Field(sa_type=UtcDateTime)
