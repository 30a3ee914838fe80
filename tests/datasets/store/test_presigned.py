"""What an address of the bucket itself can do after it was given: open data alone, for so many seconds, of an object that was found right."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest

from api.delivery import DeliveryStopped
from api.house import House
from core.files_s3 import S3FileStore, files_of
from datasets.extracts.tables import ExtractRow
from datasets.releases import service as releases
from tests.datasets.extracts.scene import a_scene
from tests.datasets.parking import CLEAN, a_parking_dataset, hand_in, publish
from tests.datasets.sharing.reading import makes
from tests.desk import Desk
from tests.lake import Lake
from tests.people import client_as

pytestmark = [pytest.mark.gx, pytest.mark.slow]
STORE = ("store", "store_endpoint", "store_access_key", "store_secret_key")


@pytest.fixture
def house(sqlite_house: House, lake: Lake) -> House:
    """Files in a bucket; addresses of it are good for three seconds."""
    chosen = lake.settings(sqlite_house.settings.data_dir).model_dump(include={*STORE})
    settings = sqlite_house.settings.model_copy(update={**chosen, "store_presign_seconds": 3})
    return replace(sqlite_house, settings=settings, files=files_of(settings))


def _open_file(house: House) -> tuple[str, Any]:
    with house.write() as work:
        a_parking_dataset(work)
    release = publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    return f"/api/v1/releases/{release.id}/file", release


def _key(house: House, sha256: str) -> tuple[Any, str]:
    assert isinstance(house.files, S3FileStore)
    return house.files._s3, f"objects/{sha256[:2]}/{sha256}"


def test_an_address_outlives_a_withdrawal_by_its_seconds_and_no_longer(house: House) -> None:
    file, release = _open_file(house)
    visitor = client_as(house)
    first = visitor.get(file, follow_redirects=False)
    assert first.status_code == 200, "what nobody here hashed is streamed"
    sent_on = visitor.get(file, follow_redirects=False)
    begun, address = time.monotonic(), sent_on.headers["location"]
    assert (sent_on.status_code, httpx.get(address).content) == (307, first.content)
    assert httpx.head(address).status_code == 403
    with Desk(house).write("zhou") as (work, actor):
        releases.withdraw(work, actor, release.id, "数据有误，重新核对")
    assert visitor.get(file, follow_redirects=False).status_code == 410
    assert httpx.get(address).status_code == 200, "a bucket asks nobody again: docs/store.md"
    time.sleep(max(0.0, 5 - (time.monotonic() - begun)))
    assert httpx.get(address).status_code == 403


def test_no_address_leads_to_what_was_not_found_right(house: House) -> None:
    file, release = _open_file(house)
    visitor, sha256 = client_as(house), str(release.sha256)
    whole = visitor.get(file).content
    assert visitor.get(file, headers={"range": "bytes=0-3"}, follow_redirects=False).status_code == 307
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    store, key = _key(house, sha256)
    time.sleep(1)  # a bucket counts whole seconds; its tag changes at once
    obstore.put(store, key, bytes(damaged))
    with pytest.raises(DeliveryStopped):
        visitor.get(file, follow_redirects=False)
    obstore.put(store, key, whole)
    assert [visitor.get(file, follow_redirects=False).status_code for _ in range(2)] == [200, 307]


@pytest.mark.parametrize("way", ["extract", "ticket", "link"])
def test_what_a_grant_gives_never_gets_an_address(house: House, way: str) -> None:
    scene = a_scene(house)
    analyst, made = client_as(house, "analyst"), scene.delivered()
    if way == "link":
        makes(scene)
        asked = analyst.post(f"/api/v1/grants/{scene.grant_id}/links", json={}).json()["url"]
    elif way == "ticket":
        asked = analyst.post(f"/api/v1/extracts/{made.id}/tickets", json={}).json()["url"]
    else:
        asked = f"/api/v1/extracts/{made.id}/file"
    with house.read() as work:
        sha256 = str(work.db.get_one(ExtractRow, made.id).sha256)
    Path(house.files._path(sha256)).unlink()
    assert analyst.get(asked.removeprefix("http://127.0.0.1:8000"), follow_redirects=False).status_code == 200
