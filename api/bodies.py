"""How much body is taken from whom.

Why this exists: FastAPI reads a body before it asks who sends it. Without this guard a visitor could fill memory with JSON, or the
disk with a form's file, and be refused only afterwards.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import on_app_error
from api.identity import identify
from core.errors import AppError, InputRefused, NotSignedIn
from core.text import Text

FROM_ANYBODY: Final = 256 * 1024
IN_MEMORY: Final = 16 * 1024 * 1024
AROUND_A_FILE: Final = 1024 * 1024  # what a form may hold besides its file
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_RAW_FILES: Final = ("/api/v1/batches", "/api/v1/traces")
_CKAN_FILES: Final = ("/action/resource_create", "/action/resource_update", "/action/resource_patch")
TOO_LARGE: Final = 413


class BodyGuard:
    """Beyond 256 KiB the sender must be proven first; beyond 16 MiB only files are taken, which go to disk as they come.

    Where a body goes is told by the route, not by the type that the sender claims: a JSON route reads anything into memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await (await on_app_error(request, _nul()))(scope, receive, send)
            return
        announced = _announced(request)
        try:
            if announced is None or announced > FROM_ANYBODY:
                await run_in_threadpool(_prove, request)
        except AppError as refused:
            await (await on_app_error(request, refused))(scope, receive, send)
            return
        await self.app(scope, _counted(receive, _limit(request)), send)


async def demand_text(request: Request) -> None:
    """Raise InputRefused for a JSON body with NUL or half a surrogate pair in a text: no database keeps the one, no answer can be written with the other.

    What is no JSON at all is left to the route to refuse.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        return
    try:
        said = await request.json()
    except (ValueError, RecursionError):
        return
    if (where := _no_text(said)) is not None:
        text = Text(
            f"{where} 含有无法保存的字符（空字符 NUL 或不成对的代理码位）；请删去后重试。",
            f"{where} holds a character that cannot be stored (NUL, or half a surrogate pair); take it out and try again.",
        )
        raise InputRefused(text, faults=[{"where": where, "what": text.en}])


def _no_text(said: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """Where in a JSON value the first text stands that cannot be stored, such as `body.lines.0.note`; None if there is none."""
    waiting = [("body", said)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            if _UNSTORABLE.search(value):
                return where
        elif isinstance(value, dict):
            if any(_UNSTORABLE.search(name) for name in value):
                return where
            waiting.extend((f"{where}.{name[:80]}", each) for name, each in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((f"{where}.{at}", each) for at, each in reversed(list(enumerate(value))))
    return None


def _limit(request: Request) -> int:
    """How much this route takes: forms of pages and the raw intake go to disk, everything else stays in memory."""
    path = request.url.path
    is_form = request.headers.get("content-type", "").startswith("multipart/form-data")
    if path in _RAW_FILES or (is_form and (path.endswith(_CKAN_FILES) or not path.startswith("/api/"))):
        most: int = request.app.state.house.settings.upload_max_bytes
        return most + AROUND_A_FILE
    return IN_MEMORY


def _nul() -> InputRefused:
    return InputRefused(
        Text("地址中含有空字符（NUL）；请检查链接。", "The address holds a NUL character; check the link.")
    )


def _announced(request: Request) -> int | None:
    """The body's length; None when it will only be known at its end."""
    if "transfer-encoding" in request.headers:
        return None
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else None


def _prove(request: Request) -> None:
    if not identify(request.app.state.house, request).actor.is_signed_in:
        raise NotSignedIn(Text("提交较大的内容前请先登录。", "Sign in before you send anything large."))


def _counted(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(TOO_LARGE)
        return message

    return counted
