"""What it costs to watch over a seeded year, and whether its sums agree, its histories replay and its record verifies offline."""

from __future__ import annotations

import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import col, func, select

from api.disclosing import pack as disclosure_pack
from api.house import House
from auth.actor import Actor
from auth.applications import workflow as application_flow
from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.audit import AuditEventRow
from auth.grants import workflow as grant_flow
from auth.grants.tables import GrantEventRow, GrantRow, UsageEventRow, UsageMonthRow
from auth.policy.limits import limits
from auth.proof import export
from auth.proof.checkpoint import Place
from auth.proof.offline import verify_pack
from auth.supervision import ledger as reading
from auth.supervision.dashboard import dashboard
from auth.supervision.disclosure import disclosure
from core.work import Work
from datasets import matrix
from tests.campaigns.year import YEAR, Year
from tests.people import actor_of


def timed(what: Callable[[], Any], times: int = 5) -> dict[str, float]:
    """The median and the slowest of some runs, in milliseconds, the first one of them; and the least processor time of one."""
    spent, cost = [], []
    for _ in range(times):
        begun, before = time.perf_counter(), time.process_time()
        what()
        spent.append((time.perf_counter() - begun) * 1000)
        cost.append((time.process_time() - before) * 1000)
    found = {"median_ms": statistics.median(spent), "slowest_ms": max(spent), "processor_ms": min(cost)}
    return {name: round(value, 1) for name, value in found.items()}


def measure(year: Year) -> dict[str, Any]:
    """What watching over the year costs, and whether its sums agree."""
    house = year.house

    def reads(act: Callable[[Work, Actor], Any]) -> Callable[[], None]:
        def run() -> None:
            with house.read() as work:
                act(work, actor_of(work, "auditor"))

        return run

    scenarios = list(limits().scenarios)
    found: dict[str, Any] = {
        "dashboard": timed(reads(lambda work, _: dashboard(work, f"{YEAR}-01", f"{YEAR}-12"))),
        "ledger page": timed(reads(lambda work, _: reading.lines(work, reading.Wish()))),
        "ledger page, one enterprise": timed(reads(lambda work, _: reading.lines(work, reading.Wish(org_id="firm-0")))),
        "matrix": timed(reads(lambda work, actor: matrix.matrix(work, actor, scenarios))),
        "disclosure": timed(reads(lambda work, _: disclosure(work, YEAR))),
    }  # fmt: skip

    def take_pack() -> None:
        with house.write() as work:
            disclosure_pack(work, actor_of(work, "auditor"), YEAR)

    found["disclosure pack"] = timed(take_pack, 3)
    year.seal()
    found["agreement"] = agreement(house)
    found["replayed"] = replayed(house)
    found["offline"] = offline(house)
    return found


def agreement(house: House) -> dict[str, int]:
    """Sums over lines, counters, months and disclosure: one number each, or AssertionError."""
    with house.read() as work:
        lines = work.db.exec(
            select(func.count(), func.sum(UsageEventRow.bytes), func.sum(UsageEventRow.rows))
        ).one()
        counters = work.db.exec(select(func.sum(GrantRow.used_bytes), func.sum(GrantRow.used_rows))).one()
        months = work.db.exec(select(func.sum(UsageMonthRow.bytes), func.sum(UsageMonthRow.rows))).one()
        told = disclosure(work, YEAR)
        seen = dashboard(work, f"{YEAR}-01", f"{YEAR}-12").total
        events = work.db.exec(select(func.max(AuditEventRow.seq))).one()
    sums = [tuple(map(int, each)) for each in (lines[1:], counters, months)]
    sums += [(told.figures["bytes"], told.figures["rows"]), (seen.bytes, seen.rows)]
    assert len(set(sums)) == 1, sums
    return {"lines": int(lines[0]), "bytes": sums[0][0], "rows": sums[0][1], "audit_events": int(events or 0)}


def replayed(house: House) -> dict[str, int]:
    """What is stored of each application, grant and ledger, taken again from the beginning: it ends in the row that is read now, or AssertionError."""
    with house.read() as work:
        found = {}
        for name, events, rows, moves, owner in (
            ("applications", ApplicationEventRow, ApplicationRow, application_flow.MOVES, "application_id"),
            ("grants", GrantEventRow, GrantRow, grant_flow.MOVES, "grant_id"),
        ):
            at: dict[str, str] = {}
            known = {(state.value, step.value): move.to.value for (state, step), move in moves.items()}
            for event in work.db.exec(select(events).order_by(col(events.version))):  # type: ignore[attr-defined]
                subject = getattr(event, owner)
                assert event.from_state == at.get(subject, "")
                begins = not event.from_state
                assert begins or known[event.from_state, event.step] == event.to_state
                at[subject] = event.to_state
            assert at == {row.id: row.state for row in work.db.exec(select(rows))}  # type: ignore[attr-defined]
            found[name] = len(at)
        sums = [
            func.sum(col(each)) for each in (UsageEventRow.extracts, UsageEventRow.rows, UsageEventRow.bytes)
        ]
        lines = work.db.exec(select(UsageEventRow.grant_id, *sums).group_by(col(UsageEventRow.grant_id)))  # type: ignore[call-overload]
        taken = {grant: tuple(map(int, each)) for grant, *each in lines}
        for row in work.db.exec(select(GrantRow)):
            assert taken.get(row.id, (0, 0, 0)) == (row.used_extracts, row.used_rows, row.used_bytes)
        return found | {"ledgers": len(taken)}


def offline(house: House) -> dict[str, Any]:
    """The whole record taken out, and verified with nothing but its files."""
    with tempfile.TemporaryDirectory() as room:
        packed, folder = Path(room) / "evidence.zip", Path(room) / "evidence"
        with house.read() as work:
            export.pack(work, Place.of(house.settings), packed)
        with zipfile.ZipFile(packed) as source:
            source.extractall(folder)
        begun = time.perf_counter()
        checked = verify_pack(folder)
        spent = time.perf_counter() - begun
    assert not checked.flaws, checked.flaws
    return {"events": checked.events, "seconds": round(spent, 2)}
