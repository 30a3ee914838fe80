"""The data API: pages neither skip nor repeat a row, ask the grant each time, and are charged as reading is."""

from __future__ import annotations

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.concurrency import run_in_threadpool
from typer.testing import CliRunner

from api.cli.share import app
from api.delivery import DeliveryStopped
from api.house import House
from auth.grants import ledger, usage
from auth.policy.filters.model import parse
from auth.policy.filters.rules import matches
from core.errors import InputRefused
from datasets.sharing import rows, service
from datasets.sharing.rows import Question, page_of
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes, works
from tests.examples import examples
from tests.people import a_person, client_as

COUNT = 40_000
NUMBERS = {"n": list(range(COUNT)), "even": [n % 2 == 0 for n in range(COUNT)], "t": [None if n % 3 else f"名{n}" for n in range(COUNT)]}  # fmt: skip


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.fixture
def analyst(scene: Scene) -> TestClient:
    client = client_as(scene.house, "analyst")
    client.headers["accept-language"] = "en"
    return client


def _rows(scene: Scene) -> str:
    return f"/api/v1/grants/{scene.grant_id}/rows"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "v.parquet"
    pq.write_table(pa.table(NUMBERS), path, row_group_size=9_000)
    return path


def _walk(view: Path, question: Question, limit: int) -> tuple[list[Any], int]:
    found, at, pages = [], 0, 0
    while True:
        page = page_of(view, question, at, limit)
        found += page.table.column(0).to_pylist()
        pages += 1
        if page.next_at is None:
            return found, pages
        assert page.next_at > at
        at = page.next_at


@settings(max_examples=examples(15))
@given(limit=st.integers(2_000, 50_000), low=st.integers(-5, COUNT), even=st.booleans())
def test_pages_together_are_the_rows_that_pass_in_order(view: Path, limit: int, low: int, even: bool) -> None:
    tree = parse(
        {
            "op": "and",
            "args": [
                {"op": "ge", "column": "n", "value": low},
                {"op": "eq", "column": "even", "value": even},
            ],
        }
    )
    found, _ = _walk(view, Question(("n",), tree), limit)
    assert found == [n for n in range(max(low, 0), COUNT) if (n % 2 == 0) is even]
    everything, pages = _walk(view, Question(("n", "t"), None), limit)
    assert everything == NUMBERS["n"]
    assert pages == -(-COUNT // limit)


def test_nulls_pass_no_condition_as_in_an_extract(view: Path) -> None:
    tree = parse({"op": "not", "arg": {"op": "eq", "column": "t", "value": "名0"}})
    found, _ = _walk(view, Question(("n",), tree), 9_999)
    assert found == [n for n in range(COUNT) if matches(tree, {"t": NUMBERS["t"][n]})]


def test_a_needle_is_sought_in_bounded_steps(view: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_LOOKED_AT", 10_000)
    needle = Question(("n",), parse({"op": "eq", "column": "n", "value": COUNT - 1}))
    first = page_of(view, needle, 0, 5)
    assert (first.table.num_rows, first.next_at is not None) == (0, True)
    assert _walk(view, needle, 5)[0] == [COUNT - 1]


def test_a_cursor_belongs_to_its_view_and_question() -> None:
    mine = Question(("a",), None)
    cursor = mine.cursor("v1", 7)
    assert mine.place("v1", cursor) == 7
    for question, view_id, given_ in (
        (mine, "v2", cursor), (Question(("b",), None), "v1", cursor), (mine, "v1", "x"), (mine, "v1", "W10"),
        (Question(("a",), parse({"op": "is_null", "column": "a"})), "v1", cursor), (mine, "v1", mine.cursor("v1", -1)),
        (mine, "v1", "é"), (mine, "v1", "W251bGwsIDFd"),
    ):  # fmt: skip
        with pytest.raises(InputRefused, match="begin with the first page"):
            question.place(view_id, given_)


def _held(scene: Scene) -> list[dict[str, Any]]:
    """The rows of the view as they lie there, which is in no order that anybody could foretell."""
    with scene.house.read() as work:
        (view,) = service.views_of(work, scene.grant_id)
    found: list[dict[str, Any]] = pq.read_table(
        scene.house.files.path(view.sha256 or ""), columns=["rooms", "venue_id"]
    ).to_pylist()
    assert sorted(each["venue_id"] for each in found) == ["V1", "V2", "V3", "V4", "V5"]
    return found


def test_pages_fields_and_filters_over_http(scene: Scene, analyst: TestClient) -> None:
    made = makes(scene)
    first = analyst.get(_rows(scene), params={"fields": "rooms, venue_id", "limit": 2})
    said = first.json()
    assert (said["release"], said["columns"]) == (1, ["rooms", "venue_id"])
    held = _held(scene)
    assert said["items"] == held[:2]
    second = analyst.get(first.links["next"]["url"]).json()
    assert [each["venue_id"] for each in second["items"]] == [each["venue_id"] for each in held[2:4]]
    last = analyst.get(_rows(scene), params={"fields": "rooms,venue_id", "after": second["next"]})
    assert ([each["venue_id"] for each in last.json()["items"]], last.json()["next"]) == (
        [held[4]["venue_id"]],
        None,
    )
    assert "next" not in last.links
    tree = json.dumps({"op": "gt", "column": "rooms", "value": 20})
    found = analyst.get(_rows(scene), params={"fields": "venue_id", "filter": tree}).json()
    assert sorted(each["venue_id"] for each in found["items"]) == ["V2", "V5"]
    assert (scene.view().used.extracts, scene.view().used.rows) == (
        1,
        made.rows,
    )  # charged once, as the whole view


def test_every_format_holds_the_same_rows(scene: Scene, analyst: TestClient) -> None:
    makes(scene)
    names = "venue_id,venue_name,rooms"
    ask = {"fields": names, "format": "csv"}
    csv = analyst.get(_rows(scene), params=ask)
    frame = pd.read_csv(io.BytesIO(csv.content), dtype=str, keep_default_na=False)
    assert {"'=1+1", "'＝cmd"} < set(frame["venue_name"])
    rooms = [each["rooms"] for each in _held(scene)]
    lines = analyst.get(_rows(scene), params=ask | {"format": "jsonl", "limit": 3})
    assert [json.loads(line)["rooms"] for line in lines.text.splitlines()] == rooms[:3]
    assert lines.headers["x-next"]
    arrow = pa.ipc.open_stream(analyst.get(_rows(scene), params=ask | {"format": "arrow"}).content).read_all()
    assert arrow.column("rooms").to_pylist() == rooms


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"fields": "secret_note"}, 403, "column-not-granted"),
        ({"filter": '{"op":"eq","column":"secret_note","value":"x"}'}, 403, "filter-column-denied"),
        ({"filter": '{"op":"eq","column":"contact_phone","value":"x"}'}, 403, "filter-column-denied"),
        ({"purpose": "research"}, 403, "purpose-mismatch"), ({"release": "nothing"}, 404, ""),
        ({"filter": "rooms > 1"}, 422, ""), ({"filter": '{"op":"sql"}'}, 422, ""), ({"after": "x"}, 422, ""),
        ({"limit": "0"}, 422, ""), ({"limit": "10001"}, 422, ""), ({"format": "exe"}, 422, ""),
    ],
)  # fmt: skip
def test_what_the_grant_does_not_give_is_refused_and_costs_nothing(
    scene: Scene, analyst: TestClient, asked: dict[str, str], status: int, code: str
) -> None:
    makes(scene)
    answer = analyst.get(_rows(scene), params=asked)
    assert answer.status_code == status, answer.text
    assert not code or code in [each["code"] for each in answer.json()["reasons"]]
    assert scene.view().used.extracts == 0
    assert len(scene.events("view.refused")) == (1 if status == 403 else 0)


def test_pages_end_with_the_right(house: House) -> None:
    scene = a_scene(house)
    makes(scene)
    client = client_as(house, "analyst")
    cursor = client.get(_rows(scene), params={"limit": 1}).json()["next"]
    scene.revokes()
    answer = client.get(_rows(scene), params={"limit": 1, "after": cursor})
    assert (answer.status_code, "V2" in answer.text) == (403, False)


def test_a_right_that_ends_while_a_page_is_made_sends_nothing_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_scene(house)
    makes(scene)
    made = rows.page_of

    def ended(*given: Any) -> rows.Page:
        scene.revokes()
        return made(*given)

    monkeypatch.setattr(rows, "page_of", ended)
    answer = client_as(house, "analyst").get(_rows(scene))
    assert (answer.status_code, "V2" in answer.text) == (403, False)
    assert len(scene.events("view.refused")) == 1


@pytest.mark.parametrize("form", ["json", "csv", "arrow"])
def test_a_page_stops_at_the_next_chunk_when_the_right_ends(
    house: House, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("api.written.CHUNK", 100)
    monkeypatch.setattr("api.delivery.RECHECK_S", 3600.0)  # the clock does not help
    scene = a_scene(house)
    makes(scene)
    client = client_as(house, "analyst")
    whole = client.get(_rows(scene), params={"format": form}).content
    counted = sum(each.sent_bytes or 0 for each in _lines(scene))
    assert counted == len(whole)
    came: list[bytes] = []

    async def send(message: Any) -> None:
        if message.get("body"):
            came.append(message["body"])
            if len(came) == 2:
                await run_in_threadpool(scene.revokes)

    token = str(client.headers["authorization"]).encode()
    scope = {
        "type": "http", "method": "GET", "path": _rows(scene), "raw_path": _rows(scene).encode(), "query_string": f"format={form}".encode(),
        "headers": [(b"host", b"testserver"), (b"authorization", token)], "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "http", "client": ("127.0.0.1", 1), "server": ("testserver", 80), "root_path": "", "http_version": "1.1",
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    # A browser of other tests keeps a loop running in this thread.
    with ThreadPoolExecutor(1) as aside, pytest.raises(DeliveryStopped):
        aside.submit(asyncio.run, client.app(scope, receive, send)).result()
    assert [len(each) for each in came] == [100, 100]
    assert b"".join(came) == whole[:200]
    assert sum(each.sent_bytes or 0 for each in _lines(scene)) == counted + 200, "only what left is counted"


def _lines(scene: Scene) -> list[Any]:
    with scene.house.read() as work:
        return [each for each in usage.events(work, scene.grant_id) if each.kind == ledger.DOWNLOAD]


def test_a_filter_only_column_cannot_be_probed_by_pages(sqlite_house: House) -> None:
    columns = ["venue_id", {"name": "rooms", "reason": "只用于筛选场所", "use": "filter_only"}]
    scene = a_scene(sqlite_house, columns=columns)
    makes(scene)
    tree = '{"op":"gt","column":"rooms","value":1}'
    answer = client_as(sqlite_house, "analyst").get(_rows(scene), params={"filter": tree})
    assert [each["code"] for each in answer.json()["reasons"]] == ["filter-not-in-view"]


def test_a_new_release_does_not_mix_into_a_walk(scene: Scene, analyst: TestClient, clock: TestClock) -> None:
    makes(scene)
    first = analyst.get(_rows(scene), params={"limit": 2})
    clock.forward(hours=2)
    makes(scene, scene.releases(a_table(), 2))
    assert analyst.get(_rows(scene), params={"limit": 2, "after": first.json()["next"]}).status_code == 422
    on = analyst.get(first.links["next"]["url"])
    assert on.status_code in (200, 403)  # pinned to its release, as far as the grant lets old ones be read
    assert on.status_code != 200 or on.json()["release"] == 1


def test_while_the_view_is_made_programs_ask_again(scene: Scene, analyst: TestClient) -> None:
    assert analyst.get(_rows(scene)).status_code == 429
    works(scene, releases=False)
    assert analyst.get(_rows(scene)).status_code == 409  # waits for its output review
    scene.checks()
    assert analyst.get(_rows(scene)).status_code == 200


def test_others_get_no_rows(scene: Scene) -> None:
    makes(scene)
    with scene.house.write() as work:
        a_person(work, "stranger", "insurer", [])
    assert client_as(scene.house, "auditor").get(_rows(scene)).status_code in (403, 404)
    assert client_as(scene.house, "stranger").get(_rows(scene)).status_code in (403, 404)


def test_the_command_shows_a_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    makes(scene)
    monkeypatch.setattr("api.house.open_house", lambda *_, **__: scene.house)
    where = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst"]
    done = CliRunner().invoke(
        app, ["rows", scene.grant_id, "--fields", "venue_id", "--limit", "2", *where, "--json"]
    )
    said = json.loads(done.stdout)
    assert ([each["venue_id"] for each in said["items"]], bool(said["next"])) == (
        [each["venue_id"] for each in _held(scene)[:2]],
        True,
    )
    shown = CliRunner().invoke(app, ["rows", scene.grant_id, "--fields", "venue_id", *where])
    assert "V5" in shown.stdout
