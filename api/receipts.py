"""Every answer to a command names what stands on record of it: `Audit-Event`, by which `/audit/proof/{event}` is asked.

Told are the events that the caller himself caused, about an application or a grant, once they are committed; of a step that was
refused too, where the attempt is on record. An answer kept under an `Idempotency-Key` keeps the header.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.audit_request import ASKING, Asking
from auth.proof.receipts import is_given

HEADER: Final = "Audit-Event"
DECLARED: Final[dict[str, Any]] = {
    "description": "Ids of the events that stand on record of this command, separated by commas; `/api/v1/audit/proof/{event_id}` proves each. "
    "Absent where the command is about no application and no grant, or changed nothing. A step that was refused names the attempt where that is on record.",
    "schema": {"type": "string"},
}
_MOST: Final = 20
_COMMANDS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def gives(method: str, path: str) -> bool:
    """Whether answers there may name events."""
    return method in _COMMANDS and path.startswith("/api/v1/")


class Receipts:
    """Plain ASGI, so that streams stay streams; stands behind what keeps answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not gives(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return

        async def with_events(message: Message) -> None:
            if message["type"] == "http.response.start" and (named := _named(scope, ASKING.get())):
                MutableHeaders(scope=message)[HEADER] = ", ".join(named)
            await send(message)

        await self.app(scope, receive, with_events)


def _named(scope: Scope, asking: Asking | None) -> list[str]:
    """At most 20: a command that writes more, such as an import, is no decision on a case."""
    if asking is None or not asking.written or (actor := scope.get("state", {}).get("actor")) is None:
        return []
    own = [
        each.id
        for each in asking.written
        if each.is_of_a_case and each.account == actor.account_id and is_given(each.kind)
    ]
    return own[:_MOST]
