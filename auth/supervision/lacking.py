"""What a yearly disclosure should have and the records do not: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from auth.policy.limits import limits

if TYPE_CHECKING:
    from auth.supervision.disclosure import Disclosure


class Missing(BaseModel):
    """A field that the disclosure should have and the records do not: where, what, and what to do."""

    section: str
    subject: str
    field: str
    zh: str
    en: str


def missing(made: Disclosure, *, needs_agreement: bool) -> Iterator[Missing]:
    """What the notice asks for and the records do not hold, field by field."""
    if not made.bodies:
        yield _lacks("bodies", "", "name_zh", "未登记实施机构", "No implementing body is entered")
    for section in ("bodies", "operators"):
        for row in getattr(made, section):
            if not row["credit_code"]:
                yield _lacks(
                    section, row["id"], "credit_code", "缺统一社会信用代码", "The credit code is missing"
                )
    for row in made.operators:
        if not row["licence_valid_to"]:
            yield _lacks(
                "operators",
                row["id"],
                "licence_valid_to",
                "缺资质有效期",
                "The licence's last day is missing",
            )
    yield from _missing_agreements(made, needs_agreement=needs_agreement)
    yield from _missing_money(made)


def _missing_agreements(made: Disclosure, *, needs_agreement: bool) -> Iterator[Missing]:
    """Authorisations hang on an agreement; an agreement says how its operator was chosen and what is made; a freeze says why and its end."""
    covered = {row["org_id"] for row in made.agreements}
    for row in made.operators:
        if needs_agreement and row["id"] not in covered:
            yield _lacks(
                "agreements",
                row["id"],
                "agreement_id",
                "运营机构在本年度没有授权运营协议",
                "The operator has no agreement in the year",
            )
    for row in made.agreements:
        for field, zh, en in (
            ("selection", "缺运营机构的选择方式", "How the operator was chosen is missing"),
            (
                "selection_sha256",
                "缺选择过程的证明文件",
                "The evidence of how the operator was chosen is missing",
            ),
            ("scenario_id", "缺场景", "The scenarios are missing"),
            ("product_list", "缺产品清单", "The list of products is missing"),
        ):
            if not row[field]:
                yield _lacks("agreements", row["agreement_id"], field, zh, en)
    for row in made.authorisations:
        for field, zh, en in (
            ("purposes", "缺用途", "The purposes are missing"),
            ("title_en", "缺英文名称", "The English title is missing"),
        ):
            if not row[field]:
                yield _lacks("authorisations", row["grant_id"], field, zh, en)
    for row in made.products:
        if not row["summary"].strip():
            yield _lacks(
                "products", row["product_id"], "summary", "缺产品说明", "The product is not described"
            )
    for row in made.fee_caps:
        if not row["source"].strip():
            yield _lacks(
                "fee_caps", row["scenario_id"], "source", "缺上限的依据", "The cap's source is missing"
            )
    for row in made.incidents:
        if row["lifted_at"] and not row["lifted_reason"]:
            yield _lacks(
                "incidents",
                row["incident_id"],
                "lifted_reason",
                "缺解除理由",
                "Why the freeze was lifted is missing",
            )
    for row in made.revenue:
        if row["taken_fen"] and row["cap_fen"] is None:
            yield _lacks(
                "revenue",
                row["org_id"],
                "cap_fen",
                "有收入但未核定最高准许收入",
                "Revenue without a highest permitted one",
            )


def _missing_money(made: Disclosure) -> Iterator[Missing]:
    industry = {code for code, each in limits().purposes.items() if each.kind != "public"}
    capped = {row["scenario_id"] for row in made.fee_caps}
    used_in = {
        row["scenario_id"] for row in made.authorisations if industry & set(row["purposes"].split(", "))
    }
    for scenario in sorted(used_in):
        if not capped & {scenario, "*"}:
            yield _lacks(
                "fee_caps",
                scenario,
                "cap_fen",
                "产业用途的场景没有收费上限",
                "A scenario of industry use has no fee cap",
            )
    with_products = {row["org_id"] for row in made.products}
    for row in made.operators:
        if row["id"] not in with_products:
            yield _lacks(
                "products", row["id"], "product_id", "没有登记产品和服务", "No product or service is entered"
            )
    charged = {row["product_id"] for row in made.fees}
    for row in made.products:
        if row["price_fen"] and row["product_id"] not in charged:
            yield _lacks(
                "fees",
                row["product_id"],
                "amount_fen",
                "收费产品没有收费记录",
                "A product with a price has no fee on record",
            )


def _lacks(section: str, subject: str, field: str, zh: str, en: str) -> Missing:
    return Missing(section=section, subject=subject, field=field, zh=zh, en=en)
