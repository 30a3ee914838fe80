"""Which grant gives what was asked for; where none does, what each of them lacks, in the service's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from api.client import Api, Refused
from api.reader.cache import Cache
from api.reader.conditions import columns_of
from api.reader.faults import Refusal, line_of

_ENDED: Final = frozenset({"REVOKED", "TERMINATED", "EXPIRED", "VOID", "SUPERSEDED"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One grant, and what is read under it. `columns`: in the order wanted."""

    grant: dict[str, Any]
    purpose: str
    release_id: str
    columns: tuple[str, ...]
    row_filter: dict[str, Any] | None

    @property
    def grant_id(self) -> str:
        return str(self.grant["id"])

    @property
    def can_be_filtered_here(self) -> bool:
        """Whether every column of the filter leaves as it is, so that the grant's view holds what the filter reads."""
        plain = {each["name"] for each in self.grant["policy"]["columns"] if each["use"] == "plain"}
        return columns_of(self.row_filter) <= plain


def choose(
    api: Api, dataset: str, columns: list[str], row_filter: dict[str, Any] | None, grant: str | None,
    purpose: str | None, release: int | None, cache: Cache,
) -> Choice:  # fmt: skip
    """The one grant that permits this. Refusal when none does, or when several do and none was named."""
    found = [
        each
        for each in api.get("/grants", dataset_id=dataset, limit=200)["items"]
        if grant in (None, each["id"])
    ]
    for each in found:
        if each["state"] in _ENDED:
            cache.drop(each["id"])
    if not found:
        raise Refusal(
            f"{dataset}: you hold no such grant; apply for one, or name another account. "
            "您没有该数据集的授权；请先申请，或换用有授权的账户。"
        )
    release_id = _release(api, dataset, release)
    asked = [_plan(api, each, columns, row_filter, purpose, release_id) for each in found]
    choices = [each for each in asked if isinstance(each, Choice)]
    if not choices:
        reasons = [reason for each in asked if isinstance(each, list) for reason in each]
        raise Refusal("\n".join(_lines(dataset, reasons)), reasons)
    if len(choices) > 1:
        named = ", ".join(each.grant_id for each in choices)
        raise Refusal(
            f"{dataset}: several grants allow this; name one by grant=: {named} 多项授权均可，请用 grant= 指明。"
        )
    return choices[0]


def _plan(
    api: Api, grant: dict[str, Any], columns: list[str], row_filter: dict[str, Any] | None, purpose: str | None,
    release_id: str | None,
) -> Choice | list[dict[str, Any]]:  # fmt: skip
    """The choice, or every reason against it."""
    policy = grant["policy"]
    said = purpose or (policy["purposes"][0] if len(policy["purposes"]) == 1 else "")
    if not said:
        known = ", ".join(policy["purposes"])
        text = f"several purposes: say one by purpose=: {known} 有多个用途，请用 purpose= 指明。"
        return [{"grant": grant["id"], "code": "purpose-not-said", "text": text}]
    body = {
        "grant_id": grant["id"], "columns": columns, "filter": row_filter, "purpose": said,
        "scenario_id": policy["scenario_id"], "release_id": release_id, "form": "extract_parquet",
    }  # fmt: skip
    try:
        plan = api.post("/extracts/plan", body)
        reasons = plan["reasons"]
    except Refused as refused:
        plan, reasons = (
            None,
            refused.problem.get("reasons") or [{"code": "refused", "text": str(refused), "basis": ""}],
        )
    if reasons or plan is None:
        return [{"grant": grant["id"], **reason} for reason in reasons]
    names = tuple(each["name"] for each in plan["columns"])
    return Choice(grant, said, plan["release_id"], names, row_filter)


def _release(api: Api, dataset: str, number: int | None) -> str | None:
    if number is None:
        return None
    page: str | None = "1"
    while page:
        listed = api.get("/releases", dataset_id=dataset, page=page, limit=200)
        for each in listed["items"]:
            if each["number"] == number:
                return str(each["id"])
        page = listed["next"]
    raise Refusal(f"{dataset}: there is no release v{number} 没有这个版本。")


def _lines(dataset: str, reasons: list[dict[str, Any]]) -> list[str]:
    lines = [f"{dataset}: no grant of yours allows this 您的授权均不允许："]
    for grant in dict.fromkeys(each["grant"] for each in reasons):
        lines += [f"{grant}:", *(line_of(each) for each in reasons if each["grant"] == grant)]
    return lines
