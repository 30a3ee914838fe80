"""From events in the outbox to deliveries: for each endpoint that wants the kind, if its person may see what it is about.

An event is routed once: the mark on the event and its deliveries are one transaction, and a delivery's key allows no second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import queries as applications
from auth.grants import queries as grants
from auth.identity.principals import principal
from auth.webhooks.rules import EVENT_KINDS, PING, said_of
from auth.webhooks.service import delivery
from auth.webhooks.tables import DeliveryRow, EndpointRow
from core.errors import NotFound
from core.ids import ApplicationId, GrantId
from core.outbox import OutboxRow
from core.work import Work, hold

Sees = Callable[[Work, Actor, str], object]
"""Looks a dataset up for an actor; raises NotFound when it is not his to see."""


def may_see(work: Work, endpoint: EndpointRow, kind: str, data: dict[str, Any], sees_dataset: Sees) -> bool:
    """Whether the endpoint's person may see, now, what the event is about."""
    found = principal(work, endpoint.account_id, "token")
    if found is None or found.actor.org_id != endpoint.org_id:
        return False
    if kind == PING:
        return True
    event, actor = EVENT_KINDS[kind], found.actor
    about = str(data.get(event.key, ""))
    try:
        if event.about == "application":
            applications.row(work, ApplicationId(about), actor)
        elif event.about == "grant":
            grants.row(work, GrantId(about), actor)
        else:
            sees_dataset(work, actor, about)
    except NotFound:
        return False
    return True


def _unrouted(limit: int) -> Any:  # noqa: ANN401 - a select
    wanted = select(OutboxRow).where(
        col(OutboxRow.routed_at).is_(None), col(OutboxRow.topic).in_(list(EVENT_KINDS))
    )
    return wanted.order_by(col(OutboxRow.id)).limit(limit)


def is_anything_new(work: Work) -> bool:
    return work.db.exec(_unrouted(1)).first() is not None


def route(work: Work, sees_dataset: Sees, limit: int = 200) -> int:
    """Make the deliveries of the next events; returns how many events were looked at."""
    hold(work, "webhooks")
    events = list(work.db.exec(_unrouted(limit)))
    if not events:
        return 0
    listening = list(
        work.db.exec(
            select(EndpointRow).where(col(EndpointRow.removed_at).is_(None)).order_by(col(EndpointRow.id))
        )
    )
    for event in events:
        data = said_of(event.topic, json.loads(event.body))
        for endpoint in listening:
            wanted = event.topic in endpoint.kinds and endpoint.created_at <= event.created_at
            if wanted and may_see(work, endpoint, event.topic, data, sees_dataset):
                delivery(work, endpoint, event.id, event.topic, event.subject, data)
        event.routed_at = work.now
        work.db.add(event)
    work.db.flush()
    return len(events)


def due(work: Work, limit: int = 50) -> list[tuple[DeliveryRow, EndpointRow]]:
    """Deliveries whose time has come, oldest first; of one thing and endpoint only the first that has not ended."""
    wanted = (
        select(DeliveryRow, EndpointRow)
        .join(EndpointRow, col(EndpointRow.id) == col(DeliveryRow.endpoint_id))
        .where(
            DeliveryRow.state == "waiting",
            col(EndpointRow.is_on).is_(True),
            col(EndpointRow.removed_at).is_(None),
        )
        .order_by(col(DeliveryRow.id))
        .limit(limit * 20)
    )
    found, seen = [], set()
    for row, endpoint in work.db.exec(wanted):
        line = (row.endpoint_id, row.ordering)
        if line in seen:
            continue
        seen.add(line)
        if row.due_at <= work.now:
            found.append((row, endpoint))
    return found[:limit]
