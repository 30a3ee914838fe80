"""Many processes write to one SQLite file: each comes to it soon, and one that dies or stops hinders nobody for long."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from core import outbox
from core.db import make_engine
from core.outbox import OutboxRow
from core.turns import FileTurns
from core.work import unit_of_work

_FORK = multiprocessing.get_context("fork")


def _writes(path: Path, seconds: float, waits: Queue[float]) -> None:
    """Write again and again, as fast as may be; tell the longest wait for a transaction."""
    engine, worst, end = make_engine(f"sqlite:///{path}"), 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        asked = time.monotonic()
        with unit_of_work(engine) as work:
            outbox.post(work, "mail", "a", {})
            work.db.flush()  # only now the database is asked for its lock
            worst = max(worst, time.monotonic() - asked)
            time.sleep(0.004)
    waits.put(worst)


@pytest.mark.long
def test_of_many_processes_that_write_none_starves(tmp_path: Path) -> None:
    """Eight that ask again at once: without a queue between them some wait ten seconds and more while the others go on."""
    path = tmp_path / "a.db"
    engine = make_engine(f"sqlite:///{path}")
    OutboxRow.metadata.create_all(engine, tables=[OutboxRow.__table__])  # type: ignore[attr-defined]
    engine.dispose()
    waits: Queue[float] = _FORK.Queue()
    processes = [_FORK.Process(target=_writes, args=(path, 10.0, waits)) for _ in range(8)]
    for process in processes:
        process.start()
    told = [waits.get(timeout=90) for _ in processes]
    for process in processes:
        process.join(10)
    assert max(told) < 5, sorted(told)


def _takes(path: Path, came: Queue[str], how_long: float) -> None:
    with FileTurns(path).turn(30):
        came.put("there")
        time.sleep(how_long)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_who_dies_gives_the_turn_back_and_who_stops_is_passed_by(tmp_path: Path, how: signal.Signals) -> None:
    came: Queue[str] = _FORK.Queue()
    other = _FORK.Process(target=_takes, args=(tmp_path / "a.db", came, 60))
    other.start()
    try:
        assert came.get(timeout=20) == "there"
        asked = time.monotonic()
        with FileTurns(tmp_path / "a.db").turn(0.2):
            assert 0.2 <= time.monotonic() - asked < 5
        os.kill(other.pid or 0, how)
        if how is signal.SIGKILL:
            other.join(10)
        asked = time.monotonic()
        with FileTurns(tmp_path / "a.db").turn(1):
            assert (time.monotonic() - asked < 0.9) is (how is signal.SIGKILL)
    finally:
        other.kill()
        other.join(10)


def test_where_no_file_can_be_made_the_block_runs_all_the_same(tmp_path: Path) -> None:
    with FileTurns(tmp_path / "nowhere" / "a.db").turn(1):
        assert not (tmp_path / "nowhere").exists()
