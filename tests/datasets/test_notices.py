"""Following, telling, reading: the same on both databases. And rules of retention as rows."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from core.errors import NotFound
from core.work import Work
from datasets.notices import service as notices
from datasets.releases import retention
from datasets.releases.retention import RetentionSet
from tests.catalog.records import a_dataset
from tests.people import a_person, actor_of, an_org

OPEN, DRAFT = "DP-PK-001", "DP-PK-002"


def kinds(work: Work, who: str) -> list[tuple[str, bool]]:
    return [(each.kind, each.is_new) for each in notices.notices(work, actor_of(work, who))]


@pytest.fixture
def told(house: House, clock: Any) -> House:
    with house.write() as work:
        an_org(work, "traffic", "source_department")
        an_org(work, "bureau", "implementing_body")
        a_person(work, "lin", "traffic", ["steward"])
        a_person(work, "wang", "bureau", ["auditor"])
        a_person(work, "keeper", "bureau", ["catalog_admin"])
        a_dataset(work, OPEN, "traffic")
        a_dataset(work, DRAFT, "traffic", draft=True)
        notices.tell(work, OPEN, "released", "r0", {"number": 1, "semver": "1.0.0"})
        notices.follow(work, actor_of(work, "wang"), OPEN)
        notices.follow(work, actor_of(work, "wang"), OPEN)
    clock.forward(minutes=1)
    with house.write() as work:
        notices.tell(work, OPEN, "released", "r1", {"number": 2, "semver": "1.0.1", "compared_to": "r0"})
    return house


def test_only_followers_are_told_and_only_of_what_came_later(told: House, clock: Any) -> None:
    with told.read() as work:
        assert kinds(work, "wang") == [("released", True)]
        assert kinds(work, "lin") == []
        (first,) = notices.notices(work, actor_of(work, "wang"))
        assert first.difference == f"/datasets/{OPEN}/releases/diff?from=r0&to=r1"
        assert "1.0.1" in first.zh
    clock.forward(minutes=1)
    with told.write() as work:
        assert notices.unread(work, actor_of(work, "wang")) == 1
        notices.mark_read(work, actor_of(work, "wang"))
    clock.forward(minutes=1)
    with told.write() as work:
        notices.tell(work, OPEN, "withdrawn", "r1", {"number": 2, "reason": "坐标有误"})
    with told.write() as work:
        wang = actor_of(work, "wang")
        assert kinds(work, "wang") == [("withdrawn", True), ("released", False)]
        assert [each.dataset_id for each in notices.followed(work, wang)] == [OPEN]
        notices.unfollow(work, wang, OPEN)
        assert (kinds(work, "wang"), notices.unread(work, wang)) == ([], 0)


def test_nobody_follows_what_he_cannot_see(told: House) -> None:
    with told.write() as work:
        a_person(work, "stranger", "bureau", ["output_checker"])
        for step in (notices.follow, notices.unfollow):
            with pytest.raises(NotFound):
                step(work, actor_of(work, "stranger"), DRAFT)


def test_a_rule_of_retention_is_set_and_set_again(told: House) -> None:
    with told.write() as work:
        keeper = actor_of(work, "keeper")
        assert retention.show(work, keeper, OPEN).keep_last is None
        retention.set_rule(work, keeper, OPEN, RetentionSet(keep_last=3, keep_years=2))
        again = retention.set_rule(work, keeper, OPEN, RetentionSet(keep_last=5, keep_years=1))
        assert (again.keep_last, again.keep_years, again.items) == (5, 1, [])
