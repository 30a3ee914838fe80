"""The usage ledger: its lines, the quota counters and the report totals agree whatever happens, and refusals stand in it too."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import select

from api.house import House
from auth.grants import ledger, usage
from auth.grants.ledger import Taking
from auth.grants.reading import GrantRead
from auth.grants.tables import GrantRow, UsageEventRow, UsageMonthRow
from auth.supervision import ledger as reading
from auth.supervision.dashboard import a_year_to, dashboard
from auth.supervision.ledger import Wish
from core.errors import AccessRefused, QuotaExceeded
from core.ids import GrantId
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant

UNITS = ("extracts", "rows", "bytes")


def agree(house: House, first: str, last: str) -> None:
    """Sums over lines == quota counters == monthly sums == what the dashboard says, for every grant."""
    with house.read() as work:
        lines: dict[str, Counter[str]] = {}
        for line in work.db.exec(select(UsageEventRow)):
            held = lines.setdefault(line.grant_id, Counter())
            for unit in (*UNITS, "sent_bytes"):
                held[unit] += getattr(line, unit)
        months: dict[str, Counter[str]] = {}
        for month in work.db.exec(select(UsageMonthRow)):
            held = months.setdefault(month.grant_id, Counter())
            for unit in (*UNITS, "sent_bytes"):
                held[unit] += getattr(month, unit)
        total: Counter[str] = Counter()
        for grant in work.db.exec(select(GrantRow)):
            used = {unit: getattr(grant, f"used_{unit}") for unit in UNITS}
            assert {unit: lines.get(grant.id, Counter())[unit] for unit in UNITS} == used
            assert {unit: months.get(grant.id, Counter())[unit] for unit in UNITS} == used
            total.update(used)
        found = dashboard(work, first, last)
        for part in (found.months, found.datasets, found.orgs, [found.total]):
            assert {unit: sum(getattr(row, unit) for row in part) for unit in UNITS} == {
                unit: total[unit] for unit in UNITS
            }
        assert sum(held["sent_bytes"] for held in lines.values()) == found.total.sent_bytes
        sums = reading.sums(work, Wish())
        assert {unit: getattr(sums, unit) for unit in UNITS} == {unit: total[unit] for unit in UNITS}


def _make_machine(house: House, clock: TestClock, grants: list[GrantRead]) -> Any:
    class AnythingIsTaken(RuleBasedStateMachine):
        """Charges, deliveries, refunds, downloads and refusals in any order, with time going on."""

        @initialize()
        def begin(self) -> None:
            self.subjects: list[tuple[str, GrantId]] = []

        def _grant(self, which: int) -> GrantId:
            return GrantId(grants[which % len(grants)].id)

        @rule(which=st.integers(0, 3), rows=st.integers(0, 60), fails=st.booleans())
        def take(self, which: int, rows: int, fails: bool) -> None:
            grant, subject = self._grant(which), house.new_id()
            with suppress(QuotaExceeded, AccessRefused, RuntimeError), house.write() as work:
                usage.charge(work, grant, extracts=1, subject=subject)
                usage.charge(
                    work, grant, rows=rows, bytes=rows * 7, subject=subject, delivers=True,
                    taking=Taking("p", "analyst", "10.0.0.0/24", columns=("venue_id", "rooms")),
                )  # fmt: skip
                if fails:
                    raise RuntimeError("the transaction does not commit")
                self.subjects.append((subject, grant))

        @precondition(lambda self: self.subjects)
        @rule(rows=st.integers(0, 90))
        def give_back(self, rows: int) -> None:
            subject, grant = self.subjects[-1]
            with suppress(ValueError), house.write() as work:
                usage.refund(work, grant, rows=rows, subject=subject)

        @precondition(lambda self: self.subjects)
        @rule(sent=st.integers(0, 5000))
        def send(self, sent: int) -> None:
            subject, grant = self.subjects[0]
            with house.write() as work:
                ledger.enter(work, grant, ledger.DOWNLOAD, subject=subject)
                ledger.add_sent(work, grant, subject, sent, "")

        @rule(which=st.integers(0, 3))
        def refuse(self, which: int) -> None:
            with house.write() as work:
                ledger.enter(work, self._grant(which), ledger.REFUSED, subject="x", reasons=("columns",))

        @rule(days=st.integers(1, 40))
        def wait(self, days: int) -> None:
            clock.forward(days=days)

        @invariant()
        def all_sums_agree(self) -> None:
            agree(house, "2026-01", "2040-12")

    return AnythingIsTaken


@pytest.mark.slow
@pytest.mark.parametrize("runs", [12])
def test_lines_counters_and_reports_agree_whatever_happens(house: House, clock: TestClock, runs: int) -> None:
    desk = a_desk(house)
    grants = [a_grant(desk, quotas={"extracts": 40, "rows": 900}), a_grant(desk, scenario_id="weather")]
    machine = _make_machine(house, clock, grants)
    kept = settings(
        max_examples=runs if house.engine.dialect.name == "sqlite" else runs // 4, stateful_step_count=12, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=kept)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _take(desk: Desk, grant: GrantRead, columns: tuple[str, ...], subject: str = "x-1") -> None:
    with desk.write("analyst") as (work, actor):
        taking = Taking.by(actor, purpose="risk-pricing", scenario_id="safety", columns=columns)
        usage.charge(
            work, grant.id, rows=10, bytes=700, subject=subject, taking=taking, delivers=True
        )  # fmt: skip


def test_a_line_says_who_took_what(desk: Desk) -> None:
    grant = a_grant(desk)
    _take(desk, grant, ("venue_id",))
    with desk.read("auditor") as (work, _):
        found, sums = reading.lines(work, Wish(org_id="insurer", kind="delivery"))
    assert (sums.lines, sums.rows, sums.bytes) == (1, 10, 700)
    (line,) = found
    assert (line.account, line.person_en, line.org_id, line.dataset_id) == (
        "analyst", "Analyst", "insurer", "DP-BC-002",
    )  # fmt: skip
    assert (line.purpose, line.columns) == ("risk-pricing", ["venue_id"])


def test_filters_find_and_leave_out(desk: Desk) -> None:
    grant = a_grant(desk)
    _take(desk, grant, ("venue_id",))
    with desk.read("auditor") as (work, _):
        for wish, expected in (
            (Wish(grant_id=grant.id), 1), (Wish(dataset_id="DP-BC-002"), 1), (Wish(account="analyst"), 1),
            (Wish(purpose="risk-pricing"), 1), (Wish(scenario_id="safety"), 1), (Wish(org_id="mapper"), 0),
            (Wish(since=work.now), 1), (Wish(until=work.now), 0), (Wish(kind="refused"), 0),
        ):  # fmt: skip
            assert reading.sums(work, wish).lines == expected, wish


def test_columns_for_statistics_that_nobody_asked_about_are_too_much(desk: Desk, clock: TestClock) -> None:
    uses = {
        "rooms": "aggregate_only",
        "area_m2": "aggregate_only",
        "venue_id": "join_only",
        "is_open": "filter_only",
    }
    columns = [{"name": name, "use": use, "reason": "需要计算风险用于定价"} for name, use in uses.items()]
    grant = a_grant(desk, columns=columns, forms=["query_agg", "verify"])
    clock.forward(days=100)
    _take(desk, grant, ("rooms",))
    with desk.read("auditor") as (work, _):
        (broad,) = dashboard(work, *a_year_to(clock())).over_broad
    assert broad.columns == ["area_m2", "venue_id"]


def test_a_grant_without_delivery_is_dormant_and_one_with_unread_columns_too_broad(
    desk: Desk, clock: TestClock
) -> None:
    idle, used = a_grant(desk), a_grant(desk, scenario_id="weather")
    clock.forward(days=80)
    _take(desk, used, ("venue_id", "rooms"))
    first, last = a_year_to(clock())
    with desk.read("auditor") as (work, _):
        before = dashboard(work, first, last)
    assert before.dormant == before.over_broad == []
    assert (before.idle_grants, before.idle_share) == (0, 0.0)
    clock.forward(days=11)
    with desk.read("auditor") as (work, _):
        found = dashboard(work, *a_year_to(clock()))
    assert [row.grant_id for row in found.dormant] == [idle.id]
    assert (found.idle_grants, found.idle_share) == (1, 0.5)
    (broad,) = found.over_broad
    assert broad.grant_id == used.id
    assert "venue_id" not in broad.columns
    assert "area_m2" in broad.columns
    clock.forward(days=230)
    with desk.read("auditor") as (work, _):
        ending = dashboard(work, *a_year_to(clock())).ending
    assert {row.grant_id for row in ending} == {idle.id, used.id}


def test_a_refused_charge_leaves_no_line(desk: Desk) -> None:
    grant = a_grant(desk, quotas={"rows": 5})
    with pytest.raises(QuotaExceeded):
        _take(desk, grant, ("venue_id",))
    with desk.read("auditor") as (work, _):
        assert reading.sums(work, Wish()).lines == 0


def test_taking_the_ledger_out_is_an_event_with_its_filter(desk: Desk) -> None:
    grant = a_grant(desk)
    _take(desk, grant, ("venue_id",))
    with desk.write("auditor") as (work, actor):
        assert len(list(reading.taken_out(work, actor, Wish(org_id="insurer"), "csv"))) == 1
    from auth import audit_reading

    with desk.read("auditor") as (work, _):
        (event,), _total = audit_reading.events(work, kind="usage.exported")
    assert json.loads(event.payload) == {"form": "csv", "filter": {"org_id": "insurer"}, "lines": 1}


def test_only_watchers_may_read(desk: Desk) -> None:
    with desk.read("applicant") as (_, actor), pytest.raises(AccessRefused):
        actor.demand("auth:usage:read")
