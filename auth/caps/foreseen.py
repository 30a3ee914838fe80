"""What would be over a proposed cap: products on offer, charges that were entered, an operator's years. A dry run that writes nothing."""

from __future__ import annotations

from datetime import date

from sqlmodel import SQLModel, col, func, select

from auth.actor import Actor
from auth.caps.service import BOOK, fee_body, revenue_body
from auth.products import rules
from auth.products import service as products
from auth.products.rules import Cap
from auth.products.tables import FeeRow, ProductRow
from auth.revenue import service as revenue
from core.work import Work


class PriceOver(SQLModel):
    """A product on offer whose price the cap would not allow; `cap_fen`: the cap that counts for it now, if any."""

    product_id: str
    org_id: str
    name_zh: str
    name_en: str
    price_fen: int
    cap_fen: int | None


class ChargedOver(SQLModel):
    """Charges of a product at a price above the cap, entered for days from its first one on; corrections are taken off. They stand as entered."""

    product_id: str
    org_id: str
    name_zh: str
    name_en: str
    price_fen: int
    quantity: int
    amount_fen: int
    first_on: date
    last_on: date


class YearChanged(SQLModel):
    """An operator's year that would turn out otherwise; an excess is what was taken beyond what may be."""

    org_id: str
    year: int
    taken_fen: int
    cap_before_fen: int | None
    cap_fen: int | None
    excess_before_fen: int
    excess_fen: int


class CapEffects(SQLModel):
    """What would be over the cap. Prices are judged on its first day, or today where that is past."""

    prices: list[PriceOver] = []
    charges: list[ChargedOver] = []
    years: list[YearChanged] = []


def effects(work: Work, actor: Actor, cap_id: str) -> CapEffects:
    """Of one proposal, against the caps in force now; NotFound outside the actor's sight. Of one that is settled: nothing."""
    row = BOOK.row(work, cap_id, actor)
    if row.ended_at is not None:
        return CapEffects()
    if row.kind == "revenue":
        return CapEffects(years=_years(work, revenue_body(row)))
    body = fee_body(row)
    new = Cap(body.scenario_id, body.unit, body.cap_fen, body.effective_from)
    known = [
        Cap(each.scenario_id, each.unit, each.cap_fen, each.effective_from) for each in products.caps(work)
    ]
    return CapEffects(prices=_prices(work, new, known), charges=_charges(work, new, known))


def _counts(new: Cap, known: list[Cap], scenario_id: str, day: date) -> bool:
    """Whether the new cap would be the one that counts in that scenario on that day: of two for the same day, the later."""
    return rules.cap_of([new, *known], scenario_id, new.unit, day) is new


def _prices(work: Work, new: Cap, known: list[Cap]) -> list[PriceOver]:
    day = max(new.effective_from, products.today(work))
    wanted = select(ProductRow).where(
        col(ProductRow.ended_at).is_(None), ProductRow.unit == new.unit, ProductRow.price_fen > new.cap_fen
    )
    found = []
    for row in work.db.exec(wanted.order_by(col(ProductRow.org_id), col(ProductRow.id))):
        if _counts(new, known, row.scenario_id, day):
            old = rules.cap_of(known, row.scenario_id, new.unit, day)
            found.append(
                PriceOver(
                    product_id=row.id, org_id=row.org_id, name_zh=row.name_zh, name_en=row.name_en, price_fen=row.price_fen,
                    cap_fen=old.cap_fen if old else None,
                )
            )  # fmt: skip
    return found


def _charges(work: Work, new: Cap, known: list[Cap]) -> list[ChargedOver]:
    summed = (
        select(col(FeeRow.product_id), col(FeeRow.price_fen), col(FeeRow.charged_on), func.sum(FeeRow.quantity))
        .join(ProductRow, col(ProductRow.id) == col(FeeRow.product_id))
        .where(ProductRow.unit == new.unit, FeeRow.charged_on >= new.effective_from, FeeRow.price_fen > new.cap_fen)
        .group_by(col(FeeRow.product_id), col(FeeRow.price_fen), col(FeeRow.charged_on))
        .order_by(col(FeeRow.product_id), col(FeeRow.price_fen), col(FeeRow.charged_on))
    )  # fmt: skip
    lines = list(work.db.exec(summed))
    wanted = select(ProductRow).where(col(ProductRow.id).in_({line[0] for line in lines}))
    named = {row.id: row for row in work.db.exec(wanted)}
    found: dict[tuple[str, int], ChargedOver] = {}
    for product_id, price, day, quantity in lines:
        row = named[product_id]
        if not quantity or not _counts(new, known, row.scenario_id, day):
            continue
        held = found.setdefault(
            (product_id, price),
            ChargedOver(
                product_id=product_id, org_id=row.org_id, name_zh=row.name_zh, name_en=row.name_en, price_fen=price,
                quantity=0, amount_fen=0, first_on=day, last_on=day,
            ),
        )  # fmt: skip
        held.quantity, held.last_on = held.quantity + int(quantity), day
        held.amount_fen = held.quantity * price
    return list(found.values())


def _years(work: Work, body: revenue.RevenueCapCreate) -> list[YearChanged]:
    before = {row.year: row for row in revenue.revenue(work, org_id=body.org_id)}
    found = []
    for row in revenue.revenue(work, org_id=body.org_id, as_if=body):
        was = before.get(row.year)
        old = (was.cap_fen, was.excess_fen) if was else (None, 0)
        if old != (row.cap_fen, row.excess_fen):
            found.append(
                YearChanged(
                    org_id=row.org_id, year=row.year, taken_fen=row.taken_fen, cap_before_fen=old[0], cap_fen=row.cap_fen,
                    excess_before_fen=old[1], excess_fen=row.excess_fen,
                )
            )  # fmt: skip
    return found
