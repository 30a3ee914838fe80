"""Makes the file in a process of its own, so that memory goes back whole when it is done, and a file too much for the machine takes
nobody along.

The process holds what making a file needs and nothing else of the program: half the memory of the worker. It is told what to make over its
standard input, which stays open: when that breaks, whoever asked is dead, and it stops. The grant's key is in no argument or variable.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from core.errors import AppError, Unavailable
from core.text import Text

if TYPE_CHECKING:
    from datasets.extracts.build import Built, Recipe

SMALL_BYTES: Final = 16 << 20  # made where one stands before a process has begun
_PARENTS: Final = 2


def build_apart(
    release: Path,
    recipe: Recipe,
    out: Path,
    *,
    memory_limit_mb: int,
    scratch: Path,
    rows_expected: int = 0,
    on_progress: Callable[[float, Text], None] | None = None,
) -> Built:
    """`build.build`, elsewhere where the release is large. Unavailable when the process dies; what `on_progress` raises ends it."""
    if release.stat().st_size < SMALL_BYTES:
        from datasets.extracts.build import build

        return build(
            release, recipe, out, memory_limit_mb=memory_limit_mb, scratch=scratch, rows_expected=rows_expected, on_progress=on_progress
        )  # fmt: skip
    wanted = {"memory_limit_mb": memory_limit_mb, "scratch": scratch, "rows_expected": rows_expected}
    root = str(Path(__file__).parents[_PARENTS])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    maker = subprocess.Popen(
        [sys.executable, "-m", "datasets.extracts.apart"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    with maker:
        try:
            _tell(cast("IO[bytes]", maker.stdin), (release, recipe, out, wanted))
            return _followed(cast("IO[bytes]", maker.stdout), on_progress)
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as fault:
            raise _died(maker.wait()) from fault
        finally:
            maker.kill()


def _followed(said: IO[bytes], on_progress: Callable[[float, Text], None] | None) -> Built:
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


class _WithoutPandas(MetaPathFinder):
    """Says that pandas is not there: pyarrow imports it unasked, which costs 45 MB and a second."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:  # noqa: ARG002 - its shape
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


def _end_with_the_asker() -> None:
    os.read(0, 1)
    os._exit(1)


def slim() -> None:
    """For a process that only makes files, before it imports anything: no pandas, and memory given back goes to the system."""
    sys.meta_path.insert(0, _WithoutPandas())
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())


def main() -> None:
    """`python -m datasets.extracts.apart`: one file, as told over standard input; answers over standard output."""
    slim()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to the log
    from datasets.extracts.build import build

    release, recipe, out, wanted = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    try:
        built = build(
            release, recipe, out, on_progress=lambda *part: _tell(answers, ("part", *part)), **wanted
        )
        _tell(answers, built)
    except (AppError, OSError) as fault:
        _tell(answers, ("fault", fault))
    except Exception as fault:
        _tell(answers, ("fault", RuntimeError(f"{type(fault).__name__}: {fault}")))
        raise


if __name__ == "__main__":
    main()
