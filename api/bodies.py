"""How much body is taken from whom.

Why this exists: FastAPI reads a body before it asks who sends it. Without this guard a visitor could fill memory with JSON, or the
disk with a form's file, and be refused only afterwards.
"""

from __future__ import annotations

from typing import Final

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
