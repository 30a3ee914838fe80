"""The process that a worker keeps begun for the next file: it serves one job, harms nobody by dying, and outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.house import House
from auth.policy.model import ColumnTerm, DeliveryForm, Use
from core.errors import Unavailable
from datasets.extracts import apart
from datasets.extracts.apart import Spare
from datasets.extracts.build import Recipe
from tests.datasets.extracts.scene import a_scene

RECIPE = Recipe((ColumnTerm(name="id", use=Use.PLAIN),), None, DeliveryForm("extract_csv"), b"k" * 32, {})
MOST_MB = 160


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spare]:
    """As a worker keeps it."""
    monkeypatch.setattr(apart, "SMALL_BYTES", 0)
    made = Spare()
    monkeypatch.setattr(apart, "SPARE", made)
    made.keep()
    yield made
    made.end()


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], int]:
    """Has a file made; which process did."""
    release = tmp_path / "release.parquet"
    pq.write_table(pa.table({"id": list(range(1000))}), release)

    def made() -> int:
        out = tmp_path / f"out-{time.monotonic_ns()}"
        with apart.maker(release) as build:
            assert build(release, RECIPE, out, memory_limit_mb=200, scratch=tmp_path).rows == 1000
            return int(build._process.pid)  # type: ignore[attr-defined]

    return made


def waiting(spare: Spare) -> int:
    assert spare._waiting is not None
    return int(spare._waiting.pid)


def is_alive(process: int) -> bool:
    stat = Path("/proc", str(process), "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def test_none_is_begun_before_a_file_was_made_and_each_serves_once(
    spare: Spare, make: Callable[[], int]
) -> None:
    assert spare._waiting is None
    first = make()
    second = waiting(spare)
    assert (first != second, is_alive(first)) == (True, False)
    assert make() == second
    assert (is_alive(second), waiting(spare) not in (first, second)) == (False, True)


def test_none_is_kept_where_nobody_asked_for_one(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], int]
) -> None:
    monkeypatch.setattr(apart, "SPARE", other := Spare())
    make()
    assert other._waiting is None


def test_it_has_nothing_open_and_takes_little(spare: Spare, make: Callable[[], int]) -> None:
    make()
    room = Path("/proc", str(waiting(spare)))
    until(lambda: "libduckdb" in (maps := (room / "maps").read_text()) or "_duckdb" in maps, "it never began")
    time.sleep(2)
    held = {str((room / "fd" / each.name).readlink()) for each in (room / "fd").iterdir()}
    ours = {str(Path("/proc/self/fd", str(n)).readlink()) for n in (1, 2)}
    assert not {each for each in held - ours if not each.startswith(("pipe:", "/dev/null"))}
    resident = (room / "status").read_text().partition("VmRSS:")[2].split()[0]
    assert int(resident) / 1024 < MOST_MB


def test_one_that_was_killed_while_it_waited_is_replaced(spare: Spare, make: Callable[[], int]) -> None:
    make()
    kill(dead := waiting(spare))
    assert make() != dead


def test_one_that_dies_as_it_is_told_is_replaced(
    spare: Spare, make: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    chosen, tell = waiting(spare), apart._tell

    def told(pipe: Any, what: object) -> None:
        if is_alive(chosen):
            kill(chosen)
        tell(pipe, what)

    monkeypatch.setattr(apart, "_tell", told)
    assert make() != chosen


def test_a_job_that_was_cancelled_begins_no_other_in_its_place(
    spare: Spare, tmp_path: Path, make: Callable[[], int]
) -> None:
    make()
    with apart.maker(tmp_path / "release.parquet") as build:
        build.end()  # type: ignore[attr-defined]
        with pytest.raises((Unavailable, ValueError)):
            build(tmp_path / "release.parquet", RECIPE, tmp_path / "x", memory_limit_mb=200, scratch=tmp_path)
    assert not (tmp_path / "x").exists()


def test_it_goes_when_nobody_wants_it(
    spare: Spare, make: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "KEPT_S", 0.2)
    make()
    until(lambda: spare._waiting is None, "it stayed")


def test_it_goes_when_no_more_are_kept(spare: Spare, make: Callable[[], int]) -> None:
    make()
    process = waiting(spare)
    spare.end()
    assert not is_alive(process)
    make()
    assert spare._waiting is None


def test_it_goes_with_a_worker_that_is_killed() -> None:
    worker = subprocess.Popen(
        [
            sys.executable, "-c",
            "import time; from datasets.extracts import apart\n"
            "apart.SPARE.keep(); apart.SPARE.renew(); print(apart.SPARE._waiting.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path(apart.__file__).parents[2])},
    )  # fmt: skip
    assert worker.stdout is not None
    with worker:
        process = int(worker.stdout.readline())
        assert is_alive(process)
        worker.kill()
    until(lambda: not is_alive(process), "it outlived its worker")


def test_extracts_of_a_worker_are_made_by_it_one_after_another(spare: Spare, sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    assert scene.delivered().rows == 5
    process = waiting(spare)
    assert scene.delivered().rows == 5
    assert waiting(spare) != process
