"""Files on their way out: ranges, strong validators, and a question asked again while the bytes flow.

Why this exists: Starlette's file answer is right about ranges but ignores `If-None-Match`, sends small chunks (15 % of what
the loopback can do), and goes on sending after the right to receive has ended. Measured in docs/decisions/0009.

The right is asked for before the first byte and, with a `Watch`, before every chunk (1 MiB) whenever anything was written since that
may end it, and each second besides, for what ends by the clock. So no chunk that begins after a revocation has committed leaves;
what already lies in the sockets' buffers cannot be called back. Without a watch it is asked whenever 4 MiB or a second have passed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from anyio import CancelScope, create_task_group
from anyio.lowlevel import checkpoint
from fastapi import Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import MalformedRangeHeader, RangeNotSatisfiable
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.watching import Since
from api.witnessed import note_damaged
from core.files import CHUNK, Held, damaged
from core.looked import LOOKED, Identity, identity
from core.witness import Check

RECHECK_BYTES: Final = 4 * 1024 * 1024
RECHECK_S: Final = 1.0
_PIECE: Final = 4 * 1024 * 1024  # what one request to a bucket brings
_OF_NOTHING: Final = hashlib.sha256().hexdigest()
_LOT: Final = 4  # chunks that are hashed in one go


class Hashing:
    """Hashes a whole file's answer beside its sending; the end of it leaves only once the digest is right.

    The sending runs ahead of the hashing by two lots of `_LOT` chunks at most, so neither waits for the other at each chunk. Where the file
    has a witness (`core.witness`) a chunk is judged in less time than handing it to a thread takes.
    """

    def __init__(
        self,
        sha256: str,
        size_bytes: int,
        on_damage: Callable[[], None] | None = None,
        check: Check | None = None,
    ) -> None:
        self._left, self._on_damage = size_bytes, on_damage
        self._check = check or Check(sha256)
        self._waiting: list[bytes] = []
        self._beside: asyncio.Future[None] | None = None
        self.is_right = False

    async def take(self, data: bytes) -> None:
        """To be asked before these bytes are sent. Raises DeliveryStopped before the last of them where the digest is wrong."""
        self._left -= len(data)
        if self._check.is_quick:
            self._check.update(data)
        else:
            self._waiting.append(data)
            if self._beside is None:
                self._hash_on()
        is_end = self._left <= 0 and not self.is_right
        while self._beside is not None and (is_end or len(self._waiting) >= _LOT):
            await asyncio.wait({self._beside})
        if not is_end:
            return
        self.is_right = self._left == 0 and await run_in_threadpool(self._check.is_right)
        if not self.is_right:
            if self._on_damage is not None:
                await run_in_threadpool(self._on_damage)
            raise DeliveryStopped("the stored file does not match its digest")

    def _hash_on(self, _: object = None) -> None:
        """The next lot, in a thread: nobody waits for it but the last chunk and who is too far ahead."""
        self._beside = None
        if self._waiting:
            lot, self._waiting = self._waiting, []
            self._beside = asyncio.get_running_loop().run_in_executor(None, self._update, lot)
            self._beside.add_done_callback(self._hash_on)

    def _update(self, lot: list[bytes]) -> None:
        for data in lot:
            self._check.update(data)


class DeliveryStopped(ConnectionError):
    """The right to receive ended while the file was on its way; the connection is cut, so the reader sees it.

    It is no fault: the server's log says it in one line (`api.cut_lines`); its notes say where and after how many bytes.
    """


class GuardedFile(FileResponse):
    """A file answer that asks `may_go_on` while it sends, and tells `on_end` how many bytes of the file's answer left
    and whether it was cut off.

    The whole is hashed on its way unless that was done here a short while ago, so a damaged file never arrives complete; who sends
    ranges asks `demand_whole` before.
    """

    chunk_size = 1024 * 1024

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        """None of them, so the whole file, for what cannot be read or is in another unit: such a header is to be ignored (RFC 9110 §14.2)."""
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """The size alone: when bytes came to this disk says nothing of them, and their digest is the validator."""
        self.headers.setdefault("content-length", str(stat_result.st_size))

    def _should_use_range(self, http_if_range: str) -> bool:
        """By the strong tag alone, as `_ranges` decided what the request takes."""
        return http_if_range == self.headers["etag"]

    def __init__(
        self,
        path: Path,
        *,
        sha256: str,
        filename: str,
        media_type: str,
        may_go_on: Callable[[], bool] | None = None,
        on_end: Callable[[int, bool], None] | None = None,
        since: Since | None = None,
        on_damage: Callable[[], None] | None = None,
        check: Callable[[], Check] | None = None,
    ) -> None:
        super().__init__(path, media_type=media_type, headers=_headers(sha256) | attachment(filename))
        self._may_go_on, self._on_end, self._since = may_go_on, on_end, since
        self._file, self._on_damage, self._check = path, on_damage, check or partial(Check, sha256)
        self._sha256 = sha256

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        before, check = await run_in_threadpool(_seen, self._file, self._check)
        hashing = None if check is None else Hashing(self._sha256, before[2], self._on_damage, check)
        if hashing is not None and not before[2]:
            await hashing.take(b"")  # of nothing there is no last byte to keep back
        await guarded(
            super().__call__, scope, receive, send, self._may_go_on, self._on_end, self._since, hashing
        )
        if hashing is not None and hashing.is_right:
            LOOKED.was_right(self._file, before)


async def guarded(
    answer: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    may_go_on: Callable[[], bool] | None,
    on_end: Callable[[int, bool], None] | None,
    since: Since | None,
    hashing: Hashing | None = None,
) -> None:
    """Have `answer` send, with the right asked for before its chunks; see the module's words."""
    guard = _Guard(send, may_go_on, since, hashing)
    # a server that sends files by itself would send past the guard
    extensions = {k: v for k, v in scope.get("extensions", {}).items() if k != "http.response.pathsend"}
    try:
        await answer({**scope, "extensions": extensions}, receive, guard)
    except DeliveryStopped as stopped:
        stopped.add_note(_where(scope, guard.sent))
        raise
    finally:
        if on_end:
            with CancelScope(shield=True):  # a reader who goes away is counted too
                await run_in_threadpool(on_end, guard.sent, guard.was_cut)


async def until_gone(answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Have `answer` send as long as somebody reads.

    Servers before version 2.4 of ASGI's spec swallow what is sent to a reader who has gone away: it would be read, and counted as sent, to
    its end. From then on sending fails by itself. `FileResponse` does the same for files.
    """
    if tuple(map(int, scope.get("asgi", {}).get("spec_version", "2.0").split("."))) >= (2, 4):
        return await answer(scope, receive, send)
    fault: Exception | None = None
    async with create_task_group() as group:

        async def listen() -> None:
            try:
                while (await receive())["type"] != "http.disconnect":
                    await (
                        checkpoint()
                    )  # who hands out parts of a body without end must not hold up the answer
            except (
                Exception
            ):  # what is wrong with a body that nobody asked for is no reason to cut the answer
                return
            group.cancel_scope.cancel()

        group.start_soon(listen)
        try:
            await answer(scope, receive, send)
        except Exception as raised:
            fault = raised
        group.cancel_scope.cancel()
    if fault is not None:
        raise fault
    return None


def _where(scope: Scope, sent: int) -> str:
    """By the route's own address: what was asked for may hold a ticket."""
    return f"{scope['method']} {getattr(scope.get('route'), 'path', '')}, after {sent} bytes"


class GuardedPieces(Response):
    """The same for a file that is not on this machine: the whole, read in pieces.

    It is hashed on its way, and its last chunk leaves only when the digest is right, so a damaged file never arrives complete. A part is
    not sent from here, since nobody could judge it; `deliver` has the file brought for that. HEAD is told of one range.
    """

    def __init__(
        self,
        held: Held,
        *,
        filename: str,
        media_type: str,
        may_go_on: Callable[[], bool] | None = None,
        on_end: Callable[[int, bool], None] | None = None,
        since: Since | None = None,
        on_damage: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(None, media_type=media_type, headers=_headers(held.sha256) | attachment(filename))
        self.headers["accept-ranges"] = "bytes"
        self._on_damage = on_damage
        self._held, self._may_go_on, self._on_end, self._since = held, may_go_on, on_end, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard = _Guard(send, self._may_go_on, self._since)
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
            await self._answer(asked, scope["method"] == "HEAD", guard)

        try:
            await until_gone(answer, scope, receive, guard)
        except DeliveryStopped as stopped:
            stopped.add_note(_where(scope, guard.sent))
            raise
        finally:
            if self._on_end:
                with CancelScope(shield=True):
                    await run_in_threadpool(self._on_end, guard.sent, guard.was_cut)

    async def _answer(self, asked: dict[str, str], is_head: bool, guard: _Guard) -> None:
        size, start, end = self._held.size_bytes, 0, self._held.size_bytes
        self.status_code = 200
        if "range" in asked and asked.get("if-range", self.headers["etag"]) == self.headers["etag"]:
            try:
                ranges = GuardedFile._parse_range_header(asked["range"], size)
            except RangeNotSatisfiable:
                self.status_code, start, end = 416, 0, 0
                self.headers["content-range"] = f"bytes */{size}"
            else:
                if is_head and len(ranges) == 1:
                    (start, end), self.status_code = ranges[0], 206
                    self.headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        self.headers["content-length"] = str(end - start)
        await guard({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if is_head or self.status_code == 416:
            await guard({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._flow(guard)

    async def _flow(self, guard: _Guard) -> None:
        piece = self._held.piece
        assert piece is not None  # noqa: S101 - who has no path has pieces
        digest, size = hashlib.sha256(), self._held.size_bytes
        for at in range(0, max(size, 1), _PIECE):  # of an empty file, too, the digest is asked for
            data = await run_in_threadpool(piece, at, min(_PIECE, size - at)) if size else b""
            digest.update(data)
            is_short = len(data) < min(_PIECE, size - at)
            if is_short or (at + len(data) >= size and digest.hexdigest() != self._held.sha256):
                guard.was_cut = True
                if self._on_damage is not None:
                    await run_in_threadpool(self._on_damage)
                raise DeliveryStopped("the stored file does not match its digest")
            if at + len(data) >= size and self._held.found_right is not None:
                self._held.found_right()
            for part in range(0, len(data), CHUNK):
                await guard(
                    {"type": "http.response.body", "body": data[part : part + CHUNK], "more_body": True}
                )
        await guard({"type": "http.response.body", "body": b"", "more_body": False})


class _Guard:
    """Passes messages on; asks again before a chunk when something was written, or the window is over."""

    def __init__(
        self,
        send: Send,
        may_go_on: Callable[[], bool] | None,
        since: Since | None = None,
        hashing: Hashing | None = None,
    ) -> None:
        self._send, self._may_go_on, self._hashing = send, may_go_on, hashing
        self._watch = since.watch if since else None
        self._mark = since.mark if since else 0
        self.sent, self._asked_at, self._asked_when = 0, 0, time.monotonic()
        self.was_cut, self._is_file = False, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._is_file = message["status"] in (200, 206)
            if message["status"] != 200:  # a part of the file has no digest of its own
                self._hashing = None
        elif message["type"] == "http.response.body" and self._is_file:
            body = message.get("body", b"")
            if self._hashing is not None and body:
                try:
                    await self._hashing.take(body)
                except DeliveryStopped:
                    self.was_cut = True
                    raise
            # after what may have to wait, so that nothing lies between the answer and the chunk
            await self._ask()
            self.sent += len(body)
        await self._send(message)

    async def _ask(self) -> None:
        if self._may_go_on is None:
            return
        is_fresh = await self._nothing_happened() and time.monotonic() - self._asked_when < RECHECK_S
        if is_fresh:
            return
        self._asked_at, self._asked_when = self.sent, time.monotonic()
        if not await run_in_threadpool(self._may_go_on):
            self.was_cut = True
            raise DeliveryStopped("the right to receive this file has ended")

    async def _nothing_happened(self) -> bool:
        if self._watch is None:
            return self.sent - self._asked_at < RECHECK_BYTES
        newest = (
            self._watch.newest() if self._watch.is_instant else await run_in_threadpool(self._watch.newest)
        )
        before, self._mark = (
            self._mark,
            newest,
        )  # looked at before the right is asked for, so nothing falls between
        return newest == before


def takes_bytes(request: Request, sha256: str) -> bool:
    """Whether the request would be answered with bytes of the file: no HEAD, and the reader does not hold it already."""
    return request.method != "HEAD" and not _holds(request, sha256)


def would_send(request: Request, sha256: str, size_bytes: int) -> bool:
    """Whether `deliver` would answer with bytes of the file: as `takes_bytes`, and a range that is asked for exists."""
    return takes_bytes(request, sha256) and _ranges(request, sha256, size_bytes) is not None


def _ranges(request: Request, sha256: str, size_bytes: int) -> list[tuple[int, int]] | None:
    """The parts that are asked for; none of them for the whole, None where they lie outside the file."""
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", f'"{sha256}"') != f'"{sha256}"':
        return []  # or the range does not count: the whole file
    try:
        return GuardedFile._parse_range_header(wanted, size_bytes)
    except RangeNotSatisfiable:
        return None


def is_ranged(request: Request) -> bool:
    """Whether a part may be asked for: `demand_right` has a whole file to hash then, which is done before anything is written."""
    return request.method != "HEAD" and "range" in request.headers


def demand_right(request: Request, held: Held) -> None:
    """Raise Damaged for what `deliver` would refuse, so that nobody is charged, and no ticket is used up, for what cannot be sent.

    A part cannot be hashed on its way, so the whole is before; what lies in a bucket is brought here for it.
    """
    if not held.size_bytes and held.sha256 != _OF_NOTHING:
        raise damaged(held.sha256)
    if not (request.method != "HEAD" and _ranges(request, held.sha256, held.size_bytes)):
        return
    if held.path is not None:
        _demand_whole(held.path, held.check() if held.check else Check(held.sha256), held.sha256)
    elif held.bring is not None:
        held.bring()


def _holds(request: Request, sha256: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return f'"{sha256}"' in tags or "*" in tags


def deliver(
    request: Request,
    held: Held,
    *,
    sha256: str,
    filename: str,
    media_type: str,
    may_go_on: Callable[[], bool] | None = None,
    on_end: Callable[[int, bool], None] | None = None,
    since: Since | None = None,
) -> Response:
    """The file, or 304 when the reader holds it already. Register the route for GET and HEAD both.

    Raises Damaged as `demand_right`, which who charges asks before.
    """
    if _holds(request, sha256):
        return Response(status_code=304, headers=_headers(sha256))
    on_damage = partial(note_damaged, request, damaged(sha256))
    demand_right(request, held)
    if held.bring is not None and request.method != "HEAD" and _ranges(request, sha256, held.size_bytes):
        held = replace(held, path=held.bring())
    if held.path is None:
        return GuardedPieces(
            held,
            filename=filename,
            media_type=media_type,
            may_go_on=may_go_on,
            on_end=on_end,
            since=since,
            on_damage=on_damage,
        )
    return GuardedFile(
        held.path,
        sha256=sha256,
        filename=filename,
        media_type=media_type,
        may_go_on=may_go_on,
        on_end=on_end,
        since=since,
        on_damage=on_damage,
        check=held.check,
    )


def _seen(path: Path, check: Callable[[], Check]) -> tuple[Identity, Check | None]:
    """What the file is now; and what is to judge it on its way, None where it was found right a short while ago."""
    return identity(path), None if LOOKED.is_lately_right(path) else check()


def _demand_whole(path: Path, check: Check, sha256: str) -> None:
    if LOOKED.is_lately_right(path):
        return
    before = identity(path)
    with path.open("rb") as source:
        while data := source.read(CHUNK):
            check.update(data)
    if not check.is_right():
        raise damaged(sha256)
    LOOKED.was_right(path, before)


def attachment(filename: str) -> dict[str, str]:
    """Headers for an answer that is to be kept as a file (RFC 6266; Chinese names in UTF-8). The plain name stands last: QGIS's plugin
    takes all that follows `filename=`."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\;' else "_" for char in filename
    )
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}; filename=\"{plain}\""
    }


def _headers(sha256: str) -> dict[str, str]:
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-cache",
        "Repr-Digest": f"sha-256=:{_base64(sha256)}:",
    }


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
