"""The Model Context Protocol at `/mcp`: an assistant searches the catalogue and explains what may be had, with its owner's rights.

Every message stands alone (no sessions), so each gets a server of its own with the caller's rights in it. The SDK is imported at the first one.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from anyio import to_thread
from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from api.access import PUBLIC, access
from api.assistant_tools import TOOLS, Arguments, Desk, call
from api.deps import ActorDep, HouseDep, LangDep
from api.late import APIRouter
from api.version import version
from auth.actor import Actor
from core.errors import AppError
from core.text import Lang

router = APIRouter(tags=["assistant"])
LARGEST: Final = 256 * 1024  # bytes of one message
_SAID: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The answer.", "content": {"application/json": {"schema": {}}}},
    202: {"description": "Taken; nothing to answer."},
    400: {"description": "It is no message of the protocol."},
    406: {"description": "The caller takes no JSON."},
    415: {"description": "The body is no JSON."},
}
GUIDE: Final = (
    "Public data of a Chinese district: a catalogue with quality scores, open files, and data that need a grant. "
    "Nothing can be changed here. Say where to apply; never promise that an application will be granted."
)


class _Conversation(Response):
    """One message, handed to the SDK's own transport."""

    def __init__(self, house: HouseDep, actor: Actor, lang: Lang) -> None:
        super().__init__()
        self.house, self.actor, self.lang = house, actor, lang

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            self._server(), json_response=True, stateless=True, max_request_body_size=LARGEST
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    def _server(self) -> Any:  # noqa: ANN401 - of a library imported late
        from mcp import types
        from mcp.server.lowlevel import Server

        async def list_tools(_context: object, _params: object) -> types.ListToolsResult:
            hints = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
            return types.ListToolsResult(
                tools=[
                    types.Tool(
                        name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema,
                        annotations=hints,
                    )
                    for tool in TOOLS.values()
                ]
            )  # fmt: skip

        async def call_tool(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
            answer, failed = await to_thread.run_sync(
                partial(self._answer, params.name, params.arguments or {})
            )
            text = types.TextContent(type="text", text=json.dumps(answer, ensure_ascii=False))
            return types.CallToolResult(content=[text], structured_content=answer, is_error=failed)

        return Server(
            "datagrant", version=version(), title="数授 Datagrant", instructions=GUIDE, on_list_tools=list_tools, on_call_tool=call_tool
        )  # fmt: skip

    def _answer(self, name: str, given: Arguments) -> tuple[dict[str, Any], bool]:
        try:
            with self.house.read() as work:
                return call(
                    Desk(work, self.actor, self.lang, self.house.settings.public_url), name, given
                ), False
        except AppError as refused:
            told = {"refused": refused.detail.in_(self.lang), "kind": refused.slug}
            return told | {"reasons": [reason.as_json(self.lang) for reason in refused.reasons]}, True


@router.post("/mcp", **access(PUBLIC), response_class=Response, responses=_SAID)
async def converse(house: HouseDep, actor: ActorDep, lang: LangDep) -> Response:
    """One message of the Model Context Protocol (streamable HTTP, JSON answers). Send a key as `Authorization: Bearer KEY` to be its owner."""
    return _Conversation(house, actor, lang)


@router.get(
    "/mcp",
    **access(PUBLIC),
    response_class=Response,
    responses={405: {"description": "Send a message by POST."}},
)
def no_stream(request: Request) -> Response:  # noqa: ARG001 - one signature for both
    """There is no stream of events to listen to: each message is answered where it was sent."""
    return Response(status_code=405, headers={"Allow": "POST"})
