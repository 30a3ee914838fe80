"""A policy in plain words, both languages: what people read before they sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, assert_never

from auth.policy.filters.model import All, Any_, Between, Compare, In, IsNull, Not, RowFilter, Scalar
from auth.policy.limits import Coded
from auth.policy.model import (
    ClampMask,
    ColumnTerm,
    DeliveryForm,
    DivisionMask,
    DropMask,
    GridMask,
    KeepMask,
    Mask,
    RedactMask,
    RoundMask,
    Safeguards,
    TruncateMask,
    Use,
)
from core.text import Text, number_of

USE_NAMES: Final[Mapping[Use, Text]] = {
    Use.PLAIN: Text("原值", "As it is"),
    Use.PSEUDONYMISED: Text("假名化", "Pseudonymised"),
    Use.MASKED: Text("脱敏", "Masked"),
    Use.AGGREGATE_ONLY: Text("仅供统计", "For statistics only"),
    Use.FILTER_ONLY: Text("仅供筛选", "For filtering only"),
    Use.JOIN_ONLY: Text("仅供关联", "For joining only"),
    Use.DENIED: Text("不提供", "Denied"),
}
FORM_NAMES: Final[Mapping[DeliveryForm, Text]] = {
    DeliveryForm.EXTRACT_PARQUET: Text("Parquet 文件提取", "Extract as Parquet"),
    DeliveryForm.EXTRACT_CSV: Text("CSV 文件提取", "Extract as CSV"),
    DeliveryForm.EXTRACT_CSV_GB18030: Text("CSV 文件提取（GB18030）", "Extract as CSV (GB18030)"),
    DeliveryForm.EXTRACT_XLSX: Text("XLSX 文件提取", "Extract as XLSX"),
    DeliveryForm.EXTRACT_JSONL: Text("JSON Lines 文件提取", "Extract as JSON lines"),
    DeliveryForm.EXTRACT_GEOJSON: Text("GeoJSON 文件提取", "Extract as GeoJSON"),
    DeliveryForm.QUERY_AGG: Text("统计查询", "Statistics by query"),
    DeliveryForm.QUERY_DP: Text("差分隐私查询", "Statistics with differential privacy"),
    DeliveryForm.VERIFY: Text("核验（是／否）", "Verification (yes or no)"),
    DeliveryForm.PREVIEW: Text("脱敏预览（几行）", "Preview (a few rows)"),
    DeliveryForm.ENCLAVE: Text("域内计算（经审核出域）", "Enclave (reviewed specification and output)"),
}
_COMPARE: Final[Mapping[str, Text]] = {
    "eq": Text("等于", "is"),
    "ne": Text("不等于", "is not"),
    "lt": Text("小于", "is less than"),
    "le": Text("不大于", "is at most"),
    "gt": Text("大于", "is more than"),
    "ge": Text("不小于", "is at least"),
}
_UNITS: Final = {
    "hour": Text("小时", "the hour"),
    "day": Text("日", "the day"),
    "month": Text("月", "the month"),
    "year": Text("年", "the year"),
}


_KM_OF_DEGREE: Final = 111.32
_DIVISIONS: Final[Mapping[str, Text]] = {
    "province": Text("省级", "province"),
    "city": Text("地市级", "city"),
    "county": Text("区县级", "county"),
    "town": Text("乡镇级", "town"),
}


_IDENTIFIERS: Final[Mapping[str, Text]] = {
    "DI": Text("直接标识符", "direct identifier"),
    "QI": Text("准标识符", "quasi-identifier"),
    "SI": Text("敏感属性", "sensitive attribute"),
    "none": Text("非标识", "not identifying"),
}


def form_named(form: str) -> Text:
    """A delivery form in words; what is none, as it was said."""
    return FORM_NAMES[DeliveryForm(form)] if form in set(DeliveryForm) else Text(form, form)


def forms_named(forms: Iterable[str]) -> Text:
    """Delivery forms in words, one after the other."""
    named = [form_named(form) for form in forms]
    return Text("、".join(form.zh for form in named) or "—", ", ".join(form.en for form in named) or "—")


def coded_named(known: Mapping[str, Coded], code: str) -> Text:
    """A scenario or purpose by its name; what the profile does not know, as it was said."""
    return known[code].name if code in known else Text(code, code)


def identifier_named(kind: str) -> Text:
    """What kind of identifier a column is."""
    return _IDENTIFIERS.get(kind, Text(kind, kind))


def mask_in_words(mask: Mask) -> Text:
    match mask:
        case DropMask():
            return Text("置空", "left empty")
        case RedactMask():
            return Text("替换为 ***", "replaced by ***")
        case KeepMask():
            return Text(
                f"保留前 {mask.head} 位和后 {mask.tail} 位",
                f"first {mask.head} and last {number_of(mask.tail, 'characters')} kept",
            )
        case RoundMask():
            step = f"{mask.step:g}"
            return Text(f"向下取整到 {step} 的倍数", f"rounded down to a multiple of {step}")
        case TruncateMask():
            unit = _UNITS[mask.unit]
            return Text(f"截断到{unit.zh}", f"cut to {unit.en}")
        case ClampMask():
            low, high = ("…" if each is None else f"{each:g}" for each in (mask.low, mask.high))
            return Text(
                f"限制在 {low} 至 {high} 之间（超出者取边界值）",
                f"held between {low} and {high} (values beyond become the bound)",
            )
        case GridMask():
            step, km = f"{mask.step:g}", f"{mask.step * _KM_OF_DEGREE:.2g}"
            return Text(
                f"位置取所在 {step}° 网格（南北约 {km} 公里）的中心",
                f"placed at the centre of a grid cell of {step}° (about {km} km from north to south)",
            )
        case DivisionMask():
            name = _DIVISIONS[mask.level]
            return Text(f"行政区划代码上卷到{name.zh}", f"division code raised to the {name.en}")
        case _:
            assert_never(mask)


def term_in_words(term: ColumnTerm) -> Text:
    """What becomes of a column."""
    name = USE_NAMES[term.use]
    if term.mask is None:
        return name
    mask = mask_in_words(term.mask)
    return Text(f"{name.zh}：{mask.zh}", f"{name.en}: {mask.en}")


Titles = Mapping[str, Text]
NO_TITLES: Final[Titles] = {}


def filter_in_words(row_filter: RowFilter | None, titles: Titles = NO_TITLES) -> Text:
    """Which rows are visible. `titles`: what the columns are called; one without a title, or with another's, is named as it is."""
    if row_filter is None:
        return Text("所有行", "all rows")
    match row_filter:
        case All():
            return _joined(row_filter.args, "，且", " and ", titles)
        case Any_():
            return _joined(row_filter.args, "，或", " or ", titles)
        case Not():
            inner = filter_in_words(row_filter.arg, titles)
            return Text(f"非（{inner.zh}）", f"not ({inner.en})")
        case Compare():
            word, value, name = (
                _COMPARE[row_filter.op],
                _value(row_filter.value),
                _called(row_filter.column, titles),
            )
            return Text(f"{name.zh} {word.zh} {value}", f"{name.en} {word.en} {value}")
        case In():
            listed, name = (
                ", ".join(_value(value) for value in row_filter.values[:20]),
                _called(row_filter.column, titles),
            )
            more = "…" if len(row_filter.values) > 20 else ""
            return Text(f"{name.zh} 属于 {listed}{more}", f"{name.en} is one of {listed}{more}")
        case Between():
            low, high, name = (
                _value(row_filter.low),
                _value(row_filter.high),
                _called(row_filter.column, titles),
            )
            return Text(f"{name.zh} 介于 {low} 与 {high} 之间（含）", f"{name.en} lies from {low} to {high}")
        case IsNull():
            name = _called(row_filter.column, titles)
            return Text(f"{name.zh} 为空", f"{name.en} is empty")
        case _:
            assert_never(row_filter)


def _called(column: str, titles: Titles) -> Text:
    """The column's title; with its name where another has the same."""
    title = titles.get(column)
    if title is None or not title.zh or not title.en:
        return Text(column, column)
    if sum(other.zh == title.zh or other.en == title.en for other in titles.values()) > 1:
        return Text(f"{title.zh}（{column}）", f"{title.en} ({column})")
    return title


def _joined(parts: tuple[RowFilter, ...], zh: str, en: str, titles: Titles) -> Text:
    said = [filter_in_words(part, titles) for part in parts]
    if len(said) == 1:
        return said[0]
    return Text(zh.join(f"（{text.zh}）" for text in said), en.join(f"({text.en})" for text in said))


def _value(value: Scalar) -> str:
    return f"“{value}”" if isinstance(value, str) else str(value)


NETWORKS: Final = Text("网络范围", "Networks")
RELEASE: Final = Text("固定版本", "Pinned release")
MEMBERS: Final = Text("可使用的人员", "Members who may use it")
FEE: Final = Text("约定的收费依据", "Price rule agreed")


def networks_in_words(networks: Iterable[str]) -> Text:
    """Where data may be asked for and taken from."""
    held = tuple(networks)
    return Text("、".join(held) or "不限", ", ".join(held) or "any")


def release_in_words(release: str | None) -> Text:
    """The one release that is covered, by its id."""
    return Text(release or "不固定，随当前版本", release or "none: the current one")


NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def members_in_words(members: Iterable[str], names: Mapping[str, str] = NOBODY) -> Text:
    """Who of the holder may use it. `names`: user names by account id, looked up where they are shown; they stand in no agreement."""
    held = sorted(names.get(each, each) for each in members)
    if not held:
        return Text("本机构所有获担保人员", "every vouched member")
    return Text(f"{len(held)} 人：{'、'.join(held)}", f"{number_of(len(held), 'persons')}: {', '.join(held)}")


def fee_in_words(fee_reference: str | None) -> Text:
    """The price rule that was agreed, by its id."""
    return Text(fee_reference or "未约定", fee_reference or "none agreed")


SAFEGUARDS: Final[Mapping[str, Text]] = {
    "min_group": Text("统计与小格的最小组", "Least group of figures and cells"),
    "checkers": Text("每份文件的出域审核人数", "Reviewers of each file before it leaves"),
    "epsilon_micro": Text("差分隐私预算（整个授权）", "Privacy budget of the whole grant"),
    "epsilon_each_micro": Text("单次隐私查询的 ε 上限", "Epsilon of one private question at most"),
    "watermark": Text("隐藏标记", "Hidden marks"),
}
_MILLION: Final = 1_000_000


def safeguard_in_words(name: str, value: int | bool | None) -> Text:
    """One safeguard; one that is not set leaves it to the policy profile."""
    if not value:
        return Text("按策略配置", "as the policy profile says")
    if name == "watermark":
        return Text("必须带有，否则不交付", "required, or nothing leaves")
    if name.startswith("epsilon"):
        return Text(f"ε {value / _MILLION:g}", f"epsilon {value / _MILLION:g}")
    return Text(f"至少 {value}", f"{value} or more")


def safeguards_in_words(safeguards: Safeguards) -> list[tuple[Text, Text]]:
    """Those that are set, with their names."""
    return [(SAFEGUARDS[name], safeguard_in_words(name, value)) for name, value in safeguards.said().items()]
