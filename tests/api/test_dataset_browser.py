"""The catalogue's pages in a real browser: accessible, inside the window, usable without scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from api.house import House
from api.sample.catalogue import DATASETS, ORGANISATIONS
from auth.actor import SYSTEM
from auth.identity.organisations import create_organisation
from catalog import imports, service
from catalog.models import DatasetCreate, DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals import timing
from catalog.proposals.models import ProposalRead, ProposalTiming
from core.text import Text
from tests.people import a_person, actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


@pytest.fixture
def catalogue(sqlite_house: House) -> House:
    """The sample's records, with a steward of the parking department; one record is still a draft."""
    with sqlite_house.write() as work:
        for org in ORGANISATIONS:
            create_organisation(work, SYSTEM, org.name, org.kind, org_id=org.id)
        a_person(work, "parker", org="org-parking", roles=["steward"])
        a_person(work, "second", org="org-parking", roles=["steward"])
        create_organisation(work, SYSTEM, Text("数据局", "Bureau"), "implementing_body", org_id="bureau-x")
        a_person(work, "cat", org="bureau-x", roles=["catalog_admin"])
        a_person(work, "watch", org="bureau-x", roles=["security_officer"])
        for item in DATASETS:
            body = item.record | {"columns": item.columns, "layout": item.layout}
            service.create(work, SYSTEM, DatasetCreate.model_validate(body))
            if item.id != "DP-PK-003":
                service.publish(work, SYSTEM, item.id)
        service.note_release(
            work, "DP-PK-002", release_no=3, released_at=work.now, row_count=121_000, size_bytes=2_400_000, quality_score=97.5, quality_grade="A"
        )  # fmt: skip
        change = DatasetUpdate(contact="停车科 0755-1", keywords=["停车", "余位", "车位"], update_freq="3")
        made = proposals.change(work, actor_of(work, "parker"), "DP-PK-002", change, note="更新科室电话")
        assert isinstance(made, ProposalRead)
        first = proposals.ask_publication(work, actor_of(work, "parker"), "DP-PK-003")
        at = ProposalTiming(at=work.now + timedelta(days=3))
        timing.accept_at(work, actor_of(work, "second"), first.id, at)
        MORE["timed"] = (f"/record-proposals/{first.id}", "second")
        MORE["proposal"] = (f"/record-proposals/{made.id}", "second")
    return sqlite_house


PAGES: dict[str, tuple[str, str | None]] = {
    "list": ("/datasets", None),
    "search": ("/datasets?q=停车+余位&theme=PK&theme=TR", None),
    "nothing": ("/datasets?q=没有这个词", None),
    "dataset": ("/datasets/DP-PK-002", None),
    "draft": ("/datasets/DP-PK-003", "parker"),
    "new": ("/datasets/new", "parker"),
    "edit": ("/datasets/DP-PK-002/edit", "parker"),
    "dictionary": ("/datasets/DP-PK-002/dictionary", "parker"),
}
# Looked at in Chinese on a wide window and in English on a narrow one.
MORE: dict[str, tuple[str, str | None]] = {
    "proposals": ("/record-proposals", "second"),
    "scores": ("/record-scores", "parker"),
    "publishers": ("/publishers", None),
    "publisher": ("/publishers/org-parking", None),
    "theme": ("/themes/PK", None),
    "developers": ("/developers", None),
    "harvests": ("/harvests", "cat"),
    "harvest-new": ("/harvests/new", "cat"),
    "pushes": ("/pushes", "cat"),
    "push-new": ("/pushes/new", "cat"),
    "imports": ("/imports", "cat"),
    "anomalies": ("/anomalies", "watch"),
}


@pytest.mark.parametrize(
    ("lang", "scheme", "width"), [("zh", "light", 1280), ("en", "light", 1280), ("en", "dark", 390)]
)
def test_pages_are_accessible_and_fit_the_window(
    catalogue: House, open_page: OpenPage, lang: str, scheme: str, width: int
) -> None:
    seen = PAGES if (lang, width) == ("en", 1280) else PAGES | MORE
    for name, (path, user) in seen.items():
        page = open_page(path, user=user, lang=lang, scheme=scheme, width=width)
        shot(page, f"datasets-{name}-{lang}-{scheme}-{width}")
        assert axe(page) == [], name
        assert overflow(page) == 0, name
        page.close()


def test_an_open_import_is_accessible_and_prolonged_without_scripts(
    catalogue: House, open_page: OpenPage
) -> None:
    with catalogue.write() as work:
        imports.opened(work, actor_of(work, "cat"), imports.ImportOpen(reason="迁移旧门户"))
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page("/imports", user="cat", lang=lang, width=width)
        assert axe(page) == [], lang
        assert overflow(page) == 0, lang
        page.close()
    page = open_page("/imports", user="cat", scripts=False)
    page.get_by_label("时长（分钟）").fill("180")
    page.get_by_role("button", name="延长").click()
    expect(page.get_by_text("导入已延长")).to_be_visible()
    page.get_by_role("button", name="结束导入").click()
    page.close()


def test_search_and_facets_work_without_scripts(catalogue: House, open_page: OpenPage) -> None:
    page = open_page("/datasets", scripts=False)
    page.get_by_label("检索词").fill("停车")
    page.get_by_role("button", name="检索").click()
    expect(page.locator("article").nth(2)).to_be_visible()
    page.locator("aside a", has_text="惠民便民").click()
    expect(page.locator("article")).to_have_count(1)
    page.get_by_role("link", name="清除全部").click()
    page.get_by_role("link", name="停车场实时余位").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("停车场实时余位")
    expect(page.locator("#dictionary tbody tr")).to_have_count(8)
