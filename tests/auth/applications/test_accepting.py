"""Several applications accepted at once: each by itself, on record by itself; what one refuses stops none of the others."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.application import app
from api.house import House
from auth.applications import accepting, queries
from auth.applications.accepting import AcceptedMany, AcceptMany, LookAt
from auth.applications.models import ApplicationRead
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.papers import cover as papers
from core.errors import AccessRefused, InputRefused
from tests.auth.agreements.scene import in_force
from tests.auth.papers.test_papers import a_draft, policy, sent, supplied
from tests.desk import PARKS, Desk, a_desk, an_application, an_ask
from tests.people import actor_of, browser_as, client_as


def _three(desk: Desk) -> list[ApplicationRead]:
    return [
        an_application(desk, ask=an_ask(PARKS, scenario_id=each)) for each in ("safety", "parking", "weather")
    ]


def _accepts(desk: Desk, found: list[ApplicationRead], who: str = "screener", **said: Any) -> AcceptedMany:
    items = [{"application_id": each.id, "version": each.version} for each in found]
    body = AcceptMany.model_validate({"items": items, "has_no_conflict": True} | said)
    with desk.house.read() as work:
        actor = actor_of(work, who)
    return accepting.accept_many(desk.house.write, actor, body)


def _states(desk: Desk, found: list[ApplicationRead]) -> list[str]:
    with desk.read("auditor") as (work, actor):
        return [queries.row(work, each.id, actor).state for each in found]


def _screened(house: House) -> list[str]:
    with house.read() as work:
        wanted = select(AuditEventRow.subject).where(AuditEventRow.kind == "application.screened")
        return list(work.db.exec(wanted.order_by(col(AuditEventRow.seq))))


def test_each_is_accepted_by_itself_and_on_record_by_itself(house: House) -> None:
    desk = a_desk(house)
    found = _three(desk)
    with desk.read("screener") as (work, actor):
        waiting, total = accepting.candidates(work, actor)
    assert ({each.id for each in waiting}, total) == ({each.id for each in found}, 3)
    assert all(each.reasons == [] for each in waiting)
    done = _accepts(desk, found, note="材料齐备")
    assert (done.accepted, done.refused) == (3, 0)
    assert _states(desk, found) == [State.IN_REVIEW] * 3
    assert _screened(house) == [each.id for each in found]
    with desk.read("screener") as (work, actor):
        assert accepting.candidates(work, actor) == ([], 0)


def test_what_one_refuses_stops_none_of_the_others(house: House) -> None:
    desk = a_desk(house)
    found = _three(desk)
    stale = found[1].model_copy(update={"version": found[1].version + 1})
    unknown = found[2].model_copy(update={"id": "no-such-application"})
    done = _accepts(desk, [found[0], stale, unknown, found[2]])
    assert [(each.outcome, each.code) for each in done.items] == [
        ("accepted", ""), ("refused", "stale"), ("refused", "not-found"), ("accepted", ""),
    ]  # fmt: skip
    assert all(each.detail_zh and each.detail_en for each in done.items if each.outcome == "refused")
    assert _states(desk, found) == [State.IN_REVIEW, State.SUBMITTED, State.IN_REVIEW]
    again = _accepts(desk, found[:1])
    assert [each.outcome for each in again.items] == ["refused"], "accepted already"


def test_without_the_declaration_none_is_accepted(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = _three(desk)
    with pytest.raises(InputRefused):
        _accepts(desk, found, has_no_conflict=None)
    with pytest.raises(AccessRefused):
        _accepts(desk, found, has_no_conflict=False)
    for items in (
        [],
        [{"application_id": found[0].id, "version": 1}] * 2,
        [{"application_id": f"a{at}", "version": 1} for at in range(51)],
    ):
        with pytest.raises(ValidationError):
            AcceptMany.model_validate({"items": items, "has_no_conflict": True})
    assert _states(desk, found) == [State.SUBMITTED] * 3


def test_nobody_accepts_beyond_his_scope_or_for_his_own_side(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = _three(desk)
    done = _accepts(desk, found, who="roads_screener")
    assert {each.code for each in done.items} == {"not-found"}
    assert client_as(sqlite_house, "applicant").get("/api/v1/screenings").status_code == 403
    assert (
        client_as(sqlite_house, "approver").post("/api/v1/screenings/accept", json={"items": []}).status_code
        == 403
    )
    assert _states(desk, found) == [State.SUBMITTED] * 3


def test_page_route_and_command(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = a_desk(sqlite_house)
    found = _three(desk)
    page = browser_as(sqlite_house, "screener", "en")
    assert "/screenings" in page.get("/applications").text
    shown = page.get("/screenings")
    assert all(each.id in shown.text for each in found)
    picked = [f"{each.id}:{each.version}" for each in found[:1]]
    undeclared = page.submit("/screenings", pick=picked)
    assert (undeclared.status_code, "conflict of interest" in undeclared.text) == (422, True)
    nothing = page.submit("/screenings", has_no_conflict="yes")
    assert (nothing.status_code, "Tick the applications" in nothing.text) == (422, True)
    looked = page.submit("/screenings", pick=picked, has_no_conflict="yes", note="材料齐备")
    assert (looked.status_code, "Nothing is accepted yet" in looked.text) == (200, True)
    assert found[0].id in looked.text
    assert found[1].id not in looked.text
    assert "Confirm: accept 1" in looked.text
    assert _states(desk, found) == [State.SUBMITTED] * 3
    done = page.submit(
        "/screenings", pick=[*picked, f"{found[1].id}:99"], has_no_conflict="yes", confirmed="yes"
    )
    assert "not taken back" in done.text
    assert (done.status_code, "Accepted: 1. Not accepted: 1" in done.text) == (200, True)
    assert "changed by somebody else" in done.text
    route = client_as(sqlite_house, "screener")
    listed = route.get("/api/v1/screenings").json()
    assert sorted(each["id"] for each in listed["items"]) == sorted(each.id for each in found[1:])
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "screener"]
    asked = CliRunner().invoke(app, ["accept-many", "--every", *where], input="n\n")
    assert asked.exit_code == 1
    assert found[1].id in asked.output
    assert _states(desk, found)[1:] == [State.SUBMITTED] * 2
    silent = CliRunner().invoke(app, ["accept-many", "--every", "--json", *where])
    assert silent.exit_code == 2, "what nobody can be asked is to be said"
    run = CliRunner().invoke(app, ["accept-many", "--every", *where], input="y\n")
    assert run.exit_code == 0, run.output
    assert _states(desk, found) == [State.IN_REVIEW] * 3


def test_papers_that_may_follow_are_named_before_with_their_days(house: House) -> None:
    desk = a_desk(house)
    in_force(desk, policy())
    owing, whole = sent(desk, a_draft(desk)), sent(desk, a_draft(desk, scenario_id="parking"))
    for key in ("security", "record"):
        supplied(desk, whole, key)
    with desk.read("screener") as (work, actor):
        listed = {each.id: each for each in accepting.candidates(work, actor)[0]}
        looked = accepting.look(work, actor, LookAt(application_ids=(owing.id, whole.id)))
    assert [(each.paper, each.working_days) for each in listed[owing.id].later] == [
        ("security", 5),
        ("record", 3),
    ]
    assert listed[owing.id].later == looked[0].later
    assert (listed[whole.id].later, listed[owing.id].reasons) == ([], [])
    silent = _accepts(desk, [owing])
    assert silent.items[0].outcome == "refused", "nobody said that they may follow"
    items = [{"application_id": owing.id, "version": owing.version, "missing": [{"paper": each.paper, "working_days": each.working_days} for each in looked[0].later]}]  # fmt: skip
    done = client_as(house, "screener").post(
        "/api/v1/screenings/accept", json={"items": items, "has_no_conflict": True}
    )
    assert done.json()["accepted"] == 1
    with desk.read("screener") as (work, actor):
        due = {row.key: str(row.due_on) for row in papers.rows_of(work, owing.id).values() if row.due_on}
        (gone,) = accepting.look(work, actor, LookAt(application_ids=(owing.id,)))
    assert due == {each.paper: str(each.due_on) for each in looked[0].later}
    assert [each["code"] for each in gone.reasons] == ["not-submitted"]


def test_the_page_and_the_command_name_the_papers_that_follow(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    in_force(desk, policy())
    first, second = sent(desk, a_draft(desk)), sent(desk, a_draft(desk, scenario_id="parking"))
    page = browser_as(sqlite_house, "screener", "en")
    assert "yes, with papers that follow: Security plan, Credit record" in page.get("/screenings").text
    looked = page.submit("/screenings", pick=[f"{first.id}:{first.version}"], has_no_conflict="yes").text
    assert "Security plan: within 5 working days" in looked
    page.submit("/screenings", pick=[f"{first.id}:{first.version}"], later=[f"{first.id}:security:5", f"{first.id}:record:3"], has_no_conflict="yes", confirmed="yes")  # fmt: skip
    assert _states(desk, [first, second]) == [State.IN_REVIEW, State.SUBMITTED]
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "screener"]
    without = CliRunner().invoke(app, ["accept-many", second.id, "--yes", *where])
    assert without.exit_code == 1
    done = CliRunner().invoke(app, ["accept-many", "--every", "--with-later-papers", *where], input="y\n")
    assert done.exit_code == 0, done.output
    assert "(20" in done.output, "with the days"
    assert _states(desk, [second]) == [State.IN_REVIEW]


def test_others_applications_are_not_looked_at(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = _three(desk)
    with desk.read("roads_screener") as (work, actor):
        assert accepting.look(work, actor, LookAt(application_ids=tuple(each.id for each in found))) == []
    for bad in ([], ["a"] * 51):
        answer = client_as(sqlite_house, "screener").post(
            "/api/v1/screenings/look", json={"application_ids": bad}
        )
        assert answer.status_code == 422
