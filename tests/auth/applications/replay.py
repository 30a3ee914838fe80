"""What was stored of applications, replayed: their events alone give the state, version and turn that their rows hold.

flaws(work)      # one line for each application whose row is not what its history says; () when all agree
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select

from auth.applications.tables import ApplicationEventRow, ApplicationRow
from core.work import Work
from tests.auth.applications.reference import led_to


def flaws(work: Work) -> tuple[str, ...]:
    """By the printed table (`reference.py`), without the machine that moved the rows."""
    histories: dict[str, list[ApplicationEventRow]] = {}
    for event in work.db.exec(select(ApplicationEventRow).order_by(col(ApplicationEventRow.version))):
        histories.setdefault(event.application_id, []).append(event)
    found = []
    for row in work.db.exec(select(ApplicationRow).order_by(col(ApplicationRow.id))):
        try:
            state, version, turn = _replayed(histories.get(row.id, []))
        except ValueError as broken:
            found.append(f"{row.id}: {broken}")
            continue
        if (row.state, row.version, row.turn) != (state, version, turn):
            found.append(
                f"{row.id}: history says {state} {version} {turn}, row {row.state} {row.version} {row.turn}"
            )
    return tuple(found)


def _replayed(events: Iterable[ApplicationEventRow]) -> tuple[str, int, int]:
    """State, version and turn after these. Raises ValueError at an event that the table does not know, or that tells otherwise."""
    state: str | None = None
    version, turn = 0, 0
    for event in events:
        before, version = state, version + 1
        if before is None:
            to = "DRAFT" if event.step == "create" else None
        else:
            to, turn = led_to(before, event.step), turn + (event.step == "submit")
        told = event.from_state, event.to_state, event.version, event.turn
        if to is None or told != (before or "", to, version, turn):
            raise ValueError(f"{event.step} after {before}, version {version}, turn {turn}: told as {told}")
        state = to
    if state is None:
        raise ValueError("no event")
    return state, version, turn
