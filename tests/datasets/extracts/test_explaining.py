"""Explaining is the very decision, rule by rule; a trial counts what an extract would hold, and tells no small numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from api.trials import explained_as_json, simulated, simulated_as_json
from auth.applications import queries, trying
from auth.applications.workflow import State
from auth.grants.view import GrantView, Used
from auth.grants.workflow import State as GrantState
from auth.policy import comparing, explaining, rules
from auth.policy.limits import limits
from auth.policy.model import Ask, ColumnTerm, DeliveryForm, GrantPolicy, Licence, Quotas, Use
from auth.policy.narrowing import Narrowing
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from core.ids import ApplicationId, GrantId, OrgId
from datasets.extracts import explaining as trials
from datasets.extracts.explaining import ExplainAsk
from tests.datasets.extracts.scene import Scene, a_scene, a_table
from tests.desk import PARKS, a_desk, an_application
from tests.people import browser_as, client_as

EQ: dict[str, Any] = {"op": "eq", "column": "venue_id", "value": "V1"}


def test_every_rule_has_a_name_in_both_languages() -> None:
    asked = {explaining.key_of(rule) for table in (rules.RULES, *rules.FORM_RULES.values()) for rule in table}
    assert asked <= set(explaining.NAMES)
    assert all(name.zh and name.en and source for name, source in explaining.NAMES.values())


@given(
    columns=st.lists(st.sampled_from(["venue_id", "rooms", "contact_phone", "nowhere"]), max_size=3),
    purpose=st.sampled_from(["risk-pricing", "research", "x"]),
    form=st.sampled_from(list(DeliveryForm)),
    state=st.sampled_from(list(GrantState)),
    used=st.integers(0, 3),
    days=st.integers(-2, 400),
)
def test_the_explanation_is_the_decision(
    columns: list[str], purpose: str, form: DeliveryForm, state: GrantState, used: int, days: int
) -> None:
    policy = _policy(quotas=Quotas(extracts=2))
    grant = GrantView(
        GrantId("g"), state, OrgId("insurer"), PARKS.dataset_id, policy, policy.hash, Used(extracts=used), ApplicationId("a")
    )  # fmt: skip
    at = policy.starts_at + timedelta(days=days)
    ask = Ask(GrantId("g"), PARKS.dataset_id, tuple(columns), None, purpose, "safety", form, at)
    licence = Licence("QUALIFIED", at + timedelta(days=1))
    said = explaining.spoken(ask, grant, PARKS, licence, limits())
    assert [reason for each in said for reason in each.reasons] == list(
        rules.objections(ask, grant, PARKS, licence, limits())
    )


def _policy(**changes: Any) -> GrantPolicy:
    body: dict[str, Any] = {
        "dataset_id": PARKS.dataset_id,
        "columns": (ColumnTerm(name="venue_id", use=Use.PLAIN), ColumnTerm(name="rooms", use=Use.PLAIN)),
        "scenario_id": "safety",
        "purposes": ("risk-pricing",),
        "starts_at": "2026-03-01T16:00:00Z",
        "ends_at": "2027-03-01T16:00:00Z",
        "delivery_forms": (DeliveryForm.EXTRACT_CSV,),
        "retention_days": 30,
    }
    return GrantPolicy.model_validate(body | changes)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, []),
        ({"columns": (ColumnTerm(name="venue_id", use=Use.PLAIN),)}, ["column:rooms"]),
        (
            {"columns": (ColumnTerm(name="venue_id", use=Use.PSEUDONYMISED), ColumnTerm(name="rooms", use=Use.DENIED))},
            ["column:venue_id", "column:rooms"],
        ),
        ({"row_filter": EQ}, ["row_filter"]),
        ({"scenario_id": "parking", "purposes": ("research",)}, ["scenario", "purposes"]),
        ({"ends_at": "2026-09-01T16:00:00Z", "retention_days": 7}, ["ends_at", "retention_days"]),
        ({"starts_at": "2026-04-01T16:00:00Z"}, ["starts_at"]),
        ({"delivery_forms": ("extract_parquet",)}, ["delivery_forms"]),
        ({"quotas": Quotas(extracts=1, rows=2, bytes=3)}, ["quota:extracts", "quota:rows", "quota:bytes"]),
    ],
)  # fmt: skip
def test_differences_name_every_part_that_changed(changes: dict[str, Any], parts: list[str]) -> None:
    found = comparing.differences(_policy(), _policy(**changes))
    assert [each.part for each in found] == parts
    assert all(each.before != each.after and each.name.zh and each.name.en for each in found)


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def _explained(scene: Scene, who: str = "approver", **wanted: Any) -> dict[str, Any]:
    with scene.desk.read(who) as (work, actor):
        body = ExplainAsk.model_validate(wanted)
        tried = trying.of_grant(work, actor, scene.grant_id, body.narrowing)
        return explained_as_json(trials.explain(work, tried, body), "en")


def _against(said: dict[str, Any]) -> dict[str, list[str]]:
    return {
        each["rule"]: [r["code"] for r in each["reasons"]] for each in said["rules"] if not each["permits"]
    }


def test_a_grant_is_explained_for_person_purpose_columns_form_and_moment(house: House) -> None:
    scene = a_scene(house)
    allowed = _explained(scene, person="analyst")
    assert allowed["permitted"]
    assert all(each["source"] and each["name"] for each in allowed["rules"])
    refused = _explained(
        scene, person="officer2", purpose="research", columns=["venue_id", "secret_note"], form="query_agg",
        at="2027-06-01T00:00:00+08:00",
    )  # fmt: skip
    assert not refused["permitted"]
    assert {
        "person-may-ask": ["not-an-analyst-of-the-grantee"],
        "purpose-is-granted": ["purpose-mismatch"],
        "form-is-granted": ["form-not-granted"],
    }.items() <= _against(refused).items()
    assert "grant-ended" in _against(refused)["grant-is-effective"]
    assert _against(_explained(scene, person="nobody-of-that-name")) == {
        "person-may-ask": ["not-an-analyst-of-the-grantee"]
    }
    scene.withdraws()
    assert _against(_explained(scene)) == {"release-is-there": ["release-not-published"]}


def test_a_trial_counts_what_an_extract_would_hold(scene: Scene) -> None:
    files, settings = scene.house.files, scene.house.settings
    with scene.desk.read("approver") as (work, actor):
        whole = trials.simulate(work, actor, trying.of_grant(work, actor, scene.grant_id), files, settings)
        less = Narrowing.model_validate(
            {"columns": [{"name": "venue_id", "use": "plain"}], "extra_filter": EQ, "retention_days": 7}
        )
        narrowed = trials.simulate(
            work, actor, trying.of_grant(work, actor, scene.grant_id, less), files, settings
        )
        wider = Narrowing.model_validate({"columns": [{"name": "secret_note", "use": "plain"}]})
        beyond = trials.simulate(
            work, actor, trying.of_grant(work, actor, scene.grant_id, wider), files, settings
        )
    rows = scene.table(scene.delivered().id).num_rows
    assert (whole.draft.rows, whole.draft.below) == ((rows, None) if rows >= 10 else (None, 10))
    assert (narrowed.draft.rows, narrowed.draft.below) == (None, 10), "one row is not told"
    assert {each.part for each in narrowed.from_current} > {"row_filter", "retention_days"}
    assert "decision-widens" in [reason.code for reason in beyond.against]
    assert whole.sample is None, "an approver sees no rows"


def test_rows_are_shown_only_to_who_sees_rows_and_only_as_they_would_leave(sqlite_house: House) -> None:
    table = a_table()
    scene = a_scene(sqlite_house, table=pa.concat_tables([table] * 10))
    with scene.house.write() as work:
        from tests.people import a_person

        a_person(work, "both", "parks", ["steward", "reviewer_business"])
    with scene.desk.read("both") as (work, actor):
        drop = {"columns": [{"name": "venue_id", "use": "pseudonymised"}]}
        tried = trying.of_grant(work, actor, scene.grant_id, Narrowing.model_validate(drop))
        found = simulated(scene.house, actor, lambda _: tried)
    assert found.draft.rows is not None
    assert found.draft.rows >= 10
    assert found.sample is not None
    assert len(found.sample) == 5
    plain = set(table.column("venue_id").to_pylist())
    assert all(set(row) == {"venue_id"} and row["venue_id"] not in plain for row in found.sample)
    events = scene.events("policy.")
    assert events[-1][0] == "policy.simulated"
    assert events[-1][1]["sampled"] == 5
    assert simulated_as_json(found, "zh")["current"]["rows"] == found.current.rows  # type: ignore[union-attr]


def test_a_line_is_tried_before_it_is_decided(scene: Scene) -> None:
    found = an_application(scene.desk, at=State.DECIDING, ask=None, columns=["venue_id", "rooms"], scenario_id="parking", purposes=["service-operation"])  # fmt: skip
    line = found.lines[0].id
    with scene.desk.read("approver") as (work, actor):
        tried = trying.of_line(work, actor, found.id, line)
        shown = trials.simulate(work, actor, tried, scene.house.files, scene.house.settings)
        assert shown.asked == shown.draft
        assert shown.from_asked == ()
        assert shown.current is None
        assert trials.explain(work, tried, ExplainAsk(person="analyst")).permitted
        with pytest.raises(InputRefused):
            trying.of_line(
                work, actor, found.id, line, Narrowing.model_validate({"ends_at": "2020-01-01T00:00:00Z"})
            )
        with pytest.raises(NotFound):
            trying.of_line(work, actor, found.id, "nothing")
    with scene.desk.read("roads_screener") as (work, actor), pytest.raises(NotFound):
        trying.of_line(work, actor, found.id, line)
    with scene.desk.read("approver") as (work, actor):
        elsewhere = replace(actor, roles=frozenset({replace(next(iter(actor.roles)), scope="roads")}))
        with pytest.raises(AccessRefused) as beyond:
            trials.simulate(work, elsewhere, tried, scene.house.files, scene.house.settings)
    assert [reason.code for reason in beyond.value.reasons] == ["beyond-your-departments"]


def test_an_unfinished_request_cannot_be_tried(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DRAFT, ends_on=None)
    with desk.read("applicant") as (work, actor), pytest.raises(Conflict):
        trying.of_line(work, actor, found.id, found.lines[0].id)


def test_routes_and_pages_explain_and_try(scene: Scene) -> None:
    api = client_as(scene.house, "approver")
    said = api.post(f"/api/v1/grants/{scene.grant_id}/explain", json={"person": "analyst"}).json()
    assert said["permitted"]
    assert {each["rule"] for each in said["rules"]} > {
        "person-may-ask",
        "release-is-there",
    }
    tried = api.post(f"/api/v1/grants/{scene.grant_id}/simulate", json={})
    assert tried.status_code == 200
    assert tried.json()["sample"] is None
    assert (
        client_as(scene.house, "analyst")
        .post(f"/api/v1/grants/{scene.grant_id}/explain", json={})
        .status_code
        == 403
    )

    browser = browser_as(scene.house, "approver", "en")
    page = browser.get(f"/grants/{scene.grant_id}/explain?purpose=research&columns=secret_note")
    assert "purpose-mismatch" in page.text
    assert "column-not-granted" in page.text
    assert browser.get(f"/grants/{scene.grant_id}/explain?at=tomorrow").status_code == 422
    assert "Rows that show" in browser.submit(f"/grants/{scene.grant_id}/simulate").text

    found = an_application(scene.desk, at=State.DECIDING, columns=["venue_id", "rooms"], scenario_id="parking", purposes=["service-operation"])  # fmt: skip
    line = found.lines[0].id
    form = {
        f"outcome-{line}": "narrow", f"use-{line}-venue_id": "plain", f"use-{line}-rooms": "denied",
        f"forms-{line}": ["extract_csv"], f"ends-{line}": "2026-12-31", f"note-{line}": "只给必要的列", "version": str(found.version),
    }  # fmt: skip
    shown = browser.submit(f"/applications/{found.id}/simulate", **form)
    assert shown.status_code == 200
    assert "Changed from what was asked" in shown.text
    assert "只给必要的列" in shown.text, "nothing typed is lost"
    assert "/explain?line=" in shown.text
    assert "Precedents: 1" in shown.text, "the grant of the scene was decided on the same dataset"
    assert browser.get(f"/applications/{found.id}/explain?line={line}").status_code == 200
    with scene.desk.read("approver") as (work, actor):
        assert queries.row(work, found.id, actor).state == State.DECIDING, "nothing was decided"
