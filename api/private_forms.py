"""The form of a private question, and of a dataset's caps, as what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import ValidationError

from api.query_forms import conditions_of, wrong
from auth.asset import Asset
from core.errors import InputRefused
from core.ids import GrantId
from core.text import Text
from datasets.queries.private.model import MILLION, CapRead, CapWrite, PrivateAsk

KINDS: Final = {
    "count": Text("计数", "Count of rows"),
    "sum": Text("合计", "Sum"),
    "mean": Text("均值", "Mean"),
    "histogram": Text("按代码计数", "Count by code"),
}
CAPS: Final = ("dataset", "org", "grant", "user")


def ask_of(one: Mapping[str, str], held: Asset, scenario_id: str) -> PrivateAsk:
    """The question that a form means. Raises InputRefused with a sentence for what cannot be read."""
    measure: dict[str, Any] = {"kind": one.get("measure", "count")}
    if measure["kind"] != "count":
        measure["column"] = one.get("measured", "")
    body = {
        "grant_id": GrantId(one.get("grant", "")), "dataset_id": held.dataset_id, "purpose": one.get("purpose", ""),
        "scenario_id": scenario_id, "where": conditions_of(one, held), "measure": measure,
        "epsilon_micro": micro(one.get("epsilon", "")),
    }  # fmt: skip
    try:
        return PrivateAsk.model_validate(body)
    except ValidationError as fault:
        raise wrong(fault) from None


def micro(word: str) -> int:
    """`0.5` is 500,000 millionths; exact. Raises InputRefused."""
    try:
        exact = Decimal(word.strip()) * MILLION
        if exact.is_finite() and exact == int(exact) and exact >= 0:
            return int(exact)
    except InvalidOperation:
        pass
    raise InputRefused(
        Text(
            "ε 应为不小于 0 的数，至多六位小数。", "Epsilon is a number from 0 on, with six decimals at most."
        )
    )


def caps_of(one: Mapping[str, str]) -> CapWrite:
    body: dict[str, Any] = {f"{kind}_micro": micro(one.get(kind, "")) for kind in CAPS}
    try:
        return CapWrite.model_validate(body | {"reason": one.get("reason", "").strip()})
    except ValidationError as fault:
        raise wrong(fault) from None


def typed_caps(cap: CapRead | None) -> dict[str, str]:
    return {} if cap is None else {kind: f"{getattr(cap, f'{kind}_micro') / MILLION:g}" for kind in CAPS}
