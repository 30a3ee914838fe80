"""Files at HTTP addresses, from a real server on this machine: conditions, redirects, limits, and what is never reached."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from core.errors import AppError, InputRefused, Unavailable
from datasets.sources import http
from datasets.sources.asking import Ask, Catch
from datasets.sources.guard import lookup
from datasets.sources.http import HttpConfig
from tests.datasets.parking import CLEAN, WARNS
from tests.datasets.sources.places import Web, a_web, allow

NAMES = {
    "public.example.org": "127.0.0.1",
    "inner.example.org": "127.0.0.1",
    "secret.example.org": "127.0.0.2",
}


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as opened:
        yield opened


class Resolver:
    """Gives scripted answers, then keeps to the last; counts how often it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def ask(
    house: House, memory: dict[str, Any] | None = None, secret: str | None = None, resolve: Any = lookup
) -> Ask:
    return Ask("traffic", secret, memory or {}, house.settings, house.clock(), resolve=resolve)


def fetch(house: House, url: str, header: str | None = None, **how: Any) -> Catch:
    return http.fetch(ask(house, **how), HttpConfig(kind="http", url=url, header=header), house.files)


@pytest.fixture
def home(sqlite_house: House) -> House:
    allow(sqlite_house)
    return sqlite_house


def test_a_file_is_stored_byte_for_byte_with_where_it_came_from(home: House, web: Web) -> None:
    web.serve("/data/lots.csv", CLEAN, etag='"v1"', Last_Modified="Mon, 02 Mar 2026 00:00:00 GMT")
    caught = fetch(home, web.url("/data/lots.csv"))
    (found,) = caught.files
    assert home.files.path(found.stored.sha256).read_bytes() == CLEAN
    assert found.name == "lots.csv"
    assert found.provenance == {
        "address": web.url("/data/lots.csv"), "etag": '"v1"', "last_modified": "Mon, 02 Mar 2026 00:00:00 GMT",
        "fetched_at": home.clock().isoformat(),
    }  # fmt: skip


def test_what_has_not_changed_is_not_sent_again(home: House, web: Web) -> None:
    web.serve("/lots.csv", CLEAN, etag='"v1"')
    first = fetch(home, web.url("/lots.csv"))
    second = fetch(home, web.url("/lots.csv"), memory=first.memory)
    assert second.files == ()
    assert second.memory == first.memory
    assert web.asked[1][1]["if-none-match"] == '"v1"'
    web.serve("/lots.csv", WARNS, etag='"v2"')
    assert len(fetch(home, web.url("/lots.csv"), memory=second.memory).files) == 1


def test_an_unasked_304_is_a_fault_and_not_silence(home: House, web: Web) -> None:
    web.pages["/x"] = lambda asked: (304, {}, b"")
    with pytest.raises(Unavailable, match="304"):
        fetch(home, web.url("/x"))


@pytest.mark.parametrize("etag", ['"v\u00e9"', '"' + "x" * 600 + '"'])
def test_a_tag_that_cannot_be_said_back_is_forgotten(home: House, web: Web, etag: str) -> None:
    web.serve("/x", CLEAN, etag=etag)
    first = fetch(home, web.url("/x"))
    assert first.memory == {}
    assert fetch(home, web.url("/x"), memory=first.memory).files


@pytest.mark.parametrize(
    ("said", "name"),
    [("attachment", "x"), ("", "x"), ("attachment; filename=", "x"), ('attachment; filename="../../a.csv"', "../../a.csv"),
     ("attachment; filename*=bogus''%ff", None), ("attachment; filename*=utf-8'%", None), (";;;===", "x"), ("a; filename*0*=u''%E8; filename*1=b", None)],
)  # fmt: skip
def test_no_disposition_breaks_the_look(home: House, web: Web, said: str, name: str | None) -> None:
    web.serve("/x", CLEAN, Content_Disposition=said)
    found = fetch(home, web.url("/x")).files[0].name
    assert found == name if name else found


def test_the_answers_own_file_name_is_taken(home: House, web: Web) -> None:
    web.serve("/get", CLEAN, Content_Disposition="attachment; filename*=UTF-8''%E8%BD%A6%E4%BD%8D.csv")
    assert fetch(home, web.url("/get?id=1").replace("?id=1", "")).files[0].name == "车位.csv"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed_and_a_fourth_is_not(home: House, web: Web, status: int) -> None:
    for n in range(4):
        web.redirect(f"/{n}", f"/{n + 1}", status)
    web.serve("/4", CLEAN)
    assert fetch(home, web.url("/1")).files
    with pytest.raises(Unavailable, match="more than 3"):
        fetch(home, web.url("/0"))


@pytest.mark.parametrize(
    "to",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.1.1/x", "http://[::1]:{port}/x",
     "http://[::ffff:10.0.0.1]/", "http://127.0.0.2:{port}/x", "http://localhost.:{port}/x", "http://0.0.0.0:{port}/x",
     "http://2130706434/", "http://0x7f000002/", "http://0177.0.0.2/", "file:///etc/passwd", "ftp://8.8.8.8/x",
     "http://user:pw@127.0.0.1:{port}/x", ""],
)  # fmt: skip
def test_a_redirect_to_a_private_place_is_refused(home: House, web: Web, to: str) -> None:
    web.serve("/x", b"private")
    web.redirect("/start", to.format(port=web.port))
    resolve = Resolver("127.0.0.2") if "localhost" in to else lookup
    with pytest.raises(InputRefused):
        _ = http.fetch(
            ask(home, resolve=lambda host, port: lookup(host, port) if host == "127.0.0.1" else resolve(host, port)),
            HttpConfig(kind="http", url=web.url("/start")), home.files,
        )  # fmt: skip
    assert [path for path, _ in web.asked] == ["/start"]


def test_without_a_list_this_machine_is_not_reached_at_all(sqlite_house: House, web: Web) -> None:
    web.serve("/x", CLEAN)
    for host in ("127.0.0.1", "localhost", "[::1]"):
        with pytest.raises(AppError):
            fetch(sqlite_house, web.url("/x", host))
    assert web.asked == []


def test_a_name_that_turns_private_between_two_hops_is_refused(home: House, web: Web) -> None:
    """Rebinding: the second connection is judged by the second answer."""
    web.redirect("/a", "/b")
    web.serve("/b", b"private")
    turning = Resolver("127.0.0.1", "127.0.0.9")
    with pytest.raises(InputRefused, match=r"127\.0\.0\.9"):
        fetch(home, web.url("/a", "turning.example.org"), resolve=turning)
    assert turning.asked == 2
    assert [path for path, _ in web.asked] == ["/a"]


def test_the_name_is_asked_once_for_a_connection_and_never_by_the_engine_itself(
    home: House, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: the answer that was judged is the one that is connected to; the system's resolver has no say."""
    web.serve("/x", CLEAN)
    real, names = socket.getaddrinfo, []

    def watched(host: Any, *rest: Any, **more: Any) -> Any:
        names.append(host)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    turning = Resolver("127.0.0.1", "10.0.0.1")
    assert fetch(home, web.url("/x", "turning.example.org"), resolve=turning).files
    assert turning.asked == 1
    assert set(names) <= {"127.0.0.1"}
    assert web.asked[0][1]["host"] == f"turning.example.org:{web.port}"


def test_a_proxy_in_the_environment_is_not_used(
    home: House, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web.serve("/x", CLEAN)
    assert fetch(home, web.url("/x")).files


def test_the_credential_goes_to_its_own_address_and_to_no_other(home: House, web: Web) -> None:
    with a_web() as other:
        other.serve("/taken", CLEAN)
        web.redirect("/start", other.url("/taken"))
        caught = fetch(home, web.url("/start"), header="X-Api-Key", secret="s3cret-key")
        assert web.asked[0][1]["x-api-key"] == "s3cret-key"
        assert "x-api-key" not in other.asked[0][1]
        assert "referer" not in other.asked[0][1]
        assert "s3cret-key" not in str(caught)


def test_a_credential_in_the_address_is_shown_as_its_place(home: House, web: Web) -> None:
    web.serve("/x?key=a%2Fb%26c&n=1", CLEAN)
    caught = fetch(home, web.url("/x?key={secret}&n=1"), secret="a/b&c")
    assert web.asked[0][0] == "/x?key=a%2Fb%26c&n=1"
    assert caught.files[0].provenance["address"] == web.url("/x?key={secret}&n=1")
    assert "a%2Fb" not in str(caught)


def test_too_much_is_refused_whether_announced_or_not_and_leaves_nothing_behind(
    home: House, web: Web
) -> None:
    allow(home, upload_max_bytes=1000)
    web.serve("/announced", b"x" * 2000)

    chunk = b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"
    web.pages["/chunked"] = lambda asked: (200, {"Transfer-Encoding": "chunked", "Content-Length": ""}, chunk)
    for path in ("/announced", "/chunked"):
        with pytest.raises(InputRefused, match="1000 bytes"):
            fetch(home, web.url(path))
    assert not list(home.files.digests())
    assert not [path for path in (home.settings.files_dir / "stage").iterdir() if path.is_file()]


def test_an_answer_that_breaks_off_is_not_taken(home: House, web: Web) -> None:
    web.pages["/cut"] = lambda asked: (200, {"Content-Length": "5000"}, b"lot,name\n")
    with pytest.raises(Unavailable, match="broke off"):
        fetch(home, web.url("/cut"))
    assert not list(home.files.digests())


@pytest.mark.parametrize(("status", "word"), [(204, "204"), (206, "206"), (401, "credential"), (403, "refused"), (404, "nothing"), (429, "often"), (500, "500"), (503, "503")])  # fmt: skip
def test_every_other_answer_is_a_sentence(home: House, web: Web, status: int, word: str) -> None:
    web.pages["/x"] = lambda asked: (status, {}, b"")
    with pytest.raises(Unavailable, match=word):
        fetch(home, web.url("/x"))


def test_a_server_that_drips_is_cut_at_the_deadline(home: House) -> None:
    allow(home, source_seconds=1)
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(1000)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(100):
                try:
                    line.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.1)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        fetch(home, f"http://127.0.0.1:{listener.getsockname()[1]}/x")
    assert time.monotonic() - began < 4
    listener.close()
    thread.join(5)


def test_nobody_there_is_a_sentence(home: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        fetch(home, f"http://127.0.0.1:{port}/x")


def test_a_trial_reads_headers_alone(home: House, web: Web) -> None:
    web.serve("/x", CLEAN, etag='"v1"', Content_Type="text/csv")
    found = http.probe(ask(home, {"etag": '"v1"'}), HttpConfig(kind="http", url=web.url("/x")))
    assert {each["name"]: each["value"] for each in found.facts} == {
        "content-type": "text/csv", "content-length": str(len(CLEAN)), "etag": '"v1"',
    }  # fmt: skip
    assert not list(home.files.digests())
    with home.read() as work:
        assert work.db.exec(select(audit.AuditEventRow.kind)).all() == []


@pytest.mark.parametrize(
    "header", ["Host", "content-length", "Transfer-Encoding", "If-None-Match", "X Key", "X:Key", "X\r\nY"]
)
def test_headers_of_the_service_itself_cannot_be_taken(header: str) -> None:
    with pytest.raises(ValueError, match="header"):
        HttpConfig(kind="http", url="http://example.org/", header=header)
