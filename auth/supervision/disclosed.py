"""Years that are disclosed: told once, kept as they were told, and corrected only by telling it in a later year."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import rfc8785
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.products.standing_years import LOCK
from auth.stored import readable
from auth.supervision.disclosure import Disclosure, disclosure, year_span
from auth.supervision.tables import DisclosureRow
from core import bases
from core.errors import Conflict, NotFound, Stale
from core.text import Text
from core.work import Work, hold

_UNREADABLE: Final = Text(
    "{year} 年度的披露含有本版本不能读取的内容（{places}）；请联系安全管理员。",
    "The disclosure of {year} holds what this version cannot read ({places}). Tell the security officer.",
)


class PublicationCreate(BaseModel):
    """That a year is disclosed as it was looked at: the digest of its canonical JSON."""

    model_config = ConfigDict(extra="forbid")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class PublicationRead(BaseModel):
    """When a year was disclosed, by whom, and the digest of what was told."""

    year: int
    sha256: str
    disclosed_by: str
    disclosed_at: datetime


def canonical(made: Disclosure) -> bytes:
    """The disclosure as it is digested and packed."""
    return rfc8785.dumps(made.model_dump(mode="json")) + b"\n"


def digest(made: Disclosure) -> str:
    return hashlib.sha256(canonical(made)).hexdigest()


def told(work: Work, year: int) -> Disclosure:
    """What was disclosed of a year, to the byte; while it is not disclosed, what the records say now.

    Raises Unavailable where this version cannot read what was disclosed: the records of now never stand in for it.
    """
    if (row := work.db.get(DisclosureRow, year)) is None:
        return disclosure(work, year)
    with readable(_UNREADABLE, basis=bases.PROVED, year=year):
        return Disclosure.model_validate_json(row.body, extra="forbid")  # to the byte: nothing is left out


def publication(work: Work, year: int) -> PublicationRead:
    """Raises NotFound while the year is not disclosed."""
    if (found := publications(work).get(year)) is None:
        raise NotFound(Text(f"{year} 年度尚未披露。", f"The year {year} is not disclosed yet."))
    return found


def publications(work: Work) -> dict[int, PublicationRead]:
    """Every year that is disclosed."""
    wanted = select(
        DisclosureRow.year, DisclosureRow.sha256, DisclosureRow.disclosed_by, DisclosureRow.disclosed_at
    )
    rows = work.db.exec(wanted.order_by(col(DisclosureRow.year)))
    return {
        year: PublicationRead(year=year, sha256=sha256, disclosed_by=by, disclosed_at=at)
        for year, sha256, by, at in rows
    }


def publish(work: Work, actor: Actor, year: int, body: PublicationCreate) -> PublicationRead:
    """The year is disclosed as it stands; what is entered of it later is told in the next disclosure.

    Raises Conflict for a year that is not over or is disclosed already, Stale when the records are not those that were looked at.
    """
    hold(work, LOCK)
    if work.now < year_span(year)[1]:
        raise Conflict(
            Text(f"{year} 年度尚未结束，不能披露。", f"The year {year} is not over; it cannot be disclosed.")
        )
    if (row := work.db.get(DisclosureRow, year)) is not None:
        raise Conflict(
            Text(
                f"{year} 年度已于 {row.disclosed_at:%Y-%m-%d} 披露；此后的更正列入下一次披露。",
                f"The year {year} was disclosed on {row.disclosed_at:%Y-%m-%d}; corrections since are told in the next disclosure.",
            )
        )
    made = disclosure(work, year)
    if (now := digest(made)) != body.sha256:
        raise Stale(
            Text(
                "您查看之后记录已有变化；请重新查看后再披露。",
                "The records have changed since you looked; look again before you disclose them.",
            ),
            sha256=now,
        )
    kept = DisclosureRow(
        year=year, body=canonical(made).decode(), sha256=now, disclosed_by=actor.account_id, disclosed_at=work.now
    )  # fmt: skip
    work.db.add(kept)
    work.db.flush()
    payload = {"year": year, "sha256": now, "missing": len(made.missing)}
    audit.record(work, actor, "disclosure.published", subject=f"disclosure/{year}", payload=payload)
    return publication(work, year)
