"""What is on record of a product, gathered for the twelve cells of its assessment."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from auth.actor import Actor
from auth.duties import overdue
from auth.duties.workflow import Kind
from auth.grants import lineage
from auth.grants.standing import licence
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL
from auth.incidents import freezes
from auth.policy.limits import limits
from auth.products import listing, rules, service
from auth.products.rules import CHECKS, Cap, Grading, cap_of
from auth.products.service import Assets, FilesBySha
from auth.products.stored import affirmed as affirmed_of
from auth.products.tables import FeeRow, ProductRow, ProductSourceRow
from auth.profile.now import profile
from core.db import one_of
from core.errors import Reason
from core.ids import OrgId
from core.work import Work


def assessed(
    work: Work, actor: Actor, product_id: str, files: FilesBySha, assets: Assets
) -> tuple[listing.Cell, ...]:
    """The twelve cells of a product that the actor may see, as they stand now."""
    row = service.row_of(work, actor, product_id)
    wanted = select(ProductSourceRow).where(ProductSourceRow.product_id == row.id)
    asked: Sequence[ProductSourceRow] = work.db.exec(wanted.order_by(col(ProductSourceRow.id))).all()
    sources = service.sources_of(work, actor, asked, files, assets)
    grants = _grants(work, asked)
    holder = licence(work, OrgId(row.org_id))
    known = limits()
    late = [each for each in overdue.of_org(work, known, row.org_id) if each[1] in grants]
    lines = service.fees(work, actor, product_id)
    affirmed = frozenset(affirmed_of(row))
    return listing.cells(
        listing.Facts(
            licence=str(holder.state), licence_until=holder.valid_to.date().isoformat() if holder.valid_to else "",
            frozen=_freezes(work, row, grants), sources=sources, traced=[bool(each.delivered) for each in sources],
            unaffirmed=[name for code, name in CHECKS.items() if code not in affirmed],
            given=Grading(row.level, row.level_reason, row.surveying), stands_against=_against(work, row),
            overdue_reports=[f"{grant} ({day})" for kind, grant, _, day in late if kind is Kind.USE_REPORT],
            overdue_certificates=[f"{grant} ({day})" for kind, grant, _, day in late if kind is Kind.DELETION_CERTIFICATE],
            ended_grants=[key for key, each in grants.items() if each.state in FINAL or (each.ends_at is not None and each.ends_at <= work.now)],
            lines=len(lines), above_cap=_above(work, row, lines), corrections=sum(line.quantity < 0 for line in lines),
            taken_fen=sum(line.amount_fen for line in lines),
        )
    )  # fmt: skip


def _grants(work: Work, asked: Sequence[ProductSourceRow]) -> dict[str, GrantRow]:
    ids = sorted({each.grant_id for each in asked})
    return {each.id: each for each in work.db.exec(select(GrantRow).where(one_of(col(GrantRow.id), ids)))}


def _freezes(work: Work, row: ProductRow, grants: dict[str, GrantRow]) -> list[Reason]:
    found = {
        reason.text.zh: reason
        for grant in grants.values()
        for reason in freezes.reasons(
            work,
            grants=lineage.of(work, grant),
            orgs=(row.org_id, grant.department_id),
            dataset_id=grant.dataset_id,
        )
    }
    return list(found.values())


def _against(work: Work, row: ProductRow) -> list[Reason]:
    price = service.price_objections(work, row, row.price_fen, service.today(work))
    return [*price, *rules.registration_objections(profile(work).product_registration, row.registration_code)]


def _above(work: Work, row: ProductRow, lines: Sequence[FeeRow]) -> int:
    """Lines of charges whose price is above the cap of their day; where none stands, above nothing."""
    caps = [
        Cap(each.scenario_id, each.unit, each.cap_fen, each.effective_from) for each in service.caps(work)
    ]
    found = 0
    for line in lines:
        cap = cap_of(caps, row.scenario_id, row.unit, line.charged_on)
        found += line.quantity > 0 and line.price_fen > (cap.cap_fen if cap else 0)
    return found
