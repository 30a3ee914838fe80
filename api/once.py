"""`Idempotency-Key` on commands: the same key with the same body is carried out once and answered alike.

The kept answer belongs to the account, and to the proof and the roles that it was given to; the route asks again who calls before it
is given (`api.replay`). Not taken where the answer holds a secret, which is stored nowhere, and not on uploads, which are known by their hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

from fastapi import HTTPException, Request
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import receipts
from api.errors import on_app_error, on_http_error
from api.house import House
from api.identity import identify
from api.replay import offer
from auth.actor import Actor
from core import once
from core.errors import AppError, InputRefused, NotSignedIn
from core.text import Text

HEADER: Final = "idempotency-key"
COMMANDS: Final = "/api/v1/"
NOT_TAKEN: Final = (
    "/api/v1/auth",
    "/api/v1/me",
    "/api/v1/users",
    "/api/v1/tokens",
    "/api/v1/keys",
    "/api/v1/webhooks",
)
_HOLDS_KEY: Final = re.compile(
    r"/api/v1/(grants/[^/]+/(links|profile|keys)(/.*)?|extracts/[^/]+/tickets|previews)"
)  # signed links, profiles and keys, download tickets; rows of a preview, which are kept nowhere
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_KEPT_HEADERS: Final = (b"content-type", b"etag", b"location", receipts.HEADER.lower().encode())


class Once:
    """Plain ASGI; requests without the header pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope) if scope["type"] == "http" else None
        if (
            request is None
            or request.method != "POST"
            or HEADER not in request.headers
            or not request.url.path.startswith(COMMANDS)
        ):
            await self.app(scope, receive, send)
            return
        try:
            body = await _whole(receive)
            key = _key(request)
            actor = await run_in_threadpool(_actor, request)
            if actor is None:
                await self.app(scope, _again(body, receive), send)
                return
            account = actor.account_id
            kept = await run_in_threadpool(_begin, request, account, key, _digest(request, actor, body))
        except AppError as refused:
            await (await on_app_error(request, refused))(scope, receive, send)
            return
        except HTTPException as refused:
            await (await on_http_error(request, refused))(scope, receive, send)
            return
        if kept is not None:
            offer(request, kept)
            await self.app(scope, _again(body, receive), send)
            return
        await self._carry_out(request, account, key, _again(body, receive), send)

    async def _carry_out(
        self, request: Request, account: str, key: str, receive: Receive, send: Send
    ) -> None:
        heard = _Heard(send)
        try:
            await self.app(request.scope, receive, heard)
        finally:
            await run_in_threadpool(_end, request, account, key, heard)


class _Heard:
    """Passes an answer on and keeps a copy."""

    def __init__(self, send: Send) -> None:
        self.send, self.status, self.body = send, 500, b""
        self.headers: dict[str, str] = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode(): value.decode("latin-1")
                for name, value in message.get("headers", [])
                if name.lower() in _KEPT_HEADERS
            }
        self.body += message.get("body", b"")
        await self.send(message)


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _key(request: Request) -> str:
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise InputRefused(
            Text(
                "Idempotency-Key 须为 1 至 200 个可见 ASCII 字符，例如一个 UUID。",
                "An Idempotency-Key has 1 to 200 visible ASCII characters, such as a UUID.",
            )
        )
    path, kind = request.url.path, request.headers.get("content-type", "application/json")
    if holds_secret(path) or not kind.startswith("application/json"):
        raise InputRefused(
            Text(
                "此处不接受 Idempotency-Key：答复含有秘密，或内容为文件（以摘要识别）。请去掉该头后重试。",
                "No Idempotency-Key is taken here: the answer holds a secret, or a file is known by its hash. Leave the header out.",
            )
        )
    return key


def holds_secret(path: str) -> bool:
    """Whether the answers there hold what may be stored nowhere."""
    return path.startswith(NOT_TAKEN) or _HOLDS_KEY.fullmatch(path) is not None


def _digest(request: Request, actor: Actor, body: bytes) -> str:
    """What makes two requests the same: path, query, version seen, body; and by what proof and with which roles they come."""
    told = [request.url.path, request.url.query, request.headers.get("if-match", ""), _standing(actor)]
    return hashlib.sha256("\n".join(told).encode() + b"\n" + body).hexdigest()


def _standing(actor: Actor) -> str:
    """The proof's kind, of a key itself, what it is limited and bound to, and the roles of whoever brings it."""
    key = actor.session_id if actor.via == "api_key" else None
    only = None if actor.only is None else sorted(actor.only)
    lent = [(each.role, each.scope, each.lender.person_id if each.lender else "") for each in actor.roles]
    return json.dumps([actor.via, key, only, actor.grant, actor.person_id, actor.org_id, sorted(lent)])


def _actor(request: Request) -> Actor | None:
    try:
        actor = identify(_house(request), request).actor
    except NotSignedIn:
        return None  # the route says so in its own words
    return actor if actor.is_signed_in else None


def _begin(request: Request, account: str, key: str, digest: str) -> once.Answer | AppError | None:
    """The answer that is kept, or why the key is not to be used so; None where the command is to be carried out."""
    try:
        with _house(request).write() as work:
            return once.begin(work, account, key, digest)
    except IntegrityError:  # somebody reserved it in the same moment
        return once.under_way()
    except AppError as refused:
        return refused


def _end(request: Request, account: str, key: str, heard: _Heard) -> None:
    with _house(request).write() as work:
        if heard.status < 400:
            once.finish(work, account, key, once.Answer(heard.status, heard.headers, heard.body))
        else:
            once.forget(work, account, key)


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more; then what the server says, which is that the reader has gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again
