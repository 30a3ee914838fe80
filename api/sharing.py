"""What the faces of reading in place have in common: a view that is ready, and its address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from api.house import House
from auth.actor import Actor
from core.errors import AccessRefused
from core.ids import GrantId
from datasets.sharing import links, service
from datasets.sharing.rules import ViewState
from datasets.sharing.service import Reading
from datasets.sharing.tables import ViewRow


@dataclass(frozen=True, slots=True)
class Address:
    """Where a view is read, until when."""

    view: ViewRow
    url: str
    expires_at: datetime


def wanted(house: House, actor: Actor, grant_id: GrantId, purpose: str, release_id: str | None) -> ViewRow:
    """The view, ready or being made. A refusal lists every reason and is written down."""
    with house.read() as work:
        who = service.reading(work, actor, grant_id, purpose)
    try:
        with house.read() as work:
            found = service.ready(work, who, release_id)
        if found is not None:
            return found
        with house.write() as work:
            return service.want(work, who, release_id)
    except AccessRefused as refusal:
        refused(house, who, refusal)
        raise


def begun(house: House, actor: Actor, grant_id: GrantId, purpose: str, view: ViewRow) -> Reading:
    """Decide anew on a view and charge the day's first reading, in one transaction, before anything of it leaves.

    A refusal lists every reason and is written down. Conflict when the view is no longer the one that would be read.
    """
    with house.read() as work:
        who = service.reading(work, actor, grant_id, purpose)
    try:
        with house.write() as work:
            who = service.reading(work, actor, grant_id, purpose)
            service.demand_same(work, who, view)
            service.begin(work, who, view)
            return who
    except AccessRefused as refusal:
        refused(house, who, refusal)
        raise


def refused(house: House, who: Reading, refusal: AccessRefused) -> None:
    """Put a refusal on record in a transaction of its own."""
    with house.write() as work:
        service.note_refusal(work, who, [reason.code for reason in refusal.reasons] or [refusal.slug])


def address(
    house: House, actor: Actor, grant_id: GrantId, purpose: str = "", release_id: str | None = None
) -> Address:
    """A signed address of the view. TooMany while it is made: programs ask again by themselves."""
    view = wanted(house, actor, grant_id, purpose, release_id)
    if view.state != ViewState.READY:
        with house.read() as work:
            raise service.being_made(work, view)
    with house.read() as work:
        who = service.reading(work, actor, grant_id, purpose)
        url, ends = links.make(work, who, view, house.settings.keys_dir, house.settings.public_url)
    return Address(view, url, ends)
