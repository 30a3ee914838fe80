"""The build job: charges once, leaves nothing behind when it fails, and stays within its memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import BigInteger
from sqlmodel import select

from api.house import House
from auth.grants import usage
from auth.policy.model import ColumnTerm, DeliveryForm, Use
from core.errors import AccessRefused, Conflict
from core.jobs import JobRow
from core.jobs_run import JobCancelled
from core.outbox import OutboxRow
from datasets.extracts import apart, build, delivering, downloading
from datasets.extracts.models import ExtractRead
from datasets.extracts.tables import ExtractRow
from datasets.pipeline.extract_build import bounds_of
from datasets.releases.tables import ReleaseRow
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import client_as


class Killed(BaseException):
    """The process dies: nothing of ours may catch it."""


def dying(at: str, when: str) -> Callable[[str, Callable[[], Any]], Any]:
    """Steps that die before or after the named one."""

    def steps(name: str, do: Callable[[], Any]) -> Any:
        if name == at and when == "before":
            raise Killed
        made = do()
        if name == at and when == "after":
            raise Killed
        return made

    return steps


@pytest.mark.parametrize(("at", "when"), [("build", "after"), ("finish", "before"), ("finish", "after")])
def test_a_build_killed_and_repeated_charges_once(house: House, at: str, when: str) -> None:
    scene = a_scene(house, quotas={"extracts": 1, "rows": 5})
    made = scene.asks()
    with pytest.raises(Killed):
        scene.works(steps=dying(at, when))
    scene.works()
    scene.works()
    found = scene.extract(made.id)
    assert found.state == "ready"
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (1, 5, found.size_bytes)
    with house.read() as work:
        events = usage.events(work, scene.grant_id)
        assert [(e.kind, e.extracts, e.rows) for e in events] == [
            ("charge", 1, 0), ("reserved", 0, 5), ("reserved", 0, -5), ("delivery", 0, 5),  # held back for its review
        ]  # fmt: skip
        ready = work.db.exec(select(OutboxRow).where(OutboxRow.topic == "extract.ready")).all()
        assert len(ready) == 1
    assert len(scene.events("extract.delivered")) == 1
    assert not list((house.settings.files_dir / "stage").rglob("*.part"))


@pytest.mark.parametrize("end", ["suspends", "revokes", "withdraws"])
@pytest.mark.parametrize("before", ["build", "finish"])
def test_what_ends_between_request_and_delivery_delivers_nothing(
    sqlite_house: House, end: str, before: str
) -> None:
    scene = a_scene(sqlite_house)
    made = scene.asks()

    def steps(name: str, do: Callable[[], Any]) -> Any:
        if name == before:
            getattr(scene, end)()
        return do()

    scene.works(steps=steps)
    _given_up(scene, made.id)


def test_a_grant_that_ends_while_its_extract_waits_delivers_nothing(house: House, clock: TestClock) -> None:
    scene = a_scene(house)
    made = scene.asks()
    clock.now = scene.view().ends_at
    scene.works()
    _given_up(scene, made.id)
    assert "ended" in scene.extract(made.id).failed_en


@pytest.mark.parametrize("quota", [{"rows": 4}, {"bytes": 100}])
def test_more_rows_or_bytes_than_are_left_deliver_nothing(house: House, quota: dict[str, int]) -> None:
    scene = a_scene(house, quotas=quota)
    made = scene.asks()
    scene.works()
    _given_up(scene, made.id, taken=1)
    assert "Not enough" in scene.extract(made.id).failed_en


def test_rows_are_charged_with_the_very_transaction_that_makes_the_file_takeable(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_scene(sqlite_house)
    made = scene.asks()

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(delivering.outbox, "post", breaks)
    scene.works()
    _given_up(scene, made.id)


def test_a_release_file_that_was_altered_is_not_delivered(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    with sqlite_house.read() as work:
        sha256 = work.db.get_one(ReleaseRow, scene.release_id).sha256
    assert sha256 is not None
    path = sqlite_house.files.path(sha256)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    made = scene.asks()
    scene.works()
    _given_up(scene, made.id)
    assert "does not match its digest" in scene.extract(made.id).failed_en


def test_of_an_altered_release_file_no_rows_are_counted_or_shown(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    with sqlite_house.read() as work:
        sha256 = str(work.db.get_one(ReleaseRow, scene.release_id).sha256)
    path = sqlite_house.files.path(sha256)
    held = bytearray(path.read_bytes())
    held[len(held) // 3] ^= 1
    path.chmod(0o640)
    path.write_bytes(held)
    body = scene.body().model_dump(mode="json")
    for who, where, sent in (
        ("analyst", "/api/v1/extracts/plan", body),
        ("approver", f"/api/v1/grants/{scene.grant_id}/simulate", {}),
    ):
        answer = client_as(sqlite_house, who).post(where, json=sent, headers={"Accept-Language": "zh-CN"})
        assert (answer.status_code, answer.json()["detail"][:4]) == (503, "数据文件")


def test_a_build_that_sorts_ends_as_soon_as_it_is_cancelled(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled after it was begun and before it says anything: its process is killed and the extract given back."""
    scene = a_scene(sqlite_house)
    made = scene.asks()
    monkeypatch.setattr(apart, "SMALL_BYTES", 0)
    begun: list[Any] = []
    tell = apart._tell

    def stopped(pipe: Any, what: Any) -> None:
        """The process is stopped as it is told what to make: it neither goes on nor ends."""
        (process,) = begun
        process.send_signal(signal.SIGSTOP)
        tell(pipe, what)
        with scene.house.write() as work:
            work.db.get_one(JobRow, made.job_id).cancel_requested = True

    popen = subprocess.Popen
    monkeypatch.setattr(apart.subprocess, "Popen", lambda *a, **k: begun.append(popen(*a, **k)) or begun[-1])
    monkeypatch.setattr(apart, "_tell", stopped)
    done = threading.Thread(target=scene.works, daemon=True)
    done.start()
    done.join(20)
    if done.is_alive():
        begun[0].kill()  # so that the test ends
    assert not done.is_alive()
    assert begun[0].poll() == -signal.SIGKILL
    _given_up(scene, made.id)


def test_a_count_of_rows_ends_as_soon_as_the_job_is_cancelled(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made the rows are counted, which a large release makes long: the engine is interrupted."""
    scene = a_scene(sqlite_house)
    made = scene.asks()
    begun = threading.Event()

    def endless(connection: Any, *_: Any) -> Any:
        begun.set()
        return connection.sql("SELECT i FROM range(1000000000000) t(i) WHERE hash(i) % 7 = 3"), {}

    monkeypatch.setattr(build, "visible_rows", endless)
    _ends_once_cancelled(scene, made, begun)


def test_a_build_in_the_worker_itself_ends_as_soon_as_it_is_cancelled(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file is made where the worker stands; the engine is interrupted before it gave the first row."""
    scene = a_scene(sqlite_house)
    made = scene.asks()
    begun, there = threading.Event(), build.visible_rows

    def endless(connection: Any, *told: Any) -> Any:
        visible, held = there(connection, *told)
        if threading.current_thread().name != "counted":
            threading.current_thread().name = "counted"
            return visible, held
        begun.set()
        numbers = connection.sql("SELECT i FROM range(1000000000000) t(i)")
        return visible.cross(numbers).filter("hash(i) % 7 = 9"), held

    monkeypatch.setattr(build, "visible_rows", endless)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process began"))
    _ends_once_cancelled(scene, made, begun)


@pytest.mark.parametrize("when", ["rows are read", "rows are written"])
def test_a_build_that_is_stopped_between_two_batches_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Where the engine has nothing to do just then an interruption would be lost on it."""
    pq.write_table(pa.table({"n": list(range(100))}), tmp_path / "release.parquet")
    monkeypatch.setattr(build, "BATCH_ROWS", 10)
    stops: list[Callable[[], None]] = []
    seen: list[Any] = []

    @contextmanager
    def watched(interrupt: Callable[[], None]) -> Iterator[None]:
        stops.append(interrupt)
        yield

    def stop(columns: list[pa.Array]) -> list[pa.Array]:
        seen.append(columns)
        stops[0]()
        return columns

    monkeypatch.setattr(build, "_hashing" if when == "rows are read" else "_marking", lambda _: stop)
    recipe = build.Recipe(
        (ColumnTerm(name="n", use=Use.PLAIN),), None, DeliveryForm("extract_csv"), b"k" * 32, {}
    )
    with pytest.raises(duckdb.InterruptException):
        build.build(
            tmp_path / "release.parquet",
            recipe,
            tmp_path / "out",
            memory_limit_mb=200,
            scratch=tmp_path,
            watched=watched,
        )
    assert len(seen) < 4  # a batch or two are made ahead


def test_a_small_file_with_many_cells_is_made_apart(tmp_path: Path) -> None:
    """Twelve million rows of one value fit in 16 MiB, and take half a minute."""
    for name, rows in (("few", 1_000), ("many", apart.SMALL_CELLS)):
        pq.write_table(pa.table({"n": pa.repeat(1, rows)}), tmp_path / name)
    assert apart.is_small(tmp_path / "few")
    assert (tmp_path / "many").stat().st_size < apart.SMALL_BYTES
    assert not apart.is_small(tmp_path / "many")


def test_the_bounds_of_a_column_are_not_read_on_when_the_job_is_cancelled(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1.0, 2.0]}), tmp_path / "release.parquet")

    def look() -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        bounds_of(tmp_path / "release.parquet", "n", look)
    assert bounds_of(tmp_path / "release.parquet", "n") == (1.0, 2.0)


def test_a_cancelled_build_gives_the_extract_back(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    made = scene.asks()
    with sqlite_house.write() as work:
        work.db.get_one(JobRow, made.job_id).cancel_requested = True
    scene.works()
    _given_up(scene, made.id)


def test_a_failed_extract_gives_its_quota_to_the_next(house: House) -> None:
    scene = a_scene(house, quotas={"extracts": 1, "rows": 4})
    scene.asks()
    scene.suspends()
    scene.works()
    scene.resumes()
    assert scene.delivered(filter={"op": "eq", "column": "venue_id", "value": "V1"}).rows == 1


def test_files_above_two_gib_fit_the_table() -> None:
    columns = ExtractRow.__table__.columns  # type: ignore[attr-defined]
    for name in ("rows", "size_bytes", "bytes_sent"):
        assert isinstance(columns[name].type, BigInteger), name


@pytest.mark.slow
def test_memory_stays_bounded_whatever_the_number_of_rows(tmp_path: Path) -> None:
    """Peak memory of a whole process that filters, pseudonymises and sorts 500,000 wide rows."""
    count = 500_000
    text = pa.array([f"{n:032d}" for n in range(count)])
    table = pa.table(
        {"id": text, "phone": text, "note": text, "more": text, "n": pa.array(range(count), pa.int64())}
    )
    pq.write_table(table, tmp_path / "release.parquet", compression="zstd", row_group_size=100_000)
    del table, text
    made = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    rows, base_mb, peak_mb = map(int, made.stdout.split())
    assert rows == count
    assert peak_mb < 500, (base_mb, peak_mb)


_MEASURE = """
import re, sys
from pathlib import Path
from auth.policy.model import ColumnTerm, DeliveryForm
from datasets.extracts.build import Recipe, build
room = Path(sys.argv[1])
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
base = peak()
terms = [ColumnTerm(name=n, use="plain") for n in ("id", "note", "more", "n")]
terms.append(ColumnTerm(name="phone", use="pseudonymised"))
recipe = Recipe(tuple(terms), None, DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {})
built = build(room / "release.parquet", recipe, room / "out.parquet", memory_limit_mb=200, scratch=room)
print(built.rows, base, peak())
"""


def _ends_once_cancelled(scene: Scene, made: ExtractRead, begun: threading.Event) -> None:
    done = threading.Thread(target=scene.works, daemon=True)
    done.start()
    assert begun.wait(60)
    with scene.house.write() as work:
        work.db.get_one(JobRow, made.job_id).cancel_requested = True
    done.join(30)
    assert not done.is_alive()
    _given_up(scene, made.id)


def _given_up(scene: Scene, extract_id: str, *, taken: int = 0) -> None:
    """Failed, said why, nothing stored as ready, nothing charged. `taken`: 1 for what the rows answered."""
    found = scene.extract(extract_id)
    assert found.state == "failed"
    assert found.failed_zh
    assert found.failed_en
    assert (found.sha256, found.receipt_hash, found.rows, found.ready_at) == (None, None, None, None)
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (taken, 0, 0)
    assert [kind for kind, _ in scene.events()] == ["extract.requested", "extract.failed"]
    assert not list((scene.house.settings.files_dir / "stage").rglob("*.part"))
    with pytest.raises((AccessRefused, Conflict)), scene.desk.write("analyst") as (work, actor):
        downloading.open_download(work, actor, found.id)
