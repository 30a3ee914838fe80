"""Rules of products and fees: free where it serves the public, never above the cap, built on grants of one's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from core import bases
from core.errors import Reason
from core.text import Text, number_of

PRICES: Final = "发改价格〔2025〕65号 (prices of authorised operation)"
TERMS: Final = bases.TERMS
ANY: Final = "*"
Kind = Literal["dataset", "interface", "indicator", "report", "model", "application"]
Unit = Literal["product", "times", "period", "volume"]
GRADING: Final = "GB/T 43697 就高从严、衍生数据重新定级 · derived data are graded anew (R26)"
SURVEYING: Final = "测绘地理信息审核 · surveying check before listing (R43)"
REGISTERING: Final = "R14 数据产品登记 · registration of products"
IMPORTANT: Final = 5
LEAST_REASON: Final = 10
PLACES: Final = frozenset({"lon", "lat", "lng", "longitude", "latitude", "经度", "纬度"})
Registration = Literal["off", "encouraged", "required"]
TICKS: Final = {
    "source": Text("来源可确认", "Source confirmed"),
    "scope": Text("使用范围可界定", "Scope of use defined"),
    "process": Text("流通过程可追溯", "Process traceable"),
    "risk": Text("安全风险可防范", "Risks guarded against"),
}
KINDS: Final = {
    "dataset": Text("数据集", "Dataset"),
    "interface": Text("接口", "Interface"),
    "indicator": Text("指标", "Indicator"),
    "report": Text("报告", "Report"),
    "model": Text("模型算法", "Model"),
    "application": Text("应用", "Application"),
}
UNITS: Final = {
    "product": Text("按产品", "per product"),
    "times": Text("按次", "per use"),
    "period": Text("按时长", "per period"),
    "volume": Text("按调用量", "per volume of calls"),
}
CHECKS: Final = {
    "no_raw_data": Text("不含原始数据，无法还原原始行", "Holds no raw data; rows cannot be restored from it"),
    "no_person": Text("不识别任何自然人", "Identifies no person"),
    "within_scenario": Text("仅用于获授权的场景与用途", "Serves only the scenario and purposes granted"),
    "graded": Text(
        "衍生数据已重新定级（就高从严）", "Derived data were graded anew, the stricter level taken"
    ),
    "source_named": Text("对外标明数据来源与授权编号", "Names its source and grant to its users"),
}


@dataclass(frozen=True, slots=True)
class Cap:
    """The highest price of one unit, from a day on."""

    scenario_id: str
    unit: str
    cap_fen: int
    effective_from: date


@dataclass(frozen=True, slots=True)
class Source:
    """A grant that a product names. `delivered`: whether the named file was delivered under it (None: no file named);
    `level`: the dataset's; `has_places`: columns of coordinates or shapes are granted.
    """

    grant_id: str
    org_id: str
    scenario_id: str
    purposes: Sequence[str]
    is_effective: bool
    delivered: bool | None = None
    level: int = 1
    has_places: bool = False


def cap_of(caps: Iterable[Cap], scenario_id: str, unit: str, day: date) -> Cap | None:
    """The cap that counts on a day: the scenario's own before one for any, the newest of them."""
    found = [
        cap for cap in caps
        if cap.unit == unit and cap.scenario_id in (scenario_id, ANY) and cap.effective_from <= day
    ]  # fmt: skip
    return max(found, key=lambda cap: (cap.scenario_id != ANY, cap.effective_from), default=None)


def price_objections(price_fen: int, *, is_public: bool, cap: Cap | None) -> tuple[Reason, ...]:
    """Free for public purposes; for industry a cap must stand, and the price keep to it."""
    if is_public:
        if price_fen == 0:
            return ()
        return (_no("public-is-free", "用于公共治理、公益事业的产品和服务须免费。", "What serves public governance or benefit is free of charge.", PRICES),)  # fmt: skip
    if price_fen == 0:
        return ()
    if cap is None:
        return (_no("no-fee-cap", "该场景与计费单位尚无上限价格，不得收费；请先由授权主体设定。", "No cap stands for this scenario and unit, so nothing may be charged; ask for one to be set.", PRICES),)  # fmt: skip
    if price_fen > cap.cap_fen:
        return (_no("price-above-cap", f"单价 {yuan(price_fen)} 元高于上限 {yuan(cap.cap_fen)} 元。", f"The price of {yuan(price_fen)} yuan is above the cap of {yuan(cap.cap_fen)}.", PRICES),)  # fmt: skip
    return ()


def agreed_objections(price_fen: int, unit: str, agreed: Iterable[Cap]) -> tuple[Reason, ...]:
    """What the price rules agreed in the grants that a product is built on object: each binds its own unit, whatever caps came later."""
    return tuple(
        _no("price-above-agreed", f"单价 {yuan(price_fen)} 元高于授权约定的 {yuan(rule.cap_fen)} 元。", f"The price of {yuan(price_fen)} yuan is above the {yuan(rule.cap_fen)} agreed in a grant that it is built on.", TERMS)
        for rule in agreed
        if rule.unit == unit and price_fen > rule.cap_fen
    )  # fmt: skip


def product_objections(
    org_id: str, scenario_id: str, purpose: str, sources: Sequence[Source], checks: Iterable[str]
) -> tuple[Reason, ...]:
    """What stands against a product besides its price; () means nothing."""
    found = []
    if not sources:
        found.append(_no("no-source", "至少写明一项授权作为数据来源。", "Name at least one grant that it is built on.", TERMS))  # fmt: skip
    for source in sources:
        if source.org_id != org_id:
            found.append(_no("grant-of-another", f"授权 {source.grant_id} 不属于本机构。", f"Grant {source.grant_id} is not your organisation's.", TERMS))  # fmt: skip
            continue
        if not source.is_effective:
            found.append(_no("grant-not-effective", f"授权 {source.grant_id} 此刻无效。", f"Grant {source.grant_id} does not count now.", TERMS))  # fmt: skip
        if source.scenario_id != scenario_id or purpose not in source.purposes:
            found.append(_no("outside-the-scenario", f"授权 {source.grant_id} 不含该场景或用途。", f"Grant {source.grant_id} is not for this scenario and purpose.", TERMS))  # fmt: skip
        if source.delivered is False:
            found.append(_no("file-not-delivered", f"所列文件不是按授权 {source.grant_id} 交付的。", f"The file named was not delivered under grant {source.grant_id}.", TERMS))  # fmt: skip
    for missing in [name for name in CHECKS if name not in set(checks)]:
        label = CHECKS[missing]
        found.append(
            _no("check-not-affirmed", f"自查项未确认：{label.zh}", f"Not affirmed: {label.en}", TERMS)
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Grading:
    """The level that the product was given anew, and what it rests on; `surveying`: the surveying approval, by its number."""

    level: int | None
    reason: str
    surveying: str


def grading_objections(given: Grading, sources: Iterable[Source]) -> Iterator[Reason]:
    """A derived product is graded anew, the stricter level taken: a lower one than its sources' says why; geographic data want a surveying check."""
    known = list(sources)
    highest = max((source.level for source in known), default=1)
    if given.level is None:
        yield _no("product-not-graded", "衍生产品须重新定级；请填写产品的数据级别。", "A derived product is graded anew; give its data level.", GRADING)  # fmt: skip
    elif given.level >= IMPORTANT:
        yield _no("product-level-barred", "重要、核心数据的产品不得上架。", "A product of important or core data may not be offered.", GRADING)  # fmt: skip
    elif given.level < highest and len(given.reason.strip()) < LEAST_REASON:
        yield _no("grade-below-source", f"产品级别 {given.level} 低于来源数据级别 {highest}；请说明如何汇总、脱敏或去除了敏感内容（至少 {LEAST_REASON} 个字）。", f"The product's level {given.level} is below that of its sources, {highest}; say how the data were aggregated or masked, in {LEAST_REASON} characters or more.", GRADING)  # fmt: skip
    if any(source.has_places for source in known) and not given.surveying.strip():
        yield _no("surveying-check-missing", "来源含地理坐标或图形；上架前须经测绘地理信息审核，请填写审核意见或批准文号。", "The sources hold coordinates or shapes; a surveying check comes before listing, so give the number of its approval.", SURVEYING)  # fmt: skip


def registration_objections(mode: Registration, code: str) -> tuple[Reason, ...]:
    """Where the profile compels registration, nothing is charged for a product without its code."""
    if mode != "required" or code:
        return ()
    return (_no("product-not-registered", "本地要求数据产品先登记；请填写登记编码后再收费。", "Products must be registered here first; enter the code of the registration before charging.", REGISTERING),)  # fmt: skip


def sold_objections(
    charged_on: date, first_day: date | None, last_days: Iterable[date]
) -> tuple[Reason, ...]:
    """Money is taken for a product while it is offered and a grant of its sources is in force. `first_day`: of the first such grant,
    None where none ever was; `last_days`: of the product and of the last grant. Days are local.
    """
    if first_day is None or charged_on < first_day:
        named = f"自 {first_day} 起" if first_day else "尚未"
        since = f"counts from {first_day} on" if first_day else "has counted yet"
        which = "The first of its grants" if first_day else "None of its grants"
        return (_no("product-not-sold-then", f"该产品的来源授权{named}生效，此前不得收费；请核对收费日期。", f"{which} {since}; nothing is charged before. Check the day of the charge.", PRICES),)  # fmt: skip
    if not (past := sorted(day for day in last_days if charged_on > day)):
        return ()
    return (_no("product-not-sold-then", f"该产品已下架或其来源授权已于 {past[0]} 终止，此后不得收费；如为补登，请填写当时的收费日期。", f"The product ended, or the last of its grants did, on {past[0]}; nothing is charged after that. Give the day of the charge if you enter it late.", PRICES),)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tick:
    """One of the four things that a traded product must show, and why it does or does not."""

    key: str
    is_met: bool
    why: Text


def ticks(
    sources: Sequence[Source],
    traced: Sequence[bool],
    affirmed: Iterable[str],
    given: Grading,
    registered: tuple[Reason, ...],
) -> tuple[Tick, ...]:
    """来源可确认、使用范围可界定、流通过程可追溯、安全风险可防范, as they stand now. `traced`: by source, whether it names a file with its receipt."""
    left = [CHECKS[name] for name in CHECKS if name not in set(affirmed)]
    risks = [each.text for each in (*grading_objections(given, sources), *registered)] + left
    ended = sum(not source.is_effective for source in sources)
    return (
        Tick("source", bool(sources), Text(f"{len(sources)} 项授权，均有已签协议", f"{number_of(len(sources), 'grants')}, each under signed terms") if sources else Text("没有来源", "no source")),
        Tick("scope", bool(sources) and not ended, Text(f"{ended} 项授权此刻无效", f"{number_of(ended, 'grants do')} not count now") if ended else Text("场景、用途均在授权之内", "scenario and purpose lie within the grants")),
        Tick("process", bool(traced) and all(traced), Text(f"{sum(traced)}/{len(traced)} 个来源可追到已签收的文件", f"sources that lead to a delivered file with its receipt: {sum(traced)} of {len(traced)}")),
        Tick("risk", not risks, Text("；".join(each.zh for each in risks) or "自查、定级、登记齐备", "; ".join(each.en for each in risks) or "self-check, grading and registration are there")),
    )  # fmt: skip


def yuan(fen: int) -> str:
    """An amount as people write it: 1234 fen → 12.34."""
    sign, rest = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def _no(code: str, zh: str, en: str, basis: str) -> Reason:
    return Reason(code, Text(zh, en), basis)
