"""Telling, reading, choosing. A message is written in the transaction of what it is about, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy
from sqlalchemy import BindParameter, bindparam, exists, func
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.identity.tables import AccountRow
from auth.messages.kinds import KINDS, TOPICS, sentence
from auth.messages.models import Choices, Marked, MessageRead, TopicChoice
from auth.messages.tables import MessageAddressRow, MessagePreferenceRow, MessageRow
from core import outbox
from core.errors import InputRefused
from core.text import Text
from core.work import Work, fetched

MAIL: Final = "mail"
"""Topic of the outbox under which mails wait."""
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)


_ACCOUNTS: Final[BindParameter[Any]] = bindparam("accounts", expanding=True)
_CHOICES: Final = (
    sqlalchemy.select(
        col(AccountRow.id), col(MessagePreferenceRow.in_app), col(MessagePreferenceRow.by_mail),
        exists().where(col(MessageAddressRow.account_id) == col(AccountRow.id)).label("has_address"),
        exists()
        .where(col(MessageRow.account_id) == col(AccountRow.id), col(MessageRow.once) == bindparam("named"))
        .label("was_told"),
    )
    .join(
        MessagePreferenceRow,
        (col(MessagePreferenceRow.account_id) == col(AccountRow.id)) & (col(MessagePreferenceRow.topic) == bindparam("topic")),
        isouter=True,
    )
    .where(col(AccountRow.id).in_(_ACCOUNTS))
)  # fmt: skip


def tell(
    work: Work,
    accounts: Iterable[str],
    kind: str,
    *,
    subject: str,
    href: str,
    once: str,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Tell these accounts, each once for `once`; returns how many were told now. `facts`: JSON values, no notes."""
    wanted = sorted(set(accounts))
    if not wanted:
        return 0
    topic, named = KINDS[kind].topic, f"{kind}|{once}"
    told = 0
    for each in sorted(fetched(work, _CHOICES, accounts=wanted, topic=topic, named=named)):
        in_app, by_mail = each.in_app is not False, each.by_mail is not False and each.has_address
        if each.was_told or not (in_app or by_mail):
            continue
        row = MessageRow(
            id=work.new_id(), account_id=each.id, kind=kind, subject=subject, href=href, once=named,
            facts=dict(facts or {}), at=work.now, read_at=None if in_app else work.now,
        )  # fmt: skip
        work.db.add(row)
        if by_mail:
            outbox.post(work, MAIL, row.id, {"message_id": row.id})
        told += 1
    return told


def inbox(
    work: Work, actor: Actor, *, topic: str = "", unread_only: bool = False, offset: int = 0, limit: int = 50
) -> tuple[list[MessageRead], int]:
    """The actor's own messages, newest first, and their number."""
    conditions: list[Any] = [MessageRow.account_id == actor.account_id]
    if topic in TOPICS:
        conditions.append(
            col(MessageRow.kind).in_([kind for kind, its in KINDS.items() if its.topic == topic])
        )
    if unread_only:
        conditions.append(col(MessageRow.read_at).is_(None))
    wanted = (
        select(MessageRow).where(*conditions).order_by(col(MessageRow.at).desc(), col(MessageRow.id).desc())
    )
    total = work.db.exec(select(func.count()).select_from(MessageRow).where(*conditions)).one()
    return [read(row) for row in work.db.exec(wanted.offset(offset).limit(limit))], total


def read(row: MessageRow) -> MessageRead:
    known, said = KINDS.get(row.kind), sentence(row.kind, row.facts)
    name = known.name if known else Text(row.kind, row.kind)
    return MessageRead(
        id=row.id, kind=row.kind, topic=known.topic if known else "", name_zh=name.zh, name_en=name.en, zh=said.zh,
        en=said.en, subject=row.subject, href=row.href, facts=row.facts, at=row.at, is_read=row.read_at is not None,
    )  # fmt: skip


def unread(work: Work, account_id: str) -> int:
    wanted = select(func.count()).select_from(MessageRow)
    return work.db.exec(
        wanted.where(MessageRow.account_id == account_id, col(MessageRow.read_at).is_(None))
    ).one()


def mark_read(work: Work, actor: Actor, body: Marked) -> int:
    """The named messages of the actor, or all of them, count as read. Nobody else is concerned; the record is silent."""
    conditions: list[Any] = [MessageRow.account_id == actor.account_id, col(MessageRow.read_at).is_(None)]
    if body.ids is not None:
        conditions.append(col(MessageRow.id).in_(body.ids))
    rows = list(work.db.exec(select(MessageRow).where(*conditions)))
    for row in rows:
        row.read_at = work.now
        work.db.add(row)
    return len(rows)


def choices(work: Work, actor: Actor) -> Choices:
    """How the actor is told now, topic by topic."""
    address = work.db.get(MessageAddressRow, actor.account_id)
    topics = []
    for topic in TOPICS:
        row = work.db.get(MessagePreferenceRow, (actor.account_id, topic))
        topics.append(
            TopicChoice(topic=topic, in_app=row.in_app if row else True, by_mail=row.by_mail if row else True)
        )
    lang: Any = address.lang if address else "zh"
    return Choices(email=address.email if address else "", lang=lang, topics=topics)


def choose(work: Work, actor: Actor, body: Choices) -> Choices:
    """Set address, language and topics; what is not named stays. Raises InputRefused for what is no address."""
    if body.email and not _ADDRESS.fullmatch(body.email):
        raise InputRefused(
            Text("邮箱地址的写法不对，应如 name@example.org。", "That is no e-mail address; write name@example.org."),
            field="email",
        )  # fmt: skip
    unknown = [choice.topic for choice in body.topics if choice.topic not in TOPICS]
    if unknown:
        raise InputRefused(
            Text(f"没有“{unknown[0]}”这类通知。", f"There is no topic “{unknown[0]}”."), field="topics"
        )
    address = work.db.get(MessageAddressRow, actor.account_id)
    if body.email:
        address = address or MessageAddressRow(account_id=actor.account_id, email=body.email)
        address.email, address.lang = body.email, body.lang
        work.db.add(address)
    elif address is not None:
        work.db.delete(address)
    for choice in body.topics:
        row = work.db.get(MessagePreferenceRow, (actor.account_id, choice.topic))
        row = row or MessagePreferenceRow(account_id=actor.account_id, topic=choice.topic)
        row.in_app, row.by_mail = choice.in_app, choice.by_mail
        work.db.add(row)
    audit.record(
        work, actor, "account.notifications_chosen", subject=actor.account_id,
        payload={"has_email": bool(body.email), "topics": [choice.model_dump() for choice in body.topics]},
    )  # fmt: skip
    work.db.flush()
    return choices(work, actor)
