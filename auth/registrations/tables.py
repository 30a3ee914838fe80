"""What is stored of acts of registration."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field

from auth.casework.tables import CaseFields


class RegistrationRow(CaseFields, table=True):
    """One act. `body`: what was handed in, as JSON; `code` is the series', given with its first act; `number` counts acts of a dataset."""

    __tablename__ = "auth_registration"
    act: str = Field(max_length=20)
    number: int
    dataset_id: str = Field(index=True, max_length=120)
    department_id: str = Field(index=True, max_length=60)
    title_zh: str = Field(max_length=300)
    title_en: str = Field(max_length=300)
    body: str
    review_due_on: date | None = None
    notice_from: date | None = None
    notice_to: date | None = None
    code: str = Field(default="", index=True, max_length=100)
    valid_from: date | None = None
    valid_to: date | None = Field(default=None, index=True)
