"""Row filters: what is accepted, what they read, and three-valued logic, compared with SQL's own."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from auth.policy.filters.model import (
    MAX_DEPTH,
    MAX_IN_LIST,
    MAX_NODES,
    All,
    Any_,
    Not,
    all_of,
    parse,
    parse_json,
)
from auth.policy.filters.rules import aware, check, columns_of, matches, values_of
from auth.policy.model import storable
from tests.desk import PARKS
from tests.examples import examples

EQ = {"op": "eq", "column": "rooms", "value": 3}


def _nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = EQ
    for _ in range(depth - 1):
        tree = {"op": "not", "arg": tree}
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        _nested(MAX_DEPTH + 1),
        _nested(100_000),
        {"op": "and", "args": [EQ] * MAX_NODES},
        {"op": "and", "args": []},
        {"op": "in", "column": "rooms", "values": list(range(MAX_IN_LIST + 1))},
        {"op": "in", "column": "rooms", "values": []},
        {"op": "like", "column": "rooms", "value": "%"},
        {"op": "eq", "column": "rooms", "value": None},
        {"op": "eq", "column": "rooms", "value": float("nan")},
        {"op": "eq", "column": "rooms", "value": float("inf")},
        {"op": "eq", "column": "rooms", "value": 2**53},
        {"op": "eq", "column": "rooms", "value": {"a": 1}},
        {"op": "eq", "column": "rooms", "value": 3, "sql": "1=1"},
        {"op": "eq", "column": "", "value": 3},
        {"op": "eq", "value": 3},
        {"op": "not", "arg": EQ, "args": [EQ]},
        "rooms = 3",
        None,
        [],
    ],
)
def test_what_is_not_a_filter_is_refused(tree: Any) -> None:
    with pytest.raises(ValidationError):
        parse(tree)


def test_largest_filters_are_accepted() -> None:
    assert parse(_nested(MAX_DEPTH))
    assert parse({"op": "and", "args": [EQ] * (MAX_NODES - 1)})
    assert parse({"op": "in", "column": "rooms", "values": list(range(MAX_IN_LIST))})
    assert parse({"op": "eq", "column": "district", "value": "长" * 1000})
    with pytest.raises(ValidationError):
        parse({"op": "eq", "column": "district", "value": "长" * 1001})


def test_deep_json_text_is_refused_without_crash() -> None:
    depth = 50_000
    with pytest.raises(ValidationError):
        parse_json('{"op":"not","arg":' * depth + '{"op":"is_null","column":"a"}' + "}" * depth)


def test_joining_filters_keeps_the_bounds() -> None:
    deep = parse(_nested(MAX_DEPTH))
    assert all_of(None, None) is None
    assert all_of(deep, None) == deep
    with pytest.raises(ValueError, match="deeper"):
        all_of(deep, deep)


def test_numbers_and_booleans_keep_their_kind() -> None:
    values = [True, 1, 1.5, "1"]
    parsed = parse({"op": "in", "column": "a", "values": values})
    assert [type(value) for value in parsed.values] == [bool, int, float, str]


@pytest.mark.parametrize(
    ("tree", "code"),
    [
        ({"op": "eq", "column": "nobody", "value": 1}, "filter-column-unknown"),
        ({"op": "is_null", "column": "nobody"}, "filter-column-unknown"),
        ({"op": "eq", "column": "rooms", "value": "3"}, "filter-value"),
        ({"op": "eq", "column": "rooms", "value": True}, "filter-value"),
        ({"op": "eq", "column": "rooms", "value": 3.5}, "filter-value"),
        ({"op": "eq", "column": "venue_id", "value": 3}, "filter-value"),
        ({"op": "eq", "column": "opened_on", "value": "yesterday"}, "filter-value"),
        ({"op": "lt", "column": "is_open", "value": True}, "filter-type"),
        ({"op": "eq", "column": "shape", "value": "POINT(0 0)"}, "filter-type"),
        ({"op": "between", "column": "rooms", "low": 1, "high": "9"}, "filter-value"),
    ],
)
def test_filter_that_does_not_fit_the_dataset_says_where(tree: Any, code: str) -> None:
    assert [reason.code for reason in check(parse(tree), PARKS)] == [code]


def test_filter_that_fits_has_no_objection_and_names_its_columns() -> None:
    tree = parse(
        {
            "op": "or",
            "args": [
                {"op": "between", "column": "opened_on", "low": "2020-01-01", "high": "2026-12-31"},
                {"op": "ge", "column": "seen_at", "value": "2026-01-01T00:00:00+08:00"},
                {"op": "not", "arg": {"op": "is_null", "column": "shape"}},
                {"op": "eq", "column": "is_open", "value": False},
                {"op": "gt", "column": "area_m2", "value": 1},
            ],
        }
    )
    assert check(tree, PARKS) == ()
    assert columns_of(tree) == {"opened_on", "seen_at", "shape", "is_open", "area_m2"}


def test_time_without_offset_is_local() -> None:
    from datetime import UTC, datetime

    tree = parse({"op": "eq", "column": "t", "value": "2026-03-01T08:00:00"})
    assert matches(tree, {"t": datetime(2026, 3, 1, 8, 0)})  # noqa: DTZ001 - a column without offsets
    assert matches(tree, {"t": datetime(2026, 3, 1, 0, 0, tzinfo=UTC)})


def test_missing_column_never_lets_a_row_through() -> None:
    with pytest.raises(KeyError):
        matches(parse(EQ), {"other": 3})


@pytest.mark.parametrize("outer", ["plain", "not"])
@pytest.mark.parametrize(
    "leaf",
    [
        EQ,
        {"op": "ne", "column": "rooms", "value": 3},
        {"op": "in", "column": "rooms", "values": [1, 2]},
        {"op": "between", "column": "rooms", "low": 1, "high": 2},
    ],
)
def test_null_is_never_visible(leaf: dict[str, Any], outer: str) -> None:
    tree = leaf if outer == "plain" else {"op": "not", "arg": leaf}
    assert not matches(parse(tree), {"rooms": None})
    assert not matches(parse(tree), {"rooms": float("nan")})


# -- the reference against SQL's own three-valued logic

_leaves = st.one_of(
    st.builds(
        lambda op, c, v: {"op": op, "column": c, "value": v},
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
        st.sampled_from("ab"),
        st.integers(-2, 2),
    ),
    st.builds(
        lambda c, vs: {"op": "in", "column": c, "values": vs},
        st.sampled_from("ab"),
        st.lists(st.integers(-2, 2), min_size=1, max_size=3),
    ),
    st.builds(
        lambda c, low, high: {"op": "between", "column": c, "low": low, "high": high},
        st.sampled_from("ab"),
        st.integers(-2, 2),
        st.integers(-2, 2),
    ),
    st.builds(lambda c: {"op": "is_null", "column": c}, st.sampled_from("ab")),
)
TREES = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(lambda x: {"op": "not", "arg": x}, inner),
        st.builds(
            lambda op, xs: {"op": op, "args": xs},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)
_SQL = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _sql(tree: dict[str, Any]) -> str:
    match tree["op"]:
        case "and" | "or":
            return "(" + f" {tree['op']} ".join(map(_sql, tree["args"])) + ")"
        case "not":
            return f"(NOT {_sql(tree['arg'])})"
        case "in":
            return f"({tree['column']} IN ({','.join(map(str, tree['values']))}))"
        case "between":
            return f"({tree['column']} BETWEEN {tree['low']} AND {tree['high']})"
        case "is_null":
            return f"({tree['column']} IS NULL)"
        case op:
            return f"({tree['column']} {_SQL[op]} {tree['value']})"


@settings(max_examples=examples(100), deadline=None)
@given(tree=TREES, a=st.none() | st.integers(-2, 2), b=st.none() | st.integers(-2, 2))
def test_reference_agrees_with_sql(tree: dict[str, Any], a: int | None, b: int | None) -> None:
    connection = sqlite3.connect(":memory:")
    query = f"SELECT count(*) FROM (SELECT ? AS a, ? AS b) WHERE {_sql(tree)}"
    seen = connection.execute(query, (a, b)).fetchone()[0]
    connection.close()
    try:
        parsed = parse(tree)
    except ValidationError:
        return  # deeper than the bound
    assert matches(parsed, {"a": a, "b": b}) == bool(seen)


@pytest.mark.parametrize(
    ("tree", "row", "seen"),
    [
        (None, {}, True),
        ({"op": "ge", "column": "t", "value": "08:30"}, {"t": time(9)}, True),
        (
            {"op": "eq", "column": "at", "value": "2026-03-02T00:00:00+08:00"},
            {"at": datetime(2026, 3, 2)},  # noqa: DTZ001 - local, as a cell without offset is
            True,
        ),
        ({"op": "eq", "column": "on", "value": "2026-03-02"}, {"on": date(2026, 3, 2)}, True),
        ({"op": "eq", "column": "n", "value": 3}, {"n": float("nan")}, False),
        ({"op": "is_null", "column": "n"}, {"n": float("nan")}, True),
        ({"op": "between", "column": "n", "low": 1, "high": 3}, {"n": 3}, True),
        ({"op": "between", "column": "n", "low": 1, "high": 3}, {"n": 4}, False),
        ({"op": "in", "column": "n", "values": [1, 3]}, {"n": 2}, False),
        ({"op": "eq", "column": "b", "value": True}, {"b": True}, True),
    ],
)
def test_single_rows_of_every_type(tree: dict[str, Any] | None, row: dict[str, Any], seen: bool) -> None:
    assert matches(parse(tree) if tree is not None else None, row) is seen


@pytest.mark.parametrize(
    ("value", "cell", "error"),
    [
        ("09:00+08:00", time(9), ValueError),
        (True, 3, TypeError),
        (3, "three", TypeError),
        ("x", date(2026, 3, 2), ValueError),
    ],
)
def test_a_value_that_does_not_fit_its_cell_is_no_answer(
    value: Any, cell: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        matches(parse({"op": "eq", "column": "c", "value": value}), {"c": cell})


def test_the_values_of_a_leaf() -> None:
    leaves: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        (EQ, (3,)),
        ({"op": "in", "column": "a", "values": [1, 2]}, (1, 2)),
        ({"op": "between", "column": "a", "low": 1, "high": 2}, (1, 2)),
        ({"op": "is_null", "column": "a"}, ()),
    ]
    for tree, wanted in leaves:
        leaf = parse(tree)
        assert not isinstance(leaf, All | Any_ | Not)
        assert values_of(leaf) == wanted


def test_text_that_a_database_cannot_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        storable("a\x00b")
    assert storable("a b") == "a b"


def test_a_filter_is_read_from_json_text_too() -> None:
    assert parse_json('{"op": "eq", "column": "rooms", "value": 3}') == parse(EQ)


@pytest.mark.parametrize(
    ("leaf", "value", "seen"),
    [
        ({"op": "gt", "value": 1}, 1.5, True), ({"op": "gt", "value": 1}, 0.5, False), ({"op": "is_null"}, 1.5, False),
        ({"op": "is_null"}, float("nan"), True), ({"op": "ne", "value": 1}, float("nan"), False), ({"op": "ne", "value": "x"}, "y", True),
    ],
)  # fmt: skip
def test_a_number_with_a_fraction_is_compared_and_what_is_no_number_is_missing(
    leaf: dict[str, Any], value: Any, seen: bool
) -> None:
    assert matches(parse(leaf | {"column": "a"}), {"a": value}) is seen


def test_an_instant_is_kept_in_utc_and_local_where_it_says_no_offset() -> None:
    noon = datetime(2026, 3, 2, 12)  # noqa: DTZ001 - without an offset
    assert aware(noon) == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert aware(noon.replace(tzinfo=timezone(timedelta(hours=-1)))) == datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert aware(noon).utcoffset() == timedelta(0)
