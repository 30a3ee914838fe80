"""When an event takes its place in the chain: with the commit or a question, never before, and never one that was taken back."""

from __future__ import annotations

import threading

import pytest
from sqlmodel import Session, col, func, select

from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.audit_personal import PersonalRow
from core.work import Work


def told(work: Work, subject: str) -> audit.AuditEventRow:
    return audit.record(work, SYSTEM, "thing.done", subject=subject, payload={"note": f"why {subject}"})


def subjects(house: House) -> list[str]:
    """All events in order; their chain holds and each has what opens it."""
    with house.read() as work:
        count, fault = audit.verify(work)
        assert fault is None
        rows = work.db.exec(select(audit.AuditEventRow).order_by(col(audit.AuditEventRow.seq))).all()
        opened = work.db.exec(select(func.count()).select_from(PersonalRow)).one()
        assert count == len(rows) == opened
        return [row.subject for row in rows]


def test_events_of_a_transaction_stand_in_the_order_in_which_they_were_recorded(house: House) -> None:
    with house.write() as work:
        first, second = told(work, "first"), told(work, "second")
        assert first.seq == 0
        assert first not in work.db
    with house.write() as work:
        told(work, "third")
    assert (first.seq, second.seq, second.prev_hash) == (1, 2, first.hash)
    assert subjects(house) == ["first", "second", "third"]


@pytest.mark.parametrize("asked", [audit.AuditEventRow, PersonalRow])
def test_whoever_asks_in_the_same_transaction_sees_what_was_recorded(house: House, asked: type) -> None:
    with house.write() as work:
        told(work, "first")
        assert len(work.db.exec(select(asked)).all()) == 1
        told(work, "second")
        assert len(work.db.exec(select(asked)).all()) == 2
    assert subjects(house) == ["first", "second"]


def test_a_savepoint_taken_back_takes_its_events_and_no_others(house: House) -> None:
    with house.write() as work:
        told(work, "before")
        with work.db.begin_nested():
            told(work, "kept")
        outer = work.db.begin_nested()
        told(work, "outer")
        with work.db.begin_nested():
            told(work, "inner, released")
        outer.rollback()
        told(work, "after")
    assert subjects(house) == ["before", "kept", "after"]


def test_what_was_settled_within_a_savepoint_goes_with_it(house: House) -> None:
    with house.write() as work:
        savepoint = work.db.begin_nested()
        told(work, "gone")
        assert work.db.exec(select(audit.AuditEventRow)).one().subject == "gone"
        savepoint.rollback()
        told(work, "kept")
    assert subjects(house) == ["kept"]


def test_what_was_recorded_before_a_savepoint_outlives_it_though_it_was_settled_there(house: House) -> None:
    with house.write() as work:
        told(work, "first")
        outer = work.db.begin_nested()
        told(work, "outer")
        with work.db.begin_nested():
            told(work, "inner")
            assert len(work.db.exec(select(audit.AuditEventRow)).all()) == 3
        outer.rollback()
        told(work, "last")
        assert [
            each.seq for each in work.db.exec(select(audit.AuditEventRow).order_by(audit.AuditEventRow.seq))
        ] == [1, 2]
    assert subjects(house) == ["first", "last"]


def test_a_transaction_rolled_back_leaves_nothing_to_the_next_of_its_session(house: House) -> None:
    with Session(house.engine, expire_on_commit=False) as db:
        work = Work(db, house.clock(), house.new_id)
        told(work, "gone")
        db.rollback()
        told(work, "kept")
        db.commit()
        told(work, "lost when the session is closed")
        db.close()
        told(work, "kept, too")
        db.commit()
    assert subjects(house) == ["kept", "kept, too"]


def test_very_many_events_take_their_places_in_between(house: House) -> None:
    with house.write() as work:
        rows = [told(work, str(at)) for at in range(450)]
        assert rows[399].seq == 400
        assert rows[400].seq == 0
    assert subjects(house) == [str(at) for at in range(450)]


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_writer_that_has_recorded_and_goes_on_keeps_nobody_waiting(house: House) -> None:
    ended = threading.Event()

    def other() -> None:
        with house.write() as work:
            told(work, "second to begin")
        ended.set()

    with house.write() as work:
        told(work, "first to begin")
        thread = threading.Thread(target=other)
        thread.start()
        assert ended.wait(20), "the other waits for the chain"
    thread.join()
    assert subjects(house) == ["second to begin", "first to begin"]
