"""A real server process over a test's house: `with a_server(scene) as url`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from api.house import House

_CODE = """
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import uvicorn
from api.app import create_app
from api.house import open_house
from core.settings import Settings
room, port, now, demo = sys.argv[1:]
settings = Settings(data_dir=Path(room), worker=False, demo=demo == "demo", public_url=f"http://127.0.0.1:{port}")
app = create_app(house=open_house(settings, clock=lambda: datetime.fromisoformat(now)))
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
"""


@contextmanager
def a_server(house: House, port: int) -> Iterator[str]:
    """The service in a process of its own, on the house's data and at its instant; no worker."""
    now = house.clock().isoformat()
    root = str(Path(__file__).parents[3])
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _CODE,
            str(house.settings.data_dir),
            str(port),
            now,
            "demo" if house.settings.demo else "",
        ],
        env=os.environ | {"PYTHONPATH": root} | _store(house),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if child.poll() is not None:
                raise RuntimeError("the server did not start")
            try:
                urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=2).close()  # noqa: S310
                break
            except OSError:
                time.sleep(0.05)
        yield url
    finally:
        child.terminate()
        child.wait(20)


def _store(house: House) -> dict[str, str]:
    """The settings of the house's store."""
    chosen = house.settings.model_dump(
        include={name for name in type(house.settings).model_fields if name.startswith("store")}
    )
    return {f"DATAGRANT_{name.upper()}": str(value) for name, value in chosen.items() if value is not None}


def a_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def in_duckdb(statement: str, *values: str) -> list[tuple[Any, ...]]:
    """The rows of a statement that may read addresses, by httpfs as its package brings it."""
    from duckdb_extension_httpfs import __file__ as where

    binary = next(Path(str(where)).parent.rglob("*.duckdb_extension"))
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        connection.execute(f"LOAD '{binary}'")
        return connection.execute(statement, list(values)).fetchall()
