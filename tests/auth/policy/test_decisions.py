"""A request against a grant: permitted when everything fits, otherwise every reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from api.treatments import treatments
from auth.asset import Asset
from auth.grants.view import GrantView, Used
from auth.grants.workflow import State
from auth.policy.filters.model import parse
from auth.policy.limits import LevelRule, limits
from auth.policy.model import FORMS_SERVING, Ask, ColumnTerm, DeliveryForm, GrantPolicy, Licence, Use
from auth.policy.rules import (
    column_objections,
    effective,
    member_objections,
    objections,
    place_objections,
    refused,
    use_objections,
)
from core.ids import ApplicationId, DatasetId, GrantId, OrgId
from core.text import Text
from tests.desk import PARKS, RESCUES

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = Licence("QUALIFIED", datetime(2030, 1, 1, tzinfo=UTC))


def a_policy(asset: Asset = PARKS, **changes: Any) -> GrantPolicy:
    body = {
        "dataset_id": asset.dataset_id,
        "columns": [
            {"name": "venue_id", "use": "plain"},
            {"name": "rooms", "use": "filter_only"},
            {"name": "contact_phone", "use": "masked", "mask": {"kind": "keep", "head": 3, "tail": 0}},
            {"name": "venue_name", "use": "pseudonymised"},
            {"name": "area_m2", "use": "denied"},
        ],
        "scenario_id": "safety",
        "purposes": ["risk-pricing"],
        "starts_at": START,
        "ends_at": END,
        "delivery_forms": ["extract_parquet"],
        "retention_days": 30,
    }
    return GrantPolicy.model_validate(body | changes)


def a_view(policy: GrantPolicy | None = None, **changes: Any) -> GrantView:
    policy = policy or a_policy()
    view = GrantView(
        id=GrantId("g"), state=State.ACTIVE, org_id=OrgId("insurer"), dataset_id=policy.dataset_id, policy=policy,
        policy_hash=policy.hash, used=Used(), application_id=ApplicationId("a"),
    )  # fmt: skip
    return replace(view, **changes)


def an_ask(**changes: Any) -> Ask:
    ask = Ask(
        grant_id=GrantId("g"), dataset_id=PARKS.dataset_id, columns=("venue_id",), filter=None, purpose="risk-pricing",
        scenario_id="safety", delivery_form="extract_parquet", at=NOW,
    )  # fmt: skip
    return replace(ask, **changes)


def codes(
    ask: Ask | None = None,
    view: GrantView | None = None,
    asset: Asset = PARKS,
    licence: Licence = GOOD,
) -> list[str]:
    return [r.code for r in objections(ask or an_ask(), view or a_view(), asset, licence, limits())]


def test_request_within_the_grant_is_permitted() -> None:
    everything = an_ask(
        columns=("venue_id", "contact_phone", "venue_name"),
        filter=parse({"op": "gt", "column": "rooms", "value": 10}),
    )
    assert codes(everything) == []


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_only_an_active_grant_counts(state: State) -> None:
    assert codes(view=a_view(state=state)) == ["grant-not-active"]


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-9, minutes=-30))]
)
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - SECOND, ["grant-not-started"]),
        (START, []),
        (START + SECOND, []),
        (END - SECOND, []),
        (END, ["grant-ended"]),
        (END + SECOND, ["grant-ended"]),
    ],
)
def test_period_is_exact_to_the_second_in_every_zone(at: datetime, expected: list[str], zone: Any) -> None:
    assert codes(an_ask(at=at.astimezone(zone))) == expected
    assert [r.code for r in effective(a_view(), at.astimezone(zone))] == expected


def test_period_is_told_by_the_clock_of_its_readers() -> None:
    (early,) = effective(a_view(), START - SECOND)
    assert early.text.zh == f"授权自 {START + timedelta(hours=8):%Y-%m-%d %H:%M:%S} (UTC+8) 起有效。"
    (late,) = effective(a_view(), END)
    assert late.text.en == f"The grant ended at {END + timedelta(hours=8):%Y-%m-%d %H:%M:%S} (UTC+8)."


@pytest.mark.parametrize(
    "licence",
    [
        Licence("SUSPENDED", GOOD.valid_to),
        Licence("", GOOD.valid_to),
        Licence("QUALIFIED", None),
        Licence("QUALIFIED", NOW),
        Licence("qualified", GOOD.valid_to),
    ],
)
def test_organisation_must_be_qualified_now(licence: Licence) -> None:
    assert codes(licence=licence) == ["licence-lapsed"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"columns": ()}, "no-columns"),
        ({"columns": ("venue_id", "venue_id")}, "column-twice"),
        ({"columns": ("rooms",)}, "column-filter-only"),
        ({"columns": ("area_m2",)}, "column-not-granted"),
        ({"columns": ("opened_on",)}, "column-not-granted"),
        ({"columns": ("VENUE_ID",)}, "column-not-granted"),
        ({"columns": ("nobody",)}, "column-not-granted"),
        ({"filter": parse({"op": "is_null", "column": "area_m2"})}, "filter-column-denied"),
        ({"filter": parse({"op": "eq", "column": "contact_phone", "value": "1"})}, "filter-column-denied"),
        ({"filter": parse({"op": "eq", "column": "venue_name", "value": "x"})}, "filter-column-denied"),
        ({"delivery_form": "extract_csv"}, "form-not-granted"),
        ({"delivery_form": "api_page"}, "form-not-granted"),
        ({"purpose": "research"}, "purpose-mismatch"),
        ({"purpose": "made-up"}, "purpose-mismatch"),
        ({"scenario_id": "parking"}, "scenario-mismatch"),
        ({"grant_id": GrantId("other")}, "grant-for-another-dataset"),
        ({"dataset_id": DatasetId("other")}, "grant-for-another-dataset"),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], code: str) -> None:
    assert code in codes(an_ask(**changes))


_LEAVES = {"plain": None, "pseudonymised": None, "masked": None, "aggregate_only": "column-aggregate-only",
           "filter_only": "column-filter-only", "join_only": "column-join-only", "denied": "column-not-granted"}  # fmt: skip


@pytest.mark.parametrize("use", list(Use))
def test_each_use_leaves_and_filters_as_its_name_says(use: Use) -> None:
    mask = {"mask": {"kind": "redact"}} if use is Use.MASKED else {}
    view = a_view(
        a_policy(columns=[{"name": "venue_id", "use": use, **mask}, {"name": "rooms", "use": "plain"}])
    )
    refusal = _LEAVES[use.value]
    assert codes(view=view) == ([refusal] if refusal else [])
    asked = an_ask(columns=("rooms",), filter=parse({"op": "eq", "column": "venue_id", "value": "x"}))
    negated = replace(asked, filter=parse({"op": "or", "args": [
        {"op": "gt", "column": "rooms", "value": 0}, {"op": "not", "arg": {"op": "is_null", "column": "venue_id"}},
    ]}))  # fmt: skip
    may_probe = use in (Use.PLAIN, Use.FILTER_ONLY)
    for probe in (asked, negated):
        assert codes(probe, view) == ([] if may_probe else ["filter-column-denied"])


@pytest.mark.parametrize("use", list(Use))
def test_use_that_no_delivery_form_serves_is_named(use: Use) -> None:
    mask = {"mask": {"kind": "redact"}} if use is Use.MASKED else {}
    term = ColumnTerm.model_validate({"name": "venue_id", "use": use, **mask})
    files = (DeliveryForm.EXTRACT_PARQUET, DeliveryForm.EXTRACT_CSV)
    found = [reason.code for reason in use_objections((term,), files, PARKS)]
    assert found == (["use-without-form"] if use in (Use.AGGREGATE_ONLY, Use.JOIN_ONLY) else [])
    for form in FORMS_SERVING.get(use, ()):
        assert not list(use_objections((term,), (form,), PARKS))


def test_form_offers_only_uses_that_some_delivery_form_serves() -> None:
    offered = {word for kind in ("string", "integer", "date") for word, _ in treatments(kind)}
    assert {use.value for use, forms in FORMS_SERVING.items() if not forms}.isdisjoint(offered)
    assert {"plain", "filter_only"} <= offered


def test_user_filter_that_does_not_fit_the_column_is_refused() -> None:
    tree = parse({"op": "eq", "column": "rooms", "value": "many"})
    assert codes(an_ask(filter=tree)) == ["filter-value"]


def test_every_reason_is_given_at_once() -> None:
    found = codes(
        an_ask(columns=("rooms", "area_m2"), purpose="x", delivery_form="fax", at=END),
        a_view(state=State.SUSPENDED),
        licence=Licence("LAPSED", None),
    )
    assert set(found) >= {
        "grant-not-active", "grant-ended", "licence-lapsed", "column-filter-only", "column-not-granted",
        "form-not-granted", "level-forbids-form", "purpose-mismatch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asset", "code"),
    [
        (replace(PARKS, open_type="N"), "dataset-not-openable"),
        (replace(PARKS, auth_op_scope="no"), "dataset-out-of-scope"),
        (replace(PARKS, is_published=False), "dataset-not-published"),
        (replace(PARKS, level=4), "level-forbids-form"),
        (replace(PARKS, level=5), "level-forbids-form"),
        (replace(PARKS, level=99), "level-forbids-form"),
        (replace(PARKS, columns=PARKS.columns[1:]), "policy-unenforceable"),
    ],
)
def test_a_change_of_the_dataset_stops_delivery_at_once(asset: Asset, code: str) -> None:
    assert code in codes(asset=asset)


def test_new_column_is_not_granted_by_itself() -> None:
    grown = replace(PARKS, columns=(*PARKS.columns, replace(PARKS.columns[0], name="secret")))
    assert codes(asset=grown) == []
    assert codes(an_ask(columns=("secret",)), asset=grown) == ["column-not-granted"]


def test_filter_of_the_grant_on_a_vanished_column_refuses_everything() -> None:
    policy = a_policy(row_filter={"op": "eq", "column": "is_open", "value": True})
    without = replace(PARKS, columns=tuple(c for c in PARKS.columns if c.name != "is_open"))
    assert codes(view=a_view(policy)) == []
    assert codes(view=a_view(policy), asset=without) == ["policy-unenforceable"]


def test_mask_that_no_longer_fits_the_type_refuses() -> None:
    changed = tuple(replace(c, type="integer") if c.name == "contact_phone" else c for c in PARKS.columns)
    assert codes(asset=replace(PARKS, columns=changed)) == ["policy-unenforceable"]


@pytest.mark.parametrize("use", ["plain", "filter_only"])
def test_raised_level_stops_values_of_the_column(use: str) -> None:
    raised = tuple(replace(c, level=3) if c.name == "venue_id" else c for c in PARKS.columns)
    asset = replace(PARKS, level=3, columns=raised)
    policy = a_policy(columns=[{"name": "venue_id", "use": use}, {"name": "venue_name", "use": "plain"}])
    ask = an_ask() if use == "plain" else an_ask(
        columns=("venue_name",), filter=parse({"op": "eq", "column": "venue_id", "value": "x"})
    )  # fmt: skip
    assert codes(ask, a_view(policy), asset) == ["level-forbids-plain"]


def test_sensitive_dataset_delivers_masked_columns_only() -> None:
    policy = a_policy(
        RESCUES,
        columns=[
            {"name": "event_type", "use": "plain"},
            {"name": "grid_code", "use": "masked", "mask": {"kind": "keep", "head": 4, "tail": 0}},
            {"name": "caller_phone", "use": "plain"},
        ],
    )
    view = a_view(policy)
    ask = an_ask(dataset_id=RESCUES.dataset_id, columns=("event_type", "grid_code"))
    assert codes(ask, view, RESCUES) == []
    assert codes(replace(ask, columns=("caller_phone",)), view, RESCUES) == ["level-forbids-plain"]


@pytest.mark.parametrize(
    ("quotas", "used", "rows", "expected"),
    [
        ({"extracts": 2}, Used(extracts=1), None, []),
        ({"extracts": 2}, Used(extracts=2), None, ["quota-exhausted"]),
        ({"rows": 100}, Used(rows=60), 40, []),
        ({"rows": 100}, Used(rows=60), 41, ["quota-exhausted"]),
        ({"rows": 100}, Used(rows=100), None, ["quota-exhausted"]),
        ({"rows": 100}, Used(rows=99), None, []),
        ({"bytes": 10}, Used(bytes=9), None, []),
        ({"bytes": 10}, Used(bytes=10), None, ["quota-exhausted"]),
        ({"per_day": 2}, Used(extracts=9, per_day=1), None, []),
        ({"per_day": 2}, Used(per_day=2), None, ["quota-exhausted"]),
        ({"per_month": 2}, Used(extracts=9, per_month=1), None, []),
        ({"per_month": 2}, Used(per_month=2), None, ["quota-exhausted"]),
        ({"per_day": 2, "per_month": 2}, Used(per_day=2, per_month=2), None, ["quota-exhausted"] * 2),
        ({"extracts": 1, "rows": 1, "bytes": 1}, Used(1, 1, 1), 5, ["quota-exhausted"] * 3),
    ],
)
def test_quota_left_is_counted(
    quotas: dict[str, int], used: Used, rows: int | None, expected: list[str]
) -> None:
    assert codes(an_ask(rows=rows), a_view(a_policy(quotas=quotas), used=used)) == expected


@pytest.mark.parametrize("form", ["enclave", "query_agg"])
@pytest.mark.parametrize(("used", "is_left"), [(1, True), (2, False), (3, False)])
def test_outputs_of_a_month_are_asked_of_the_enclave_alone(form: str, used: int, is_left: bool) -> None:
    policy = a_policy(quotas={"outputs_per_month": 2}, delivery_forms=[form])
    found = codes(an_ask(delivery_form=form), a_view(policy, used=Used(outputs_per_month=used)))
    assert ("quota-exhausted" in found) is (form == "enclave" and not is_left)


def test_a_grant_that_names_members_is_for_them_alone() -> None:
    assert member_objections(a_policy(), "anybody") == ()
    named = a_policy(members=["a1", "a2"])
    assert member_objections(named, "a2") == ()
    assert [each.code for each in member_objections(named, "a3")] == ["member-not-named"]


@pytest.mark.parametrize(
    ("pinned", "asked", "expected"),
    [
        (None, None, []),
        (None, "r1", []),
        ("r1", None, []),
        ("r1", "r1", []),
        ("r1", "r2", ["release-not-granted"]),
    ],
)
@pytest.mark.parametrize("form", ["extract_csv", "query_agg", "verify", "enclave"])
def test_a_pinned_release_is_the_only_one(
    pinned: str | None, asked: str | None, expected: list[str], form: str
) -> None:
    ask = replace(an_ask(), release_id=asked, delivery_form=form)
    found = codes(ask, a_view(a_policy(pinned_release=pinned)))
    assert [each for each in found if each == "release-not-granted"] == expected


@pytest.mark.parametrize(
    ("networks", "address", "is_refused"),
    [
        ((), "203.0.113.7", False),
        ((), "", False),
        (("203.0.113.0/24",), "203.0.113.7", False),
        (("203.0.113.7",), "203.0.113.7", False),
        (("203.0.113.7",), "203.0.113.8", True),
        (("198.51.100.0/24", "203.0.113.0/24"), "203.0.113.255", False),
        (("203.0.113.0/24",), "203.0.114.0", True),
        (("203.0.113.0/24",), "::ffff:203.0.113.7", False),
        (("2001:db8::/48",), "2001:db8::1", False),
        (("2001:db8::/48",), "203.0.113.7", True),
        (("0.0.0.0/0",), "2001:db8::1", True),
        (("203.0.113.0/24",), "", True),
        (("203.0.113.0/24",), "local", True),
    ],
)
def test_networks_are_asked_of_an_address(networks: tuple[str, ...], address: str, is_refused: bool) -> None:
    found = place_objections(a_policy(networks=networks), address)
    assert [each.code for each in found] == (["network-not-granted"] if is_refused else [])


def test_every_reason_speaks_both_languages_and_names_its_rule() -> None:
    found = objections(
        an_ask(columns=("x", "rooms"), at=END, purpose="x", scenario_id="y", delivery_form="z", rows=5),
        a_view(a_policy(quotas={"rows": 1}), state=State.REVOKED),
        replace(PARKS, open_type="N", level=7, is_published=False, auth_op_scope="no", columns=()),
        Licence("x", None),
        limits(),
    )
    assert len({reason.code for reason in found}) > 10
    for reason in found:
        assert reason.text.zh, reason.code
        assert reason.text.en, reason.code
        assert reason.basis, reason.code


_STATISTIC = {"plain": None, "aggregate_only": None}


@pytest.mark.parametrize("form", ["query_agg"])
@pytest.mark.parametrize("use", list(Use))
def test_statistics_take_only_columns_granted_for_them(use: Use, form: str) -> None:
    mask = {"mask": {"kind": "redact"}} if use is Use.MASKED else {}
    view = a_view(a_policy(columns=[{"name": "venue_id", "use": use, **mask}], delivery_forms=[form]))
    refusal = _STATISTIC.get(use.value, "column-not-for-statistics")
    assert codes(an_ask(columns=("venue_id",), delivery_form=form), view) == ([refusal] if refusal else [])
    assert codes(an_ask(columns=(), delivery_form=form), view) == []


@pytest.mark.parametrize("form", ["query_agg", "query_dp", "enclave"])
def test_identifier_of_people_enters_no_statistics_even_when_granted(form: str) -> None:
    view = a_view(
        a_policy(columns=[{"name": "contact_phone", "use": "aggregate_only"}], delivery_forms=[form])
    )
    asked = an_ask(columns=("contact_phone",), delivery_form=form)
    assert codes(asked, view) == ["identifier-in-statistics"]


@pytest.mark.parametrize("use", list(Use))
def test_inside_a_column_is_computed_with_as_it_may_leave_or_for_statistics(use: Use) -> None:
    mask = {"mask": {"kind": "redact"}} if use is Use.MASKED else {}
    view = a_view(a_policy(columns=[{"name": "venue_id", "use": use, **mask}], delivery_forms=["enclave"]))
    may = use in (Use.PLAIN, Use.AGGREGATE_ONLY, Use.MASKED, Use.PSEUDONYMISED)
    found = codes(an_ask(columns=("venue_id",), delivery_form="enclave"), view)
    assert found == ([] if may else ["column-not-for-statistics"])


@pytest.mark.parametrize("form", list(DeliveryForm))
def test_level_four_and_above_leave_in_no_form_of_these(form: DeliveryForm) -> None:
    """Of level 4 a result of the enclave alone; see `test_level_matrix.py` for the whole table."""
    view = a_view(a_policy(columns=[{"name": "venue_id", "use": "plain"}], delivery_forms=[form]))
    for level in (4, 5, 6, 9):
        found = codes(an_ask(columns=("venue_id",), delivery_form=form), view, replace(PARKS, level=level))
        assert ("level-forbids-form" in found) is not (level == 4 and form is DeliveryForm.ENCLAVE)
        assert "level-forbids-plain" in found


@pytest.mark.parametrize("country", ["HK", "US", "cn", "", "CN"])
def test_nothing_is_provided_to_whoever_is_registered_abroad(country: str) -> None:
    found = codes(licence=replace(GOOD, country=country))
    assert found == ([] if country == "CN" else ["recipient-abroad"])


def test_what_stands_against_the_grant_from_outside_is_told_with_the_rest() -> None:
    frozen, shared = (
        refused("frozen", "冻结。", "Frozen.", "R1"),
        refused("lapsed", "期满。", "Lapsed.", "R2"),
    )
    view = a_view(blocks=(frozen,), if_shared=(shared,))
    assert effective(view, NOW) == (frozen,)
    assert codes(view=view) == ["frozen"]
    assert codes(view=view, asset=replace(PARKS, is_shared=True)) == ["frozen", "lapsed"]


@pytest.mark.parametrize("of", ["asked", "granted", "agreed", "found"])
def test_a_dataset_that_one_of_the_four_names_otherwise_is_another(of: str) -> None:
    """The request, the grant, its terms and the dataset that was looked up."""
    other = DatasetId("DP-XX-009")
    ask = an_ask(dataset_id=other) if of == "asked" else None
    view = a_view(a_policy(dataset_id=other), dataset_id=PARKS.dataset_id) if of == "agreed" else a_view()
    view = replace(view, dataset_id=other) if of == "granted" else view
    assert codes(ask, view, replace(PARKS, dataset_id=other) if of == "found" else PARKS) == [
        "grant-for-another-dataset"
    ]


@pytest.mark.parametrize("use", list(Use))
def test_a_record_is_verified_by_columns_to_join_on_alone(use: Use) -> None:
    mask = {"mask": {"kind": "redact"}} if use is Use.MASKED else {}
    view = a_view(a_policy(columns=[{"name": "venue_id", "use": use, **mask}], delivery_forms=["verify"]))
    found = codes(an_ask(columns=("venue_id",), delivery_form="verify"), view)
    assert found == ([] if use is Use.JOIN_ONLY else ["column-not-joined-on"])


def test_terms_that_show_what_their_level_forbids_are_named() -> None:
    terms = [ColumnTerm(name="contact_phone", use=Use.PLAIN), ColumnTerm(name="venue_id", use=Use.PLAIN)]
    found = list(column_objections(terms, PARKS, limits()))
    assert [(each.code, each.facts["column"]) for each in found] == [("level-forbids-plain", "contact_phone")]


@pytest.mark.parametrize(("plain_up_to", "personal_plain", "closed"), [(2, True, []), (1, True, ["contact_phone"]), (2, False, ["contact_phone"]), (3, True, [])])  # fmt: skip
def test_a_column_leaves_plain_up_to_its_level_and_of_people_where_that_is_allowed(
    plain_up_to: int, personal_plain: bool, closed: list[str]
) -> None:
    """The column identifies people directly and is of level 2."""
    rule = LevelRule(2, frozenset(DeliveryForm), plain_up_to, personal_plain)
    known = replace(limits(), levels={PARKS.level: rule})
    terms = [ColumnTerm(name=name, use=Use.PLAIN) for name in ("venue_id", "contact_phone")]
    assert [each.facts["column"] for each in column_objections(terms, PARKS, known)] == closed


@pytest.mark.parametrize(
    ("unit", "quota", "used", "rows", "left"),
    [("extracts", 5, 5, None, 0), ("rows", 10, 7, 4, 3), ("rows", 10, 10, 0, 0), ("bytes", 10, 12, None, 0), ("per_day", 2, 3, None, 0)],
)  # fmt: skip
def test_what_is_left_of_a_quota_is_told_and_never_less_than_nothing(
    unit: str, quota: int, used: int, rows: int | None, left: int
) -> None:
    view = a_view(a_policy(quotas={unit: quota}), used=Used(**{unit: used}))
    (said,) = objections(an_ask(rows=rows), view, PARKS, GOOD, limits())
    assert said.facts == {"unit": unit, "limit": quota, "left": left}
    assert f"上限 {quota}，剩余 {left}。" in said.text.zh
    assert said.text.en.endswith(f" left: {left} of {quota}.")


@pytest.mark.parametrize(("rows", "is_left"), [(None, True), (0, True), (1, True), (2, False)])
def test_the_last_row_is_still_given(rows: int | None, is_left: bool) -> None:
    """Whatever is not counted before counts as one row."""
    view = a_view(a_policy(quotas={"rows": 10}), used=Used(rows=9))
    assert codes(an_ask(rows=rows), view) == ([] if is_left else ["quota-exhausted"])


def test_the_scenario_granted_is_told_first_and_then_the_one_asked_for() -> None:
    (said,) = objections(an_ask(scenario_id="parking"), a_view(), PARKS, GOOD, limits())
    granted, asked = (limits().scenarios[code].name for code in ("safety", "parking"))
    assert said.text == Text(
        f"授权的场景是“{granted.zh}”，不是“{asked.zh}”。",
        f"The grant is for the scenario “{granted.en}”, not “{asked.en}”.",
    )
