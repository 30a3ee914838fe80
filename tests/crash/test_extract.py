"""kill -9 of worker and server at random instants of an extract: each is made once, charged once, or not at all."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from auth import audit
from auth.grants import usage
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from core.jobs import JobRow
from core.outbox import OutboxRow
from datasets.extracts.tables import ExtractRow
from tests.crash.harness import Plant, Victim, until
from tests.datasets.extracts.scene import COLUMNS, Scene, a_scene

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]
SEED = 20261124
ROWS = 300_000
VICTIMS: list[Victim] = ["worker", "server", "worker", "worker", "server", "worker"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, Scene]]:
    plant = Plant(tmp_path_factory.mktemp("plant") / "data")
    today = plant.house.clock().astimezone(LOCAL).date()
    made = a_scene(
        plant.house, table=_a_large_table(), starts_on=today, ends_on=today + timedelta(days=300),
        quotas={"extracts": len(VICTIMS), "rows": ROWS * len(VICTIMS)},
    )  # fmt: skip
    with plant.house.write() as work:
        work.db.get_one(OrganisationRow, "insurer").licence_valid_to = today + timedelta(days=900)
    plant.start()
    yield plant, made
    plant.stop()


def _a_large_table() -> pa.Table:
    numbers = pa.array(range(ROWS), pa.int64())
    text = pa.array([f"{hashlib.md5(str(n).encode()).hexdigest()}" for n in range(ROWS)])  # noqa: S324 - filling
    values = {kind: numbers.cast(kind) for kind in (pa.int64(), pa.float64())} | {pa.string(): text}
    columns = {name: values.get(kind, pa.nulls(ROWS, kind)) for name, *_, kind in COLUMNS}
    return pa.table(columns).append_column("__row__", numbers)


def test_extracts_killed_anywhere_are_made_and_charged_once(scene: tuple[Plant, Scene]) -> None:
    plant, desk = scene
    chance = random.Random(SEED)  # noqa: S311 - instants, no secret
    asked = []
    for victim in VICTIMS:
        with plant.client("analyst") as client:
            body = {"grant_id": desk.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
            answer = client.post("/api/v1/extracts", json=body)
        assert answer.status_code == 202, answer.text
        asked.append(answer.json()["id"])
        _strike(plant, chance, answer.json()["job_id"], victim)
        plant.settle()
        desk.checks()
    for extract_id in asked:
        _made_once(plant, extract_id)
    with plant.house.read() as work:
        events = usage.events(work, desk.grant_id)
        used = desk.view().used
        assert (used.extracts, used.rows) == (len(asked), ROWS * len(asked))
        assert (sum(e.extracts for e in events), sum(e.rows for e in events)) == (used.extracts, used.rows)
        assert sum(e.bytes for e in events) == used.bytes
        assert audit.verify(work)[1] is None
    assert len(desk.events("extract.delivered")) == len(asked)
    assert len(plant.kills) >= len(VICTIMS) - 1
    until(
        lambda: not list((plant.house.settings.files_dir / "stage").rglob("*.part")),
        30,
        "half-made files stay",
    )


def _strike(plant: Plant, chance: random.Random, job_id: str, victim: Victim) -> None:
    """Kill at a random progress, or a moment after."""
    at = chance.random() * 0.95

    def reached() -> bool:
        job: JobRow = plant.job(job_id)
        return job.state != "queued" and (job.progress >= at or job.ended_at is not None)

    until(reached, 90, "no progress")
    time.sleep(chance.random() * 0.2)
    plant.kill(victim, "extract")


def _made_once(plant: Plant, extract_id: str) -> None:
    with plant.house.read() as work:
        row = work.db.get_one(ExtractRow, extract_id)
        told = work.db.exec(
            select(OutboxRow).where(OutboxRow.topic == "extract.ready", OutboxRow.subject == extract_id)
        ).all()
    assert (row.state, row.rows, len(told)) == ("ready", ROWS, 1)
    assert row.sha256 is not None
    path: Path = plant.house.files.path(row.sha256)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256
    assert pq.read_metadata(path).num_rows == ROWS
    with plant.client("analyst") as client:
        assert client.head(f"/api/v1/extracts/{extract_id}/file").headers["content-length"] == str(
            row.size_bytes
        )
