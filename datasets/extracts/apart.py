"""Makes files in a process of its own, so that memory goes back whole when it is done, and a file too much for the machine takes
nobody along.

The process holds what making a file needs and nothing else of the program: half the memory of the worker. It is told what to make over its
standard input, which stays open: when that ends, whoever asked is done or dead, and it stops. The grant's key is in no argument or variable.
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
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from core.errors import AppError, Unavailable
from core.text import Text

if TYPE_CHECKING:
    from datasets.extracts.build import Built, Recipe

SMALL_BYTES: Final = 16 << 20  # made where one stands before a process has begun
_PARENTS: Final = 2
Progress = Callable[[float, Text], None]


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


@contextmanager
def maker(release: Path) -> Iterator[Build]:
    """What makes files of the release: a process that begins at once, to be ready when it is wanted; where the release is small, `build.build`.

    Unavailable when the process dies; what `on_progress` raises, and leaving, end it.
    """
    if not release.exists() or release.stat().st_size < SMALL_BYTES:
        from datasets.extracts.build import build

        yield build
        return
    root = str(Path(__file__).parents[_PARENTS])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(
        [sys.executable, "-m", "datasets.extracts.apart"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    try:
        yield partial(_made_by, process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what a dead one was still to be told
                cast("IO[bytes]", pipe).close()


def _made_by(
    process: subprocess.Popen[bytes],
    release: Path,
    recipe: Recipe,
    out: Path,
    *,
    on_progress: Progress | None = None,
    **wanted: object,
) -> Built:
    asked, said = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        _tell(asked, (release, recipe, out, wanted))
        return _followed(said, on_progress)
    except (BrokenPipeError, EOFError, pickle.UnpicklingError) as fault:
        process.kill()
        raise _died(process.wait()) from fault


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
