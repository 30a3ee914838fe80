"""Spark reads a granted view: `python -m tests.campaigns.spark [--python PATH]`.

A server process, a grant with its view, and Spark in an environment of its own (pyspark from the configured index, in a temporary
directory, or `--python` of one that is there). Spark fetches the signed link by itself (`SparkContext.addFile`), reads what the client
wrote (`datagrant share rows`' Arrow, an extract's Parquet), filters, joins and counts; what it finds equals the view. With `--jar` the Delta
Sharing connector is put on its class path and `format("deltaSharing")` is read as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient

from api.house import open_house
from core.settings import Settings
from datasets.sharing.tables import ViewRow
from tests.campaigns.quotas import Clock
from tests.datasets.extracts.scene import VENUES, Scene, a_scene
from tests.datasets.sharing.reading import makes
from tests.datasets.sharing.server import a_port, a_server
from tests.people import client_as

READER: Final = Path(__file__).with_name("spark_reader.py")
HERE: Final = "http://127.0.0.1:8000"


def main(argv: list[str]) -> int:
    """What Spark found, as JSON; AssertionError when it is not what the view holds."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--python", default="", help="an environment that has pyspark; one is made without it")
    given.add_argument(
        "--jar", default="", help="the connector delta-sharing-spark with what it needs, commas between"
    )
    options = given.parse_args(argv)
    with tempfile.TemporaryDirectory() as room:
        python = options.python or _environment(Path(room) / "spark")
        sys.stdout.write(json.dumps(play(python, options.jar, Path(room)), ensure_ascii=False) + "\n")
    return 0


def _environment(place: Path) -> str:
    if shutil.which("java") is None:
        raise SystemExit("Spark needs Java 17 or newer: install it, then run this again")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = str(place / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pyspark"], check=True
    )
    return python


def play(python: str, jar: str, room: Path) -> dict[str, Any]:
    """One round. AssertionError when anything does not hold."""
    settings = Settings(data_dir=room / "data", worker=False, demo=True)
    for directory in (settings.data_dir, settings.scratch_dir, settings.keys_dir):
        directory.mkdir(parents=True, exist_ok=True)
    scene = a_scene(open_house(settings, clock=Clock()))
    view, port = makes(scene), a_port()
    extract = scene.delivered(columns=["venue_id", "district", "rooms"])
    served = f"http://127.0.0.1:{port}"
    analyst = client_as(scene.house, "analyst")
    profile, plain = room / "grant.share", room / "extract.parquet"
    profile.write_text(_post(analyst, scene, "profile").replace(HERE, served))
    plain.write_bytes(scene.file(extract.id).read_bytes())
    asked = {
        "link": json.loads(_post(analyst, scene, "links"))["url"].replace(HERE, served),
        "file": str(plain), "jar": jar, "table": f"{profile}#safety.PK.{VENUES}",
    }  # fmt: skip
    begun = time.monotonic()
    with a_server(scene.house, port):
        done = subprocess.run(
            [python, READER, json.dumps(asked)], capture_output=True, text=True, timeout=560
        )
    if done.returncode:
        raise AssertionError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    _holds(scene, view, found)
    return found | {"seconds": round(time.monotonic() - begun, 1)}


def _post(client: TestClient, scene: Scene, what: str) -> str:
    answer = client.post(f"/api/v1/grants/{scene.grant_id}/{what}", json={})
    assert answer.status_code in (200, 201), answer.text
    return answer.text


def _holds(scene: Scene, view: ViewRow, found: dict[str, Any]) -> None:
    assert found["link"]["rows"] == view.rows == found["file"]["rows"]
    assert found["link"]["columns"] == [each["name"] for each in json.loads(view.delta_schema)["fields"]]
    assert "secret_note" not in found["link"]["columns"]
    assert found["link"]["rooms"] == found["file"]["rooms"] == 104
    assert found["joined"] == view.rows
    assert not {"13800000001", "13800000002"} & set(found["link"]["phones"]), "a number leaves as a pseudonym"
    assert found["instant"].startswith("2026-03-01T00:30"), found["instant"]
    if "delta" in found:
        assert found["delta"]["rows"] == view.rows
    used = scene.view().used
    assert (used.extracts, used.rows) == (2, 2 * view.rows), "the link's file once, the extract once"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
