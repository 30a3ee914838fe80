"""Signed webhooks against a real HTTP server on loopback: signatures, retry, order, dead letters, the guard, what leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlmodel import select
from standardwebhooks import Webhook, WebhookVerificationError

from api import webhooks
from api.house import House
from api.webhooks import Answer, sealer, send_webhooks
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.casework.book import CaseStep
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.identity import accounts
from auth.identity.tables import AccountRow
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.messages import service as messages
from auth.webhooks import routing, service
from auth.webhooks.models import EndpointAsk, EndpointMade
from auth.webhooks.rules import EVENT_KINDS, RETRY_S, said_of, url_fault
from auth.webhooks.tables import DeliveryRow, EndpointRow
from core import outbox
from core.errors import InputRefused, NotFound
from core.outbox import OutboxRow
from core.work import Work, system_clock
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, an_application, screened
from tests.people import a_person, browser_as, client_as


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers `status`."""

    status = 204
    location = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.got: list[tuple[dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.status)
        if server.location:
            self.send_header("Location", server.location)
        said = b"" if server.status == 204 else b"no, thank you"
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def listening(house: House) -> Desk:
    settings = house.settings.model_copy(update={"webhook_allow": "127.0.0.0/8"})
    return a_desk(replace(house, settings=settings))


@pytest.fixture
def desk(house: House) -> Desk:
    return listening(house)


def an_endpoint(desk: Desk, who: str, url: str) -> EndpointMade:
    with desk.write(who) as (work, actor):
        ask = EndpointAsk(url=url, kinds=list(EVENT_KINDS))
        return service.create(work, actor, ask, seal=sealer(desk.house), plain_ok=True)


def sent(desk: Desk) -> int:
    """Look until nothing more is taken."""
    total = 0
    while taken := send_webhooks(desk.house):
        total += taken
    return total


def test_events_arrive_signed_in_order_and_only_what_one_may_see(
    desk: Desk, receiver: Receiver, clock: TestClock
) -> None:
    made = an_endpoint(desk, "officer", receiver.url)
    stranger = Receiver()
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    an_endpoint(desk, "officer2", stranger.url)
    secret = "内部意见不外传"
    found = an_application(desk, at=State.SUBMITTED)
    screened(desk, found, outcome="return", note=secret)
    assert sent(desk) == 2
    assert send_webhooks(desk.house) == 0
    stranger.shutdown()
    stranger.server_close()
    assert stranger.got == []
    kinds = [json.loads(body)["type"] for _, body in receiver.got]
    assert kinds == ["application.submitted", "application.returned"]
    for headers, body in receiver.got:
        signed = Webhook(made.secret).sign(headers["webhook-id"], clock(), body)
        assert headers["webhook-signature"] == signed
        assert set(json.loads(body)["data"]) <= {"application_id", "state", "due_on"}
        assert secret not in body
    with desk.house.read() as work:
        assert made.secret not in work.db.exec(select(EndpointRow.secret)).first()  # type: ignore[operator]


def test_the_library_verifies_a_real_delivery_and_refuses_a_changed_one(
    desk: Desk, receiver: Receiver, clock: TestClock
) -> None:
    clock.now = system_clock()
    made = an_endpoint(desk, "officer", receiver.url)
    with desk.write("officer") as (work, actor):
        service.ping(work, actor, made.endpoint.id)
    assert sent(desk) == 1
    headers, body = receiver.got[0]
    assert Webhook(made.secret).verify(body, headers)["type"] == "webhook.ping"
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body.replace("ping", "pong"), headers)
    with desk.write("officer") as (work, actor):
        fresh = service.rotate(work, actor, made.endpoint.id, seal=sealer(desk.house))
        service.ping(work, actor, made.endpoint.id)
    assert sent(desk) == 1
    headers, body = receiver.got[1]
    for secret in (made.secret, fresh.secret):  # both, for a day
        Webhook(secret).verify(body, headers)
    clock.forward(hours=25)
    with desk.write("officer") as (work, actor):
        service.ping(work, actor, made.endpoint.id)
    assert sent(desk) == 1
    assert len(receiver.got[2][0]["webhook-signature"].split()) == 1


def rows(desk: Desk) -> list[DeliveryRow]:
    with desk.house.read() as work:
        return list(work.db.exec(select(DeliveryRow).order_by(DeliveryRow.id)))  # type: ignore[arg-type]


@pytest.mark.parametrize("waiting", [60, 1100])
def test_an_endpoint_that_does_not_answer_takes_no_turn_of_another(
    desk: Desk, receiver: Receiver, clock: TestClock, waiting: int
) -> None:
    silent = an_endpoint(desk, "officer", "http://127.0.0.1:9/nobody-listens").endpoint.id
    heard = an_endpoint(desk, "officer2", receiver.url).endpoint.id
    with desk.house.write() as work:
        row = work.db.get_one(EndpointRow, silent)
        for number in range(waiting):
            service.delivery(
                work, row, work.new_id(), "webhook.ping", f"thing-{number}", {"endpoint_id": silent}
            )
    for _ in range(2):
        with desk.write("officer2") as (work, actor):
            service.ping(work, actor, heard)
        assert send_webhooks(desk.house) == 1
        clock.forward(seconds=30)
    first, second = rows(desk)[:2]
    assert (first.attempts, second.attempts) == (2, 2), "they wait together, by the schedule"
    assert ["not tried" in each["excerpt"] for each in first.log] == [False, True]
    assert ["not tried" in each["excerpt"] for each in second.log] == [True, False], "they are asked by turns"
    assert second.due_at - clock() == timedelta(seconds=RETRY_S[1] - 30)


def _filled(desk: Desk, endpoint: str, *things: str) -> None:
    with desk.house.write() as work:
        row = work.db.get_one(EndpointRow, endpoint)
        for thing in things:
            service.delivery(work, row, work.new_id(), "webhook.ping", thing, {"endpoint_id": endpoint})


def test_one_thing_that_an_endpoint_cannot_take_keeps_no_other_from_it(
    desk: Desk, receiver: Receiver, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(desk, an_endpoint(desk, "officer", receiver.url).endpoint.id, "one", "two", "three")
    broken, post = rows(desk)[0].id, webhooks.post

    def breaks(house: House, url: str, body: bytes, headers: dict[str, str], resolve: Any) -> Answer:
        if headers["webhook-id"] == broken:
            return Answer(0, "RemoteProtocolError")
        return post(house, url, body, headers, resolve)

    monkeypatch.setattr(webhooks, "post", breaks)
    assert send_webhooks(desk.house) == 0
    clock.forward(seconds=30)
    assert send_webhooks(desk.house) == 2
    assert [each.state for each in rows(desk)] == ["waiting", "sent", "sent"]


def test_nothing_dies_of_an_attempt_that_was_not_made(desk: Desk, clock: TestClock) -> None:
    _filled(desk, an_endpoint(desk, "officer", "http://127.0.0.1:9/nobody-listens").endpoint.id, "one", "two")
    with desk.house.write() as work:
        for row in work.db.exec(select(DeliveryRow)):
            row.attempts = len(RETRY_S)
            work.db.add(row)
    send_webhooks(desk.house)
    assert [each.state for each in rows(desk)] == ["dead", "waiting"]
    clock.forward(seconds=30)
    send_webhooks(desk.house)
    second = rows(desk)[1]
    assert (second.state, second.attempts) == ("dead", len(RETRY_S) + 1)
    assert "not tried" not in second.log[-1]["excerpt"]


@pytest.mark.parametrize("refused", [False, True], ids=["fresh", "one thing long refused"])
def test_twenty_silent_endpoints_of_one_organisation_take_one_turn_of_anothers(
    desk: Desk, receiver: Receiver, clock: TestClock, refused: bool
) -> None:
    silent = [an_endpoint(desk, "officer", f"http://127.0.0.1:9/{each}").endpoint.id for each in range(20)]
    heard = an_endpoint(desk, "officer2", receiver.url).endpoint.id
    for each in silent:
        _filled(desk, each, "one", "two")
    if refused:
        _filled(desk, heard, "refused")
        with desk.house.write() as work:
            for row in work.db.exec(select(DeliveryRow)):
                row.attempts = 7 if row.endpoint_id == heard else 1
                row.due_at = clock() + timedelta(hours=20 if row.endpoint_id == heard else 0)
                work.db.add(row)
    with desk.write("officer2") as (work, actor):
        service.ping(work, actor, heard)
    with desk.house.read() as work:
        order = [endpoint.id for _, endpoint in routing.due(work)]
    assert order.index(heard) <= 1
    assert len(order) == 41


def test_an_endpoint_that_refuses_one_thing_is_asked_about_the_others(desk: Desk, receiver: Receiver) -> None:
    made = an_endpoint(desk, "officer", receiver.url).endpoint.id
    receiver.status = 500
    with desk.house.write() as work:
        row = work.db.get_one(EndpointRow, made)
        for thing in ("one", "two", "three"):
            service.delivery(work, row, work.new_id(), "webhook.ping", thing, {"endpoint_id": made})
    assert send_webhooks(desk.house) == 0
    assert [each.attempts for each in rows(desk)] == [1, 1, 1]
    assert len(receiver.got) == 3


def test_refused_deliveries_wait_longer_then_die_loudly_and_can_be_sent_again(
    desk: Desk, receiver: Receiver, clock: TestClock
) -> None:
    made = an_endpoint(desk, "officer", receiver.url)
    found = an_application(desk)
    screened(desk, found)
    receiver.status = 500
    for number, wait in enumerate(RETRY_S, 1):
        assert send_webhooks(desk.house) == 0
        first, second = rows(desk)
        assert (first.attempts, first.state, second.attempts) == (number, "waiting", 0)  # in order
        assert first.log[-1]["status"] == 500
        assert first.log[-1]["excerpt"] == "no, thank you"
        assert send_webhooks(desk.house) == 0
        assert rows(desk)[0].attempts == number
        clock.forward(seconds=wait)
    send_webhooks(desk.house)
    assert (rows(desk)[0].state, rows(desk)[0].attempts) == ("dead", len(RETRY_S) + 1)
    receiver.status = 200
    assert sent(desk) == 1  # what came after goes on
    with desk.read("officer") as (work, actor):
        assert service.endpoints(work, actor)[0].dead == 1
        assert "webhook.dead" in [each.kind for each in messages.inbox(work, actor)[0]]
    with desk.write("officer2") as (work, actor), pytest.raises(NotFound):
        service.resend(work, actor, rows(desk)[0].id)
    with desk.write("officer") as (work, actor):
        service.resend(work, actor, rows(desk)[0].id)
    assert sent(desk) == 1
    assert receiver.got[0][0]["webhook-id"] == receiver.got[-1][0]["webhook-id"]
    with desk.write("officer") as (work, actor):
        service.remove(work, actor, made.endpoint.id)
        assert service.endpoints(work, actor) == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1", "0.0.0.0", "100.64.0.1"],  # noqa: S104
)  # fmt: skip
def test_no_house_address_is_reached_whatever_the_name_says(
    house: House, receiver: Receiver, address: str
) -> None:
    """The guard judges the address connected to: a public name that stands for a neighbour (rebinding) is refused."""
    desk = a_desk(house)
    port = receiver.server_address[1]
    made = an_endpoint(desk, "officer", f"http://hook.example.org:{port}/")
    with desk.write("officer") as (work, actor):
        service.ping(work, actor, made.endpoint.id)
    assert send_webhooks(desk.house, resolve=lambda *_: ["93.184.216.34", address]) == 0
    assert receiver.got == []
    assert "DATAGRANT_WEBHOOK_ALLOW" in rows(desk)[0].log[-1]["excerpt"]


def test_redirects_are_not_followed(desk: Desk, receiver: Receiver) -> None:
    made = an_endpoint(desk, "officer", receiver.url)
    receiver.status, receiver.location = 307, receiver.url + "/elsewhere"
    with desk.write("officer") as (work, actor):
        service.ping(work, actor, made.endpoint.id)
    assert send_webhooks(desk.house) == 0
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    ["http://a.org/", "ftp://a.org/", "https://u:p@a.org/", "https://a.org/#x", "https://", "https://a.org:0/", "https://a.org:99999/",
     "https://a b.org/", "https://a.org/\r\nX: y", "https://例.cn/", "javascript:alert(1)", "https://[::1/"],
)  # fmt: skip
def test_odd_addresses_are_refused_by_their_form(url: str) -> None:
    assert url_fault(url, plain_ok=False) is not None
    assert url_fault("https://a.org:8443/x?y=1", plain_ok=False) is None


def test_who_loses_sight_is_told_no_more(desk: Desk, receiver: Receiver) -> None:
    an_endpoint(desk, "officer", receiver.url)
    an_application(desk)
    with desk.house.write() as work:
        accounts.account_row(work, "officer").disabled = True
    assert sent(desk) == 0
    assert receiver.got == []


def test_only_listed_keys_leave() -> None:
    for kind, event in EVENT_KINDS.items():
        body = dict.fromkeys(event.says, "x") | {"note": "secret", "comment": "secret", "org_id": "other"}
        assert set(said_of(kind, body)) == set(event.says)


def test_an_event_is_routed_once_and_not_to_endpoints_that_came_later(
    desk: Desk, receiver: Receiver, clock: TestClock
) -> None:
    an_application(desk)
    clock.forward(minutes=1)
    an_endpoint(desk, "officer", receiver.url)
    assert sent(desk) == 0
    with desk.house.read() as work:
        topics = work.db.exec(select(OutboxRow.topic).where(OutboxRow.routed_at != None)).all()  # noqa: E711
        assert topics == ["application.submitted"]


def test_pages_and_routes(desk: Desk, receiver: Receiver) -> None:
    page = browser_as(desk.house, "officer", lang="en")
    assert "No endpoints yet" in page.get("/webhooks").text
    assert page.submit("/webhooks", url="nonsense", kinds="grant.revoked").status_code == 422
    made = page.submit("/webhooks", url=receiver.url, kinds="grant.revoked")
    assert made.status_code == 200
    assert "whsec_" in made.text
    api = client_as(desk.house, "officer")
    endpoint = api.get("/api/v1/webhooks").json()["items"][0]["id"]
    assert "whsec_" not in page.get(f"/webhooks/{endpoint}").text
    assert page.submit(f"/webhooks/{endpoint}/ping").status_code == 303
    assert sent(desk) == 1
    delivery = api.get(f"/api/v1/webhooks/{endpoint}/deliveries?state=sent").json()["items"][0]["id"]
    assert page.submit(f"/webhooks/deliveries/{delivery}/resend").status_code == 303
    assert api.post(f"/api/v1/webhooks/deliveries/{delivery}/resend").status_code == 409
    assert page.submit(f"/webhooks/{endpoint}/change", is_on="no").status_code == 303
    chosen = page.submit(f"/webhooks/{endpoint}/kinds", kinds=["grant.revoked", "grant.expired"])
    assert chosen.status_code == 303
    refused = page.submit(f"/webhooks/{endpoint}/kinds")
    assert refused.status_code == 422
    assert "(2 of " in refused.text  # as it was
    assert page.submit(f"/webhooks/{endpoint}/kinds", kinds="no.such").status_code == 422
    now = api.get("/api/v1/webhooks").json()["items"][0]
    assert (now["kinds"], now["is_on"]) == (["grant.expired", "grant.revoked"], False)
    assert api.patch(f"/api/v1/webhooks/{endpoint}", json={"kinds": ["no.such"]}).status_code == 422
    assert "whsec_" in page.submit(f"/webhooks/{endpoint}/rotate").text
    other = client_as(desk.house, "officer2")
    for path in (f"/api/v1/webhooks/{endpoint}/deliveries",):
        assert other.get(path).status_code == 404
    assert other.delete(f"/api/v1/webhooks/{endpoint}").status_code == 404
    assert page.submit(f"/webhooks/{endpoint}/remove").status_code == 303
    with pytest.raises(InputRefused), desk.write("officer") as (work, actor):
        service.create(work, actor, EndpointAsk(url=receiver.url, kinds=["grant.revoked"]), seal=sealer(desk.house), plain_ok=False)  # fmt: skip


def count_of(work: Work, kind: str) -> int:
    return len(list(work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == kind))))


def test_an_endpoint_whose_person_left_is_told_of_and_loses_nothing_silently(
    desk: Desk, receiver: Receiver
) -> None:
    made = an_endpoint(desk, "officer", receiver.url)
    with desk.house.write() as work:
        row = work.db.exec(select(AccountRow).where(AccountRow.username == "officer")).one()
        row.org_id = "mapper"
        work.db.add(row)
        a_person(work, "officer3", "insurer", ["org_officer"])
    an_application(desk, at=State.SUBMITTED)
    send_webhooks(desk.house)
    assert rows(desk) == [], "of events that nobody was shown nothing is kept"
    with desk.read("officer3") as (work, actor):
        assert [each.kind for each in messages.inbox(work, actor)[0]] == ["webhook.dropped"]
        assert service.endpoints(work, actor)[0].is_orphan
    with desk.house.read() as work:
        assert count_of(work, "webhook.dropped") == 1
    assert "has left" in browser_as(desk.house, "officer3", "en").get(f"/webhooks/{made.endpoint.id}").text


def test_an_event_that_cannot_be_read_is_told_and_holds_up_no_other(desk: Desk, receiver: Receiver) -> None:
    an_endpoint(desk, "officer", receiver.url)
    with desk.house.write() as work:
        outbox.post(work, "application.submitted", "broken", {})
        broken = work.db.exec(select(OutboxRow).where(OutboxRow.subject == "broken")).one()
        broken.body = "no JSON"
        work.db.add(broken)
    an_application(desk, at=State.SUBMITTED)
    send_webhooks(desk.house)
    assert [row.kind for row in rows(desk)] == ["application.submitted"]
    with desk.house.read() as work:
        assert count_of(work, "webhook.dropped") == 1
        assert not routing.is_anything_new(work)


def test_freezes_and_duties_are_told_to_those_they_concern(
    desk: Desk, receiver: Receiver, clock: TestClock
) -> None:
    """The holder of a grant hears of the freeze that meets it, though the incident itself is the bureau's; nobody else does."""
    grant = a_grant(desk)
    clock.forward(minutes=1)
    stranger = Receiver()
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    an_endpoint(desk, "officer", receiver.url)
    an_endpoint(desk, "officer2", stranger.url)
    body = IncidentCreate(target_kind=Target.DATASET, target_id=grant.dataset_id, reason="疑似超范围使用")
    with desk.write("watch") as (work, actor):
        incident = incidents.freeze(work, actor, body, assets=desk.assets).id
    with desk.write("watch2") as (work, actor):
        incidents.lift(work, actor, incident, CaseStep(note="核查完毕，未见异常"))
    with desk.write("officer") as (work, actor):
        grants.relinquish(work, actor, grant.id, GrantStep(note="不再需要"))
    sent(desk)
    stranger.shutdown()
    stranger.server_close()
    assert stranger.got == []
    got = [json.loads(body) for _, body in receiver.got]
    assert sorted(each["type"] for each in got) == ["duty.opened", "duty.opened", "grant.relinquished", "incident.frozen", "incident.lifted"]  # fmt: skip
    (frozen,) = [each["data"] for each in got if each["type"] == "incident.frozen"]
    assert frozen == {"incident_id": incident, "state": "FROZEN", "target_kind": "dataset", "target_id": grant.dataset_id}  # fmt: skip
    assert {each["data"]["grant_id"] for each in got if each["type"] == "duty.opened"} == {grant.id}
    api = client_as(desk.house, "officer")
    endpoint = api.get("/api/v1/webhooks").json()["items"][0]["id"]
    assert api.get(f"/api/v1/webhooks/{endpoint}/deliveries?state=sent").json()["total"] == 5
