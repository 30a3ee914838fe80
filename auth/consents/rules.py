"""Whether a consent of the sharing department covers what a grant is to hold: pure functions.

Consents are never added together, as grants are not: one of them must hold the columns, the scenario and the whole period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.errors import Reason
from core.text import Text

BASIS: Final = "R09 共享取得的数据须经提供单位同意（27号）· consent of whoever shared the data"


@dataclass(frozen=True, slots=True)
class Consent:
    """What one confirmed consent holds; None for columns or scenarios is all of them. Both days count."""

    id: str
    provider: str
    columns: frozenset[str] | None
    scenarios: frozenset[str] | None
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Need:
    """What a grant is to hold, or holds. Both days count; the same day twice asks for that day alone."""

    dataset_id: str
    columns: frozenset[str]
    scenario_id: str
    starts_on: date
    ends_on: date


PARTS: Final[Mapping[str, Text]] = {
    "columns": Text("列", "columns"),
    "scenario": Text("场景", "scenario"),
    "period": Text("期限", "period"),
}


def gaps(consent: Consent, need: Need) -> tuple[str, ...]:
    """Which parts of the need this consent does not hold; () when it covers all of it."""
    found = []
    if consent.columns is not None and not need.columns <= consent.columns:
        found.append("columns")
    if consent.scenarios is not None and need.scenario_id not in consent.scenarios:
        found.append("scenario")
    if not (consent.starts_on <= need.starts_on and need.ends_on <= consent.ends_on):
        found.append("period")
    return tuple(found)


def objections(need: Need, confirmed: Iterable[Consent]) -> tuple[Reason, ...]:
    """Why no consent covers the need; () when one does. What the nearest one lacks is named."""
    nearest = sorted((len(gaps(each, need)), each.id, each, gaps(each, need)) for each in confirmed)
    if not nearest:
        return (_missing(need.dataset_id),)
    _, _, consent, lacking = nearest[0]
    return (_outside(need, consent, lacking),) if lacking else ()


def _missing(dataset_id: str) -> Reason:
    text = Text(
        f"{dataset_id} 由其他部门或地区共享取得，尚无提供单位的同意记录；请数源部门取得并登记同意。",
        f"{dataset_id} was shared by another department or region and no consent of theirs is on record; the source department must obtain and enter it.",
    )
    return Reason("source-consent-missing", text, BASIS, {"dataset": dataset_id})


def _outside(need: Need, consent: Consent, lacking: tuple[str, ...]) -> Reason:
    zh = "、".join(PARTS[part].zh for part in lacking)
    en = ", ".join(PARTS[part].en for part in lacking)
    text = Text(
        f"{need.dataset_id} 的提供单位（{consent.provider}）的同意未覆盖：{zh}；同意期 {consent.starts_on}—{consent.ends_on}。",
        f"The consent of {consent.provider} for {need.dataset_id} does not hold: {en}; it runs {consent.starts_on} to {consent.ends_on}.",
    )
    return Reason("source-consent-outside", text, BASIS, {"dataset": need.dataset_id, "consent": consent.id, "lacks": list(lacking)})  # fmt: skip
