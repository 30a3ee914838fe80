"""What a grant gives, delivered from a bucket of a real S3-compatible server by a machine that has no copies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.house import House
from core.files import Held
from core.files_s3 import files_of
from datasets.extracts.signing import check
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import makes
from tests.lake import Lake
from tests.people import client_as

pytestmark = pytest.mark.slow
STORE = ("store", "store_endpoint", "store_access_key", "store_secret_key")


@pytest.fixture
def scene(sqlite_house: House, lake: Lake) -> Scene:
    chosen = lake.settings(sqlite_house.settings.data_dir).model_dump(include={*STORE})
    settings = sqlite_house.settings.model_copy(update=chosen)
    return a_scene(replace(sqlite_house, settings=settings, files=files_of(settings)))


def far(scene: Scene, room: Path, **chosen: int) -> House:
    """The same database and bucket, another disk."""
    settings = scene.house.settings.model_copy(update=chosen)
    return replace(
        scene.house, settings=settings, files=files_of(settings.model_copy(update={"data_dir": room}))
    )


def stops(scene: Scene, client: TestClient, address: str, patch: pytest.MonkeyPatch) -> None:
    """Revoke after the first piece that the bucket gives: the answer must break off, and the next be refused."""
    asked: list[int] = []
    gives = Held.__init__

    def counted(held: Held, *given: Any, **named: Any) -> None:
        gives(held, *given, **named)
        if (piece := held.piece) is None:
            return

        def revoked_after(at: int, size: int) -> bytes:
            got = piece(at, size)
            asked.append(at)
            if len(asked) == 1:
                scene.revokes()
            return got

        object.__setattr__(held, "piece", revoked_after)

    patch.setattr(Held, "__init__", counted)
    patch.setattr("api.delivery._PIECE", 256)
    patch.setattr("api.delivery.RECHECK_S", 0.0)
    with pytest.raises(ConnectionError):
        client.get(address)
    assert 0 < len(asked) <= 2
    assert client.get(address).status_code == 403


def without_copies(room: Path) -> None:
    """The part that was asked for left one, which was hashed."""
    (copy,) = room.glob("files/??/??/*")
    copy.unlink()


def test_an_extract(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene.delivered(columns=["venue_id", "rooms"])
    file, room = f"/api/v1/extracts/{made.id}/file", tmp_path / "far"
    house = far(scene, room, store_presign_seconds=60)
    analyst = client_as(house, "analyst")
    whole, head = analyst.get(file, follow_redirects=False), analyst.head(file)
    assert whole.status_code == 200, "what a grant gives is never handed to a link of the bucket"
    assert not list(room.glob("files/??/??/*")), "the whole needs no copy"
    part = analyst.get(file, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    assert part.headers["content-range"] == f"bytes 4-9/{made.size_bytes}"
    assert (head.status_code, head.headers["content-length"], head.content) == (
        200,
        str(made.size_bytes),
        b"",
    )
    kept, receipt = tmp_path / "e.parquet", analyst.get(f"/api/v1/extracts/{made.id}/receipt").content
    kept.write_bytes(whole.content)
    assert check(receipt, file=kept).flaws == ()
    without_copies(room)
    stops(scene, analyst, file, monkeypatch)


def test_a_view_by_its_signed_link(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view, room = makes(scene), tmp_path / "far"
    analyst, anyone = (client_as(far(scene, room), who) for who in ("analyst", None))
    grant = f"/api/v1/grants/{scene.grant_id}"
    link = analyst.post(f"{grant}/links", json={}).json()["url"].removeprefix("http://127.0.0.1:8000")
    head, whole = anyone.head(link), anyone.get(link)
    assert not list(room.glob("files/??/??/*"))
    part = anyone.get(link, headers={"Range": "bytes=-4"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(view.size_bytes))
    assert (whole.status_code, part.status_code, part.content) == (200, 206, b"PAR1")
    kept = tmp_path / "v.parquet"
    kept.write_bytes(whole.content)
    first = analyst.get(f"{grant}/readings").json()["items"][-1]
    receipt = analyst.get(f"{grant}/readings/{first['id']}/receipt").content
    assert json.loads(receipt)["sha256"] == view.sha256
    assert check(receipt, file=kept).flaws == ()
    without_copies(room)
    stops(scene, anyone, link, monkeypatch)
