"""A download ticket between its looking up and its last byte; and groups by columns that a release lacks."""

from __future__ import annotations

from urllib.parse import urlsplit

import duckdb
import pytest

from api.house import House
from auth.policy.model import ColumnTerm
from auth.policy.small_cells import SmallCells
from core.errors import Gone
from core.ids import ExtractId
from datasets.extracts import tickets
from datasets.extracts.small_cells import left_out
from tests.datasets.extracts.scene import Scene, a_scene


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def test_a_ticket_that_another_used_meanwhile_is_used_up_by_nobody_else_and_flows_until_the_right_ends(
    scene: Scene,
) -> None:
    made = scene.delivered()
    with scene.desk.write("analyst") as (work, actor):
        token = urlsplit(tickets.issue(work, actor, ExtractId(made.id), "http://x").url).path.split("/")[2]
    with scene.house.read() as work:
        taking = tickets.present(work, token, "203.0.113.7", "http")
        late = tickets.present(work, token, "203.0.113.7", "http")
    with scene.house.write() as work:
        tickets.use_up(work, taking)
    with pytest.raises(Gone, match="serves once"), scene.house.write() as work:
        tickets.use_up(work, late)
    with scene.house.read() as work:
        assert tickets.may_flow(work, taking.ticket, "203.0.113.7"), "being used up cuts nothing"
    scene.revokes()
    with scene.house.read() as work:
        assert not tickets.may_flow(work, taking.ticket, "203.0.113.7")


def test_a_release_that_lacks_the_columns_has_no_groups_by_them() -> None:
    cells = SmallCells((ColumnTerm(name="area", use="plain"),), 5, False)
    found = left_out(duckdb.sql("SELECT 1 AS at"), {}, cells, key=b"", place="at", release_rows=9)
    assert found.rows == 0
