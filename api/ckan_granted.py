"""Rows of granted datasets for CKAN's clients: the grant's own view, asked for, charged and written down as in every reading in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.house import House
from api.sharing import begun, wanted
from catalog.ckan.actions import Call
from catalog.ckan.errors import CkanError
from core.errors import Conflict, TooMany
from datasets.sharing import named, service
from datasets.sharing.named import Named
from datasets.sharing.rules import ViewState
from datasets.sharing.tables import ViewRow

AGAIN_S: Final = 2
Sent = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Granted:
    """A view that may be read at this instant. Its rows may be looked at here, and leave after `begin` alone."""

    house: House
    call: Call
    table: Named
    purpose: str
    view: ViewRow

    @property
    def path(self) -> Path:
        return self.house.files.path(self.view.sha256 or "")

    @property
    def resource_id(self) -> str:
        """The id under which this very table stays."""
        return named.table_id(self.table.grant_id, self.view.release_number)

    def begin(self) -> None:
        """Decide at this instant and charge the day's first reading. Raises AppError; then nothing may leave."""
        begun(self.house, self.call.actor, self.table.grant_id, self.purpose, self.view)

    def may_flow(self) -> bool:
        with self.house.read() as work:
            return service.may_still(work, self.call.actor, self.table.grant_id, self.purpose, self.view)

    def sent(self, size_bytes: int) -> None:
        with self.house.write() as work:
            service.note_sent(work, self.view, size_bytes, self.call.actor)


def granted(house: House, call: Call, table: Named) -> Granted:
    """The view if it may be read now. AccessRefused with every reason, on record; CkanError 429 while it is made, 409 while it is reviewed."""
    purpose = call.text("purpose")[:80]
    view = wanted(house, call.actor, table.grant_id, purpose, table.release_id)
    if view.state != ViewState.READY:
        with house.read() as work:
            waits = service.being_made(work, view)
        if isinstance(waits, Conflict):
            raise waits
        raise being_made(waits)
    return Granted(house, call, table, purpose, view)


def being_made(waits: TooMany) -> CkanError:
    """CKAN has no word for it: its envelope under 429, with when to ask again."""
    return CkanError("Not Ready Error", f"Not ready: {waits.detail.en}", retry_after_s=AGAIN_S)
