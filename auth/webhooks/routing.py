"""From events in the outbox to deliveries: for each endpoint that wants the kind, if its person may see what it is about.

An event is routed once: the mark on the event and its deliveries are one transaction, and a delivery's key allows no second.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import case, func
from sqlalchemy import select as chosen
from sqlmodel import col, select

from auth.actor import Actor
from auth.agreements.books import AGREEMENTS
from auth.anomalies import service as anomalies
from auth.applications import queries as applications
from auth.consents import service as consents
from auth.duties import service as duties
from auth.grants import queries as grants
from auth.identity import licence
from auth.identity.principals import principal
from auth.incidents import service as incidents
from auth.reviews import service as reviews
from auth.webhooks.rules import EVENT_KINDS, PING, said_of
from auth.webhooks.service import delivery
from auth.webhooks.tables import DeliveryRow, EndpointRow
from core.errors import NotFound
from core.ids import ApplicationId, GrantId
from core.outbox import OutboxRow
from core.text import Text
from core.work import Work, hold

Sees = Callable[[Work, Actor, str], object]
"""Looks a thing up for an actor; raises NotFound when it is not his to see or to hear of."""


GONE: Final = Text(
    "为其设置推送的人员已离开该机构或账号已停用；请由本机构现任人员重新设置推送地址",
    "the person who set the endpoint up has left the organisation or is disabled; let somebody of it set the endpoint up anew",
)
FAULT: Final = Text("事件无法排队，请联系系统管理员", "the event could not be queued; tell the administrator")
_log = logging.getLogger("datagrant.webhooks")
Told = Callable[[Work, EndpointRow, Text], None]
"""Tells those who manage the endpoint why it gets nothing."""


_SIGHT: Final[Mapping[str, Sees]] = {
    "application": lambda work, actor, about: applications.row(work, ApplicationId(about), actor),
    "grant": lambda work, actor, about: grants.row(work, GrantId(about), actor),
    "incident": incidents.may_hear,
    "duty": duties.duty,
    "agreement": lambda work, actor, about: AGREEMENTS.row(work, about, actor),
    "consent": consents.may_hear,
    "licence": licence.may_hear,
    "anomaly": anomalies.anomaly,
    "campaign": lambda work, actor, about: reviews.CAMPAIGNS.row(work, about, actor),
    "review": lambda work, actor, about: reviews.REVIEWS.row(work, about, actor),
}
"""By what an event is about, how it is looked up for an actor; a dataset is whatever stands in no row."""


def serves(work: Work, endpoint: EndpointRow) -> Actor | None:
    """The endpoint's person, while he still belongs to its organisation and may act."""
    found = principal(work, endpoint.account_id, "token")
    return found.actor if found is not None and found.actor.org_id == endpoint.org_id else None


def drop(work: Work, row: DeliveryRow, why: Text) -> None:
    """Give a delivery up, with the reason in its log: it may be sent again by hand."""
    row.state, row.ended_at = "dropped", work.now
    row.log = [*row.log, {"at": work.now.isoformat(), "status": 0, "excerpt": f"{why.zh} / {why.en}"}]
    work.db.add(row)
    work.db.flush()


def may_see(work: Work, endpoint: EndpointRow, kind: str, data: dict[str, Any], sees_dataset: Sees) -> bool:
    """Whether the endpoint's person may see, now, what the event is about."""
    actor = serves(work, endpoint)
    if actor is None:
        return False
    if kind == PING:
        return True
    event = EVENT_KINDS[kind]
    about = str(data.get(event.key, ""))
    try:
        (_SIGHT.get(event.about) or sees_dataset)(work, actor, about)
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


def route(work: Work, sees_dataset: Sees, limit: int = 200, *, tell: Told) -> int:
    """Make the deliveries of the next events; returns how many events were looked at.

    What cannot be queued (its person has gone, or the event is not to be read) is told with the reason, so that nothing is lost
    without a word; of the event itself nothing is kept, for whether it may be seen is not known. One that fails holds up no other.
    """
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
        for endpoint in listening:
            if not (event.topic in endpoint.kinds and endpoint.created_at <= event.created_at):
                continue
            if serves(work, endpoint) is None:
                tell(work, endpoint, GONE)
                continue
            try:
                with work.db.begin_nested():
                    data = said_of(event.topic, json.loads(event.body))
                    if may_see(work, endpoint, event.topic, data, sees_dataset):
                        delivery(work, endpoint, event.id, event.topic, event.subject, data)
            except Exception:
                _log.exception("event %s could not be queued for endpoint %s", event.id, endpoint.id)
                tell(work, endpoint, FAULT)
        event.routed_at = work.now
        work.db.add(event)
    work.db.flush()
    return len(events)


def due(work: Work, each: int = 50, limit: int = 500) -> list[tuple[DeliveryRow, EndpointRow]]:
    """Deliveries whose time has come: of one thing and endpoint only the first that has not ended, of one endpoint `each` at most.

    Those without a failed attempt on what waits come first. Organisations take turns, and their endpoints; then whatever has been due longest.
    """
    waiting = chosen(
        col(DeliveryRow.id).label("id"),
        col(DeliveryRow.endpoint_id).label("endpoint_id"),
        col(DeliveryRow.due_at).label("due_at"),
        func.row_number()
        .over(partition_by=(DeliveryRow.endpoint_id, DeliveryRow.ordering), order_by=DeliveryRow.id)
        .label("place"),
        func.max(DeliveryRow.attempts).over(partition_by=DeliveryRow.endpoint_id).label("failed"),
    ).where(col(DeliveryRow.state) == "waiting")
    line = waiting.subquery()
    turn = func.row_number().over(partition_by=line.c.endpoint_id, order_by=line.c.id).label("turn")
    heads = (
        chosen(line.c.id, line.c.failed, turn).where(line.c.place == 1, line.c.due_at <= work.now).subquery()
    )
    troubled = case((heads.c.failed > 0, 1), else_=0)
    of_org = func.row_number().over(
        partition_by=(EndpointRow.org_id, troubled),
        order_by=(heads.c.turn, col(DeliveryRow.due_at), col(DeliveryRow.id)),
    )
    wanted = (
        select(DeliveryRow, EndpointRow)
        .join(heads, heads.c.id == col(DeliveryRow.id))
        .join(EndpointRow, col(EndpointRow.id) == col(DeliveryRow.endpoint_id))
        .where(heads.c.turn <= each, col(EndpointRow.is_on).is_(True), col(EndpointRow.removed_at).is_(None))
        .order_by(troubled, of_org, col(DeliveryRow.due_at), col(DeliveryRow.id))
        .limit(limit)
    )
    return [(row, endpoint) for row, endpoint in work.db.exec(wanted)]
