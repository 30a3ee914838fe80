"""What waits for a second person, versions that follow each other and what cannot be read, in a real browser: legible and within the page."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.applications.tables import ApplicationLineRow
from auth.applications.workflow import State
from auth.grants.tables import GrantRow
from auth.profile.tables import ProfileRow
from tests.api.test_home_seconds import CASES, a_round
from tests.api.test_stored_unreadable import _spoil
from tests.auth.agreements.scene import with_planner
from tests.desk import RESCUES, Desk, a_desk, a_grant, an_application, an_ask
from tests.people import a_person, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIZES = [("zh", 1280), ("en", 390)]


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    made = with_planner(a_desk(sqlite_house))
    with sqlite_house.write() as work:
        for name, role in (
            ("root", "sysadmin"),
            ("root2", "sysadmin"),
            ("registrar", "reviewer_business"),
            ("keeper", "catalog_admin"),
        ):
            a_person(work, name, "bureau", [role])
    return made


def _looked_at(open_page: OpenPage, pages: dict[str, tuple[str, str]], lang: str, width: int) -> None:
    for name, (path, who) in pages.items():
        page = open_page(path, user=who, lang=lang, width=width)
        for summary in page.locator("main details > summary").all()[:3]:
            summary.click()
        shot(page, f"second-{name}-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), (name, lang, width)


@pytest.mark.parametrize(("lang", "width"), SIZES)
def test_what_waits_for_a_second_person(desk: Desk, open_page: OpenPage, lang: str, width: int) -> None:
    for label, (make, _, _) in CASES.items():
        if label != "Registrations to review":  # of the same dataset as the one that waits for its code
            make(desk)
    a_round(desk)
    pages = {f"start-{who}": ("/", who) for who in ("approver", "watch", "registrar")}
    _looked_at(open_page, pages | {"messages": ("/me/messages", "approver")}, lang, width)


@pytest.mark.parametrize(("lang", "width"), SIZES)
def test_versions_of_scoring_that_follow_each_other(
    desk: Desk, open_page: OpenPage, lang: str, width: int
) -> None:
    keeper, judge = client_as(desk.house, "keeper"), client_as(desk.house, "approver")
    scheme: dict[str, Any] = keeper.get("/api/v1/scoring").json()
    made = []
    for day in ("2026-03-01", "2026-05-01"):
        body = {"scheme": scheme["scheme"] | {"effective_from": day}, "reason": "自该日起执行"}
        made.append(keeper.post("/api/v1/scoring/versions", json=body).json())
        judge.post(f"/api/v1/scoring/versions/{made[-1]['id']}/confirm", json={})
    _looked_at(
        open_page,
        {"scoring": ("/scoring", "keeper"), "scoring-one": (f"/scoring/{made[0]['id']}", "keeper")},
        lang,
        width,
    )


@pytest.mark.parametrize(("lang", "width"), SIZES)
def test_what_another_version_wrote(desk: Desk, open_page: OpenPage, lang: str, width: int) -> None:
    found = an_application(desk, at=State.OFFERED, ask=an_ask(RESCUES))
    with desk.house.write() as work:
        (line,) = work.db.exec(
            select(ApplicationLineRow).where(ApplicationLineRow.application_id == found.id)
        )
        line.offered = (line.offered or "").replace("{", '{"gathering":[],', 1)
        work.db.add(line)
    grant = a_grant(desk)
    _spoil(desk.house, GrantRow, grant.id, column="policy")
    CASES["Policy profiles to confirm"][0](desk)
    with desk.house.read() as work:
        version = work.db.exec(select(ProfileRow.id)).one()
    _spoil(desk.house, ProfileRow, version)
    pages = {
        "unread-profiles": ("/profile", "approver"),
        "unread-grants": ("/grants", "officer"),
        "unread-application": (f"/applications/{found.id}", "officer"),
    }
    _looked_at(open_page, pages, lang, width)
