"""Grants in use: charges are exact, ends are noted once, stored terms are the agreed ones."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from sqlmodel import select, update

from api.house import House
from auth import audit
from auth.grants import queries, reading, service, usage
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.grants.view import Used
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.model import MAX_QUOTA
from core.errors import (
    AccessRefused,
    Conflict,
    InputRefused,
    NotFound,
    QuotaExceeded,
    Stale,
    TransitionRefused,
    Unavailable,
)
from core.ids import GrantId
from core.work import Work
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant, activated, codes


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _used(desk: Desk, grant: GrantRead) -> Used:
    with desk.house.read() as work:
        return replace(queries.view(work, grant.id).used, per_day=0, per_month=0)


@pytest.mark.timeout(120)
def test_quota_is_exact_when_many_charge_at_once(house: House) -> None:
    """40 threads, each wanting one of 15: exactly 15 succeed, on either database."""
    desk = a_desk(house)
    grant = a_grant(desk, quotas={"extracts": 15, "rows": 1500})

    def take(_: int) -> bool:
        try:
            with house.write() as work:
                usage.charge(work, grant.id, extracts=1, rows=100, subject="x")
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(take, range(40))) == 15
    assert _used(desk, grant) == Used(15, 1500, 0)
    with house.read() as work:
        events = usage.events(work, grant.id)
        assert (len(events), sum(e.rows for e in events)) == (15, 1500)


def test_charge_takes_all_or_nothing_and_says_what_is_left(desk: Desk) -> None:
    grant = a_grant(desk, quotas={"extracts": 5, "rows": 100})
    with desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1, rows=80)
    with pytest.raises(QuotaExceeded) as refused, desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1, rows=21)
    assert refused.value.facts == {"unit": "rows", "needed": 21, "left": 20, "limit": 100}
    assert _used(desk, grant) == Used(1, 80, 0)


@pytest.mark.timeout(120)
def test_uses_of_a_day_are_exact_and_begin_anew_at_local_midnight(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    grant = a_grant(desk, quotas={"per_day": 3})

    def take(_: int) -> bool:
        try:
            with house.write() as work:
                usage.charge(work, grant.id, extracts=1)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(12))) == 3
    with house.write() as work:
        usage.refund(work, grant.id, extracts=1)
        usage.charge(work, grant.id, rows=5)  # rows of what was asked for before take no use of the day
    with pytest.raises(QuotaExceeded) as refused, house.write() as work:
        usage.charge(work, grant.id, extracts=1)
    assert refused.value.facts == {"unit": "per_day", "needed": 1, "left": 0, "limit": 3}
    clock.forward(hours=16 - clock().astimezone(UTC).hour)  # past midnight in UTC+8
    assert take(0)
    with house.read() as work:
        assert queries.view(work, grant.id).used == Used(3, 5, 0, per_day=1, per_month=4)


def test_a_clock_that_goes_back_over_midnight_gives_no_further_uses(house: House, clock: TestClock) -> None:
    """Another machine's clock, or one that is set back: the later day's count goes on."""
    desk = a_desk(house)
    grant = a_grant(desk, quotas={"per_day": 2, "per_month": 3})
    clock.forward(hours=16 - clock().astimezone(UTC).hour, minutes=-clock().minute)
    midnight = clock()
    taken = 0
    for turn in range(12):
        clock.now = midnight + timedelta(seconds=1 if turn % 2 else -1)
        try:
            with house.write() as work:
                usage.charge(work, grant.id, extracts=1)
            taken += 1
        except QuotaExceeded:
            with house.read() as work:
                assert queries.view(work, grant.id).used.per_day == 2
    assert taken == 3, "one before midnight, and of the new day what is left of the month"


@pytest.mark.timeout(120)
def test_uses_of_a_month_are_exact_and_begin_anew_with_the_local_month(
    house: House, clock: TestClock
) -> None:
    desk = a_desk(house)
    grant = a_grant(desk, quotas={"per_month": 3})

    def take(_: int) -> bool:
        try:
            with house.write() as work:
                usage.charge(work, grant.id, extracts=1)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(12))) == 3
    with house.write() as work:
        usage.refund(work, grant.id, extracts=1)
    clock.forward(hours=24)
    assert not take(0), "another day of the same month, and what is given back stays counted"
    with pytest.raises(QuotaExceeded) as refused, house.write() as work:
        usage.charge(work, grant.id, extracts=1)
    assert refused.value.facts == {"unit": "per_month", "needed": 1, "left": 0, "limit": 3}
    while clock().astimezone(LOCAL).day != 1:
        clock.forward(hours=1)
    assert take(0)
    with house.read() as work:
        seen = queries.view(work, grant.id).used
        assert (seen.extracts, seen.per_month) == (3, 1)


@pytest.mark.timeout(120)
def test_outputs_of_a_month_are_exact_whoever_asks_at_once(house: House) -> None:
    desk = a_desk(house)
    grant = a_grant(desk, quotas={"outputs_per_month": 3})

    def take(_: int) -> bool:
        try:
            with house.write() as work:
                usage.charge(work, grant.id, extracts=1, outputs=1)
        except QuotaExceeded as refused:
            return refused.facts["unit"] != "outputs_per_month"
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(12))) == 3
    with house.write() as work:
        usage.charge(work, grant.id, extracts=1)  # what is no output is not asked of it
        for _ in range(5):
            usage.give_output_back(work, grant.id, work.now)
        usage.give_output_back(work, grant.id, work.now - timedelta(days=62))
    with house.read() as work:
        assert queries.view(work, grant.id).used.outputs_per_month == 0, "never below none"


def test_charge_rolls_back_with_its_transaction(desk: Desk) -> None:
    grant = a_grant(desk, quotas={"extracts": 1})
    with suppress(RuntimeError), desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1)
        raise RuntimeError
    with desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1)
    assert _used(desk, grant) == Used(1, 0, 0)


def test_refund_gives_back_no_more_than_was_used(desk: Desk) -> None:
    grant = a_grant(desk, quotas={"rows": 100})
    with desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1, rows=60, bytes=7)
        usage.refund(work, grant.id, rows=10, bytes=7)
    assert _used(desk, grant) == Used(1, 50, 0)
    with pytest.raises(ValueError, match="more than"), desk.house.write() as work:
        usage.refund(work, grant.id, rows=51)
    with desk.house.read() as work:
        assert sum(e.rows for e in usage.events(work, grant.id)) == 50


@pytest.mark.parametrize("amount", [-1, 2**53])
def test_negative_and_overflowing_charges_are_refused(desk: Desk, amount: int) -> None:
    grant = a_grant(desk)
    with pytest.raises(ValueError, match="rows"), desk.house.write() as work:
        usage.charge(work, grant.id, rows=amount)


def test_only_an_effective_grant_is_charged(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    with pytest.raises(NotFound), desk.house.write() as work:
        usage.charge(work, GrantId("nothing"), rows=1)
    clock.now = grant.ends_at
    with pytest.raises(AccessRefused) as refused, desk.house.write() as work:
        usage.charge(work, grant.id, rows=1)
    assert [r.code for r in refused.value.reasons] == ["grant-ended"]


def test_a_charge_that_others_overtook_is_to_be_tried_again_and_not_told_that_there_is_no_grant(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the charge that found too little left and the look at why, somebody gave back what he had taken."""
    grant = a_grant(desk, quotas={"rows": 100})
    with desk.house.write() as work:
        usage.charge(work, grant.id, rows=90)
    charging = usage.fetched

    def overtaken(work: Work, statement: Any, **given: Any) -> Any:
        found = charging(work, statement, **given)
        monkeypatch.setattr(usage, "fetched", charging)
        usage.refund(work, grant.id, rows=90)
        return found

    monkeypatch.setattr(usage, "fetched", overtaken)
    with pytest.raises(Conflict) as refused, desk.house.write() as work:
        usage.charge(work, grant.id, rows=20)
    assert "try again" in refused.value.detail.en
    assert _used(desk, grant) == Used(rows=90)
    with desk.house.write() as work:
        usage.charge(work, grant.id, rows=10)


def test_a_count_without_a_quota_that_no_number_holds_is_refused_as_full(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.house.write() as work:
        usage.charge(work, grant.id, rows=MAX_QUOTA)
    with pytest.raises(QuotaExceeded) as refused, desk.house.write() as work:
        usage.charge(work, grant.id, rows=1)
    assert refused.value.facts["left"] == 0


def test_suspension_stops_use_at_once_and_revocation_for_good(desk: Desk) -> None:
    grant = a_grant(desk)
    step = GrantStep(note="存在超范围使用迹象")
    with desk.write("watch") as (work, actor):
        assert not service.suspend(work, actor, grant.id, step).is_effective
    with pytest.raises(AccessRefused), desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1)
    with desk.write("approver") as (work, actor):
        assert service.revoke(work, actor, grant.id, step).state == "REVOKED"
    for who, act in (("watch2", service.resume), ("officer", service.relinquish), ("watch", service.suspend)):
        with pytest.raises(TransitionRefused), desk.write(who) as (work, actor):
            act(work, actor, grant.id, step)


def test_reason_is_due_for_suspending_and_revoking(desk: Desk) -> None:
    grant = a_grant(desk)
    for who, act in (("watch", service.suspend), ("approver", service.revoke)):
        with pytest.raises(InputRefused), desk.write(who) as (work, actor):
            act(work, actor, grant.id, GrantStep(note=" "))


def test_old_version_is_stale(desk: Desk) -> None:
    grant = a_grant(desk)
    with pytest.raises(Stale), desk.write("watch") as (work, actor):
        service.suspend(work, actor, grant.id, GrantStep(version=1, note="旧版本操作"))


def test_activation_needs_a_release_and_terms_that_can_be_enforced(desk: Desk) -> None:
    grant = a_grant(desk, at="PENDING")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id, released=False)
    assert [r.code for r in refused.value.reasons] == ["no-release"]
    desk.known[PARKS.dataset_id] = replace(PARKS, columns=PARKS.columns[1:], open_type="N")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id)
    assert {r.code for r in refused.value.reasons} == {"dataset-not-openable", "policy-unenforceable"}
    desk.known[PARKS.dataset_id] = PARKS
    assert activated(desk, grant.id).is_effective


def test_validity_ends_to_the_second_without_any_sweep(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    for after_s, effective in ((-1, True), (0, False), (1, False)):
        clock.now = grant.ends_at + timedelta(seconds=after_s)
        with desk.read("analyst") as (work, actor):
            assert reading.grant(work, actor, grant.id).is_effective is effective


def test_end_is_noted_exactly_once(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    active = a_grant(desk)
    pending = a_grant(desk, at="PENDING", scenario_id="weather")
    with house.write() as work:
        assert service.expire_due(work) == 0
    clock.now = active.ends_at

    def sweep(_: int) -> int:
        with house.write() as work:
            return service.expire_due(work)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sweep, range(8))) == 2
    with house.read() as work:
        kinds = list(work.db.exec(select(audit.AuditEventRow.kind).order_by("seq")))
        assert (kinds.count("grant.expired"), kinds.count("grant.voided")) == (1, 1)
        assert queries.view(work, active.id).state == "EXPIRED"
        assert queries.view(work, pending.id).state == "VOID"


def test_a_grant_that_waited_too_long_is_not_activated_though_no_sweep_came(
    desk: Desk, clock: TestClock
) -> None:
    pending = a_grant(desk, at="PENDING")
    days = limits()["pending_days"]
    clock.now = pending.created_at + timedelta(days=days)
    with pytest.raises(AccessRefused) as refused:
        activated(desk, pending.id)
    assert codes(refused) == ["grant-waited-too-long"]
    clock.now -= timedelta(seconds=1)
    assert activated(desk, pending.id).state == "ACTIVE"


def test_a_grant_whose_period_is_over_is_not_activated_though_no_sweep_came(
    desk: Desk, clock: TestClock
) -> None:
    pending = a_grant(desk, at="PENDING", ends_on=date(2026, 3, 10))
    clock.now = pending.ends_at
    with pytest.raises(AccessRefused) as refused:
        activated(desk, pending.id)
    assert codes(refused) == ["grant-ended"]
    clock.now -= timedelta(seconds=1)
    assert activated(desk, pending.id).state == "ACTIVE"


def test_tampered_policy_takes_the_grant_out_of_use(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.house.write() as work:
        row = queries.row(work, grant.id)
        wider = row.policy.replace('"retention_days":365', '"retention_days":999')
        assert wider != row.policy
        work.db.exec(update(GrantRow).values(policy=wider))  # type: ignore[call-overload]
    with pytest.raises(Unavailable), desk.house.read() as work:
        queries.view(work, grant.id)


@pytest.mark.parametrize(
    ("known", "unknown"), [('"use":"plain"', '"use":"whispered"'), ('"op":"gt"', '"op":"like"')]
)
def test_terms_that_this_version_does_not_know_take_the_grant_out_of_use(
    desk: Desk, known: str, unknown: str
) -> None:
    grant = a_grant(desk, row_filter={"op": "gt", "column": "rooms", "value": 1})
    with desk.house.write() as work:
        strange = queries.row(work, grant.id).policy.replace(known, unknown, 1)
        assert unknown in strange
        digest = hashlib.sha256(strange.encode()).hexdigest()
        work.db.exec(update(GrantRow).values(policy=strange, policy_hash=digest))  # type: ignore[call-overload]
    with pytest.raises(Unavailable) as found, desk.house.read() as work:
        queries.view(work, grant.id)
    assert [reason.code for reason in found.value.reasons] == ["policy-unenforceable"]


def test_other_organisations_and_departments_see_no_grant(desk: Desk) -> None:
    grant = a_grant(desk)
    for who in ("applicant2", "officer2", "roads_screener"):
        with desk.read(who) as (work, actor):
            assert reading.grants(work, actor) == ([], 0)
            with pytest.raises(NotFound):
                reading.grant(work, actor, grant.id)
    for who in ("analyst", "officer", "steward_a", "auditor", "watch", "approver"):
        with desk.read(who) as (work, actor):
            assert [found.id for found in reading.grants(work, actor)[0]] == [grant.id]
    with pytest.raises(NotFound), desk.write("officer2") as (work, actor):
        service.relinquish(work, actor, grant.id, GrantStep())


def test_commands_of_a_grant_name_what_stands_against_them(desk: Desk) -> None:
    grant = a_grant(desk, at="PENDING")

    def offered_to(who: str, released: bool = False) -> dict[str, list[str]]:
        with desk.read(who) as (work, actor):
            said = service.commands(
                work, actor, grant.id, assets=desk.assets, has_release=lambda *_: released, holds=desk.holds
            )
        return {item["command"]: [reason.code for reason in item["reasons"]] for item in said}

    assert offered_to("steward_a") == {"activate": ["no-release"]}
    assert offered_to("steward_a", released=True) == {"activate": []}
    assert offered_to("approver") == {"revoke": []}
    assert offered_to("officer") == {}


def test_worker_notes_what_time_has_done_and_leaves_an_idle_house_alone(
    house: House, clock: TestClock
) -> None:
    from api.durable import note_deadlines

    desk = a_desk(house)
    active = a_grant(desk)
    a_grant(desk, at="PENDING", scenario_id="weather")
    assert note_deadlines(house) == 0
    clock.forward(days=91)
    assert note_deadlines(house) == 2  # one grant never activated; the certification that nobody opened
    clock.now = active.ends_at
    assert [note_deadlines(house), note_deadlines(house)] == [1, 0]
