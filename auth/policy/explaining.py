"""What each rule says of one request: the very table that decides, rule by rule instead of all at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auth.asset import Asset
from auth.grants.view import GrantView
from auth.policy.limits import Limits
from auth.policy.model import Ask, Licence
from auth.policy.rules import FORM_RULES, GRANT, POLICY, RULES, Case, Rule
from core.errors import Reason
from core.text import Text


@dataclass(frozen=True, slots=True)
class Spoken:
    """One rule's answer; () in `reasons`: nothing to say against the request. `source`: where the rule comes from."""

    rule: str
    name: Text
    source: str
    reasons: tuple[Reason, ...]


_LEVELS: Final = "levels"
NAMES: Final[Mapping[str, tuple[Text, str]]] = {
    "same-grant-and-dataset": (Text("授权与数据集一致", "Grant and dataset belong together"), POLICY),
    "grant-is-effective": (Text("授权此刻有效", "The grant counts at that moment"), GRANT),
    "organisation-is-qualified": (Text("机构资质有效", "The organisation is qualified"), GRANT),
    "dataset-is-grantable": (Text("数据集可以授权", "The dataset may be granted"), GRANT),
    "policy-is-enforceable": (
        Text("条款在现有数据上可执行", "The terms can be enforced on the data as they are"),
        POLICY,
    ),
    "columns-are-granted": (Text("所取列均可离开", "The columns may leave"), POLICY),
    "keys-are-joined-on": (
        Text("以获准关联的列指明记录", "The record is named by columns to join on"),
        POLICY,
    ),
    "columns-are-countable": (Text("所取列均可统计", "The columns may enter statistics"), POLICY),
    "columns-may-enter": (Text("所取列可进入域内计算", "The columns may enter the enclave"), POLICY),
    "filter-is-allowed": (Text("筛选所用列获准", "The filter uses allowed columns"), POLICY),
    "form-is-granted": (Text("交付方式获准", "The delivery form is granted"), POLICY),
    "level-allows": (Text("数据级别允许", "The level of the data allows it"), _LEVELS),
    "purpose-is-granted": (Text("场景与用途相符", "Scenario and purpose fit"), POLICY),
    "release-is-granted": (Text("版本获准", "The release is granted"), POLICY),
    "quota-is-left": (Text("额度尚有剩余", "Quota is left"), POLICY),
}


def key_of(rule: Rule) -> str:
    """The name by which answers call a rule."""
    return str(getattr(rule, "__name__", "rule")).lstrip("_").replace("_", "-")


def spoken(ask: Ask, grant: GrantView, asset: Asset, licence: Licence, limits: Limits) -> tuple[Spoken, ...]:
    """Every rule that `rules.objections` asks, in its order, with what it says."""
    case = Case(ask, grant, asset, licence, limits)
    found = []
    for rule in FORM_RULES.get(ask.delivery_form, RULES):
        key = key_of(rule)
        name, source = NAMES.get(key, (Text(key, key), POLICY))
        source = limits.levels_source if source is _LEVELS else source
        found.append(Spoken(key, name, source, tuple(rule(case))))
    return tuple(found)
