"""What is stored of the course of quality."""

from __future__ import annotations

from datetime import date as Day

from sqlmodel import Field, SQLModel


class QualityDayRow(SQLModel, table=True):
    """How a department's published records stood on a local day; means over its records, None where there is nothing to judge.

    `points` of `catalog.scores.rules.MAXIMUM`, `filled` 0–1, `quality` and `pass_rate` 0–100 over the `releases` in force.
    `records`, `points`, `filled` are None on days before the first look: only releases tell of the past.
    """

    __tablename__ = "datasets_quality_day"
    org_id: str = Field(primary_key=True, max_length=60, foreign_key="auth_organisation.id")
    day: Day = Field(primary_key=True, index=True)
    records: int | None = None
    points: float | None = None
    filled: float | None = None
    releases: int = 0
    quality: float | None = None
    pass_rate: float | None = None
