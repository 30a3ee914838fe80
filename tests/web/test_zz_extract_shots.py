"""Pictures of the extract pages (not committed)."""
from api.house import House
from tests.datasets.extracts.scene import a_scene
from tests.web.browser import OpenPage, axe, overflow, shot
import pytest

@pytest.mark.parametrize("lang", ["zh", "en"])
def test_shots(sqlite_house: House, open_page: OpenPage, lang: str) -> None:
    scene = a_scene(sqlite_house, quotas={"extracts": 20, "rows": 1000})
    ready = scene.delivered(columns=["venue_id", "rooms", "contact_phone"], filter={"op": "gt", "column": "rooms", "value": 10})
    csv = scene.delivered(form="extract_csv")
    failed = scene.asks(release_id=scene.release_id)
    with sqlite_house.write() as work:
        from core.jobs import JobRow
        work.db.get_one(JobRow, failed.job_id).cancel_requested = True
    scene.works()
    building = scene.asks()
    out = []
    def look(page, name):
        shot(page, f"extracts-{name}-{lang}"); out.append((name, axe(page), overflow(page)))
    look(open_page("/extracts", user="analyst", lang=lang), "list")
    look(open_page("/extracts/new", user="analyst", lang=lang), "choose")
    p = open_page(f"/extracts/new?grant={scene.grant_id}", user="analyst", lang=lang)
    look(p, "new")
    p.select_option('[name="column-0"]', "rooms"); p.select_option('[name="op-0"]', "ge"); p.fill('[name="value-0"]', "12")
    p.click('button[name="plan"]'); p.wait_for_load_state("load")
    look(p, "planned")
    look(open_page(f"/extracts/{ready.id}", user="analyst", lang=lang), "ready")
    look(open_page(f"/extracts/{failed.id}", user="analyst", lang=lang), "failed")
    look(open_page(f"/extracts/{building.id}", user="analyst", lang=lang), "building")
    look(open_page(f"/extracts/new?grant={scene.grant_id}", user="analyst", lang=lang, width=390), "new-phone")
    scene.suspends()
    p = open_page(f"/extracts/new?grant={scene.grant_id}", user="analyst", lang=lang)
    p.click('button:not([name="plan"]).button--primary >> nth=-1'); p.wait_for_load_state("load")
    look(p, "refused")
    look(open_page(f"/extracts/{ready.id}", user="analyst", lang=lang), "stopped")
    print(out)
    assert all(not a and not o for _, a, o in out), out
