"""The pages of releases in a real browser, in both languages: legible, within the window, free of faults for assistive readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.house import House
from catalog.tables import ColumnRow
from datasets.notices import service as notices
from datasets.releases import rules
from datasets.releases.tables import ReleaseRow
from tests.datasets.extracts.scene import ROWS, Scene, a_release, a_scene, a_table
from tests.people import a_person, actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COLUMN = {"name": "rooms", "type": "integer", "title_zh": "房间", "unit": "间"}


def _second(scene: Scene) -> ReleaseRow:
    """A release after the scene's, with a breaking change, parts by time and a signature to show."""
    found = rules.changes(
        {"columns": [COLUMN]}, {"columns": [COLUMN | {"unit": "套"}, COLUMN | {"name": "beds"}]}
    )
    with scene.house.write() as work:
        first = work.db.get_one(ReleaseRow, scene.release_id)
        work.db.get_one(ColumnRow, (first.dataset_id, "venue_id")).primary = True
        notices.follow(work, actor_of(work, "analyst"), first.dataset_id)
        row = a_release(
            work, scene.house.files, Path(scene.room), a_table(ROWS[1:]), number=2, code=first.dataset_id
        )
        first.superseded_at = work.now
        row.semver, row.compared_to, row.signing_key = "2.0.0", first.id, "0a1b2c3d"
        row.manifest_sha256, row.changes = row.sha256, [change.as_json() for change in found]
        files = [{"value": "2026-03", "rows": 4, "size_bytes": 1024, "sha256": row.sha256, "sm3": "0" * 64}]
        row.partitions = {"column": "seen_at", "period": "month", "files": files}
        work.db.add_all([first, row])
    scene.house.clock.forward(minutes=1)  # type: ignore[attr-defined]
    with scene.house.write() as work:
        facts = {"number": 2, "semver": "2.0.0", "changes": row.changes, "compared_to": first.id}
        notices.tell(work, row.dataset_id, "breaking", row.id, facts)
        a_person(work, "keeper", "bureau", ["catalog_admin"])
    return row


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_about_a_release_is_legible(sqlite_house: House, open_page: OpenPage, lang: str) -> None:
    scene = a_scene(sqlite_house)
    scene.delivered()
    new = _second(scene)
    pages = {
        "show": ("analyst", f"/releases/{new.id}", "2.0.0"),
        "diff": ("steward_a", f"/datasets/{new.dataset_id}/releases/diff", "V1"),
        "lineage": ("analyst", f"/releases/{scene.release_id}/lineage", "insurer"),
        "notices": ("analyst", "/me/notices", "2.0.0"),
        "retention": ("keeper", f"/datasets/{new.dataset_id}/retention", "2026"),
    }
    for name, (who, path, word) in pages.items():
        for width in (1280, 390):
            page = open_page(path, user=who, lang=lang, width=width)
            expect(page.locator("main")).to_contain_text(word)
            shot(page, f"release-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, width)
