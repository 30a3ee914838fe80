"""The pages of the enclave in a real browser: the form, a request for its steward, and the same on a narrow screen."""

from __future__ import annotations

import pytest

from api.house import House
from tests.datasets.enclave.scene import COUNT, an_enclave_scene
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def test_form_list_and_request_are_readable_in_both_languages(sqlite_house: House, page_as: OpenPage) -> None:
    scene = an_enclave_scene(sqlite_house)
    made = scene.submits(
        select=[COUNT, {"kind": "sum", "column": "fee"}], sort=[{"by": "count", "descending": True}]
    )
    waits = scene.computed()
    for who, path, name, lang, width in (
        ("analyst", f"/enclave/new?grant={scene.grant_id}", "form", "zh", 1280),
        ("steward_a", f"/enclave/{made.id}", "steward", "en", 1280),
        ("analyst", f"/enclave/{waits.id}", "analyst", "zh", 390),
        ("checker", f"/outputs/{waits.review_id}", "checker", "zh", 1280),
        ("steward_a", "/enclave", "list", "zh", 390),
    ):
        page = page_as(who, path, lang=lang, width=width)
        shot(page, f"enclave-{name}-{lang}-{width}")
        assert axe(page) == [], path
        assert overflow(page) == 0, path
        page.close()
