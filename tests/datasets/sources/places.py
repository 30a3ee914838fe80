"""Real places for sources to look into: a local web server that tests script, a folder, and who configures them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from api.durable import drain, start_due_sources
from api.house import House
from datasets.batches.tables import BatchRow
from datasets.sources import queries, service
from datasets.sources.models import RunRead, SourceCreate, SourceRead
from tests.datasets.parking import DATASET
from tests.people import actor_of


@dataclass
class Web:
    """A web server on this machine. `pages` answers a path with (status, headers, body); `asked` is what came."""

    port: int = 0
    pages: dict[str, Callable[[dict[str, str]], tuple[int, dict[str, str], bytes]]] = field(
        default_factory=dict
    )
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def serve(self, path: str, body: bytes, etag: str | None = '"1"', **headers: str) -> None:
        """A file that answers conditional requests as the standard says."""

        def answer(asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            said = {name.replace("_", "-"): value for name, value in headers.items()} | (
                {"ETag": etag} if etag else {}
            )
            if etag and asked.get("if-none-match") == etag:
                return 304, said, b""
            return 200, said, body

        self.pages[path] = answer

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.pages[path] = lambda asked: (status, {"Location": to}, b"elsewhere")


@contextmanager
def a_web() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name.lower(): value for name, value in self.headers.items()}
            web.asked.append((self.path, asked))
            found = web.pages.get(self.path)
            status, headers, body = found(asked) if found else (404, {}, b"nothing")
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if "Content-Length" in headers:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def allow(house: House, **settings: Any) -> None:
    """Settings of an installation that has sources of its own house."""
    for name, value in ({"source_allow": "127.0.0.1"} | settings).items():
        object.__setattr__(house.settings, name, value)


def a_source(house: House, config: dict[str, Any], *, by: str = "lin", **how: Any) -> SourceRead:
    body = SourceCreate.model_validate(
        {"dataset_id": DATASET, "name": "车位", "config": config, "schedule": "every PT1H"} | how
    )
    with house.write() as work:
        return service.add(work, actor_of(work, by), body, house.settings.keys_dir)


def look(house: House, source_id: str, by: str = "lin") -> RunRead:
    """One look that somebody asked for, carried out."""
    with house.write() as work:
        asked = service.run(work, actor_of(work, by), source_id)
    return ended(house, source_id, asked.id)


def ended(house: House, source_id: str, run_id: str | None = None) -> RunRead:
    """Carry out what is queued; the run, or the newest one."""
    drain(house)
    with house.read() as work:
        found = queries.runs(work, actor_of(work, "eye"), source_id)
    return next(run for run in found if run_id in (None, run.id))


def look_if_due(house: House) -> int:
    """What the worker does when it looks at the clock; the looks are carried out."""
    begun = start_due_sources(house)
    drain(house)
    return begun


def shown(house: House, source_id: str) -> SourceRead:
    with house.read() as work:
        actor = actor_of(work, "eye")
        return queries.read(queries.source(work, actor, source_id), actor)


def batches_of(house: House) -> list[BatchRow]:
    with house.read() as work:
        return list(work.db.exec(select(BatchRow).order_by(col(BatchRow.number))))


def drop(folder: Path, name: str, data: bytes) -> Path:
    """A file in a watched folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path
