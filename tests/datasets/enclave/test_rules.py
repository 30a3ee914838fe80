"""Who may review a specification, what a decision needs, and which columns fit under their masks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.asset import AssetColumn
from auth.policy.model import GrantPolicy
from core.errors import Reason
from core.text import Text
from datasets.enclave.model import EnclaveSpec
from datasets.enclave.rules import Near, approval_stands, decision_objections, misfits, reviewer_objections
from tests.auth.policy.test_decisions import a_policy
from tests.desk import PARKS

NEAR = Near(requester="li", org_id="insurer")
AGAINST = (Reason("grant-ended", Text("已到期。", "It ended."), "x"),)


@pytest.mark.parametrize(
    ("person", "orgs", "expected"),
    [
        ("wang", {"parks"}, []),
        ("li", {"parks"}, ["requester-may-not-review"]),
        ("wang", {"parks", "insurer"}, ["receiver-may-not-review"]),
        ("li", {"insurer"}, ["requester-may-not-review", "receiver-may-not-review"]),
        ("wang", set(), []),
    ],
)
def test_neither_who_handed_it_in_nor_who_receives_it_reviews_it(
    person: str, orgs: set[str], expected: list[str]
) -> None:
    assert [each.code for each in reviewer_objections(person, orgs, NEAR)] == expected


@pytest.mark.parametrize(
    ("decision", "note", "seen", "expected"),
    [
        ("approve", "", "a", ["grant-ended"]),
        ("approve", "", "b", ["spec-changed", "grant-ended"]),
        ("return", "太宽泛了", "a", []),
        ("return", "太宽泛", "a", ["note-missing"]),
        ("decline", "   三个字   ", "a", ["note-missing"]),
        ("decline", "", "b", ["spec-changed", "note-missing"]),
    ],
)
def test_what_a_decision_needs(decision: str, note: str, seen: str, expected: list[str]) -> None:
    """What stands against the specification hinders approving it alone; a refusal needs a reason of four characters."""
    assert [each.code for each in decision_objections(decision, note, seen, "a", AGAINST)] == expected


def _policy(mask: dict[str, object] | None) -> GrantPolicy:
    shown = {"use": "masked", "mask": mask} if mask else {"use": "pseudonymised"}
    return a_policy(columns=[{"name": "area_m2", **shown}, {"name": "venue_id", "use": "plain"}])


def _spec(**changes: object) -> EnclaveSpec:
    asked = {
        "grant_id": "g",
        "dataset_id": PARKS.dataset_id,
        "purpose": "risk-pricing",
        "scenario_id": "safety",
    }
    return EnclaveSpec.model_validate(asked | {"select": [{"kind": "sum", "column": "area_m2"}], **changes})


@pytest.mark.parametrize(
    ("mask", "fits"),
    [
        ({"kind": "round", "step": 10}, True),
        ({"kind": "clamp", "low": 0, "high": 5000}, True),
        ({"kind": "drop"}, False),
        (None, False),
    ],
)
def test_what_is_measured_is_still_a_number_under_its_mask(
    mask: dict[str, object] | None, fits: bool
) -> None:
    found = misfits(_spec(), PARKS, _policy(mask))
    assert [each.facts.get("column") for each in found if each.code == "mask-unfit"] == (
        [] if fits else ["area_m2"]
    )


def test_every_column_that_does_not_fit_is_named_once() -> None:
    spec = _spec(select=[{"kind": "sum", "column": "area_m2"}, {"kind": "mean", "column": "area_m2"}])
    found = [each for each in misfits(spec, PARKS, _policy({"kind": "drop"})) if each.code == "mask-unfit"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"ends_at": "2027-06-01T00:00:00+08:00"}, True),
        (
            {"columns": [{"name": "area_m2", "use": "pseudonymised"}, {"name": "venue_id", "use": "denied"}]},
            True,
        ),
        ({"columns": [{"name": "area_m2", "use": "plain"}, {"name": "venue_id", "use": "plain"}]}, False),
        ({"columns": [{"name": "venue_id", "use": "plain"}]}, False),
        ({"row_filter": {"op": "eq", "column": "venue_id", "value": "V1"}}, False),
        ({"safeguards": {"min_group": 20}}, False),
        ({"pinned_release": "r-1"}, False),
    ],
)
def test_an_approval_stands_where_what_was_read_is_shown_alike(
    changes: dict[str, object], stands: bool
) -> None:
    before = _policy(None)
    after = GrantPolicy.model_validate(before.model_dump(mode="json") | changes)
    spec = _spec(group_by=[{"column": "area_m2"}])
    assert approval_stands(spec, before, after) is stands


KINDS = {"at": "datetime", "fee": "number", "shape": "geometry", "name": "string"}
STAY = replace(
    PARKS, columns=tuple(AssetColumn(name, Text(name, name), kind, 1) for name, kind in KINDS.items())
)
MONTH, ROUND = {"kind": "truncate", "unit": "month"}, {"kind": "round", "step": 10}


@pytest.mark.parametrize(
    ("select", "group", "shown", "said"),
    [
        ({"kind": "count"}, {"column": "at", "unit": "month"}, {"use": "masked", "mask": MONTH}, []),
        ({"kind": "sum", "column": "fee"}, {"column": "at"}, {"use": "masked", "mask": MONTH}, []),  # a masked one is whole
        ({"kind": "count"}, {"column": "at"}, {"use": "plain"}, ["measure-type"]),
        ({"kind": "count"}, {"column": "at"}, {"use": "pseudonymised"}, []),
        ({"kind": "count"}, {"column": "at", "unit": "month"}, {"use": "pseudonymised"}, ["mask-unfit"]),
        ({"kind": "count"}, {"column": "at", "unit": "month"}, {"use": "plain"}, []),
        ({"kind": "count"}, {"column": "fee", "width": 5}, {"use": "masked", "mask": ROUND}, []),
        ({"kind": "count"}, {"column": "fee", "width": 5}, {"use": "pseudonymised"}, ["mask-unfit"]),
        ({"kind": "sum", "column": "at"}, {"column": "name"}, {"use": "masked", "mask": MONTH}, ["measure-type", "mask-unfit"]),
        ({"kind": "count"}, {"column": "shape"}, {"use": "masked", "mask": {"kind": "redact"}}, ["measure-type"]),
        ({"kind": "count"}, {"column": "missing"}, {"use": "pseudonymised"}, []),
    ],
)  # fmt: skip
def test_what_is_grouped_by_is_whole_or_in_classes_that_its_mask_leaves(
    select: dict[str, Any], group: dict[str, Any], shown: dict[str, Any], said: list[str]
) -> None:
    """The mask is of the column that is measured or else grouped by; of a time cut to its month a class may be a month."""
    of = "at" if select.get("column") == "at" else group["column"]
    policy = a_policy(columns=[{"name": of, **shown}])
    found = misfits(_spec(select=[select], group_by=[group]), STAY, policy)
    assert [each.code for each in found] == said
    assert {each.facts["column"] for each in found} <= {of}
