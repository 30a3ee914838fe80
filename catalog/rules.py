"""When a record may be published, and whether its data are fresh. Pure: reads no clock and no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from catalog import codes
from catalog.fields import FIELDS, GRADING, GUIDE, FieldSpec
from core.errors import Reason
from core.text import Text

Record = Mapping[str, Any]
Columns = Sequence[Mapping[str, Any]]
Rule = Callable[[Record, Columns], list[Reason]]
Staleness = Literal["fresh", "stale", "unknown"]

_COORDINATES: Final = frozenset({"lon", "lat", "lng", "longitude", "latitude", "经度", "纬度"})
_SMALLEST_LIMIT: Final = timedelta(minutes=15)
_WORDS: Final = {
    "Y": ("年", "year"), "M": ("个月", "month"), "W": ("周", "week"), "D": ("天", "day"),
    "TH": ("小时", "hour"), "TM": ("分钟", "minute"), "TS": ("秒", "second"),
}  # fmt: skip
SERIES: Final = "series"
_SERIES_NEEDS: Final = frozenset(
    {
        "title_zh",
        "title_en",
        "description_zh",
        "keywords",
        "contact",
        "catalog_class",
        "domain_code",
        "lineage",
    }
)  # what describes a series; the rest is said of data, which it has none of
_UNITS: Final = {"Y": 366 * 1440, "W": 7 * 1440, "D": 1440, "H": 60}


def objections(record: Record, columns: Columns) -> tuple[Reason, ...]:
    """Everything that keeps this record from being published, in field order; () means nothing."""
    return tuple(reason for rule in RULES for reason in rule(record, columns))


def mandatory_fields(record: Record, _columns: Columns) -> list[Reason]:
    return [
        _missing(spec, spec.basis)
        for spec in FIELDS
        if is_mandatory(spec, record.get("record_type")) and not record.get(spec.name)
    ]


def is_mandatory(spec: FieldSpec, record_type: str | None) -> bool:
    """Whether a record of this type must have the field."""
    return spec.need == "mandatory" and (record_type != SERIES or spec.name in _SERIES_NEEDS)


def conditional_fields(record: Record, columns: Columns) -> list[Reason]:
    """Fields that a choice elsewhere in the record makes mandatory."""
    needed = {
        "share_condition": codes.load("share_type").fact(record.get("share_type"), "needs_condition"),
        "open_condition": codes.load("open_type").fact(record.get("open_type"), "needs_condition"),
        "update_interval": codes.load("update_freq").fact(record.get("update_freq"), "needs_interval"),
        "spatial": has_coordinates(columns),
        "crs": has_coordinates(columns),
        "shared_from": record.get("origin") == "shared",
        "registration_code": record.get("registration_state") == "registered",
        "registration_valid_to": record.get("registration_state") == "registered",
    }
    return [_missing(spec, GUIDE) for spec in FIELDS if needed.get(spec.name) and not record.get(spec.name)]


def period_in_order(record: Record, _columns: Columns) -> list[Reason]:
    start, end = record.get("temporal_start"), record.get("temporal_end")
    if start is None or end is None or start <= end:
        return []
    text = Text(
        f"时间范围止（{end}）早于起（{start}）。", f"The coverage ends ({end}) before it starts ({start})."
    )
    return [_reason("period-reversed", "temporal_end", text, GUIDE)]


def series_without_data(record: Record, columns: Columns) -> list[Reason]:
    """A series is described; its members hold the data."""
    if record.get("record_type") != SERIES or not (columns or record.get("release_no")):
        return []
    text = Text(
        "系列本身没有数据：请清空数据字典；已有发布版本的记录不能改为系列。",
        "A series holds no data: empty its dictionary; a record that has releases does not become one.",
    )
    return [_reason("series-with-data", "record_type", text, "DCAT 3")]


def described_columns(record: Record, columns: Columns) -> list[Reason]:
    """At least one information item, each with Chinese name, type and level."""
    if record.get("record_type") == SERIES:
        return []
    if not columns:
        text = Text(
            "数据字典为空：请至少登记一个信息项。",
            "The data dictionary is empty: describe at least one column.",
        )
        return [_reason("no-columns", "columns", text, GUIDE)]
    labels = {
        "title_zh": Text("中文名称", "Chinese title"),
        "type": Text("数据类型", "type"),
        "level": Text("级别", "level"),
    }
    return [
        _reason(
            f"column-without-{name.removesuffix('_zh')}",
            "columns",
            Text(f"缺少{label.zh}的列：{_list(bare)}。", f"Columns without {label.en}: {_list(bare)}."),
            GRADING if name == "level" else GUIDE,
            columns=bare,
        )
        for name, label in labels.items()
        if (bare := [str(column["name"]) for column in columns if not column.get(name)])
    ]


def level_covers_columns(record: Record, columns: Columns) -> list[Reason]:
    """R25: a dataset is at least as sensitive as its most sensitive column."""
    level = record.get("data_level")
    above = [
        str(column["name"]) for column in columns if level and column.get("level") and column["level"] > level
    ]
    if not above:
        return []
    text = Text(
        f"数据分级 {level} 低于这些列的级别：{_list(above)}；请提高数据分级。",
        f"Level {level} is below the level of these columns: {_list(above)}; raise the dataset's level.",
    )
    return [_reason("level-below-column", "data_level", text, GRADING, columns=above)]


def level_allows_opening(record: Record, _columns: Columns) -> list[Reason]:
    """The open type has a highest level; the limit stands in the code list."""
    kinds = codes.load("open_type")
    limit, level = kinds.fact(record.get("open_type"), "max_level"), record.get("data_level")
    if limit is None or level is None or level <= limit:
        return []
    label = kinds.text(record.get("open_type"))
    text = Text(
        f"{label.zh}最高允许 {limit} 级，本数据集为 {level} 级；请改为更严的开放类型。",
        f"“{label.en}” allows level {limit} at most and this dataset has level {level}; choose a stricter open type.",
    )
    return [_reason("level-not-open", "open_type", text, kinds.source)]


def no_direct_identifier_in_the_open(record: Record, columns: Columns) -> list[Reason]:
    """Whoever may download without asking must not receive names, numbers or telephones of persons."""
    bare = [str(column["name"]) for column in columns if column.get("identifier_kind") == "DI"]
    if record.get("open_type") != "U" or not bare:
        return []
    text = Text(
        f"无条件开放的数据集不得含直接标识符列：{_list(bare)}；请剔除这些列或改为有条件开放。",
        f"A dataset open to all must not hold direct identifiers: {_list(bare)}; drop them or open it on conditions.",
    )
    return [_reason("identifier-in-open-data", "columns", text, "GB/T 37964-2019", columns=bare)]


def classified_stays_closed(record: Record, columns: Columns) -> list[Reason]:
    """A dataset with a column that is a state secret is neither opened nor within authorised operation."""
    secret = [str(column["name"]) for column in columns if column.get("classified")]
    if not secret or (record.get("open_type") == "N" and record.get("auth_op_scope") == "no"):
        return []
    text = Text(
        f"含涉密列（{_list(secret)}）的数据集只能不予开放、不纳入授权运营；请剔除这些列或修改开放类型与授权运营属性。",
        f"A dataset with classified columns ({_list(secret)}) is neither opened nor within authorised operation; drop them, or close it.",
    )
    return [_reason("classified-column", "open_type", text, "中华人民共和国保守国家秘密法", columns=secret)]


def columns_not_stricter(record: Record, columns: Columns) -> list[Reason]:
    """What opens or shares the dataset gives all its columns, so none may be stricter than it."""
    labels = {"open_type": Text("开放类型", "open type"), "share_type": Text("共享类型", "sharing type")}
    found = []
    for field, label in labels.items():
        order = list(codes.load(field).codes)
        said = record.get(field)
        if said not in order:
            continue
        names = [
            str(column["name"])
            for column in columns
            if column.get(field) in order and order.index(column[field]) > order.index(said)
        ]
        if names:
            text = Text(
                f"这些列的{label.zh}比数据集更严：{_list(names)}；请剔除它们，或收紧数据集的{label.zh}。",
                f"The {label.en} of these columns is stricter than the dataset's: {_list(names)}; drop them, or tighten the dataset's.",
            )
            found.append(
                _reason(f"column-{field.replace('_', '-')}-stricter", field, text, GUIDE, columns=names)
            )
    return found


RULES: Final[tuple[Rule, ...]] = (
    mandatory_fields,
    conditional_fields,
    period_in_order,
    series_without_data,
    described_columns,
    level_covers_columns,
    level_allows_opening,
    no_direct_identifier_in_the_open,
    classified_stays_closed,
    columns_not_stricter,
)


def has_coordinates(columns: Columns) -> bool:
    """Whether a column holds a shape or half of a point."""
    return any(
        column.get("type") == "geometry" or str(column["name"]).lower() in _COORDINATES for column in columns
    )


def staleness(record: Record, at: datetime | None, now: datetime) -> Staleness:
    """Whether data last updated `at` are older than their update frequency allows; unknown without either."""
    limit = stale_after(record)
    if at is None or limit is None:
        return "unknown"
    return "stale" if now - at > limit else "fresh"


def stale_after(record: Record) -> timedelta | None:
    """How old the data may grow: by the frequency's limit, else twice the stated interval (at least 15 minutes)."""
    minutes = codes.load("update_freq").fact(record.get("update_freq"), "stale_after_minutes")
    if minutes is not None:
        return timedelta(minutes=minutes)
    interval = record.get("update_interval")
    return max(2 * duration(interval), _SMALLEST_LIMIT) if interval else None


def longest_age(freq: str, interval: str | None) -> str | None:
    """`stale_after` as an ISO 8601 duration."""
    limit = stale_after({"update_freq": freq, "update_interval": interval})
    return f"PT{int(limit.total_seconds() // 60)}M" if limit else None


def duration(iso: str) -> timedelta:
    """An ISO 8601 duration as a length of time; a month counts as 31 days, a year as 366."""
    days, _, clock = iso.removeprefix("P").partition("T")
    minutes = sum(
        int(n) * (31 * 1440 if unit == "M" else _UNITS[unit])
        for n, unit in re.findall(r"(\d+)([YMWD])", days)
    )
    minutes += sum(int(n) * (60 if unit == "H" else 1) for n, unit in re.findall(r"(\d+)([HM])", clock))
    seconds = sum(int(n) for n in re.findall(r"(\d+)S", clock))
    return timedelta(minutes=minutes, seconds=seconds)


def frequency(freq: str, interval: str | None) -> Text:
    """How often data come, in words: the stated interval if there is one, else the code's label."""
    if not interval:
        return codes.load("update_freq").text(freq)
    parts = [
        (n, *_WORDS[("T" if "T" in before else "") + unit]) for before, n, unit in _interval_parts(interval)
    ]
    zh = "".join(f"{n} {zh}" for n, zh, _ in parts)
    en = " ".join(
        f"{en}" if n == "1" and len(parts) == 1 else f"{n} {en}{'s' if n != '1' else ''}"
        for n, _, en in parts
    )
    return Text(f"每 {zh}", f"Every {en}")


def _interval_parts(iso: str) -> list[tuple[str, str, str]]:
    return [
        (iso[: found.start()], found.group(1), found.group(2))
        for found in re.finditer(r"(\d+)([YMWDHS])", iso)
    ]


def _missing(spec: FieldSpec, basis: str) -> Reason:
    text = Text(f"缺少必填项“{spec.label.zh}”。", f"“{spec.label.en}” is missing.")
    return _reason(f"missing-{spec.name.replace('_', '-')}", spec.name, text, basis)


def _reason(code: str, field: str, text: Text, basis: str, **facts: object) -> Reason:
    return Reason(code, text, basis, {"field": field, **facts})


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
