"""One transaction: all of it or nothing; one instant; times keep their offset."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import StatementError
from sqlmodel import func, select

from api.house import House
from auth.identity.tables import OrganisationRow
from core import ids, outbox
from core.db import make_engine
from core.outbox import OutboxRow
from core.work import glance, unit_of_work
from tests.conftest import TestClock
from tests.people import an_org


def test_an_error_rolls_everything_back(house: House) -> None:
    with pytest.raises(RuntimeError), house.write() as work:  # noqa: PT012 - the block is the transaction
        outbox.post(work, "mail", "a", {})
        work.db.flush()
        raise RuntimeError
    with house.read() as work:
        assert work.db.exec(select(OutboxRow)).all() == []


def test_times_come_back_as_the_same_instant(house: House) -> None:
    beijing = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with house.write() as work:
        row = outbox.post(work, "mail", "a", {})
        row.sent_at = beijing
    with house.read() as work:
        found = work.db.exec(select(OutboxRow)).one()
        assert found.sent_at == beijing
        assert found.sent_at is not None
        assert found.sent_at.tzinfo is UTC


def test_a_naive_time_is_refused(house: House) -> None:
    with pytest.raises(StatementError, match="naive time"), house.write() as work:
        outbox.post(work, "mail", "a", {}).sent_at = datetime.fromisoformat("2026-03-01T08:30")


def test_writers_wait_for_each_other(house: House) -> None:
    """Read, then write, in parallel: nobody overwrites what another has read meanwhile on SQLite; every row is there."""

    def post(number: int) -> None:
        with house.write() as work:
            outbox.post(work, "mail", str(number), {})

    threads = [threading.Thread(target=post, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with house.read() as work:
        assert len(work.db.exec(select(OutboxRow)).all()) == 16


def test_outbox_tries_again_later_and_later(house: House, clock: TestClock) -> None:
    with house.write() as work:
        outbox.post(work, "grant.revoked", "a", {"to": "x"})
    with house.write() as work:
        (row,) = outbox.due(work)
        outbox.failed(work, row, "refused")
        assert outbox.due(work) == []
    clock.forward(minutes=2)
    with house.write() as work:
        (row,) = outbox.due(work)
        assert (row.attempts, row.last_error) == (1, "refused")
        outbox.sent(work, row)
    clock.forward(days=1)
    with house.read() as work:
        assert outbox.due(work) == []


def test_ids_sort_by_time_and_never_repeat() -> None:
    made = [ids.new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert made[0][14] == "7"
    stamps = [int(each.replace("-", "")[:12], 16) for each in made]
    assert stamps == sorted(stamps)


def test_a_reader_has_one_picture_to_the_end(engine: Engine) -> None:
    with unit_of_work(engine) as work:
        an_org(work, "first")
    with unit_of_work(engine, write=False) as reading:
        asked = select(func.count()).select_from(OrganisationRow)
        before = reading.db.exec(asked).one()
        with unit_of_work(engine) as work:
            an_org(work, "second")
        assert reading.db.exec(asked).one() == before
    with unit_of_work(engine, write=False) as reading:
        assert reading.db.exec(asked).one() == before + 1


def test_a_glance_sees_what_was_committed_and_leaves_nothing_behind(engine: Engine) -> None:
    with unit_of_work(engine) as work:
        an_org(work, "first")
    with glance(engine) as work:
        assert work.db.get_one(OrganisationRow, "first").id == "first"
    with unit_of_work(engine) as work:  # the same connection writes again, all or nothing
        an_org(work, "second")
    with pytest.raises(ZeroDivisionError), unit_of_work(engine) as work:  # noqa: PT012 - the block is the transaction
        an_org(work, "never")
        raise ZeroDivisionError
    with glance(engine) as work:
        assert work.db.get(OrganisationRow, "second") is not None
        assert work.db.get(OrganisationRow, "never") is None


@pytest.mark.parametrize("engine", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_connection_that_the_server_closed_while_it_lay_idle_is_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.db.TRUSTED_SECONDS", 0)
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with unit_of_work(engine) as work:
        an_org(work, "first")
    outside = make_engine(engine.url.render_as_string(hide_password=False))
    with outside.connect() as connection:
        assert connection.execute(others).rowcount >= 1
    outside.dispose()
    with unit_of_work(engine) as work:
        an_org(work, "second")
    with glance(engine) as work:
        assert work.db.get(OrganisationRow, "second") is not None
