"""The public part of agreements in force and ended (R20): who may operate what, until when. No sign-in; no person, clause, price or digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import col, select

from auth.agreements.model import MODE_NAMES, AgreementBody, Mode, Party
from auth.agreements.stored import body_of
from auth.agreements.tables import AgreementRow
from auth.agreements.workflow import State
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Coded, limits
from auth.stored import UNREADABLE, if_readable
from core.text import Text
from core.work import Work

Order = Literal["-starts", "starts", "ends", "-ends"]
ORDERS: Final[Mapping[Order, Text]] = {
    "-starts": Text("最近开始的在前", "Begun last first"),
    "starts": Text("最早开始的在前", "Begun first first"),
    "ends": Text("最早到期的在前", "Ending first first"),
    "-ends": Text("最晚到期的在前", "Ending last first"),
}


class Standing(StrEnum):
    """How an agreement stands on the day of reading; computed, so that no sweep is waited for."""

    IN_FORCE = "in_force"
    ENDED = "ended"
    TERMINATED = "terminated"


STANDING_NAMES: Final[Mapping[Standing, Text]] = {
    Standing.IN_FORCE: Text("有效", "In force"),
    Standing.ENDED: Text("期满", "Ended"),
    Standing.TERMINATED: Text("终止", "Terminated"),
}


class Named(BaseModel):
    """A code with its name; of a code that stands in no list any more, the code."""

    code: str
    zh: str
    en: str


class RegisteredAgreement(BaseModel):
    """One agreement, as the public may know it. `ends_on` is its last day; `ended_on` the day on which it really ended.

    An agreement of the mode `whole` holds every scenario, whichever are listed. `mode` is None where this version cannot read the agreement.
    """

    agreement_id: str
    title: str
    implementing_body: str
    implementing_body_zh: str
    implementing_body_en: str
    org_id: str
    org_zh: str
    org_en: str
    mode: Mode | None
    mode_zh: str
    mode_en: str
    scenarios: tuple[Named, ...]
    purposes: tuple[Named, ...]
    starts_on: date
    ends_on: date
    ended_on: date | None
    state: Standing
    state_zh: str
    state_en: str


def register(
    work: Work,
    *,
    state: Standing | None = None,
    org_id: str = "",
    words: str = "",
    sort: Order = "-starts",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[RegisteredAgreement], int]:
    """Agreements that are or were in force, and their number. `words`: each in the title or the operator's name, or the number itself."""
    wanted = [col(OrganisationRow.id) == col(AgreementRow.operator_id), *_public(work)]
    if state is not None:
        wanted.append(_stands(state, _today(work)))
    if org_id:
        wanted.append(col(AgreementRow.operator_id) == org_id)
    wanted += [_says(word) for word in words.split()]
    day = col(AgreementRow.starts_on if sort.endswith("starts") else AgreementRow.ends_on)
    rows = work.db.exec(
        select(AgreementRow, OrganisationRow)
        .where(*wanted)
        .order_by(day.desc() if sort.startswith("-") else day, col(AgreementRow.id))
        .offset(offset)
        .limit(limit)
    ).all()
    count = select(func.count()).select_from(AgreementRow).join(OrganisationRow, wanted[0])
    total = work.db.exec(count.where(*wanted[1:])).one()
    bodies = {row.id: if_readable(body_of, row) for row, _ in rows}
    names = _names(work, [_implementing(body) for body in bodies.values() if body])
    return [_registered(work, row, org, bodies[row.id], names) for row, org in rows], total


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def _public(work: Work) -> list[ColumnElement[bool]]:
    """Agreements whose first day has come while they stood: no draft, none that waits, none terminated before it began."""
    ended = select(AgreementRow).where(AgreementRow.state == State.TERMINATED)
    never = [
        row.id for row in work.db.exec(ended)
        if row.ended_at is not None and row.ended_at.astimezone(LOCAL).date() < row.starts_on
    ]  # fmt: skip
    known = col(AgreementRow.state).in_([State.ACTIVE, State.ENDED, State.TERMINATED])
    return [known, col(AgreementRow.starts_on) <= _today(work), col(AgreementRow.id).not_in(never)]


def _stands(state: Standing, today: date) -> ColumnElement[bool]:
    is_active, is_over = col(AgreementRow.state) == State.ACTIVE, col(AgreementRow.ends_on) < today
    if state is Standing.IN_FORCE:
        return and_(is_active, ~is_over)
    if state is Standing.ENDED:
        return or_(col(AgreementRow.state) == State.ENDED, and_(is_active, is_over))
    return col(AgreementRow.state) == State.TERMINATED


def _standing(row: AgreementRow, today: date) -> Standing:
    if row.state == State.TERMINATED:
        return Standing.TERMINATED
    return Standing.ENDED if row.state == State.ENDED or row.ends_on < today else Standing.IN_FORCE


def _says(word: str) -> ColumnElement[bool]:
    told = (col(AgreementRow.title), col(OrganisationRow.name_zh), col(OrganisationRow.name_en))
    return or_(col(AgreementRow.id) == word, *(column.icontains(word, autoescape=True) for column in told))


def _implementing(body: AgreementBody) -> str:
    return next((each.org_id for each in body.parties if each.role is Party.IMPLEMENTING_BODY), "")


def _names(work: Work, org_ids: Iterable[str]) -> dict[str, Text]:
    wanted = select(OrganisationRow).where(col(OrganisationRow.id).in_(sorted(set(org_ids))))
    return {org.id: Text(org.name_zh, org.name_en) for org in work.db.exec(wanted)}


def _named(codes: Iterable[str], known: Mapping[str, Coded]) -> tuple[Named, ...]:
    names = [(code, known[code].name if code in known else Text(code, code)) for code in codes]
    return tuple(Named(code=code, zh=name.zh, en=name.en) for code, name in names)


def _registered(
    work: Work, row: AgreementRow, org: OrganisationRow, body: AgreementBody | None, names: Mapping[str, Text]
) -> RegisteredAgreement:
    standing, lists, bureau = _standing(row, _today(work)), limits(), _implementing(body) if body else ""
    ended_on = None if standing is Standing.IN_FORCE else row.ends_on
    if standing is Standing.TERMINATED and row.ended_at is not None:
        ended_on = min(row.ends_on, row.ended_at.astimezone(LOCAL).date())
    bureau_name, mode, state = (
        names.get(bureau, Text(bureau, bureau)),
        MODE_NAMES[body.mode] if body else UNREADABLE,
        STANDING_NAMES[standing],
    )
    return RegisteredAgreement(
        agreement_id=row.id, title=row.title,
        implementing_body=bureau, implementing_body_zh=bureau_name.zh, implementing_body_en=bureau_name.en,
        org_id=org.id, org_zh=org.name_zh, org_en=org.name_en, mode=body.mode if body else None, mode_zh=mode.zh, mode_en=mode.en,
        scenarios=_named(body.scenarios if body else (), lists.scenarios), purposes=_named(body.purposes if body else (), lists.purposes),
        starts_on=row.starts_on, ends_on=row.ends_on, ended_on=ended_on, state=standing, state_zh=state.zh, state_en=state.en,
    )  # fmt: skip
