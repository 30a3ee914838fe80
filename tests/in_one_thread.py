"""Answers a test's request in the test's own thread.

Why this exists: Starlette's `TestClient` starts a thread with an event loop for every request, crosses between threads nine times,
and the app sends each plain function to yet another thread. That took two thirds of the processor's time of a request (6.2 ms of
which 1.9 are left). Here one loop serves all requests of the main thread, and the app's plain functions run where the loop runs. What
a test can see stays: the answer, the error raised, contexts that do not leak.

As before go: requests of other threads (tests of races), answers read piece by piece (`client.stream`), clients that are entered
(`with client:` runs the lifespan), whatever the app itself sends to a thread (`anyio.to_thread`), and everything in a process that
drives a browser.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio import events
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, Final
from urllib.parse import unquote

import anyio.to_thread
import httpx2
import pytest
from starlette import testclient

Message = dict[str, Any]
_FRAMEWORK: Final = ("starlette.", "fastapi.")
_PORTS: Final = {"http": 80, "https": 443}
_here: ContextVar[bool] = ContextVar("in_one_thread", default=False)


@contextmanager
def in_one_thread() -> Iterator[None]:
    """From now on `TestClient` asks in its own thread, where nothing speaks against it."""
    Transport = testclient._TestClientTransport
    by_threads, stream, to_thread = (
        Transport.handle_request,
        testclient.TestClient.stream,
        anyio.to_thread.run_sync,
    )
    loop = asyncio.new_event_loop()
    streaming: list[None] = []

    def handle_request(transport: Any, request: httpx2.Request) -> httpx2.Response:
        # a browser that was started in this process keeps a loop of its own running in this thread
        alone = threading.current_thread() is threading.main_thread() and events._get_running_loop() is None
        entered = getattr(transport.portal_factory, "__self__", None)
        if not alone or streaming or request.url.scheme not in _PORTS or getattr(entered, "portal", None):
            return by_threads(transport, request)
        return _Exchange(transport, request).answer(loop)

    @contextmanager
    def streamed(client: Any, *words: Any, **how: Any) -> Iterator[httpx2.Response]:
        streaming.append(None)
        try:
            with stream(client, *words, **how) as answer:
                yield answer
        finally:
            streaming.pop()

    async def run_sync(function: Callable[..., Any], *words: Any, **how: Any) -> Any:
        caller = sys._getframe(1).f_globals["__name__"]
        if not _here.get() or not caller.startswith(_FRAMEWORK):
            return await to_thread(function, *words, **how)
        events._set_running_loop(None)  # to the function this is a plain thread
        try:
            return copy_context().run(function, *words)
        finally:
            events._set_running_loop(loop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "handle_request", handle_request)
        patch.setattr(testclient.TestClient, "stream", streamed)
        patch.setattr(anyio.to_thread, "run_sync", run_sync)
        yield
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


class _Exchange:
    """One request and its answer."""

    def __init__(self, transport: Any, request: httpx2.Request) -> None:
        self.transport, self.request = transport, request
        self.body: bytes | None = request.read()
        self.begun: Message = {}
        self.parts: list[bytes] = []
        self.shown: Message = {}

    def answer(self, loop: asyncio.AbstractEventLoop) -> httpx2.Response:
        try:
            loop.run_until_complete(self._run())
        except Exception:
            if self.transport.raise_server_exceptions:
                raise
        if not self.begun:
            assert not self.transport.raise_server_exceptions, "TestClient did not receive any response."
            return httpx2.Response(500, stream=httpx2.ByteStream(b""), request=self.request)
        made = httpx2.Response(
            self.begun["status"],
            headers=[(name.decode(), value.decode()) for name, value in self.begun.get("headers", [])],
            stream=httpx2.ByteStream(b"".join(self.parts)),
            request=self.request,
        )
        for name in ("template", "context"):
            if name in self.shown:
                setattr(made, name, self.shown[name])
        return made

    async def _run(self) -> None:
        _here.set(True)
        ended = asyncio.Event()

        async def receive() -> Message:
            if self.body is None:
                await ended.wait()
                return {"type": "http.disconnect"}
            body, self.body = self.body, None
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            match message["type"]:
                case "http.response.start":
                    assert not self.begun, "an answer begins once"
                    self.begun = message
                case "http.response.body":
                    assert self.begun, "an answer begins with its head"
                    assert not ended.is_set(), "an answer ends once"
                    if self.request.method != "HEAD":
                        self.parts.append(bytes(message.get("body", b"")))
                    if not message.get("more_body", False):
                        ended.set()
                case "http.response.debug":
                    self.shown = message["info"]

        app: Callable[..., Awaitable[None]] = self.transport.app
        await app(self._scope(), receive, send)

    def _scope(self) -> Message:
        url, headers = self.request.url, self.request.headers.multi_items()
        named = [] if "host" in self.request.headers else [(b"host", url.netloc)]
        return {
            "type": "http",
            "http_version": "1.1",
            "method": self.request.method,
            "path": unquote(url.path),
            "raw_path": url.raw_path.partition(b"?")[0],
            "root_path": self.transport.root_path,
            "scheme": url.scheme,
            "query_string": url.query,
            "headers": named + [(name.lower().encode(), value.encode()) for name, value in headers],
            "client": self.transport.client,
            "server": [url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]],
            "extensions": {"http.response.debug": {}},
            "state": self.transport.app_state.copy(),
        }
