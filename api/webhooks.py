"""Webhooks on their way out: events become deliveries, deliveries are posted, signed (Standard Webhooks) and written down.

The connection goes through the guard of addresses: the name is resolved once, every address must be public or listed in
`DATAGRANT_WEBHOOK_ALLOW`, and redirects are not followed. At least once; events about one thing in order; after the last
attempt a dead letter, of which the endpoint's person is told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpcore2
from standardwebhooks import Webhook

from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.identity.tables import AccountRow
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import PERMISSIONS
from auth.webhooks import routing
from auth.webhooks.rules import RETRY_S, wait_after
from auth.webhooks.tables import DeliveryRow, EndpointRow
from catalog import queries as catalog
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work
from datasets.sources import vault
from datasets.sources.guard import Allowed, Resolve, lookup
from datasets.sources.http import Guarded, trust

TIMEOUT_S: Final = 10.0
PATIENCE_S: Final = 30.0  # for all deliveries of one look
EXCERPT: Final = 500
LOGGED: Final = 20
_log = logging.getLogger("datagrant.webhooks")
_UNSEEN: Final = Text(
    "设置推送的人员已无权查看该事件所涉对象",
    "whoever set the endpoint up may not see what the event is about any more",
)


def sealer(house: House) -> Callable[[str, str], str]:
    """How secrets of endpoints are kept: sealed with a key of the installation, bound to their endpoint."""
    return lambda endpoint_id, secret: vault.seal(house.settings.keys_dir, f"webhook:{endpoint_id}", secret)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status (0: none), the beginning of the answer, or the fault."""

    status: int
    excerpt: str = ""

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


_NOT_TRIED: Final = Answer(0, "not tried: the endpoint did not answer a moment before")


def send_webhooks(house: House, *, resolve: Resolve = lookup) -> int:
    """Route what is new and post what is due; returns how many deliveries were taken."""
    with house.read() as work:
        new = routing.is_anything_new(work)
    if new:
        with house.write() as work:
            routing.route(work, catalog.dataset, tell=_lost)
    with house.read() as work:
        rows = _least_asked_first(routing.due(work))
    taken, silent, ends = 0, set(), time.monotonic() + PATIENCE_S
    for row, endpoint in rows:
        if (
            endpoint.id in silent
        ):  # all that is due counts as tried: its next attempts come at the times of the schedule
            _note(house, row.id, _NOT_TRIED)
            continue
        if time.monotonic() > ends:
            continue
        answer = _attempt(house, row, endpoint, resolve)
        if answer is None:
            continue
        taken += answer.is_taken
        if answer.status == 0:
            silent.add(endpoint.id)
        _note(house, row.id, answer)
    return taken


def _least_asked_first(rows: list[tuple[DeliveryRow, EndpointRow]]) -> list[tuple[DeliveryRow, EndpointRow]]:
    """The same turns; of each endpoint first what was really sent least often, so that one thing it cannot take does not keep the others from being sent."""
    of: dict[str, list[DeliveryRow]] = {}
    for row, endpoint in rows:
        of.setdefault(endpoint.id, []).append(row)
    queues = {key: iter(sorted(found, key=_asked)) for key, found in of.items()}
    return [(next(queues[endpoint.id]), endpoint) for _, endpoint in rows]


def _asked(row: DeliveryRow) -> int:
    return sum(each["excerpt"] != _NOT_TRIED.excerpt for each in row.log)


def _attempt(house: House, row: DeliveryRow, endpoint: EndpointRow, resolve: Resolve) -> Answer | None:
    """None when the endpoint's person may no longer see what it is about, or has gone: the delivery is dropped, and says why."""
    import json

    with house.write() as work:
        if not routing.may_see(work, endpoint, row.kind, json.loads(row.body)["data"], catalog.dataset):
            kept = work.db.get_one(DeliveryRow, row.id)
            gone = routing.serves(work, endpoint) is None
            routing.drop(work, kept, routing.GONE if gone else _UNSEEN)
            _lost(work, endpoint, routing.GONE if gone else _UNSEEN)
            return None
    try:
        headers = _headers(house, row, endpoint)
        return post(house, endpoint.url, row.body.encode(), headers, resolve)
    except InputRefused:
        return Answer(0, "address not public: list it in DATAGRANT_WEBHOOK_ALLOW")
    except AppError as fault:
        return Answer(0, fault.detail.en[:EXCERPT])
    except Exception as fault:
        return Answer(0, f"{type(fault).__name__}: {fault}"[:EXCERPT])


def _headers(house: House, row: DeliveryRow, endpoint: EndpointRow) -> dict[str, str]:
    now = house.clock()
    sealed = [endpoint.secret]
    if endpoint.former_secret and endpoint.former_until and endpoint.former_until > now:
        sealed.append(endpoint.former_secret)
    secrets = [vault.unseal(house.settings.keys_dir, f"webhook:{endpoint.id}", each) for each in sealed]
    return {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Datagrant-Webhooks/1",
        "webhook-id": row.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(row.id, now, row.body) for secret in secrets),
    }


def post(house: House, url: str, body: bytes, headers: dict[str, str], resolve: Resolve) -> Answer:
    """One POST through the guard; no redirect is followed and little of the answer is read."""
    ends = time.monotonic() + TIMEOUT_S
    allowed = Allowed.parse(house.settings.webhook_allow)
    given: Any = [(name.encode(), value.encode()) for name, value in headers.items()]
    with (
        httpcore2.ConnectionPool(
            ssl_context=trust(), network_backend=Guarded(allowed, resolve, ends)
        ) as pool,
        pool.stream("POST", url, headers=_host(url, given), content=body) as answer,
    ):
        excerpt = b""
        for chunk in answer.iter_stream():
            excerpt += chunk
            if len(excerpt) >= EXCERPT:
                break
        return Answer(answer.status, excerpt[:EXCERPT].decode("utf-8", "replace"))


def _host(url: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    from urllib.parse import urlsplit

    return [(b"host", urlsplit(url).netloc.encode()), *headers]


def _note(house: House, delivery_id: str, answer: Answer) -> None:
    """Write an attempt down: sent, to be tried again, or dead, with an alarm."""
    with house.write() as work:
        row = work.db.get_one(DeliveryRow, delivery_id)
        if row.state != "waiting":
            return
        if answer is _NOT_TRIED and wait_after(row.attempts + 1) is None:
            row.due_at = work.now + timedelta(seconds=RETRY_S[0])  # the last attempt is a real one
            work.db.add(row)
            return
        row.attempts += 1
        entry = {
            "at": work.now.isoformat(),
            "status": answer.status,
            "excerpt": answer.excerpt.replace("\0", ""),
        }
        row.log = [*row.log, entry][-LOGGED:]
        if answer.is_taken:
            row.state, row.ended_at = "sent", work.now
        elif (wait := wait_after(row.attempts)) is not None:
            row.due_at = work.now + timedelta(seconds=wait)
        else:
            row.state, row.ended_at = "dead", work.now
            _alarm(work, row)
        work.db.add(row)


def _alarm(work: Work, row: DeliveryRow) -> None:
    endpoint = work.db.get_one(EndpointRow, row.endpoint_id)
    audit.record(
        work, SYSTEM, "webhook.dead", subject=endpoint.id, payload={"delivery": row.id, "kind": row.kind}
    )
    _told(work, endpoint, "webhook.dead", row.id, {"event": row.kind})


def _lost(work: Work, endpoint: EndpointRow, why: Text) -> None:
    """What was not sent at all: on record and told once a day, with the reason."""
    facts = {"why_zh": why.zh, "why_en": why.en}
    day = f"{endpoint.id}|{work.now.date()}|{why.en[:40]}"
    _log.warning("endpoint %s: events not sent: %s", endpoint.id, why.en)
    if _told(work, endpoint, "webhook.dropped", day, facts):
        audit.record(work, SYSTEM, "webhook.dropped", subject=endpoint.id, payload=facts)


def _told(work: Work, endpoint: EndpointRow, kind: str, once: str, facts: dict[str, str]) -> bool:
    """To whoever set the endpoint up and all who manage endpoints of its organisation, as far as they are of it still. Whether anybody was told now."""
    managers = audience.holders(work, PERMISSIONS["auth:webhook:manage"], [endpoint.org_id])
    own = [found for found in {endpoint.account_id, *managers} if _is_of(work, found, endpoint.org_id)]
    return bool(
        tell(
            work, sorted(own), kind, subject=endpoint.id, href=f"/webhooks/{endpoint.id}", once=once,
            facts={"id": endpoint.id[:13]} | facts,
        )
    )  # fmt: skip


def _is_of(work: Work, account_id: str, org_id: str) -> bool:
    found = work.db.get(AccountRow, account_id)
    return found is not None and found.org_id == org_id
