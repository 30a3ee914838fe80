"""What callers may send about webhooks, and what they get."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import SQLModel

from auth.policy.model import Prose


class EndpointAsk(BaseModel):
    """An address and the kinds of events it wants."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: Prose = Field(min_length=8, max_length=500, examples=["https://receiver.example.org/hook"])
    kinds: list[Annotated[str, Field(max_length=80)]] = Field(min_length=1, max_length=60)
    note: Prose = Field(default="", max_length=200)


class EndpointChange(BaseModel):
    """What shall be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: list[Annotated[str, Field(max_length=80)]] | None = Field(
        default=None, min_length=1, max_length=60
    )
    is_on: bool | None = None


class EndpointRead(SQLModel):
    """An endpoint; its secret is never shown again. `dead`: letters that nobody took; `dropped`: those that were not sent at all; `is_orphan`: whoever set it up has gone."""

    id: str
    org_id: str
    url: str
    kinds: list[str]
    note: str
    is_on: bool
    created_at: datetime
    former_until: datetime | None
    waiting: int
    dead: int
    dropped: int
    is_orphan: bool


class EndpointMade(SQLModel):
    """An endpoint with its secret, shown this once."""

    endpoint: EndpointRead
    secret: str


class DeliveryRead(SQLModel):
    """One event on its way: state (waiting, sent, dead, dropped) and its attempts."""

    id: str
    endpoint_id: str
    kind: str
    ordering: str
    state: str
    attempts: int
    due_at: datetime
    created_at: datetime
    ended_at: datetime | None
    body: str
    log: list[dict[str, Any]]
