"""The bench's words: a bar is met or not, a section that fails stops no other, and the page has its marks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench import bars, catalogue, report
from tests.bench.bars import Given, Line, at_most


def test_a_section_that_fails_says_so_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Given) -> Iterator[Line]:
        yield at_most("one", 1.25, 1.5, " ×")
        raise SystemExit("no | client")

    def slow(_: Given) -> Iterator[Line]:
        yield at_most("two", 51, 50, " ms", 0)

    monkeypatch.setattr(bars, "SECTIONS", {"broken": broken, "slow": slow})
    told = bars.run(Given(tmp_path, 1, 1), ["broken", "slow"]).splitlines()[4:]
    assert told == [
        "| one | 1.25 × | ≤ 1.5 × | yes |",
        "| broken | failed: no / client |  | **no** |",
        "| two | 51 ms | ≤ 50 ms | **no** |",
    ]
    page = tmp_path / "bench.md"
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    report.write("figures", page, bars.MARKS)
    assert "<!-- delivery: begin -->\nfigures\n<!-- delivery: end -->" in page.read_text(encoding="utf-8")


class _Ckan(BaseHTTPRequestHandler):
    """As much of a CKAN as the questions need."""

    count = 50

    def do_GET(self) -> None:
        body = json.dumps({"success": True, "result": {"count": self.count}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_a_ckan_is_looked_for_where_its_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogue.peer_port(tmp_path) is None
    (tmp_path / "ckan-peer").mkdir()
    readme = tmp_path / "ckan-peer" / "README.md"
    readme.write_text("A real CKAN 2.12 to talk to")
    assert catalogue.peer_port(tmp_path) is None
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Ckan)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    readme.write_text(f"./peer.sh start      # PostgreSQL 15432, CKAN {port}; 8–20 s")
    assert catalogue.peer_port(tmp_path) == port
    monkeypatch.setattr(catalogue, "peer_port", lambda: port)
    told = catalogue.beside(None, 10_000, 1)
    assert (f"CKAN at port {port}, 50 records" in told, "| package_show |" in told) == (True, True)
    assert "--ckan 0" in catalogue.beside(0, 10_000, 1)
    monkeypatch.setattr(_Ckan, "count", 3)
    assert "holds 3 records" in catalogue.beside(port, 10_000, 1)
    server.shutdown()
    server.server_close()
    assert "none answers" in catalogue.beside(None, 10_000, 1)
    monkeypatch.setattr(catalogue, "peer_port", lambda: None)
    assert "../shared/ckan-peer" in catalogue.beside(None, 10_000, 1)


@pytest.mark.shared
def test_the_readme_of_the_shared_folder_is_understood(shared: Path) -> None:
    assert catalogue.peer_port(shared) == 15000
