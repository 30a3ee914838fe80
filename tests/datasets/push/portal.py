"""A CKAN portal on this machine with the few actions that a push uses, as strict as CKAN 2.12 about what matters here; and pushes to it.

The real one is asked by `python -m tests.campaigns.push`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from api.durable import drain
from api.house import House
from catalog.tables import DatasetRow
from datasets.push import queries, service
from datasets.push.models import PushAsk, PushCreate, PushRead, PushResultRead, PushRunRead
from tests.people import actor_of

TOKEN = "their-token-1"
Json = dict[str, Any]


class Said(Exception):
    """An answer of CKAN's that is no success."""

    def __init__(self, status: int, kind: str, **more: Any) -> None:
        super().__init__(kind)
        self.status, self.error = status, {"__type": kind, **more}


@dataclass
class Ckan:
    """What stands at the portal by id. `refuses`: names that it finds fault with; `breaks_after`: so many more calls, then 502 without words."""

    port: int = 0
    packages: dict[str, Json] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    hook: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> Json | None:
        alive = [each for each in self.packages.values() if each["state"] == "active"]
        return next((each for each in alive if name in (each["name"], each["id"])), None)

    def writes(self) -> list[str]:
        return [
            action for action, _ in self.calls if action not in ("package_show", "organization_list_for_user")
        ]

    def organization_list_for_user(self, _asked: Json) -> list[Json]:
        return [{"id": "0a47", "name": "bureau"}]

    def package_show(self, asked: Json) -> Json:
        if found := self.named(asked["id"]):
            return found
        raise Said(404, "Not Found Error", message="Not found")

    def package_create(self, asked: Json) -> Json:
        faults: Json = {}
        if self.named(asked["name"]):
            faults["name"] = ["That URL is already in use."]
        if asked["name"] in self.refuses:
            faults["title"] = ["Missing value"]
        if any(len(tag["name"]) < 2 or set(tag["name"]) & set("（）/") for tag in asked["tags"]):
            faults["tags"] = [{"name": ["can only contain alphanumeric characters"]}]
        if any(not isinstance(each["value"], str) for each in asked["extras"]):
            faults["extras"] = ["bad"]
        if faults:
            raise Said(409, "Validation Error", **faults)
        made = self._kept(asked | {"id": f"uuid-{len(self.packages)}", "state": "active", "groups": []})
        return made

    def package_update(self, asked: Json) -> Json:
        return self._kept(self.package_show(asked) | asked)

    def _kept(self, package: Json) -> Json:
        resources = [
            {"id": f"{package['id']}-r{place}", "package_id": package["id"], "mimetype_inner": None, **each}
            for place, each in enumerate(package["resources"])
        ]
        self.packages[package["id"]] = package | {"resources": resources, "num_resources": len(resources)}
        return self.packages[package["id"]]

    def package_delete(self, asked: Json) -> None:
        self.package_show(asked)["state"] = "deleted"

    def answer(self, action: str, asked: Json, token: str) -> tuple[int, Json]:
        self.calls.append((action, asked))
        if self.hook is not None and (made := self.hook(action, asked)) is not None:
            return made  # type: ignore[no-any-return]
        try:
            if token != TOKEN:
                raise Said(403, "Authorization Error", message="Access denied: who are you")
            return 200, {"success": True, "result": json.loads(json.dumps(getattr(self, action)(asked)))}
        except Said as said:
            return said.status, {"success": False, "error": said.error}


@contextmanager
def a_ckan() -> Iterator[Ckan]:
    ckan = Ckan()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, told = ckan.answer(self.path.rsplit("/", 1)[-1], asked, self.headers["Authorization"])
            body = json.dumps(told).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://169.254.169.254/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ckan.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield ckan
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def a_portal(house: House, url: str, *, approved: bool = True, **more: Any) -> PushRead:
    """ada proposes it, bea approves it."""
    body = PushCreate.model_validate(
        {"title": "市开放平台", "org_id": "traffic", "url": url, "portal_org": "bureau", "secret": TOKEN}
        | more
    )
    with house.write() as work:
        made = service.add(work, actor_of(work, "ada"), body, house.settings.keys_dir)
        return service.approve(work, actor_of(work, "bea"), made.id) if approved else made


def change(house: House, dataset_id: str, **fields: str) -> None:
    """A record of ours becomes another."""
    with house.write() as work:
        row = work.db.get_one(DatasetRow, dataset_id)
        for name, value in fields.items():
            setattr(row, name, value)
        work.db.add(row)


def push(house: House, target_id: str, **ask: bool) -> tuple[PushRunRead, list[PushResultRead]]:
    """One push, carried out, with its report."""
    with house.write() as work:
        asked = service.run(work, actor_of(work, "ada"), target_id, PushAsk(**ask))
    drain(house)
    return told(house, target_id, asked.id)


def told(house: House, target_id: str, run_id: str) -> tuple[PushRunRead, list[PushResultRead]]:
    with house.read() as work:
        run = queries.run(work, actor_of(work, "eve"), target_id, run_id)
        return run, queries.results(work, run.id, size=10_000)[0]


def shown(house: House, target_id: str) -> PushRead:
    with house.read() as work:
        return queries.read(work, queries.target(work, actor_of(work, "eve"), target_id))
