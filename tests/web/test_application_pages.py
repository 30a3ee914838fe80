"""The pages of applications, grants and audit in a real browser: readable, within their width, without faults for axe."""

from __future__ import annotations

import pytest

from api.house import House
from tests.api.test_applications import ASK, _granted, _post, house
from tests.datasets.parking import DATASET
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser
__all__ = ["house"]  # the fixture


def _at_every_stage(house: House) -> dict[str, tuple[str, str]]:
    """A page name → who looks → address, with an application at each stage."""
    applicant, screener = client_as(house, "applicant"), client_as(house, "screener")
    granted = _granted(house)
    draft = _post(applicant, "/applications", ASK | {"scenario_id": "weather", "purpose_text": ""})
    waiting = _post(applicant, "/applications", ASK | {"scenario_id": "benefits"})
    waiting = _post(applicant, f"/applications/{waiting['id']}/submit", version=waiting["version"])
    review = _post(applicant, "/applications", ASK | {"scenario_id": "heritage"})
    review = _post(applicant, f"/applications/{review['id']}/submit", version=review["version"])
    review = _post(
        screener,
        f"/applications/{review['id']}/screen",
        {"outcome": "ok", "has_no_conflict": True},
        review["version"],
    )
    decide = _post(applicant, "/applications", ASK | {"scenario_id": "safety"})
    decide = _post(applicant, f"/applications/{decide['id']}/submit", version=decide["version"])
    decide = _post(
        screener,
        f"/applications/{decide['id']}/screen",
        {"outcome": "ok", "has_no_conflict": True},
        decide["version"],
    )
    votes = [{"line_id": line["id"], "vote": "approve"} for line in decide["lines"]]
    decide = _post(
        screener,
        f"/applications/{decide['id']}/review",
        {"has_no_conflict": True, "lines": votes},
        decide["version"],
    )
    for who, said in ((screener, "第二列恐过宽，请看一看。"), (applicant, "留存三十天足够。")):
        inside = {"audience": "internal", "ask": "approver"} if who is screener else {}
        _post(who, f"/applications/{review['id']}/comments", {"body": said} | inside)
    return {
        "application-talk": ("screener", f"/applications/{review['id']}"),
        "application-talk-applicant": ("applicant", f"/applications/{review['id']}"),
        "application-list": ("applicant", "/applications"),
        "application-choose": ("applicant", f"/applications/new?dataset={DATASET}"),
        "application-columns": ("applicant", f"/applications/{draft['id']}/columns"),
        "application-purpose": ("applicant", f"/applications/{draft['id']}/purpose"),
        "application-check": ("applicant", f"/applications/{draft['id']}/check"),
        "application-screen": ("screener", f"/applications/{waiting['id']}"),
        "application-review": ("screener", f"/applications/{review['id']}/review"),
        "application-decide": ("approver", f"/applications/{decide['id']}/decide"),
        "application-agreed": ("officer", f"/applications/{granted['id']}"),
        "application-terms": ("officer", f"/applications/{granted['id']}/terms"),
        "grant-list": ("officer", "/grants"),
        "register": ("approver", "/register"),
        "matrix": ("applicant", "/matrix"),
        "grant-show": ("approver", f"/grants/{granted['grants'][0]}"),
        "audit-list": ("eye", "/audit?verify=yes"),
    }


def test_pages_are_readable_and_within_their_width_in_both_languages(house: House, page_as: OpenPage) -> None:
    faults: dict[str, object] = {}
    for name, (who, path) in _at_every_stage(house).items():
        for lang, width in (("zh", 1280), ("en", 1280), ("zh", 420)):
            page = page_as(who, path, lang=lang, width=width)
            shot(page, f"{name}-{lang}-{width}")
            if found := (axe(page) if width > 500 else []) + (
                [f"{wider} px too wide"] if (wider := overflow(page)) else []
            ):
                faults[f"{name} {lang} {width}"] = found
            page.context.close()
    assert faults == {}


def test_on_a_phone_every_control_of_a_row_lies_within_the_window(house: House, page_as: OpenPage) -> None:
    draft = _post(client_as(house, "applicant"), "/applications", ASK)
    page = page_as("applicant", f"/applications/{draft['id']}/columns", width=390)
    for control in page.locator("table :is(input:not([type=hidden]), select)").all():
        box = control.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    assert page.locator("td[data-head='Why it is needed'], td[data-head='为什么需要']").count()
    assert overflow(page) == 0


def test_on_a_phone_nothing_of_a_row_with_a_control_lies_outside_the_window(
    house: House, page_as: OpenPage
) -> None:
    draft = _post(client_as(house, "applicant"), "/applications", ASK)
    _post(client_as(house, "applicant"), f"/applications/{draft['id']}/submit", version=draft["version"])
    page = page_as("screener", "/screenings", width=390)
    cells = page.locator("tbody td, tbody th").all()
    assert len(cells) > 5
    for cell in cells:
        box = cell.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, cell.inner_text()
    assert page.locator("td[data-head]").count()
