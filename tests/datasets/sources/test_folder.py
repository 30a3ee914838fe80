"""Watched folders: what is still being written waits, links lead nowhere, and no path leaves the department's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from api.house import House
from core.errors import InputRefused, Unavailable
from datasets.sources import folder
from datasets.sources.asking import Ask, Catch
from datasets.sources.folder import FolderConfig
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, WARNS
from tests.datasets.sources.places import allow, drop


@pytest.fixture
def inbox(sqlite_house: House, tmp_path: Path) -> Path:
    root = tmp_path / "watched"
    allow(sqlite_house, source_root=root)
    (root / "traffic" / "in").mkdir(parents=True)
    return root / "traffic" / "in"


def look(house: House, memory: dict[str, Any] | None = None, pattern: str = "*", path: str = "in") -> Catch:
    ask = Ask("traffic", None, memory or {}, house.settings, house.clock())
    return folder.fetch(ask, FolderConfig(kind="folder", path=path, pattern=pattern), house.files)


def looks(house: House, clock: TestClock, times: int, **how: Any) -> list[Catch]:
    """Several looks, a minute apart, each remembering the former."""
    found: list[Catch] = []
    for _ in range(times):
        found.append(look(house, found[-1].memory if found else None, **how))
        clock.forward(minutes=1)
    return found


def test_a_file_is_taken_at_the_second_look_that_finds_it_the_same(
    sqlite_house: House, clock: TestClock, inbox: Path
) -> None:
    drop(inbox, "lots.csv", CLEAN)
    first, second, third = looks(sqlite_house, clock, 3)
    assert [len(each.files) for each in (first, second, third)] == [0, 1, 0]
    assert first.look_again_s == 60
    assert second.look_again_s is None
    assert sqlite_house.files.path(second.files[0].stored.sha256).read_bytes() == CLEAN
    assert second.files[0].provenance["address"] == "folder:in/lots.csv"


def test_a_file_that_grows_between_two_looks_waits(
    sqlite_house: House, clock: TestClock, inbox: Path
) -> None:
    path = drop(inbox, "lots.csv", CLEAN[:20])
    first = look(sqlite_house)
    clock.forward(minutes=1)
    path.write_bytes(CLEAN)
    second = look(sqlite_house, first.memory)
    assert second.files == ()
    clock.forward(minutes=1)
    assert len(look(sqlite_house, second.memory).files) == 1


def test_same_size_and_other_time_waits_too(sqlite_house: House, clock: TestClock, inbox: Path) -> None:
    path = drop(inbox, "lots.csv", CLEAN)
    first = look(sqlite_house)
    clock.forward(minutes=1)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert look(sqlite_house, first.memory).files == ()


def test_two_looks_in_a_hurry_count_as_one(sqlite_house: House, clock: TestClock, inbox: Path) -> None:
    drop(inbox, "lots.csv", CLEAN)
    first = look(sqlite_house)
    clock.forward(seconds=5)
    second = look(sqlite_house, first.memory)
    assert second.files == ()
    clock.forward(seconds=26)
    assert len(look(sqlite_house, second.memory).files) == 1


def test_a_file_that_is_written_anew_is_taken_anew(
    sqlite_house: House, clock: TestClock, inbox: Path
) -> None:
    path = drop(inbox, "lots.csv", CLEAN)
    *_, taken = looks(sqlite_house, clock, 2)
    path.write_bytes(WARNS)
    noticed = look(sqlite_house, taken.memory)
    clock.forward(minutes=1)
    again = look(sqlite_house, noticed.memory)
    assert (len(noticed.files), len(again.files)) == (0, 1)


def test_the_oldest_come_first_and_only_names_that_match(
    sqlite_house: House, clock: TestClock, inbox: Path
) -> None:
    for n, name in enumerate(("c.csv", "a.csv", "b.csv", "note.txt", ".hidden.csv", "~$open.csv")):
        os.utime(drop(inbox, name, CLEAN + bytes([65 + n])), (1000 + n, 1000 + n))
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    *_, found = looks(sqlite_house, clock, 2, pattern="*.csv")
    assert [each.name for each in found.files] == ["c.csv", "a.csv", "b.csv"]


def test_links_are_passed_over_and_said(
    sqlite_house: House, clock: TestClock, inbox: Path, tmp_path: Path
) -> None:
    secret = drop(tmp_path / "elsewhere", "secret.csv", b"secret")
    (inbox / "lots.csv").symlink_to(secret)
    *_, found = looks(sqlite_house, clock, 2)
    assert found.files == ()
    assert "1 symbolic link" in found.said.en


@pytest.mark.parametrize("where", ["", "in"])
def test_a_folder_that_is_or_lies_behind_a_link_is_refused(
    sqlite_house: House, inbox: Path, tmp_path: Path, where: str
) -> None:
    drop(tmp_path / "elsewhere" / "in", "secret.csv", b"secret")
    inbox.rmdir()
    if where:
        inbox.symlink_to(tmp_path / "elsewhere" / "in")
    else:
        inbox.parent.rmdir()
        inbox.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputRefused, match="symbolic link"):
        look(sqlite_house)


def test_a_file_that_turns_into_a_link_at_the_last_moment_is_not_read(
    sqlite_house: House, clock: TestClock, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = drop(tmp_path / "elsewhere", "secret.csv", b"secret")
    path = drop(inbox, "lots.csv", CLEAN)
    first = look(sqlite_house)
    clock.forward(minutes=1)
    real = folder._marks

    def then_swapped(*args: Any) -> Any:
        found = real(*args)
        path.unlink()
        path.symlink_to(secret)
        return found

    monkeypatch.setattr(folder, "_marks", then_swapped)
    assert look(sqlite_house, first.memory).files == ()
    assert not list(sqlite_house.files.digests())


@pytest.mark.parametrize(
    "path",
    ["..", "../weather", "in/../../weather", "/etc", "in//x", "./in", "a\\b", "a\0b", "in/.", "//", "~/.."],
)
def test_no_path_leaves_the_departments_own_folder(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        FolderConfig(kind="folder", path=path) if path != "//" else FolderConfig(kind="folder", path="//")


@pytest.mark.parametrize("org", ["..", ".", "../weather", "a/b"])
def test_not_even_by_the_name_of_a_department(sqlite_house: House, inbox: Path, org: str) -> None:
    ask = Ask(org, None, {}, sqlite_house.settings, sqlite_house.clock())
    with pytest.raises(InputRefused):
        folder.fetch(ask, FolderConfig(kind="folder"), sqlite_house.files)


def test_without_a_root_there_are_no_folders(sqlite_house: House) -> None:
    with pytest.raises(Unavailable, match="DATAGRANT_SOURCE_ROOT"):
        look(sqlite_house)


def test_one_file_that_is_too_large_does_not_stop_the_others(
    sqlite_house: House, clock: TestClock, inbox: Path
) -> None:
    allow(sqlite_house, upload_max_bytes=1000)
    drop(inbox, "big.csv", b"x" * 1001)
    drop(inbox, "lots.csv", CLEAN)
    *_, found = looks(sqlite_house, clock, 2)
    assert [each.name for each in found.files] == ["lots.csv"]
    assert "big.csv" in found.problems[0].zh


def test_a_trial_lists_what_lies_there(sqlite_house: House, inbox: Path) -> None:
    drop(inbox, "lots.csv", CLEAN)
    ask = Ask("traffic", None, {}, sqlite_house.settings, sqlite_house.clock())
    found = folder.probe(ask, FolderConfig(kind="folder", path="in"))
    assert found.facts == [{"name": "lots.csv", "value": f"{len(CLEAN)} B"}]
