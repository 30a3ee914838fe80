"""kill -9 of worker and server at random instants of intake, validation and publishing: nothing lost, half or doubled.

`DATAGRANT_KILLS=200 pytest tests/crash/test_kill_anywhere.py` plays it longer; DATAGRANT_KILL_SEED chooses other instants.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from auth import audit
from auth.audit import AuditEventRow
from core.jobs import JobRow, JobState
from core.outbox import OutboxRow
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from datasets.content import content_digest
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from quality.tables import VerdictRow
from tests.crash.harness import Plant, Victim, until
from tests.datasets.parking import DATASET, a_parking_dataset

KILLS = int(os.environ.get("DATAGRANT_KILLS", "22"))
ROUNDS = math.ceil(KILLS / 22)  # one round: 4 while files come in, 9 during checks, 9 while publishing
UPLOADS, CHECKS = 4 * ROUNDS, 9 * ROUNDS
SEED = int(os.environ.get("DATAGRANT_KILL_SEED", "20261123"))
pytestmark = [
    pytest.mark.crash, pytest.mark.gx, pytest.mark.slow, pytest.mark.timeout(600 * ROUNDS)
]  # fmt: skip
ROWS = 60_000


def a_file(number: int) -> bytes:
    """A clean file of its own bytes."""
    lines = (
        f"L{number}-{row},场{row % 97},{row % 400 + 1},{row % 50},2026-03-{row % 28 + 1:02d}"
        for row in range(ROWS)
    )
    return ("lot,name,total,free,day\n" + "\n".join(lines) + "\n").encode()


@dataclass
class Ledger:
    """What the outside world was told."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    made = Plant(tmp_path_factory.mktemp("plant") / "data")
    with made.house.write() as work:
        a_parking_dataset(work)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger()


def hand_in(plant: Plant, ledger: Ledger, number: int, *, slowly: bool = False) -> None:
    """Send one file; note the receipt if one was answered. A cut connection is the sender's only sign of trouble."""
    data = a_file(number)
    ledger.sent[hashlib.sha256(data).hexdigest()] = f"lots{number}.csv"

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), 200_000):
            yield data[start : start + 200_000]
            time.sleep(0.03 if slowly else 0)

    try:
        with plant.client("lin") as client:
            params = {"dataset_id": DATASET, "name": f"lots{number}.csv"}
            answer = client.post("/api/v1/batches", content=chunks(), params=params)
    except httpx2.TransportError:
        return
    assert answer.status_code in (201, 409), answer.text
    if answer.status_code == 201:
        ledger.receipts.append(answer.json())


def strike(plant: Plant, chance: random.Random, phase: str, job_id: str, victim: Victim) -> None:
    """Kill at a random progress of the job, or a moment after."""
    at = chance.random()
    until(
        lambda: (
            (job := plant.job(job_id)).state not in ("queued",)
            and (job.progress >= at * 0.9 or job.ended_at is not None)
        ),
        90,
        "no progress",
    )
    time.sleep(chance.random() * 0.15)
    plant.kill(victim, phase)


def test_a_server_killed_while_files_come_in_loses_no_receipt(plant: Plant, ledger: Ledger) -> None:
    chance = random.Random(SEED)  # noqa: S311 - instants, no secret
    for number in range(UPLOADS):
        sender = threading.Thread(target=hand_in, args=(plant, ledger, number), kwargs={"slowly": True})
        sender.start()
        time.sleep(chance.random() * 0.9)
        plant.kill("server", "upload")
        sender.join()
    for number in range(UPLOADS):
        hand_in(plant, ledger, number)
    plant.settle(120 * ROUNDS)
    assert_nothing_lost(plant, ledger)


def test_a_check_killed_anywhere_goes_on_to_its_verdict(plant: Plant, ledger: Ledger) -> None:
    chance = random.Random(SEED + 1)  # noqa: S311
    for number in range(UPLOADS, UPLOADS + CHECKS):
        hand_in(plant, ledger, number)
        job_id = ledger.receipts[-1]["job_id"]
        strike(plant, chance, "check", job_id, "server" if number % 5 == 0 else "worker")
    plant.settle(180 * ROUNDS)
    assert_nothing_lost(plant, ledger)


def test_publishing_killed_anywhere_is_whole_or_not_at_all(plant: Plant, ledger: Ledger) -> None:
    chance = random.Random(SEED + 2)  # noqa: S311
    with plant.house.read() as work:
        passed = list(
            work.db.exec(
                select(BatchRow).where(BatchRow.state == BatchState.PASSED).order_by(BatchRow.number)
            )
        )
    assert len(passed) >= CHECKS
    for place, batch in enumerate(passed[:CHECKS]):
        with plant.client("zhou") as client:
            asked = client.post(
                "/api/v1/releases", json={"batch_id": batch.id, "version": batch.version}
            ).json()
        strike(plant, chance, "publish", asked["job_id"], "server" if place % 4 == 1 else "worker")
        plant.settle()
        assert_nothing_half(plant)
    with plant.house.read() as work:
        states = [row.state for row in work.db.exec(select(ReleaseRow).order_by(ReleaseRow.number))]
    assert states == [ReleaseState.SUPERSEDED] * (CHECKS - 1) + [ReleaseState.PUBLISHED]


def test_it_was_killed_often_enough_and_every_job_came_to_its_end(plant: Plant) -> None:
    sys.stderr.write(f"seed {SEED}: {len(plant.kills)} of {KILLS} kills struck: {Counter(plant.kills)}\n")
    assert len(plant.kills) >= 0.9 * KILLS  # a worker that had just died cannot be killed again
    assert {victim for victim, _ in plant.kills} == {"worker", "server"}
    with plant.house.read() as work:
        jobs = list(work.db.exec(select(JobRow)))
        assert {job.state for job in jobs} == {JobState.DONE}
        assert max(job.attempts for job in jobs) >= 2
        assert audit.verify(work)[1] is None
    stage = plant.house.settings.files_dir / "stage" / "jobs"
    until(lambda: not stage.exists() or not list(stage.iterdir()), 5, "rooms of dead jobs are left")


def assert_nothing_lost(plant: Plant, ledger: Ledger) -> None:
    """Every receipt has its batch and its bytes; every batch came from a file sent, once, with one verdict."""
    with plant.house.read() as work:
        rows = {row.id: row for row in work.db.exec(select(BatchRow))}
        verdicts = [row.batch_id for row in work.db.exec(select(VerdictRow))]
        received = [
            row.subject
            for row in work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "batch.received"))
        ]
    for receipt in ledger.receipts:
        row = rows[receipt["id"]]
        assert (row.sha256, row.size_bytes) == (receipt["sha256"], receipt["size_bytes"])
    assert sorted(row.sha256 for row in rows.values()) == sorted(ledger.sent)
    assert sorted(received) == sorted(rows)
    for row in rows.values():
        assert plant.house.files.verify(row.sha256)
        assert row.state == BatchState.PASSED
    assert sorted(verdicts) == sorted(rows)


def assert_nothing_half(plant: Plant) -> None:
    """Every published release is whole, and says the same everywhere."""
    with plant.house.read() as work:
        releases = list(work.db.exec(select(ReleaseRow)))
        events = [
            row.subject
            for row in work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "release.published"))
        ]
        posted = [
            row.subject
            for row in work.db.exec(select(OutboxRow).where(OutboxRow.topic == "release.published"))
        ]
        batches = {row.id: row for row in work.db.exec(select(BatchRow))}
    shown = [row for row in releases if row.state in (ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED)]
    assert sorted(events) == sorted(posted) == sorted(row.id for row in shown)
    assert sum(row.state == ReleaseState.PUBLISHED for row in shown) == 1
    assert len({row.batch_id for row in shown}) == len(shown)
    for row in shown:
        assert row.sha256
        assert row.manifest_sha256
        assert plant.house.files.verify(row.sha256)
        assert plant.house.files.verify(row.manifest_sha256)
        path: Path = plant.house.files.path(row.sha256)
        assert pq.ParquetFile(path).metadata.num_rows == row.rows == ROWS
        assert content_digest(path) == row.content_sha256
        assert batches[row.batch_id].state == BatchState.RELEASED
