"""Tests of text whose cost nobody can tell beforehand, done in a child process under a deadline.

Why this exists: Python's regular expressions can take for ever on a short text, cannot be interrupted from another
thread, and hold the interpreter meanwhile: one pattern would stop every check behind it. Such tests (patterns that RE2
cannot say, JSON schemas with patterns in them) are asked of a child that is interrupted, and killed if need be.
"""

from __future__ import annotations

import atexit
import json
import pickle
import re
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from types import FrameType
from typing import IO, Final, Literal

Test = Literal["matches", "obeys_schema"]
CHUNK: Final = 2_048
CHUNK_S: Final = 4.0
"""One chunk may take so long, counted in the child's own time."""
START_S, PER_VALUE_S = 20.0, 100e-6
"""All chunks of one pattern together may take so long, and so long for each value."""
_GRACE_S: Final = 5.0
_BUSY: Final = (
    8  # so many times longer may a busy machine take; the child itself counts its own seconds of work
)
_STARTING_S: Final = 30.0
_SIZE: Final = struct.Struct(">I")
_DONE, _SLOW, _FAULT = b"d", b"s", b"f"
_CHILD: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from quality.patience import serve; serve()"
)


class TookTooLong(ValueError):
    """The message is for people; `quality.troubles` says it in Chinese."""

    def __init__(self, argument: str) -> None:
        super().__init__(f"pattern took too long: {argument[:200]}")


class Patience:
    """Asks a child process, started when first needed. Safe to be called by several threads; ends with `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._spent: dict[tuple[Test, str], tuple[float, int]] = {}
        self._given_up: set[tuple[Test, str]] = set()

    def ask(self, test: Test, texts: Sequence[str], argument: str) -> list[bool]:
        """Whether each text passes. Raises TookTooLong; once it has, at once for the same argument."""
        with self._lock:
            distinct = list(dict.fromkeys(texts))
            found: dict[str, bool] = {}
            for start in range(0, len(distinct), CHUNK):
                part = distinct[start : start + CHUNK]
                found.update(zip(part, self._chunk(test, part, argument), strict=True))
        return [found[text] for text in texts]

    def forget(self) -> None:
        """A new run begins: what was too slow may be tried again, on other data."""
        with self._lock:
            self._spent.clear()
            self._given_up.clear()

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _chunk(self, test: Test, texts: Sequence[str], argument: str) -> list[bool]:
        key = (test, argument)
        spent, values = self._spent.get(key, (0.0, 0))
        limit = min(CHUNK_S, START_S + PER_VALUE_S * (values + len(texts)) - spent)
        if key in self._given_up or limit <= 0:
            self._given_up.add(key)
            raise TookTooLong(argument)
        begun = time.monotonic()
        kind, body = self._exchange(pickle.dumps((test, list(texts), argument, limit)), limit)
        self._spent[key] = (spent + time.monotonic() - begun, values + len(texts))
        if kind == _SLOW:
            self._given_up.add(key)
            raise TookTooLong(argument)
        if kind == _FAULT:
            raise ValueError(body.decode())
        return [bool(each) for each in body]

    def _exchange(self, message: bytes, limit: float) -> tuple[bytes, bytes]:
        """Send one question and wait for its answer; a child that does not answer in time is killed."""
        child = self._running()
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
        try:
            child.stdin.write(_SIZE.pack(len(message)) + message)
            child.stdin.flush()
            head = _within(child.stdout, 1 + _SIZE.size, limit * _BUSY + _GRACE_S)
            body = _within(child.stdout, _SIZE.unpack(head[1:])[0], _GRACE_S)
        except (OSError, TimeoutError, EOFError):
            self.close()
            return _SLOW, b""
        return head[:1], body

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            paths = json.dumps([path for path in sys.path if path])
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [sys.executable, "-c", _CHILD, paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
            assert self._child.stdout is not None  # noqa: S101 - a pipe
            try:
                _within(self._child.stdout, 1, _STARTING_S)
            except (TimeoutError, EOFError):
                self.close()
                raise OSError("the child process for patterns did not start") from None
        return self._child


def _within(pipe: IO[bytes], size: int, limit: float) -> bytes:
    """Exactly `size` bytes. Raises TimeoutError, EOFError."""
    until, data = time.monotonic() + limit, b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while len(data) < size:
            if not waiting.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            part = pipe.read(size - len(data))
            if not part:
                raise EOFError
            data += part
    return data


@cache
def shared() -> Patience:
    """The one of this process; its child waits, idle, for the next run."""
    made = Patience()
    atexit.register(made.close)
    return made


# --- in the child ---------------------------------------------------------------------------------------------------


class _Interrupted(BaseException):
    """Not an Exception: a test that swallows those must not swallow its own end."""


def serve() -> None:
    """Answer questions until nobody asks any more."""
    from quality import predicates

    makers: dict[str, Callable[[str], Callable[[str], bool]]] = {
        "matches": lambda pattern: _searching(re.compile(pattern)),
        "obeys_schema": lambda schema: lambda text: predicates.obeys_schema(text, schema),
    }
    signal.signal(signal.SIGPROF, _interrupt)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(_DONE)
    sink.flush()
    while head := source.read(_SIZE.size):
        name, texts, argument, limit = pickle.loads(source.read(_SIZE.unpack(head)[0]))  # noqa: S301 - from our parent
        kind, body = _answer(partial(makers[name], argument), texts, limit)
        sink.write(kind + _SIZE.pack(len(body)) + body)
        sink.flush()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise _Interrupted


def _searching(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.search(text) is not None


def _answer(make: Callable[[], Callable[[str], bool]], texts: list[str], limit: float) -> tuple[bytes, bytes]:
    try:
        signal.setitimer(signal.ITIMER_PROF, limit)
        test = make()
        found = bytes(test(text) for text in texts)
        signal.setitimer(signal.ITIMER_PROF, 0)
    except _Interrupted:
        return _SLOW, b""
    except Exception as fault:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return _FAULT, f"{type(fault).__name__}: {fault}"[:500].encode()
    return _DONE, found
