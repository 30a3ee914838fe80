"""Pages of those who care for the catalogue, and of saved searches, keys and tracing, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.house import House
from auth.demands import service as demands
from auth.demands.service import DemandCreate
from auth.grants import keys
from auth.grants.keys import GrantKeyCreate
from catalog.changes import service as changes
from catalog.changes.models import Wish, Wishes
from catalog.models import DatasetUpdate
from catalog.proposals import service as proposals
from catalog.search import saved
from catalog.search.saved import SavedAsk
from tests.catalog.records import a_dataset
from tests.desk import a_desk, a_grant
from tests.people import a_person, actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser
PAGES: dict[str, tuple[str, str]] = {
    "changes": ("/record-changes", "steward_a"),
    "changes-new": ("/record-changes/new?q=停车", "steward_a"),
    "proposals": ("/record-proposals", "steward_b"),
    "searches": ("/me/searches", "analyst"),
    "synonyms": ("/synonyms", "cat"),
    "trace": ("/traces", "watch"),
    "demands": ("/demands", "applicant"),
}


@pytest.fixture
def care(sqlite_house: House) -> dict[str, tuple[str, str]]:
    """Pages with something on them: a change of two records, a search, a key, a need."""
    grant = a_grant(a_desk(sqlite_house))
    with sqlite_house.write() as work:
        a_person(work, "cat", "bureau", ["catalog_admin"])
        a_dataset(work, "DP-PK-001", "parks")
        a_dataset(work, "DP-PK-002", "parks", draft=True, title_zh="停车场实时余位", title_en="Free spaces")
        steward, analyst = actor_of(work, "steward_a"), actor_of(work, "analyst")
        fields = {"contact": "停车科 0755-1", "keywords": ["停车", "车位", "交通"]}
        wishes = [Wish(dataset_id=code, fields=fields) for code in ("DP-PK-001", "DP-PK-002")]
        made = changes.carry_out(work, steward, Wishes(changes=wishes, note="统一科室电话"))
        proposals.change(work, steward, "DP-PK-001", DatasetUpdate(update_freq="3"))
        saved.save(work, analyst, SavedAsk(query="q=停车&theme=PK"))
        keys.create(work, analyst, grant.id, GrantKeyCreate(name="nightly"))
        need = DemandCreate(title="充电桩分布", need="全区公共充电桩的位置与功率")
        demands.state_need(work, actor_of(work, "applicant"), need)
    return PAGES | {
        "change": (f"/record-changes/{made.id}", "steward_a"),
        "keys": (f"/grants/{grant.id}/keys", "analyst"),
    }


@pytest.mark.parametrize(("lang", "width"), [("zh", 1280), ("en", 390)])
def test_pages_are_accessible_and_fit(
    care: dict[str, tuple[str, str]], open_page: OpenPage, lang: str, width: int
) -> None:
    for name, (path, user) in care.items():
        page = open_page(path, user=user, lang=lang, width=width)
        shot(page, f"care-{name}-{lang}-{width}")
        assert axe(page) == [], name
        assert overflow(page) == 0, name
        page.close()


def test_records_are_edited_together_and_undone_by_hand(
    care: dict[str, tuple[str, str]], open_page: OpenPage
) -> None:
    page = open_page("/datasets?q=停车", user="steward_a", lang="en")
    page.get_by_role("link", name="Edit together").click()
    page.get_by_label("Free spaces").check()
    page.locator("input[name=id][value=DP-PK-001]").uncheck()
    page.locator("#f-field-1").select_option("contact")
    page.locator("#f-value-1").fill("0755-2")
    page.get_by_role("button", name="Show the difference", exact=True).click()
    expect(page.locator("ins")).to_have_text("0755-2")
    shot(page, "care-preview-en-1280")
    assert axe(page) == []
    page.get_by_role("button", name="Carry it out").click()
    expect(page.get_by_role("button", name="Undo this change")).to_be_visible()
