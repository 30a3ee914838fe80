"""Naming a co-applicant and filling in as one, by forms and by routes."""

from __future__ import annotations

from api.house import House
from tests.api.test_application_pages import PURPOSE, _filled_in, _version
from tests.api.test_applications import house
from tests.people import a_person, actor_of, browser_as, client_as

__all__ = ["house"]  # the fixture


def test_an_applicant_names_somebody_who_then_fills_it_in_and_cannot_hand_it_in(house: House) -> None:
    with house.write() as work:
        org = actor_of(work, "applicant").org_id
        a_person(work, "analyst", org or "", ["analyst"])
    at = _filled_in(house)
    stranger = browser_as(house, "analyst", "en")
    shut = stranger.get(f"{at}/columns")
    assert (shut.status_code, "name you a co-applicant" in shut.text) == (403, True)
    page = browser_as(house, "applicant", "en")
    assert "Let others of your organisation fill it in" in page.get(at).text
    assert page.submit(f"{at}/co-applicants", co_applicant="nobody").status_code == 422
    assert page.submit(f"{at}/co-applicants", co_applicant="analyst").status_code == 303
    assert "named by applicant" in page.get(at).text
    assert "Go on filling in" in stranger.get(at).text
    form = stranger.get(f"{at}/purpose")
    assert stranger.submit(f"{at}/purpose", **PURPOSE | {"version": _version(form.text)}).status_code == 303
    checked = stranger.get(f"{at}/check").text
    assert "An applicant of your organisation hands it in." in checked
    assert stranger.submit(f"{at}/submit", version=_version(checked)).status_code == 403
    helper = client_as(house, "analyst")
    (made,) = helper.get(f"/api/v1{at}/co-applicants").json()
    assert helper.get(f"/api/v1{at}").json()["co_applicants"] == ["analyst"]
    refused = helper.post(f"/api/v1{at}/co-applicants", json={"username": "officer"})
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "not-an-applicant")
    assert helper.delete(f"/api/v1{at}/co-applicants/{made['id']}").json() == []
    assert page.submit(f"{at}/co-applicants/{made['id']}/end").status_code == 422
