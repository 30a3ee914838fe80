"""A policy says what it says within its bounds, each of them met exactly, and keeps its digest."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from auth.policy.model import (
    EXTRACT_FORMS,
    LEAVING,
    MASK_TYPES,
    MAX_QUOTA,
    REVIEWED_BY_TWO,
    ROW_FORMS,
    STATISTIC_FORMS,
    ColumnTerm,
    DeliveryForm,
    GrantPolicy,
    Mask,
    Quotas,
    Safeguards,
    Use,
    storable,
)
from tests.auth.policy.test_decisions import END, SECOND, START, a_policy

MASK: TypeAdapter[Any] = TypeAdapter(Mask)
INFINITE = float("inf")


def _is_taken(kind: type[BaseModel] | TypeAdapter[Any], body: dict[str, Any]) -> bool:
    try:
        kind.validate_python(body) if isinstance(kind, TypeAdapter) else kind.model_validate(body)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("mask", "taken", "refused"),
    [
        ({"kind": "keep", "head": 0, "tail": 0}, {"head": 20, "tail": 20}, {"head": 21}),
        ({"kind": "keep", "head": 0, "tail": 0}, {"head": 0}, {"head": -1}),
        ({"kind": "keep", "head": 0, "tail": 0}, {"tail": 0}, {"tail": -1}),
        ({"kind": "keep", "head": 0, "tail": 0}, {"tail": 20}, {"tail": 21}),
        ({"kind": "round", "step": 1}, {"step": 0.001}, {"step": 0}),
        ({"kind": "round", "step": 1}, {"step": 1e300}, {"step": INFINITE}),
        ({"kind": "grid", "step": 1}, {"step": 0.001}, {"step": 0}),
        ({"kind": "grid", "step": 1}, {"step": 10}, {"step": 10.5}),
        ({"kind": "clamp", "low": 1, "high": 9}, {"low": 8.5}, {"low": 9}),
        ({"kind": "clamp", "low": 1, "high": 9}, {"high": None}, {"high": 0}),
        ({"kind": "clamp", "low": 1}, {"low": -5}, {"low": -INFINITE}),
        ({"kind": "clamp", "low": 1}, {"low": 0}, {"low": float("nan")}),
        ({"kind": "clamp", "high": 1}, {"high": -5}, {"high": INFINITE}),
        ({"kind": "clamp", "high": 1}, {"high": 0}, {"high": None}),
        ({"kind": "drop"}, {}, {"more": 1}),
    ],
)
def test_masks_within_their_bounds(
    mask: dict[str, Any], taken: dict[str, Any], refused: dict[str, Any]
) -> None:
    assert _is_taken(MASK, mask | taken)
    assert not _is_taken(MASK, mask | refused)


@pytest.mark.parametrize(
    ("kind", "unit", "least", "most"),
    [(Quotas, unit, 1, MAX_QUOTA) for unit in Quotas.model_fields]
    + [(Safeguards, "min_group", 2, 1_000_000), (Safeguards, "checkers", 1, 2)]
    + [(Safeguards, unit, 1, MAX_QUOTA) for unit in ("epsilon_micro", "epsilon_each_micro")],
)
def test_numbers_within_their_bounds(kind: type[BaseModel], unit: str, least: int, most: int) -> None:
    assert MAX_QUOTA == 2**53 - 1, "the largest whole number that JSON keeps"
    for value in (least, most, None):
        assert _is_taken(kind, {unit: value})
    for value in (least - 1, most + 1):
        assert not _is_taken(kind, {unit: value})


def _body(**changes: Any) -> dict[str, Any]:
    return a_policy().model_dump(mode="json") | changes


def _columns(many: int) -> list[dict[str, str]]:
    return [{"name": f"c{n}", "use": "plain"} for n in range(many)]


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ({"columns": _columns(1)}, {"columns": []}),
        ({"columns": _columns(2000)}, {"columns": _columns(2001)}),
        ({"columns": _columns(2)}, {"columns": _columns(1) * 2}),
        ({"purposes": ["a"]}, {"purposes": []}),
        ({"purposes": [f"p{n}" for n in range(20)]}, {"purposes": [f"p{n}" for n in range(21)]}),
        ({"purposes": ["a", "b"]}, {"purposes": ["a", "a"]}),
        ({"purposes": ["a" * 80]}, {"purposes": ["a" * 81]}),
        ({"scenario_id": "a"}, {"scenario_id": ""}),
        ({"scenario_id": "a"}, {"scenario_id": "a\x00"}),
        ({"delivery_forms": ["verify"]}, {"delivery_forms": []}),
        ({"delivery_forms": ["verify", "preview"]}, {"delivery_forms": ["verify", "verify"]}),
        ({"retention_days": 1}, {"retention_days": 0}),
        ({"retention_days": 36500}, {"retention_days": 36501}),
        ({"redistribution": False}, {"redistribution": True}),
        ({"version": 1}, {"version": 2}),
        ({"members": [f"m{n}" for n in range(200)]}, {"members": [f"m{n}" for n in range(201)]}),
        ({"ends_at": (START + SECOND).isoformat()}, {"ends_at": START.isoformat()}),
        ({}, {"ends_at": (START - SECOND).isoformat()}),
        ({}, {"more": 1}),
    ],
)
def test_a_policy_within_its_bounds(taken: dict[str, Any], refused: dict[str, Any]) -> None:
    assert _is_taken(GrantPolicy, _body(**taken))
    assert not _is_taken(GrantPolicy, _body(**refused))


@pytest.mark.parametrize("use", list(Use))
@pytest.mark.parametrize("mask", [None, {"kind": "drop"}])
def test_a_mask_goes_with_masked_and_only_with_it(use: Use, mask: dict[str, str] | None) -> None:
    taken = _is_taken(ColumnTerm, {"name": "c", "use": use, "mask": mask})
    assert taken is ((use is Use.MASKED) == (mask is not None))


def test_text_with_a_nul_is_refused_on_every_database_alike() -> None:
    assert storable("字") == "字"
    with pytest.raises(ValueError, match="NUL"):
        storable("字\x00")


def test_terms_are_found_by_name_and_what_is_not_named_is_denied() -> None:
    policy = a_policy()
    assert [term.name for term in policy.leaving] == ["venue_id", "contact_phone", "venue_name"]
    assert {policy.use_of(term.name) for term in policy.leaving} == LEAVING
    assert policy.term("venue_id") == policy.columns[0]
    assert policy.term("nowhere") is None
    assert policy.use_of("nowhere") is Use.DENIED


def test_members_are_one_group_in_whatever_order_they_are_named() -> None:
    assert a_policy(members=["b", "a", "b"]).members == ("a", "b")
    assert a_policy(members=["b", "a"]).hash == a_policy(members=["a", "b"]).hash


def test_the_digest_is_that_of_the_canonical_form_which_leaves_out_what_is_not_set() -> None:
    policy = a_policy()
    assert policy.hash == hashlib.sha256(policy.canonical()).hexdigest()
    said = json.loads(policy.canonical())
    later = {"networks", "pinned_release", "members", "fee_reference", "safeguards"}
    assert said.keys() == GrantPolicy.model_fields.keys() - later
    assert said["quotas"].keys() == {"extracts", "rows", "bytes"}
    full = a_policy(
        networks=["10.0.0.0/8"], pinned_release="r", members=["m"], fee_reference="f", safeguards={"checkers": 2},
        quotas=dict.fromkeys(Quotas.model_fields, 7),
    )  # fmt: skip
    said = json.loads(full.canonical())
    assert said.keys() == GrantPolicy.model_fields.keys()
    assert said["quotas"] == dict.fromkeys(Quotas.model_fields, 7)
    assert said["safeguards"] == {"checkers": 2}


def test_a_policy_keeps_its_instants_in_utc() -> None:
    policy = a_policy(starts_at="2026-03-01T08:00:00+08:00")
    assert policy.starts_at == START
    assert policy.starts_at.utcoffset() == timedelta(0)
    assert policy.ends_at == END


def test_forms_that_give_rows_and_forms_that_give_figures() -> None:
    files = {form for form in DeliveryForm if "extract" in form}
    assert files == EXTRACT_FORMS
    assert files | {DeliveryForm.PREVIEW} == ROW_FORMS
    assert {DeliveryForm.QUERY_AGG, DeliveryForm.QUERY_DP} == STATISTIC_FORMS
    assert {DeliveryForm.ENCLAVE} == REVIEWED_BY_TWO
    assert MASK_TYPES["drop"] >= set().union(*MASK_TYPES.values())


@pytest.mark.parametrize(
    "mask",
    [{"kind": "clamp", "low": 1.0, "high": 9.0}, {"kind": "keep", "head": 3, "tail": 2}, {"kind": "grid", "step": 0.01}],
)  # fmt: skip
def test_a_mask_is_kept_as_it_was_said(mask: dict[str, Any]) -> None:
    term = ColumnTerm.model_validate({"name": "c", "use": "masked", "mask": mask})
    assert term.model_dump()["mask"] == mask
