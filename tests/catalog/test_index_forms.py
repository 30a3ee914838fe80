"""PostgreSQL's index is looked up by its own index, however common a word is; one of an older form is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from auth.actor import ANYONE
from catalog.search import index, rebuild
from catalog.search.engine import Search, search
from catalog.search.tables import IndexStateRow
from core.work import unit_of_work
from tests.catalog.records import a_dataset
from tests.conftest import TestClock, _postgres_copy
from tests.people import an_org

pytestmark = [pytest.mark.postgres]
TITLES = {
    f"DP-PK-{number:03}": "停车场余位" if number % 7 == 0 else f"公交线路 {number}" for number in range(1, 50)
}


@pytest.fixture
def filled(postgres_server: str) -> Iterator[Engine]:
    engine = _postgres_copy(postgres_server)
    with unit_of_work(engine, TestClock()) as work:
        an_org(work, "traffic", kind="source_department")
        for code, title in TITLES.items():
            a_dataset(work, code, "traffic", title_zh=title)
    yield engine
    engine.dispose()


def _found(engine: Engine, asked: str) -> list[str]:
    with unit_of_work(engine, TestClock(), write=False) as work:
        return [hit.row.id for hit in search(work, ANYONE, Search(asked, limit=100)).hits]


def test_no_search_reads_the_whole_index(filled: Engine) -> None:
    asked: list[tuple[str, Any]] = []
    with filled.begin() as connection:
        connection.execute(text("ANALYZE catalog_search_pg"))

    @event.listens_for(filled, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    with unit_of_work(filled, TestClock(), write=False) as work:
        assert search(work, ANYONE, Search("线路 公交 停车")).total
        assert search(work, ANYONE, Search("公交 线路")).total == 42
        raw = work.db.connection().connection.cursor()
        plans = []
        for statement, given in asked:
            if "tokens @@" in statement:
                raw.execute(f"EXPLAIN {statement}", given)
                plans.append("\n".join(row[0] for row in raw.fetchall()))
    assert len(plans) >= 3
    assert not [plan for plan in plans if "Seq Scan on catalog_search_pg" in plan]


def test_an_index_of_an_older_form_is_made_anew(filled: Engine) -> None:
    before = {asked: _found(filled, asked) for asked in ("停车", "公交线路", "dp-pk-007", "tcc")}
    assert before["停车"]
    with filled.begin() as connection:
        connection.execute(text("DROP TABLE catalog_search_pg"))
        connection.execute(
            text("CREATE TABLE catalog_search_pg (number INTEGER PRIMARY KEY, tokens TSVECTOR NOT NULL)")
        )
        connection.execute(
            text(
                "INSERT INTO catalog_search_pg SELECT number, to_tsvector('simple', id) FROM catalog_dataset"
            )
        )
        connection.execute(IndexStateRow.__table__.update().values(version=index.VERSION - 1))  # type: ignore[attr-defined]
    with filled.begin() as connection:
        rebuild.install(connection)
    assert {asked: _found(filled, asked) for asked in before} == before
