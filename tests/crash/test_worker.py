"""The worker process itself: one at a time, brought back by its keeper, gone with its server, quiet on the network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from api.cli import batch as batch_command
from api.cli import release as release_command
from api.durable import drain
from api.house import House, open_house
from api.worker import Keeper, ensure_worker, only_worker
from core import jobs
from core.jobs import JobRow, JobState
from core.settings import Settings
from tests.crash.harness import ROOT, until
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset

pytestmark = [pytest.mark.crash, pytest.mark.slow]
SLOW = [bytes([number]) * 3_000_000 for number in range(40)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """An installation by the machine's own clock; a worker left behind is ended."""
    house = open_house(Settings(data_dir=tmp_path / "data"))
    yield house
    house.engine.dispose()
    lock = house.settings.data_dir / "worker.lock"
    with only_worker(house.settings.data_dir) as free:
        alive = free is None
    if alive and lock.read_text():
        os.kill(int(lock.read_text()), signal.SIGKILL)


def scrub(house: House) -> str:
    with house.write() as work:
        return jobs.ask_for(work, "store.scrub", "store", requested_by="nobody", org_id=None)


def job(house: House, job_id: str) -> JobRow:
    with house.read() as work:
        return work.db.get_one(JobRow, job_id)


def has_ended(house: House, job_id: str) -> bool:
    return job(house, job_id).ended_at is not None


def is_alive(house: House) -> bool:
    with only_worker(house.settings.data_dir) as lock:
        return lock is None


def test_a_worker_is_started_when_none_is_alive_and_only_then(home: House) -> None:
    first = scrub(home)
    ensure_worker(home.settings.data_dir)
    until(lambda: has_ended(home, first), 60, "the job did not end")
    pid = (home.settings.data_dir / "worker.lock").read_text()
    ensure_worker(home.settings.data_dir)
    second = scrub(home)
    until(lambda: has_ended(home, second), 60, "the job did not end")
    assert (home.settings.data_dir / "worker.lock").read_text() == pid
    assert (home.settings.data_dir / "worker.log").read_text() == ""


def test_the_worker_talks_to_nobody(home: House) -> None:
    ensure_worker(home.settings.data_dir)
    until(lambda: is_alive(home), 30, "no worker")
    last = scrub(home)
    until(lambda: has_ended(home, last), 60, "the job did not end")
    pid = (home.settings.data_dir / "worker.lock").read_text()
    targets = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists()]
    sockets = {target[8:-1] for target in targets if target.startswith("socket:[")}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        used = {line.split()[9] for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]}
        assert not sockets & used


def test_the_keeper_brings_a_killed_worker_back_and_the_job_goes_on(home: House) -> None:
    for data in SLOW:
        home.files.put([data])
    keeper = Keeper(home.settings)
    keeper.start()
    job_id = scrub(home)
    until(lambda: job(home, job_id).progress > 0.2, 60, "no progress")
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: has_ended(home, job_id), 60, "the job did not end")
    assert keeper.pid != first
    row = job(home, job_id)
    assert (row.state, row.attempts) == (JobState.DONE, 2)
    assert json.loads(row.result or "")["checked"] == len(SLOW)
    keeper.stop()
    assert not is_alive(home)


def test_a_running_job_is_cancelled_at_its_next_safe_point(home: House) -> None:
    for data in SLOW:
        home.files.put([data])
    keeper = Keeper(home.settings)
    keeper.start()
    job_id = scrub(home)
    until(lambda: job(home, job_id).state == JobState.RUNNING, 60, "it does not start")
    with home.write() as work:
        row = work.db.get_one(JobRow, job_id)
        row.cancel_requested = True
        work.db.add(row)
    until(lambda: has_ended(home, job_id), 60, "the job did not end")
    assert job(home, job_id).state == JobState.CANCELLED
    keeper.stop()


def test_the_worker_goes_when_its_server_is_killed(home: House) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom core.settings import Settings\nfrom api.worker import Keeper\n"
        "Keeper(Settings(data_dir=Path(sys.argv[1]))).start()\ntime.sleep(600)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", program, str(home.settings.data_dir)], cwd=ROOT)
    until(lambda: is_alive(home), 60, "no worker")
    server.kill()
    server.wait()
    until(lambda: not is_alive(home), 30, "the worker outlives its server")


@pytest.mark.postgres
def test_on_postgresql_the_same_worker_resumes_in_the_same_way(tmp_path: Path, postgres_server: str) -> None:
    name = "dg_worker"
    admin = create_engine(postgres_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE dg_template"))
    admin.dispose()
    house = open_house(Settings(data_dir=tmp_path / "data", database_url=postgres_server.format(name=name)))
    for data in SLOW:
        house.files.put([data])
    keeper = Keeper(house.settings)
    keeper.start()
    job_id = scrub(house)
    until(lambda: job(house, job_id).progress > 0.2, 60, "no progress")
    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGKILL)
    until(lambda: has_ended(house, job_id), 60, "the job did not end")
    assert (job(house, job_id).state, job(house, job_id).attempts) == (JobState.DONE, 2)
    assert not (house.settings.data_dir / "jobs.db").exists()
    keeper.stop()
    house.engine.dispose()


def test_a_lost_book_of_the_engine_loses_no_job(home: House) -> None:
    job_id = scrub(home)
    with home.write() as work:
        row = work.db.get_one(JobRow, job_id)
        row.state = JobState.RUNNING  # begun by a worker whose book is gone
        work.db.add(row)
    ensure_worker(home.settings.data_dir)
    until(lambda: has_ended(home, job_id), 60, "the job did not end")
    assert job(home, job_id).state == JobState.DONE


def test_a_job_that_always_kills_its_worker_is_given_up(home: House) -> None:
    job_id = scrub(home)
    with home.write() as work:
        row = work.db.get_one(JobRow, job_id)
        row.attempts = 12
        work.db.add(row)
    drain(home)
    assert job(home, job_id).state == JobState.FAILED


@pytest.mark.gx
def test_from_file_to_release_by_commands_alone(home: House, tmp_path: Path) -> None:
    with home.write() as work:
        a_parking_dataset(work)
    file = tmp_path / "lots.csv"
    file.write_bytes(CLEAN)
    runner = CliRunner()

    def run(app: object, user: str, *words: str) -> str:
        directory = str(home.settings.data_dir)
        result = runner.invoke(app, [*words, "--data-dir", directory, "--as", user])  # type: ignore[arg-type]
        assert result.exit_code == 0, result.output
        return result.stdout

    began = time.monotonic()
    batch = json.loads(
        run(batch_command.app, "lin", "submit", str(file), "--dataset", DATASET, "--wait", "--json")
    )
    assert batch["state"] == "passed", f"after {time.monotonic() - began:.0f} s"
    release = json.loads(run(release_command.app, "zhou", "publish", batch["id"], "--wait", "--json"))
    assert release["state"] == "published"
    out = tmp_path / "out.parquet"
    run(release_command.app, "zhou", "download", release["id"], "--out", str(out))
    assert out.stat().st_size == release["size_bytes"]
    assert batch["id"] in run(batch_command.app, "lin", "list", "--json")
    assert "Lot" not in run(batch_command.app, "lin", "show", batch["id"])
    sheet = tmp_path / "rows.xlsx"
    run(batch_command.app, "lin", "rows", batch["id"], "--out", str(sheet))
    assert sheet.read_bytes()[:2] == b"PK"
    refused = runner.invoke(
        batch_command.app,
        ["submit", str(file), "--dataset", DATASET, "--data-dir", str(home.settings.data_dir), "--as", "lin"],
    )
    assert refused.exit_code == 1
    assert "again" in refused.stderr
