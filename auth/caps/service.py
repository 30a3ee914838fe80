"""Proposing a cap, and putting it in force or rejecting it as a second person. Until then the earlier caps count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, false, true
from sqlmodel import SQLModel, col

from auth.actor import Actor
from auth.caps.tables import CapProposalRow
from auth.caps.workflow import FINAL, MACHINE, State, Step
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import persons
from auth.messages import seconds
from auth.products import service as products
from auth.products.service import CapCreate
from auth.revenue import service as revenue
from auth.revenue.service import RevenueCapCreate
from auth.scope import sight
from core import bases
from core.errors import AccessRefused, Reason, refuse_if
from core.text import Text
from core.work import Work

READ: Final = "auth:fee-cap:read"
PROPOSE: Final = "auth:fee-cap:write"
CONFIRM: Final = "auth:fee-cap:confirm"
Kind = Literal["fee", "revenue"]
KIND_NAMES: Final[dict[Kind, Text]] = {
    "fee": Text("收费上限", "Fee cap"),
    "revenue": Text("最高准许收入", "Revenue cap"),
}


class CapRead(SQLModel):
    """A proposed cap as a reader sees it; the fields of the other kind are empty."""

    id: str
    state: State
    version: int
    kind: Kind
    scenario_id: str
    unit: str
    effective_from: date | None
    org_id: str
    year: int | None
    cap_fen: int
    source: str
    note: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    return true() if sight(actor, READ).everything else false()


BOOK: Final = Book(
    kind="cap", table=CapProposalRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, _: actor.roles_in(None),
    kinds={"open": "cap.proposed", Step.CONFIRM: "cap.confirmed", Step.REJECT: "cap.rejected"},
)  # fmt: skip


def propose_fee(work: Work, actor: Actor, body: CapCreate) -> CapRead:
    """Propose the highest price of a unit in a scenario, from a day on. Raises InputRefused for a scenario that there is none of."""
    products.demand_scenario(body)
    return _open(work, actor, CapProposalRow(**made_by(work, actor), state=State.PROPOSED, kind="fee", **body.model_dump()))  # fmt: skip


def propose_revenue(work: Work, actor: Actor, body: RevenueCapCreate) -> CapRead:
    """Propose the highest revenue of an operator in a year. Raises NotFound, or InputRefused for what is no enterprise."""
    revenue.demand_enterprise(work, body)
    return _open(work, actor, CapProposalRow(**made_by(work, actor), state=State.PROPOSED, kind="revenue", **body.model_dump()))  # fmt: skip


def _open(work: Work, actor: Actor, row: CapProposalRow) -> CapRead:
    if not actor.may_in(PROPOSE, None):
        text = Text("上限由局里的审批人提出，部门的审批人不能提出。", "Caps are proposed by approvers of the bureau, not of a department.")  # fmt: skip
        raise AccessRefused(text, reasons=[Reason("not-of-the-bureau", text, bases.ROLES)])
    BOOK.open(work, actor, row, told(row))
    facts = {"kind_zh": KIND_NAMES[_kind(row)].zh, "kind_en": KIND_NAMES[_kind(row)].en.lower()}
    seconds.call(work, actor, "cap.waits", row.id, hands=[row.created_person], facts=facts)
    return read(row)


def told(row: CapProposalRow) -> dict[str, Any]:
    """What the audit record tells of it."""
    own = ("scenario_id", "unit", "effective_from") if row.kind == "fee" else ("org_id", "year")
    return {"kind": row.kind} | row.model_dump(mode="json", include={*own, "cap_fen", "source"})


def step(work: Work, actor: Actor, cap_id: str, which: Step, ask: CaseStep) -> CapRead:
    """Confirm, as another person than the one who proposed, or reject with a reason."""
    row = BOOK.row(work, cap_id, actor, version=ask.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(tuple(_proposer(work, actor, row, which)))
    if which is Step.REJECT:
        need_reason(ask.note)
    BOOK.move(work, actor, row, which, ask.note, told(row))
    if which is Step.CONFIRM:
        _put_in_force(work, actor, row)
    return read(row)


def _put_in_force(work: Work, actor: Actor, row: CapProposalRow) -> None:
    if row.kind == "fee":
        products.set_cap(work, actor, fee_body(row), row.id)
    else:
        revenue.set_cap(work, actor, revenue_body(row), row.id)


def fee_body(row: CapProposalRow) -> CapCreate:
    return CapCreate.model_validate(row.model_dump(include=set(CapCreate.model_fields)))


def revenue_body(row: CapProposalRow) -> RevenueCapCreate:
    return RevenueCapCreate.model_validate(row.model_dump(include=set(RevenueCapCreate.model_fields)))


def _proposer(work: Work, actor: Actor, row: CapProposalRow, which: Any) -> Iterator[Reason]:  # noqa: ANN401 - a step
    if which is Step.CONFIRM and row.created_person in persons(work, actor):
        text = Text(
            "该上限由您提出，须由另一人确认。", "You proposed this cap; another person must confirm it."
        )
        yield Reason("proposer-does-not-confirm", text, "职责分离 · segregation of duties (3)")


def listed(
    work: Work, actor: Actor, *, state: str = "", kind: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[CapRead], int]:
    """Proposed caps in sight, newest first, and their number."""
    wanted = {"state": state, "kind": kind}
    met = [col(getattr(CapProposalRow, name)) == value for name, value in wanted.items() if value]
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(row) for row in rows], total


def cap(work: Work, actor: Actor, cap_id: str) -> CapRead:
    """One of them; NotFound outside the actor's sight."""
    return read(BOOK.row(work, cap_id, actor))


def commands(work: Work, actor: Actor, cap_id: str) -> list[Command]:
    row = BOOK.row(work, cap_id, actor)
    return BOOK.commands(actor, row, lambda which: _proposer(work, actor, row, which))


def _kind(row: CapProposalRow) -> Kind:
    return "fee" if row.kind == "fee" else "revenue"


def read(row: CapProposalRow) -> CapRead:
    return CapRead.model_validate(row)
