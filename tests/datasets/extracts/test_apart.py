"""A file made in a process of its own: the same bytes, the same refusals, and an end to it whoever dies."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.policy.filters.model import parse
from auth.policy.model import ColumnTerm, DeliveryForm, Use
from core.errors import AppError, Conflict, Gone, InputRefused, QuotaExceeded, Reason, Unavailable
from core.jobs_run import JobCancelled
from core.text import Text
from datasets.extracts import apart
from datasets.extracts.build import Recipe, build
from tests.datasets.extracts.scene import a_scene

TERMS = (
    ColumnTerm(name="id", use=Use.PLAIN),
    ColumnTerm(name="who", use=Use.PSEUDONYMISED),
    ColumnTerm(name="amount", use=Use.PLAIN),
)
LIMITS: Any = {"memory_limit_mb": 200}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    rows = 300_000
    table = pa.table(
        {
            "id": list(range(rows)),
            "who": [f"人{at % 900}" for at in range(rows)],
            "amount": [at * 0.5 for at in range(rows)],
            "secret": ["x"] * rows,
        }
    )
    path = tmp_path / "release.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture
def every_file_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SMALL_BYTES", 0)


def the_maker() -> int:
    """The one process; a moment after its start it does not yet bear its name."""
    until = time.monotonic() + 10
    while not (found := makers()):
        assert time.monotonic() < until
        time.sleep(0.002)
    (process,) = found
    return process


def build_apart(release: Path, *asked: Any, **more: Any) -> Any:
    with apart.maker(release) as make:
        return make(release, *asked, **more)


def recipe(form: str = "extract_parquet", filtered: str = "amount") -> Recipe:
    wanted = parse({"op": "lt", "column": filtered, "value": 60_000})
    return Recipe(TERMS, wanted, DeliveryForm(form), b"k" * 32, {"datagrant.extract": "e1"})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def makers() -> list[int]:
    """Processes of ours that make a file."""
    return [
        int(child)
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
        if "datasets.extracts.apart" in Path("/proc", child, "cmdline").read_text()
    ]


@pytest.mark.usefixtures("every_file_apart")
@pytest.mark.parametrize("form", ["extract_parquet", "extract_csv", "extract_jsonl"])
def test_the_file_is_the_same_to_the_byte_and_progress_is_told(
    release: Path, tmp_path: Path, form: str
) -> None:
    told: list[tuple[float, Text]] = []
    here = build(release, recipe(form), tmp_path / "here", scratch=tmp_path, **LIMITS)
    there = build_apart(
        release, recipe(form), tmp_path / "there", scratch=tmp_path, rows_expected=120_000,
        on_progress=lambda fraction, said: told.append((fraction, said)), **LIMITS,
    )  # fmt: skip
    assert there == here
    assert here.rows == 120_000
    assert digest(tmp_path / "here") == digest(tmp_path / "there")
    assert told[-1] == (1.0, Text("已写出 120000 行", "120000 rows written"))
    assert not makers()


def test_a_small_release_is_made_where_one_stands(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process began"))
    assert build_apart(release, recipe(), tmp_path / "out", scratch=tmp_path, **LIMITS).rows == 120_000


@pytest.mark.usefixtures("every_file_apart")
def test_one_process_makes_several_files_and_goes_on_after_a_refusal(release: Path, tmp_path: Path) -> None:
    with apart.maker(release) as make:
        process = the_maker()
        with pytest.raises(Conflict):
            make(release, recipe(filtered="not_there"), tmp_path / "none", scratch=tmp_path, **LIMITS)
        for name in ("one", "two"):
            assert make(release, recipe(), tmp_path / name, scratch=tmp_path, **LIMITS).rows == 120_000
        assert makers() == [process]
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert not makers()


@pytest.mark.usefixtures("every_file_apart")
def test_a_refusal_comes_back_as_it_was_said(release: Path, tmp_path: Path) -> None:
    asked: Callable[..., Any] = lambda how: how(  # noqa: E731 - the same question twice
        release, recipe(filtered="not_there"), tmp_path / "out", scratch=tmp_path, **LIMITS
    )
    with pytest.raises(Conflict) as here:
        asked(build)
    with pytest.raises(Conflict) as there:
        asked(build_apart)
    assert there.value.detail == here.value.detail


@pytest.mark.usefixtures("every_file_apart")
def test_a_file_that_is_there_already_is_never_written_over(release: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere").write_text("mine")
    with pytest.raises(OSError, match="nowhere"):
        build_apart(release, recipe("extract_csv"), tmp_path / "nowhere" / "out", scratch=tmp_path, **LIMITS)
    assert (tmp_path / "nowhere").read_text() == "mine"


@pytest.mark.usefixtures("every_file_apart")
def test_whoever_cancels_ends_the_process(release: Path, tmp_path: Path) -> None:
    def stop(fraction: float, said: Text) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        build_apart(release, recipe(), tmp_path / "out", scratch=tmp_path, on_progress=stop, **LIMITS)
    assert not makers()


@pytest.mark.usefixtures("every_file_apart")
@pytest.mark.parametrize("when", ["before it was told", "afterwards"])
def test_when_the_process_is_killed_the_job_says_what_to_do_and_the_worker_goes_on(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    scene = a_scene(sqlite_house)
    tell = apart._tell

    def told(pipe: Any, what: object) -> None:
        if when == "afterwards":
            tell(pipe, what)
        os.kill(process := the_maker(), signal.SIGKILL)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        if when == "before it was told":
            tell(pipe, what)

    with monkeypatch.context() as patch:
        patch.setattr(apart, "_tell", told)
        made = scene.asks()
        scene.works()
    failed = scene.extract(made.id)
    assert failed.state == "failed"
    assert "nothing was delivered" in (failed.failed_en or "")
    assert "没有交付任何数据" in (failed.failed_zh or "")
    assert not list((sqlite_house.settings.files_dir / "stage").rglob("*.part"))
    assert scene.view().used.rows == 0
    assert scene.delivered().state == "ready"  # asked again, by the same worker, in a process that lives


def test_it_ends_when_the_one_who_asked_is_dead(release: Path, tmp_path: Path) -> None:
    asker = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys, time, pickle; from pathlib import Path; from datasets.extracts import apart\n"
            "apart.SMALL_BYTES = 0\n"
            "release, recipe = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
            "def wait(*_): print('part', flush=True); time.sleep(60)\n"
            "with apart.maker(release) as make: make(release, recipe, Path(sys.argv[2]), memory_limit_mb=200, scratch=Path(sys.argv[2]).parent, on_progress=wait)",
            str(tmp_path / "asked"), str(tmp_path / "out"),
        ],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(apart.__file__).parents[2])},
    ) if (tmp_path / "asked").write_bytes(pickle.dumps((release, recipe()))) else None  # fmt: skip
    assert asker is not None
    assert asker.stdout is not None
    with asker:
        assert asker.stdout.readline() == b"part\n"
        (child,) = Path(f"/proc/{asker.pid}/task/{asker.pid}/children").read_text().split()
        asker.kill()
    until = time.monotonic() + 20
    while Path("/proc", child).exists() and "Z" not in Path("/proc", child, "stat").read_text().split()[2]:
        assert time.monotonic() < until, "it outlived the one who asked"
        time.sleep(0.05)


@pytest.mark.usefixtures("every_file_apart")
def test_an_extract_of_a_grant_is_made_apart_and_delivered(house: House) -> None:
    scene = a_scene(house)
    found = scene.delivered()
    assert found.rows == 5


WORDS = st.builds(Text, st.text(max_size=9), st.text(max_size=9))
ERRORS = st.sampled_from([InputRefused, Conflict, QuotaExceeded, Unavailable, Gone])


@given(ERRORS, WORDS, st.lists(st.builds(Reason, st.text(), WORDS, st.text())), st.text())
def test_errors_pass_from_one_process_to_another(
    kind: type[AppError], said: Text, reasons: list[Reason], fact: str
) -> None:
    error = kind(said, reasons=reasons, where=fact)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is kind
    assert (again.detail, again.reasons, again.facts) == (error.detail, error.reasons, error.facts)


def test_half_a_word_ends_it(tmp_path: Path) -> None:
    asked = pickle.dumps((tmp_path, recipe(), tmp_path / "out", {}))
    ended = subprocess.run(
        [sys.executable, "-m", "datasets.extracts.apart"], input=asked[:-9], timeout=60, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(apart.__file__).parents[2])},
    )  # fmt: skip
    assert ended.returncode == 0
