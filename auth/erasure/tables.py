"""What is stored of requests to erase: whom they concern by id alone, so that the request itself outlives the data."""

from __future__ import annotations

from sqlmodel import Field

from auth.casework.tables import CaseFields


class ErasureRow(CaseFields, table=True):
    """One request. `kept`: JSON list of the codes of what law keeps, when it was refused; `changed`: values that were erased."""

    __tablename__ = "auth_erasure"
    person_id: str = Field(index=True)
    reason: str = Field(default="", max_length=500)
    kept: str = "[]"
    changed: int = 0
