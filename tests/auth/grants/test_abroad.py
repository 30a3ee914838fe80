"""An organisation registered abroad is granted nothing, and a grant stops counting where it was registered abroad all along (R44)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.org import app as org_command
from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, StepBody
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.identity.tables import OrganisationRow
from core.errors import AccessRefused
from tests.datasets.extracts.scene import a_scene
from tests.desk import Desk, a_desk, an_application, codes
from tests.people import a_person, browser_as, client_as


def _moved(house: House, org_id: str, country: str) -> None:
    with house.write() as work:
        work.db.get_one(OrganisationRow, org_id).country = country


def _submitted(desk: Desk, found: ApplicationRead) -> None:
    with desk.write("applicant") as (work, actor):
        applications.submit(work, actor, found.id, StepBody(version=found.version), assets=desk.assets)


def test_the_precheck_says_so_and_submitting_is_refused(house: House) -> None:
    desk = a_scene(house).desk
    ask = {"columns": ["venue_id"], "scenario_id": "parking", "purposes": ["service-operation"]}
    found = an_application(desk, at=State.DRAFT, **ask)
    _moved(house, "insurer", "SG")
    told = client_as(house, "applicant").get(f"/api/v1/applications/{found.id}/precheck?lang=en").json()
    assert "recipient-abroad" in {each["code"] for each in told["blocking"]}
    assert any("registered in SG" in each["text"] for each in told["blocking"])
    for act in (
        lambda: an_application(desk, at=State.DRAFT, scenario_id="weather"),
        lambda: _submitted(desk, found),
    ):
        with pytest.raises(AccessRefused) as refusal:
            act()
        assert codes(refusal) == ["recipient-abroad"]


def test_a_grant_in_force_stops_at_once(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    made = scene.delivered(columns=["venue_id"])
    analyst = client_as(sqlite_house, "analyst")
    assert analyst.get(f"/api/v1/extracts/{made.id}/file").status_code == 200
    _moved(sqlite_house, "insurer", "US")
    refused = analyst.get(f"/api/v1/extracts/{made.id}/file")
    assert (refused.status_code, "recipient-abroad" in refused.text) == (403, True)
    with pytest.raises(AccessRefused) as refusal:
        scene.asks(columns=["venue_id"])
    assert codes(refusal) == ["recipient-abroad"]


def test_the_country_is_entered_by_route_page_and_command(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    body = {"id": "far", "name_zh": "远方机构", "name_en": "Far", "kind": "developer", "country": "SG"}
    client = client_as(sqlite_house, "root")
    assert client.post("/api/v1/organisations", json=body).json()["country"] == "SG"
    for bad in ("sg", "SGP", "1A"):
        assert (
            client.post("/api/v1/organisations", json=body | {"id": "x", "country": bad}).status_code == 422
        )
    page = browser_as(sqlite_house, "root", "en")
    typed = {"kind": "operator", "name_zh": "某公司", "name_en": "One", "org_id": "one"}
    again = page.submit("/admin/organisations/new", **typed, country="China")
    assert (again.status_code, "two capital letters" in again.text, "某公司" in again.text) == (
        422,
        True,
        True,
    )
    assert page.submit("/admin/organisations/new", **typed, country="hk").status_code == 303
    assert "HK" in page.get("/admin/organisations/one").text
    words = ["create", "two", "--name-zh", "二", "--name-en", "Two", "--kind", "operator", "--country", "MO"]
    done = CliRunner().invoke(
        org_command, [*words, "--data-dir", str(sqlite_house.settings.data_dir), "--as", "root", "--json"]
    )
    assert json.loads(done.stdout)["country"] == "MO", done.output


def _told(house: House) -> list[tuple[str | None, dict[str, Any]]]:
    with house.read() as work:
        wanted = (
            select(AuditEventRow)
            .where(AuditEventRow.kind == "organisation.country_corrected")
            .order_by(col(AuditEventRow.seq))
        )
        return [(row.subject, json.loads(row.payload)) for row in work.db.exec(wanted)]


def test_a_country_entered_wrongly_is_corrected_and_the_grant_counts_again(house: House) -> None:
    scene = a_scene(house)
    made = scene.delivered(columns=["venue_id"])
    with house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    root, analyst = client_as(house, "root"), client_as(house, "analyst")
    ask, file = "/api/v1/organisations/insurer/country", f"/api/v1/extracts/{made.id}/file"
    assert root.post(ask, json={"country": "us", "note": "register extract"}).json()["country"] == "US"
    assert analyst.get(file).status_code == 403
    bad = [("USA", "a reason", 422), ("DE", " x ", 422), ("US", "a reason", 409)]
    assert [root.post(ask, json={"country": c, "note": n}).status_code for c, n, _ in bad] == [
        w for *_, w in bad
    ]
    assert (
        root.post(
            "/api/v1/organisations/nobody/country", json={"country": "CN", "note": "a reason"}
        ).status_code
        == 404
    )
    own = root.post("/api/v1/organisations/bureau/country", json={"country": "SG", "note": "a reason"})
    assert (own.status_code, "own-organisation" in own.text) == (403, True)
    for other in ("analyst", "approver"):
        assert (
            client_as(house, other).post(ask, json={"country": "CN", "note": "a reason"}).status_code == 403
        )
    assert root.post(ask, json={"country": "CN", "note": "typed wrongly"}).status_code == 200
    assert analyst.get(file).status_code == 200
    told = [(subject, facts["from"], facts["to"]) for subject, facts in _told(house)]
    assert told == [("insurer", "CN", "US"), ("insurer", "US", "CN")]


def test_the_country_is_corrected_by_page_and_command(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    page = browser_as(sqlite_house, "root", "en")
    form = "/admin/organisations/insurer/country"
    again = page.submit(form, country="China", country_note="typed wrongly")
    assert again.status_code == 422
    assert "two capital letters" in again.text
    assert "typed wrongly" in again.text
    assert page.submit(form, country="hk", country_note="typed wrongly").status_code == 303
    assert "HK" in page.get("/admin/organisations/insurer").text
    words = ["country", "insurer", "CN", "--note", "typed wrongly"]
    done = CliRunner().invoke(
        org_command, [*words, "--data-dir", str(sqlite_house.settings.data_dir), "--as", "root", "--json"]
    )
    assert json.loads(done.stdout)["country"] == "CN", done.output
    assert [facts["to"] for _, facts in _told(sqlite_house)] == ["HK", "CN"]
