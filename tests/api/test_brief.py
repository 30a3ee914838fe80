"""The server of one command: it ends at once when told to, and not before what was asked is answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from typer.main import get_command
from typer.testing import CliRunner

from api.brief import BriefServer
from api.cli import cli
from api.version import version

App = Callable[[Any, Any, Any], Awaitable[None]]


@contextmanager
def _serving(app: App, socket: Path) -> Iterator[BriefServer]:
    server = BriefServer(uvicorn.Config(app, uds=str(socket), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield server
    finally:
        server.end()
        thread.join(20)
        assert not thread.is_alive()


def _client(socket: Path) -> httpx2.Client:
    return httpx2.Client(
        base_url="http://here", transport=httpx2.HTTPTransport(uds=str(socket), verify=False)
    )


def test_it_ends_without_being_asked_anything(tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks")

    with _serving(app, tmp_path / "s"):
        pass


def test_what_was_asked_is_answered_before_it_ends(tmp_path: Path) -> None:
    begun = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    answers: list[str] = []

    def ask() -> None:
        with _client(tmp_path / "s") as client:
            answers.append(client.get("/").text)

    with _serving(app, tmp_path / "s") as server:
        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(10)
        server.end()
        asking.join(10)
    assert answers == ["whole"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--version"], ["--version", "dataset", "list"]])
def test_the_command_says_its_version_and_does_nothing_else(words: list[str]) -> None:
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, done.stdout) == (0, f"datagrant {version()}\n")
    assert get_command(cli).name == "datagrant"


def test_told_to_end_when_it_ended_already_is_no_fault(tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    with _serving(app, tmp_path / "s") as server:
        server.end()
        deadline = time.monotonic() + 20
        while not server._loop.is_closed() and time.monotonic() < deadline:  # type: ignore[union-attr]
            time.sleep(0.005)
    server.end()
