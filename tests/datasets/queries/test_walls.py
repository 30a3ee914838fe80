"""Second walls of questions: what a first one usually keeps out, and what happens where it does not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap
from sqlmodel import select

from api.house import House
from core.errors import AccessRefused, Conflict, NotFound
from datasets.queries import masked, overlap
from datasets.queries.private import budget
from datasets.queries.private.tables import PrivacyAccountRow
from datasets.releases.tables import ReleaseRow
from tests.catalog.records import a_dataset
from tests.datasets.extracts.scene import VENUES, a_table
from tests.datasets.queries.scene import STAYS, QueryScene, a_query_scene
from tests.datasets.queries.test_masked import _codes, _rows, _shown, a_preview_scene
from tests.people import actor_of

SPLIT = (BitMap(range(70)), BitMap(range(70, 90)))


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


def _gone(house: House, dataset_id: str) -> None:
    """The record vanishes under the grant, as no step of the catalogue lets it."""
    with closing(sqlite3.connect(house.settings.data_dir / "datagrant.db")) as raw, raw:
        raw.execute("DELETE FROM catalog_column WHERE dataset_id = ?", (dataset_id,))
        assert raw.execute("DELETE FROM catalog_dataset WHERE id = ?", (dataset_id,)).rowcount == 1


def test_a_dataset_whose_record_is_gone_answers_no_question(scene: QueryScene) -> None:
    _gone(scene.house, STAYS)
    assert "dataset-gone" in scene.code()


def test_a_preview_of_a_dataset_whose_record_is_gone_is_refused(sqlite_house: House) -> None:
    made = a_preview_scene(sqlite_house)
    with sqlite_house.read() as work:
        case = masked.consider(work, actor_of(work, "analyst"), masked.MaskedAsk(grant_id=made.grant_id))
    _gone(sqlite_house, VENUES)
    assert "dataset-gone" in _codes(made)
    with sqlite_house.read() as work:
        assert masked._cells(work, case) is None


def test_a_release_that_names_no_content_answers_no_question(scene: QueryScene) -> None:
    with scene.house.write() as work:
        work.db.exec(select(ReleaseRow).where(ReleaseRow.dataset_id == STAYS)).one().sha256 = ""
    assert "release-not-published" in scene.code()


def test_a_filter_that_is_too_large_only_with_the_grants_own_is_refused(sqlite_house: House) -> None:
    def of(count: int) -> dict[str, Any]:
        return {"op": "or", "args": [{"op": "eq", "column": "day", "value": at} for at in range(count)]}

    made = a_query_scene(sqlite_house, row_filter=of(40))
    assert "filter-too-complex" in made.code(where=of(40))
    assert "filter-too-complex" not in made.code(where=of(10))


def test_a_release_that_came_while_rows_were_read_shows_nothing_of_the_old_one(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_preview_scene(sqlite_house)
    read = masked._read

    def published_meanwhile(*given: Any) -> list[bytes]:
        lines = read(*given)
        made.releases(a_table(_rows(61)), 2)
        return lines

    monkeypatch.setattr(masked, "_read", published_meanwhile)
    with pytest.raises(Conflict, match="changed while the query ran"):
        _shown(made)
    assert made.view().used.extracts == 0


def test_an_account_that_filled_up_after_it_was_looked_at_is_not_overdrawn(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.caps()
    scene.private(epsilon_micro=1_000_000)
    with scene.house.read() as work:
        held = budget.holders("insurer", scene.grant_id, actor_of(work, "analyst").account_id)
        before = budget.spent(work, STAYS, held)
    monkeypatch.setattr(budget, "spent", lambda *_: {})
    with pytest.raises(AccessRefused):
        scene.private(epsilon_micro=900_000, where={"op": "le", "column": "day", "value": 3})
    monkeypatch.undo()
    with scene.house.read() as work:
        assert budget.spent(work, STAYS, held) == before
    assert {each.kind: each.left_micro for each in scene.budget().accounts} == {
        "org": 2_000_000, "grant": 1_000_000, "user": 500_000,
    }  # fmt: skip


def test_the_budget_of_a_hidden_dataset_is_nobodys_but_its_departments(scene: QueryScene) -> None:
    with scene.house.write() as work:
        a_dataset(work, "DP-PK-077", "parks", draft=True)
    with scene.house.read() as work:
        assert budget.shown(work, actor_of(work, "steward_a"), "DP-PK-077").spent_micro == 0
        for hidden in ("DP-PK-077", "DP-PK-078"):
            with pytest.raises(NotFound):
                budget.shown(work, actor_of(work, "analyst"), hidden)


# -- the guard's atoms


def test_atoms_are_the_same_by_table_and_by_search(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = overlap.refined(overlap.no_atoms(100), SPLIT)
    monkeypatch.setattr(overlap, "_DENSE", 0)
    sparse = overlap.refined(overlap.no_atoms(100), SPLIT)
    assert dense is not None
    assert sparse is not None
    assert np.array_equal(dense.labels, sparse.labels)
    assert np.array_equal(dense.parts, sparse.parts)
    assert [int(each) for each in np.bincount(dense.labels)] == [10, 70, 20]


def test_atom_0_is_kept_for_rows_in_no_figure_also_where_there_is_none() -> None:
    found = overlap.refined(overlap.no_atoms(90), SPLIT)
    assert found is not None
    assert int(found.labels.min()) == 1
    assert found.parts.tolist() == [[0, 1, 0], [0, 0, 1]]


def test_more_atoms_than_can_be_weighed_are_none_and_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "_MAX_ATOMS", 2)
    assert overlap.refined(overlap.no_atoms(100), SPLIT) is None
    assert overlap.kept(tmp_path, "a", lambda: overlap.refined(overlap.no_atoms(100), SPLIT)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_release_without_rows_betrays_nobody() -> None:
    assert overlap.betrays(overlap.no_atoms(0), np.zeros(0, np.uint32), 10) is False


def test_what_is_spent_is_the_datasets_own_this_year_by_its_holders(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        year = budget.period_of(work.now)
        for dataset_id, period, holder, micro in (
            ("DP-1", year, "g1", 1), ("DP-1", year, "g2", 2), ("DP-1", str(int(year) - 1), "g1", 4), ("DP-2", year, "g1", 8),
        ):  # fmt: skip
            work.db.add(
                PrivacyAccountRow(
                    id=work.new_id(), dataset_id=dataset_id, period=period, kind="grant", holder=holder, spent_micro=micro
                )
            )  # fmt: skip
        work.db.flush()
        held_by = budget.holders("o1", "g1", "u1")
        assert held_by == {"dataset": "", "org": "o1", "grant": "g1", "user": "u1"}
        assert budget.spent(work, "DP-1", held_by) == {"grant": 1}
        assert budget.spent(work, "DP-2", held_by) == {"grant": 8}
