"""What readers of messages get and may send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import SQLModel


class MessageRead(SQLModel):
    """One message in both languages."""

    id: str
    kind: str
    topic: str
    name_zh: str
    name_en: str
    zh: str
    en: str
    subject: str
    href: str
    facts: dict[str, Any]
    at: datetime
    is_read: bool


class Marked(BaseModel):
    """Which messages count as read; none named: all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ids: list[Annotated[str, Field(max_length=60)]] | None = Field(default=None, max_length=500)


class TopicChoice(BaseModel):
    """How to be told of a topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: str
    in_app: bool = True
    by_mail: bool = True


class Choices(BaseModel):
    """Address (empty: no e-mail), language of mails, and a choice per topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    email: str = Field(default="", max_length=254)
    lang: Literal["zh", "en"] = "zh"
    topics: list[TopicChoice] = Field(default_factory=list, max_length=20)
