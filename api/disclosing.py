"""The disclosure pack: the year as JSON, as a workbook and as a page that stands alone, in one ZIP. Equal records give equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

from api.disclosed_words import worded
from api.packing import zip_of
from api.web import environment
from auth import audit
from auth.actor import Actor
from auth.supervision.disclosed import canonical, told
from auth.supervision.disclosure import Disclosure, sections
from core.sheets import Sheet, xlsx_of
from core.text import Lang, Text
from core.work import Work

SECTIONS: Final = {
    "bodies": Text("实施机构信息", "Implementing body"),
    "agreements": Text("授权运营协议", "Agreements"),
    "authorisations": Text("授权信息", "Authorisations"),
    "fee_caps": Text("收费上限", "Fee caps"),
    "operators": Text("运营机构信息", "Operators"),
    "resources": Text("授权数据资源及使用", "Resources and their use"),
    "products": Text("产品和服务清单", "Products and services"),
    "fees": Text("实际收费", "Fees charged"),
    "corrections": Text("对已披露年度收费的更正", "Corrections to fees of years already disclosed"),
    "revenue": Text("收入与最高准许收入", "Revenue and its cap"),
    "incidents": Text("应急处置", "Incidents"),
    "figures": Text("汇总", "Figures"),
    "refusals": Text("不予授权的理由", "Reasons of refusal"),
    "missing": Text("待补充", "To be completed"),
}
FIGURES: Final = {
    "applications": Text("收到申请", "Applications"), "applications_accepted": Text("准予的申请", "Applications granted"),
    "applications_rejected": Text("不予的申请", "Applications refused"), "authorisations": Text("年内有效的授权", "Grants in force in the year"),
    "in_force_at_end": Text("年末有效的授权", "Grants in force at its end"), "agreements": Text("授权运营协议", "Agreements"),
    "incidents": Text("应急处置", "Incidents"), "extracts": Text("提取次数", "Extracts"), "deliveries": Text("交付次数", "Deliveries"),
    "rows": Text("交付行数", "Rows delivered"), "bytes": Text("交付字节", "Bytes delivered"), "downloads": Text("下载次数", "Downloads"),
    "sent_bytes": Text("送出字节", "Bytes sent"), "revenue_fen": Text("收入（分）", "Revenue (fen)"),
    "corrections_fen": Text("对已披露年度的更正（分）", "Corrections to earlier years (fen)"),
}  # fmt: skip
HEADS: Final = {
    "agreement_id": Text("协议编号", "Agreement"), "title": Text("名称", "Title"), "mode": Text("授权模式", "Mode"),
    "starts_on": Text("起", "From"), "ends_on": Text("止（含）", "Until, counted"), "ended_on": Text("提前终止于", "Ended on"),
    "selection": Text("选择方式", "How chosen"), "selection_sha256": Text("选择证明摘要", "Digest of the evidence"),
    "product_list": Text("产品清单", "Products"), "incident_id": Text("处置编号", "Incident"), "target_kind": Text("对象类型", "Target"),
    "target_id": Text("对象", "Target id"), "reason": Text("理由", "Reason"), "frozen_at": Text("冻结于", "Frozen"),
    "lifted_at": Text("解除于", "Lifted"), "lifted_reason": Text("解除理由", "Why lifted"), "year": Text("年度", "Year"),
    "taken_fen": Text("实收（分）", "Taken (fen)"), "deducted_fen": Text("上年扣减（分）", "Deducted (fen)"),
    "allowed_fen": Text("可收（分）", "Allowed (fen)"), "excess_fen": Text("超出（分）", "Excess (fen)"),
    "id": Text("标识", "Id"), "name_zh": Text("中文名称", "Name in Chinese"), "name_en": Text("英文名称", "Name in English"),
    "kind": Text("类别", "Kind"), "credit_code": Text("统一社会信用代码", "Credit code"),
    "licence_valid_to": Text("资质有效期至", "Licence valid to"), "grant_id": Text("授权编号", "Grant"),
    "org_id": Text("机构标识", "Organisation id"), "org_zh": Text("机构", "Organisation (zh)"),
    "org_en": Text("机构（英文）", "Organisation"), "department_id": Text("数源部门", "Source department"),
    "dataset_id": Text("数据集", "Dataset"), "title_zh": Text("数据名称", "Title (zh)"), "title_en": Text("数据名称（英文）", "Title"),
    "scenario_id": Text("场景", "Scenario"), "purposes": Text("用途", "Purposes"), "purpose": Text("用途", "Purpose"),
    "delivery_forms": Text("交付方式", "Delivery forms"), "starts_at": Text("起", "From"),
    "ends_at": Text("止（不含）", "Until (exclusive)"), "state": Text("状态", "State"), "ended_at": Text("终止于", "Ended"),
    "agreement_hash": Text("协议摘要", "Digest of the agreement"), "unit": Text("计费单位", "Charged per"),
    "cap_fen": Text("上限（分）", "Cap (fen)"), "source": Text("依据", "Source"), "effective_from": Text("自", "From"),
    "extracts": Text("提取次数", "Extracts"), "deliveries": Text("交付", "Deliveries"), "rows": Text("行数", "Rows"),
    "bytes": Text("字节", "Bytes"), "downloads": Text("下载", "Downloads"), "sent_bytes": Text("送出字节", "Bytes sent"),
    "product_id": Text("产品编号", "Product"), "summary": Text("说明", "What it is"), "price_fen": Text("单价（分）", "Price (fen)"),
    "quantity": Text("数量", "Quantity"), "highest_price_fen": Text("最高单价（分）", "Highest price (fen)"),
    "amount_fen": Text("金额（分）", "Amount (fen)"), "figure": Text("项目", "Figure"), "value": Text("数值", "Value"),
    "told_quantity": Text("原披露数量", "Quantity as disclosed"), "told_fen": Text("原披露金额（分）", "Amount as disclosed (fen)"),
    "change_fen": Text("更正额（分）", "Change (fen)"),
    "code": Text("理由", "Reason"), "times": Text("次数", "Times"), "section": Text("部分", "Section"),
    "subject": Text("对象", "Of"), "field": Text("字段", "Field"), "zh": Text("说明（中文）", "What (zh)"), "en": Text("说明（英文）", "What"),
}  # fmt: skip


def pack(work: Work, actor: Actor, year: int) -> bytes:
    """The pack of a year: as it was disclosed, or while it is not, as the records stand now; that it was made is an event with its digest."""
    found = told(work, year)
    parts = {
        "disclosure.json": canonical(found),
        "disclosure.xlsx": _workbook(found),
        "disclosure.zh.html": _page(found, "zh"),
        "disclosure.en.html": _page(found, "en"),
    }
    made = zip_of(parts)
    digest = hashlib.sha256(made).hexdigest()
    payload = {"year": year, "sha256": digest, "missing": len(found.missing)}
    audit.record(work, actor, "disclosure.taken", subject=f"disclosure/{year}", payload=payload)
    return made


def _workbook(found: Disclosure) -> bytes:
    return xlsx_of(
        [
            Sheet(
                f"{SECTIONS[name].zh} {name}",
                [f"{head.zh} {head.en}" for head in heads(rows)],
                [list(row.values()) for row in named(name, rows, lambda word: f"{word.zh} {word.en}")],
            )
            for name, rows in sections(found)
        ]
    )


def named(section: str, rows: list[dict[str, Any]], say: Callable[[Text], str]) -> list[dict[str, Any]]:
    """Rows as people say them: figures and codes by their names, times in local time. JSON keeps the keys."""
    if section == "figures":
        return [row | {"figure": say(FIGURES[row["figure"]])} for row in rows]
    return worded(section, rows, say)


def tables(found: Disclosure, lang: Lang) -> list[tuple[str, Text, list[Text], list[dict[str, Any]]]]:
    """Every section for a page: its key, its name, its heads, its rows in the reader's language."""
    return [
        (name, SECTIONS[name], heads(rows), named(name, rows, lambda word: word.in_(lang)))
        for name, rows in sections(found)
    ]


def heads(rows: list[dict[str, Any]]) -> list[Text]:
    """What the columns of a section are called."""
    return [HEADS[name] for name in rows[0]] if rows else [Text("—", "—")]


def _page(found: Disclosure, lang: Lang) -> bytes:
    template = environment().get_template("disclosure/standalone.html")
    return template.render(found=found, shown=tables(found, lang), lang=lang).encode()
