"""Who goes away in mid-stream ends the reading of his answer, and what is counted as sent is what left until then."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.delivery import DeliveryStopped, GuardedPieces
from api.watching import Since
from api.written import GuardedBody, GuardedCopy
from core.files import CHUNK, Held

BODY = b"x" * (CHUNK * 24)
SINCE: Any = None  # no watch: the right is asked for by bytes and seconds
Ends = list[tuple[int, bool]]


def _pieces(tmp_path: Path, ends: Ends, may_go_on: Callable[[], bool]) -> Response:
    held = Held(
        sha256=hashlib.sha256(BODY).hexdigest(), size_bytes=len(BODY), piece=lambda at, many: BODY[at : at + many]
    )  # fmt: skip
    return GuardedPieces(held, filename="f", media_type="x/y", may_go_on=may_go_on, on_end=_noting(ends))


def _copy(tmp_path: Path, ends: Ends, may_go_on: Callable[[], bool]) -> Response:
    path = tmp_path / "copy"
    path.write_bytes(BODY)
    return GuardedCopy(path, headers={}, may_go_on=may_go_on, on_end=_noting(ends))


def _body(tmp_path: Path, ends: Ends, may_go_on: Callable[[], bool]) -> Response:
    since: Since = SINCE
    return GuardedBody(
        BODY, media_type="x/y", headers={}, may_go_on=may_go_on, on_end=_noting(ends), since=since
    )


def _noting(ends: Ends) -> Callable[[int, bool], None]:
    return lambda size, cut: ends.append((size, cut))


EACH = pytest.mark.parametrize("made", [_pieces, _copy, _body])


def _play(
    answer: Response, *, leaves_after: int | None, hears: Callable[[], Awaitable[Any]] | None = None
) -> int:
    """How many bytes were sent to a server of ASGI 2.3 whose reader leaves after so many; it swallows what comes later, as uvicorn does."""
    sent = 0

    async def play() -> None:
        gone = asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))
            if leaves_after is not None and sent >= leaves_after:
                gone.set()
            await asyncio.sleep(0)

        scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.3"}}
        await answer(scope, hears or receive, send)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, play()).result(timeout=60)
    return sent


@EACH
def test_who_leaves_ends_it(made: Callable[..., Response], tmp_path: Path) -> None:
    ends: Ends = []
    sent = _play(made(tmp_path, ends, lambda: True), leaves_after=2 * CHUNK)
    assert 2 * CHUNK <= sent < 8 * CHUNK
    assert ends == [(sent, False)]


@EACH
def test_a_body_that_is_refused_meanwhile_does_not_cut_the_answer(
    made: Callable[..., Response], tmp_path: Path
) -> None:
    """A request that takes no body may come with one that is too long: nobody reads it but who listens for the reader to leave."""
    ends: Ends = []

    async def too_long() -> Any:
        raise HTTPException(413)

    assert _play(made(tmp_path, ends, lambda: True), leaves_after=None, hears=too_long) == len(BODY)
    assert ends == [(len(BODY), False)]


@EACH
def test_who_stays_gets_it_whole(made: Callable[..., Response], tmp_path: Path) -> None:
    ends: Ends = []
    assert _play(made(tmp_path, ends, lambda: True), leaves_after=None) == len(BODY)
    assert ends == [(len(BODY), False)]


@EACH
def test_a_right_that_ends_is_told_as_it_is(made: Callable[..., Response], tmp_path: Path) -> None:
    """Not in a group of faults: whoever cuts the connection, and the server's log, know it by its kind."""
    ends: Ends = []
    asked: list[int] = []
    with pytest.raises(DeliveryStopped):
        _play(made(tmp_path, ends, lambda: not asked.append(1) and len(asked) < 2), leaves_after=None)
    assert [cut for _, cut in ends] == [True]
