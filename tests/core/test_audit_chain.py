"""The chain shows every tampering; on both databases."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from api.house import House
from auth import audit
from auth.actor import SYSTEM


def _three(house: House) -> None:
    for number in range(3):
        with house.write() as work:
            audit.record(work, SYSTEM, "thing.done", subject=f"thing-{number}", payload={"数": number})


def test_untouched_chain_holds(house: House) -> None:
    _three(house)
    with house.read() as work:
        assert audit.verify(work) == (3, None)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rows: setattr(rows[1], "payload", "{}"), audit.ChainFault(2, "altered")),
        (lambda rows: setattr(rows[1], "actor_name", "somebody"), audit.ChainFault(2, "altered")),
        (lambda rows: rows.pop(1), audit.ChainFault(2, "missing")),
        (lambda rows: rows.pop(0), audit.ChainFault(1, "missing")),
        (lambda rows: setattr(rows[2], "prev_hash", "0" * 64), audit.ChainFault(3, "broken-link")),
    ],
)
def test_tampering_is_found(sqlite_house: House, change: object, found: audit.ChainFault) -> None:
    _three(sqlite_house)
    with sqlite_house.read() as work:
        rows = list(work.db.exec(select(audit.AuditEventRow).order_by(col(audit.AuditEventRow.seq))))
        work.db.expunge_all()
        change(rows)  # type: ignore[operator]
        assert audit.first_fault(rows) == found
