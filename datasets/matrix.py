"""The application matrix (应用矩阵): which dataset is used in which scenario, by how many, and how good its data are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import listing
from auth.grants import register
from auth.grants.register import Standing
from catalog import queries as catalog
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.work import Work

GRANTABLE = ("yes", "negotiable")


class Cell(BaseModel):
    """One dataset in one scenario. Counts are of organisations; `own` is the reader's organisation: in_force, suspended, pending, applied or none.

    `holders`: ids of the organisations with a grant in force, which are public.
    """

    scenario_id: str
    in_force: int
    suspended: int
    pending: int
    applications: int
    own: str
    holders: list[str]


class MatrixRow(BaseModel):
    """One dataset with its current release and quality, and a cell for each scenario in the given order."""

    dataset_id: str
    title_zh: str
    title_en: str
    theme: str | None
    open_type: str | None
    data_level: int | None
    release_no: int | None
    released_at: datetime | None
    quality_score: float | None
    quality_grade: str | None
    cells: list[Cell]


def matrix(
    work: Work,
    actor: Actor,
    scenarios: Sequence[str],
    *,
    theme: str = "",
    org_id: str = "",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[MatrixRow], int]:
    """Published datasets within authorised operation that the actor may see, by code, and their number.

    `org_id` counts that organisation's grants alone. Applications are those in the actor's sight.
    """
    wanted = [
        catalog.visible(actor),
        col(DatasetRow.state) == State.PUBLISHED,
        col(DatasetRow.open_type) != "N",
        col(DatasetRow.auth_op_scope).in_(GRANTABLE),
    ]
    if theme:
        wanted.append(col(DatasetRow.domain_code) == theme)
    rows = work.db.exec(
        select(DatasetRow).where(*wanted).order_by(col(DatasetRow.id)).offset(offset).limit(limit)
    ).all()
    total = work.db.exec(select(func.count()).select_from(DatasetRow).where(*wanted)).one()
    ids = [row.id for row in rows]
    grants = [each for each in register.live(work, actor, ids) if org_id in ("", each[2])]
    asked = [each for each in listing.live_lines(work, actor, ids) if org_id in ("", each[2])]
    own = actor.org_id or ""
    return [_row(row, _cells(row.id, scenarios, grants, asked, own)) for row in rows], total


def _cells(
    dataset_id: str,
    scenarios: Sequence[str],
    grants: Sequence[tuple[str, str, str, Standing]],
    asked: Sequence[tuple[str, str, str]],
    own: str,
) -> list[Cell]:
    in_force, suspended, pending = (
        {(s, org) for d, s, org, found in grants if d == dataset_id and found is standing}
        for standing in (Standing.IN_FORCE, Standing.SUSPENDED, Standing.PENDING)
    )
    suspended -= in_force
    pending -= in_force | suspended
    applied = {(s, org) for d, s, org in asked if d == dataset_id}
    counts = [Counter(s for s, _ in found) for found in (in_force, suspended, pending, applied)]

    def own_in(scenario: str) -> str:
        place = (scenario, own)
        return (
            "in_force" if place in in_force
            else "suspended" if place in suspended
            else "pending" if place in pending
            else "applied" if place in applied
            else "none"
        )  # fmt: skip

    return [
        Cell(
            scenario_id=s,
            in_force=counts[0][s],
            suspended=counts[1][s],
            pending=counts[2][s],
            applications=counts[3][s],
            own=own_in(s),
            holders=sorted(org for scenario, org in in_force if scenario == s),
        )
        for s in scenarios
    ]


def _row(row: DatasetRow, cells: list[Cell]) -> MatrixRow:
    return MatrixRow(
        dataset_id=row.id,
        title_zh=row.title_zh,
        title_en=row.title_en or row.title_zh,
        theme=row.domain_code,
        open_type=row.open_type,
        data_level=row.data_level,
        release_no=row.release_no,
        released_at=row.released_at,
        quality_score=row.quality_score,
        quality_grade=row.quality_grade,
        cells=cells,
    )
