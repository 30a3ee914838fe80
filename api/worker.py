"""The worker process: one per installation, held by a file lock; and those who start it.

`Keeper` (in the server) starts it and starts it again when it dies; the pipe to its standard input breaks when the server
dies, and then it stops too. `ensure_worker` starts one that goes away when there is nothing left to do. Nothing heavy is
imported here: the server and the command line both read this module.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NoReturn

from api.addressed import addressed
from core.ground import Ground
from core.settings import Settings

_IDLE_S: Final = 20.0
_GRACE_S: Final = 5.0
_PATIENCE_S: Final = 2.0  # somebody who only asks whether a worker lives holds the lock for an instant
_GROUND_S: Final = 1.0  # how often is looked whether data directory and database are still there
GONE_CODE: Final = 4
_log = logging.getLogger("datagrant.worker")


def _command(data_dir: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "api.worker", "--data-dir", str(data_dir), *more]


def _environment(settings: Settings) -> dict[str, str]:
    """The same settings for the child, by way of the variables that settings are read from."""
    given = settings.model_dump(mode="json", exclude={"data_dir"}, exclude_none=True)
    here = {f"DATAGRANT_{name.upper()}": str(value) for name, value in given.items()}
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return os.environ | here | {"PYTHONPATH": path}


class Keeper:
    """Starts the worker process and starts it again when it dies; waits longer each time it dies at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._ground = Ground()
        self._thread = threading.Thread(target=self._watch, name="worker-keeper", daemon=True)

    @property
    def pid(self) -> int | None:
        """The worker's process id, for those who look after it."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        self._ground = Ground.of(self.settings.data_dir, self.settings.database)
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to stop; after the grace it is made to. Its jobs go on at the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_GRACE_S + 10)

    def _watch(self) -> None:
        pause = 0.2
        while not self._stop.is_set():
            if self._ground.gone() is not None:  # it may be put back
                self._stop.wait(_GROUND_S)
                continue
            began = time.monotonic()
            child = self._child = subprocess.Popen(  # noqa: S603 - our own program
                _command(self.settings.data_dir.absolute(), "--with-parent"),
                stdin=subprocess.PIPE,
                env=_environment(self.settings),
            )
            while child.poll() is None and not self._stop.wait(0.1):
                pass
            if self._stop.is_set():
                return _end(child)
            if child.stdin:
                child.stdin.close()
            pause = 0.2 if time.monotonic() - began > 5 else min(pause * 2, 10)
            _log.warning("the worker ended with %s; starting it again", child.returncode)
            self._stop.wait(pause)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(_GRACE_S + 5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def only_worker(data_dir: Path) -> Iterator[IO[str] | None]:
    """The installation's worker lock, or None when another process holds it. The kernel lets go of it at any death."""
    with (data_dir / "worker.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            handle.truncate(0)
            handle.write(str(os.getpid()))  # for whoever looks after the machine
            handle.flush()
            yield handle


def ensure_worker(data_dir: Path) -> None:
    """Start a worker for a local directory unless one is alive. It outlives this process and ends when idle."""
    with only_worker(data_dir) as lock:
        alive = lock is None
    if alive:
        return
    with (data_dir / "worker.log").open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own program
            _command(data_dir.absolute(), "--idle-exit", str(_IDLE_S)),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=_environment(addressed(Settings(data_dir=data_dir))),
        )  # fmt: skip
    threading.Thread(target=child.wait, name="worker-reaper", daemon=True).start()


def _stop_when_parent_dies(stop: threading.Event) -> None:
    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()


def _end_when_gone(ground: Ground) -> None:
    """End this process, whatever it does, soon after the files that it stands on are gone."""

    def look() -> None:
        while (lost := ground.gone()) is None:
            time.sleep(_GROUND_S)
        _end_without(lost)

    threading.Thread(target=look, name="ground-watch", daemon=True).start()


def _end_without(lost: Path) -> NoReturn:
    _log.critical(
        "%s was removed, moved or replaced; the worker ends 数据目录或数据库已不在原处，工作进程结束", lost
    )
    os._exit(GONE_CODE)


def main() -> None:
    """`python -m api.worker --data-dir D`: work until told to stop (SIGTERM), the parent dies, or nothing is left. Exit code 4: its files are gone."""
    parser = argparse.ArgumentParser(prog="python -m api.worker")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input closes")
    parser.add_argument(
        "--idle-exit", type=float, default=None, help="stop after so many seconds without work"
    )
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker %(levelname)s %(message)s")
    settings = Settings(data_dir=asked.data_dir)
    ground = Ground.of(settings.data_dir, settings.database)
    if (lost := ground.gone()) is not None:
        _end_without(lost)
    _end_when_gone(ground)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    if asked.with_parent:
        _stop_when_parent_dies(stop)
    patience = time.monotonic() + _PATIENCE_S
    while not stop.is_set():
        try:
            has_worked = _work_under_lock(asked.data_dir, stop, asked.idle_exit)
        except Exception:
            if (lost := ground.gone()) is not None:
                _end_without(lost)
            raise
        if not has_worked:
            if asked.idle_exit is not None and time.monotonic() > patience:
                break
            stop.wait(0.2)
        elif ground.gone() is not None or not _left_over(asked.data_dir):
            break
    if (lost := ground.gone()) is not None:
        _end_without(lost)
    os._exit(0)  # threads of interrupted jobs must not hold the process; their steps go on at the next start


def _work_under_lock(data_dir: Path, stop: threading.Event, idle_exit: float | None) -> bool:
    """Work as the only worker; False when another one is alive."""
    with only_worker(data_dir) as lock:
        if lock is None:
            return False
        from api.durable import serve_jobs

        serve_jobs(Settings(data_dir=data_dir), stop, idle_exit=idle_exit, grace_s=_GRACE_S)
        return True


def _left_over(data_dir: Path) -> bool:
    """Whether a job was asked for between the last look and letting go of the lock."""
    from api.durable import anything_queued

    return anything_queued(Settings(data_dir=data_dir))


if __name__ == "__main__":
    main()
