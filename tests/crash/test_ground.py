"""Real processes whose data directory is taken away under them: they say so, the worker ends, and nothing is made in its place."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from api.house import House, open_house
from api.worker import GONE_CODE
from core import jobs
from core.jobs import JobRow
from core.settings import Settings
from tests.crash.harness import ROOT, Plant, until
from tests.people import a_person, an_org

pytestmark = [pytest.mark.crash, pytest.mark.slow]


def _has_ended(house: House, job_id: str) -> bool:
    with house.read() as work:
        return work.db.get_one(JobRow, job_id).ended_at is not None


@pytest.mark.parametrize("what", ["directory", "contents"])
def test_a_worker_ends_when_its_data_directory_is_removed(tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    house = open_house(Settings(data_dir=data))
    with house.write() as work:
        job_id = jobs.ask_for(work, "store.scrub", "store", requested_by="nobody", org_id=None)
    with (tmp_path / "said").open("wb") as said:
        worker = subprocess.Popen(
            [sys.executable, "-m", "api.worker", "--data-dir", str(data)], cwd=ROOT, stderr=said
        )
        try:
            until(lambda: _has_ended(house, job_id), 120, "the worker does not work")
            house.engine.dispose()
            data.rename(
                tmp_path / "away"
            )  # at once: while it is removed file by file, the worker still writes
            shutil.rmtree(tmp_path / "away", ignore_errors=True)
            if what == "contents":
                data.mkdir()
            assert worker.wait(30) == GONE_CODE
        finally:
            worker.kill()
            worker.wait()
    assert "was removed, moved or replaced" in (tmp_path / "said").read_text()
    assert list(data.glob("*")) == []
    again = subprocess.run(
        [sys.executable, "-m", "api.worker", "--data-dir", str(data)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
    )
    assert again.returncode == GONE_CODE, (
        "one that is started there does not begin an installation of its own"
    )
    assert list(data.glob("*")) == []


def test_a_server_refuses_in_words_until_its_data_directory_is_put_back(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "data")
    with plant.house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "root", "bureau", ["sysadmin"])
    client, signed = (
        httpx2.Client(base_url=f"http://127.0.0.1:{plant.port}", timeout=60),
        plant.client("root"),
    )
    plant.start()
    try:
        assert signed.get("/api/v1/users").status_code == 200
        until(lambda: plant.worker_pid() is not None, 60, "no worker")
        (tmp_path / "data").rename(tmp_path / "away")
        for answer in (
            client.get("/api/v1/releases?lang=en"),
            signed.get("/api/v1/users?lang=en"),
            signed.post("/api/v1/sources?lang=en", json={}, headers={"Idempotency-Key": "one"}),
        ):
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert "was removed, moved or replaced" in answer.json()["detail"]
        page = client.get("/datasets?lang=en", headers={"Accept": "text/html"})
        assert page.status_code == 503
        assert "was removed, moved or replaced" in page.text
        until(lambda: plant.worker_pid() is None, 30, "the worker goes on")
        assert not (tmp_path / "data").exists()
        (tmp_path / "away").rename(tmp_path / "data")
        assert signed.get("/api/v1/users").status_code == 200
        until(lambda: plant.worker_pid() is not None, 60, "the worker does not come back")
    finally:
        client.close()
        signed.close()
        plant.stop()
