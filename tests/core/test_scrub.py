"""The file store is read again every week without anybody asking."""

from __future__ import annotations

from sqlmodel import select

from api.durable import SCRUB, ask_for_scrub, drain
from api.house import House
from core import jobs
from core.jobs import JobRow
from tests.conftest import TestClock


def _scrubs(house: House) -> list[JobRow]:
    with house.read() as work:
        return list(work.db.exec(select(JobRow).where(JobRow.kind == SCRUB)))


def test_a_young_installation_is_left_alone(sqlite_house: House) -> None:
    assert not ask_for_scrub(sqlite_house)
    with sqlite_house.write() as work:
        jobs.ask_for(work, "unknown", "x/1", requested_by="me", org_id=None)
    assert not ask_for_scrub(sqlite_house)


def test_once_a_week_every_file_is_checked_and_damage_is_named(sqlite_house: House, clock: TestClock) -> None:
    with sqlite_house.write() as work:
        jobs.ask_for(work, "unknown", "x/1", requested_by="me", org_id=None)
    stored = sqlite_house.files.put([b"abc"])
    path = sqlite_house.files.path(stored.sha256)
    path.chmod(0o640)
    path.write_bytes(b"abd")
    clock.forward(days=8)
    assert ask_for_scrub(sqlite_house)
    assert not ask_for_scrub(sqlite_house)
    drain(sqlite_house)
    (row,) = _scrubs(sqlite_house)
    assert stored.sha256 in (row.result or "")
    clock.forward(days=8)
    assert ask_for_scrub(sqlite_house)
