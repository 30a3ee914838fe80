"""What is stored of webhooks: endpoints with their sealed secrets, and one row for each event on its way to one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class EndpointRow(SQLModel, table=True):
    """Where an organisation wants to be told. It acts for `account_id`: what that person may not see is not sent.

    `secret` signs; `former_secret` signs too until `former_until`, so that a receiver may change over in peace.
    """

    __tablename__ = "auth_webhook_endpoint"
    id: str = Field(primary_key=True)
    org_id: str = Field(index=True, max_length=60)
    account_id: str = Field(index=True)
    url: str = Field(max_length=500)
    kinds: list[str] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", max_length=200)
    is_on: bool = True
    secret: str
    former_secret: str = ""
    former_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DeliveryRow(SQLModel, table=True):
    """One event for one endpoint. `body` is fixed when it is made, so that every attempt signs the same bytes.

    `ordering` names what the event is about: events about one thing arrive in order. `log`: the latest attempts.
    """

    __tablename__ = "auth_webhook_delivery"
    __table_args__ = (UniqueConstraint("endpoint_id", "event_id"),)
    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="auth_webhook_endpoint.id", index=True)
    event_id: str
    kind: str = Field(max_length=80)
    ordering: str = Field(max_length=200)
    body: str
    state: str = Field(default="waiting", index=True, max_length=20)
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    log: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
