"""The order of rows tells of nothing but what leaves."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.house import House
from auth.policy.model import ColumnTerm, DeliveryForm, RoundMask, Use
from datasets.extracts import mixing
from datasets.extracts.build import Recipe, build, sampled
from datasets.extracts.compile import pseudonym
from datasets.extracts.mixing import Order, Placed, keys_of, mixed
from datasets.extracts.row_order import ReleaseLayout, leading, order_key, order_may_stay
from datasets.tracing.marks import Mark
from tests.datasets.extracts.scene import COLUMNS, a_scene, a_table
from tests.examples import examples

KEY = b"k" * 32
ROWS = 2_000
USES: dict[str, Any] = {
    "plain": {"use": Use.PLAIN},
    "marked": {"use": Use.PLAIN},
    "pseudonymised": {"use": Use.PSEUDONYMISED},
    "masked": {"use": Use.MASKED, "mask": RoundMask(kind="round", step=10)},
    "missing": {},
}


def _terms(**uses: str) -> tuple[tuple[ColumnTerm, ...], set[str]]:
    found = tuple(ColumnTerm(name=name, **USES[how]) for name, how in uses.items() if how != "missing")
    return found, {name for name, how in uses.items() if how == "marked"}


@pytest.mark.parametrize(("a", "b"), list(product(USES, USES)))
def test_the_order_stays_only_where_every_column_leaves_as_it_is(a: str, b: str) -> None:
    terms, marked = _terms(a=a, b=b)
    assert order_may_stay(("a", "b"), terms, marked) == ((a, b) == ("plain", "plain"))
    for sort_by in ((), ("a",), ("b",), ("a", "b"), ("b", "a")):
        kept = leading(ReleaseLayout("r", sort_by), terms, marked)
        assert kept == sort_by[: len(kept)]
        uses = {"a": a, "b": b}
        assert all(uses[name] == "plain" for name in kept)
        assert len(kept) == len(sort_by) or uses[sort_by[len(kept)]] != "plain"


def test_each_release_and_each_grant_has_an_order_of_its_own() -> None:
    keys = {order_key(key, ReleaseLayout(name)) for key in (KEY, b"x" * 32) for name in ("", "a", "b")}
    assert len(keys) == 6
    assert order_key(KEY, ReleaseLayout("a", ("x",))) == order_key(KEY, ReleaseLayout("a"))


def _release(folder: Path) -> Path:
    """People sorted by a number that never leaves, with what could leave beside it."""
    n = np.arange(ROWS)
    table = pa.table(
        {
            "number": pa.array([f"{at:06d}" for at in n]),
            "salary": pa.array(n * 7.0),
            "month": pa.array(n * 12 // ROWS),
            "speed": pa.array(n / 10 + 0.1),
            "noise": pa.array((n * 7919) % 1009),
        }
    )
    pq.write_table(table, folder / "release.parquet")
    return folder / "release.parquet"


def _built(tmp_path: Path, terms: tuple[ColumnTerm, ...], **more: Any) -> pa.Table:
    out = tmp_path / "out.parquet"
    out.unlink(missing_ok=True)
    recipe = Recipe(terms, None, DeliveryForm.EXTRACT_PARQUET, KEY, {}, **more)
    build(_release(tmp_path), recipe, out, memory_limit_mb=200, scratch=tmp_path)
    return pq.read_table(out)


def _correlation(hidden: Any) -> float:
    """Of the hidden rank with the row's number in the file."""
    return float(np.corrcoef(np.asarray(hidden, float), np.arange(len(hidden)))[0, 1])


def test_pseudonyms_do_not_stand_in_the_order_of_what_they_hide(tmp_path: Path) -> None:
    terms = (ColumnTerm(name="number", use=Use.PSEUDONYMISED), ColumnTerm(name="noise", use=Use.PLAIN))
    known = {pseudonym(f"{at:06d}", KEY): at for at in range(ROWS)}
    found = [
        known[each] for each in _built(tmp_path, terms, layout=ReleaseLayout("r", ("number",)))["number"].to_pylist()
    ]  # fmt: skip
    assert sorted(found) == list(range(ROWS))
    assert abs(_correlation(found)) < 0.09  # four standard errors
    ascents = np.mean(np.diff(found) > 0)
    assert 0.45 < ascents < 0.55


@pytest.mark.parametrize("how", ["masked", "missing", "marked"])
def test_neither_masked_nor_dropped_nor_marked_values_leave_their_ranks(tmp_path: Path, how: str) -> None:
    """Also of a release that says nothing of its order: it lies as it was handed in."""
    by, marks = ("speed", (Mark("speed", 1, KEY),)) if how == "marked" else ("salary", ())
    uses = {by: how, "noise": "plain", **({} if how == "missing" else {"month": "missing"})}
    terms, _ = _terms(**uses)
    for layout in (ReleaseLayout("r", (by,)), ReleaseLayout("r")):
        table = _built(tmp_path, terms, layout=layout, marks=marks)
        noise = np.asarray(table["noise"].to_pylist())
        place = {int(n): at for at, n in enumerate((np.arange(1009) * 7919) % 1009)}
        early = [place[int(each)] for each in noise]  # the hidden rank, up to the two halves of the release
        assert abs(_correlation(early)) < 0.09
        if how == "marked":
            assert abs(_correlation(table["speed"].to_pylist())) < 0.09


def test_leading_columns_that_leave_keep_their_order_and_the_rest_is_mixed_within(tmp_path: Path) -> None:
    """So groups of rows can be skipped by them still."""
    terms, _ = _terms(month="plain", noise="plain")
    table = _built(tmp_path, terms, layout=ReleaseLayout("r", ("month", "number")))
    months, noise = table["month"].to_pylist(), np.asarray(table["noise"].to_pylist())
    assert months == sorted(months)
    place = {int(n): at for at, n in enumerate((np.arange(1009) * 7919) % 1009)}
    for month in range(5):  # the first half of the release, where the noise tells the place
        ranks = [place[int(each)] for each, of in zip(noise, months, strict=True) if of == month]
        assert abs(_correlation(ranks)) < 0.32
        assert ranks != sorted(ranks)


def test_where_all_leaves_the_order_of_the_release_stays(tmp_path: Path) -> None:
    terms, _ = _terms(**dict.fromkeys(("noise", "number", "salary", "month", "speed"), "plain"))
    assert _built(tmp_path, terms)["number"].to_pylist() == [f"{at:06d}" for at in range(ROWS)]


def test_the_same_inputs_are_the_same_bytes_and_a_preview_is_their_beginning(tmp_path: Path) -> None:
    terms = (ColumnTerm(name="number", use=Use.PSEUDONYMISED), ColumnTerm(name="noise", use=Use.PLAIN))
    layout = ReleaseLayout("r", ("number",))
    first = _built(tmp_path, terms, layout=layout)
    raw = (tmp_path / "out.parquet").read_bytes()
    assert _built(tmp_path, terms, layout=layout).equals(first)
    assert (tmp_path / "out.parquet").read_bytes() == raw
    shown = sampled(
        tmp_path / "release.parquet", terms, None, key=KEY, rows=20, memory_limit_mb=200, scratch=tmp_path, layout=layout
    )  # fmt: skip
    assert shown.to_pylist() == first.slice(0, 20).to_pylist()


@pytest.mark.parametrize("form", ["extract_parquet", "extract_csv", "extract_xlsx"])
def test_no_form_of_extract_tells_the_ranks_of_a_pseudonymised_column(sqlite_house: House, form: str) -> None:
    """Through the house: request, worker, file."""
    rows = [
        (f"V{n * 7919 % 400:03d}", *(None,) * (len(COLUMNS) - 3), f"138{n:08d}", None) for n in range(400)
    ]
    columns = [
        {"name": "venue_id", "reason": "主键用于核对"},
        {"name": "contact_phone", "reason": "核对脱敏效果", "use": "pseudonymised"},
    ]
    scene = a_scene(sqlite_house, table=a_table(rows), columns=columns, forms=[form])
    raw = scene.file(scene.delivered(form=form).id)
    if form == "extract_parquet":
        names = pq.read_table(raw)["venue_id"].to_pylist()
    else:
        text = (
            zipfile.ZipFile(raw).read("xl/worksheets/sheet1.xml")
            if form == "extract_xlsx"
            else raw.read_bytes()
        )
        names = re.findall(r"V\d{3}", text.decode())
    place = {row[0]: at for at, row in enumerate(rows)}
    found = [place[name] for name in names]
    assert sorted(found) == list(range(400))
    assert abs(_correlation(found)) < 0.2


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[float | None], list[int], int]:
    """Values of a leading column in order (empty cells and NaN last), places that ascend, and how batches are cut."""
    values: list[float | None] = sorted(draw(st.lists(st.sampled_from([-0.0, 0.0, 1.0, 2.0]), max_size=60)))
    values += [float("nan")] * draw(st.integers(0, 3)) + [None] * draw(st.integers(0, 3))
    gaps = draw(st.lists(st.integers(1, 1000), min_size=len(values), max_size=len(values)))
    return values, list(np.cumsum(gaps)) if gaps else [], draw(st.integers(1, 20))


@settings(max_examples=examples(60), deadline=None)
@given(tables(), st.sampled_from([1, 900, 1 << 20]), st.booleans(), st.integers(1, 9))
def test_whatever_goes_to_disk_the_order_is_that_of_runs_and_keys(
    made: tuple[list[float | None], list[int], int], held: int, is_led: bool, rows: int
) -> None:
    values, places, step = made

    def batches() -> Iterator[Placed]:
        for at in range(0, len(values), step):
            cut = slice(at, at + step)
            yield (
                [pa.array(values[cut], pa.float64()), pa.array(places[cut])],
                pa.array(places[cut], pa.int64()),
            )

    def run_of(value: float | None) -> float:
        return 9.0 if value is None or value != value else value

    keys = [int(key) for key in keys_of(KEY, pa.array(places, pa.int64()))]
    wanted = sorted(
        range(len(values)), key=lambda at: (run_of(values[at]) if is_led else 0, keys[at])
    )  # the slow reference
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixing, "HELD_BYTES", held)
        order = Order(KEY, (0,) if is_led else ())
        found = list(mixed(batches(), order, Path("/tmp"), rows))  # noqa: S108 - files without names
        assert [place for columns in found for place in columns[1].to_pylist()] == [
            places[at] for at in wanted
        ]
        assert all(len(columns[0]) == rows for columns in found[:-1])
        few = [
            place
            for columns in mixed(batches(), order, Path("/tmp"), rows, first=5)  # noqa: S108
            for place in columns[1].to_pylist()
        ]
        assert few[:5] == [places[at] for at in wanted[:5]]
