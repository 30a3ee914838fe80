"""The database refuses to change the audit record; on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.house import House
from auth import audit, audit_guard
from auth.actor import SYSTEM


@pytest.fixture
def guarded(house: House) -> House:
    audit_guard.install(house.engine)
    audit_guard.install(house.engine)  # again: harmless
    with house.write() as work:
        audit.record(work, SYSTEM, "thing.done", subject="thing")
    return house


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auth_audit_event SET payload = '{}'",
        "UPDATE auth_audit_event SET hash = hash WHERE seq = 1",
        "DELETE FROM auth_audit_event",
        "DELETE FROM auth_audit_event WHERE seq = 1",
    ],
)
def test_events_cannot_be_changed_or_deleted(guarded: House, statement: str) -> None:
    with pytest.raises(DBAPIError, match="never changed"), guarded.engine.begin() as connection:
        connection.execute(text(statement))
    with guarded.read() as work:
        assert audit.verify(work) == (1, None)


def test_table_cannot_be_emptied_nor_an_event_replaced(guarded: House) -> None:
    columns = (
        "seq, id, at, kind, actor_account, actor_person, actor_name, via, subject, payload, prev_hash, hash"
    )
    sqlite = guarded.engine.dialect.name == "sqlite"
    statement = (
        f"INSERT OR REPLACE INTO auth_audit_event ({columns}) SELECT seq, 'other', at, kind, actor_account, "
        "actor_person, actor_name, via, subject, '{}', prev_hash, 'x' FROM auth_audit_event"
        if sqlite
        else "TRUNCATE auth_audit_event"
    )
    with pytest.raises(DBAPIError, match="never changed"), guarded.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM auth_audit_personal",
        "UPDATE auth_audit_personal SET value = 'other'",
        "UPDATE auth_audit_personal SET value = '', salt = ''",
        "UPDATE auth_audit_personal SET about = 'other', value = '', salt = '', erased_at = CURRENT_TIMESTAMP",
    ],
)
def test_what_opens_an_event_cannot_be_changed_or_deleted(guarded: House, statement: str) -> None:
    with guarded.write() as work:
        audit.record(work, SYSTEM, "thing.done", subject="thing", payload={"note": "理由"})
    with pytest.raises(DBAPIError, match="only erased"), guarded.engine.begin() as connection:
        connection.execute(text(statement))
    with guarded.engine.begin() as connection:
        emptied = "UPDATE auth_audit_personal SET value = '', salt = '', erased_at = CURRENT_TIMESTAMP"
        assert connection.execute(text(emptied)).rowcount == 1, "an erasure may"
    again = "UPDATE auth_audit_personal SET erased_at = CURRENT_TIMESTAMP"
    with pytest.raises(DBAPIError, match="only erased"), guarded.engine.begin() as connection:
        connection.execute(text(again))


def test_what_opens_an_event_cannot_be_replaced_nor_emptied_at_once(guarded: House) -> None:
    with guarded.write() as work:
        audit.record(work, SYSTEM, "thing.done", subject="thing", payload={"note": "理由"})
    sqlite = guarded.engine.dialect.name == "sqlite"
    statement = (
        "INSERT OR REPLACE INTO auth_audit_personal (seq, field, about, is_name, salt, value) "
        "SELECT seq, field, about, is_name, '', '' FROM auth_audit_personal"
        if sqlite
        else "TRUNCATE auth_audit_personal"
    )
    with pytest.raises(DBAPIError, match="only erased"), guarded.engine.begin() as connection:
        connection.execute(text(statement))


def test_new_events_still_enter(guarded: House) -> None:
    with guarded.write() as work:
        audit.record(work, SYSTEM, "thing.done", subject="thing")
    with guarded.read() as work:
        assert audit.verify(work) == (2, None)


def test_every_kind_that_the_code_records_has_a_name() -> None:
    import re
    from pathlib import Path

    from auth.audit_kinds import KIND_NAMES

    root = Path(__file__).parents[2]
    recorded = {
        kind
        for room in ("core", "auth", "catalog", "quality", "datasets", "api")
        for path in (root / room).rglob("*.py")
        for kind in re.findall(
            r"audit\.record\(\s*work,\s*[\w.()]+,\s*\"([a-z_]+\.[a-z_-]+)\"", path.read_text(encoding="utf-8")
        )
    }
    assert len(recorded) > 20
    assert sorted(recorded - set(KIND_NAMES)) == []
