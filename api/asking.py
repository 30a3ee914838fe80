"""Every request has an id of the service's own: the answer carries it (`X-Request-Id`), and so does every event recorded in its course.

What a client sends under that name is not taken: it could be anybody's.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.audit_request import ASKING, Asking
from core import elapsed, ids

HEADER: Final = "X-Request-Id"
DECLARED: Final[dict[str, Any]] = {
    "description": "The service's own id of this request, which every event recorded in its course bears too (`request_id`).",
    "schema": {"type": "string", "format": "uuid"},
}
_KEPT: Final = "request_id"


def id_of(scope: Scope) -> str:
    """The id of the request, for what answers outside all middleware."""
    return str(scope.get("state", {}).get(_KEPT, ""))


class Asked:
    """Plain ASGI, around everything else, so that refusals have it too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        asking = Asking(ids.new_id(), client[0] if client else "")
        scope.setdefault("state", {})[_KEPT] = asking.id

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = asking.id
            await send(message)

        token = ASKING.set(asking)
        try:
            with elapsed.counted():
                await self.app(scope, receive, with_id)
        finally:
            ASKING.reset(token)
