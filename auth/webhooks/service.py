"""Managing endpoints of one's own organisation: make, change, rotate, remove, ping; the log, and sending again by hand."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.identity.principals import in_person, principal
from auth.webhooks.models import DeliveryRead, EndpointAsk, EndpointChange, EndpointMade, EndpointRead
from auth.webhooks.rules import EVENT_KINDS, PING, url_fault
from auth.webhooks.tables import DeliveryRow, EndpointRow
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Work

Seal = Callable[[str, str], str]
"""(what it is bound to, secret) → the stored form."""
OVERLAP: Final = timedelta(hours=24)
MOST: Final = 20


def endpoints(work: Work, actor: Actor) -> list[EndpointRead]:
    """The endpoints of the actor's organisation, oldest first."""
    wanted = select(EndpointRow).where(
        EndpointRow.org_id == actor.org_id, col(EndpointRow.removed_at).is_(None)
    )
    return [read(work, row) for row in work.db.exec(wanted.order_by(col(EndpointRow.id)))]


def read(work: Work, row: EndpointRow) -> EndpointRead:
    counted = select(DeliveryRow.state, func.count()).where(DeliveryRow.endpoint_id == row.id)
    states = dict(list(work.db.exec(counted.group_by(col(DeliveryRow.state)))))
    overlap = row.former_until if row.former_until and row.former_until > work.now else None
    return EndpointRead(
        id=row.id, org_id=row.org_id, url=row.url, kinds=row.kinds, note=row.note, is_on=row.is_on,
        created_at=row.created_at, former_until=overlap, waiting=states.get("waiting", 0), dead=states.get("dead", 0), dropped=states.get("dropped", 0),
        is_orphan=not _is_served(work, row),
    )  # fmt: skip


def _is_served(work: Work, row: EndpointRow) -> bool:
    found = principal(work, row.account_id, "token")
    return found is not None and found.actor.org_id == row.org_id


def _row(work: Work, actor: Actor, endpoint_id: str) -> EndpointRow:
    row = work.db.get(EndpointRow, endpoint_id)
    if row is None or row.removed_at is not None or row.org_id != actor.org_id:
        raise NotFound(
            Text(
                "没有这个推送地址，或不属于贵机构。",
                "There is no such endpoint, or it is not your organisation's.",
            )
        )
    return row


def _checked_kinds(kinds: Sequence[str]) -> list[str]:
    if unknown := [kind for kind in kinds if kind not in EVENT_KINDS]:
        raise InputRefused(
            Text(f"没有“{unknown[0]}”这种事件。", f"There is no kind of event “{unknown[0]}”."), field="kinds"
        )
    return sorted(set(kinds))


def fresh_secret() -> str:
    """32 random bytes in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def create(work: Work, actor: Actor, body: EndpointAsk, *, seal: Seal, plain_ok: bool) -> EndpointMade:
    """A new endpoint of the actor's organisation; its secret is in the answer and nowhere else."""
    in_person(actor)
    if actor.org_id is None:
        text = Text(
            "您的账号不属于任何机构，不能设置推送。",
            "Your account belongs to no organisation; it cannot have endpoints.",
        )
        raise AccessRefused(text, reasons=[Reason("no-organisation", text, "docs/webhooks.md")])
    if (fault := url_fault(body.url, plain_ok=plain_ok)) is not None:
        raise InputRefused(
            Text(f"推送地址不对：{fault.zh}。", f"The address is refused; one {fault.en}."), field="url"
        )
    if len(endpoints(work, actor)) >= MOST:
        raise Conflict(
            Text(f"每个机构至多 {MOST} 个推送地址。", f"An organisation has {MOST} endpoints at most.")
        )
    endpoint_id, secret = work.new_id(), fresh_secret()
    row = EndpointRow(
        id=endpoint_id, org_id=actor.org_id, account_id=actor.account_id, url=body.url, note=body.note,
        kinds=_checked_kinds(body.kinds), secret=seal(endpoint_id, secret), created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "webhook.created", subject=row.id, payload={"url": row.url, "kinds": row.kinds})
    return EndpointMade(endpoint=read(work, row), secret=secret)


def change(work: Work, actor: Actor, endpoint_id: str, body: EndpointChange) -> EndpointRead:
    """Other kinds, or off and on. What waits while it is off is sent when it is on again."""
    in_person(actor)
    row = _row(work, actor, endpoint_id)
    if body.kinds is not None:
        row.kinds = _checked_kinds(body.kinds)
    if body.is_on is not None:
        row.is_on = body.is_on
    work.db.add(row)
    audit.record(
        work, actor, "webhook.changed", subject=row.id, payload={"kinds": row.kinds, "is_on": row.is_on}
    )
    return read(work, row)


def rotate(work: Work, actor: Actor, endpoint_id: str, *, seal: Seal) -> EndpointMade:
    """A new secret; the former one signs beside it for a day, so that no delivery is lost while the receiver changes."""
    in_person(actor)
    row, secret = _row(work, actor, endpoint_id), fresh_secret()
    row.former_secret, row.former_until = row.secret, work.now + OVERLAP
    row.secret = seal(row.id, secret)
    work.db.add(row)
    audit.record(
        work, actor, "webhook.rotated", subject=row.id, payload={"former_until": row.former_until.isoformat()}
    )
    return EndpointMade(endpoint=read(work, row), secret=secret)


def remove(work: Work, actor: Actor, endpoint_id: str) -> None:
    """No more events; what waits is dropped. The log stays."""
    in_person(actor)
    row = _row(work, actor, endpoint_id)
    row.removed_at, row.is_on = work.now, False
    work.db.add(row)
    waiting = select(DeliveryRow).where(DeliveryRow.endpoint_id == row.id, DeliveryRow.state == "waiting")
    for delivery in work.db.exec(waiting):
        delivery.state, delivery.ended_at = "dropped", work.now
        work.db.add(delivery)
    audit.record(work, actor, "webhook.removed", subject=row.id, payload={"url": row.url})


def ping(work: Work, actor: Actor, endpoint_id: str) -> DeliveryRead:
    """Send an event that says nothing, to try the endpoint."""
    row = _row(work, actor, endpoint_id)
    made = delivery(work, row, work.new_id(), PING, row.id, {"endpoint_id": row.id})
    audit.record(work, actor, "webhook.pinged", subject=row.id, payload={"delivery": made.id})
    work.db.flush()
    return DeliveryRead.model_validate(made)


def delivery(
    work: Work, row: EndpointRow, event_id: str, kind: str, ordering: str, data: dict[str, object]
) -> DeliveryRow:
    """The row of an event for an endpoint, its body fixed."""
    body = json.dumps(
        {"type": kind, "timestamp": work.now.isoformat(), "data": data}, ensure_ascii=False, sort_keys=True
    )
    made = DeliveryRow(
        id=f"msg_{work.new_id()}", endpoint_id=row.id, event_id=event_id, kind=kind, ordering=ordering, body=body,
        due_at=work.now, created_at=work.now,
    )  # fmt: skip
    work.db.add(made)
    return made


def deliveries(
    work: Work, actor: Actor, endpoint_id: str, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[DeliveryRead], int]:
    """The log of an endpoint, newest first, and its length."""
    row = _row(work, actor, endpoint_id)
    wanted = select(DeliveryRow).where(DeliveryRow.endpoint_id == row.id)
    if state:
        wanted = wanted.where(DeliveryRow.state == state)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(DeliveryRow.id).desc()).offset(offset).limit(limit))
    return [DeliveryRead.model_validate(each) for each in rows], total


def resend(work: Work, actor: Actor, delivery_id: str) -> DeliveryRead:
    """Send one again by hand: the same id and bytes, all attempts anew. Conflict while it waits anyway."""
    found = work.db.get(DeliveryRow, delivery_id)
    if found is None:
        raise NotFound(
            Text(
                "没有这次推送，或不属于贵机构。",
                "There is no such delivery, or it is not your organisation's.",
            )
        )
    _row(work, actor, found.endpoint_id)
    if found.state == "waiting":
        raise Conflict(Text("该推送仍在等待发送。", "This delivery waits to be sent already."))
    found.state, found.attempts, found.due_at, found.ended_at = "waiting", 0, work.now, None
    work.db.add(found)
    audit.record(work, actor, "webhook.resent", subject=found.endpoint_id, payload={"delivery": found.id})
    return DeliveryRead.model_validate(found)
