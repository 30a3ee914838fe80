"""Played over real sockets: many threads with one ticket, requests sent ahead on one connection, parts, each around a revocation."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from api.house import House
from api.identity import local_token
from tests.api.test_delivery import SIZE, a_large_extract
from tests.datasets.extracts.scene import a_scene
from tests.people import app_of, client_as
from tests.web.browser import served


def _line(address: str) -> socket.socket:
    """A connection that takes in little by itself."""
    parts = urlsplit(address)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    line.settimeout(60)
    line.connect((parts.hostname, parts.port))
    return line


def _request(house: House, path: str, *more: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {local_token(house, 'analyst')}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read(line: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (part := line.recv(65536)):
        got += part
    return got


def _rest(line: socket.socket) -> bytes:
    got = bytearray()
    with suppress(ConnectionError), line:
        while part := line.recv(65536):
            got += part
    return bytes(got)


def test_of_many_threads_with_one_ticket_one_gets_the_file(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    made = scene.delivered()
    ticket = (
        client_as(sqlite_house, "analyst").post(f"/api/v1/extracts/{made.id}/tickets", json={}).json()["url"]
    )
    with served(app_of(sqlite_house)) as address:
        path = address + urlsplit(ticket).path

        def take(_: int) -> int:
            return httpx.get(path, timeout=60).status_code

        with ThreadPoolExecutor(16) as pool:
            first = sorted(pool.map(take, range(16)))
            again = sorted(pool.map(take, range(16)))
    assert first == [200, *[410] * 15]
    assert again == [410] * 16
    assert len(scene.events("extract.downloaded")) == 1


@pytest.mark.parametrize("wanted", ["bytes=1-", "bytes=0-33554431,33554433-"], ids=["one part", "several"])
def test_a_revocation_cuts_parts_that_are_running(sqlite_house: House, wanted: str) -> None:
    scene, extract_id = a_large_extract(sqlite_house)
    asked = _request(sqlite_house, f"/api/v1/extracts/{extract_id}/file", f"Range: {wanted}")
    with served(app_of(sqlite_house)) as address:
        line = _line(address)
        line.sendall(asked)
        head = _read(line, 2 * 1024 * 1024)
        assert head.startswith(b"HTTP/1.1 206"), head[:300]
        scene.revokes()
        assert len(head) + len(_rest(line)) < SIZE // 2
        again = _line(address)
        again.sendall(asked.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        assert _rest(again).startswith(b"HTTP/1.1 403")
    (cut,) = scene.events("extract.cut_off")
    assert cut[1]["bytes"] < SIZE // 2


def test_requests_sent_ahead_on_one_connection_get_nothing_after_a_revocation(sqlite_house: House) -> None:
    """The second lies in the server's buffer, asked for while the right still held; it is decided when its turn comes."""
    scene, extract_id = a_large_extract(sqlite_house)
    asked = _request(sqlite_house, f"/api/v1/extracts/{extract_id}/file")
    with served(app_of(sqlite_house)) as address:
        line = _line(address)
        line.sendall(asked * 3)
        head = _read(line, 2 * 1024 * 1024)
        scene.revokes()
        got = head + _rest(line)
    assert len(re.findall(rb"HTTP/1\.1 200", got)) == 1
    assert len(got) < SIZE // 2
    assert len(scene.events("extract.cut_off")) == 1


def test_a_connection_that_stays_open_keeps_no_right(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    made = scene.delivered()
    asked = _request(sqlite_house, f"/api/v1/extracts/{made.id}/file")
    with served(app_of(sqlite_house)) as address:
        line = _line(address)
        line.sendall(asked)
        size = scene.file(made.id).stat().st_size
        first = b""
        while b"\r\n\r\n" not in first or len(first.partition(b"\r\n\r\n")[2]) < size:
            first += line.recv(65536)
        scene.revokes()
        line.sendall(asked.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        assert _rest(line).startswith(b"HTTP/1.1 403")
