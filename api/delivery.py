"""Files on their way out: ranges, strong validators, and a question asked again while the bytes flow.

Why this exists: Starlette's file answer is right about ranges but ignores `If-None-Match`, sends small chunks (15 % of what
the loopback can do), and goes on sending after the right to receive has ended. Measured in docs/decisions/0009.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

RECHECK_BYTES: Final = 4 * 1024 * 1024


class DeliveryStopped(ConnectionError):
    """The right to receive ended while the file was on its way; the connection is cut, so the reader sees it."""


class GuardedFile(FileResponse):
    """A file answer that asks `may_go_on` every few MiB and tells `on_end` how many bytes left (body bytes)."""

    chunk_size = 256 * 1024

    def __init__(
        self,
        path: Path,
        *,
        sha256: str,
        filename: str,
        media_type: str,
        may_go_on: Callable[[], bool] | None = None,
        on_end: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(path, filename=filename, media_type=media_type, headers=_headers(sha256))
        self._may_go_on, self._on_end = may_go_on, on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = asked_at = 0

        async def watched(message: Message) -> None:
            nonlocal sent, asked_at
            if message["type"] == "http.response.body":
                if self._may_go_on and sent - asked_at >= RECHECK_BYTES:
                    asked_at = sent
                    if not await run_in_threadpool(self._may_go_on):
                        raise DeliveryStopped("the right to receive this file has ended")
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await super().__call__(scope, receive, watched)
        finally:
            if self._on_end:
                await run_in_threadpool(self._on_end, sent)


def deliver(
    request: Request,
    path: Path,
    *,
    sha256: str,
    filename: str,
    media_type: str,
    may_go_on: Callable[[], bool] | None = None,
    on_end: Callable[[int], None] | None = None,
) -> Response:
    """The file, or 304 when the reader holds it already. Register the route for GET and HEAD both."""
    held = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if f'"{sha256}"' in held or "*" in held:
        return Response(status_code=304, headers=_headers(sha256))
    return GuardedFile(
        path, sha256=sha256, filename=filename, media_type=media_type, may_go_on=may_go_on, on_end=on_end
    )


def _headers(sha256: str) -> dict[str, str]:
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, no-cache",
        "Repr-Digest": f"sha-256=:{_base64(sha256)}:",
    }


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
