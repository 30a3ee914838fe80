"""In what two policies differ, part by part: what a decision changed, what an amendment changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auth.identity.rules import local_moment
from auth.policy.model import ColumnTerm, DeliveryForm, GrantPolicy, Quotas, Use
from auth.policy.wording import (
    FEE,
    FORM_NAMES,
    MEMBERS,
    NETWORKS,
    NOBODY,
    RELEASE,
    SAFEGUARDS,
    fee_in_words,
    filter_in_words,
    members_in_words,
    networks_in_words,
    release_in_words,
    safeguard_in_words,
    term_in_words,
)
from core.text import Text

_ABSENT: Final = Text("不提供", "Denied")
_NO_LIMIT: Final = Text("不限", "no limit")
_UNITS: Final = {
    "extracts": Text("提取次数上限", "Extracts at most"),
    "rows": Text("总行数上限", "Rows at most"),
    "bytes": Text("总字节上限", "Bytes at most"),
    "per_day": Text("每日次数上限", "Uses a day at most"),
    "per_month": Text("每月次数上限", "Uses a month at most"),
    "outputs_per_month": Text("每月出域次数上限", "Enclave outputs a month at most"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not the same. `part`: a stable word; `name`, `before`, `after`: for people."""

    part: str
    name: Text
    before: Text
    after: Text


def differences(
    before: GrantPolicy, after: GrantPolicy, names: Mapping[str, str] = NOBODY
) -> tuple[Difference, ...]:
    """Every part in which `after` is not `before`; () for equal policies, save version and dataset. `names`: user names by account id."""
    return tuple(_differences(before, after, names))


def _differences(before: GrantPolicy, after: GrantPolicy, names: Mapping[str, str]) -> Iterator[Difference]:
    for name in columns_of(before, after):
        was, now = term_of(before, name), term_of(after, name)
        if was != now:
            yield Difference(f"column:{name}", Text(f"列 {name}", f"Column {name}"), said(was), said(now))
    parts = (
        ("row_filter", Text("行", "Rows"), filter_in_words(before.row_filter), filter_in_words(after.row_filter)),
        ("scenario", Text("场景", "Scenario"), _same(before.scenario_id), _same(after.scenario_id)),
        ("purposes", Text("用途", "Purposes"), _listed(before.purposes), _listed(after.purposes)),
        ("delivery_forms", Text("交付方式", "Delivery forms"), _forms(before.delivery_forms), _forms(after.delivery_forms)),
        ("starts_at", Text("起", "From"), _same(local_moment(before.starts_at)), _same(local_moment(after.starts_at))),
        ("ends_at", Text("止（不含）", "Until (exclusive)"), _same(local_moment(before.ends_at)), _same(local_moment(after.ends_at))),
        ("retention_days", Text("留存天数", "Days kept"), _same(before.retention_days), _same(after.retention_days)),
        ("networks", NETWORKS, networks_in_words(before.networks), networks_in_words(after.networks)),
        ("pinned_release", RELEASE, release_in_words(before.pinned_release), release_in_words(after.pinned_release)),
        ("members", MEMBERS, members_in_words(before.members, names), members_in_words(after.members, names)),
        ("fee_reference", FEE, fee_in_words(before.fee_reference), fee_in_words(after.fee_reference)),
    )  # fmt: skip
    for part, label, was_said, is_said in parts:
        if was_said != is_said:
            yield Difference(part, label, was_said, is_said)
    for name, label in SAFEGUARDS.items():
        was_value, value = getattr(before.safeguards, name), getattr(after.safeguards, name)
        if was_value != value:
            yield Difference(
                f"safeguard:{name}",
                label,
                safeguard_in_words(name, was_value),
                safeguard_in_words(name, value),
            )
    for unit in Quotas.model_fields:
        was_limit, limit = getattr(before.quotas, unit), getattr(after.quotas, unit)
        if was_limit != limit:
            yield Difference(f"quota:{unit}", _UNITS[unit], _limit(was_limit), _limit(limit))


def columns_of(*policies: GrantPolicy) -> list[str]:
    """The columns that any of them names, in their order."""
    return list(dict.fromkeys(term.name for policy in policies for term in policy.columns))


def term_of(policy: GrantPolicy, name: str) -> ColumnTerm | None:
    """What the policy says of a column; None for denied, named or not."""
    term = policy.term(name)
    return None if term is None or term.use is Use.DENIED else term


def said(term: ColumnTerm | None) -> Text:
    """A term in words; a column that is not named is denied."""
    return _ABSENT if term is None else term_in_words(term)


def _same(value: object) -> Text:
    return Text(str(value), str(value))


def _listed(values: tuple[str, ...]) -> Text:
    return Text("、".join(sorted(values)), ", ".join(sorted(values)))


def _forms(forms: tuple[DeliveryForm, ...]) -> Text:
    names = [FORM_NAMES[form] for form in sorted(forms)]
    return Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))


def _limit(value: int | None) -> Text:
    return _NO_LIMIT if value is None else _same(value)
