"""Makes files in a process of its own, so that memory goes back whole when it is done, and a file too much for the machine takes
nobody along.

The process holds what making a file needs and nothing else of the program: half the memory of the worker. It is told what to make over its
standard input, which stays open: when that ends, whoever asked is done or dead, and it stops. The grant's key is in no argument or variable.

A worker that has made one such file keeps the next process begun (`Spare`): its start is a third of what a file of a million rows takes.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeAlias, cast

from core.errors import AppError, Unavailable
from core.text import Text

if TYPE_CHECKING:
    from datasets.extracts.build import Built, Recipe

SMALL_BYTES: Final = 16 << 20  # made where one stands before a process has begun
SMALL_CELLS: Final = 4_000_000  # packed well, millions of rows take little room
KEPT_S: Final = 3600.0
_PARENTS: Final = 2
Progress = Callable[[float, Text], None]
Process: TypeAlias = "subprocess.Popen[bytes]"


class Build(Protocol):
    """`build.build`, wherever it is done."""

    def __call__(
        self,
        release: Path,
        recipe: Recipe,
        out: Path,
        *,
        memory_limit_mb: int,
        scratch: Path,
        rows_expected: int = 0,
        on_progress: Progress | None = None,
    ) -> Built: ...


def is_small(release: Path) -> bool:
    """Whether a file of it is made before a process would have begun; so is the refusal of one that is not there or damaged."""
    if not release.exists():
        return True
    if release.stat().st_size >= SMALL_BYTES:
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    with suppress(pa.ArrowInvalid):  # damaged: whoever reads it is told
        held = pq.read_metadata(release)
        return bool(held.num_rows * held.num_columns < SMALL_CELLS)
    return True


@contextmanager
def maker(release: Path) -> Iterator[Build]:
    """What makes files of the release: a process that begins at once, to be ready when it is wanted; where the release is small, `build.build`.

    Unavailable when the process dies; what `on_progress` raises, and leaving, end it.
    """
    if is_small(release):
        from datasets.extracts.build import build

        yield build
        return
    made = _Maker(*SPARE.taken())
    try:
        yield made
    finally:
        made.end()
        SPARE.renew()


class _Maker:
    """Has files made by one process. `is_spare`: it was begun a while ago, and may have died since without anybody's noticing."""

    def __init__(self, process: Process, is_spare: bool) -> None:
        self._process, self._is_spare, self._is_over = process, is_spare, False
        self._changing = threading.Lock()

    def __call__(
        self,
        release: Path,
        recipe: Recipe,
        out: Path,
        *,
        on_progress: Progress | None = None,
        **wanted: object,
    ) -> Built:
        asked = (release, recipe, out, wanted)
        try:
            try:
                _tell(cast("IO[bytes]", self._process.stdin), asked)
            except BrokenPipeError:
                if not self._began_anew():
                    raise
                _tell(cast("IO[bytes]", self._process.stdin), asked)
            self._is_spare = False
            return _followed(cast("IO[bytes]", self._process.stdout), on_progress)
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as fault:
            self._process.kill()
            raise _died(self._process.wait()) from fault

    def _began_anew(self) -> bool:
        """Another in the place of a spare one that was dead before it was told anything."""
        with self._changing:
            if self._is_over or not self._is_spare:
                return False
            _end(self._process)
            self._process, self._is_spare = _begun(), False
            return True

    def end(self) -> None:
        with self._changing:
            self._is_over = True
            _end(self._process)


class Spare:
    """One process begun ahead, where `keep` was asked for, once a first file was made; it serves one job, and the next one follows it.

    It goes when nobody wanted it for `KEPT_S` seconds, and with whoever keeps it, also by SIGKILL: its standard input ends then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_kept = False
        self._waiting: Process | None = None

    def keep(self) -> None:
        self._is_kept = True

    def taken(self) -> tuple[Process, bool]:
        """The one that waits, or a new one; and whether it waited."""
        with self._lock:
            process, self._waiting = self._waiting, None
        if process is not None and process.poll() is None:
            return process, True
        if process is not None:
            _end(process)
        return _begun(), False

    def renew(self) -> None:
        """A file was made: the next one may be wanted."""
        with self._lock:
            if not self._is_kept or self._waiting is not None:
                return
            self._waiting = process = _begun()
        wait = threading.Timer(KEPT_S, self._let_go, (process,))
        wait.daemon = True
        wait.start()

    def end(self) -> None:
        """Keep none any more."""
        self._is_kept = False
        self._let_go(self._waiting)

    def _let_go(self, process: Process | None) -> None:
        with self._lock:
            if process is None or self._waiting is not process:
                return
            self._waiting = None
        _end(process)


SPARE: Final = Spare()


def _begun() -> Process:
    root = str(Path(__file__).parents[_PARENTS])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        [sys.executable, "-m", "datasets.extracts.apart"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


def _end(process: Process) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what a dead one was still to be told
            cast("IO[bytes]", pipe).close()


def _followed(said: IO[bytes], on_progress: Progress | None) -> Built:
    while True:
        match pickle.load(said):  # noqa: S301 - our own process at the other end of a pipe
            case ("part", fraction, text):
                if on_progress:
                    on_progress(fraction, text)
            case ("fault", fault):
                raise fault
            case built:
                done: Built = built
                return done


def _died(code: int) -> Unavailable:
    return Unavailable(
        Text(
            f"生成文件的进程意外结束（{code}），多半是内存不足；没有交付任何数据。请稍后重试，或缩小范围后重试；仍不成请联系系统管理员。",
            f"The process that makes the file ended ({code}), most likely for want of memory; nothing was delivered."
            " Try again later or with a narrower request; if that does not help, tell the system administrator.",
        )
    )


def _tell(pipe: IO[bytes], what: object) -> None:
    pickle.dump(what, pipe)
    pipe.flush()


class _WithoutPandas:
    """Says that pandas is not there: pyarrow imports it unasked, which costs 45 MB and a second."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:  # noqa: ARG002 - its shape
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


def _hear(asked: SimpleQueue[Any]) -> None:
    """Take in what is to be made. When whoever asks is done or dead, everything ends."""
    while True:
        try:
            asked.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - from the process that started this one
        except Exception:  # the end; or, where he died while he spoke, half a word
            os._exit(0)


def slim() -> None:
    """For a process that only makes files, before it imports anything: no pandas, and memory given back goes to the system."""
    sys.meta_path.insert(0, _WithoutPandas())
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())


def main() -> NoReturn:
    """`python -m datasets.extracts.apart`: files, as told over standard input; answers over standard output."""
    slim()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to the log
    from datasets.extracts.build import build

    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_hear, args=(asked,), daemon=True).start()
    while True:
        release, recipe, out, wanted = asked.get()
        try:
            answer: object = build(
                release, recipe, out, on_progress=lambda *part: _tell(answers, ("part", *part)), **wanted
            )
        except (AppError, OSError) as fault:
            answer = ("fault", fault)
        except Exception as fault:
            traceback.print_exc()
            answer = ("fault", RuntimeError(f"{type(fault).__name__}: {fault}"))
        _tell(answers, answer)


if __name__ == "__main__":
    main()
