"""Grants as ODRL agreements, for programs that know no other language of policies. Pure; `odrl_reading` reads them back.

Each delivery form has its action and its channel; forms that follow one another with the same action share a permission, so that their
order stays as it was agreed, and every permission says all the terms. What ODRL has no word for is a term of our own profile (`dg:`):
scenario, rows, bytes, columns with their treatment, row filter. Columns and row filter stand as canonical JSON text, so that the agreement
says the whole policy and its digest can be computed from it again. Quotas count over all permissions together.
Documents are valid against the contract schema of the Dataspace Protocol 2025-1, which refuses numbers as right operands and targets in rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import rfc8785

from auth.asset import Asset
from auth.policy.limits import Limits
from auth.policy.model import (
    EXTRACT_FORMS,
    REVIEWED_BY_TWO,
    ColumnTerm,
    DeliveryForm,
    DropMask,
    GrantPolicy,
    Use,
)
from auth.policy.rules import column_objections, use_objections

CONTEXT: Final = "http://www.w3.org/ns/odrl.jsonld"
PROFILE: Final = "urn:datagrant:odrl:2"
FORMATS: Final[Mapping[DeliveryForm, str]] = {
    DeliveryForm.EXTRACT_PARQUET: "application/vnd.apache.parquet",
    DeliveryForm.EXTRACT_CSV: "text/csv",
    DeliveryForm.EXTRACT_CSV_GB18030: "text/csv;charset=GB18030",
    DeliveryForm.EXTRACT_XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    DeliveryForm.EXTRACT_JSONL: "application/x-ndjson",
    DeliveryForm.EXTRACT_GEOJSON: "application/geo+json",
}
_FILES: Final = ("extract", "dg:file")
ACTIONS: Final[Mapping[DeliveryForm, tuple[str, str]]] = {  # what may be done, through which channel
    **dict.fromkeys(FORMATS, _FILES),
    DeliveryForm.QUERY_AGG: ("aggregate", "dg:statistics"),
    DeliveryForm.QUERY_DP: ("dg:queryDP", "dg:privateStatistics"),
    DeliveryForm.VERIFY: ("dg:verify", "dg:verification"),
    DeliveryForm.PREVIEW: ("read", "dg:preview"),
    DeliveryForm.ENCLAVE: ("derive", "dg:enclave"),
}
PROHIBITED: Final = ("distribute", "sell", "dg:reidentify")
QUOTAS: Final = {
    "count": "extracts",
    "dg:rows": "rows",
    "dg:bytes": "bytes",
    "dg:perDay": "per_day",
    "dg:perMonth": "per_month",
    "dg:outputsPerMonth": "outputs_per_month",
}

# By operand: the safeguard, and how it is said; `eq` is a switch.
SAFEGUARDS: Final = {
    "dg:minGroup": ("min_group", "gteq"),
    "dg:checkers": ("checkers", "gteq"),
    "dg:epsilon": ("epsilon_micro", "lteq"),
    "dg:epsilonEach": ("epsilon_each_micro", "lteq"),
    "dg:watermark": ("watermark", "eq"),
}
REQUIRED: Final = "required"

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
        "permission": permissions(
            policy.delivery_forms,
            [atom("recipient", "eq", urn("organisation", assignee)), *_constraints(policy)],
        ),
        "prohibition": [{"action": action} for action in PROHIBITED],
        "obligation": duties(policy.retention_days, policy.delivery_forms),
    }


def permissions(forms: Iterable[DeliveryForm], terms: list[Document]) -> list[Document]:
    """One permission for each run of forms with the same action, in order; all of them under the same terms."""
    return [
        {"action": action, "constraint": [*_ways(channel, tuple(run)), *terms]}
        for (action, channel), run in groupby(forms, ACTIONS.__getitem__)
    ]


def _ways(channel: str, forms: tuple[DeliveryForm, ...]) -> Iterator[Document]:
    yield atom("deliveryChannel", "eq", channel)
    if files := [FORMATS[form] for form in forms if form in EXTRACT_FORMS]:
        yield atom("fileFormat", "isAnyOf", files)


def duties(days: int, forms: Collection[DeliveryForm]) -> list[Document]:
    """What the holder must do: destroy copies, tell of incidents and of the use, name the source, and pass results of the enclave to review."""
    return [
        {"action": "delete", "constraint": [atom("elapsedTime", "lteq", f"P{days}D")]},
        {"action": "inform", "constraint": [atom("event", "eq", "dg:incident")]},
        {"action": "inform", "constraint": [atom("event", "eq", "dg:useReport")]},
        {"action": "attribute"},
        *(
            {"action": "dg:outputReview", "constraint": [atom("deliveryChannel", "eq", ACTIONS[form][1])]}
            for form in sorted(REVIEWED_BY_TWO.intersection(forms))
        ),
    ]


def offer(asset: Asset, limits: Limits) -> Document:
    """What may be applied for on a dataset, as an ODRL offer: forms, purposes, scenarios, longest period, and the uses of each column.

    A grant is a selection from it, narrowed by a decision. It permits nothing where the dataset's level allows no form.
    """
    level = limits.levels.get(asset.level)
    forms = [form for form in ACTIONS if level is not None and form in level.forms]
    terms = [
        atom("purpose", "isAnyOf", sorted(limits.purposes)),
        atom("dg:scenario", "isAnyOf", sorted(limits.scenarios)),
        atom("elapsedTime", "lteq", f"P{limits['max_grant_years']}Y"),
    ]
    offered = [
        rule
        for _, run in groupby(forms, ACTIONS.__getitem__)
        if (held := tuple(run))
        for rule in permissions(held, [*terms, _choices(held, asset, limits)])
    ]
    return {
        "@context": [CONTEXT, {"dg": f"{PROFILE}#"}],
        "@type": "Offer",
        "@id": urn("offer", asset.dataset_id),
        "profile": PROFILE,
        "conflict": "prohibit",
        "target": urn("dataset", asset.dataset_id),
        "assigner": urn("organisation", asset.org_id),
        **({"permission": offered} if offered else {}),
        "prohibition": [{"action": action} for action in PROHIBITED],
        "obligation": duties(limits["max_retention_days"], forms),
    }


def _choices(forms: tuple[DeliveryForm, ...], asset: Asset, limits: Limits) -> Document:
    """The uses that each column may have in those forms."""
    choices = [
        {"name": column.name, "uses": uses}
        for column in asset.columns
        if (uses := [use.value for use in _OFFERED if _may_be(use, column.name, forms, asset, limits)])
    ]
    return atom("dg:columnChoices", "eq", rfc8785.dumps(choices).decode())


_OFFERED: Final = (
    Use.PLAIN,
    Use.MASKED,
    Use.PSEUDONYMISED,
    Use.AGGREGATE_ONLY,
    Use.FILTER_ONLY,
    Use.JOIN_ONLY,
)


def _may_be(use: Use, column: str, forms: tuple[DeliveryForm, ...], asset: Asset, limits: Limits) -> bool:
    """Whether a term with that use could be granted: its level allows it, and a form that the level allows serves it."""
    term = ColumnTerm(name=column, use=use, mask=DropMask() if use is Use.MASKED else None)
    against = (*column_objections((term,), asset, limits), *use_objections((term,), forms, asset))
    return not against


def _constraints(policy: GrantPolicy) -> Iterator[Document]:
    yield atom("purpose", "isAnyOf", list(policy.purposes))
    yield atom("dg:scenario", "eq", policy.scenario_id)
    yield atom("dateTime", "gteq", _moment(policy.starts_at))
    yield atom("dateTime", "lt", _moment(policy.ends_at))
    for operand, quota in QUOTAS.items():
        if (most := getattr(policy.quotas, quota)) is not None:
            yield atom(operand, "lteq", str(most))
    if policy.networks:
        yield atom("dg:network", "isAnyOf", list(policy.networks))
    if policy.pinned_release is not None:
        yield atom("dg:release", "eq", urn("release", policy.pinned_release))
    if policy.members:
        yield atom("dg:member", "isAnyOf", [urn("account", each) for each in policy.members])
    if policy.fee_reference is not None:
        yield atom("dg:feeReference", "eq", urn("fee", policy.fee_reference))
    held = policy.safeguards.said()
    for operand, (name, operator) in SAFEGUARDS.items():
        if name in held:
            yield atom(operand, operator, REQUIRED if operator == "eq" else str(held[name]))
    said = policy.model_dump(mode="json")
    yield atom("dg:columns", "eq", rfc8785.dumps(said["columns"]).decode())
    if policy.row_filter is not None:
        yield atom("dg:rowFilter", "eq", rfc8785.dumps(said["row_filter"]).decode())


def atom(left: str, operator: str, right: str | list[str]) -> Document:
    """One constraint; texts only, as the contract schema wants it."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
