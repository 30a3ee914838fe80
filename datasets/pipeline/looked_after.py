"""A build that is looked after: whoever cancels it ends it within a second, also before the first rows are written, while it sorts."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from core.jobs_run import JobContext
from datasets.enclave.watch import Watch
from datasets.extracts import apart
from datasets.extracts.apart import Build
from datasets.extracts.build import Built, Watched, build

_LOOK_S: Final = 0.5


def until_cancelled(ctx: JobContext) -> Watched:
    """Interrupts an engine within a second of its job's being cancelled, and says so by JobCancelled."""
    return Watch(ctx, lambda: None, math.inf).over


@contextmanager
def maker(ctx: JobContext, release: Path) -> Iterator[Build]:
    """`apart.maker`, whose process ends as soon as the job is cancelled; of a small release, whose file is made where one stands, the engine is interrupted."""
    if apart.is_small(release):
        yield partial(build, watched=until_cancelled(ctx))
        return
    with apart.maker(release) as made:
        yield _looked_after(ctx, made)


def _looked_after(ctx: JobContext, build: Build) -> Build:
    def made(*given: object, **wanted: object) -> Built:
        ended: list[Built | BaseException] = []

        def beside() -> None:
            try:
                ended.append(build(*given, **wanted))  # type: ignore[arg-type]
            except BaseException as why:  # told below; of a process that was killed nobody asks any more
                ended.append(why)

        work = threading.Thread(target=beside, name="build", daemon=True)
        work.start()
        while work.is_alive():
            work.join(_LOOK_S)
            if work.is_alive():
                ctx.raise_if_cancelled()
        (found,) = ended
        if isinstance(found, BaseException):
            raise found
        return found

    return made
