"""Reading profiles: an API key that reads one grant for one purpose, as a file that Delta Sharing's clients open."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from auth import audit
from auth.actor import Actor
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate, Bond
from auth.identity.principals import in_person
from auth.identity.rules import MAX_KEY_DAYS
from auth.identity.tables import ApiKeyRow
from core.errors import Reason, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.sharing import service
from datasets.sharing.service import Reading
from datasets.sharing.tables import ShareKeyRow

PATH: Final = "/delta-sharing"


class ProfileCreate(BaseModel):
    """What a profile is asked for. `purpose` may be left out where the grant has only one."""

    model_config = ConfigDict(extra="forbid")
    purpose: str = Field(default="", max_length=80)
    days: int = Field(default=90, ge=1, le=MAX_KEY_DAYS)


def create(work: Work, actor: Actor, grant_id: GrantId, ask: ProfileCreate, base: str) -> str:
    """The profile's text, shown this once: it holds the key. AccessRefused with every reason."""
    in_person(actor)
    who = _reader(work, actor, grant_id, ask.purpose)
    name = f"{who.grant.dataset_id} {str(grant_id)[-8:]}"
    made = api_keys.create(
        work, actor, ApiKeyCreate(name=name, scopes=[service.PERMISSION], days=ask.days), Bond(grant_id)
    )
    work.db.add(
        ShareKeyRow(
            id=made.id, grant_id=grant_id, account_id=actor.account_id, purpose=who.purpose, created_at=work.now,
            expires_at=made.expires_at,
        )
    )  # fmt: skip
    audit.record(
        work, actor, "share.key_made", subject=made.id, dataset_id=who.grant.dataset_id, grant_id=grant_id,
        application_id=who.grant.application_id, payload={"purpose": who.purpose, "expires_at": made.expires_at.isoformat()},
    )  # fmt: skip
    return _text(base, made.key, made.expires_at)


def of_key(work: Work, actor: Actor, grant_id: GrantId, ask: ProfileCreate, base: str, key: str) -> str:
    """A profile around the very key that asks for it. No key is made, and nothing is gained: its grant, scopes, networks and end stay.

    The protocol's clients say no purpose, so the key's own or the grant's only one must be meant. AccessRefused with every reason.
    """
    who = _reader(work, actor, grant_id, ask.purpose)
    service.reading(work, actor, grant_id)  # without a word of the purpose, as its clients will
    row = work.db.get_one(ApiKeyRow, actor.session_id)
    audit.record(
        work, actor, "share.profile_taken", subject=row.id, dataset_id=who.grant.dataset_id, grant_id=grant_id,
        application_id=who.grant.application_id, payload={"purpose": who.purpose, "expires_at": row.expires_at.isoformat()},
    )  # fmt: skip
    return _text(base, key, row.expires_at)


def _reader(work: Work, actor: Actor, grant_id: GrantId, purpose: str) -> Reading:
    """Who will read, decided at this instant."""
    who = service.reading(work, actor, grant_id, purpose)
    refuse_if(service.decide(work, who, None).reasons)
    if purpose and purpose not in who.grant.policy.purposes:
        text = Text(f"授权不包含用途 {purpose}。", f"The grant does not include purpose {purpose}.")
        refuse_if((Reason("purpose-mismatch", text, service.BASIS),))
    return who


def _text(base: str, key: str, ends_at: datetime) -> str:
    profile = {
        "shareCredentialsVersion": 1, "endpoint": base.rstrip("/") + PATH, "bearerToken": key,
        "expirationTime": ends_at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    return json.dumps(profile, ensure_ascii=False, indent=1) + "\n"
