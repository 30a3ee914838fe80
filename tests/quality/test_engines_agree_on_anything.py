"""Both engines on tables that nobody thought of: values by Hypothesis, rules drawn from every type."""

from __future__ import annotations

import string
import tempfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quality.engine import run_suite
from quality.references import Frequency, References
from quality.suite import Suite
from tests.examples import examples
from tests.quality.cases import CASES
from tests.quality.dealing import dealt, hands
from tests.quality.tables import COLUMNS
from tests.quality.test_engines_agree import differences

pytestmark = [pytest.mark.gx, pytest.mark.slow]

signs = st.sampled_from(
    list(string.ascii_letters[:6] + "019 _-%.'\"\\\n\t:;,{}[]中文大鹏Ａ１😀é\u3000\u0301\ufeff")
)
few = st.sampled_from
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-3, 6),
    "big": few([2**53, 2**53 + 1, -(2**63), 2**63 - 1, 0, 1]),
    "n": st.integers(-5, 40),
    "m": st.integers(-5, 40),
    "x": st.one_of(st.floats(width=64), few([0.0, -0.0, 2.0, 1.5])),
    "y": few([0.1, 0.2, 0.3, 2.0, -7.5, 100.25, float("nan")]),
    "s": st.text(signs, max_size=5),
    "code": few(["A", "B", "C", "", "a", "10", "AB"]),
    "when": st.one_of(st.dates().map(str), st.text(signs, max_size=8), few(["2024-02-30", "10:30", "May 5"])),
    "j": st.one_of(few(["{}", "{", "null", '{"a": 1}', '{"a": "x"}', "NaN"]), st.text(signs, max_size=4)),
    "d": st.one_of(st.dates(), few([date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 29)])),
    "e": st.one_of(st.dates(date(2023, 12, 1), date(2024, 3, 1))),
    "t": st.one_of(st.datetimes(), few([datetime(2024, 1, 1), datetime(2024, 1, 1, 3)])),  # noqa: DTZ001
    "z": st.one_of(st.datetimes(datetime(1971, 1, 1), timezones=st.just(UTC)), few([datetime(2024, 1, 1, tzinfo=UTC)])),  # noqa: DTZ001
    "dec": st.decimals(-1000, 1000, places=2, allow_nan=False),
    "b": st.booleans(),
    "tm": st.one_of(st.times(), few([time(8), time(12)])),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.sampled_from(range(7, -1, -1)))  # the first example is the simplest: let it have rows
    arrays = {}
    for name, (kind, _) in COLUMNS.items():
        cells = draw(st.lists(st.one_of(VALUES[name], VALUES[name], st.none()), min_size=rows, max_size=rows))
        if name == "dec":
            cells = [None if cell is None else Decimal(cell) for cell in cells]
        arrays[name] = pa.array(cells, kind)
    keys = draw(st.lists(st.integers(1, 100), min_size=rows, max_size=rows, unique=True))
    return pa.table({**arrays, "__row__": pa.array(keys, pa.int64())})


FRESH = [
    ("expect_column_values_to_be_fresh", {"column": name, "max_age": "by_frequency"})
    for name in ("d", "e", "t", "z", "s", "n")
]
FREQUENCIES = st.sampled_from([
    None, Frequency("1", None), Frequency("3", "PT2160M"), Frequency("P1M", "P2M"), Frequency("P1Y", "P9999Y"), Frequency("PT1H", "PT0S"),
])  # fmt: skip
MOMENTS = st.sampled_from([
    datetime(2024, 2, 29, 16, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 2), datetime(2026, 3, 6, 4, tzinfo=UTC), None,  # noqa: DTZ001
])  # fmt: skip


HALVES = dealt(CASES, 2)


# Each type of a half in each of its examples, so every type meets three random tables or more in every run.
# No shrinking: a run takes a second, and the message names the one rule that differs.
@pytest.mark.parametrize("half", range(2))
@settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(
    tables(),
    st.data(),
    FREQUENCIES,
    MOMENTS,
)
def test_both_engines_agree_on_any_table(
    half: int, table: pa.Table, data: st.DataObject, frequency: Frequency | None, moment: datetime | None
) -> None:
    cases = [*data.draw(hands(CASES, HALVES[half], 40)), *FRESH]
    known = References(frequency=frequency)
    suite = Suite.from_data({"expectations": [{"type": name, "kwargs": kwargs} for name, kwargs in cases]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        pq.write_table(table, path)
        told = [*COLUMNS]
        one, other = (
            run_suite(suite, path, engine=engine, reference=moment, references=known, keys=told).expectations
            for engine in ("duckdb", "pandas")
        )
    found = differences(cases, one, other)
    assert not found, "\n".join([*found, str(table.to_pylist())])
