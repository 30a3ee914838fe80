"""What is stored of the yearly open plan."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class OpenTaskRow(CaseFields, table=True):
    """One task: who opens what by when. `dataset_id` may be empty until the record exists; finishing needs it."""

    __tablename__ = "auth_open_task"
    year: int = Field(index=True)
    title: str = Field(max_length=200)
    what: str = Field(default="", max_length=2000)
    department_id: str = Field(index=True, max_length=60)
    dataset_id: str = Field(default="", max_length=120)
    due_on: date
