"""How fast a ready extract leaves a real server: `python -m tests.bench.delivery [MIB]`, against a bare `sendfile` over the same loopback.

The first download in ten minutes, whose bytes are judged on their way by the file's witness, is told apart, and one of a file that has none, which is hashed by SHA-256. Prints the best of five each (one of the last), and the median time to the first byte of the body over twenty requests for a smaller one: connection, decision,
record and header included.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from api.identity import local_token
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from core.witness import beside
from datasets.extracts.tables import ExtractRow
from tests.crash.harness import Plant
from tests.datasets.extracts.scene import Scene, a_scene

MIB: Final = 1024 * 1024
ROUNDS: Final = 5
SMALL: Final = 4  # mebibytes of the extract whose first byte is waited for
FIRSTS: Final = 20


def a_plant(room: Path, **scene_of: Any) -> tuple[Plant, Scene]:
    """An installation with the scene of extracts, by today's clock; not started."""
    plant = Plant(room / "data")
    today = plant.house.clock().astimezone(LOCAL).date()
    scene = a_scene(plant.house, starts_on=today, ends_on=today + timedelta(days=300), **scene_of)
    with plant.house.write() as work:
        work.db.get_one(OrganisationRow, "insurer").licence_valid_to = today + timedelta(days=900)
    return plant, scene


def large_extract(scene: Scene, mebibytes: int) -> str:
    """A ready extract whose file has that size."""
    made = scene.delivered()
    stored = scene.house.files.put([bytes(MIB)] * mebibytes)
    with scene.house.write() as work:
        row = work.db.get_one(ExtractRow, made.id)
        row.sha256, row.size_bytes = stored.sha256, stored.size_bytes
    return made.id


def taken(connect: Callable[[], socket.socket], size: int) -> tuple[float, float]:
    """Seconds until the first byte of the body, and until the last."""
    started = time.perf_counter()
    buffer = bytearray(MIB)
    with connect() as line:
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(65536)
        got = len(head.partition(b"\r\n\r\n")[2])
        while not got:
            got += line.recv_into(buffer)
        first = time.perf_counter() - started
        while got < size and (part := line.recv_into(buffer)):
            got += part
    assert got == size, (got, size)
    return first, time.perf_counter() - started


def asking(port: int, path: str, token: str) -> Callable[[], socket.socket]:
    def connect() -> socket.socket:
        line = socket.create_connection(("127.0.0.1", port), timeout=60)
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
        )
        return line

    return connect


def bare(path: Path) -> Callable[[], socket.socket]:
    """A socket at whose other end another process sends the file as fast as the kernel can."""

    def connect() -> socket.socket:
        with socket.create_server(("127.0.0.1", 0)) as door:
            if not os.fork():
                with socket.create_connection(door.getsockname()) as line, path.open("rb") as source:
                    line.sendall(b"\r\n\r\n")
                    line.sendfile(source)
                os._exit(0)
            line, _ = door.accept()
            return line

    return connect


def _unseen(path: Path, connect: Callable[[], socket.socket]) -> Callable[[], socket.socket]:
    """The same, once the server knows nothing of the file any more: to it another time of change is another file."""

    def asked() -> socket.socket:
        os.utime(path)
        return connect()

    return asked


def main(mebibytes: int, rounds: int = ROUNDS) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as room:
        plant, scene = a_plant(Path(room))
        extract_id = large_extract(scene, mebibytes)
        token, path = local_token(plant.house, "analyst"), f"/api/v1/extracts/{extract_id}/file"
        small = f"/api/v1/extracts/{large_extract(scene, SMALL)}/file"
        plant.start()
        try:
            firsts = [taken(asking(plant.port, small, token), SMALL * MIB)[0] for _ in range(FIRSTS + 3)][3:]
            wanted = asking(plant.port, path, token)
            first, *ours = [taken(wanted, mebibytes * MIB) for _ in range(rounds + 1)]
            file = scene.file(extract_id)
            witnessed = [first, *(taken(_unseen(file, wanted), mebibytes * MIB) for _ in range(rounds - 1))]
            beside(file).unlink()
            hashed = taken(_unseen(file, wanted), mebibytes * MIB)
            raw = [taken(bare(scene.file(extract_id)), mebibytes * MIB) for _ in range(rounds)]
        finally:
            plant.stop()
    speed = {
        name: mebibytes / min(end for _, end in runs)
        for name, runs in (("ours", ours), ("raw", raw), ("first", witnessed))
    }
    return {
        "mib": mebibytes, "mib_per_s": round(speed["ours"]), "raw_mib_per_s": round(speed["raw"]),
        "share_of_raw": round(speed["ours"] / speed["raw"], 2), "first_byte_ms": round(1000 * median(firsts), 1),
        "first_mib_per_s": round(speed["first"]), "unwitnessed_mib_per_s": round(mebibytes / hashed[1]),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 512)) + "\n")
