"""Download tickets: leave to fetch one extract once, for browsers and download managers that cannot sign in.

A ticket acts as the person who took it, with the roles that he holds when it is used; the grant is asked as at any download.
It is used up by the first answer that carries bytes of the file, in the transaction that writes the download down.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, update
from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor, Via
from auth.identity import api_keys
from auth.identity.principals import principal
from auth.identity.tables import ApiKeyRow, SessionRow
from core.errors import Conflict, Gone, NotFound
from core.ids import ExtractId
from core.text import Text
from core.work import Work
from datasets.extracts import downloading, queries
from datasets.extracts.downloading import Parcel
from datasets.extracts.tables import DownloadTicketRow

LIFE: Final = timedelta(minutes=5)
MOST_OPEN: Final = 20  # of one account for one extract


class TicketRead(SQLModel):
    """A ticket as its owner sees it, once: the address holds the secret."""

    id: str
    url: str
    sha256: str
    filename: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Taking:
    """Whom a ticket lets take what."""

    ticket: DownloadTicketRow
    actor: Actor
    parcel: Parcel

    @property
    def extract_id(self) -> ExtractId:
        return ExtractId(self.ticket.extract_id)


def issue(work: Work, actor: Actor, extract_id: ExtractId, base: str) -> TicketRead:
    """A ticket for an extract that could be downloaded now. Raises as a download would, and Conflict beyond MOST_OPEN."""
    parcel = downloading.open_download(work, actor, extract_id)
    mine = (
        DownloadTicketRow.extract_id == extract_id, DownloadTicketRow.account_id == actor.account_id,
        col(DownloadTicketRow.used_at).is_(None), DownloadTicketRow.expires_at > work.now,
    )  # fmt: skip
    if work.db.exec(select(func.count()).select_from(DownloadTicketRow).where(*mine)).one() >= MOST_OPEN:
        raise Conflict(
            Text(
                f"这份提取已有 {MOST_OPEN} 张未用的下载票据；请先使用，或等几分钟后再取。",
                f"There are {MOST_OPEN} unused tickets for this extract; use one, or wait some minutes.",
            )
        )
    known = principal(work, actor.account_id, "token")
    token = secrets.token_urlsafe(32)
    row = DownloadTicketRow(
        id=work.new_id(), token_hash=_hash(token), extract_id=extract_id, account_id=actor.account_id, via=actor.via,
        session_id=actor.session_id, epoch=known.epoch if known else 0, created_at=work.now,
        expires_at=work.now + LIFE,
    )  # fmt: skip
    work.db.add(row)
    found = queries.row(work, extract_id, actor)
    audit.record(
        work, actor, "extract.ticket_issued", subject=found.id, dataset_id=found.dataset_id, grant_id=found.grant_id,
        application_id=found.application_id, payload={"ticket": row.id, "expires_at": row.expires_at.isoformat()},
    )  # fmt: skip
    url = f"{base.rstrip('/')}/take/{token}/{parcel.filename}"
    return TicketRead(
        id=row.id, url=url, sha256=parcel.sha256, filename=parcel.filename, expires_at=row.expires_at
    )


def present(work: Work, token: str, address: str, origin: str) -> Taking:
    """Whom the ticket lets take what at this instant, without using it up.

    NotFound for what is no ticket, Gone for one that was used or has ended, AccessRefused where the download is refused.
    """
    row, actor = holder(work, token, address, origin)
    return Taking(row, actor, downloading.open_download(work, actor, ExtractId(row.extract_id)))


def holder(work: Work, token: str, address: str, origin: str) -> tuple[DownloadTicketRow, Actor]:
    """The ticket and its owner, with the roles he holds now."""
    found = work.db.exec(
        select(DownloadTicketRow)
        .where(DownloadTicketRow.token_hash == _hash(token))
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound(Text("没有这张下载票据。", "There is no such download ticket."))
    if found.used_at is not None:
        raise _used()
    if found.expires_at <= work.now:
        raise Gone(
            Text(
                "下载票据已过期（5 分钟内有效）；请在提取页面重新获取。",
                "The ticket has ended (it is good for five minutes); take another on the extract's page.",
            )
        )
    actor = _owner(work, found, address)
    if actor is None:
        raise Gone(
            Text(
                "取得票据的账户、会话或密钥已失效；请重新登录后再取。",
                "The account, session or key that took this ticket has ended; sign in and take another.",
            )
        )
    return found, replace(actor, origin=origin, address=address)


def use_up(work: Work, taking: Taking) -> None:
    """Mark the ticket as used; of any number of takers one gets through. Gone for the others."""
    done = work.db.execute(
        update(DownloadTicketRow)
        .where(col(DownloadTicketRow.id) == taking.ticket.id, col(DownloadTicketRow.used_at).is_(None))
        .values(used_at=work.now)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise _used()


def may_flow(work: Work, row: DownloadTicketRow, address: str) -> bool:
    """Whether the bytes may go on flowing at this instant; that the ticket was used or has ended does not cut them."""
    actor = _owner(work, row, address)
    return actor is not None and downloading.may_flow(
        work, replace(actor, address=address), ExtractId(row.extract_id)
    )


def _owner(work: Work, row: DownloadTicketRow, address: str) -> Actor | None:
    """Who took the ticket, as of now; None when account, session or key has ended."""
    via: Via = "api_key" if row.via == "api_key" else "session" if row.via == "session" else "token"
    key: ApiKeyRow | None = None
    if via == "session":
        session = work.db.get(SessionRow, row.session_id, populate_existing=True)
        if session is None or session.ended_at is not None:
            return None
    if via == "api_key":
        key = work.db.get(ApiKeyRow, row.session_id, populate_existing=True)
        if key is None or key.revoked_at is not None or key.expires_at <= work.now:
            return None
        api_keys.demand_place(key, address)
    known = principal(
        work, row.account_id, via, epoch=row.epoch, session_id=row.session_id, only=json.loads(key.scopes) if key else (),
        grant=(key.grant_id or "") if key else "",
    )  # fmt: skip
    return known.actor if known else None


def _used() -> Gone:
    return Gone(
        Text(
            "下载票据只能用一次，已被使用；续传或再次下载请在提取页面重新获取。",
            "This ticket was used; it serves once. To resume or to download again, take another on the extract's page.",
        )
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
