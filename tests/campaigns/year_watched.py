"""What it costs to watch over a seeded year, and whether its sums agree, its histories replay and its record verifies offline."""

from __future__ import annotations

import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlmodel import col, func, select

from api.disclosing import pack as disclosure_pack
from api.house import House
from api.lookups import assets
from api.routes.selfchecks import around
from auth.actor import Actor
from auth.applications.tables import ApplicationRow
from auth.audit import AuditEventRow
from auth.casework.tables import CaseEventRow
from auth.grants.tables import GrantRow, UsageEventRow, UsageMonthRow
from auth.policy.limits import limits
from auth.profile import service as profiles
from auth.profile.model import Number
from auth.profile.now import profile
from auth.proof import export
from auth.proof.checkpoint import Place
from auth.proof.offline import verify_pack
from auth.selfcheck import service as selfchecks
from auth.supervision import ledger as reading
from auth.supervision.dashboard import dashboard
from auth.supervision.disclosure import disclosure
from core.work import Work
from datasets import matrix
from tests.auth import case_replay
from tests.auth.applications import replay as application_replay
from tests.campaigns.year import YEAR, Year
from tests.people import actor_of

SELF_CHECK: Final = ("self_check_span_days", "self_check_unused_days")


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

    for name, more in (("profile dry run", ()), ("profile dry run, other self-check limits", SELF_CHECK)):
        found[name] = timed(reads(partial(_dry_run, house, more)), 3)

    def take_pack() -> None:
        with house.write() as work:
            disclosure_pack(work, actor_of(work, "auditor"), YEAR)

    found["disclosure pack"] = timed(take_pack, 3)
    year.seal()
    found["agreement"] = agreement(house)
    found["replayed"] = replayed(house)
    found["offline"] = offline(house)
    return found


def _dry_run(house: House, more: tuple[str, ...], work: Work, actor: Actor) -> None:
    """What the page and the route of a dry run ask for, for the profile in force with other numbers."""
    present = profile(work)
    others = {key: Number(value=present.limits()[key] + 1, source="dry run") for key in more}
    proposed = present.model_copy(update={"numbers": present.numbers | others})
    profiles.dry_run(work, proposed, assets=partial(assets, work))
    selfchecks.changed(work, actor, proposed, around(house))


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
    """What is stored of each application, grant, case and ledger, taken again from the beginning by the printed tables (docs/workflow.md,
    docs/machines.md): it ends in the row that is read now, or AssertionError."""
    with house.read() as work:
        wrong = (*application_replay.flaws(work), *case_replay.flaws(work, whole=True))
        assert not wrong, wrong[:5]
        found = {
            name: work.db.exec(select(func.count()).select_from(rows)).one()
            for name, rows in (("applications", ApplicationRow), ("grants", GrantRow))
        }
        told = select(func.count(func.distinct(CaseEventRow.case_id)))
        found["cases"] = work.db.exec(told).one()
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
