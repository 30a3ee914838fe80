"""Grants as ODRL agreements, for programs that know no other language of policies. Pure; nothing is lost either way.

What ODRL has no word for is a term of our own profile (`dg:`): scenario, rows, bytes, columns with their treatment, row filter. Columns and
row filter stand as canonical JSON text, so that the agreement says the whole policy and its digest can be computed from it again.
Documents are valid against the contract schema of the Dataspace Protocol 2025-1, which refuses numbers as right operands and targets in rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import rfc8785
from pydantic import ValidationError

from auth.asset import Asset
from auth.policy.limits import Limits
from auth.policy.model import ColumnTerm, DeliveryForm, DropMask, GrantPolicy, Use
from auth.policy.rules import column_objections, use_objections
from core.errors import InputRefused, Reason
from core.text import Text

CONTEXT: Final = "http://www.w3.org/ns/odrl.jsonld"
PROFILE: Final = "urn:datagrant:odrl:1"
FORMATS: Final[Mapping[DeliveryForm, str]] = {
    DeliveryForm.EXTRACT_PARQUET: "application/vnd.apache.parquet",
    DeliveryForm.EXTRACT_CSV: "text/csv",
    DeliveryForm.EXTRACT_CSV_GB18030: "text/csv;charset=GB18030",
    DeliveryForm.EXTRACT_XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    DeliveryForm.EXTRACT_JSONL: "application/x-ndjson",
    DeliveryForm.EXTRACT_GEOJSON: "application/geo+json",
    DeliveryForm.QUERY_AGG: "dg:queryAgg",  # no files: answers in the forms of our own profile
    DeliveryForm.QUERY_DP: "dg:queryDp",
    DeliveryForm.VERIFY: "dg:verify",
    DeliveryForm.PREVIEW: "dg:preview",
    DeliveryForm.ENCLAVE: "dg:enclave",
}
PROHIBITED: Final = ("distribute", "sell", "dg:reidentify")
_QUOTAS: Final = {"count": "extracts", "dg:rows": "rows", "dg:bytes": "bytes", "dg:perDay": "per_day"}
_BASIS: Final = "以 ODRL 表达的授权（docs/grants.md）· grants as ODRL (docs/grants.md)"
_ONCE: Final = frozenset(
    {
        "fileFormat",
        "purpose",
        "dg:scenario",
        "dg:columns",
        "dg:rowFilter",
        "dateTime gteq",
        "dateTime lt",
        *_QUOTAS,
    }
)

Document = dict[str, Any]


def urn(kind: str, name: str) -> str:
    return f"urn:datagrant:{kind}:{name}"


def shapes() -> str:
    """What agreements and offers of this profile look like: SHACL in Turtle."""
    return Path(__file__).with_name("odrl-shapes.ttl").read_text(encoding="utf-8")


def agreement(
    policy: GrantPolicy, *, grant_id: str, assigner: str, assignee: str, agreed_at: datetime
) -> Document:
    """The ODRL agreement of a grant: `assigner` and `assignee` are organisation ids, `agreed_at` aware."""
    return {
        "@context": [CONTEXT, {"dg": f"{PROFILE}#"}],
        "@type": "Agreement",
        "@id": urn("grant", grant_id),
        "profile": PROFILE,
        "conflict": "prohibit",
        "target": urn("dataset", policy.dataset_id),
        "assigner": urn("organisation", assigner),
        "assignee": urn("organisation", assignee),
        "timestamp": _moment(agreed_at),
        "dg:policySha256": policy.hash,
        "permission": [{"action": "extract", "constraint": list(_constraints(policy))}],
        "prohibition": [{"action": action} for action in PROHIBITED],
        "obligation": [
            {"action": "delete", "constraint": [_atom("elapsedTime", "lteq", f"P{policy.retention_days}D")]},
            {"action": "inform", "constraint": [_atom("event", "eq", "dg:incident")]},
        ],
    }


def offer(asset: Asset, limits: Limits) -> Document:
    """What may be applied for on a dataset, as an ODRL offer: forms, purposes, scenarios, longest period, and the uses of each column.

    A grant is a selection from it, narrowed by a decision. Empty where nothing may be asked: see `rules.asset_objections`.
    """
    level = limits.levels.get(asset.level)
    forms = [form for form in FORMATS if level is not None and form in level.forms]
    choices = [
        {"name": column.name, "uses": uses}
        for column in asset.columns
        if (uses := [use.value for use in _OFFERED if _may_be(use, column.name, forms, asset, limits)])
    ]
    constraints = [
        _atom("fileFormat", "isAnyOf", [FORMATS[form] for form in forms]),
        _atom("purpose", "isAnyOf", sorted(limits.purposes)),
        _atom("dg:scenario", "isAnyOf", sorted(limits.scenarios)),
        _atom("elapsedTime", "lteq", f"P{limits['max_grant_years']}Y"),
        _atom("dg:columnChoices", "eq", rfc8785.dumps(choices).decode()),
    ]
    return {
        "@context": [CONTEXT, {"dg": f"{PROFILE}#"}],
        "@type": "Offer",
        "@id": urn("offer", asset.dataset_id),
        "profile": PROFILE,
        "conflict": "prohibit",
        "target": urn("dataset", asset.dataset_id),
        "assigner": urn("organisation", asset.org_id),
        "permission": [{"action": "extract", "constraint": constraints}],
        "prohibition": [{"action": action} for action in PROHIBITED],
        "obligation": [
            {
                "action": "delete",
                "constraint": [_atom("elapsedTime", "lteq", f"P{limits['max_retention_days']}D")],
            },
            {"action": "inform", "constraint": [_atom("event", "eq", "dg:incident")]},
        ],
    }


_OFFERED: Final = (
    Use.PLAIN,
    Use.MASKED,
    Use.PSEUDONYMISED,
    Use.AGGREGATE_ONLY,
    Use.FILTER_ONLY,
    Use.JOIN_ONLY,
)


def _may_be(use: Use, column: str, forms: list[DeliveryForm], asset: Asset, limits: Limits) -> bool:
    """Whether a term with that use could be granted: its level allows it, and a form that the level allows serves it."""
    term = ColumnTerm(name=column, use=use, mask=DropMask() if use is Use.MASKED else None)
    against = (*column_objections((term,), asset, limits), *use_objections((term,), forms, asset))
    return not against


def _constraints(policy: GrantPolicy) -> Iterator[Document]:
    yield _atom("fileFormat", "isAnyOf", [FORMATS[form] for form in policy.delivery_forms])
    yield _atom("purpose", "isAnyOf", list(policy.purposes))
    yield _atom("dg:scenario", "eq", policy.scenario_id)
    yield _atom("dateTime", "gteq", _moment(policy.starts_at))
    yield _atom("dateTime", "lt", _moment(policy.ends_at))
    for operand, quota in _QUOTAS.items():
        if (most := getattr(policy.quotas, quota)) is not None:
            yield _atom(operand, "lteq", str(most))
    said = policy.model_dump(mode="json")
    yield _atom("dg:columns", "eq", rfc8785.dumps(said["columns"]).decode())
    if policy.row_filter is not None:
        yield _atom("dg:rowFilter", "eq", rfc8785.dumps(said["row_filter"]).decode())


def _atom(left: str, operator: str, right: str | list[str]) -> Document:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def policy_of(document: Document) -> GrantPolicy:
    """The policy that an agreement states. Raises InputRefused with everything in it that this service could not enforce."""
    unknown: list[str] = []
    found = _members(document, unknown)
    if unknown:
        raise _refused([f"{each}" for each in unknown])
    try:
        return GrantPolicy.model_validate(found)
    except ValidationError as error:
        raise _refused([f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]) from error


def _members(document: Document, unknown: list[str]) -> Document:
    rules = document.get("permission")
    if document.get("profile") != PROFILE:
        unknown.append(f"profile {document.get('profile')!r}")
    if not isinstance(rules, list) or len(rules) != 1 or rules[0].get("action") != "extract":
        unknown.append("permission: exactly one, with action 'extract'")
        return {}
    if sorted(str(each.get("action")) for each in document.get("prohibition", [])) != sorted(PROHIBITED):
        unknown.append(f"prohibition: exactly {', '.join(PROHIBITED)}")
    said = _said(rules[0].get("constraint", []), unknown)
    said_of = {value: form for form, value in FORMATS.items()}
    forms = said.get("fileFormat", [])
    unknown.extend(f"fileFormat {value!r}" for value in forms if value not in said_of)
    return {
        "dataset_id": str(document.get("target", "")).removeprefix(urn("dataset", "")),
        "columns": _json(said, "dg:columns", unknown),
        "row_filter": _json(said, "dg:rowFilter", unknown),
        "scenario_id": said.get("dg:scenario"),
        "purposes": said.get("purpose"),
        "starts_at": said.get("dateTime gteq"),
        "ends_at": said.get("dateTime lt"),
        "delivery_forms": [said_of[value] for value in forms if value in said_of],
        "quotas": {quota: int(said[operand]) for operand, quota in _QUOTAS.items() if operand in said},
        "retention_days": _retention(document.get("obligation", []), unknown),
    }


def _said(constraints: list[Document], unknown: list[str]) -> dict[str, Any]:
    """Right operands by left operand; what is said twice, or in another way, cannot be enforced."""
    found: dict[str, Any] = {}
    for each in constraints:
        left, operator, right = each.get("leftOperand"), each.get("operator"), each.get("rightOperand")
        name = f"{left} {operator}" if left == "dateTime" else str(left)
        listed = left in ("fileFormat", "purpose")
        wanted = (
            "isAnyOf" if listed else "lteq" if left in _QUOTAS else operator if left == "dateTime" else "eq"
        )
        fits = isinstance(right, list if listed else str) and (left not in _QUOTAS or str(right).isdecimal())
        if name not in _ONCE or operator != wanted or name in found or not fits:
            unknown.append(f"constraint {left} {operator} {right!r}")
        else:
            found[name] = right
    return found


def _json(said: Mapping[str, Any], name: str, unknown: list[str]) -> Any:  # noqa: ANN401 - JSON
    if name not in said:
        return None
    try:
        return json.loads(said[name])
    except ValueError:
        unknown.append(f"{name}: no JSON")
        return None


def _retention(obligations: list[Document], unknown: list[str]) -> int | None:
    for each in obligations:
        if each.get("action") == "delete":
            right = str((each.get("constraint") or [{}])[0].get("rightOperand", ""))
            if right[:1] == "P" and right[-1:] == "D" and right[1:-1].isdecimal():
                return int(right[1:-1])
    unknown.append("obligation: delete within elapsedTime P…D")
    return None


def _refused(faults: list[str]) -> InputRefused:
    text = Text(
        "该 ODRL 文档含有本系统不能执行的内容，因此整体不接受：" + "；".join(faults[:20]),
        "The ODRL document holds what this service cannot enforce, so none of it is taken: "
        + "; ".join(faults[:20]),
    )
    return InputRefused(
        text, reasons=[Reason("policy-unenforceable", Text(fault, fault), _BASIS) for fault in faults]
    )
