"""A moment named by the reviewer: at the page, over HTTP and by the command; nothing of the record leaks before."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from api.cli.dataset import app as dataset_command
from api.cli.record_proposal import app as proposal_command
from api.durable import publish_due
from api.house import House
from core.work import Work, system_clock
from tests.catalog.records import a_dataset, a_department
from tests.conftest import TestClock
from tests.people import browser_as, client_as
from tests.snapshots import written

DRAFT = "DP-PK-002"
OUTSIDE = (
    "/api/v1/datasets?q=余位", "/api/v1/datasets", "/api/3/action/package_search?q=余位", "/api/3/action/package_list",
    "/api/3/action/organization_show?id=traffic&include_datasets=true", "/feeds/datasets.atom", "/sitemaps/1.xml", "/datasets?q=余位",
    "/oai?verb=ListIdentifiers&metadataPrefix=oai_dc", "/publishers/traffic",
)  # fmt: skip


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    a_dataset(work, "DP-PK-001", "traffic")
    a_dataset(work, DRAFT, "traffic", draft=True, title_zh="停车场实时余位")


@pytest.fixture
def desk(sqlite_house: House) -> House:
    written(sqlite_house, _fill)
    return sqlite_house


def _seen(desk: House) -> dict[str, tuple[int, str, bool]]:
    """What a visitor gets: status, ETag and whether the record is told of."""
    visitor = client_as(desk)
    found = {
        each: visitor.get(
            each, headers={"accept": "text/html" if each.startswith(("/datasets", "/publishers")) else "*/*"}
        )
        for each in OUTSIDE
    }
    return {
        each: (got.status_code, got.headers.get("etag", ""), DRAFT.lower() in got.text.lower())
        for each, got in found.items()
    }


def test_nothing_is_seen_before_the_moment_and_everything_after(desk: House, clock: TestClock) -> None:
    before = _seen(desk)
    assert {(status, told) for status, _, told in before.values()} == {(200, False)}
    asked = client_as(desk, "traffic-steward").post(f"/api/v1/datasets/{DRAFT}/publish").json()
    path = f"/api/v1/record-proposals/{asked['id']}"
    reviewer = client_as(desk, "traffic-reviewer")
    at = clock() + timedelta(hours=2)
    for wrong in ("2026-03-02T09:00:00", "soon", ""):
        assert reviewer.post(f"{path}/accept-at", json={"at": wrong}).status_code == 422
    past = reviewer.post(f"{path}/accept-at", json={"at": (clock() - timedelta(1)).isoformat()})
    assert (past.status_code, past.json()["field"]) == (422, "at")
    assert (
        client_as(desk, "culture-steward").post(f"{path}/accept-at", json={"at": at.isoformat()}).status_code
        == 404
    )
    timed = reviewer.post(f"{path}/accept-at", json={"at": at.isoformat(), "version": 1})
    assert (timed.status_code, timed.json()["state"]) == (200, "timed")
    assert reviewer.get("/api/v1/record-proposals", params={"state": "timed"}).json()["total"] == 1
    assert client_as(desk).get(path).status_code == 401
    assert publish_due(desk) == 0
    assert _seen(desk) == before
    clock.forward(hours=2, minutes=1)
    assert publish_due(desk) == 1
    after = _seen(desk)
    assert [each for each in OUTSIDE if not after[each][2]] == []
    assert all(after[each][1] != before[each][1] for each in OUTSIDE if before[each][1])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_reviewer_names_moves_and_calls_off_a_moment_on_the_page(
    desk: House, clock: TestClock, lang: str
) -> None:
    steward, reviewer = browser_as(desk, "traffic-steward", lang), browser_as(desk, "traffic-reviewer", lang)
    assert steward.submit(f"/datasets/{DRAFT}/publish").status_code == 303
    where = re.findall(r'href="(/record-proposals/[^"]+)"', reviewer.get("/record-proposals").text)[0]
    late = reviewer.submit(f"{where}/accept-at", version="1", at="2020-01-01T09:00")
    assert late.status_code == 422
    assert 'value="2020-01-01T09:00"' in late.text
    assert reviewer.submit(f"{where}/accept-at", version="1", at="2026-03-03T09:00").status_code == 303
    said = "将于 2026-03-03 09:00:00 发布" if lang == "zh" else "Will be published on 2026-03-03 09:00"
    for path in (where, f"/datasets/{DRAFT}"):
        assert said in steward.get(path).text, path
    assert reviewer.submit(f"{where}/accept-at", version="2", at="2026-03-04T10:30").status_code == 303
    shown = reviewer.get(where).text
    assert 'value="2026-03-04T10:30"' in shown
    assert where in reviewer.get("/record-proposals?state=timed").text
    assert reviewer.submit(f"{where}/return", version="3", reason="暂缓发布").status_code == 303
    clock.forward(days=5)
    assert publish_due(desk) == 0


def test_moment_is_named_by_command(desk: House) -> None:
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "traffic-steward"]
    other = [*where[:2], "--as", "traffic-reviewer"]
    run = CliRunner()
    asked = json.loads(run.invoke(dataset_command, ["publish", DRAFT, "--json", *where]).stdout)["id"]
    at = (system_clock() + timedelta(days=30)).isoformat()
    done = run.invoke(proposal_command, ["accept", asked, "--at", at, "--json", *other])
    assert json.loads(done.stdout)["state"] == "timed", done.output
    listed = run.invoke(proposal_command, ["list", "--state", "timed", "--json", *other])
    assert [each["dataset_id"] for each in json.loads(listed.stdout)["items"]] == [DRAFT]
    back = run.invoke(proposal_command, ["return", asked, "--reason", "暂缓发布", "--json", *other])
    assert json.loads(back.stdout)["state"] == "returned"
