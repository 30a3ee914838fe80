"""Entering products, caps and fees, and reading them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, false, func, or_, true
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset, AssetColumn
from auth.grants import queries as grants
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow
from auth.policy import rules as policy_rules
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.model import Prose, Use
from auth.products import rules, stored
from auth.products.rules import Cap, Grading, Kind, Source, Tick, Unit
from auth.products.standing_years import counting_year
from auth.products.tables import FeeCapRow, FeeRow, ProductRow, ProductSourceRow
from auth.profile.now import profile
from auth.scope import sight
from auth.stored import if_readable
from core import bases
from core.db import one_of
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, refuse_if
from core.ids import DatasetId, GrantId
from core.text import Text
from core.work import Work

MOST_FEN: Final = 10**12


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file that was delivered: under which grant, from which release, with which receipt."""

    extract_id: str
    grant_id: str
    dataset_id: str
    release_id: str
    release_number: int
    receipt_hash: str


Assets = Callable[[DatasetId], Asset]
FilesBySha = Callable[[Sequence[str]], Mapping[str, Sequence[Delivered]]]


class SourceAsk(BaseModel):
    """A grant that the product is built on, and a file delivered under it by its SHA-256."""

    model_config = ConfigDict(extra="forbid")
    grant_id: str = Field(min_length=1, max_length=60)
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")


class ProductCreate(BaseModel):
    """A product to be entered. `price_fen` is the price of one unit in fen; `affirmed` the self-check.

    `level`: its data level, given anew; `level_reason`: why it is lower than its sources'; `surveying`: the number of the surveying approval,
    where sources hold coordinates or shapes; `registration_code`: of the product's registration, which may follow.
    """

    model_config = ConfigDict(extra="forbid")
    name_zh: Prose = Field(min_length=2, max_length=120)
    name_en: Prose = Field(min_length=2, max_length=200)
    kind: Kind
    summary: Prose = Field(min_length=4, max_length=2000)
    scenario_id: Prose = Field(min_length=1, max_length=80)
    purpose: Prose = Field(min_length=1, max_length=80)
    unit: Unit = "product"
    price_fen: int = Field(ge=0, le=MOST_FEN)
    sources: list[SourceAsk] = Field(max_length=200)
    affirmed: list[str] = Field(default=[], max_length=20)
    level: int | None = Field(default=None, ge=1, le=6)
    level_reason: Prose = Field(default="", max_length=1000)
    surveying: Prose = Field(default="", max_length=200)
    registration_code: Prose = Field(default="", max_length=100)


class RegistrationEnter(BaseModel):
    """The code under which a register of data products has entered it."""

    model_config = ConfigDict(extra="forbid")
    code: Prose = Field(min_length=4, max_length=100)


class ProductRead(BaseModel):
    """A product with the chain of its sources down to files. `affirmed`: null in lists where this version cannot read it."""

    id: str
    org_id: str
    name_zh: str
    name_en: str
    kind: str
    summary: str
    scenario_id: str
    purpose: str
    unit: str
    price_fen: int
    affirmed: list[str] | None
    level: int | None
    level_reason: str
    surveying: str
    registration_code: str
    registered_on: date | None
    entered_at: datetime
    ended_at: datetime | None
    sources: list[dict[str, Any]]
    revenue_fen: int


class CapCreate(BaseModel):
    """A cap to be set. Scenario `*` is any."""

    model_config = ConfigDict(extra="forbid")
    scenario_id: Prose = Field(min_length=1, max_length=80)
    unit: Unit
    cap_fen: int = Field(ge=0, le=MOST_FEN)
    source: Prose = Field(min_length=2, max_length=400)
    effective_from: date


class FeeCreate(BaseModel):
    """Money taken for a product. A correction has a negative quantity and a note."""

    model_config = ConfigDict(extra="forbid")
    charged_on: date
    quantity: int = Field(ge=-(10**9), le=10**9)
    price_fen: int = Field(ge=0, le=MOST_FEN)
    note: Prose = Field(default="", max_length=400)


def seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, "auth:product:read")
    return true() if seen.everything else or_(false(), col(ProductRow.org_id).in_(seen.orgs))


def row_of(work: Work, actor: Actor, product_id: str) -> ProductRow:
    """A product that the actor may see. Raises NotFound."""
    wanted = select(ProductRow).where(ProductRow.id == product_id, seen_by(actor))
    if (found := work.db.exec(wanted).first()) is None:
        raise NotFound(
            Text(
                "没有这个产品，或不在您可见的范围内。", "There is no such product, or it is not yours to see."
            )
        )
    return found


def pre_check(
    work: Work, actor: Actor, body: ProductCreate, files: FilesBySha, assets: Assets
) -> tuple[Reason, ...]:
    """Everything that stands against entering the product, with rule and source."""
    known = limits()
    if body.scenario_id not in known.scenarios or body.purpose not in known.purposes:
        raise InputRefused(Text("没有这个场景或用途。", "There is no such scenario or purpose."))
    org_id, sources = _own(actor), sources_of(work, actor, body.sources, files, assets)
    return (
        *rules.product_objections(org_id, body.scenario_id, body.purpose, sources, body.affirmed),
        *rules.grading_objections(Grading(body.level, body.level_reason, body.surveying), sources),
        *_price(work, body.scenario_id, body.purpose, body.unit, body.price_fen, today(work)),
        *rules.agreed_objections(
            body.price_fen, body.unit, _agreed(work, [source.grant_id for source in sources])
        ),
    )


def _own(actor: Actor) -> str:
    if actor.org_id is None or not actor.may_in("auth:product:write", actor.org_id):
        text = Text(
            "只有本机构的人员可以登记产品。", "Only people of the organisation may enter its products."
        )
        raise AccessRefused(text, reasons=[Reason("not-of-the-organisation", text, bases.ROLES)])
    return actor.org_id


def price_objections(work: Work, row: ProductRow, price_fen: int, day: date) -> tuple[Reason, ...]:
    """What stands against this price of the product on a day."""
    built_on = select(ProductSourceRow.grant_id).where(ProductSourceRow.product_id == row.id)
    agreed = _agreed(work, work.db.exec(built_on.distinct()).all())
    return (
        *_price(work, row.scenario_id, row.purpose, row.unit, price_fen, day),
        *rules.agreed_objections(price_fen, row.unit, agreed),
    )


def _agreed(work: Work, grant_ids: Sequence[str]) -> list[Cap]:
    """The price rules that the policies of these grants name."""
    found = work.db.exec(select(GrantRow).where(one_of(col(GrantRow.id), grant_ids)))
    named = {policy_of(grant).fee_reference for grant in found} - {None}
    rows = work.db.exec(select(FeeCapRow).where(one_of(col(FeeCapRow.id), sorted(map(str, named)))))
    return [Cap(row.scenario_id, row.unit, row.cap_fen, row.effective_from) for row in rows]


def _price(
    work: Work, scenario_id: str, purpose: str, unit: str, price_fen: int, day: date
) -> tuple[Reason, ...]:
    cap = rules.cap_of(
        [Cap(row.scenario_id, row.unit, row.cap_fen, row.effective_from) for row in caps(work)],
        scenario_id, unit, day,
    )  # fmt: skip
    is_public = limits().purposes[purpose].kind == "public" if purpose in limits().purposes else False
    return rules.price_objections(price_fen, is_public=is_public, cap=cap)


def sources_of(
    work: Work, actor: Actor, asked: Sequence[SourceAsk | ProductSourceRow], files: FilesBySha, assets: Assets
) -> list[Source]:
    """The grants that a product names, as they stand now."""
    named = [source.sha256 for source in asked if source.sha256]
    delivered = files(named) if named else {}
    found = []
    for source in asked:
        row = grants.row(work, GrantId(source.grant_id), actor)
        view = grants.view_of(work, row)
        under = {each.grant_id for each in delivered.get(source.sha256, ())}
        asset = assets(DatasetId(row.dataset_id))
        granted = {term.name for term in view.policy.columns if term.use is not Use.DENIED}
        found.append(
            Source(
                row.id, row.org_id, view.policy.scenario_id, view.policy.purposes,
                not policy_rules.effective(view, work.now), row.id in under if source.sha256 else None,
                asset.level, any(_is_place(column) for column in asset.columns if column.name in granted),
            )
        )  # fmt: skip
    return found


def _is_place(column: AssetColumn) -> bool:
    return column.type == "geometry" or column.name.lower() in rules.PLACES


def enter(work: Work, actor: Actor, body: ProductCreate, files: FilesBySha, assets: Assets) -> ProductRead:
    """Enter a product of one's own organisation. AccessRefused lists everything that stands against it."""
    refuse_if(pre_check(work, actor, body, files, assets))
    row = ProductRow(
        id=work.new_id(), org_id=_own(actor), name_zh=body.name_zh, name_en=body.name_en, kind=body.kind,
        summary=body.summary, scenario_id=body.scenario_id, purpose=body.purpose, unit=body.unit,
        price_fen=body.price_fen, checks=json.dumps(sorted(set(body.affirmed))), entered_by=actor.account_id,
        entered_at=work.now, level=body.level, level_reason=body.level_reason.strip(), surveying=body.surveying.strip(),
        registration_code=body.registration_code.strip(), registered_on=today(work) if body.registration_code.strip() else None,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    for source in body.sources:
        work.db.add(ProductSourceRow(id=work.new_id(), product_id=row.id, **source.model_dump()))
    work.db.flush()
    audit.record(
        work, actor, "product.entered", subject=row.id,
        payload={
            "price_fen": body.price_fen, "unit": body.unit, "sources": [s.model_dump() for s in body.sources], "level": body.level,
            "registration_code": row.registration_code,
        },
    )  # fmt: skip
    return _read(work, row, files)


def register(
    work: Work, actor: Actor, product_id: str, body: RegistrationEnter, files: FilesBySha
) -> ProductRead:
    """Enter the code of the product's registration; once, for a code is not changed in passing."""
    row = row_of(work, actor, product_id)
    if row.org_id != _own(actor) or row.ended_at or row.registration_code:
        raise Conflict(
            Text("该产品已填写登记编码、已下架，或不属于本机构。", "The product has its code already, has ended, or is not yours.")
        )  # fmt: skip
    row.registration_code, row.registered_on = body.code.strip(), today(work)
    work.db.add(row)
    audit.record(
        work,
        actor,
        "product.registered",
        subject=row.id,
        payload={"registration_code": row.registration_code},
    )
    return _read(work, row, files)


def ticks(work: Work, actor: Actor, product_id: str, files: FilesBySha, assets: Assets) -> tuple[Tick, ...]:
    """The four ticks of a product, as they stand now."""
    row = row_of(work, actor, product_id)
    wanted = select(ProductSourceRow).where(ProductSourceRow.product_id == row.id)
    rows: Sequence[ProductSourceRow] = work.db.exec(wanted.order_by(col(ProductSourceRow.id))).all()
    found = sources_of(work, actor, rows, files, assets)
    given = Grading(row.level, row.level_reason, row.surveying)
    registered = rules.registration_objections(profile(work).product_registration, row.registration_code)
    return rules.ticks(
        found, [bool(each.delivered) for each in found], stored.affirmed(row), given, registered
    )


def today(work: Work) -> date:
    """The local day."""
    return work.now.astimezone(LOCAL).date()


def end(work: Work, actor: Actor, product_id: str, files: FilesBySha) -> ProductRead:
    """It is not offered any more; the record stays."""
    row = row_of(work, actor, product_id)
    if row.org_id != _own(actor) or row.ended_at:
        raise Conflict(Text("该产品已下架，或不属于本机构。", "The product has ended, or is not yours."))
    row.ended_at = work.now
    work.db.add(row)
    audit.record(work, actor, "product.ended", subject=row.id)
    return _read(work, row, files)


def product(work: Work, actor: Actor, product_id: str, files: FilesBySha) -> ProductRead:
    """One product. Raises Unavailable where this version cannot read its self-check."""
    row = row_of(work, actor, product_id)
    stored.affirmed(row)
    return _read(work, row, files)


def products(
    work: Work, actor: Actor, files: FilesBySha, *, org_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ProductRead], int]:
    wanted = [seen_by(actor), *([col(ProductRow.org_id) == org_id] if org_id else [])]
    total = work.db.exec(select(func.count()).select_from(ProductRow).where(*wanted)).one()
    rows = work.db.exec(
        select(ProductRow).where(*wanted).order_by(col(ProductRow.id).desc()).offset(offset).limit(limit)
    )
    return [_read(work, row, files) for row in rows], total


def _read(work: Work, row: ProductRow, files: FilesBySha) -> ProductRead:
    sources = list(
        work.db.exec(
            select(ProductSourceRow, GrantRow)
            .where(ProductSourceRow.grant_id == GrantRow.id, ProductSourceRow.product_id == row.id)
            .order_by(col(ProductSourceRow.id))
        )
    )
    named = [source.sha256 for source, _ in sources if source.sha256]
    delivered = files(named) if named else {}
    chain = []
    for source, grant in sources:
        held = [each for each in delivered.get(source.sha256, ()) if each.grant_id == grant.id]
        chain.append(
            {
                "grant_id": grant.id, "dataset_id": grant.dataset_id, "title_zh": grant.title_zh, "title_en": grant.title_en,
                "policy_hash": grant.policy_hash, "sha256": source.sha256,
                "extracts": [
                    {"extract_id": each.extract_id, "release_id": each.release_id, "release_number": each.release_number, "receipt_hash": each.receipt_hash}
                    for each in held
                ],
            }
        )  # fmt: skip
    taken = select(func.coalesce(func.sum(FeeRow.amount_fen), 0)).where(FeeRow.product_id == row.id)
    return ProductRead(
        affirmed=if_readable(stored.affirmed, row), sources=chain, revenue_fen=int(work.db.exec(taken).one()),
        **row.model_dump(exclude={"checks", "entered_by"}),
    )  # fmt: skip


def caps(work: Work) -> list[FeeCapRow]:
    """Every cap, the newest first; of two for the same day, the one confirmed later."""
    order = (col(FeeCapRow.effective_from).desc(), col(FeeCapRow.set_at).desc(), col(FeeCapRow.id).desc())
    return list(work.db.exec(select(FeeCapRow).order_by(*order)))


def demand_scenario(body: CapCreate) -> None:
    """Raise InputRefused for a scenario that is not on the list."""
    if body.scenario_id != rules.ANY and body.scenario_id not in limits().scenarios:
        raise InputRefused(Text("没有这个场景。", "There is no such scenario."), field="scenario_id")


def set_cap(work: Work, actor: Actor, body: CapCreate, cap_id: str) -> FeeCapRow:
    """Put a confirmed cap in force, under the id of its proposal; earlier ones stay on record. Only `auth.caps` asks for it."""
    row = FeeCapRow(id=cap_id, set_by=actor.account_id, set_at=work.now, **body.model_dump())
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "fee_cap.set", subject=row.id, payload=body.model_dump(mode="json"))
    return row


def charge(work: Work, actor: Actor, product_id: str, body: FeeCreate) -> FeeRow:
    """Enter money taken; the price must keep to the cap of that day. A correction takes back what was entered of that day and price, and no more."""
    row = row_of(work, actor, product_id)
    if row.org_id != _own(actor):
        raise NotFound(Text("没有这个产品。", "There is no such product."))
    if body.quantity == 0 or (
        body.quantity < 0 and len(body.note.strip()) < limits()["min_reason_characters"]
    ):
        raise InputRefused(
            Text(
                "数量不能为零；冲正须写明理由（note）。",
                "The quantity is not zero; a correction needs a note.",
            )
        )
    if body.charged_on > today(work):
        raise InputRefused(Text("收费日期不能在将来。", "The day of the charge is not in the future."))
    counts_in = counting_year(work, body.charged_on.year)
    if counts_in != body.charged_on.year and len(body.note.strip()) < limits()["min_reason_characters"]:
        raise InputRefused(
            Text(
                f"{body.charged_on.year} 年度已披露；该笔将作为更正列入 {counts_in} 年度披露，请写明理由（note）。",
                f"The year {body.charged_on.year} is disclosed; this line is told as a correction in the disclosure of {counts_in}, so say why (note).",
            ),
            field="note",
        )
    if body.quantity < 0:
        _demand_entered(work, row.id, body)
    if body.quantity > 0:
        mode = profile(work).product_registration
        refuse_if(
            (
                *rules.sold_objections(body.charged_on, *_sold(work, row)),
                *price_objections(work, row, body.price_fen, body.charged_on),
                *rules.registration_objections(mode, row.registration_code),
            )
        )
    fee = FeeRow(
        id=work.new_id(), product_id=row.id, org_id=row.org_id, amount_fen=body.quantity * body.price_fen, counts_in=counts_in,
        entered_by=actor.account_id, entered_at=work.now, **body.model_dump(),
    )  # fmt: skip
    work.db.add(fee)
    work.db.flush()
    audit.record(
        work, actor, "fee.entered", subject=row.id,
        payload=body.model_dump(mode="json") | {"amount_fen": fee.amount_fen, "counts_in": counts_in},
    )  # fmt: skip
    return fee


def _sold(work: Work, row: ProductRow) -> tuple[date | None, list[date]]:
    """The first day on which a grant of its sources' lines counted, and the last days on which the product could be sold: when its maker
    ended it, and when the last grant of those lines ended.
    """
    found = [row.ended_at] if row.ended_at else []
    named = work.db.exec(select(ProductSourceRow.grant_id).where(ProductSourceRow.product_id == row.id))
    of_line, step = set[str](), set(named)
    began, lived = list[datetime](), list[datetime]()
    begun = col(GrantRow.activated_at).is_not(None)
    while step := step - of_line:
        of_line |= step
        rows = work.db.exec(select(GrantRow).where(col(GrantRow.id).in_(sorted(step)), begun)).all()
        began += [max(each.activated_at or each.starts_at, each.starts_at) for each in rows]
        lived += [min(each.ended_at or each.ends_at, each.ends_at) for each in rows]
        after = select(GrantRow.id).where(col(GrantRow.succeeds_id).in_(sorted(step)), begun)
        step = set(work.db.exec(after)) | {each.succeeds_id for each in rows if each.succeeds_id}
    if lived:
        found.append(max(lived))
    first = min(began).astimezone(LOCAL).date() if began else None
    return first, [each.astimezone(LOCAL).date() for each in found]


def _demand_entered(work: Work, product_id: str, body: FeeCreate) -> None:
    """Corrections of one product come one after the other, so that together they take back no more than there is."""
    work.db.exec(select(ProductRow.id).where(ProductRow.id == product_id).with_for_update()).one()
    entered = work.db.exec(
        select(func.coalesce(func.sum(FeeRow.quantity), 0)).where(
            FeeRow.product_id == product_id, FeeRow.charged_on == body.charged_on, FeeRow.price_fen == body.price_fen
        )
    ).one()  # fmt: skip
    if entered + body.quantity < 0:
        raise InputRefused(
            Text(
                f"冲正不得多于已登记的数量：该产品 {body.charged_on} 按此单价还有 {entered}。请按原收费的日期与单价冲正。",
                f"A correction takes back no more than was entered: of this product on {body.charged_on} at this price {entered} are left. "
                "Give the day and the price of the charge that it corrects.",
            )
        )


def fees(work: Work, actor: Actor, product_id: str) -> list[FeeRow]:
    """The fees of one product, newest first."""
    row = row_of(work, actor, product_id)
    order = (col(FeeRow.charged_on).desc(), col(FeeRow.id).desc())
    return list(work.db.exec(select(FeeRow).where(FeeRow.product_id == row.id).order_by(*order)))
