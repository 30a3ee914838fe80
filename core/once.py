"""One effect per key: a command that is sent twice under the same key is carried out once and answered twice alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Field, SQLModel, col, delete

from core.db import UtcDateTime
from core.errors import Conflict, InputRefused, Reason
from core.text import Text
from core.work import Work

KEPT: Final = timedelta(hours=24)
BASIS: Final = "Idempotency-Key"


class OnceRow(SQLModel, table=True):
    """A command under a key. `status` is None while it is carried out, and stays so if the process dies under it."""

    __tablename__ = "core_once"
    account_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_hash: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    status: int | None = None
    headers: str = "{}"
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first sending was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def begin(work: Work, account_id: str, key: str, request_hash: str) -> Answer | None:
    """Reserve the key, or give the answer that it has already. InputRefused for another request under the same key;
    Conflict while the first is under way, or when nobody knows how it ended."""
    expired = delete(OnceRow).where(col(OnceRow.account_id) == account_id, col(OnceRow.at) < work.now - KEPT)
    work.db.exec(expired)
    found = work.db.get(OnceRow, (account_id, key))
    if found is None:
        work.db.add(OnceRow(account_id=account_id, key=key, request_hash=request_hash, at=work.now))
        work.db.flush()
        return None
    if found.request_hash != request_hash:
        text = Text(
            "该 Idempotency-Key 已用于另一请求，或当时的凭证、角色与现在不同；请先查看对象的当前状态，并为新的请求换一个键。",
            "This Idempotency-Key was used for another request, or with another proof or other roles than now; look at the object first, and give a new request a new key.",
        )
        raise InputRefused(text, reasons=[Reason("idempotency-key-reused", text, BASIS)])
    if found.status is None:
        raise under_way()
    return Answer(found.status, json.loads(found.headers), found.body.encode())


def under_way() -> Conflict:
    text = Text(
        "同一 Idempotency-Key 的请求正在办理，或其结果未知；请先查看对象的当前状态。",
        "A request with this Idempotency-Key is under way, or its outcome is unknown; look at the object first.",
    )
    return Conflict(text, reasons=[Reason("idempotency-key-in-use", text, BASIS)])


def finish(work: Work, account_id: str, key: str, answer: Answer) -> None:
    row = work.db.get_one(OnceRow, (account_id, key))
    row.status, row.headers = answer.status, json.dumps(dict(answer.headers))
    row.body = answer.body.decode()
    work.db.add(row)


def forget(work: Work, account_id: str, key: str) -> None:
    """The command was refused and did nothing: the key is free again."""
    work.db.exec(delete(OnceRow).where(col(OnceRow.account_id) == account_id, col(OnceRow.key) == key))
