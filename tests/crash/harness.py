"""A real installation in real processes, to be killed at any instant and looked at afterwards.

plant = Plant(tmp_path / "data")
with plant.house.write() as work: ...           # make people and datasets through the real services
plant.start()
plant.client("lin").post("/api/v1/batches", ...)
plant.kill("worker"); plant.kill("server")      # SIGKILL; the server is started again, the worker comes back by itself
plant.settle()                                  # until no job is queued or running
plant.stop()
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import httpx2
from sqlmodel import col, select

from api.house import House, open_house
from api.identity import local_token
from core.jobs import FINAL, JobRow
from core.settings import Settings

ROOT = Path(__file__).parents[2]
Victim = Literal["worker", "server"]


class Plant:
    """Server and worker over one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        address = f"http://127.0.0.1:{self.port}"
        self.house: House = open_house(Settings(data_dir=data_dir, public_url=address))
        self.kills: list[tuple[Victim, str]] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._log = (data_dir / "server.log").open("ab")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        program = "from api.cli import main; main()"
        self._server = subprocess.Popen(
            [
                sys.executable,
                "-c",
                program,
                "serve",
                "--data-dir",
                str(self.house.settings.data_dir),
                "--port",
                str(self.port),
            ],
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        until(self._answers, 180, "the server does not answer")

    def stop(self) -> None:
        """End both processes in good order."""
        if self._server:
            self._server.terminate()
            self._server.wait(30)
        self.house.engine.dispose()
        self._log.close()

    def client(self, username: str) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {local_token(self.house, username)}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def kill(self, victim: Victim, phase: str = "") -> None:
        """SIGKILL now. A killed server is started again; a killed worker is the server's business."""
        assert self._server is not None
        if victim == "server":
            self._server.kill()
            self._server.wait()
            self.kills.append((victim, phase))
            self.start()
        elif (pid := self.worker_pid()) is not None:
            os.kill(pid, signal.SIGKILL)
            self.kills.append((victim, phase))

    def worker_pid(self) -> int | None:
        """The worker that belongs to the present server."""
        assert self._server is not None
        for found in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((found / "stat").read_text().rpartition(")")[2].split()[1])
                command = (found / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            if parent == self._server.pid and b"api.worker" in command:
                return int(found.name)
        return None

    def unfinished(self) -> list[JobRow]:
        with self.house.read() as work:
            return list(work.db.exec(select(JobRow).where(col(JobRow.state).not_in(FINAL))))

    def job(self, job_id: str) -> JobRow:
        with self.house.read() as work:
            return work.db.get_one(JobRow, job_id)

    def settle(self, seconds: float = 120) -> None:
        """Wait until every job has ended."""
        until(lambda: not self.unfinished(), seconds, "jobs did not end")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/api/v1/releases", timeout=5).status_code == 200
        except httpx2.TransportError:
            return False


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for `true()`; fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
