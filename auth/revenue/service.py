"""Setting revenue caps, and reading what each operator took against them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from sqlmodel import Field, SQLModel, col, func, select

from auth import audit
from auth.actor import Actor
from auth.identity import organisations
from auth.policy.model import Prose
from auth.products.tables import FeeRow
from auth.revenue import rules
from auth.revenue.tables import RevenueCapRow
from core.errors import InputRefused
from core.text import Text
from core.work import Work

READ: Final = "auth:usage:read"
MOST_FEN: Final = 10**14


class RevenueCapCreate(SQLModel):
    """The cap of one operator and year, and where it comes from."""

    model_config = {"extra": "forbid"}
    org_id: Prose = Field(min_length=1, max_length=60)
    year: int = Field(ge=2000, le=2100)
    cap_fen: int = Field(ge=0, le=MOST_FEN)
    source: Prose = Field(min_length=4, max_length=500)


class RevenueRead(SQLModel):
    """One operator's year: taken, cap, what the year before takes away, what is left, and the excess that the next year loses."""

    org_id: str
    org_zh: str
    org_en: str
    year: int
    taken_fen: int
    cap_fen: int | None
    deducted_fen: int
    allowed_fen: int | None
    excess_fen: int
    source: str


def demand_enterprise(work: Work, body: RevenueCapCreate) -> None:
    """Raise NotFound for an organisation that is not there, InputRefused for one that is no enterprise."""
    if not organisations.organisation(work, body.org_id).is_enterprise:
        raise InputRefused(
            Text("只有企业有收入上限。", "Only an enterprise has a revenue cap."), field="org_id"
        )


def set_cap(work: Work, actor: Actor, body: RevenueCapCreate, cap_id: str) -> None:
    """Put a confirmed cap in force, under the id of its proposal; earlier ones stay on record. Only `auth.caps` asks for it."""
    row = RevenueCapRow(id=cap_id, set_by=actor.account_id, set_at=work.now, **body.model_dump())
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "revenue_cap.set", subject=row.id, payload=body.model_dump(mode="json"))


def revenue(
    work: Work,
    *,
    year: int | None = None,
    org_id: str = "",
    counted_by: int | None = None,
    as_if: RevenueCapCreate | None = None,
) -> list[RevenueRead]:
    """Operators and years with money or a cap, the newest year first; every figure is the sum of its fee lines.

    `counted_by`: without lines that a later year's disclosure tells of; `as_if`: with this cap besides, for a dry run.
    """
    taken: dict[str, dict[int, int]] = {}
    fees = select(col(FeeRow.org_id), col(FeeRow.charged_on), func.sum(FeeRow.amount_fen)).group_by(
        col(FeeRow.org_id), col(FeeRow.charged_on)
    )
    if counted_by is not None:
        fees = fees.where(col(FeeRow.counts_in) <= counted_by)
    for org, day, amount in work.db.exec(fees):
        held = taken.setdefault(org, {})
        held[day.year] = held.get(day.year, 0) + int(amount)
    caps: dict[str, dict[int, RevenueCapRow]] = {}
    for row in work.db.exec(select(RevenueCapRow).order_by(col(RevenueCapRow.set_at), col(RevenueCapRow.id))):
        caps.setdefault(row.org_id, {})[row.year] = row
    if as_if is not None:
        tried = RevenueCapRow(id="", set_by="", set_at=work.now, **as_if.model_dump())
        caps.setdefault(as_if.org_id, {})[as_if.year] = tried
    names = {org.id: org for org in organisations.organisations(work)}
    found = []
    for each in sorted({*taken, *caps}):
        if org_id and each != org_id:
            continue
        own = caps.get(each, {})
        lines = rules.years(taken.get(each, {}), {at: row.cap_fen for at, row in own.items()})
        found += [
            RevenueRead(
                org_id=each, org_zh=names[each].name_zh, org_en=names[each].name_en,
                source=own[line.year].source if line.year in own else "", **asdict(line),
            )
            for line in lines
            if year is None or line.year == year
        ]  # fmt: skip
    return sorted(found, key=lambda row: (-row.year, row.org_id))
