"""Answers that were written for one question, guarded as files are while they flow."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.delivery import guarded, until_gone
from api.watching import Since
from core.files import CHUNK


class GuardedCopy(Response):
    """A file that was written for this one answer, sent whole and guarded in the same way.

    It loses its name at once, so nothing of it stays, however the answer ends.
    """

    def __init__(
        self,
        path: Path,
        *,
        headers: dict[str, str],
        may_go_on: Callable[[], bool] | None = None,
        on_end: Callable[[int, bool], None] | None = None,
        since: Since | None = None,
    ) -> None:
        super().__init__(None, headers=headers | {"Cache-Control": "private, no-store"})
        self._file = path.open("rb")
        path.unlink()
        self.headers["content-length"] = str(os.fstat(self._file.fileno()).st_size)
        self.headers["accept-ranges"] = "none"  # each answer is written anew
        self._may_go_on, self._on_end, self._since = may_go_on, on_end, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            flow = partial(until_gone, self._flow)
            await guarded(flow, scope, receive, send, self._may_go_on, self._on_end, self._since)

    async def _flow(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while data := await run_in_threadpool(self._file.read, CHUNK):
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class GuardedBody(Response):
    """An answer made in memory, sent in chunks and guarded in the same way."""

    def __init__(
        self,
        body: bytes,
        *,
        media_type: str,
        headers: dict[str, str],
        may_go_on: Callable[[], bool],
        on_end: Callable[[int, bool], None],
        since: Since,
    ) -> None:
        super().__init__(
            body, media_type=media_type, headers=headers | {"Cache-Control": "private, no-store"}
        )
        self._may_go_on, self._on_end, self._since = may_go_on, on_end, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        flow = partial(until_gone, self._flow)
        await guarded(flow, scope, receive, send, self._may_go_on, self._on_end, self._since)

    async def _flow(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(self.body), CHUNK):
            await send({"type": "http.response.body", "body": self.body[at : at + CHUNK], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
