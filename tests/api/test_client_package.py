"""`import datagrant`: rows into pandas and Arrow, asked for each time, fetched once, and refused in words that name the grant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlmodel import select
from typer.testing import CliRunner

import datagrant
from api.cli import _assemble
from api.client import Api
from api.house import House
from api.reader import fetching, read_with
from api.reader.cache import Cache
from api.reader.conditions import columns_of, tree_of
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import GRANTED, VENUES, Scene, a_scene
from tests.datasets.sharing.reading import makes, works
from tests.datasets.sharing.server import a_port, a_server
from tests.desk import a_grant
from tests.people import client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


class Reader:
    """Reads as the analyst, in this process; `fetched` counts the files that were downloaded."""

    def __init__(self, scene: Scene, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene, self.cache, self.fetched = scene, Cache(room / "cache"), 0
        append = fetching._append

        def counted(*args: Any) -> None:
            self.fetched += 1
            append(*args)

        monkeypatch.setattr(fetching, "_append", counted)

        def wait(_: Api, job_id: str, *, quiet: bool = False) -> dict[str, Any]:
            works(scene)
            scene.works()
            return {}

        monkeypatch.setattr(Api, "wait", wait)

    def __call__(self, *args: Any, **how: Any) -> Any:
        api = Api(_english(self.scene), None)
        return read_with(api, VENUES, *args, cache=self.cache, **{"kind": "arrow"} | how)


def _english(scene: Scene) -> Any:
    client = client_as(scene.house, "analyst")
    client.headers["accept-language"] = "en"
    return client


@pytest.fixture
def read(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(scene, tmp_path, monkeypatch)


def test_rows_and_columns_as_they_were_asked_for(read: Reader) -> None:
    found = read(["rooms", "venue_id"], [("rooms", ">", 10), ("district", "in", ["大鹏", "南澳"])])
    assert found.column_names == ["rooms", "venue_id"]
    assert found.sort_by("rooms").to_pydict() == {"rooms": [12, 30], "venue_id": ["V1", "V2"]}
    frame = read(["venue_id"], where='[["opened_on", "==", "2021-02-28"]]', kind="pandas")
    assert isinstance(frame, pd.DataFrame)
    assert frame["venue_id"].tolist() == ["V4"]
    assert read().schema.names == [c if isinstance(c, str) else c["name"] for c in GRANTED]


def test_a_file_is_fetched_once_and_its_right_asked_each_time(scene: Scene, read: Reader) -> None:
    for _ in range(3):
        assert read(["venue_id"]).num_rows == 5
    assert read.fetched == 1
    (kept,) = read.cache.root.rglob("*.parquet")
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert pq.read_table(kept).num_rows == 5
    scene.suspends()
    with pytest.raises(datagrant.Refusal, match="grant-not-active"):
        read(["venue_id"])
    assert kept.exists()  # it may come back
    scene.resumes()
    scene.revokes()
    with pytest.raises(datagrant.Refusal):
        read(["venue_id"])
    assert not kept.exists()


def test_a_file_that_was_changed_is_fetched_again(read: Reader) -> None:
    read()
    (kept,) = read.cache.root.rglob("*.parquet")
    kept.write_bytes(b"no parquet")
    assert read().num_rows == 5
    assert read.fetched == 2


def test_a_refusal_names_each_grant_and_what_it_lacks(scene: Scene, read: Reader) -> None:
    other = a_grant(
        scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id"], scenario_id="tourism-traffic"
    )
    with pytest.raises(datagrant.Refusal) as caught:
        read(["venue_id", "secret_note"], [("contact_phone", "==", "13800000001")])
    said = {(each["grant"], each["code"]) for each in caught.value.reasons}
    assert said >= {
        (scene.grant_id, "column-not-granted"), (scene.grant_id, "filter-column-denied"), (other.id, "column-not-granted"),
    }  # fmt: skip
    for word in (scene.grant_id, other.id, "secret_note"):
        assert word in str(caught.value)


def test_of_several_grants_one_is_named_or_the_only_fit_is_taken(scene: Scene, read: Reader) -> None:
    other = a_grant(
        scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id"], scenario_id="tourism-traffic"
    )
    assert read(["venue_id", "rooms"]).num_rows == 5  # one grant alone gives the rooms
    with pytest.raises(datagrant.Refusal, match="several grants"):
        read(["venue_id"])
    assert read(["venue_id"], grant=other.id).num_rows == 5
    with pytest.raises(datagrant.Refusal, match="purpose-mismatch"):
        read(["venue_id"], grant=other.id, purpose="research")


def test_without_a_grant_it_says_to_apply(scene: Scene, read: Reader) -> None:
    with pytest.raises(datagrant.Refusal, match="apply for one"):
        read(grant="nothing")
    with pytest.raises(datagrant.Refusal, match="no release v9"):
        read(release=9)
    assert read(release=1).num_rows == 5
    assert scene.events("extract.refused") == []


def test_a_filter_on_what_must_not_leave_is_carried_out_by_the_service(
    sqlite_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ["venue_id", {"name": "rooms", "reason": "只用于筛选场所", "use": "filter_only"}]
    scene = a_scene(sqlite_house, columns=columns)
    read = Reader(scene, tmp_path, monkeypatch)
    for _ in range(2):
        found = read(where=[("rooms", ">", 10)])
        assert found.sort_by("venue_id").to_pydict() == {"venue_id": ["V1", "V2", "V5"]}
    with scene.house.read() as work:
        assert len(work.db.exec(select(ExtractRow)).all()) == 1
    assert read.fetched == 1


def test_what_waits_for_its_review_says_so(
    scene: Scene, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Api, "wait", lambda *_, **__: works(scene, releases=False))
    with pytest.raises(datagrant.NotReady, match="output review"):
        read()
    scene.checks()
    assert read().num_rows == 5


def test_a_broken_download_goes_on_where_it_was(
    scene: Scene, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    makes(scene)
    whole, ranges = fetching._append, []

    def broken(api: Api, path: str, part: Path, sha256: str, say: Any) -> None:
        ranges.append(part.stat().st_size if part.exists() else 0)
        if len(ranges) > 1:
            whole(api, path, part, sha256, say)
            return
        part.write_bytes(api.http.get(path, headers={"range": "bytes=0-99"}).content)
        raise httpx2.ReadError("gone")

    monkeypatch.setattr(fetching, "_append", broken)
    assert read().num_rows == 5
    assert ranges == [0, 100]
    monkeypatch.setattr(fetching, "_append", lambda *_: (_ for _ in ()).throw(httpx2.ReadError("gone")))
    read.cache.drop(scene.grant_id)
    with pytest.raises(ConnectionError):
        read()
    assert not list(read.cache.root.rglob("*.part"))


@pytest.mark.parametrize(
    ("where", "tree"),
    [
        (None, None), ([], None), ([("a", "==", 1)], {"op": "eq", "column": "a", "value": 1}),
        ([("a", "is_null")], {"op": "is_null", "column": "a"}),
        ([("a", "between", (1, 2))], {"op": "between", "column": "a", "low": 1, "high": 2}),
        ([("a", ">", date(2026, 1, 2))], {"op": "gt", "column": "a", "value": "2026-01-02"}),
        ({"op": "eq", "column": "a", "value": 1}, {"op": "eq", "column": "a", "value": 1}),
        ('{"op":"is_null","column":"a"}', {"op": "is_null", "column": "a"}),
        ([("a", "<", 1), ("b", "in", [pd.Series([7]).iloc[0]])], {"op": "and", "args": [{"op": "lt", "column": "a", "value": 1}, {"op": "in", "column": "b", "values": [7]}]}),
    ],
)  # fmt: skip
def test_conditions_as_people_write_them(where: Any, tree: Any) -> None:
    assert tree_of(where) == tree
    assert columns_of(tree) <= {"a", "b"}


@pytest.mark.parametrize("where", [[("a", "like", "x")], ["abc"], [("a",)], "no json"])
def test_what_is_no_condition_is_said(where: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        tree_of(where)


@pytest.fixture
def url(scene: Scene) -> Iterator[str]:
    makes(scene)
    with a_server(scene.house, a_port()) as served:
        yield served


@pytest.mark.long
def test_over_the_network_as_in_the_manual(
    scene: Scene,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATAGRANT_SERVER", url)
    with scene.desk.write("analyst") as (work, actor):
        monkeypatch.setenv("DATAGRANT_TOKEN", api_keys.create(work, actor, ApiKeyCreate(name="notebook")).key)
    monkeypatch.setenv("DATAGRANT_CACHE", str(tmp_path / "kept"))
    frame = datagrant.read(VENUES, columns=["venue_id", "rooms"], where=[("rooms", ">", 10)], progress=True)
    assert frame.sort_values("rooms").to_dict("list") == {
        "venue_id": ["V1", "V2", "V5"],
        "rooms": [12, 30, 55],
    }
    assert isinstance(datagrant.read(VENUES, kind="arrow"), pa.Table)
    assert [each["id"] for each in datagrant.grants(VENUES)] == [scene.grant_id]
    with pytest.raises(datagrant.Refusal):
        datagrant.read(VENUES, ["secret_note"])
    with pytest.raises(datagrant.Unreachable):
        datagrant.read(VENUES, server="http://127.0.0.1:9")
    capsys.readouterr()
    run = CliRunner()
    for ending in ("parquet", "csv", "jsonl"):
        out = tmp_path / f"o.{ending}"
        done = run.invoke(_assemble(), ["read", VENUES, "--columns", "venue_id", "--out", str(out), "--json"])
        assert (done.exit_code, json.loads(done.stdout)["rows"]) == (0, 5), done.output
        assert out.stat().st_size
    done = run.invoke(
        _assemble(), ["read", VENUES, "--where", '[["rooms",">",10]]', "--limit", "1", "--json"]
    )
    said = json.loads(done.stdout)
    assert (said["total"], len(said["items"])) == (3, 1)
    assert said["items"][0]["venue_id"] in {"V1", "V2", "V5"}
    done = run.invoke(_assemble(), ["read", VENUES, "--columns", "secret_note"])
    assert (done.exit_code, "column-not-granted" in done.stderr) == (1, True)


def test_a_profile_of_delta_sharing_is_refused_in_words_and_a_key_of_the_grant_reads(
    scene: Scene, url: str, tmp_path: Path
) -> None:
    analyst = client_as(scene.house, "analyst")
    answer = analyst.post(f"/api/v1/grants/{scene.grant_id}/profile", json={})
    assert answer.is_success, answer.text
    profile, how = answer.text, {"server": url, "cache": tmp_path / "kept"}
    file = tmp_path / "grant.share"
    file.write_text(profile, encoding="utf-8")
    for token in (profile, str(file)):
        with pytest.raises(datagrant.Refusal, match=r"reading profile.*key-make.*读取配置文件"):
            datagrant.read(VENUES, token=token, **how)
    within = json.loads(profile)["bearerToken"]
    with pytest.raises(datagrant.Refusal, match=r"就地读取.*datasets|key-lacks-permission") as caught:
        datagrant.read(VENUES, token=within, **how)
    assert [each["code"] for each in caught.value.reasons] == ["key-lacks-permission"]
    for lang, words in (("en", "key of the grant"), ("zh", "授权密钥")):
        headers = {"authorization": f"Bearer {within}", "accept-language": lang}
        said = client_as(scene.house).get("/api/v1/grants", headers=headers)
        assert (said.status_code, words in said.json()["detail"]) == (403, True), said.text
    made = analyst.post(f"/api/v1/grants/{scene.grant_id}/keys", json={"name": "notebook"}).json()
    assert datagrant.read(VENUES, ["venue_id"], token=made["key"], **how).shape == (5, 1)
    less = analyst.post(
        f"/api/v1/grants/{scene.grant_id}/keys", json={"name": "less", "scopes": ["auth:grant:read", "datasets:share:read"]}
    ).json()  # fmt: skip
    with pytest.raises(datagrant.Refusal, match="datasets:extract:request"):
        datagrant.read(VENUES, ["venue_id"], token=less["key"], **how)
