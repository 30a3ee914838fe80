"""A service whose files lie in a bucket of a real S3-compatible server: published, downloaded elsewhere, checked, collected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import obstore
import pytest

from api.durable import drain
from api.house import House
from auth.actor import SYSTEM
from core.files_s3 import S3FileStore, files_of
from datasets.store import service
from tests.datasets.parking import CLEAN, a_parking_dataset, hand_in, publish
from tests.lake import Lake
from tests.people import client_as

pytestmark = [pytest.mark.gx, pytest.mark.slow]


@pytest.fixture
def house(sqlite_house: House, lake: Lake) -> House:
    chosen = lake.settings(sqlite_house.settings.data_dir).model_dump(include={*_STORE})
    settings = sqlite_house.settings.model_copy(update=chosen)
    made = replace(sqlite_house, settings=settings, files=files_of(settings))
    with made.write() as work:
        a_parking_dataset(work)
    return made


_STORE = ("store", "store_endpoint", "store_access_key", "store_secret_key")


def another_machine(house: House, room: Path, **chosen: int) -> House:
    """The same database and bucket, another disk."""
    files = files_of(house.settings.model_copy(update={"data_dir": room}))
    return replace(house, files=files, settings=house.settings.model_copy(update=chosen))


def checked(house: House) -> dict[str, object]:
    with house.write() as work:
        service.ask(work, SYSTEM, service.CHECK)
    drain(house)
    with house.read() as work:
        found = service.report(work).check
    assert found is not None
    assert found.result is not None
    return found.result


def test_a_release_in_a_bucket_from_batch_to_download_and_back(house: House, tmp_path: Path) -> None:
    release = publish(house, "zhou", hand_in(house, "lin", CLEAN).id)
    file = f"/api/v1/releases/{release.id}/file"
    here = client_as(house).get(file).content

    far = another_machine(house, tmp_path / "far")
    visitor = client_as(far)
    whole, copies = visitor.get(file), tmp_path / "far" / "files"
    assert (whole.status_code, whole.content) == (200, here)
    assert not list(copies.glob("??/??/*")), "the whole needs no copy: it is hashed on its way"
    part = visitor.get(file, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PAR1")
    assert [each.read_bytes() for each in copies.glob("??/??/*")] == [here], (
        "a part comes from a copy that was hashed"
    )
    assert visitor.get(f"/api/v1/datasets/{release.dataset_id}/rows").json()["total"] == release.rows

    sending_on = client_as(another_machine(house, tmp_path / "on", store_presign_seconds=60))
    assert sending_on.get(file, follow_redirects=False).content == here, (
        "hashed on its way before addresses are given"
    )
    moved = sending_on.get(file, follow_redirects=False)
    assert (moved.status_code, moved.headers["cache-control"]) == (307, "no-store")
    assert httpx.get(moved.headers["location"]).content == here
    assert sending_on.head(file, follow_redirects=False).status_code == 200

    assert checked(house) | {"checked": 0} == {
        "checked": 0, "damaged": [], "missing": 0, "missing_rows": [], "uncited": 0, "uncited_bytes": 0,
    }  # fmt: skip
    held = str(release.sha256)
    assert isinstance(house.files, S3FileStore)
    obstore.put(house.files._s3, f"objects/{held[:2]}/{held}", b"rot")
    assert checked(house)["damaged"] == [held]
    house.files.remove(held)
    assert checked(house)["missing"]
