"""The requests that Spark's connector makes, one after another as its published source sends them, and what it demands of each answer.

The connector itself (delta-sharing-spark, from Maven) is no Python package; `python -m tests.campaigns.spark --jar` runs it where it is there.
Source: `client/…/DeltaSharingClient.scala`, `RandomAccessHttpInputStream.scala`, `PreSignedUrlCache.scala` of delta-io/delta-sharing.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from api.house import House
from tests.conftest import TestClock
from tests.datasets.extracts.scene import VENUES, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes
from tests.people import client_as

TABLE = f"/shares/safety/schemas/PK/tables/{VENUES}"
AGENT = "Delta-Sharing-Spark/1.3.4 Spark/4.0.0 QueryId-0a1b2c3d Hadoop/3.4.1 Linux/6.1 java/17 scala/2.13.16"
FORMATS = ("parquet", "delta", "parquet,delta")
FEATURES = "deletionvectors,columnmapping,timestampntz,v2checkpoint"


class Connector:
    """What the Scala client does with an answer; its refusals are assertions here."""

    def __init__(self, scene: Scene) -> None:
        made = client_as(scene.house, "analyst").post(f"/api/v1/grants/{scene.grant_id}/profile", json={})
        profile = made.json()
        assert profile["shareCredentialsVersion"] == 1
        self.http = client_as(scene.house)
        self.root = profile["endpoint"].removeprefix("http://127.0.0.1:8000").rstrip("/")
        self.token = profile["bearerToken"]

    def ask(self, method: str, path: str, *, form: str = "parquet", ends: bool = False, **more: Any) -> Any:
        able = [f"responseformat={form}"] + ([f"readerfeatures={FEATURES}"] if "delta" in form else [])
        able += ["asyncquery=true"] if more.pop("waits", False) else []
        able += ["includeendstreamaction=true"] if ends else []
        headers = {
            "User-Agent": AGENT, "Authorization": f"Bearer {self.token}", "delta-sharing-capabilities": ";".join(able),
        } | more.pop("headers", {})  # fmt: skip
        return self.http.request(method, f"{self.root}{path}", headers=headers, **more)

    def lines(self, method: str, path: str, **how: Any) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
        """Version, lines without the end of the stream, and that end."""
        answer = self.ask(method, path, **how)
        assert answer.status_code == 200, answer.text
        told = dict(each.split("=", 1) for each in answer.headers["delta-sharing-capabilities"].split(";"))
        assert told["responseformat"] in how.get("form", "parquet").split(",")
        said = [json.loads(line) for line in answer.text.splitlines()]
        end = said[-1].get("endStreamAction")
        assert bool(how.get("ends")) == (told.get("includeendstreamaction") == "true")
        assert end is not None or not how.get("ends"), "the connector asks again where it misses the end"
        return int(answer.headers["Delta-Table-Version"]), said[: -1 if end else None], end or {}


def body(**more: Any) -> dict[str, Any]:
    """`QueryTableRequest`: the connector leaves absent what is None."""
    return {"predicateHints": []} | more


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    made = a_scene(sqlite_house)
    makes(made)
    return made


@pytest.fixture
def spark(scene: Scene) -> Connector:
    return Connector(scene)


def _file(line: dict[str, Any]) -> tuple[str, str, int]:
    """Address, id and size, in whichever form."""
    file = line["file"]
    if "deltaSingleAction" in file:
        added = file["deltaSingleAction"]["add"]
        return added["path"], file["id"], added["size"]
    assert file["partitionValues"] == {}
    return file["url"], file["id"], file["size"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_listed_described_and_read_as_spark_does(
    spark: Connector, scene: Scene, form: str
) -> None:
    shares = spark.ask("GET", "/shares").json()
    assert "nextPageToken" not in shares
    tables = spark.ask("GET", f"/shares/{shares['items'][0]['name']}/all-tables").json()["items"]
    assert [(each["share"], each["schema"], each["name"]) for each in tables] == [("safety", "PK", VENUES)]
    version = spark.ask("GET", f"{TABLE}/version", form=form)
    assert (version.status_code, version.headers["Delta-Table-Version"]) == (200, "1")
    number, meta, _ = spark.lines("GET", f"{TABLE}/metadata", form=form)
    assert (number, len(meta)) == (1, 2), "the connector refuses more than two lines"
    asked = body(includeRefreshToken=True, limitHint=3, jsonPredicateHints='{"op":"nonsense"')
    number, said, end = spark.lines("POST", f"{TABLE}/query", form=form, ends=True, json=asked)
    assert (number, said[:2]) == (1, meta)
    url, _, size = _file(said[2])
    assert end["minUrlExpirationTimestamp"] == said[2]["file"]["expirationTimestamp"]
    path = url.removeprefix("http://127.0.0.1:8000")
    for start in (size - 8, 4):  # its stream opens at a place and reads to the end; anything but 206 fails it
        part = client_as(scene.house).get(path, headers={"Range": f"bytes={start}-{size - 1}"})
        assert (part.status_code, len(part.content)) == (206, size - start)


def test_hints_that_cannot_be_read_are_left_aside(spark: Connector) -> None:
    for hints in ("{", '{"op":"equal","children":[]}', '"x"'):
        _, said, _ = spark.lines("POST", f"{TABLE}/query", json=body(jsonPredicateHints=hints))
        assert len(said) == 3, hints
    _, said, _ = spark.lines("POST", f"{TABLE}/query", json={"predicateHints": ["rooms > 'x'", "("]})
    assert len(said) == 3


def test_without_being_asked_no_line_ends_the_stream(spark: Connector) -> None:
    _, said, end = spark.lines("POST", f"{TABLE}/query", json={})
    assert (len(said), end) == (3, {})
    _, _, end = spark.lines("POST", f"{TABLE}/query", json=body(includeRefreshToken=True))
    assert end["refreshToken"], "who asks for a token knows the line"


def test_a_token_renews_the_addresses_of_the_version_that_was_begun(
    spark: Connector, scene: Scene, clock: TestClock
) -> None:
    first, said, end = spark.lines("POST", f"{TABLE}/query", ends=True, json=body(includeRefreshToken=True))
    clock.now += timedelta(minutes=50)
    makes(scene, scene.releases(a_table(), 2))
    newest, _, _ = spark.lines("POST", f"{TABLE}/query", json=body())
    assert (first, newest) == (1, 2)
    again = body(includeRefreshToken=True, refreshToken=end["refreshToken"])
    number, renewed, later = spark.lines("POST", f"{TABLE}/query", ends=True, json=again)
    assert number == 1
    assert _file(renewed[2])[1:] == _file(said[2])[1:], "Spark looks its addresses up by id"
    assert _file(renewed[2])[0] != _file(said[2])[0]
    assert later["minUrlExpirationTimestamp"] > end["minUrlExpirationTimestamp"]
    scene.withdraws()
    assert spark.ask("POST", f"{TABLE}/query", json=again).status_code == 400
    scene.revokes()
    assert spark.ask("POST", f"{TABLE}/query", json=again).status_code in (403, 404)


@pytest.mark.parametrize("scheme", ["parquet", "Delta"])
def test_the_scheme_of_file_ids_is_echoed(spark: Connector, scheme: str) -> None:
    ids = set()
    for form in FORMATS:
        asked = {"form": form, "headers": {"fileidhash": scheme}}
        answer = spark.ask("POST", f"{TABLE}/query", json=body(), **asked)
        assert answer.headers["fileidhash"] == scheme.lower()
        ids.add(_file(json.loads(answer.text.splitlines()[2]))[1])
        changes = spark.ask("GET", f"{TABLE}/changes?startingVersion=1", **asked)
        assert changes.headers["fileidhash"] == scheme.lower()
    assert len(ids) == 1
    assert spark.ask("POST", f"{TABLE}/query", json={}, headers={"fileidhash": "md5"}).status_code == 400
    assert "fileidhash" not in spark.ask("POST", f"{TABLE}/query", json={}).headers


@pytest.mark.parametrize("form", FORMATS)
def test_changes_and_streams_read_as_spark_does(
    spark: Connector, scene: Scene, clock: TestClock, form: str
) -> None:
    clock.now += timedelta(hours=1)
    makes(scene, scene.releases(a_table(), 2))
    asked = "startingVersion=1&endingVersion=2&includeHistoricalMetadata=true&maxFiles=100000"
    _, said, _ = spark.lines("GET", f"{TABLE}/changes?{asked}", form=form, ends=True)
    assert len(said) == 5
    stream = body(startingVersion=2, endingVersion=2)  # a streaming query's next step
    number, said, end = spark.lines("POST", f"{TABLE}/query", form=form, ends=True, json=stream)
    assert (number, len(said)) == (2, 4)
    assert "refreshToken" not in end
    for line in said[2:]:
        held = next(iter(line.values()))
        assert held["version"] == 2
        assert held["timestamp"] > 0, "the connector's add and remove need both"
    at = "2026-03-02T01:00:00Z"
    assert spark.ask("GET", f"{TABLE}/version", params={"startingTimestamp": at}).status_code == 200


def test_an_asynchronous_query_is_answered_at_once(spark: Connector) -> None:
    asked = body(idempotency_key="5f0c7a52-2b54-4d51-8d4a-8f5b3d7c8e11", maxFiles=100)
    _, said, _ = spark.lines("POST", f"{TABLE}/query", json=asked, waits=True)
    assert len(said) == 3, "no queryStatus: the protocol lets a server serve it at once"


def test_a_token_of_another_house_is_refused_and_says_so(spark: Connector) -> None:
    answer = spark.ask("POST", f"{TABLE}/query", json=body(refreshToken="eyJ2IjoxfQ=="))
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_PARAMETER_VALUE")
