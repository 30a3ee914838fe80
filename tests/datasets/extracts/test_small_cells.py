"""Small cells: no group below the limit leaves, alone or by what is missing; and what the receipt and the plan say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from api.house import House
from auth.asset import Asset, AssetColumn, IdentifierKind
from auth.policy.filters.model import parse
from auth.policy.limits import limits
from auth.policy.model import ColumnTerm, DeliveryForm
from auth.policy.small_cells import SmallCells, small_cells
from catalog.tables import ColumnRow, DatasetRow
from core.errors import Conflict
from core.ids import OrgId
from core.text import Text
from datasets.extracts import planning
from datasets.extracts.build import Recipe, build, count
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import ROWS, VENUES, Scene, a_scene, a_table
from tests.examples import examples

K = 3
AREA = ColumnTerm(name="area", use="plain")
AGE = ColumnTerm(name="age", use="masked", mask={"kind": "round", "step": 10})


def _made(
    tmp: Path, rows: list[tuple[Any, Any]], *terms: ColumnTerm, refuse: bool = False
) -> tuple[list[int], int]:
    """The places of the rows that left, and how many were left out."""
    release, out = tmp / "release.parquet", tmp / "out.parquet"
    out.unlink(missing_ok=True)
    area, age = ([row[at] for row in rows] for at in (0, 1))
    pq.write_table(
        pa.table({"n": pa.array(range(len(rows)), pa.int64()), "area": pa.array(area, pa.string()), "age": pa.array(age, pa.float64())}),
        release,
    )  # fmt: skip
    cells = SmallCells(terms or (AREA, AGE), K, refuse)
    recipe = Recipe(
        (ColumnTerm(name="n", use="plain"),), None, DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {}, cells
    )
    built = build(release, recipe, out, memory_limit_mb=200, scratch=tmp)
    left = sorted(pq.read_table(out).column("n").to_pylist())
    assert count(release, None, memory_limit_mb=200, scratch=tmp, cells=cells) == built.rows == len(left)
    return left, built.left_out


def _group(row: tuple[Any, Any]) -> tuple[Any, Any]:
    area, age = row
    return area, None if age is None else "nan" if age != age else age // 10


VALUES = st.tuples(st.sampled_from(["甲", "乙", None]), st.sampled_from([None, 1.0, 9.5, 12.0, float("nan")]))


@settings(
    max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(rows=st.lists(VALUES, min_size=1, max_size=40))
def test_what_leaves_is_whole_groups_large_enough_and_what_stays_hides_no_single_group(
    tmp_path: Path, rows: list[tuple[Any, Any]]
) -> None:
    sizes = Counter(map(_group, rows))
    small = sum(n for n in sizes.values() if n < K)
    large = [n for n in sizes.values() if n >= K]
    if len(large) <= (0 if small == 0 else 1 if small < K else 0):
        with pytest.raises(Conflict) as refused:
            _made(tmp_path, rows)
        assert [each.code for each in refused.value.reasons] == ["small-cells"]
        return
    left, left_out = _made(tmp_path, rows)
    kept = Counter(_group(rows[at]) for at in left)
    assert all(n == sizes[group] >= K for group, n in kept.items())
    assert left_out == len(rows) - len(left)
    assert left_out == 0 if small == 0 else left_out >= K
    assert len([g for g, n in sizes.items() if n >= K and g not in kept]) == (1 if 0 < small < K else 0)


def test_where_the_rule_refuses_one_small_group_stops_the_extract(tmp_path: Path) -> None:
    rows = [("甲", 1.0)] * 5
    assert _made(tmp_path, rows, refuse=True) == ([0, 1, 2, 3, 4], 0)
    with pytest.raises(Conflict):
        _made(tmp_path, [*rows, ("乙", 1.0)], refuse=True)


def test_a_pseudonymised_quasi_identifier_groups_like_its_values(tmp_path: Path) -> None:
    rows = [("甲", 1.0)] * 4 + [("乙", 1.0)] * 3 + [("丙", 1.0)]
    left, left_out = _made(tmp_path, rows, ColumnTerm(name="area", use="pseudonymised"))
    assert (left, left_out) == ([0, 1, 2, 3], 4)


def test_whole_batches_may_stay_out(tmp_path: Path) -> None:
    rows = [(f"x{n}" if n < 90_000 else "甲", 1.0) for n in range(120_000)]
    left, left_out = _made(tmp_path, rows, AREA)
    assert (left, left_out) == (list(range(90_000, 120_000)), 90_000)


# ---- through the service


def _scene(house: House, number: int = 40) -> Scene:
    """Level 3, the district a quasi-identifier: one row of one district, eleven of the next, the rest of a third."""
    districts = ["南澳秘境", *["大鹏街道"] * 11, *["葵涌"] * 28]
    rows = [(*row[:2], district, *row[3:]) for row, district in zip(ROWS * 8, districts, strict=True)][
        :number
    ]
    scene = a_scene(house, table=a_table(rows))
    with house.write() as work:
        work.db.get_one(DatasetRow, VENUES).data_level = 3
        column = work.db.exec(
            select(ColumnRow).where(ColumnRow.dataset_id == VENUES, ColumnRow.name == "district")
        ).one()
        column.identifier_kind = "QI"
    return scene


@pytest.mark.parametrize(
    ("level", "kind", "use", "found"),
    [(3, "QI", "plain", True), (4, "QI", "pseudonymised", True), (2, "QI", "plain", False), (3, "none", "plain", False), (3, "DI", "plain", False),
     (3, "QI", "filter_only", True), (3, "QI", "join_only", False), (3, "QI", "aggregate_only", False)],
)  # fmt: skip
def test_the_level_and_the_kind_of_column_say_whether_cells_are_looked_for(
    sqlite_house: House, level: int, kind: IdentifierKind, use: str, found: bool
) -> None:
    scene = a_scene(sqlite_house)
    held = scene.desk.known[VENUES]
    held = replace(held, level=level, columns=tuple(replace(c, identifier_kind=kind) for c in held.columns))
    cells = small_cells(held, [ColumnTerm(name="district", use=use)], limits())
    assert (cells is not None) == found
    dropped = ColumnTerm(name="district", use="masked", mask={"kind": "drop"})
    assert small_cells(held, [dropped], limits()) is None


def test_two_filters_a_step_apart_differ_by_whole_groups_or_by_nothing(tmp_path: Path) -> None:
    """Age is filtered by and does not leave: `age ≤ 36` and `age ≤ 37` must not differ by one row, whose age is then known."""
    rows = [("甲", float(20 + n // 4)) for n in range(40)] + [("乙", float(20 + n)) for n in range(20)]
    area, age = (pa.array([row[at] for row in rows]) for at in (0, 1))
    release = tmp_path / "release.parquet"
    pq.write_table(pa.table({"area": area, "age": age}), release)
    held = a_held_asset("area", "age")
    cells = small_cells(held, [AREA, ColumnTerm(name="age", use="filter_only")], limits())
    assert cells is not None
    cells = replace(cells, min_rows=K)

    def left(most: int) -> int:
        wanted = parse({"op": "le", "column": "age", "value": most})
        try:
            return count(release, wanted, memory_limit_mb=200, scratch=tmp_path, cells=cells)
        except Conflict:  # no group is large enough
            return 0

    steps = [left(most + 1) - left(most) for most in range(20, 39)]
    assert all(step == 0 or step >= K for step in steps)
    assert sum(steps) > 0


def a_held_asset(*names: str) -> Asset:
    columns = tuple(AssetColumn(name, Text(name, name), "string", 2, "QI") for name in names)
    return Asset(VENUES, Text("甲", "A"), OrgId("parks"), 3, "C", "yes", True, columns)


def test_the_plan_the_file_and_the_receipt_agree(house: House) -> None:
    scene = _scene(house)
    with scene.desk.read("analyst") as (work, actor):
        plan = planning.plan(work, actor, scene.body(columns=["venue_id"]), house.files, house.settings, "zh")
    assert (plan.permitted, plan.rows in (20, 30), plan.size_estimate is not None) == (True, True, True)
    assert plan.small_cells == {"quasi_identifiers": ["district"], "min_rows": 10, "rule": "leave out"}
    made = scene.delivered(columns=["venue_id"])
    assert made.rows == scene.view().used.rows == 28
    assert scene.table(made.id).num_rows == 28
    for form in ("extract_parquet", "extract_csv"):
        raw = scene.file(scene.delivered(form=form).id).read_bytes()
        assert "南澳秘境".encode() not in raw
        assert "大鹏街道".encode() not in raw
    with house.read() as work:
        receipt = json.loads(work.db.get_one(ExtractRow, made.id).receipt or "")
    assert receipt["small_cells"] == plan.small_cells | {"rows_left_out_at_most": 20}


def test_an_extract_of_nothing_but_small_cells_is_refused_and_stays_taken(sqlite_house: House) -> None:
    scene = _scene(sqlite_house, 8)
    with scene.desk.read("analyst") as (work, actor):
        plan = planning.plan(work, actor, scene.body(), sqlite_house.files, sqlite_house.settings, "en")
    assert (plan.permitted, [each["code"] for each in plan.reasons]) == (False, ["small-cells"])
    made = scene.asks()
    scene.works()
    found = scene.extract(made.id)
    assert (found.state, scene.view().used.extracts) == ("failed", 1)
    assert "generalised" in found.failed_en
