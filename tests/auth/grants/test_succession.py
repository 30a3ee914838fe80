"""Amending and renewing grants: one takes the other's place, quotas are not refilled, nothing counts twice."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.duties import service as duties
from auth.grants import queries, reading, service, succession, usage
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.policy import rules
from core.errors import AccessRefused, AppError, QuotaExceeded, TransitionRefused
from core.ids import GrantId
from tests.auth.grants.following import follow, granted
from tests.conftest import TestClock
from tests.desk import (
    Desk,
    a_desk,
    a_grant,
    activated,
    an_application,
    codes,
    kinds,
    submitted,
)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _grant(desk: Desk, grant_id: str) -> GrantRead:
    with desk.read("officer") as (work, actor):
        return reading.grant(work, actor, GrantId(grant_id))


def _charge(desk: Desk, grant_id: str, rows: int) -> None:
    with desk.house.write() as work:
        usage.charge(work, GrantId(grant_id), rows=rows)


def test_amendment_takes_the_place_of_the_grant_and_carries_what_was_used(house: House) -> None:
    desk = a_desk(house)
    old = a_grant(desk, quotas={"rows": 100})
    _charge(desk, old.id, 60)
    draft = follow(desk, old.id, quotas={"rows": 120})
    assert (draft.succession, draft.from_grant_id, draft.lines[0].columns[0]["reason"]) == (
        "amendment", old.id, "需要 venue_id 计算风险",
    )  # fmt: skip
    new = granted(desk, draft)
    assert (_grant(desk, old.id).state, _grant(desk, new).state) == ("ACTIVE", "PENDING")
    activated(desk, new)
    assert (_grant(desk, old.id).state, _grant(desk, new).state) == ("SUPERSEDED", "ACTIVE")
    with pytest.raises(AccessRefused):
        _charge(desk, old.id, 1)
    with pytest.raises(QuotaExceeded):
        _charge(desk, new, 61)
    _charge(desk, new, 60)
    now = _grant(desk, new)
    assert (now.used_rows, now.carried_rows, now.succeeds_id) == (60, 60, old.id)
    assert kinds(desk).count("grant.superseded") == 1
    with house.read() as work:
        event = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "grant.superseded")).one()
        assert "carried" in str(event.payload)
        assert "reviews" not in str(event.payload), "there was none"


def test_an_application_for_what_is_granted_already_is_told_so_before_anybody_works_on_it(desk: Desk) -> None:
    """It could never be put into force; a suspended grant is neither amended nor applied for anew, until it is resumed or given back."""
    old = a_grant(desk)
    draft = an_application(desk, at=State.DRAFT)
    with pytest.raises(AccessRefused) as refusal:
        submitted(desk, draft)
    assert codes(refusal) == ["grant-exists"]
    assert "amend or renew it" in refusal.value.reasons[0].text.en
    with desk.write("watch") as (work, actor):
        service.suspend(work, actor, GrantId(old.id), GrantStep(note="疑似超出用途，先行暂停"))
    with pytest.raises(AccessRefused) as refusal:
        submitted(desk, draft)
    assert "have it resumed" in refusal.value.reasons[0].text.en
    with desk.write("applicant") as (work, actor), pytest.raises(AccessRefused) as refusal:
        applications.amend(work, actor, GrantId(old.id), assets=desk.assets)
    assert "suspended" in refusal.value.reasons[0].text.en
    assert "have it resumed" in refusal.value.reasons[0].text.en


def test_periods_that_touch_do_not_overlap(desk: Desk) -> None:
    a_grant(desk, starts_on=date(2026, 6, 1), ends_on=date(2026, 8, 31))
    for starts, ends, is_free in (
        (date(2026, 3, 2), date(2026, 5, 31), True), (date(2026, 3, 2), date(2026, 6, 1), False),
        (date(2026, 9, 1), date(2026, 10, 31), True), (date(2026, 8, 31), date(2026, 10, 31), False),
    ):  # fmt: skip
        draft = an_application(desk, at=State.DRAFT, starts_on=starts, ends_on=ends)
        said = []
        try:
            submitted(desk, draft)
        except AccessRefused as refusal:
            said = [reason.code for reason in refusal.reasons]
        assert ("grant-exists" not in said) is is_free, (starts, ends, said)


def test_what_is_given_back_after_an_amendment_reaches_the_grant_in_force(house: House) -> None:
    """What was asked for under the earlier grant and does not come is free again under the one that took its place, however many between."""
    desk = a_desk(house)
    grants = [a_grant(desk, quotas={"extracts": 2, "outputs_per_month": 1}).id]
    with desk.house.write() as work:
        asked_at = work.now
        usage.charge(work, GrantId(grants[0]), extracts=2, outputs=1)
    for _ in range(2):
        grants.append(granted(desk, follow(desk, grants[-1])))
        activated(desk, grants[-1])
    with pytest.raises(QuotaExceeded), desk.house.write() as work:
        usage.charge(work, GrantId(grants[-1]), extracts=1, outputs=1)
    with desk.house.write() as work:
        usage.refund(work, GrantId(grants[0]), extracts=1)
        usage.give_output_back(work, GrantId(grants[0]), asked_at)
    held = [_grant(desk, each) for each in grants]
    assert [(each.used_extracts, each.carried_extracts) for each in held] == [(1, 0), (0, 1), (0, 1)]
    with desk.house.write() as work:
        usage.charge(work, GrantId(grants[-1]), extracts=1, outputs=1)
    with pytest.raises(QuotaExceeded), desk.house.write() as work:
        usage.charge(work, GrantId(grants[-1]), extracts=1)


def test_superseded_grant_comes_back_by_no_step(desk: Desk) -> None:
    old = a_grant(desk)
    activated(desk, granted(desk, follow(desk, old.id)))
    step = GrantStep(note="重新启用原授权")
    with pytest.raises(TransitionRefused):
        activated(desk, old.id)
    for who, act in (("watch", service.suspend), ("watch2", service.resume), ("approver", service.revoke)):
        with pytest.raises(TransitionRefused), desk.write(who) as (work, actor):
            act(work, actor, GrantId(old.id), step)


@pytest.mark.parametrize("end", [service.suspend, service.revoke])
def test_amendment_does_not_revive_a_grant_that_was_stopped_meanwhile(desk: Desk, end: Any) -> None:
    old = a_grant(desk)
    new = granted(desk, follow(desk, old.id))
    with desk.write("watch") as (work, actor):
        end(work, actor, GrantId(old.id), GrantStep(note="存在超范围使用"))
    with pytest.raises(AccessRefused) as refused:
        activated(desk, new)
    assert "predecessor-does-not-stand" in codes(refused)


def test_second_grant_for_the_same_line_is_not_activated_beside_the_first(desk: Desk) -> None:
    first, other = a_grant(desk, at="PENDING"), a_grant(desk, at="PENDING")
    activated(desk, first.id)
    with pytest.raises(AccessRefused) as refused:
        activated(desk, other.id)
    assert codes(refused) == ["grant-exists"]
    assert a_grant(desk, scenario_id="weather").is_effective


def test_amendment_keeps_to_its_dataset_and_scenario(desk: Desk) -> None:
    old = a_grant(desk)
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, follow(desk, old.id, scenario_id="weather"))
    assert codes(refused) == ["succession-changed"]


def test_renewal_needs_a_use_report_and_follows_the_grant(desk: Desk, clock: TestClock) -> None:
    old = a_grant(desk, quotas={"rows": 100})
    _charge(desk, old.id, 100)
    with pytest.raises(AccessRefused) as refused:
        follow(desk, old.id, "renew")
    assert codes(refused) == ["use-report-missing"]
    _report(desk, old)
    draft = follow(desk, old.id, "renew")
    assert (draft.starts_on, draft.ends_on) == (date(2027, 3, 2), date(2028, 2, 29))
    new = activated(desk, granted(desk, draft))
    assert _grant(desk, old.id).is_effective
    assert not _grant(desk, new.id).is_effective
    clock.now = old.ends_at
    assert not _grant(desk, old.id).is_effective
    assert _grant(desk, new.id).is_effective
    _charge(desk, new.id, 100)  # a renewal begins anew


def test_a_renewal_does_not_fill_the_quotas_of_a_period_that_runs(desk: Desk, clock: TestClock) -> None:
    old = a_grant(desk, quotas={"rows": 100})
    _charge(desk, old.id, 100)
    _report(desk, old)
    early = follow(desk, old.id, "renew", starts_on=date(2027, 3, 1), ends_on=date(2027, 12, 31))
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, early)
    assert codes(refused) == ["renewal-before-end"]


@pytest.mark.parametrize(
    ("kind", "starts", "expected"),
    [
        ("renewal", -1, "renewal-before-end"), ("renewal", 0, None),
        ("amendment", -1, None), ("amendment", 0, "amendment-after-end"),
    ],
)  # fmt: skip
def test_what_takes_a_grants_place_begins_on_its_side_of_the_end_also_when_it_is_put_into_force(
    desk: Desk, kind: str, starts: int, expected: str | None
) -> None:
    """To the second, and whatever was let through when it was applied for."""
    old = a_grant(desk)
    new = granted(desk, follow(desk, old.id))
    with desk.house.read() as work:
        row = work.db.get_one(GrantRow, new)
        work.db.expunge(row)
        row.succession, row.starts_at = kind, old.ends_at + timedelta(seconds=starts)
        row.ends_at = row.starts_at + timedelta(days=90)
        said = {reason.code for reason in succession.objections(work, row)}
    assert said - {"successor-not-started"} == ({expected} if expected else set())


@pytest.mark.parametrize(("kind", "carried"), [("amendment", 60), ("renewal", 0), ("new", 0)])
def test_only_an_amendment_goes_on_with_what_was_used(desk: Desk, kind: str, carried: int) -> None:
    old = a_grant(desk, quotas={"rows": 100})
    _charge(desk, old.id, 60)
    new = granted(desk, follow(desk, old.id))
    with desk.house.read() as work:
        row, before = work.db.get_one(GrantRow, new), work.db.get_one(GrantRow, old.id)
        work.db.expunge(row)
        row.succession = kind
        assert succession.take_over(row, before).get("rows", 0) == row.carried_rows == carried


def _report(desk: Desk, grant: GrantRead) -> None:
    with desk.write("officer") as (work, actor):
        duties.report_early(work, actor, grant.id, duties.DutyAnswer(text="按约定用途使用，无异常情况。"))


def test_copy_is_a_new_draft_of_the_same_content_and_of_ones_own(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    with desk.write("applicant") as (work, actor):
        made = applications.copy(work, actor, found.id, assets=desk.assets)
    assert (made.state, made.turn, made.succession, made.agreement_hash) == (State.DRAFT, 0, "new", "")
    assert made.lines[0].columns == found.lines[0].columns
    for who in ("applicant2", "screener"):
        with pytest.raises(AppError), desk.write(who) as (work, actor):
            applications.copy(work, actor, found.id, assets=desk.assets)


class AnyHistoryOfGrants(RuleBasedStateMachine):
    """Grants of one holder on one line, through the real service: amended, charged, suspended, revoked in any order."""

    house: House
    clock: TestClock

    @initialize()
    def fresh(self) -> None:
        self.desk = a_desk(self.house) if not hasattr(type(self), "known") else type(self).known
        type(self).known = self.desk  # type: ignore[attr-defined]
        for grant in self._all():
            with suppress(AppError), self.desk.write("watch") as (work, actor):
                service.revoke(work, actor, GrantId(grant.id), GrantStep(note="前一历史结束"))
        self.charged: dict[str, int] = {}
        self.ids = [a_grant(self.desk, quotas={"rows": 50}).id]

    def _all(self) -> list[GrantRow]:
        with self.house.read() as work:
            return list(work.db.exec(select(GrantRow)))

    @rule(rows=st.integers(1, 40), which=st.integers(0, 9))
    def charge(self, rows: int, which: int) -> None:
        grant_id = self.ids[which % len(self.ids)]
        with suppress(AppError):
            _charge(self.desk, grant_id, rows)
            self.charged[grant_id] = self.charged.get(grant_id, 0) + rows

    @rule(quota=st.integers(10, 90), which=st.integers(0, 9))
    def amend(self, quota: int, which: int) -> None:
        with suppress(AppError):
            draft = follow(self.desk, self.ids[which % len(self.ids)], quotas={"rows": quota})
            self.ids.append(granted(self.desk, draft))

    @rule(which=st.integers(0, 9))
    def activate(self, which: int) -> None:
        with suppress(AppError):
            activated(self.desk, self.ids[which % len(self.ids)])

    @rule(which=st.integers(0, 9), act=st.sampled_from(["suspend", "resume"]))
    def stop_or_go(self, which: int, act: str) -> None:
        who = "watch" if act == "suspend" else "watch2"
        with suppress(AppError), self.desk.write(who) as (work, actor):
            grant_id = GrantId(self.ids[which % len(self.ids)])
            getattr(service, act)(work, actor, grant_id, GrantStep(note="例行核查"))

    @rule()
    def time_passes(self) -> None:
        self.clock.now += timedelta(hours=1)

    @invariant()
    def one_counts_at_a_time_and_every_row_is_accounted(self) -> None:
        if not hasattr(self, "ids"):
            return
        with self.house.read() as work:
            views = [queries.view(work, GrantId(grant_id)) for grant_id in self.ids]
            rows = [queries.row(work, GrantId(grant_id)) for grant_id in self.ids]
            events = {
                row.id: sum(event.rows for event in usage.events(work, GrantId(row.id))) for row in rows
            }
            effective = [view.id for view in views if not rules.effective(view, work.now)]
        assert len(effective) <= 1
        for row in rows:
            assert row.used_rows == events[row.id] == self.charged.get(row.id, 0)
            assert min(row.used_rows, row.carried_rows) >= 0
            assert row.used_rows == 0 or row.used_rows + row.carried_rows <= (row.quota_rows or 0)


def test_any_history_of_grants_keeps_one_in_force_and_every_charge(
    sqlite_house: House, clock: TestClock
) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (AnyHistoryOfGrants,), {"house": sqlite_house, "clock": clock})
    few = settings(
        max_examples=4, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=few)  # type: ignore[no-untyped-call]
