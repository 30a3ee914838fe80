"""Events leave after the commit, at least once, to a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from api.house import House
from api.outflow import send_due
from core import outbox
from tests.conftest import TestClock


class Receiver:
    """A server on this machine that remembers what it was sent and answers as told."""

    def __init__(self) -> None:
        self.status = 204
        self.taken: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.status < 300:
                    outer.taken.append(body)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _at(house: House, address: str | None) -> House:
    settings = house.settings.model_copy(update={"events_url": address})
    return House(settings, house.engine, house.files, house.clock, house.new_id)


def test_an_event_arrives_once_the_transaction_has_committed(house: House, receiver: Receiver) -> None:
    sending = _at(house, receiver.address)
    with pytest.raises(RuntimeError), house.write() as work:  # noqa: PT012 - the block is the transaction
        outbox.post(work, "release.published", "r0", {})
        raise RuntimeError
    with house.write() as work:
        outbox.post(work, "release.published", "r1", {"number": 1})
    assert send_due(sending) == 1
    assert send_due(sending) == 0
    (taken,) = receiver.taken
    assert (taken["topic"], taken["subject"], taken["body"]) == ("release.published", "r1", {"number": 1})


def test_a_refused_event_is_tried_again_later(house: House, receiver: Receiver, clock: TestClock) -> None:
    sending = _at(house, receiver.address)
    with house.write() as work:
        outbox.post(work, "grant.revoked", "g1", {})
    receiver.status = 503
    assert send_due(sending) == 0
    receiver.status = 204
    assert send_due(sending) == 0  # not due yet
    clock.forward(minutes=3)
    assert send_due(sending) == 1


def test_a_dead_address_loses_nothing(sqlite_house: House, clock: TestClock, receiver: Receiver) -> None:
    with sqlite_house.write() as work:
        outbox.post(work, "grant.revoked", "g1", {})
    assert send_due(_at(sqlite_house, "http://127.0.0.1:9/none")) == 0
    clock.forward(minutes=3)
    assert send_due(_at(sqlite_house, receiver.address)) == 1


def test_without_an_address_events_wait(sqlite_house: House, receiver: Receiver) -> None:
    with sqlite_house.write() as work:
        outbox.post(work, "grant.revoked", "g1", {})
    assert send_due(sqlite_house) == 0
    assert send_due(_at(sqlite_house, receiver.address)) == 1
