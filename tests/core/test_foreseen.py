"""What a transaction asks beforehand is handed out once, and never once it has written; what waits is written before it is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, bindparam, exists, func, text, update
from sqlalchemy import select as select_columns
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from auth.identity.tables import OrganisationRow
from core import foreseen, outbox
from core.foreseen import Question, in_one_way, is_sent_blindly, tables_of
from core.outbox import OutboxRow
from core.work import Work, fetched, foresee, hold, rows, unit_of_work
from tests.people import an_org
from tests.ways import Ways, counted

_ONE: Final = select(OrganisationRow).where(col(OrganisationRow.id) == bindparam("org_id"))
_ANEW: Final = _ONE.execution_options(populate_existing=True)
_NAME: Final = select_columns(col(OrganisationRow.name_zh)).where(
    col(OrganisationRow.id) == bindparam("org_id")
)
_NUMBER: Final = select_columns(func.count()).select_from(OrganisationRow)
_POSTED: Final = select(OutboxRow).where(col(OutboxRow.topic) == bindparam("topic"))


@contextmanager
def _two(engine: Engine) -> Iterator[tuple[Work, Ways]]:
    """Two organisations, and a transaction whose ways are counted."""
    with unit_of_work(engine) as work:
        an_org(work, "first")
        an_org(work, "second")
    with counted(engine) as ways, unit_of_work(engine) as work:
        yield work, ways


def test_three_questions_are_one_way_to_postgresql(engine: Engine) -> None:
    with _two(engine) as (work, ways):
        foresee(work, (_ONE, {"org_id": "first"}), (_NAME, {"org_id": "second"}), (_NUMBER, {}))
        assert rows(work, _ONE, org_id="first")[0].name_en == "first organisation"
        assert fetched(work, _NAME, org_id="second").scalar_one() == "second机构"
        assert fetched(work, _NUMBER).scalar_one() >= 2
    # to begin and to commit are ways of their own; on SQLite the first is a statement
    assert ways.made == (3 if ways.are_ways else 4)


def test_an_answer_is_handed_out_once(engine: Engine) -> None:
    with _two(engine) as (work, _):
        foresee(work, (_NUMBER, {}))
        before = fetched(work, _NUMBER).scalar_one()
        work.db.connection().execute(  # past the session, so that nothing is forgotten by itself
            text("DELETE FROM auth_organisation WHERE id = 'second'")
        )
        assert fetched(work, _NUMBER).scalar_one() == before - 1


def test_what_is_asked_for_otherwise_is_asked_of_the_database(engine: Engine) -> None:
    with _two(engine) as (work, _):
        foresee(work, (_NAME, {"org_id": "first"}))
        assert fetched(work, _NAME, org_id="second").scalar_one() == "second机构"
        assert fetched(work, _NAME, org_id="nobody").first() is None


@pytest.mark.parametrize(
    "how", ["row", "statement", "own statement", "hold", "lock", "row lock", "savepoint"]
)
def test_nothing_foreseen_outlives_what_is_written(engine: Engine, how: str) -> None:
    with _two(engine) as (work, _):
        point = work.db.begin_nested() if how == "savepoint" else None
        foresee(work, (_NUMBER, {}))
        before = work.db.connection().execute(_NUMBER).scalar_one()
        match how:
            case "row":
                an_org(work, "third")
                assert fetched(work, _NUMBER).scalar_one() == before + 1
            case "statement":
                fetched(work, update(OrganisationRow).where(col(OrganisationRow.id) == "first"), name_zh="改")
                assert not work.db.info.get(foreseen._ANSWERS)
            case "own statement":
                work.db.execute(
                    update(OrganisationRow).where(col(OrganisationRow.id) == "first").values(name_zh="改")
                )
                assert not work.db.info.get(foreseen._ANSWERS)
            case "lock":
                work.db.exec(select(OrganisationRow).with_for_update()).all()
                assert not work.db.info.get(foreseen._ANSWERS)
            case "row lock":
                work.db.get(OrganisationRow, "first", with_for_update=True)
                assert not work.db.info.get(foreseen._ANSWERS)
            case "hold":
                hold(work, "anything")
                assert engine.dialect.name == "sqlite" or not work.db.info.get(foreseen._ANSWERS)
            case _:
                assert point is not None
                point.rollback()
                assert not work.db.info.get(foreseen._ANSWERS)


def test_a_lock_by_name_is_held_before_anything_is_written(engine: Engine) -> None:
    with unit_of_work(engine) as work:
        outbox.post(work, "waits", "x", {})
        hold(work, "anything", (_NUMBER, {}))
        assert work.db.new
        hold(work, "anything else", (_POSTED, {"topic": "waits"}))
        assert len(rows(work, _POSTED, topic="waits")) == 1


def test_columns_of_one_name_are_no_question(engine: Engine) -> None:
    twice = select_columns(col(OrganisationRow.id), col(OutboxRow.id))
    with _two(engine) as (work, _):
        if engine.dialect.name == "postgresql":
            with pytest.raises(ValueError, match="two columns"):
                foresee(work, (twice, {}))


def test_a_row_that_is_foreseen_is_the_sessions_own_and_changes_are_written(engine: Engine) -> None:
    with _two(engine) as (work, _):
        foresee(work, (_ONE, {"org_id": "first"}))
        found = rows(work, _ONE, org_id="first")[0]
        assert work.db.get(OrganisationRow, "first") is found
        assert not work.db.is_modified(found)
        found.name_zh = "改了名的机构"
        work.db.add(found)
    with unit_of_work(engine) as work:
        assert fetched(work, _NAME, org_id="first").scalar_one() == "改了名的机构"


def test_a_row_at_hand_keeps_what_it_holds_unless_it_is_asked_anew(engine: Engine) -> None:
    with _two(engine) as (work, _):
        held = work.db.get_one(OrganisationRow, "first")
        work.db.connection().execute(
            text("UPDATE auth_organisation SET name_zh = '别处改的' WHERE id = 'first'")
        )
        foresee(work, (_ONE, {"org_id": "first"}), (_ANEW, {"org_id": "first"}))
        assert rows(work, _ONE, org_id="first")[0] is held
        assert held.name_zh == "first机构"
        assert rows(work, _ANEW, org_id="first")[0] is held
        assert held.name_zh == "别处改的"


def test_times_come_aware_and_in_utc(engine: Engine) -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    with unit_of_work(engine, lambda: at) as work:
        outbox.post(work, "times", "x", {})
    with unit_of_work(engine) as work:
        foresee(work, (_POSTED, {"topic": "times"}))
        found = rows(work, _POSTED, topic="times")[0].created_at
        assert found == at
        assert found.utcoffset() == timedelta(0)
        assert found.tzinfo is UTC


def test_a_lock_is_held_before_what_follows_is_read(engine: Engine) -> None:
    """Whoever waited for a row reads beside it what the one before him has written there."""
    if engine.dialect.name == "sqlite":
        return  # one writer
    with unit_of_work(engine) as work:
        an_org(work, "first")
    held, seen = Event(), []
    locked = _ANEW.with_for_update()

    def second() -> None:
        held.wait(10)
        with unit_of_work(engine) as work:
            foresee(work, (locked, {"org_id": "first"}), (_POSTED, {"topic": "late"}))
            seen.append(
                (rows(work, locked, org_id="first")[0].name_zh, len(rows(work, _POSTED, topic="late")))
            )

    waiter = Thread(target=second)
    waiter.start()
    with unit_of_work(engine) as work:
        rows(work, locked, org_id="first")[0].name_zh = "先改"
        work.db.flush()
        held.set()
        waiter.join(0.5)  # it waits for the row
        assert waiter.is_alive()
        outbox.post(work, "late", "x", {})
    waiter.join(30)
    assert seen == [("先改", 1)]


def test_a_fault_is_told_as_a_statement_would_tell_it_and_the_connection_lives_on(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return
    wrong = text("SELECT nothing FROM nowhere")
    with pytest.raises(ProgrammingError), unit_of_work(engine) as work:
        in_one_way(work.db.connection(), Question(_NUMBER, {}), Question(wrong, {}))
    with unit_of_work(engine) as work:
        assert in_one_way(work.db.connection(), Question(_NUMBER, {}))[0][0][0] >= 0


def test_a_lost_connection_is_told_and_replaced(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return

    def lose(work: Work) -> None:
        number = work.db.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        with unit_of_work(engine) as other:
            other.db.connection().execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
        foresee(work, (_NUMBER, {}))

    with pytest.raises(OperationalError), unit_of_work(engine) as work:
        lose(work)
    with unit_of_work(engine) as work:
        assert fetched(work, _NUMBER).scalar_one() >= 0


def test_a_row_sent_blindly_that_is_refused_takes_its_transaction_back(engine: Engine) -> None:
    with unit_of_work(engine) as work:
        outbox.post(work, "once", "x", {})
    with unit_of_work(engine) as work:
        known = rows(work, _POSTED, topic="once")[0].id

    def twice(work: Work) -> None:
        audit.record(work, SYSTEM, "test.refused", subject="x")
        work.db.add(
            OutboxRow(id=known, topic="twice", subject="x", body="{}", created_at=work.now, due_at=work.now)
        )

    with pytest.raises(IntegrityError), unit_of_work(engine) as work:
        twice(work)
    of_it = select(AuditEventRow).where(col(AuditEventRow.kind) == "test.refused")
    with unit_of_work(engine) as work:
        assert not rows(work, _POSTED, topic="twice")
        assert work.db.exec(of_it).first() is None


def test_what_waits_is_written_before_its_table_is_asked_about_and_not_for_others(engine: Engine) -> None:
    with _two(engine) as (work, _):
        outbox.post(work, "waits", "x", {})
        fetched(work, _NUMBER)
        assert work.db.new
        deep = select_columns(exists().where(col(OutboxRow.topic) == "waits"))
        assert fetched(work, deep).scalar_one()
        assert not work.db.new
        assert rows(work, _POSTED, topic="waits")[0].subject == "x"


def test_every_table_of_a_question_is_known(engine: Engine) -> None:
    inner = select(OutboxRow.id).where(col(OutboxRow.topic) == "x")
    cte = select_columns(col(OutboxRow.id).label("id")).cte("some")
    assert tables_of(select(OrganisationRow).where(col(OrganisationRow.id).in_(inner))) >= {
        "auth_organisation",
        "core_outbox",
    }
    assert tables_of(select_columns(cte.c.id)) >= {"core_outbox"}
    assert tables_of(text("SELECT 1")) is None


def test_only_new_rows_to_which_the_database_adds_nothing_are_sent_blindly(engine: Engine) -> None:
    with _two(engine) as (work, _):
        assert is_sent_blindly(work.db)
        outbox.post(work, "new", "x", {})
        assert is_sent_blindly(work.db)
        work.db.get_one(OrganisationRow, "first").name_zh = "改"
        assert not is_sent_blindly(work.db)
