"""What tests of tickets and waivers share: judged batches without the engine, and people who sign.

The verdict of a batch is made by hand (`judged`), so that the life of tickets is tested without importing the quality
engine; the whole way with real files is in `test_cycle.py`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from api.house import House
from core.work import Work
from datasets.batches import rules as batch_rules
from datasets.batches import service as batches
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchStep
from datasets.tickets import following, queries
from datasets.tickets.models import TicketRead
from datasets.waivers import cover
from datasets.waivers import service as waivers
from datasets.waivers.models import WaiverCreate, WaiverNote, WaiverRead
from quality.service import current_suite, store_verdict
from quality.suite import Suite
from quality.verdict import Outcome, Verdict, decide, statistics
from tests.datasets.parking import DATASET, a_parking_dataset
from tests.people import a_person, actor_of

INTAKE: Final = {
    "input": {"format": "csv"}, "findings": [], "findings_total": 0, "columns": [],
    "preview": {"columns": [], "first": [], "last": []},
}  # fmt: skip
PHONES: Final = {
    "type": "expect_column_values_to_hold_no_phone_numbers",
    "kwargs": {"column": "name"},
    "meta": {"rule_id": "P1"},
}


@cache
def _set_once() -> Path:
    """A folder that lives as long as the run, for the stage's database."""
    folder = Path(tempfile.mkdtemp(prefix="dg-stage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "stage.db"


def a_stage(house: House) -> None:
    """The parking dataset, and beside its people an approver, a third steward and a catalogue administrator.

    On SQLite it is set once and copied afterwards: the house must be fresh.
    """
    url, ready = house.engine.url, _set_once()
    if url.get_backend_name() != "sqlite" or url.database is None:
        _set(house)
    elif ready.exists():
        house.engine.dispose()
        shutil.copyfile(ready, url.database)
    else:
        _set(house)
        with house.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(url.database, ready)


def _set(house: House) -> None:
    with house.write() as work:
        a_parking_dataset(work)
        a_person(work, "chief", "bureau", ["approver"])
        a_person(work, "third", "traffic", ["steward"])
        a_person(work, "keeper", "bureau", ["catalog_admin"])


_count = iter(range(1, 1_000_000))


def judged(
    house: House,
    who: str = "lin",
    fails: dict[str, int] | None = None,
    corrects: str | None = None,
    **how: Any,
) -> BatchRow:
    """A batch of 100 rows that fails the rules named in `fails`, each in so many rows."""
    stored = house.files.put([f"lot\nP{next(_count)}\n".encode()])
    with house.write() as work:
        made = batches.receive(
            work, actor_of(work, who), DATASET, "lots.csv", stored, corrects=corrects, **how
        )
    return judge(house, made.id, fails)


def judge(house: House, batch_id: str, fails: dict[str, int] | None = None) -> BatchRow:
    """What the check does with a verdict, in one transaction."""
    with house.write() as work:
        row = work.db.get_one(BatchRow, batch_id)
        batches.move(
            work,
            row,
            BatchStep.TYPE,
            rows=100,
            untyped_cells=0,
            content_sha256="c" * 64,
            intake=INTAKE,
        )
        suite = current_suite(work, DATASET)
        assert suite is not None
        verdict = a_verdict(Suite.from_data(suite.suite), fails or {})
        stored = store_verdict(
            work, subject="c" * 64, batch_id=row.id, suite_version_id=suite.id, verdict=verdict
        )
        found = cover.standing(work, row, verdict)
        step = batch_rules.gate_step(
            verdict.verdict, len(found.unsigned), 0, waived=len(found.applied), blocking=len(found.blocking)
        )
        batches.move(
            work, row, step, verdict_id=stored.id, verdict=verdict.verdict, suite_version_id=suite.id,
            suite_number=suite.number, waivers=list(found.applied),
        )  # fmt: skip
        following.after_check(work, row, verdict, found)
        return row


def a_verdict(suite: Suite, fails: dict[str, int]) -> Verdict:
    outcomes = []
    for rule in suite.expectations:
        bad = fails.get(str(rule.meta.get("rule_id")), 0)
        outcomes.append(
            Outcome(
                type=rule.type, kwargs=rule.kwargs, severity=rule.severity, meta=rule.meta,
                outcome="failed" if bad else "passed", element_count=100, unexpected_count=bad,
            )
        )  # fmt: skip
    return Verdict(
        verdict=decide(outcomes), engine="duckdb", gx_version="1", rows=100, expectations=outcomes,
        statistics=statistics(outcomes),
    )  # fmt: skip


def the_ticket(house: House, rule_key: str = "K2") -> TicketRead:
    """The rule's newest ticket."""
    with house.read() as work:
        row = queries.latest_of_rule(work, DATASET, rule_key)
        assert row is not None
        return queries.read(work, row)


def a_waiver(
    house: House,
    rule_key: str = "K2",
    *,
    signer: str = "zhou",
    second: str | None = "chief",
    days: int = 30,
    **how: Any,
) -> WaiverRead:
    """Signed, and seconded unless said otherwise."""
    with house.write() as work:
        made = waivers.sign(work, actor_of(work, signer), an_ask(work, rule_key, days, **how))
    if second is None:
        return made
    with house.write() as work:
        return waivers.second(work, actor_of(work, second), made.id, WaiverNote(note="同意"))


def an_ask(work: Work, rule_key: str, days: int = 30, **how: Any) -> WaiverCreate:
    ends = (work.now + timedelta(days=days)).date()
    body = {
        "dataset_id": DATASET,
        "rule_key": rule_key,
        "reason": "历史数据，源系统年底前改造",
        "valid_to": ends,
    }
    return WaiverCreate.model_validate(body | how)
