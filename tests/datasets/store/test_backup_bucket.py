"""A backup below a prefix of a bucket of a real S3-compatible server: whole or none, written by one at a time, and put back from there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from typer.testing import CliRunner

from api.backups import back_up, put_back
from api.cli import _assemble, cli
from api.house import House, open_house
from auth.grants import usage
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Unavailable
from core.files_s3 import files_of
from core.ids import GrantId
from core.settings import Settings
from datasets.store import backup, backup_bucket, service
from datasets.store.backup_bucket import BucketShelf, shelf_at
from tests.datasets.store.test_backup import holds, missing, quiet
from tests.desk import a_desk, a_grant, codes
from tests.lake import KEY, SECRET, Lake

pytestmark = pytest.mark.slow
BIG = b"x" * 40_000_000  # goes in parts


def with_lake(lake: Lake, room: Path, **other: Any) -> Settings:
    """An installation that may write backups to the lake."""
    chosen = {
        "data_dir": room, "worker": False, "backup_endpoint": lake.endpoint, "backup_access_key": KEY,
        "backup_secret_key": SECRET,
    }  # fmt: skip
    return Settings(**(chosen | other))


@pytest.fixture
def out(lake: Lake) -> str:
    return f"s3://parking/backups-{random.getrandbits(60):x}"


@pytest.fixture
def house(sqlite_house: House, lake: Lake) -> House:
    return replace(sqlite_house, settings=with_lake(lake, sqlite_house.settings.data_dir))


def shelf_of(house: House, out: str) -> BucketShelf:
    found = shelf_at(house.settings, out)
    assert isinstance(found, BucketShelf)
    return found


def test_what_is_put_back_from_a_bucket_is_what_was_and_opens_nothing(
    house: House, out: str, tmp_path: Path, lake: Lake
) -> None:
    grant = a_grant(a_desk(house))
    held = holds(house, b"one", b"", BIG)
    (house.settings.keys_dir / "some.key").write_bytes(b"k" * 32)
    (house.settings.keys_dir / "some.key").chmod(0o400)
    made = back_up(house, out, None, quiet)
    assert (made["files"], made["absent"]) == (3, [])
    assert made["copied_bytes"] == 3 + len(BIG)
    assert made["size_bytes"] > made["copied_bytes"]
    assert made["duration_ms"] > 0
    assert not list(house.settings.scratch_dir.glob("backup-*")), "nothing is left on this disk"
    with house.read() as work:
        (told,) = service.report(work).backups
    assert (told.place, told.size_bytes, told.duration_ms) == (out, made["size_bytes"], made["duration_ms"])

    settings = with_lake(lake, tmp_path / "there")
    assert put_back(settings, out, "", quiet)["absent"] == []
    again = replace(open_house(settings), clock=house.clock)
    assert missing(again) == []
    assert sorted(again.files.digests()) == sorted(held)
    assert all(again.files.verify(each) for each in held)
    key = settings.keys_dir / "some.key"
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"k" * 32, 0o400)
    with again.write() as work, pytest.raises(AccessRefused) as refused:
        usage.charge(work, GrantId(grant.id), rows=1)
    assert codes(refused) == ["frozen"]
    again.engine.dispose()


def test_only_new_files_are_copied_and_old_snapshots_go(house: House, out: str) -> None:
    told: list[tuple[int, int]] = []
    (first,) = holds(house, b"one")
    old = back_up(house, out, None, quiet)["snapshot"]
    (second,) = holds(house, b"two!")
    house.clock.forward(hours=1)  # type: ignore[attr-defined]
    made = back_up(house, out, None, lambda done, of: told.append((done, of)))
    assert (told, made["copied_bytes"]) == ([(1, 1)], 4)
    with house.write() as work:
        work.db.connection().exec_driver_sql(f"DELETE FROM datasets_output_review WHERE sha256 = '{first}'")
    house.clock.forward(hours=1)  # type: ignore[attr-defined]
    assert back_up(house, out, 1, quiet)["removed_snapshots"] == 2
    shelf = shelf_of(house, out)
    assert len(shelf.names()) == 1
    assert old not in shelf.names()
    assert list(shelf.files.digests()) == [second]
    assert backup.check(shelf, "", quiet)[1] == []


@pytest.mark.parametrize("part", ["datagrant.db", "manifest.json", "keys/some.key"])
@pytest.mark.parametrize("damage", ["other bytes", "gone"])
def test_a_damaged_snapshot_is_not_put_back(
    house: House, out: str, tmp_path: Path, lake: Lake, part: str, damage: str
) -> None:
    (house.settings.keys_dir / "some.key").write_bytes(b"k" * 32)
    name = back_up(house, out, None, quiet)["snapshot"]
    bucket, key = lake.bucket("parking"), f"{out.removeprefix('s3://parking/')}/snapshots/{name}/{part}"
    if damage == "gone":
        obstore.delete(bucket, key)
    else:
        obstore.put(bucket, key, b"\0rot")
    with pytest.raises((InputRefused, NotFound)):
        put_back(with_lake(lake, tmp_path / "there"), out, "", quiet)
    assert not (tmp_path / "there").exists() or not list((tmp_path / "there").iterdir())


def test_a_damaged_file_is_named(house: House, out: str, tmp_path: Path, lake: Lake) -> None:
    one, two = holds(house, b"one", b"two")
    house.files.remove(one)
    made = back_up(house, out, None, quiet)
    assert (made["absent"], made["files"]) == ([one], 1)
    obstore.put(
        lake.bucket("parking"), f"{out.removeprefix('s3://parking/')}/objects/{two[:2]}/{two}", b"rot"
    )
    assert backup.check(shelf_of(house, out), "", quiet)[1] == [two]
    done = put_back(with_lake(lake, tmp_path / "there"), out, "", quiet)
    assert done["absent"] == sorted([one, two])
    assert not list((tmp_path / "there" / "files").glob("??/??/*")), "no untrue byte is kept"


def test_without_its_manifest_it_is_none_and_the_next_one_clears_it_away(house: House, out: str, lake: Lake) -> None:  # fmt: skip
    bucket, prefix = lake.bucket("parking"), out.removeprefix("s3://parking/")
    obstore.put(bucket, f"{prefix}/snapshots/20200101T000000.000000Z/datagrant.db", b"half")
    shelf = shelf_of(house, out)
    assert shelf.names() == []
    with pytest.raises(NotFound):
        shelf.manifest("20200101T000000.000000Z")
    back_up(house, out, None, quiet)
    assert not [each for some in obstore.list(bucket, f"{prefix}/snapshots/2020") for each in some]


def test_one_at_a_time_writes_there(house: House, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with shelf_of(house, out).alone(), pytest.raises(Conflict):
        back_up(house, out, None, quiet)
    back_up(house, out, None, quiet)  # it was let go of

    stuck = backup_bucket._Lease(shelf_of(house, out)._s3, out)
    assert stuck._write("create"), "a writer that renews nothing any more"
    with pytest.raises(Conflict):
        back_up(house, out, None, quiet)
    monkeypatch.setattr(backup_bucket, "_DEAD_S", -3600.0)
    late = shelf_of(house, out)
    with late.alone():
        monkeypatch.undo()
        assert not stuck.is_held()
        late._demand_lease()
        late._lease, held = stuck, late._lease
        with pytest.raises(Conflict):
            late.drop("20200101T000000.000000Z")
        late._lease = held


def test_the_lock_of_a_process_that_is_gone_is_taken_over_at_once(house: House, out: str, lake: Lake) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    body = {"host": os.uname().nodename, "pid": gone.pid, "token": "x"}
    obstore.put(
        lake.bucket("parking"), f"{out.removeprefix('s3://parking/')}/lock", json.dumps(body).encode()
    )
    assert back_up(house, out, None, quiet)["absent"] == []


def test_a_backup_within_the_store_a_wrong_address_and_a_wrong_key_are_refused(
    sqlite_house: House, lake: Lake, tmp_path: Path
) -> None:
    settings = lake.settings(sqlite_house.settings.data_dir, backup_endpoint=lake.endpoint, backup_access_key=KEY, backup_secret_key=SECRET)  # fmt: skip
    house = replace(sqlite_house, settings=settings, files=files_of(settings))
    for place in (settings.store, f"{settings.store}/backups", "s3://parking"):
        with pytest.raises(InputRefused) as refused:
            back_up(house, place, None, quiet)
        assert "must not lie within" in refused.value.detail.en
    back_up(house, f"{settings.store}-beside", None, quiet)
    with pytest.raises(InputRefused) as refused:
        back_up(house, "s3://", None, quiet)
    assert "s3://bucket/prefix" in refused.value.detail.en
    wrong = replace(house, settings=settings.model_copy(update={"backup_secret_key": "another"}))
    with pytest.raises(Unavailable) as failed:
        back_up(wrong, "s3://parking/other", None, quiet)
    assert "DATAGRANT_BACKUP_" in failed.value.detail.en
    assert "another" not in str(failed.value)


def test_from_a_bucket_to_a_bucket_and_back(
    sqlite_house: House, out: str, tmp_path: Path, lake: Lake
) -> None:
    secret = {"backup_endpoint": lake.endpoint, "backup_access_key": KEY, "backup_secret_key": SECRET}
    settings = lake.settings(sqlite_house.settings.data_dir, **secret)
    house = replace(sqlite_house, settings=settings, files=files_of(settings))
    held = holds(house, b"one", BIG)
    for copy in settings.files_dir.glob("??/??/*"):
        copy.unlink()  # the bucket alone has them
    assert back_up(house, out, None, quiet)["files"] == 2
    assert not list(settings.files_dir.glob("??/??/*")), "no copy is made on the way"
    for target in (with_lake(lake, tmp_path / "a"), lake.settings(tmp_path / "b", **secret)):
        assert put_back(target, out, "", quiet)["absent"] == []
        files = files_of(target)
        assert sorted(files.digests()) == sorted(held)
        assert all(files.verify(each) for each in held)


def test_the_commands_take_the_address(house: House, out: str, tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    for name, value in (("ENDPOINT", lake.endpoint), ("ACCESS_KEY", KEY), ("SECRET_KEY", SECRET)):
        monkeypatch.setenv(f"DATAGRANT_BACKUP_{name}", value)
    if not cli.registered_commands:
        _assemble()

    def datagrant(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(cli, [str(each) for each in words])
        return done.exit_code, done.output

    here = house.settings.data_dir
    code, said = datagrant("backup", out, "--data-dir", here, "--json")
    assert (code, json.loads(said)["absent"]) == (0, [])
    assert datagrant("backup", out, "--check", "--data-dir", here)[0] == 0
    with house.read() as work:
        (told,) = service.report(work).backups
    assert (told.place, told.damaged, told.checked_at is not None) == (out, 0, True)
    code, said = datagrant("restore", f"{out}/", "--data-dir", tmp_path / "there")
    assert (code, "/incidents" in said) == (0, True)
    code, said = datagrant("restore", f"{out}-none", "--data-dir", tmp_path / "third")
    assert (code, "There is no such snapshot" in said) == (1, True)


@pytest.mark.crash
def test_killed_at_any_instant_it_goes_on_and_ends_whole(house: House, out: str, tmp_path: Path, lake: Lake) -> None:  # fmt: skip
    chance, there = random.Random(11), tmp_path / "there"  # noqa: S311 - instants
    held = holds(house, *(os.urandom(100_000) + bytes([n]) for n in range(30)), BIG)
    house.engine.dispose()
    secret = {
        "DATAGRANT_BACKUP_ENDPOINT": lake.endpoint, "DATAGRANT_BACKUP_ACCESS_KEY": KEY, "DATAGRANT_BACKUP_SECRET_KEY": SECRET
    }  # fmt: skip

    def run(*words: str) -> bool:
        """Do it, killed while the files move; whether it had ended well by then."""
        started = subprocess.Popen(
            [sys.executable, "-c", "from api.cli import main; main()", *words], env=os.environ | secret,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _, said = started.communicate(
                timeout=chance.uniform(0.8, 4.0) if chance.random() < 0.85 else None
            )
        except subprocess.TimeoutExpired:
            os.kill(started.pid, signal.SIGKILL)
            started.communicate()
            return False
        assert started.returncode == 0, said
        return True

    kills, deadline = 0, time.monotonic() + 120
    while not run("backup", out, "--data-dir", str(house.settings.data_dir)):
        kills += 1
        for name in shelf_of(house, out).names():
            found, bad = backup.check(shelf_of(house, out), name, quiet)
            assert (bad, found.absent, sorted(found.files)) == ([], [], sorted(held))
        assert time.monotonic() < deadline
    while not run("restore", out, "--data-dir", str(there)):
        kills += 1
        if (there / "datagrant.db").exists() and not (there / "restoring.json").exists():
            break
        assert time.monotonic() < deadline + timedelta(minutes=2).total_seconds()
    assert kills
    again = open_house(with_lake(lake, there))
    assert missing(again) == []
    assert all(again.files.verify(each) for each in held)
    again.engine.dispose()
