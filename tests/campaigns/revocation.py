"""Revocation while many download, over real sockets: `python -m tests.campaigns.revocation [--readers 50] [--megabytes 64]`.

A server process, slow readers on as many connections, a revocation committed by another process. Held: each connection is cut, nobody gets
the whole file, what still comes is no more than sockets held already, and whoever asks again is refused. That no chunk is begun
after the commit is shown exactly by tests/api/test_revocation.py; here what the wire carries is measured.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from api.identity import local_token
from tests.bench.delivery import a_plant, large_extract
from tests.crash.harness import Plant
from tests.datasets.extracts.scene import Scene

MIB: Final = 1024 * 1024
HELD: Final = 6 * MIB  # what the kernel's buffers of one connection may hold


class Reader(threading.Thread):
    """One connection that reads a little at a time."""

    def __init__(self, port: int, path: str, token: str) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
        )
        self.arrived: list[tuple[float, int]] = []

    def run(self) -> None:
        try:
            while part := self.socket.recv(65536):
                self.arrived.append((time.monotonic(), len(part)))
                time.sleep(0.01)
        except OSError:
            pass

    @property
    def size(self) -> int:
        return sum(size for _, size in self.arrived)

    def after(self, instant: float) -> int:
        return sum(size for at, size in self.arrived if at > instant)


def play(readers: int, megabytes: int, room: Path) -> dict[str, Any]:
    """One round; AssertionError when anything does not hold."""
    plant, scene = a_plant(room)
    extract_id = large_extract(scene, megabytes)
    plant.start()
    try:
        return _round(plant, scene, extract_id, readers, megabytes * MIB)
    finally:
        plant.stop()


def _round(plant: Plant, scene: Scene, extract_id: str, readers: int, size: int) -> dict[str, Any]:
    token, path = local_token(plant.house, "analyst"), f"/api/v1/extracts/{extract_id}/file"
    loading = [Reader(plant.port, path, token) for _ in range(readers)]
    for each in loading:
        each.start()
    deadline = time.monotonic() + 60
    while not all(each.size > MIB for each in loading):
        assert time.monotonic() < deadline, "the downloads do not begin"
        time.sleep(0.05)
    started = time.monotonic()
    scene.revokes()
    committed = time.monotonic()
    for each in loading:
        each.join(120)
    with plant.client("analyst") as client:
        assert client.get(path).status_code == 403
    cut = scene.events("extract.cut_off")
    after = sorted(each.after(committed) for each in loading)
    assert len(cut) == readers, f"{len(cut)} of {readers} cut off"
    assert max(each.size for each in loading) < size
    assert after[-1] <= HELD, after
    return {
        "readers": readers, "file_mib": size // MIB, "commit_ms": round((committed - started) * 1000),
        "cut_off": len(cut), "mib_after_commit_median": round(after[len(after) // 2] / MIB, 2),
        "mib_after_commit_most": round(after[-1] / MIB, 2),
        "last_byte_ms_after_commit": round(max(each.arrived[-1][0] - committed for each in loading) * 1000),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=64)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        sys.stdout.write(json.dumps(play(chosen.readers, chosen.megabytes, Path(room))) + "\n")
