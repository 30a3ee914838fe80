"""Comments and handlers over HTTP and by the forms of the application's page."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.workflow import State
from tests.desk import Desk, a_desk, an_application
from tests.people import browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_comments_over_http(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    at = f"/api/v1/applications/{found.id}/comments"
    inside, outside = client_as(desk.house, "screener"), client_as(desk.house, "applicant")
    asked = inside.post(at, json={"audience": "internal", "body": "是否过宽？", "ask": "approver"})
    assert (asked.status_code, asked.json()["asked"]) == (201, "approver")
    said = outside.post(at, json={"body": "补充说明见附件"})
    assert said.status_code == 201
    assert [(each["body"], each["by_bureau"]) for each in outside.get(at).json()["items"]] == [
        ("补充说明见附件", False)
    ]
    page = inside.get(at, params={"limit": 1}).json()
    assert (page["total"], page["next"], page["items"][0]["audience"]) == (2, 1, "internal")
    assert client_as(desk.house, "applicant2").get(at).status_code == 404
    assert client_as(desk.house).get(at).status_code == 401
    refused = outside.post(at, json={"audience": "internal", "body": "偷看"})
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert outside.post(at, json={"body": " "}).status_code == 422
    hidden = outside.post(f"{at}/{said.json()['id']}/hide", json={"reason": "写错了地方"})
    assert (hidden.json()["body"], hidden.json()["hidden_reason"]) == ("", "写错了地方")
    assert outside.post(f"{at}/{asked.json()['id']}/hide", json={"reason": "不让他们看"}).status_code == 404


def test_handlers_over_http(desk: Desk) -> None:
    found = an_application(desk, at=State.SUBMITTED)
    at = f"/api/v1/applications/{found.id}/handlers"
    screener = client_as(desk.house, "screener")
    assert [(each["department_id"], each["username"]) for each in screener.get(at).json()] == [("parks", "")]
    named = screener.post(at, json={"department_id": "parks", "username": "screener2", "note": "熟悉该场景"})
    assert (named.status_code, named.json()[0]["username"], named.json()[0]["note"]) == (
        200,
        "screener2",
        "熟悉该场景",
    )
    listed = client_as(desk.house, "screener2").get("/api/v1/applications", params={"handled": True}).json()
    assert [each["id"] for each in listed["items"]] == [found.id]
    assert screener.post(at, json={"department_id": "roads", "username": "screener2"}).status_code == 403
    assert client_as(desk.house, "applicant").get(at).status_code == 403
    assert client_as(desk.house, "roads_screener").get(at).status_code == 404


def test_the_page_takes_comments_and_names_a_handler(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    at = f"/applications/{found.id}"
    inside, outside = browser_as(desk.house, "screener"), browser_as(desk.house, "applicant")
    inside.get(at)
    assert (
        inside.submit(
            f"{at}/comments", audience="internal", body="只给同事看的话", ask="approver"
        ).status_code
        == 303
    )
    assert outside.submit(f"{at}/comments", audience="public", body="申请方的话").status_code == 303
    assert (
        inside.submit(
            f"{at}/handlers", department_id="parks", username="screener2", handler_note=""
        ).status_code
        == 303
    )
    shown = inside.get(at).text
    assert all(
        words in shown for words in ("只给同事看的话", "申请方的话", "screener2", "征求 approver 的意见")
    )
    theirs = outside.get(at).text
    assert "申请方的话" in theirs
    assert not [words for words in ("只给同事看的话", "screener2", "内部批注", "承办人") if words in theirs]
    again = inside.submit(f"{at}/comments", audience="public", body="一句没丢的话", ask="approver")
    assert again.status_code == 422
    assert "一句没丢的话" in again.text
