"""Signed links: an address that reads one view as one person for at most an hour, and only while the grant counts."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from auth.identity import api_keys
from auth.identity.principals import Principal, principal
from auth.identity.tables import ApiKeyRow
from core import sealing
from core.errors import AppError, NotSignedIn
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.sharing import service
from datasets.sharing.rules import LINK_LIFE
from datasets.sharing.service import Reading
from datasets.sharing.tables import ViewRow

_KEY_FILE: Final = "link.key"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `key_id`: the API key it was made with, "" for a person; `ends`: seconds since 1970."""

    view_id: str
    account_id: str
    epoch: int
    key_id: str
    purpose: str
    ends: int

    def signature(self, secret: bytes) -> str:
        said = json.dumps([self.view_id, self.account_id, self.epoch, self.key_id, self.purpose, self.ends])
        return hmac.digest(secret, said.encode(), "sha256").hex()

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.ends, UTC)


def make(work: Work, who: Reading, view: ViewRow, keys_dir: Path, base: str) -> tuple[str, datetime]:
    """An address for this reader and its end. `sp` makes Delta's clients take it for a pre-signed one."""
    known = _principal_of(work, who)
    link = Link(
        view.id, who.actor.account_id, known.epoch, who.actor.session_id or "" if who.actor.via == "api_key" else "",
        who.purpose, int((work.now + LINK_LIFE).timestamp()),
    )  # fmt: skip
    asked = {
        "sp": "r", "se": link.ends, "by": link.account_id, "ep": link.epoch, "key": link.key_id, "pu": link.purpose,
        "sig": link.signature(sealing.master_key(keys_dir, _KEY_FILE)),
    }  # fmt: skip
    name = quote(f"{view.dataset_id}-v{view.release_number}.parquet")
    return f"{base.rstrip('/')}/shared/{view.id}/{name}?{urlencode(asked)}", link.expires_at


def _principal_of(work: Work, who: Reading) -> Principal:
    known = principal(work, who.actor.account_id, "token")
    if known is None:
        raise _worthless()
    return known


def proven(link: Link, signature: str, keys_dir: Path, now: datetime) -> None:
    """Raise NotSignedIn unless the link is whole and has not ended."""
    expected = link.signature(sealing.master_key(keys_dir, _KEY_FILE))
    if not hmac.compare_digest(expected.encode(), signature.encode()) or now.timestamp() >= link.ends:
        raise _worthless()


def reader_of(work: Work, link: Link, address: str, origin: str = "") -> Reading:
    """The reader of a proven link with the roles he holds now. NotSignedIn when account or key has ended.

    AccessRefused when `address` lies outside the networks of the key it was made with.
    """
    key = work.db.get(ApiKeyRow, link.key_id, populate_existing=True) if link.key_id else None
    if link.key_id and (key is None or key.revoked_at is not None or key.expires_at <= work.now):
        raise _worthless()
    if key is not None:
        api_keys.demand_place(key, address)
    who = principal(
        work, link.account_id, "api_key" if key else "token", epoch=link.epoch, session_id=link.key_id or None,
        only=json.loads(key.scopes) if key else (), grant=key.grant_id if key else "",
    )  # fmt: skip
    if who is None:
        raise _worthless()
    grant_id = GrantId(service.row(work, link.view_id).grant_id)
    return service.reading(work, replace(who.actor, origin=origin, address=address), grant_id, link.purpose)


def open_link(work: Work, link: Link, address: str, origin: str = "") -> tuple[Reading, ViewRow]:
    """Reader and view of a proven link, decided at this instant. NotSignedIn, AccessRefused, Conflict."""
    reader, view = reader_of(work, link, address, origin), service.row(work, link.view_id)
    service.demand_same(work, reader, view)
    return reader, view


def may_flow(work: Work, link: Link, address: str) -> bool:
    """Whether the bytes may go on flowing at this instant; a link that ends meanwhile does not cut what began before."""
    try:
        open_link(work, link, address)
    except AppError:
        return False
    return True


def _worthless() -> NotSignedIn:
    return NotSignedIn(
        Text("链接不完整或已过期；请取新的链接。", "This link is not whole or has ended; ask for a new one.")
    )
