"""Messages on their way out: what a transaction left in the outbox is posted to the address that the installation names.

At least once. After a refusal the rest waits for the next look, and the refused one is tried later and later. Without an
address they wait.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2

from api.house import House
from core import outbox
from core.outbox import OutboxRow

TIMEOUT_S = 10.0


def send_due(house: House, limit: int = 50) -> int:
    """Post what is due; returns how many arrived. Each answer is written down before the next is sent."""
    address = house.settings.events_url
    if not address:
        return 0
    with house.read() as work:
        rows = outbox.due(work, limit)
    arrived = 0
    with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
        for row in rows:
            fault = _post(client, address, row)
            arrived += fault is None
            with house.write() as work:
                kept = work.db.get_one(OutboxRow, row.id)
                outbox.sent(work, kept) if fault is None else outbox.failed(work, kept, fault)
            if fault is not None:
                break  # an address that does not answer must not hold up the worker
    return arrived


def _post(client: httpx2.Client, address: str, row: OutboxRow) -> str | None:
    """None when the other side took it (2xx); else why not."""
    try:
        answer = client.post(address, json=_message(row), headers={"X-Datagrant-Event": row.topic})
    except httpx2.HTTPError as fault:
        return f"{type(fault).__name__}: {fault}"
    return None if answer.is_success else f"status {answer.status_code}"


def _message(row: OutboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "topic": row.topic,
        "subject": row.subject,
        "at": row.created_at.isoformat(),
        "body": json.loads(row.body),
    }
