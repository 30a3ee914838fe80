"""Entering the consent of whoever shared a dataset, checking it as a second person, withdrawing it and seeing which grants stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import Field as Bound
from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.asset import Asset, out_of_reach
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.consents import cover, hanging
from auth.consents.tables import ConsentRow
from auth.consents.workflow import FINAL, MACHINE, State, Step
from auth.delegations.standing import persons
from auth.grants import stopping
from auth.grants.tables import GrantRow
from auth.messages import seconds
from auth.policy.limits import limits
from auth.policy.model import Prose
from auth.scope import roles_towards, sight
from core.errors import InputRefused, Reason, refuse_if
from core.ids import DatasetId
from core.text import Text
from core.work import Work

READ: Final = "auth:consent:read"
ENTER: Final = "auth:consent:enter"
CHECK: Final = "auth:consent:check"
WITHDRAW: Final = "auth:consent:withdraw"
Assets = Callable[[DatasetId], Asset]
Names = Annotated[
    tuple[Annotated[str, Bound(min_length=1, max_length=255)], ...], Bound(min_length=1, max_length=2000)
]


class ConsentCreate(SQLModel):
    """A consent as it was given on paper. `columns` and `scenarios` left out: all of them."""

    model_config = {"extra": "forbid"}
    dataset_id: Prose = Field(min_length=1, max_length=120)
    provider: Prose = Field(min_length=2, max_length=200)
    signatory: Prose = Field(min_length=1, max_length=100)
    consented_on: date
    columns: Names | None = None
    scenarios: Names | None = None
    scope: Prose = Field(default="", max_length=2000)
    starts_on: date
    ends_on: date
    evidence_name: Prose = Field(min_length=1, max_length=200)
    evidence_sha256: Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


class ConsentRead(SQLModel):
    """A consent as a reader sees it; `holds_today` is computed. `columns`, `scenarios`: none is all."""

    id: str
    state: State
    version: int
    dataset_id: str
    department_id: str
    title_zh: str
    title_en: str
    provider: str
    signatory: str
    consented_on: date
    columns: list[str] | None
    scenarios: list[str] | None
    scope: str
    starts_on: date
    ends_on: date
    holds_today: bool
    evidence_name: str
    evidence_sha256: str
    note: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A live grant that this consent alone keeps going, and why it would stop."""

    grant_id: str
    org_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    state: str
    reasons: tuple[Reason, ...]


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(ConsentRow.department_id).in_(seen.departments))


BOOK: Final = Book(
    kind="consent", table=ConsentRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    kinds={"open": "consent.entered", Step.CONFIRM: "consent.confirmed", Step.REJECT: "consent.rejected", Step.WITHDRAW: "consent.withdrawn"},
    ids=lambda row: {"dataset_id": row.dataset_id}, says=lambda row: {"consent_id": row.id},
)  # fmt: skip


def enter(work: Work, actor: Actor, body: ConsentCreate, *, assets: Assets) -> ConsentRead:
    """Enter a consent for a dataset of the actor's department; it counts once a second person has checked it."""
    asset = assets(DatasetId(body.dataset_id))
    if not actor.may_in(ENTER, asset.org_id):
        raise out_of_reach(
            asset,
            Text(
                "没有这个数据集，或不属于您的部门。",
                "There is no such dataset, or it is not your department's.",
            ),
        )
    _sound(body, asset)
    row = ConsentRow(
        **made_by(work, actor), state=State.ENTERED, department_id=asset.org_id, title_zh=asset.title.zh, title_en=asset.title.en,
        **body.model_dump(exclude={"columns", "scenarios"}), columns=_list(body.columns), scenarios=_list(body.scenarios),
    )  # fmt: skip
    facts = body.model_dump(
        mode="json", include={"provider", "starts_on", "ends_on", "evidence_sha256", "columns", "scenarios"}
    )
    BOOK.open(work, actor, row, facts)
    said = {"title_zh": row.title_zh, "title_en": row.title_en, "dataset": row.dataset_id}
    seconds.call(
        work, actor, "consent.waits", row.id, hands=[row.created_person], department=row.department_id, facts=said
    )  # fmt: skip
    return read(work, row)


def _sound(body: ConsentCreate, asset: Asset) -> None:
    if body.ends_on < body.starts_on:
        raise InputRefused(Text("同意期的止早于起。", "The consent ends before it starts."), field="ends_on")
    unknown = [name for name in body.columns or () if asset.column(name) is None]
    if unknown:
        raise InputRefused(
            Text(
                f"数据集没有这些列：{'、'.join(unknown)}。",
                f"The dataset has no such columns: {', '.join(unknown)}.",
            ),
            field="columns",
        )
    strange = [code for code in body.scenarios or () if code not in limits().scenarios]
    if strange:
        raise InputRefused(
            Text(
                f"没有这些场景：{'、'.join(strange)}。", f"There are no such scenarios: {', '.join(strange)}."
            ),
            field="scenarios",
        )


def _list(names: tuple[str, ...] | None) -> str:
    return json.dumps(None if names is None else list(dict.fromkeys(names)), ensure_ascii=False)


def check(work: Work, actor: Actor, consent_id: str, which: Step, body: CaseStep) -> ConsentRead:
    """Confirm or reject, as another person than the one who entered it."""
    row = BOOK.row(work, consent_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(tuple(_own(work, actor, row)))
    if which is Step.REJECT:
        need_reason(body.note)
    return read(work, BOOK.move(work, actor, row, which, body.note))


def withdraw(work: Work, actor: Actor, consent_id: str, body: CaseStep) -> ConsentRead:
    """Withdraw: grants that no other consent covers stop at this instant; the audit record names them, their holders are told."""
    row = BOOK.row(work, consent_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.WITHDRAW)
    need_reason(body.note)
    stopped = [each.grant_id for each in _stops(work, row)]
    made = BOOK.move(work, actor, row, Step.WITHDRAW, body.note, {"grants_stopped": stopped})
    rows = work.db.exec(select(GrantRow).where(col(GrantRow.id).in_(stopped)).order_by(col(GrantRow.id)))
    facts = {"title_zh": row.title_zh, "title_en": row.title_en, "dataset": row.dataset_id}
    stopping.told(work, actor, "consent.withdrawn", rows, subject=row.id, once=row.id, facts=facts)
    return read(work, made)


def stops(work: Work, actor: Actor, consent_id: str) -> list[Stopped]:
    """Which live grants would stop if it were withdrawn now."""
    row = BOOK.row(work, consent_id, actor)
    return _stops(work, row) if row.state == State.CONFIRMED else []


def _stops(work: Work, row: ConsentRow) -> list[Stopped]:
    now, left = cover.confirmed(work, row.dataset_id), cover.confirmed(work, row.dataset_id, without=row.id)
    found = []
    for grant, policy in hanging.live(work, row.dataset_id):
        reasons = cover.today(work, policy, left)
        if reasons and not cover.today(work, policy, now):
            found.append(
                Stopped(grant.id, grant.org_id, grant.dataset_id, grant.title_zh, grant.title_en, grant.state, reasons)
            )  # fmt: skip
    return found


def may_hear(work: Work, actor: Actor, consent_id: str) -> None:
    """Raises NotFound for a consent neither in the actor's sight nor the one whose end stopped a grant that his organisation holds."""
    row = work.db.get(ConsentRow, consent_id)
    if row is None or actor.org_id is None or not hanging.has_stopped(work, row, actor.org_id):
        BOOK.row(work, consent_id, actor)


def _own(work: Work, actor: Actor, row: ConsentRow) -> Iterator[Reason]:
    if row.created_person in persons(work, actor):
        text = Text("该同意由您登记，须由另一人核对。", "You entered it; another person must check it.")
        yield Reason("enterer-does-not-check", text, "职责分离 · segregation of duties (3)")


def consent(work: Work, actor: Actor, consent_id: str) -> ConsentRead:
    """One consent; NotFound outside the actor's sight."""
    return read(work, BOOK.row(work, consent_id, actor))


def consents(
    work: Work, actor: Actor, *, state: str = "", dataset_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ConsentRead], int]:
    """Consents in sight, newest first, and their number."""
    met = [col(ConsentRow.state) == state] if state else []
    met += [col(ConsentRow.dataset_id) == dataset_id] if dataset_id else []
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, consent_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = BOOK.row(work, consent_id, actor)
    return BOOK.commands(actor, row, lambda step: () if step is Step.WITHDRAW else _own(work, actor, row))


def read(work: Work, row: ConsentRow) -> ConsentRead:
    today = cover.day_of(work)
    holds = row.state == State.CONFIRMED and row.starts_on <= today <= row.ends_on
    facts: dict[str, Any] = {
        "holds_today": holds, "columns": json.loads(row.columns), "scenarios": json.loads(row.scenarios),
    }  # fmt: skip
    return ConsentRead.model_validate(row, update=facts)
