"""Filters and masks on the fast engine mean what the slow reading says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.filters.model import parse
from auth.policy.filters.rules import matches
from auth.policy.model import (
    LEAVING,
    ClampMask,
    ColumnTerm,
    DropMask,
    KeepMask,
    RedactMask,
    RoundMask,
    TruncateMask,
    Use,
)
from datasets.extracts.compile import Held, condition, leaving, pseudonym, type_word

KEY = b"k" * 32
WORDS = st.sampled_from(
    [
        "",
        " ",
        "深圳",
        "大鹏",
        "a",
        "A",
        "é",
        "e\u0301",
        "😀",
        "\uffee",
        "'; drop",
        "0",
        "０",
        "Ａ",
        "2026-3-1",
    ]
)
WHOLE = st.integers(-3, 3)
REAL = st.sampled_from([-1.5, 0.0, -0.0, 0.5, 2.0, 1e300])
DAYS = st.sampled_from([date(2024, 2, 29), date(2026, 3, 1), date(1969, 12, 31)])
TIMES = st.sampled_from([time(0, 0), time(23, 59, 59)])
LOCAL_TIMES = st.sampled_from(
    [datetime.fromisoformat(found) for found in ("2026-03-01T00:00", "2026-02-28T23:59:59", "1970-01-01")]
)
ZONED = LOCAL_TIMES.map(lambda found: found.replace(tzinfo=UTC))

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "s": (pa.string(), WORDS),
    "i": (pa.int64(), WHOLE),
    "n": (pa.float64(), REAL | st.just(float("nan"))),
    "b": (pa.bool_(), st.booleans()),
    "m": (
        pa.decimal128(12, 2),
        st.sampled_from([Decimal("-1.50"), Decimal("0.00"), Decimal("0.10"), Decimal("2.00")]),
    ),
    "d": (pa.date32(), DAYS),
    "t": (pa.time64("us"), TIMES),
    "ts": (pa.timestamp("us"), LOCAL_TIMES),
    "tz": (pa.timestamp("us", "UTC"), ZONED),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}),
    min_size=1,
    max_size=6,
)


def _value(name: str) -> st.SearchStrategy[Any]:
    values = COLUMNS[name][1]
    if name in ("s", "i", "b"):
        return values
    if name in ("n", "m"):
        return REAL | WHOLE
    return values.map(lambda found: found.isoformat())


def _leaf(name: str) -> st.SearchStrategy[dict[str, Any]]:
    column, value = st.just(name), _value(name)
    compare = st.fixed_dictionaries(
        {"op": st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), "column": column, "value": value}
    )
    among = st.fixed_dictionaries(
        {"op": st.just("in"), "column": column, "values": st.lists(value, min_size=1, max_size=4)}
    )
    between = st.fixed_dictionaries({"op": st.just("between"), "column": column, "low": value, "high": value})
    return compare | among | between | st.fixed_dictionaries({"op": st.just("is_null"), "column": column})


LEAVES = st.sampled_from(sorted(COLUMNS)).flatmap(_leaf)
TREES = st.recursive(
    LEAVES,
    lambda part: (
        st.fixed_dictionaries(
            {"op": st.sampled_from(["and", "or"]), "args": st.lists(part, min_size=1, max_size=3)}
        )
        | st.fixed_dictionaries({"op": st.just("not"), "arg": part})
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(deadline=None)
@given(rows=ROWS, tree=TREES)
def test_fast_filter_agrees_with_the_slow_reading(rows: list[dict[str, Any]], tree: dict[str, Any]) -> None:
    row_filter = parse(tree)
    table = pa.table(
        {name: pa.array([row[name] for row in rows], kind) for name, (kind, _) in COLUMNS.items()}
    )
    numbered = table.append_column("row", pa.array(range(len(rows)), pa.int64()))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.from_arrow(numbered)
        held = {
            name: Held(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
        }
        fast = {found[0] for found in relation.filter(condition(row_filter, held)).select("row").fetchall()}
    assert fast == {number for number, row in enumerate(rows) if matches(row_filter, row)}


@pytest.mark.parametrize(
    ("term", "sql", "wanted"),
    [
        (ColumnTerm(name="x", use="plain"), "'=1'", "=1"),
        (ColumnTerm(name="x", use="masked", mask=KeepMask(head=3, tail=4)), "'13800000001'", "138****0001"),
        (ColumnTerm(name="x", use="masked", mask=KeepMask(head=1, tail=1)), "'大鹏'", "**"),
        (ColumnTerm(name="x", use="masked", mask=KeepMask(head=1, tail=0)), "'大鹏新区'", "大***"),
        (ColumnTerm(name="x", use="masked", mask=KeepMask(head=1, tail=1)), "NULL::VARCHAR", None),
        (ColumnTerm(name="x", use="masked", mask=RedactMask()), "'secret'", "***"),
        (ColumnTerm(name="x", use="masked", mask=RedactMask()), "NULL::VARCHAR", None),
        (ColumnTerm(name="x", use="masked", mask=RoundMask(step=5)), "-7::BIGINT", -10),
        (ColumnTerm(name="x", use="masked", mask=RoundMask(step=0.5)), "1.7::DOUBLE", 1.5),
        (ColumnTerm(name="x", use="masked", mask=DropMask()), "1.7::DOUBLE", None),
        (ColumnTerm(name="x", use="masked", mask=ClampMask(high=65.5)), "97::INTEGER", 65),
        (ColumnTerm(name="x", use="masked", mask=ClampMask(low=0, high=9)), "-4.5::DOUBLE", 0.0),
        (
            ColumnTerm(name="x", use="masked", mask=ClampMask(low=0)),
            "9007199254740993::BIGINT",
            9007199254740993,
        ),
        (ColumnTerm(name="x", use="masked", mask=ClampMask(low=0)), "NULL::BIGINT", None),
        (
            ColumnTerm(name="x", use="masked", mask=TruncateMask(unit="month")),
            "DATE '2026-03-31'",
            date(2026, 3, 1),
        ),
        (
            ColumnTerm(name="x", use="masked", mask=TruncateMask(unit="day")),
            "TIMESTAMPTZ '2026-03-05 20:11:12+00'",
            datetime(2026, 3, 5, 16, tzinfo=UTC),
        ),
    ],
)
def test_mask_gives(term: ColumnTerm, sql: str, wanted: object) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.sql(f"SELECT {sql} AS x")
        kind = str(relation.types[0])
        made = relation.select(leaving(term, Held("x", kind), KEY))
        assert str(made.types[0]) == kind
        assert made.fetchall() == [(wanted,)]


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=80))
def test_pseudonym_equals_an_ordinary_hmac(value: str) -> None:
    with duckdb.connect() as connection:
        relation = connection.from_arrow(pa.table({"x": pa.array([value, None], pa.string())}))
        made = relation.select(
            leaving(ColumnTerm(name="x", use="pseudonymised"), Held("x", "VARCHAR"), KEY)
        ).fetchall()
    assert made == [(pseudonym(value, KEY),), (None,)]


@pytest.mark.parametrize("use", sorted(set(Use) - LEAVING))
def test_a_column_that_may_not_leave_is_not_compiled(use: Use) -> None:
    with pytest.raises(ValueError, match="may not leave"):
        leaving(ColumnTerm(name="x", use=use), Held("x", "VARCHAR"), KEY)


def test_instants_are_compared_across_offsets() -> None:
    row_filter = parse({"op": "eq", "column": "tz", "value": "2026-03-01T08:00:00+08:00"})
    assert matches(row_filter, {"tz": datetime(2026, 3, 1, tzinfo=UTC)})
    assert not matches(row_filter, {"tz": datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=1)})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT", "integer"),
        ("DOUBLE FLOAT DECIMAL DECIMAL(18,3)", "number"),
        ("TIMESTAMP TIMESTAMP_NS TIMESTAMP_S", "datetime"),
        ("VARCHAR", "string"), ("BOOLEAN", "boolean"), ("DATE", "date"), ("TIME", "time"),
    ],
)  # fmt: skip
def test_every_type_of_the_engine_that_a_filter_reads_has_its_word(words: str, said: str) -> None:
    assert {type_word(each) for each in words.split()} == {said}
    assert type_word("TIMESTAMP WITH TIME ZONE") == "datetime"


@pytest.mark.parametrize("word", ["BLOB", "UUID", "STRUCT(a INTEGER)", "INTERVAL", ""])
def test_a_type_that_no_filter_reads_is_refused_by_its_name(word: str) -> None:
    with pytest.raises(ValueError, match=r"a filter cannot read a column of type .*"):
        type_word(word)
