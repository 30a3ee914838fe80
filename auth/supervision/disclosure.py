"""The yearly disclosure (by the end of March for the year before): what body and operators must tell the public.

Everything is read from live rows; nothing is typed twice. Figures of use are the ledger's monthly sums, so they reconcile with
its lines to the byte. Source: notice of the National Data Administration of 2026-02-10.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import Row, extract, func
from sqlalchemy import select as columns_of
from sqlmodel import col, select

from auth.agreements.stored import body_of
from auth.agreements.tables import AgreementRow
from auth.agreements.workflow import State as AgreementState
from auth.applications.tables import ApplicationEventRow
from auth.applications.workflow import State as ApplicationState
from auth.applications.workflow import Step as ApplicationStep
from auth.grants import in_force
from auth.grants.stored import outline_of
from auth.grants.tables import GrantEventRow, GrantRow, UsageMonthRow
from auth.identity.rules import ENTERPRISE_KINDS
from auth.identity.tables import OrganisationRow, OrgKind
from auth.incidents.tables import IncidentRow
from auth.incidents.workflow import State as IncidentState
from auth.policy.filters.rules import LOCAL
from auth.products.tables import FeeCapRow, FeeRow, ProductRow
from auth.profile.now import profile
from auth.revenue import service as revenue
from auth.supervision.lacking import Missing, missing
from core.work import Work, fetched

DECISIONS: Final = (
    str(ApplicationStep.OFFER),
    str(ApplicationStep.REJECT),
    str(ApplicationStep.SCREEN_REJECT),
)
UNITS: Final = ("extracts", "deliveries", "rows", "bytes", "downloads", "sent_bytes")


class Disclosure(BaseModel):
    """One year. Sections are lists of plain rows, so that a page, a workbook and JSON say the same."""

    year: int
    bodies: list[dict[str, Any]]
    agreements: list[dict[str, Any]]
    authorisations: list[dict[str, Any]]
    fee_caps: list[dict[str, Any]]
    operators: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    products: list[dict[str, Any]]
    fees: list[dict[str, Any]]
    corrections: list[dict[str, Any]] = []
    revenue: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    figures: dict[str, int]
    refusals: list[dict[str, Any]]
    missing: list[Missing]


def year_span(year: int) -> tuple[datetime, datetime]:
    """The instants of a local year: the first belongs to it, the second does not."""
    return tuple(datetime(each, 1, 1, tzinfo=LOCAL).astimezone(UTC) for each in (year, year + 1))  # type: ignore[return-value]


def disclosure(work: Work, year: int) -> Disclosure:
    """The year's disclosure as the records stand now."""
    begins, ends = year_span(year)
    orgs: dict[str, Row[Any]] = {row.id: row for row in fetched(work, _ORGS)}
    granted = _grants(work, begins, ends)
    used = _used(work, year)
    by_id = {row.id: row for row in work.db.exec(select(ProductRow).order_by(col(ProductRow.id)))}
    fees, corrections = _fees(work, year, by_id), _corrections(work, year, by_id)
    agreed, incidents = _agreements(work, year, orgs), _incidents(work, begins, ends)
    moved_on = _moved_on(work, ends)
    charged = {fee["product_id"] for fee in fees}
    products = [
        row
        for row in by_id.values()
        if row.id in charged or (row.entered_at < ends and (row.ended_at is None or row.ended_at >= begins))
    ]
    operators = (
        {row.org_id for row in granted} | {row.org_id for row in used} | {row.org_id for row in products}
    )
    operators |= {each["org_id"] for each in agreed}
    made = Disclosure(
        year=year,
        bodies=[_org(row) for row in orgs.values() if row.kind == OrgKind.IMPLEMENTING_BODY],
        agreements=agreed,
        authorisations=[_authorisation(row, orgs, ends, moved_on) for row in granted],
        fee_caps=_caps(work, year),
        operators=[_org(orgs[each]) for each in sorted(operators) if orgs[each].kind in ENTERPRISE_KINDS],
        resources=_resources(used, orgs),
        products=[_product(row, orgs) for row in products],
        fees=fees,
        corrections=corrections,
        revenue=[row.model_dump() for row in revenue.revenue(work, year=year, counted_by=year)],
        incidents=incidents,
        figures=_figures(work, begins, ends, granted, used)
        | {
            "agreements": len(agreed),
            "incidents": len(incidents),
            "revenue_fen": sum(fee["amount_fen"] for fee in fees),
            "corrections_fen": sum(each["change_fen"] for each in corrections),
        },
        refusals=refusals(work, begins, ends),
        missing=[],
    )
    made.missing = list(missing(made, needs_agreement=profile(work).agreement))
    return made


_ORGS: Final = columns_of(
    *(
        getattr(OrganisationRow, name)
        for name in ("id", "name_zh", "name_en", "kind", "credit_code", "licence_valid_to")
    )
).order_by(col(OrganisationRow.id))
_GRANT: Final = columns_of(
    *(
        getattr(GrantRow, name)
        for name in (
            "id",
            "org_id",
            "department_id",
            "dataset_id",
            "title_zh",
            "title_en",
            "policy",
            "starts_at",
            "ends_at",
            "state",
            "ended_at",
            "agreement_hash",
        )
    )
)


def _grants(work: Work, begins: datetime, ends: datetime) -> Sequence[Row[Any]]:
    """Grants that were in force at some instant of the year."""
    wanted = _GRANT.where(*in_force.having_lived_in(begins, in_force.until(ends, work.now)))
    return fetched(work, wanted.order_by(col(GrantRow.org_id), col(GrantRow.id))).all()


def _used(work: Work, year: int) -> Sequence[Row[Any]]:
    """What each enterprise took of each dataset in the year, added up by the database; of several titles the first by its letters."""
    wanted = (
        columns_of(
            col(GrantRow.org_id), col(GrantRow.dataset_id),
            func.min(GrantRow.title_zh).label("title_zh"), func.min(GrantRow.title_en).label("title_en"),
            *(func.sum(getattr(UsageMonthRow, unit)).label(unit) for unit in UNITS),
        )
        .join(UsageMonthRow, col(UsageMonthRow.grant_id) == col(GrantRow.id))
        .where(col(UsageMonthRow.month).between(f"{year}-01", f"{year}-12"))
        .group_by(col(GrantRow.org_id), col(GrantRow.dataset_id))
    )  # fmt: skip
    return sorted(fetched(work, wanted), key=lambda row: (row.org_id, row.dataset_id))


def _org(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id, "name_zh": row.name_zh, "name_en": row.name_en, "kind": row.kind, "credit_code": row.credit_code or "",
        "licence_valid_to": row.licence_valid_to.isoformat() if row.licence_valid_to else "",
    }  # fmt: skip


def _authorisation(
    row: Row[Any], orgs: dict[str, Row[Any]], ends: datetime, moved_on: dict[str, str]
) -> dict[str, Any]:
    told = outline_of(row.id, row.policy)
    return {
        "grant_id": row.id, "org_id": row.org_id, "org_zh": orgs[row.org_id].name_zh, "org_en": orgs[row.org_id].name_en,
        "department_id": row.department_id, "dataset_id": row.dataset_id, "title_zh": row.title_zh, "title_en": row.title_en,
        "scenario_id": told.scenario_id, "purposes": ", ".join(told.purposes),
        "delivery_forms": ", ".join(told.delivery_forms), "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(), "state": moved_on.get(row.id, row.state),
        "ended_at": row.ended_at.isoformat() if row.ended_at and row.ended_at < ends else "", "agreement_hash": row.agreement_hash,
    }  # fmt: skip


def _agreements(work: Work, year: int, orgs: dict[str, Row[Any]]) -> list[dict[str, Any]]:
    """Agreements in force on some day of the year: who, how chosen, for which scenarios, until when, at what cap."""
    wanted = select(AgreementRow).where(
        col(AgreementRow.state).in_([AgreementState.ACTIVE, AgreementState.ENDED, AgreementState.TERMINATED]),
        AgreementRow.starts_on <= date(year, 12, 31), AgreementRow.ends_on >= date(year, 1, 1),
    )  # fmt: skip
    found = []
    for row in work.db.exec(wanted.order_by(col(AgreementRow.operator_id), col(AgreementRow.id))):
        is_over = row.ended_at is not None and row.ended_at < year_span(year)[1]
        ended_on = row.ended_at.astimezone(LOCAL).date() if is_over and row.ended_at else None
        if ended_on is not None and ended_on < date(year, 1, 1):
            continue
        body = body_of(row)
        found.append(
            {
                "agreement_id": row.id, "title": row.title, "org_id": row.operator_id, "org_zh": orgs[row.operator_id].name_zh,
                "org_en": orgs[row.operator_id].name_en, "mode": body.mode.value, "scenario_id": ", ".join(body.scenarios),
                "purposes": ", ".join(body.purposes), "starts_on": row.starts_on.isoformat(), "ends_on": row.ends_on.isoformat(),
                "state": row.state if is_over else AgreementState.ACTIVE.value, "ended_on": ended_on.isoformat() if ended_on else "", "selection": body.selection.value if body.selection else "",
                "selection_sha256": body.selection_sha256, "product_list": body.products,
            }
        )  # fmt: skip
    return found


def _incidents(work: Work, begins: datetime, ends: datetime) -> list[dict[str, Any]]:
    """Freezes that began in the year or still held in it."""
    wanted = select(IncidentRow).where(
        col(IncidentRow.created_at) < ends, func.coalesce(IncidentRow.ended_at, ends) >= begins
    )
    return [
        {
            "incident_id": row.id, "target_kind": row.target_kind, "target_id": row.target_id, "title_zh": row.title_zh, "title_en": row.title_en,
            "reason": row.reason, "frozen_at": row.created_at.isoformat(),
            **(
                {"state": row.state, "lifted_at": row.ended_at.isoformat(), "lifted_reason": row.lifted_reason}
                if row.ended_at and row.ended_at < ends
                else {"state": IncidentState.FROZEN.value, "lifted_at": "", "lifted_reason": ""}
            ),
        }
        for row in work.db.exec(wanted.order_by(col(IncidentRow.created_at), col(IncidentRow.id)))
    ]  # fmt: skip


def _caps(work: Work, year: int) -> list[dict[str, Any]]:
    wanted = select(FeeCapRow).where(FeeCapRow.effective_from <= datetime(year, 12, 31, tzinfo=UTC).date())
    return [
        {
            "scenario_id": row.scenario_id, "unit": row.unit, "cap_fen": row.cap_fen, "source": row.source,
            "effective_from": row.effective_from.isoformat(),
        }
        for row in work.db.exec(wanted.order_by(col(FeeCapRow.scenario_id), col(FeeCapRow.effective_from)))
    ]  # fmt: skip


def _resources(used: Sequence[Row[Any]], orgs: dict[str, Row[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "org_id": row.org_id, "org_zh": orgs[row.org_id].name_zh, "org_en": orgs[row.org_id].name_en, "dataset_id": row.dataset_id,
            "title_zh": row.title_zh, "title_en": row.title_en, **{unit: int(getattr(row, unit)) for unit in UNITS},
        }
        for row in used
    ]  # fmt: skip


def _product(row: ProductRow, orgs: dict[str, Row[Any]]) -> dict[str, Any]:
    return {
        "product_id": row.id, "org_id": row.org_id, "org_zh": orgs[row.org_id].name_zh, "org_en": orgs[row.org_id].name_en,
        "name_zh": row.name_zh, "name_en": row.name_en, "kind": row.kind, "summary": row.summary,
        "scenario_id": row.scenario_id, "purpose": row.purpose, "unit": row.unit, "price_fen": row.price_fen,
    }  # fmt: skip


def _fees(work: Work, year: int, products: dict[str, ProductRow]) -> list[dict[str, Any]]:
    """What was charged in the year, by product."""
    first, last = datetime(year, 1, 1, tzinfo=UTC).date(), datetime(year, 12, 31, tzinfo=UTC).date()
    wanted = (
        select(FeeRow.product_id, func.sum(FeeRow.quantity), func.max(FeeRow.price_fen), func.sum(FeeRow.amount_fen))
        .where(col(FeeRow.charged_on).between(first, last), FeeRow.counts_in == year)
        .group_by(col(FeeRow.product_id))
        .order_by(col(FeeRow.product_id))
    )  # fmt: skip
    return [
        {
            "product_id": product_id, "org_id": products[product_id].org_id, "name_zh": products[product_id].name_zh,
            "name_en": products[product_id].name_en, "unit": products[product_id].unit, "quantity": int(quantity),
            "highest_price_fen": int(price), "amount_fen": int(amount),
        }
        for product_id, quantity, price, amount in work.db.exec(wanted)
    ]  # fmt: skip


def _corrections(work: Work, year: int, products: dict[str, ProductRow]) -> list[dict[str, Any]]:
    """What was entered of earlier years after they had been disclosed, by product: what had been told, and what is true now."""
    of_year = extract("year", col(FeeRow.charged_on))
    mine = (
        select(FeeRow.product_id, of_year, func.sum(FeeRow.quantity), func.sum(FeeRow.amount_fen))
        .where(FeeRow.counts_in == year, FeeRow.charged_on < date(year, 1, 1))
        .group_by(col(FeeRow.product_id), of_year)
    )
    found = []
    for product_id, told_in, quantity, amount in sorted(
        work.db.exec(mine), key=lambda row: (int(row[1]), row[0])
    ):
        before = select(
            func.coalesce(func.sum(FeeRow.quantity), 0), func.coalesce(func.sum(FeeRow.amount_fen), 0)
        ).where(
            FeeRow.product_id == product_id, FeeRow.counts_in < year,
            col(FeeRow.charged_on).between(date(int(told_in), 1, 1), date(int(told_in), 12, 31)),
        )  # fmt: skip
        had, fen = (int(each) for each in work.db.exec(before).one())
        row = products[product_id]
        found.append(
            {
                "year": int(told_in), "product_id": product_id, "org_id": row.org_id, "name_zh": row.name_zh, "name_en": row.name_en,
                "unit": row.unit, "told_quantity": had, "quantity": had + int(quantity), "told_fen": fen,
                "amount_fen": fen + int(amount), "change_fen": int(amount),
            }
        )  # fmt: skip
    return found


def _figures(
    work: Work,
    begins: datetime,
    ends: datetime,
    granted: Sequence[Row[Any]],
    used: Sequence[Row[Any]],
) -> dict[str, int]:
    by_state, until = _states(work, begins, ends), in_force.until(ends, work.now)
    accepted = by_state.get(ApplicationState.AGREED, 0) + by_state.get(ApplicationState.OFFERED, 0)
    return {
        "applications": sum(by_state.values()), "applications_accepted": accepted,
        "applications_rejected": by_state.get(ApplicationState.REJECTED, 0),
        "authorisations": len(granted), "in_force_at_end": sum(in_force.stood_to_the_end(row, until) for row in granted),
        **{unit: sum(int(getattr(row, unit)) for row in used) for unit in UNITS},
    }  # fmt: skip


def _states(work: Work, begins: datetime, ends: datetime) -> dict[str, int]:
    """Applications first submitted in the year, counted by the state in which the year left them: from events, which never change."""
    event, step = ApplicationEventRow, str(ApplicationStep.SUBMIT)
    first = (
        select(event.application_id).where(event.step == step).group_by(col(event.application_id))
        .having(func.min(event.at) >= begins, func.min(event.at) < ends)
    )  # fmt: skip
    last = (
        select(event.application_id, func.max(event.version).label("version"))
        .where(col(event.application_id).in_(first), event.at < ends)
        .group_by(col(event.application_id)).subquery()
    )  # fmt: skip
    wanted = (
        select(event.to_state, func.count())
        .join(last, (last.c.application_id == event.application_id) & (last.c.version == event.version))
        .group_by(col(event.to_state))
    )  # fmt: skip
    return dict(work.db.exec(wanted).all())


def _moved_on(work: Work, ends: datetime) -> dict[str, str]:
    """Grants that moved after the year, and the state in which it left them."""
    later = select(GrantEventRow.grant_id).where(GrantEventRow.at >= ends)
    wanted = select(GrantEventRow.grant_id, GrantEventRow.to_state).where(
        GrantEventRow.at < ends, col(GrantEventRow.grant_id).in_(later)
    )
    return dict(work.db.exec(wanted.order_by(col(GrantEventRow.version))).all())


def refusals(work: Work, begins: datetime, ends: datetime) -> list[dict[str, Any]]:
    """Lines that were refused in the span, by reason code, as its last decision on each application left them: from events, which never change."""
    event = ApplicationEventRow
    wanted = (
        select(event.application_id, event.refused)
        .where(col(event.step).in_(DECISIONS), event.at >= begins, event.at < ends)
        .order_by(col(event.application_id), col(event.version))
    )
    counted: Counter[str] = Counter()
    for told in dict(work.db.exec(wanted).all()).values():
        counted.update(json.loads(told))
    return [{"code": code, "times": times} for code, times in sorted(counted.items())]


def sections(made: Disclosure) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """The sections in the order in which the notice names them."""
    yield "bodies", made.bodies
    yield "agreements", made.agreements
    yield "authorisations", made.authorisations
    yield "fee_caps", made.fee_caps
    yield "operators", made.operators
    yield "resources", made.resources
    yield "products", made.products
    yield "fees", made.fees
    yield "corrections", made.corrections
    yield "revenue", made.revenue
    yield "incidents", made.incidents
    yield "figures", [{"figure": name, "value": value} for name, value in made.figures.items()]
    yield "refusals", made.refusals
    yield "missing", [each.model_dump() for each in made.missing]
