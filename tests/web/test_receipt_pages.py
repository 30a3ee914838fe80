"""Receipts of an application, a grant's lines of use and the audit record's list in a real browser: legible, within the page, and the proof comes as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.house import House
from auth.grants import queries
from auth.proof.offline import verify_proof
from tests.auth.proof.packs import sealed
from tests.datasets.queries.scene import a_query_scene
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_receipts_are_legible_and_a_proof_is_downloaded_and_holds(
    sqlite_house: House, open_page: OpenPage, tmp_path: Path
) -> None:
    scene = a_query_scene(sqlite_house)
    scene.caps()
    scene.private(epsilon_micro=250_000)
    with sqlite_house.read() as work:
        application = queries.row(work, scene.grant_id).application_id
    sealed(sqlite_house)
    for lang, width in (("zh", 1280), ("en", 390)):
        for name, path, who in (
            ("application", f"/applications/{application}", "applicant"),
            ("receipts", f"/applications/{application}/receipts", "applicant"),
            ("usage", f"/grants/{scene.grant_id}/usage", "officer"),
            ("audit", "/audit", "auditor"),
        ):
            page = open_page(path, user=who, lang=lang, width=width)
            shot(page, f"receipts-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, lang, width)
    page = open_page(f"/applications/{application}/receipts", user="applicant", lang="en", width=1280)
    with page.expect_download() as coming:
        page.locator("a[download]").first.click()
    kept = tmp_path / "proof.json"
    coming.value.save_as(kept)
    assert coming.value.suggested_filename.startswith("proof-")
    assert json.loads(kept.read_text())["entry"]
    assert verify_proof(kept).flaws == []
