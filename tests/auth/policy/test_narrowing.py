"""A decision narrows and never widens; agreed policies keep their digest."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from auth.policy.comparing import differences
from auth.policy.filters.rules import matches
from auth.policy.model import ColumnTerm, GrantPolicy, Quotas, Use
from auth.policy.narrowing import Narrowing, narrowed, widenings
from tests.auth.policy.test_decisions import END, START, a_policy
from tests.examples import examples

DAY = timedelta(days=1)
PLAIN = {"name": "venue_id", "use": "plain"}


@pytest.mark.parametrize(
    "change",
    [
        {"columns": [PLAIN]},
        {"columns": [{"name": "venue_id", "use": "filter_only"}]},
        {"columns": [{"name": "venue_id", "use": "aggregate_only"}]},
        {"columns": [{"name": "venue_id", "use": "join_only"}]},
        {"columns": [{"name": "venue_id", "use": "pseudonymised"}]},
        {"columns": [{"name": "venue_id", "use": "masked", "mask": {"kind": "keep", "head": 1, "tail": 1}}]},
        {"columns": [PLAIN, {"name": "contact_phone", "use": "masked", "mask": {"kind": "redact"}}]},
        {"columns": [PLAIN, {"name": "contact_phone", "use": "masked", "mask": {"kind": "keep", "head": 2, "tail": 0}}]},
        {"columns": [PLAIN, {"name": "venue_name", "use": "masked", "mask": {"kind": "drop"}}]},
        {"extra_filter": {"op": "eq", "column": "is_open", "value": True}},
        {"ends_at": END - DAY},
        {"starts_at": START + DAY},
        {"quotas": {"extracts": 1, "rows": 5, "bytes": 7}},
        {"quotas": {"per_day": 3}},
        {"quotas": {"per_month": 3}},
        {"quotas": {"outputs_per_month": 3}},
        {"members": ["a1"]},
        {"fee_reference": "cap-1"},
        {"safeguards": {"min_group": 20}},
        {"networks": ["203.0.113.0/24"]},
        {"pinned_release": "r1"},
        {"retention_days": 1},
    ],
)  # fmt: skip
def test_smaller_is_accepted(change: dict[str, Any]) -> None:
    asked = a_policy()
    new = narrowed(asked, Narrowing.model_validate(change))
    assert new != asked
    assert widenings(new, asked) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"columns": [PLAIN, {"name": "opened_on", "use": "plain"}]},
        {"columns": [{"name": "rooms", "use": "plain"}]},
        {"columns": [{"name": "rooms", "use": "pseudonymised"}]},
        {"columns": [{"name": "contact_phone", "use": "plain"}]},
        {"columns": [{"name": "contact_phone", "use": "filter_only"}]},
        {"columns": [{"name": "contact_phone", "use": "pseudonymised"}]},
        {"columns": [{"name": "contact_phone", "use": "masked", "mask": {"kind": "keep", "head": 4, "tail": 0}}]},
        {"columns": [{"name": "venue_name", "use": "plain"}]},
        {"columns": [{"name": "venue_name", "use": "filter_only"}]},
        {"columns": [{"name": "area_m2", "use": "filter_only"}]},
        {"columns": [{"name": "rooms", "use": "aggregate_only"}]},
        {"columns": [{"name": "rooms", "use": "join_only"}]},
        {"columns": [{"name": "contact_phone", "use": "aggregate_only"}]},
        {"columns": [{"name": "venue_name", "use": "join_only"}]},
        {"ends_at": END + DAY},
        {"starts_at": START - DAY},
        {"delivery_forms": ["extract_parquet", "extract_csv"]},
        {"retention_days": 31},
    ],
)  # fmt: skip
def test_wider_is_named(change: dict[str, Any]) -> None:
    asked = a_policy()
    found = widenings(narrowed(asked, Narrowing.model_validate(change)), asked)
    assert [reason.code for reason in found] == ["decision-widens"]


def test_quota_may_not_grow_nor_vanish() -> None:
    asked = a_policy(quotas={"rows": 10})
    for rows in (11, None):
        new = narrowed(asked, Narrowing(quotas=Quotas(rows=rows)))
        assert widenings(new, asked)


def test_filter_may_not_be_taken_away_or_replaced() -> None:
    asked = a_policy(row_filter={"op": "gt", "column": "rooms", "value": 5})
    for other in (None, {"op": "gt", "column": "rooms", "value": 1}):
        new = GrantPolicy.model_validate(asked.model_dump() | {"row_filter": other})
        assert widenings(new, asked)


_uses = st.sampled_from(
    [
        {"use": "plain"}, {"use": "pseudonymised"}, {"use": "filter_only"}, {"use": "denied"},
        {"use": "aggregate_only"}, {"use": "join_only"},
        {"use": "masked", "mask": {"kind": "drop"}}, {"use": "masked", "mask": {"kind": "redact"}},
        {"use": "masked", "mask": {"kind": "keep", "head": 3, "tail": 1}},
        {"use": "masked", "mask": {"kind": "keep", "head": 1, "tail": 1}},
        {"use": "masked", "mask": {"kind": "round", "step": 10}}, {"use": "masked", "mask": {"kind": "round", "step": 5}},
        {"use": "masked", "mask": {"kind": "round", "step": 7}},
        {"use": "masked", "mask": {"kind": "truncate", "unit": "day"}},
        {"use": "masked", "mask": {"kind": "truncate", "unit": "month"}},
    ]
)  # fmt: skip
_terms = st.lists(
    st.builds(lambda name, use: {"name": name, **use}, st.sampled_from("abc"), _uses),
    min_size=1, max_size=3, unique_by=lambda term: term["name"],
)  # fmt: skip
_filters = st.none() | st.builds(
    lambda op, value: {"op": op, "column": "a", "value": value},
    st.sampled_from(["lt", "ge"]),
    st.integers(-3, 3),
)
_changes = st.fixed_dictionaries(
    {},
    optional={
        "columns": _terms,
        "extra_filter": _filters,
        "ends_at": st.integers(-3, 3).map(lambda n: END + n * DAY),
        "retention_days": st.integers(1, 60),
    },
)


@settings(max_examples=examples(100), deadline=None)
@given(asked_columns=_terms, asked_filter=_filters, change=_changes, a=st.none() | st.integers(-4, 4))
def test_whatever_passes_is_within_what_was_asked(
    asked_columns: Any, asked_filter: Any, change: Any, a: int | None
) -> None:
    asked = a_policy(columns=asked_columns, row_filter=asked_filter)
    new = narrowed(asked, Narrowing.model_validate(change))
    if widenings(new, asked):
        return
    leaving = {Use.PLAIN, Use.MASKED, Use.PSEUDONYMISED}
    for name in "abc":
        if new.use_of(name) in leaving:
            assert asked.use_of(name) in leaving
        if new.use_of(name) in {Use.PLAIN, Use.AGGREGATE_ONLY, Use.FILTER_ONLY, Use.JOIN_ONLY}:
            assert asked.use_of(name) is Use.PLAIN or asked.use_of(name) is new.use_of(name)
    assert new.ends_at <= asked.ends_at
    assert not matches(new.row_filter, {"a": a}) or matches(asked.row_filter, {"a": a})


@settings(max_examples=examples(50), deadline=None)
@given(columns=_terms, row_filter=_filters)
def test_digest_survives_writing_and_reading(columns: Any, row_filter: Any) -> None:
    policy = a_policy(columns=columns, row_filter=row_filter)
    again = GrantPolicy.model_validate_json(policy.canonical())
    assert again == policy
    assert again.hash == policy.hash
    assert again.canonical() == policy.canonical()


def test_digest_changes_with_any_term() -> None:
    digests = {
        a_policy().hash,
        a_policy(retention_days=31).hash,
        a_policy(ends_at=END + timedelta(seconds=1)).hash,
        a_policy(quotas={"rows": 1}).hash,
        a_policy(row_filter={"op": "is_null", "column": "rooms"}).hash,
        a_policy(columns=[PLAIN]).hash,
    }
    assert len(digests) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"columns": []},
        {"columns": [PLAIN, PLAIN]},
        {"purposes": []},
        {"delivery_forms": []},
        {"delivery_forms": ["fax"]},
        {"ends_at": START},
        {"redistribution": True},
        {"version": 2},
        {"quotas": {"rows": 0}},
        {"quotas": {"rows": -1}},
        {"quotas": {"rows": 2**53}},  # the first number that JSON readers round
        {"retention_days": 0},
        {"min_group": 10},
        {"starts_at": "2026-03-01T00:00:00"},
    ],
)
def test_policy_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_policy(**change)


@pytest.mark.parametrize(
    "term",
    [
        {"name": "a", "use": "masked"},
        {"name": "a", "use": "plain", "mask": {"kind": "drop"}},
        {"name": "a", "use": "aggregate"},
        {"name": "a", "use": "aggregate_only", "mask": {"kind": "drop"}},
        {"name": "a", "use": "masked", "mask": {"kind": "shuffle"}},
        {"name": "a", "use": "masked", "mask": {"kind": "round", "step": 0}},
    ],
)
def test_term_that_makes_no_sense_is_refused(term: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ColumnTerm.model_validate(term)


@pytest.mark.parametrize(
    ("low", "high", "hides_more"),
    [(0, 10, True), (1, 9, True), (None, 10, False), (0, 11, False), (-1, 10, False), (0, None, False)],
)
def test_top_and_bottom_coding_hides_more_when_its_bounds_are_tighter(
    low: float | None, high: float | None, hides_more: bool
) -> None:
    def coded(low: float | None, high: float | None) -> GrantPolicy:
        mask = {"kind": "clamp", "low": low, "high": high}
        return a_policy(columns=[{"name": "area_m2", "use": "masked", "mask": mask}])

    assert (widenings(coded(low, high), coded(0, 10)) == ()) == hides_more


@pytest.mark.parametrize(("low", "high"), [(None, None), (3, 3), (4, 3)])
def test_bounds_that_code_nothing_are_refused(low: float | None, high: float | None) -> None:
    with pytest.raises(ValidationError):
        ColumnTerm.model_validate(
            {"name": "x", "use": "masked", "mask": {"kind": "clamp", "low": low, "high": high}}
        )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"dataset_id": "D9"}, "dataset_id"),
        ({"scenario_id": "other"}, "scenario_id"),
        ({"purposes": ["risk-pricing", "advertising"]}, "purposes"),
        ({"delivery_forms": ["extract_parquet", "extract_csv"]}, "delivery forms"),
    ],
)
def test_what_a_decision_cannot_even_say_is_a_widening_too(change: dict[str, Any], what: str) -> None:
    (found,) = widenings(a_policy(**change), a_policy())
    assert (found.code, found.facts) == ("decision-widens", {"what": what})


def _masked(name: str, **mask: Any) -> dict[str, Any]:
    return {"name": name, "use": "masked", "mask": mask}


@pytest.mark.parametrize(
    ("asked", "new", "hides_more"),
    [
        (_masked("c", kind="redact"), _masked("c", kind="redact"), True),
        (_masked("c", kind="redact"), _masked("c", kind="keep", head=1, tail=0), False),
        (_masked("c", kind="keep", head=3, tail=4), _masked("c", kind="keep", head=3, tail=1), True),
        (_masked("c", kind="keep", head=3, tail=4), _masked("c", kind="keep", head=0, tail=4), True),
        (_masked("c", kind="keep", head=3, tail=4), _masked("c", kind="keep", head=4, tail=0), False),
        (_masked("c", kind="keep", head=3, tail=4), _masked("c", kind="keep", head=0, tail=5), False),
        (_masked("c", kind="round", step=0.5), _masked("c", kind="round", step=2), True),
        (_masked("c", kind="round", step=2), _masked("c", kind="round", step=3), False),
        (_masked("c", kind="round", step=2), _masked("c", kind="round", step=1), False),
        (_masked("c", kind="truncate", unit="day"), _masked("c", kind="truncate", unit="month"), True),
        (_masked("c", kind="truncate", unit="month"), _masked("c", kind="truncate", unit="day"), False),
        (_masked("c", kind="clamp", low=1, high=9), _masked("c", kind="clamp", low=2, high=8), True),
        (_masked("c", kind="clamp", low=1, high=9), _masked("c", kind="clamp", low=1), False),
        (_masked("c", kind="clamp", low=1), _masked("c", kind="clamp", high=9), False),
        (_masked("c", kind="clamp", high=9), _masked("c", kind="clamp", high=9.5), False),
        (_masked("c", kind="clamp", high=9), _masked("c", kind="clamp", low=0, high=9), True),
        (_masked("c", kind="clamp", high=9), _masked("c", kind="round", step=5), False),
        (_masked("c", kind="grid", step=0.01), _masked("c", kind="grid", step=0.1), True),
        (_masked("c", kind="grid", step=0.1), _masked("c", kind="grid", step=0.01), False),
        (_masked("c", kind="grid", step=0.1), _masked("c", kind="grid", step=0.15), False),
        (_masked("c", kind="grid", step=0.1), _masked("c", kind="round", step=1), False),
        (_masked("c", kind="division", level="county"), _masked("c", kind="division", level="city"), True),
        (_masked("c", kind="division", level="city"), _masked("c", kind="division", level="county"), False),
    ],
)
def test_a_mask_may_be_replaced_by_one_that_hides_more(
    asked: dict[str, Any], new: dict[str, Any], hides_more: bool
) -> None:
    rest = {"name": "venue_id", "use": "plain"}
    found = widenings(a_policy(columns=[rest, new]), a_policy(columns=[rest, asked]))
    assert (found == ()) is hides_more


@pytest.mark.parametrize(
    ("asked", "new", "is_wider"),
    [
        ({}, {}, False),
        ({}, {"networks": ["10.0.0.0/8"], "pinned_release": "r"}, False),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16", "10.2.0.1"]}, False),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.1.0.0/16", "11.0.0.0/8"]}, True),
        ({"networks": ["10.1.0.0/16"]}, {"networks": ["10.0.0.0/8"]}, True),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["2001:db8::/32"]}, True),
        ({"networks": ["10.0.0.0/8"]}, {}, True),
        ({"pinned_release": "r"}, {}, True),
        ({"pinned_release": "r"}, {"pinned_release": "s"}, True),
        ({"pinned_release": "r"}, {"pinned_release": "r"}, False),
        ({"quotas": {"per_month": 5}}, {"quotas": {"per_month": 6}}, True),
        ({"quotas": {"per_month": 5}}, {}, True),
        ({"quotas": {"outputs_per_month": 5}}, {"quotas": {"outputs_per_month": 4}}, False),
        ({"quotas": {"outputs_per_month": 5}}, {}, True),
        ({"members": ["a", "b"]}, {"members": ["b"]}, False),
        ({"members": ["a", "b"]}, {"members": ["b", "c"]}, True),
        ({"members": ["a"]}, {}, True),
        ({"fee_reference": "x"}, {"fee_reference": "x"}, False),
        ({"fee_reference": "x"}, {"fee_reference": "y"}, True),
        ({"fee_reference": "x"}, {}, True),
        *(
            ({"safeguards": {name: asked}}, {"safeguards": {name: new}}, is_wider)
            for name, asked, stricter, looser in (
                ("min_group", 20, 21, 19),
                ("checkers", 1, 2, None),
                ("checkers", 2, 2, 1),
                ("epsilon_micro", 500, 499, 501),
                ("epsilon_each_micro", 500, 499, 501),
                ("watermark", True, True, False),
            )
            for new, is_wider in ((asked, False), (stricter, False), (looser, True))
        ),
        ({"safeguards": {"min_group": 20}}, {"safeguards": {"checkers": 2}}, True),
        ({}, {"safeguards": {"epsilon_micro": 1, "watermark": True}}, False),
    ],
)
def test_places_releases_and_months_only_narrow(
    asked: dict[str, Any], new: dict[str, Any], is_wider: bool
) -> None:
    found = widenings(a_policy(**new), a_policy(**asked))
    assert [each.code for each in found] == (["decision-widens"] if is_wider else [])
    assert bool(differences(a_policy(**new), a_policy(**asked))) == (new != asked)


def test_networks_are_kept_in_one_form_and_nonsense_is_refused() -> None:
    held = a_policy(networks=["203.0.113.9/24", "203.0.113.0/24", " 2001:DB8::1 "])
    assert held.networks == ("203.0.113.0/24", "2001:db8::1/128")
    for bad in (["x"], ["10.0.0.0/33"], [""], [f"10.0.{n}.0/24" for n in range(40)]):
        with pytest.raises(ValidationError):
            a_policy(networks=bad)


def test_what_was_agreed_before_later_terms_keeps_its_digest() -> None:
    plain = a_policy(quotas={"rows": 1}).canonical()
    for name in (
        b"per_day",
        b"per_month",
        b"networks",
        b"pinned_release",
        b"outputs",
        b"members",
        b"fee",
        b"safeguards",
    ):
        assert name not in plain
    later = a_policy(
        quotas={"per_month": 2, "outputs_per_month": 1}, networks=["10.0.0.0/8"], pinned_release="r1",
        members=["b", "a", "b"], fee_reference="cap-1",
    )  # fmt: skip
    assert later.members == ("a", "b"), "each once, in one order"
    assert later.hash == later.model_copy(update={"members": ("a", "b")}).hash
    assert GrantPolicy.model_validate_json(later.canonical()) == later
    assert len({later.hash, a_policy(networks=["10.0.0.0/8"]).hash, a_policy().hash}) == 3
    strict = a_policy(safeguards={"min_group": 20, "watermark": True})
    assert b'"safeguards":{"min_group":20,"watermark":true}' in strict.canonical(), (
        "those that are set, no more"
    )
    assert GrantPolicy.model_validate_json(strict.canonical()) == strict
    limited = a_policy(quotas={"per_day": 3})
    assert b'"per_day":3' in limited.canonical()
    assert GrantPolicy.model_validate_json(limited.canonical()) == limited


def test_an_agreement_of_the_sample_signed_before_the_later_terms_is_still_the_one_that_was_signed() -> None:
    """Kept as it was stored before members, monthly outputs and price rules could be agreed."""
    stored = json.loads((Path(__file__).parent / "agreed_before.json").read_text(encoding="utf-8"))
    for each in stored:
        policy = GrantPolicy.model_validate_json(each["policy"])
        assert policy.canonical().decode() == each["policy"]
        assert policy.hash == each["sha256"]
        assert (policy.members, policy.fee_reference, policy.quotas.outputs_per_month) == ((), None, None)


@pytest.mark.parametrize(
    ("held", "less"),
    [
        ({"quotas": {"rows": 5, "extracts": 5}}, {"quotas": {"rows": 5, "extracts": 4}}),
        ({"members": ["a1", "a2"]}, {"members": ["a1", "a2"], "retention_days": 1}),
        ({"row_filter": {"op": "eq", "column": "is_open", "value": True}}, {"extra_filter": {"op": "gt", "column": "rooms", "value": 1}}),
        ({"networks": ["10.0.0.0/8"]}, {"networks": ["10.0.0.0/8"], "retention_days": 1}),
    ],
)  # fmt: skip
def test_a_limit_that_stays_while_another_narrows_is_no_widening(
    held: dict[str, Any], less: dict[str, Any]
) -> None:
    asked = a_policy(**held)
    assert widenings(narrowed(asked, Narrowing.model_validate(less)), asked) == ()


@pytest.mark.parametrize(("low", "high", "fits"), [(1, 8, True), (2, 9, True), (1, 9.5, False), (0.5, 9, False)])  # fmt: skip
def test_of_two_bounds_one_may_stay(low: float, high: float, fits: bool) -> None:
    asked = a_policy(columns=[{"name": "area_m2", "use": "masked", "mask": {"kind": "clamp", "low": 1, "high": 9}}])  # fmt: skip
    term = {"name": "area_m2", "use": "masked", "mask": {"kind": "clamp", "low": low, "high": high}}
    new = narrowed(asked, Narrowing.model_validate({"columns": [term]}))
    assert (widenings(new, asked) == ()) is fits
