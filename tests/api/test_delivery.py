"""Files on their way out: ranges, validators, and what happens when the right to receive ends."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from api import delivery
from api.delivery import RECHECK_BYTES, DeliveryStopped, GuardedFile, GuardedPieces, attachment, deliver
from api.house import House
from api.identity import local_token
from auth.actor import SYSTEM
from auth.identity import accounts
from auth.vouching import cover as vouching
from core.files import Held
from datasets.extracts import deciding
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import app_of, client_as
from tests.web.browser import served

BODY = bytes(range(256)) * 40
DIGEST = hashlib.sha256(BODY).hexdigest()
TAG = f'"{DIGEST}"'


@pytest.fixture(params=["here", "elsewhere"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> TestClient:
    """A server of the file, which lies on its disk or comes in pieces from a bucket."""
    path = tmp_path / "file"
    path.write_bytes(BODY)
    here = Held(DIGEST, len(BODY), path=path)
    held = here if request.param == "here" else replace(pieces(BODY), bring=lambda: path)
    app = FastAPI()

    @app.api_route("/file", methods=["GET", "HEAD"])
    def file(request: Request) -> Any:
        return deliver(
            request,
            held,
            sha256=DIGEST,
            filename="停车场-v1.parquet",
            media_type="application/vnd.apache.parquet",
        )

    return TestClient(app)


def pieces(body: bytes, digest: str | None = None) -> Held:
    return Held(
        digest or hashlib.sha256(body).hexdigest(), len(body), piece=lambda start, length: body[start : start + length]
    )  # fmt: skip


def test_the_whole_file_with_its_digest_and_a_name_in_any_language(client: TestClient) -> None:
    answer = client.get("/file")
    assert answer.content == BODY
    assert answer.headers["etag"] == TAG
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(bytes.fromhex(DIGEST)).decode()}:"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "filename*=utf-8''%e5%81%9c" in answer.headers["content-disposition"].lower()


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None),
     ("bytes=0-999999", 0, None), ("bytes=-999999", 0, None)],
)  # fmt: skip
def test_a_range_is_that_part(client: TestClient, wanted: str, start: int, end: int | None) -> None:
    answer = client.get("/file", headers={"range": wanted})
    part = BODY[start:end]
    at = start % len(BODY)
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes {at}-{at + len(part) - 1}/{len(BODY)}"


def test_several_ranges_come_in_parts(client: TestClient) -> None:
    answer = client.get("/file", headers={"range": "bytes=0-1,10-11"})
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert BODY[10:12] in answer.content


@pytest.mark.parametrize("wanted", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_size(client: TestClient, wanted: str) -> None:
    answer = client.get("/file", headers={"range": wanted})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes", "bytes=", "bytes=9-5", "bytes=a-b"])
def test_a_range_that_cannot_be_read_is_ignored(client: TestClient, wanted: str) -> None:
    """RFC 9110 §14.2: another unit, or no range at all, is answered with the whole."""
    answer = client.get("/file", headers={"range": wanted})
    assert (answer.status_code, answer.content) == (200, BODY)


def test_head_tells_all_and_sends_nothing(client: TestClient) -> None:
    answer = client.head("/file")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["accept-ranges"] == "bytes"
    assert client.head("/file", headers={"range": "bytes=0-9"}).headers["content-length"] == "10"


@pytest.mark.parametrize("tag", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_a_reader_who_holds_the_file_is_told_so(client: TestClient, tag: str) -> None:
    answer = client.get("/file", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", TAG)


def test_a_reader_who_holds_another_file_gets_this_one(client: TestClient) -> None:
    assert client.get("/file", headers={"if-none-match": '"other"'}).content == BODY


@pytest.mark.parametrize(("tag", "status"), [(TAG, 206), ('"other"', 200), (f"W/{TAG}", 200)])
def test_a_resumed_download_goes_on_only_with_the_same_file(
    client: TestClient, tag: str, status: int
) -> None:
    answer = client.get("/file", headers={"range": "bytes=5-9", "if-range": tag})
    assert (answer.status_code, answer.content) == (status, BODY[5:10] if status == 206 else BODY)


def test_a_name_cannot_break_out_of_its_header() -> None:
    said = attachment('a"\r\nSet-Cookie: x=1;\\名.json')["Content-Disposition"]
    assert "\r" not in said
    assert "\n" not in said
    assert said.count('"') == 2
    assert "%E5%90%8D.json; " in said
    assert said.endswith('filename="a___Set-Cookie: x=1___.json"'), said


class Wire:
    """A server's side of one answer, without a network."""

    def __init__(self, file: Path | Held, may_go_on: Any) -> None:
        self.got, self.ends = bytearray(), []
        told: Any = {
            "filename": "f", "media_type": "x/y", "may_go_on": may_go_on, "on_end": lambda size, cut: self.ends.append((size, cut)),
        }  # fmt: skip
        self.answer = (
            GuardedPieces(file, **told)
            if isinstance(file, Held)
            else GuardedFile(file, sha256=hashlib.sha256(file.read_bytes()).hexdigest(), **told)
        )

    async def send(self, message: Any) -> None:
        assert message["type"] != "http.response.pathsend", "sent past the guard"
        self.got += message.get("body", b"")

    def run(self) -> None:
        scope = {
            "type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"},
            "extensions": {"http.response.pathsend": {}},
        }  # fmt: skip
        with ThreadPoolExecutor(
            1
        ) as pool:  # a thread of its own: a browser test may hold this thread's event loop
            pool.submit(asyncio.run, self.answer(scope, None, self.send)).result()  # type: ignore[arg-type]


def test_after_the_right_ends_no_more_than_the_window_leaves(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (RECHECK_BYTES * 4))
    asked: list[int] = []
    wire = Wire(path, lambda: not asked.append(len(wire.got)) and len(asked) < 2)
    with pytest.raises(DeliveryStopped):
        wire.run()
    assert asked == [RECHECK_BYTES, 2 * RECHECK_BYTES]
    assert len(wire.got) == 2 * RECHECK_BYTES
    assert wire.ends == [(2 * RECHECK_BYTES, True)]


def test_pieces_from_a_bucket_stop_where_the_right_ends() -> None:
    asked: list[int] = []
    wire = Wire(
        pieces(b"x" * (RECHECK_BYTES * 4)), lambda: not asked.append(len(wire.got)) and len(asked) < 2
    )
    with pytest.raises(DeliveryStopped):
        wire.run()
    assert (asked, wire.ends) == ([RECHECK_BYTES, 2 * RECHECK_BYTES], [(2 * RECHECK_BYTES, True)])


def test_a_damaged_file_from_a_bucket_never_arrives_whole() -> None:
    wire = Wire(pieces(b"x" * (RECHECK_BYTES + 5), DIGEST), lambda: True)
    with pytest.raises(DeliveryStopped, match="digest"):
        wire.run()
    assert len(wire.got) == RECHECK_BYTES


def test_a_slow_reader_is_asked_about_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * RECHECK_BYTES)
    monkeypatch.setattr(delivery, "RECHECK_S", 0.0)
    wire = Wire(path, lambda: len(wire.got) < 10)
    with pytest.raises(DeliveryStopped):
        wire.run()
    assert len(wire.got) == GuardedFile.chunk_size


def test_a_right_that_holds_lets_all_of_it_through(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (RECHECK_BYTES * 3))
    wire = Wire(path, lambda: True)
    wire.run()
    assert wire.ends == [(RECHECK_BYTES * 3, False)]


SIZE = 64 * 1024 * 1024


def a_large_extract(house: House, **grant: Any) -> tuple[Scene, str]:
    """A ready extract whose file is 64 MiB, asked for from this machine."""
    scene = a_scene(house, **grant)
    asking = client_as(house, "analyst", client=("127.0.0.1", 5))
    body = {"grant_id": scene.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
    made = scene.extract(asking.post("/api/v1/extracts", json=body).json()["id"])
    scene.works()
    stored = house.files.put([b"\0" * 1024 * 1024] * (SIZE // 1024 // 1024))
    with house.write() as work:
        row = work.db.get_one(ExtractRow, made.id)
        row.sha256, row.size_bytes = stored.sha256, stored.size_bytes
    return scene, made.id


@pytest.mark.parametrize("end", ["revokes", "suspends", "withdraws", "dismisses", "freezes", "ends vouching"])
def test_a_revocation_cuts_a_download_that_is_running(
    sqlite_house: House, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, extract_id = a_large_extract(sqlite_house)
    with served(app_of(sqlite_house)) as address:
        reader = _SlowReader(sqlite_house, address, f"/api/v1/extracts/{extract_id}/file")
        reader.read(2 * 1024 * 1024)
        if end == "dismisses":
            _loses_his_role(scene)
        elif end == "ends vouching":
            monkeypatch.setattr(vouching, "at_use", lambda *_: (deciding.not_an_analyst(),))
            time.sleep(1.2)  # nobody wrote anything, so that it is asked again by the clock
        else:
            getattr(scene, end)()
        got = reader.read_to_end()
    assert got < SIZE // 2
    cut = scene.events("extract.cut_off")
    assert len(cut) == 1
    assert cut[0][1]["bytes"] < SIZE // 2


@pytest.mark.parametrize("networks", [[], ["127.0.0.0/8"]])
def test_a_running_download_ends_well_when_nothing_happens(
    sqlite_house: House, networks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RECHECK_S", 0.05)
    scene, extract_id = a_large_extract(sqlite_house, networks=networks)
    with served(app_of(sqlite_house)) as address:
        reader = _SlowReader(sqlite_house, address, f"/api/v1/extracts/{extract_id}/file")
        assert reader.read_to_end() == SIZE
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not _sent(sqlite_house, extract_id):
        time.sleep(0.05)
    assert _sent(sqlite_house, extract_id) == SIZE
    assert not scene.events("extract.cut_off")


def _sent(house: House, extract_id: str) -> int:
    with house.read() as work:
        return work.db.get_one(ExtractRow, extract_id).bytes_sent


def _loses_his_role(scene: Scene) -> None:

    with scene.house.write() as work:
        account = accounts.account(work, accounts.account_row(work, "analyst").id)
        for role in account.roles:
            accounts.take_role(work, SYSTEM, account.id, role.id)


class _SlowReader:
    """A plain socket with a small buffer that reads when told to."""

    def __init__(self, house: House, address: str, path: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname
        assert parts.port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(30)
        self.socket.connect((parts.hostname, parts.port))
        token = local_token(house, "analyst")
        request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096)
        head, _, rest = head.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert f"content-length: {SIZE}".encode() in head.lower()
        self.body = len(rest)

    def read(self, size: int) -> None:
        while self.body < size:
            self.body += len(self.socket.recv(65536))

    def read_to_end(self) -> int:
        """All that still comes; the number of body bytes in the end."""
        try:
            while part := self.socket.recv(65536):
                self.body += len(part)
        except ConnectionError:
            pass
        self.socket.close()
        return self.body
