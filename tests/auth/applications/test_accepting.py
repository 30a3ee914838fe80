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
from auth.applications.accepting import AcceptedMany, AcceptMany
from auth.applications.models import ApplicationRead
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from core.errors import AccessRefused, InputRefused
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
    done = page.submit("/screenings", pick=[*picked, f"{found[1].id}:99"], has_no_conflict="yes")
    assert (done.status_code, "Accepted: 1. Not accepted: 1" in done.text) == (200, True)
    assert "changed by somebody else" in done.text
    route = client_as(sqlite_house, "screener")
    listed = route.get("/api/v1/screenings").json()
    assert sorted(each["id"] for each in listed["items"]) == sorted(each.id for each in found[1:])
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "screener"]
    run = CliRunner().invoke(app, ["accept-many", "--every", *where])
    assert run.exit_code == 0, run.output
    assert _states(desk, found) == [State.IN_REVIEW] * 3
