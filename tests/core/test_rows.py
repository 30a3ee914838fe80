"""Rows that are made quickly are the rows that SQLModel would have made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import JSON, Engine, inspect
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel
from sqlmodel.orm.session import Session

from core.outbox import OutboxRow
from core.rows import EventfulRow

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "id": "a",
    "topic": "t",
    "subject": "s",
    "body": "{}",
    "created_at": AT,
    "due_at": AT,
}


class Kept(EventfulRow):
    """Not a table: what defaults do is the same."""

    name: str
    facts: dict[str, int] = Field(default={}, sa_type=JSON)
    words: list[str] = Field(default_factory=list, sa_type=JSON)


def test_columns_are_given_or_have_their_defaults() -> None:
    row = OutboxRow(**GIVEN, attempts=2)
    assert row.model_dump() == GIVEN | {"attempts": 2, "sent_at": None, "last_error": "", "routed_at": None}


def test_a_default_that_can_be_changed_is_each_rows_own() -> None:
    one, other = Kept(name="one"), Kept(name="other")
    one.facts["x"] = 1
    one.words.append("y")
    assert (other.facts, other.words) == ({}, [])


def test_a_name_that_is_no_column_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        OutboxRow(**GIVEN, colour="red")


def test_a_row_is_written_changed_and_read_again(engine: Engine) -> None:
    with Session(engine) as db:
        row = OutboxRow(**GIVEN)
        db.add(row)
        db.flush()
        row.attempts = 3
        db.commit()
    with Session(engine) as db:
        found = db.get_one(OutboxRow, "a")
        assert found.model_dump() == GIVEN | {
            "attempts": 3,
            "sent_at": None,
            "last_error": "",
            "routed_at": None,
        }


def test_a_column_that_was_not_given_is_empty_and_the_database_refuses_it(engine: Engine) -> None:
    with Session(engine) as db:
        db.add(OutboxRow(**{name: value for name, value in GIVEN.items() if name != "body"}))
        with pytest.raises(IntegrityError, match=r"(?i)null"):
            db.flush()


def _kinds(kind: type[SQLModel]) -> list[type[SQLModel]]:
    return [each for below in kind.__subclasses__() for each in (below, *_kinds(below))]


def test_all_such_tables_have_columns_alone() -> None:
    """A relationship, an alias or a step after construction would be passed over."""
    import datasets.extracts.tables  # noqa: F401 - tables that are such

    kinds = [each for each in _kinds(EventfulRow) if each is not Kept]
    assert {"AuditEventRow", "PersonalRow", "MessageRow", "ExtractRow", "JobRow"} <= {
        each.__name__ for each in kinds
    }
    for kind in kinds:
        assert {each.key for each in inspect(kind).attrs} == set(kind.model_fields)  # type: ignore[attr-defined]
        assert not kind.__sqlmodel_relationships__, kind  # type: ignore[attr-defined]
        assert not kind.__pydantic_post_init__, kind
        assert not any(each.alias for each in kind.model_fields.values()), kind
