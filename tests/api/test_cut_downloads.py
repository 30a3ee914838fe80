"""What the log of a real server says of downloads that do not reach their end: of a reader who leaves nothing, of one who is stopped a line, of a fault the trace."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from api.identity import local_token
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from datasets.extracts.tables import ExtractRow
from tests.crash.harness import Plant, until
from tests.datasets.extracts.scene import Scene, a_scene

pytestmark = pytest.mark.slow
MIB = 1024 * 1024
SIZE = 64 * MIB


class Service:
    """A server process with a ready extract of 64 MiB; `new` is what its log has said since it was asked last."""

    def __init__(self, plant: Plant) -> None:
        self.plant, self._read = plant, 0
        today = plant.house.clock().astimezone(LOCAL).date()
        self.scene: Scene = a_scene(plant.house, starts_on=today, ends_on=today + timedelta(days=300))
        with plant.house.write() as work:
            work.db.get_one(OrganisationRow, "insurer").licence_valid_to = today + timedelta(days=900)
        self.extract_id = self.scene.delivered().id
        self.path = f"/api/v1/extracts/{self.extract_id}/file"
        self.sha256 = self._holds(b"\0")

    def _holds(self, filling: bytes) -> str:
        stored = self.plant.house.files.put([filling * MIB] * (SIZE // MIB))
        with self.plant.house.write() as work:
            row = work.db.get_one(ExtractRow, self.extract_id)
            row.sha256, row.size_bytes = stored.sha256, stored.size_bytes
        return stored.sha256

    def begins(self, *more: str, method: str = "GET", path: str = "") -> socket.socket:
        """A connection that took 2 MiB and takes in little by itself."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        line.settimeout(60)
        line.connect(("127.0.0.1", self.plant.port))
        token = local_token(self.plant.house, "analyst")
        asked = [f"{method} {path or self.path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *more]
        line.sendall(("\r\n".join(asked) + "\r\n\r\n").encode())
        got = 0
        while method == "GET" and got < 2 * MIB:
            part = line.recv(65536)
            assert part
            got += len(part)
        return line

    @property
    def new(self) -> str:
        said = (self.plant.house.settings.data_dir / "server.log").read_text("utf-8")
        new, self._read = said[self._read :], len(said)
        return new

    def sent(self) -> int:
        with self.plant.house.read() as work:
            return work.db.get_one(ExtractRow, self.extract_id).bytes_sent


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    plant = Plant(tmp_path / "data")
    made = Service(plant)
    plant.start()
    try:
        assert made.new.count("\n") == 1, "where it listens"
        yield made
    finally:
        plant.stop()


def _to_the_end(line: socket.socket) -> None:
    with suppress(ConnectionError), line:
        while line.recv(65536):
            pass


def test_a_download_that_is_cut_says_one_line_and_a_fault_its_whole_trace(service: Service) -> None:
    for more in ((), ("Range: bytes=1-",), ("Range: bytes=0-33554431,33554433-",)):
        before = service.sent()
        service.begins(*more).close()
        until(lambda before=before: service.sent() > before, 30, "what left is not in the ledger")  # type: ignore[misc]
    line = service.begins("Content-Length: 5000000", method="POST", path="/api/v1/extracts")
    line.sendall(b" " * 100_000)
    line.close()
    time.sleep(1)
    assert service.new == "", "a reader who leaves is no event of the server"

    line = service.begins()
    os.truncate(service.plant.house.files.path(service.sha256), SIZE // 2)
    _to_the_end(line)
    until(lambda: "Traceback" in service.new, 30, "a fault is printed")

    service.sha256 = service._holds(b"\1")
    line = service.begins()
    assert "Traceback" not in service.new
    service.scene.revokes()
    _to_the_end(line)
    until(lambda: bool(service.scene.events("extract.cut_off")), 30, "the record says that it was cut")
    time.sleep(0.5)
    (said,) = service.new.splitlines()
    assert said.startswith("WARNING:"), said
    assert "GET /api/v1/extracts/{extract_id}/file" in said
    assert "the right to receive this file has ended" in said
    (cut,) = service.scene.events("extract.cut_off")
    assert f"after {cut[1]['bytes']} bytes" in said
