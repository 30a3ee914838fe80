"""An assistant asks over the Model Context Protocol, with the SDK's own client against a real server."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from api.app import create_app
from api.assistant_tools import TOOLS
from api.house import House, open_house
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from core.settings import Settings
from tests.catalog.records import a_dataset, a_department
from tests.people import actor_of
from tests.web.browser import served


@pytest.fixture(scope="module")
def house(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    room = tmp_path_factory.mktemp("assistant")
    shutil.copyfile(sqlite_template, room / "datagrant.db")
    made = open_house(Settings(data_dir=room, worker=False, demo=True))
    with made.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        a_dataset(
            work,
            "DP-PK-002",
            "traffic",
            open_type="C",
            open_condition="签订协议",
            data_level=2,
            title_zh="停车行为",
        )
        a_dataset(work, "DP-PK-003", "traffic", draft=True, title_zh="停车草稿")
    yield made
    made.engine.dispose()  # fmt: skip


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with served(create_app(house=house)) as found:
        yield f"{found}/mcp"


def asked(address: str, tool: str, key: str = "", /, **given: Any) -> Any:
    """The result of one tool, asked by a client of its own."""

    async def ask() -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            return await client.call_tool(tool, given)

    return run(ask)


def run(ask: Callable[[], Awaitable[Any]]) -> Any:
    """In a thread of its own: a browser of another test may keep this one's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, ask).result()


def test_the_client_lists_tools_that_only_read(address: str) -> None:
    async def ask() -> Any:
        async with Client(streamable_http_client(address)) as client:
            return await client.list_tools()

    tools = run(ask).tools
    assert {tool.name for tool in tools} == set(TOOLS)
    assert all(tool.annotations.read_only_hint for tool in tools)


def test_visitors_find_what_is_public_and_no_draft(address: str) -> None:
    found = asked(address, "search_datasets", query="停车").structured_content
    assert {item["id"] for item in found["items"]} == {"DP-PK-001", "DP-PK-002"}
    refused = asked(address, "show_dataset", dataset_id="DP-PK-003")
    assert refused.is_error
    assert refused.structured_content["kind"] == "not-found"
    assert (
        asked(address, "show_dictionary", dataset_id="DP-PK-001").structured_content["columns"][0]["name"]
        == "lot_id"
    )


def test_a_key_sees_what_its_owner_sees(address: str, house: House) -> None:
    with house.write() as work:
        made = api_keys.create(
            work, actor_of(work, "traffic-steward"), ApiKeyCreate(name="assistant", days=7)
        )
    found = asked(address, "search_datasets", made.key, query="停车").structured_content
    assert "DP-PK-003" in {item["id"] for item in found["items"]}


def test_it_explains_what_may_be_had_and_how(address: str) -> None:
    told = asked(address, "how_to_get", dataset_id="DP-PK-002").structured_content
    assert (told["is_free_for_everybody"], told["files"]) == (False, {})
    assert told["apply_at"].endswith("/applications/new?dataset=DP-PK-002")
    assert {reason["code"] for reason in told["why_not"]} >= {"not-open-unconditionally", "level-too-high"}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("drop_everything", {}),
        ("show_dataset", {}),
        ("show_dataset", {"dataset_id": 5}),
        ("search_datasets", {"limit": 5000}),
        ("search_datasets", {"state": "draft"}),
        ("list_codes", {"name": "../secret"}),
    ],
)
def test_what_does_not_fit_is_said_as_an_answer(address: str, name: str, given: dict[str, Any]) -> None:
    assert asked(address, name, **given).is_error


def test_what_is_no_message_is_refused(address: str) -> None:
    assert httpx2.get(address).status_code == 405
    accept = {"Accept": "application/json, text/event-stream"}
    assert (
        httpx2.post(address, content=b"{", headers=accept | {"Content-Type": "application/json"}).status_code
        == 400
    )
    bad = httpx2.post(address, json={}, headers=accept | {"Authorization": "Bearer dgk_nothing"})
    assert bad.status_code == 401
