"""A whole extract, from the plan to the signed receipt: `python -m tests.bench.job FOLDER`, on `release.parquet` there; prints JSON.

An installation of its own (SQLite, local files), a dataset of level 1 (nobody has to release the file), a grant on the bench's query (6 of 12
columns, a row filter, one pseudonym). The job runs in this process, as the worker would run it, and that has the file made by a process of its own; what is timed is the plan,
the request, and the job: decision, count, hash of the release, file, digest, charge, receipt. Two are made, one after the other: the process that makes the file begins with the first and was begun ahead for the
second, as in a worker, which keeps the next one begun. The receipt is verified afterwards.

rest_mb: what this process, which holds the whole program, had taken when the job began; grown_mb: what the job added to that; maker_mb: the peak of the other.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from sqlmodel import select

from api.house import House, open_house
from api.lookups import has_release, holds
from auth.grants import activating
from auth.grants.steps import GrantStep
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from catalog.assets import asset
from core.ids import DatasetId, GrantId
from core.jobs import JobRow
from core.jobs_run import context_for, in_place, perform
from core.settings import Settings
from datasets import carrying
from datasets.batches.tables import BatchRow
from datasets.extracts import apart, planning, service, signing
from datasets.extracts.models import ExtractCreate
from datasets.pipeline import extract_build
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from tests.bench.contestants import peak_mb
from tests.catalog.records import a_dataset
from tests.desk import Desk, a_desk, a_grant

CODE: Final = DatasetId("DP-BENCH-001")
PLAIN: Final = ("record_id", "obs_time", "province", "station", "amount")
_MAKER: Final = "datasets.extracts.apart"
FILTER: Final = {"op": "in", "column": "province", "values": [f"区{number:02d}" for number in range(6)]}
_PERSON: Final = {
    "account_id": "a", "person_id": "p", "username": "steward_a", "org_id": "parks", "name_zh": "甲", "name_en": "A",
}  # fmt: skip


def _kind(kind: str) -> str:
    return "integer" if kind.startswith("int") else "number" if kind in ("double", "float") else "string"


def a_house(room: Path, release: Path) -> tuple[House, Desk, GrantId]:
    house = open_house(Settings(data_dir=room, worker=False, demo=True))
    desk, schema = a_desk(house), pq.read_schema(release)
    kinds = {field.name: _kind(str(field.type)) for field in schema if not field.name.startswith("__")}
    columns = [
        {"name": name, "title_zh": f"列{name}", "title_en": name.capitalize(), "type": kind, "level": 1,
         "identifier_kind": "DI" if name == "person_id" else "none"}
        for name, kind in kinds.items()
    ]  # fmt: skip
    with release.open("rb") as source:
        stored = house.files.put(iter(lambda: source.read(1024 * 1024), b""))
    with house.write() as work:
        a_dataset(
            work, CODE, "parks", columns=columns, data_level=1, open_type="C", open_condition="经授权", auth_op_scope="yes",
            title_zh="度量用表", title_en="Table of the bench", spatial="大鹏新区", crs="WGS84",
        )  # fmt: skip
        batch = BatchRow(
            id=work.new_id(), dataset_id=CODE, org_id="parks", number=1, name="t.csv", sha256=stored.sha256,
            size_bytes=stored.size_bytes, state="released", submitted=_PERSON, submitted_at=work.now, preparers=["p"],
        )  # fmt: skip
        work.db.add(batch)
        work.db.flush()
        work.db.add(
            ReleaseRow(
                id=work.new_id(), dataset_id=CODE, org_id="parks", number=1, batch_id=batch.id, state=ReleaseState.PUBLISHED,
                sha256=stored.sha256, size_bytes=stored.size_bytes, rows=pq.read_metadata(release).num_rows,
                columns=[{"name": each["name"], "type": each["type"]} for each in columns], content_sha256=stored.sha256,
                batch_sha256=stored.sha256, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", preparers=["p"],
                prepared=_PERSON, publisher=_PERSON, requested_at=work.now, published_at=work.now,
            )
        )  # fmt: skip
        today = work.now.astimezone(LOCAL).date()
        work.db.get_one(OrganisationRow, "insurer").licence_valid_to = today + timedelta(days=900)
    with house.read() as work:
        desk.known[CODE] = asset(work, CODE)
    asked = [
        *({"name": name, "reason": f"需要 {name} 计算风险", "use": "plain"} for name in PLAIN),
        {"name": "person_id", "reason": "同一人去重", "use": "pseudonymised"},
    ]
    made = a_grant(
        desk, asset=desk.known[CODE], columns=asked, forms=["extract_parquet"], row_filter=FILTER, starts_on=today,
        ends_on=today + timedelta(days=300), at="PENDING",
    )  # fmt: skip
    with desk.write("steward_b") as (work, actor):
        activating.activate(
            work,
            actor,
            GrantId(made.id),
            GrantStep(),
            assets=desk.assets,
            has_release=has_release(work),
            holds=holds(work),
            go_on=carrying.go_on,
        )
    return house, desk, GrantId(made.id)


@contextmanager
def watched() -> Iterator[list[float]]:
    """The peak of the largest process that this one starts meanwhile, in MB."""
    most, stop = [0.0], threading.Event()

    def look() -> None:
        while not stop.wait(0.02):
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError, StopIteration):
                    for child in (task / "children").read_text().split():
                        if _MAKER in Path("/proc", child, "cmdline").read_text():  # else it has not begun yet
                            most[0] = max(most[0], peak_mb(child))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield most
    finally:
        stop.set()
        watching.join()


def measured(folder: Path) -> dict[str, Any]:
    """The second extract of a worker, whose process was begun ahead; `first_s`: the seconds of the one before, whose was not."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        house, desk, grant_id = a_house(Path(name), folder / "release.parquet")
        apart.SPARE.keep()
        try:
            first = _measured(house, desk, grant_id)
            _until_it_waits()
            second = _measured(house, desk, grant_id)
        finally:
            apart.SPARE.end()
    return second | {"first_s": first["seconds"], "grown_mb": max(first["grown_mb"], second["grown_mb"])}


def _until_it_waits() -> None:
    """The process begun ahead has imported all it needs: it takes no more of the processor."""
    assert apart.SPARE._waiting is not None
    spent = Path("/proc", str(apart.SPARE._waiting.pid), "schedstat")
    before = ""
    while (now := spent.read_text()) != before:
        before = now
        time.sleep(1)


def _measured(house: House, desk: Desk, grant_id: GrantId) -> dict[str, Any]:
    body = ExtractCreate.model_validate(
        {"grant_id": grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
    )
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun, cpu = time.perf_counter(), time.process_time() + spent.ru_utime + spent.ru_stime
    with desk.read("analyst") as (work, actor):
        plan = planning.plan(work, actor, body, house.files, house.settings, "en")
    planned = time.perf_counter()
    assert plan.permitted, plan.reasons
    with desk.write("analyst") as (work, actor):
        made = service.request(work, actor, body)
    asked = time.perf_counter()
    with house.read() as work:
        row = work.db.exec(select(JobRow).where(JobRow.id == made.job_id)).one()
    ctx = context_for(house.engine, house.files, house.settings, house.clock, house.new_id, row, in_place)
    rest = peak_mb()
    with watched() as maker:
        perform(ctx, extract_build.JOB)
    ended, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() + spent.ru_utime + spent.ru_stime - cpu
    with desk.read("analyst") as (work, actor):
        found = service.extract(work, actor, made.id)
    assert found.state == "ready", found.failed_en
    with desk.read("analyst") as (work, actor):
        told = service.receipt(work, actor, made.id).encode()
    assert not signing.check(told, file=house.files.path(str(found.sha256))).flaws
    return {
        "plan_s": planned - begun, "request_s": asked - planned, "job_s": ended - asked, "seconds": ended - begun, "cpu": cpu,
        "rest_mb": rest, "grown_mb": peak_mb() - rest, "maker_mb": maker[0], "rows": found.rows, "out_mb": (found.size_bytes or 0) / 1e6,
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(Path(sys.argv[1]))) + "\n")
