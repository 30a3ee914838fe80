"""What is kept within a transaction is forgotten by whatever could change it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col, func, select

from auth.incidents.tables import IncidentRow
from core.recalled import append, forget, recalled, recalled_rows
from core.work import Work, unit_of_work
from tests.people import an_org


def _count(work: Work, asked: list[int]) -> int:
    from auth.identity.tables import OrganisationRow

    def ask() -> int:
        asked.append(1)
        return work.db.exec(select(func.count()).select_from(OrganisationRow)).one()

    return recalled(work, OrganisationRow, "count", ask)


def test_it_is_asked_once_until_a_row_of_its_table_is_written(engine: Engine) -> None:
    asked: list[int] = []
    with unit_of_work(engine) as work:
        before = _count(work, asked)
        assert _count(work, asked) == before
        assert len(asked) == 1
        an_org(work, "one-more")
        assert _count(work, asked) == before + 1
        assert len(asked) == 2
        assert _count(work, asked) == before + 1
        assert len(asked) == 2


def test_a_row_that_waits_to_be_written_counts_as_well(engine: Engine) -> None:
    from auth.identity.tables import OrganisationRow

    asked: list[int] = []
    with unit_of_work(engine) as work:
        an_org(work, "known")
        before = _count(work, asked)
        found = work.db.get_one(OrganisationRow, "known")
        work.db.delete(found)
        assert _count(work, asked) == before - 1


def test_what_is_taken_back_to_a_savepoint_is_asked_again(engine: Engine) -> None:
    asked: list[int] = []
    with unit_of_work(engine) as work:
        before = _count(work, asked)
        point = work.db.begin_nested()
        an_org(work, "never-was")
        assert _count(work, asked) == before + 1
        point.rollback()
        assert _count(work, asked) == before


def test_rows_of_another_table_take_nothing_away_and_statements_say_so_themselves(engine: Engine) -> None:
    from auth.identity.tables import OrganisationRow

    asked: list[int] = []
    with unit_of_work(engine) as work:
        _count(work, asked)
        forget(work, IncidentRow)
        _count(work, asked)
        assert len(asked) == 1
        work.db.exec(update(OrganisationRow).where(col(OrganisationRow.id) == "none").values(name_zh="改"))
        forget(work, OrganisationRow)
        _count(work, asked)
        assert len(asked) == 2


def test_nothing_outlives_its_transaction(engine: Engine) -> None:
    asked: list[int] = []
    for _ in range(2):
        with unit_of_work(engine, write=False) as work:
            _count(work, asked)
    assert len(asked) == 2


@pytest.mark.parametrize("write", [True, False])
def test_a_refusal_keeps_nothing(engine: Engine, write: bool) -> None:
    asked: list[int] = []
    with unit_of_work(engine, write=write) as work:
        with pytest.raises(ZeroDivisionError):
            recalled(work, IncidentRow, "x", lambda: 1 // 0)
        assert recalled(work, IncidentRow, "x", lambda: 5) == 5
        assert not asked


def _rows(work: Work, asked: list[int]) -> list[str]:
    from auth.identity.tables import OrganisationRow

    def ask() -> Sequence[OrganisationRow]:
        asked.append(1)
        return work.db.exec(select(OrganisationRow).order_by(col(OrganisationRow.id))).all()

    return [row.name_zh for row in recalled_rows(work, OrganisationRow, "all", ask)]


def test_rows_that_are_altered_are_known_altered_and_a_new_one_is_asked_for(engine: Engine) -> None:
    from auth.identity.tables import OrganisationRow

    asked: list[int] = []
    with unit_of_work(engine) as work:
        an_org(work, "known")
        before = _rows(work, asked)
        found = work.db.get_one(OrganisationRow, "known")
        found.name_zh = "改了名"
        assert "改了名" in _rows(work, asked)
        work.db.flush()
        assert "改了名" in _rows(work, asked)
        assert len(asked) == 1
        an_org(work, "one-more")
        assert len(_rows(work, asked)) == len(before) + 1
        work.db.delete(work.db.get_one(OrganisationRow, "one-more"))
        assert len(_rows(work, asked)) == len(before)
        assert len(asked) == 3


def test_a_row_that_is_appended_is_known_and_gone_with_its_savepoint(engine: Engine) -> None:
    from auth.identity.tables import OrganisationRow

    asked: list[int] = []
    with unit_of_work(engine) as work:
        an_org(work, "aaa")
        before = _rows(work, asked)
        point = work.db.begin_nested()
        like = work.db.get_one(OrganisationRow, "aaa").model_dump()
        append(
            work,
            OrganisationRow,
            "all",
            OrganisationRow(**(like | {"id": "zzz", "name_zh": "最后", "credit_code": None})),
        )
        assert _rows(work, asked) == [*before, "最后"]
        assert len(asked) == 1
        point.rollback()
        assert _rows(work, asked) == before
        assert len(asked) == 2


def test_what_rests_on_two_tables_is_asked_again_when_either_is_written(engine: Engine) -> None:
    from auth.identity.tables import OrganisationRow

    asked: list[int] = []
    with unit_of_work(engine) as work:
        an_org(work, "parks")

        def rows() -> int:
            wanted = select(func.count()).select_from(OrganisationRow)
            return recalled(
                work,
                (OrganisationRow, IncidentRow),
                "rows",
                lambda: asked.append(1) or work.db.exec(wanted).one(),
            )

        before = rows()
        assert rows() == before
        an_org(work, "another")
        assert rows() == before + 1
        forget(work, IncidentRow)
        assert rows() == before + 1
        assert len(asked) == 3
