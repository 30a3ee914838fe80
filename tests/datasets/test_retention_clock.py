"""Rules of retention that apply themselves: told a month before, retired on the day, each once; on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from api.durable import retire_releases
from api.house import House
from auth.audit import AuditEventRow
from auth.identity.tables import AccountRow
from auth.messages.tables import MessageRow
from core.work import Work
from datasets.batches.tables import BatchRow
from datasets.notices import service as notices
from datasets.releases import retention
from datasets.releases.retention import RetentionSet
from datasets.releases.tables import ReleaseRow
from tests.catalog.records import a_dataset
from tests.people import a_person, actor_of, an_org, browser_as, client_as

OPEN = "DP-PK-001"
YEAR = timedelta(days=365)


def _release(work: Work, number: int, state: str, since: timedelta) -> None:
    """`since`: how long ago it was superseded."""
    work.db.add(
        BatchRow(
            id=f"b{number}", dataset_id=OPEN, org_id="traffic", number=number, name="t.csv", sha256="0" * 64, size_bytes=1, state="released",
            submitted={}, submitted_at=work.now, preparers=[],
        )
    )  # fmt: skip
    work.db.flush()
    work.db.add(
        ReleaseRow(
            id=f"r{number}", dataset_id=OPEN, org_id="traffic", number=number, batch_id=f"b{number}", state=state, content_sha256="0" * 64,
            batch_sha256="0" * 64, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", prepared={}, publisher={},
            requested_at=work.now, published_at=work.now - since, superseded_at=None if state == "published" else work.now - since,
        )
    )  # fmt: skip


@pytest.fixture
def kept(house: House) -> House:
    """Four superseded releases: one for two years, one that ends in 29 days, one in 31, one of yesterday; keep 2 and 1 year."""
    with house.write() as work:
        an_org(work, "traffic", "source_department")
        an_org(work, "bureau", "implementing_body")
        a_person(work, "lin", "traffic", ["steward"])
        a_person(work, "keeper", "bureau", ["catalog_admin"])
        a_dataset(work, OPEN, "traffic")
        ages = (2 * YEAR, YEAR - timedelta(days=29), YEAR - timedelta(days=31), timedelta(days=1))
        for number, since in enumerate(ages, start=1):
            _release(work, number, "superseded", since)
        _release(work, 5, "published", timedelta())
        notices.follow(work, actor_of(work, "lin"), OPEN)
        _set(work, by_clock=True)
    return house


def _set(work: Work, **how: Any) -> None:
    retention.set_rule(
        work,
        actor_of(work, "keeper"),
        OPEN,
        RetentionSet.model_validate({"keep_last": 2, "keep_years": 1} | how),
    )


def _states(house: House) -> list[str]:
    with house.read() as work:
        return [row.state for row in work.db.exec(select(ReleaseRow).order_by(col(ReleaseRow.number)))]


def _said(house: House) -> list[tuple[str, str | None]]:
    wanted = select(AuditEventRow).where(col(AuditEventRow.kind).in_(("release.retired", "release.retiring")))
    with house.read() as work:
        found = work.db.exec(wanted.order_by(col(AuditEventRow.seq))).all()
        return [(event.kind, event.subject) for event in found]


def test_what_is_kept_no_more_is_retired_and_what_will_not_be_is_announced_once(
    kept: House, clock: Any
) -> None:
    clock.forward(minutes=1)
    assert retire_releases(kept) == 2
    assert _states(kept) == ["superseded"] * 4 + ["published"], "its time is up, but nobody was told"
    assert sorted(_said(kept)) == [("release.retiring", "r1"), ("release.retiring", "r2")]
    assert retire_releases(kept) == 0, "once a day"
    with kept.read() as work:
        told = {each.release_id: each.zh for each in notices.notices(work, actor_of(work, "lin"))}
    assert ("2026-04-01" in told["r1"], "2026-04-01" in told["r2"]) == (True, True)
    clock.forward(days=2)
    assert retire_releases(kept) == 1, "the next one is announced, the first not again"
    clock.forward(days=29)
    assert retire_releases(kept) == 2
    assert _states(kept) == ["retired", "retired", "superseded", "superseded", "published"]
    clock.forward(days=1)
    assert retire_releases(kept) == 1
    assert _states(kept) == ["retired", "retired", "retired", "superseded", "published"]
    assert _said(kept)[2:] == [
        ("release.retiring", "r3"), ("release.retired", "r2"), ("release.retired", "r1"), ("release.retired", "r3"),
    ]  # fmt: skip


def test_a_rule_that_is_set_anew_announces_anew(kept: House, clock: Any) -> None:
    clock.forward(minutes=1)
    assert retire_releases(kept) == 2
    clock.forward(days=29)
    with kept.write() as work:
        _set(work, by_clock=True)
    clock.forward(days=2)
    retire_releases(kept)
    assert _states(kept) == ["superseded"] * 4 + ["published"]
    clock.forward(days=31)
    retire_releases(kept)
    assert _states(kept) == ["retired", "retired", "retired", "superseded", "published"]


def test_a_rule_that_waits_for_a_person_retires_nothing(kept: House) -> None:
    with kept.write() as work:
        _set(work, by_clock=False)
    assert retire_releases(kept) == 0
    assert _said(kept) == []


def test_the_page_says_until_when_and_takes_the_choice(kept: House) -> None:
    browser = browser_as(kept, "keeper")
    at = f"/datasets/{OPEN}/retention"
    assert "2026-03-31" in browser.get(at).text
    browser.submit(at, keep_last="3", keep_years="2")
    with kept.read() as work:
        shown = retention.show(work, actor_of(work, "keeper"), OPEN)
    assert (shown.keep_last, shown.by_clock) == (3, False)
    browser.submit(at, keep_last="3", keep_years="2", by_clock="1")
    with kept.read() as work:
        assert retention.show(work, actor_of(work, "keeper"), OPEN).by_clock


def test_what_ends_soon_is_listed_and_its_keepers_are_told(kept: House, clock: Any) -> None:
    keeper = client_as(kept, "keeper")
    found = keeper.get("/api/v1/retention", params={"within_days": 30}).json()["items"]
    assert [(each["number"], each["ends_on"] < "2026-03-10", each["by_clock"]) for each in found] == [(1, True, True), (2, False, True)]  # fmt: skip
    assert [each["number"] for each in keeper.get("/api/v1/retention").json()["items"]] == [1, 2, 3]
    assert keeper.get("/api/v1/retention", params={"within_days": -1}).status_code == 422
    assert client_as(kept, "lin").get("/api/v1/retention").status_code == 403
    assert client_as(kept).get("/api/v1/retention").status_code == 401
    shown = browser_as(kept, "keeper").get("/retention?within=30").text
    assert all(word in shown for word in ("即将到期的版本", OPEN, "自动退役", "/releases/r2"))
    retire_releases(kept)
    with kept.read() as work:
        told = work.db.exec(select(MessageRow).where(MessageRow.kind == "reminder.release")).all()
        names = {account.username for row in told if (account := work.db.get(AccountRow, row.account_id))}
        assert (names, {row.subject for row in told}) == ({"lin", "keeper"}, {"r1", "r2"})
    clock.forward(days=1)
    retire_releases(kept)
    with kept.read() as work:
        again = select(MessageRow).where(MessageRow.kind == "reminder.release", MessageRow.subject == "r2")
        assert len(work.db.exec(again).all()) == 2
    waiting = browser_as(kept, "keeper").get("/retention?within=0").text
    assert ("/releases/r1" in waiting, "/releases/r2" in waiting) == (True, False)
    clock.forward(days=31)
    retire_releases(kept)
    assert "没有版本到期" in browser_as(kept, "keeper").get("/retention?within=0").text
