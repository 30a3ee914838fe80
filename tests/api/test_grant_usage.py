"""The lines of a grant come in pages, over HTTP and by command: a grant that is used every minute has thousands. On both databases."""

from __future__ import annotations

import json
from functools import partial

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.grant import app as command
from api.house import House, open_house
from auth.audit import AuditEventRow
from auth.grants import ledger
from core.ids import GrantId
from tests.datasets.extracts.scene import a_scene
from tests.desk import a_desk, a_grant
from tests.people import actor_of, browser_as, client_as
from tests.web.browser import OpenPage, axe, overflow, shot


def test_the_lines_of_a_grant_come_in_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    with house.write() as work:
        for number in range(5):
            ledger.enter(work, grant.id, ledger.REFUSED, subject=f"x{number}", reasons=("columns",))
    holder = client_as(house, "analyst")
    at = f"/api/v1/grants/{grant.id}/usage"
    found = holder.get(at).json()
    assert (found["total"], len(found["items"]), found["next"]) == (5, 5, None)
    subjects, offset = [], 0
    while offset is not None:
        page = holder.get(at, params={"limit": 2, "offset": offset}).json()
        assert page["total"] == 5
        subjects += [line["subject"] for line in page["items"]]
        offset = page["next"]
    assert subjects == [line["subject"] for line in found["items"]]
    for wrong in ({"limit": 0}, {"limit": 501}, {"offset": -1}):
        assert holder.get(at, params=wrong).status_code == 422
    if house.settings.database_url is not None:
        return
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    told = CliRunner().invoke(
        command, ["usage", grant.id, "--limit", "2", "--offset", "4", "--json", "--as", "analyst", "--data-dir", str(house.settings.data_dir)],
    )  # fmt: skip
    assert [line["subject"] for line in json.loads(told.stdout)["items"]] == subjects[4:]


def _used(house: House, grant: GrantId | None = None) -> str:
    """A grant with one refusal of an earlier day and three of this one, and a plan."""
    grant = grant or a_scene(house).grant_id
    for number in range(4):
        if number == 1:
            house.clock.forward(days=1)  # type: ignore[attr-defined]
        with house.write() as work:
            ledger.enter(work, grant, ledger.REFUSED, subject=f"x{number}", reasons=("column-not-granted",))
    with house.write() as work:
        by = ledger.Taking.by(actor_of(work, "analyst"), columns=("venue_id",), form="extract_csv")
        ledger.enter(work, grant, ledger.PLAN, subject="p", taking=by)
    return str(grant)


def test_lines_are_chosen_by_kind_and_day_and_added_up(house: House) -> None:
    at = f"/api/v1/grants/{_used(house)}/usage"
    holder = client_as(house, "analyst")
    assert holder.get(at).json()["sums"] == {
        "lines": 5, "extracts": 0, "rows": 0, "bytes": 0, "sent_bytes": 0, "epsilon_micro": 0,
    }  # fmt: skip

    def subjects(**wish: str) -> list[str]:
        return [line["subject"] for line in holder.get(at, params=wish).json()["items"]]

    assert subjects(kind="refused") == ["x0", "x1", "x2", "x3"]
    assert subjects(until="2026-03-02") == ["x0"], "the last day counts"
    assert subjects(since="2026-03-03", kind="plan") == ["p"]
    assert subjects(since="2026-03-04") == []
    for wrong in ({"kind": "nonsense"}, {"since": "0001-01-01"}, {"until": "9999-12-31"}, {"since": "x"}):
        assert holder.get(at, params=wrong).status_code == 422, wrong


def test_the_page_shows_them_and_the_file_holds_them_all(sqlite_house: House) -> None:
    fresh = a_scene(sqlite_house).grant_id
    assert "Not used yet" in browser_as(sqlite_house, "officer", "en").get(f"/grants/{fresh}/usage").text
    grant = _used(sqlite_house, fresh)
    holder, at = browser_as(sqlite_house, "analyst"), f"/grants/{grant}/usage"
    assert f'href="{at}"' in holder.get(f"/grants/{grant}").text, "the grant's page leads there"
    shown = holder.get(at).text
    for word in ("列未授权", "analyst先生", "列venue_id", "CSV"):
        assert word in shown, word
    assert "尚未使用" not in shown
    none = holder.get(at, params={"kind": "refund"})
    assert (none.status_code, "没有符合条件的记录" in none.text) == (200, True)
    for wrong, words in (
        ({"kind": "nonsense"}, "没有这个种类"),
        ({"since": "2026-03-99"}, "请填写日期"),
        ({"since": "2026-03-03", "until": "2026-03-02"}, "早于"),
    ):
        refused = holder.get(at, params=wrong)
        assert (refused.status_code, words in refused.text) == (422, True), wrong
    file = holder.get(f"{at}/file", params={"kind": "refused", "form": "csv"})
    assert (file.headers["content-type"], len(file.text.splitlines())) == ("text/csv; charset=utf-8", 5)
    with sqlite_house.read() as work:
        kinds = work.db.exec(select(AuditEventRow.kind).order_by(col(AuditEventRow.seq).desc())).first()
    assert kinds == "usage.exported", "that it was taken out is on record"
    for stranger in ("applicant2", "roads_screener"):
        for path in (at, f"{at}/file"):
            assert browser_as(sqlite_house, stranger).get(path).status_code == 404


@pytest.mark.browser
@pytest.mark.slow
def test_it_is_legible_in_both_languages_and_on_a_narrow_window(
    sqlite_house: House, open_page: OpenPage
) -> None:
    grant = _used(sqlite_house)
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page(f"/grants/{grant}", user="analyst", lang=lang, width=width)
        page.locator(f'main a[href="/grants/{grant}/usage"]').click()
        page.locator("figure.chart canvas, figure.chart svg").first.wait_for()
        assert (axe(page), overflow(page)) == ([], 0)
        shot(page, f"grant-usage-{lang}-{width}")
        page.goto(f"/grants/{grant}/usage?since=2026-03-99")
        assert (axe(page), overflow(page)) == ([], 0)
        shot(page, f"grant-usage-refused-{lang}-{width}")
