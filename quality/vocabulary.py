"""Every expectation type that a suite may use: what it looks at and which arguments it takes. Data, no logic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from core.text import Text
from quality.kinds import MOMENTS, NUMERIC, ORDERED, Kind


class Shape(StrEnum):
    """What a rule looks at; COLUMN, PAIR and RECORD rules point at single rows."""

    COLUMN = "column"
    PAIR = "pair"
    RECORD = "record"
    AGGREGATE = "aggregate"
    TYPE = "type"
    TABLE = "table"
    QUERY = "query"


ROW_SHAPES: Final = frozenset({Shape.COLUMN, Shape.PAIR, Shape.RECORD})
DOMAIN_KEYS: Final[Mapping[Shape, tuple[str, ...]]] = {
    Shape.COLUMN: ("column",),
    Shape.PAIR: ("column_A", "column_B"),
    Shape.RECORD: ("column_list",),
    Shape.AGGREGATE: ("column",),
    Shape.TYPE: ("column",),
    Shape.TABLE: (),
    Shape.QUERY: (),
}
# Written by Great Expectations into exported suites; they do not change the outcome and are let go.
KEY_COLUMNS: Final = "unexpected_index_column_names"
"""Great Expectations' name for the columns by which failing rows are told; kept in a rule's `meta`."""
IGNORED_KEYS: Final = frozenset({"batch_id", "result_format", "catch_exceptions", "windows", "strict"})
BOUNDS: Final = ("min_value", "max_value")


class Exclusion(NamedTuple):
    """Why a type that Great Expectations ships is refused by name."""

    code: str
    why: Text


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """`needs_one`: at least one of these must be given (a rule without a bound checks nothing).

    kinds: what the columns it looks at may hold; anything else is an error, not a failure.
    keys: the arguments that name its columns, where they are not those of its shape.
    either: its columns are named by exactly one of these. also: further arguments that may name columns.
    """

    name: str
    shape: Shape
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    needs_one: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset(Kind)
    keys: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def domain(self) -> tuple[str, ...]:
        return () if self.either else self.keys or DOMAIN_KEYS[self.shape]

    @property
    def all_required(self) -> tuple[str, ...]:
        return (*self.domain, *self.required)

    @property
    def allowed(self) -> frozenset[str]:
        extra: tuple[str, ...] = ()
        if self.shape in ROW_SHAPES:
            extra += ("mostly",)
        if self.shape in ROW_SHAPES | {Shape.AGGREGATE} or self.name.startswith("expect_table_row_count"):
            extra += ("row_condition", "condition_parser")
        if self.shape in {Shape.PAIR, Shape.RECORD}:
            extra += ("ignore_row_if",)
        extra += (*self.either, *self.also)
        return frozenset((*self.all_required, *self.optional, *self.needs_one, *extra))

    def columns(self, kwargs: Mapping[str, Any]) -> list[str]:
        """The columns of the checked table that a rule with these arguments looks at, in order."""
        names: list[Any] = []
        for key in (*self.domain, *self.either, *self.also):
            value = kwargs.get(key, [])
            names += value if isinstance(value, list) else [value]
        return [str(each["column"] if isinstance(each, Mapping) else each) for each in names]


_STRICT: Final = ("strict_min", "strict_max")


_SLACK: Final = ("factor", "tolerance", "tolerance_share")
_TEXT: Final = frozenset({Kind.TEXT})
_PLAIN: Final = frozenset(Kind) - {Kind.OTHER}


def _between(name: str, shape: Shape = Shape.AGGREGATE, kinds: frozenset[Kind] = frozenset(Kind)) -> TypeSpec:
    return TypeSpec(name, shape, optional=_STRICT, needs_one=BOUNDS, kinds=kinds)


def _column(
    name: str, *required: str, optional: tuple[str, ...] = (), kinds: frozenset[Kind] = frozenset(Kind)
) -> TypeSpec:
    return TypeSpec(f"expect_column_{name}", Shape.COLUMN, required, optional, kinds=kinds)


def _aggregate(name: str, kinds: frozenset[Kind] = frozenset(Kind)) -> TypeSpec:
    return _between(f"expect_column_{name}_to_be_between", kinds=kinds)


_SPECS: Final = (
    _column("values_to_not_be_null"),
    _column("values_to_be_null"),
    _column("values_to_be_unique"),
    _column("values_to_be_in_set", "value_set"),
    _column("values_to_not_be_in_set", "value_set"),
    _between("expect_column_values_to_be_between", Shape.COLUMN, ORDERED),
    _between("expect_column_value_lengths_to_be_between", Shape.COLUMN),
    _column("value_lengths_to_equal", "value"),
    _column("values_to_match_regex", "regex"),
    _column("values_to_not_match_regex", "regex"),
    _column("values_to_match_regex_list", "regex_list", optional=("match_on",)),
    _column("values_to_not_match_regex_list", "regex_list"),
    _column("values_to_match_like_pattern", "like_pattern", optional=("escape",)),
    _column("values_to_not_match_like_pattern", "like_pattern", optional=("escape",)),
    _column("values_to_match_like_pattern_list", "like_pattern_list", optional=("match_on", "escape")),
    _column("values_to_not_match_like_pattern_list", "like_pattern_list", optional=("escape",)),
    _column("values_to_match_strftime_format", "strftime_format", kinds=_TEXT),
    _column("values_to_be_dateutil_parseable", kinds=_TEXT),
    _column("values_to_be_json_parseable", kinds=_TEXT),
    _column("values_to_match_json_schema", "json_schema", kinds=_TEXT),
    _column("values_to_be_increasing", optional=("strictly",), kinds=ORDERED),
    _column("values_to_be_decreasing", optional=("strictly",), kinds=ORDERED),
    _column("value_z_scores_to_be_less_than", "threshold", "double_sided", kinds=NUMERIC),
    _column("values_to_not_be_outliers", optional=("method", "multiplier"), kinds=NUMERIC),
    TypeSpec("expect_column_values_to_be_of_type", Shape.TYPE, ("type_",), ("mostly",)),
    TypeSpec("expect_column_values_to_be_in_type_list", Shape.TYPE, ("type_list",), ("mostly",)),
    TypeSpec("expect_column_type_to_be", Shape.TYPE, ("type_",)),
    TypeSpec("expect_column_pair_values_to_be_equal", Shape.PAIR),
    TypeSpec(
        "expect_column_pair_values_a_to_be_greater_than_b", Shape.PAIR, (), ("or_equal",), kinds=ORDERED
    ),
    TypeSpec("expect_column_pair_values_to_be_in_set", Shape.PAIR, ("value_pairs_set",)),
    TypeSpec("expect_compound_columns_to_be_unique", Shape.RECORD),
    TypeSpec("expect_select_column_values_to_be_unique_within_record", Shape.RECORD),
    TypeSpec("expect_multicolumn_sum_to_equal", Shape.RECORD, ("sum_total",), kinds=NUMERIC),
    TypeSpec("expect_multicolumn_values_to_be_equal", Shape.RECORD),
    _aggregate("max", ORDERED),
    _aggregate("min", ORDERED),
    _aggregate("mean", NUMERIC),
    _aggregate("median", NUMERIC),
    _aggregate("stdev", NUMERIC),
    _aggregate("sum", NUMERIC),
    _aggregate("unique_value_count"),
    _aggregate("proportion_of_unique_values"),
    _aggregate("proportion_of_non_null_values"),
    TypeSpec(
        "expect_column_quantile_values_to_be_between",
        Shape.AGGREGATE,
        ("quantile_ranges",),
        ("allow_relative_error",),
        kinds=NUMERIC,
    ),
    TypeSpec("expect_column_distinct_values_to_be_in_set", Shape.AGGREGATE, ("value_set",)),
    TypeSpec("expect_column_distinct_values_to_contain_set", Shape.AGGREGATE, ("value_set",)),
    TypeSpec("expect_column_distinct_values_to_equal_set", Shape.AGGREGATE, ("value_set",)),
    TypeSpec("expect_column_most_common_value_to_be_in_set", Shape.AGGREGATE, ("value_set",), ("ties_okay",)),
    TypeSpec(
        "expect_column_kl_divergence_to_be_less_than",
        Shape.AGGREGATE,
        ("partition_object", "threshold"),
        ("tail_weight_holdout", "internal_weight_holdout", "bucketize_data"),
        kinds=NUMERIC | {Kind.TEXT, Kind.BOOLEAN},
    ),
    TypeSpec("expect_column_to_exist", Shape.TABLE, ("column",), ("column_index",)),
    TypeSpec("expect_table_columns_to_match_set", Shape.TABLE, ("column_set",), ("exact_match",)),
    TypeSpec("expect_table_columns_to_match_ordered_list", Shape.TABLE, ("column_list",)),
    TypeSpec("expect_table_column_count_to_equal", Shape.TABLE, ("value",)),
    TypeSpec("expect_table_column_count_to_be_between", Shape.TABLE, needs_one=BOUNDS),
    TypeSpec("expect_table_row_count_to_equal", Shape.TABLE, ("value",)),
    _between("expect_table_row_count_to_be_between", Shape.TABLE),
    TypeSpec("unexpected_rows_expectation", Shape.QUERY, ("unexpected_rows_query",), ("description",)),
    # Great Expectations has none of these; what they mean stands in quality/own.
    _column("values_to_be_credit_codes", kinds=_TEXT),
    _column("values_to_hold_no_phone_numbers", kinds=_TEXT | NUMERIC),
    _column("values_to_hold_no_id_card_numbers", kinds=_TEXT | NUMERIC),
    TypeSpec(
        "expect_coordinates_to_lie_in_area",
        Shape.PAIR,
        ("area",),
        kinds=NUMERIC,
        keys=("longitude", "latitude"),
    ),
    TypeSpec("expect_groups_to_hold_at_least_k_rows", Shape.RECORD, ("k",), kinds=_PLAIN),
    TypeSpec(
        "expect_groups_to_report",
        Shape.AGGREGATE,
        ("value_set",),
        ("time_column", "daily_share"),
        kinds=_TEXT | {Kind.INTEGER},
    ),
    TypeSpec(
        "expect_column_values_to_be_fresh", Shape.AGGREGATE, ("max_age",), ("reference",), kinds=MOMENTS
    ),
    # These look at several rows, at a second table or at the catalogue's lists; see quality/gx/cross_rules.
    _column("values_to_be_in_code_list", "code_list", optional=("version",)),
    TypeSpec(
        "expect_column_values_to_exist_in_dataset",
        Shape.RECORD,
        ("dataset",),
        ("other_columns",),
        either=("column", "column_list"),
    ),
    TypeSpec(
        "expect_values_to_agree_with_dataset",
        Shape.RECORD,
        ("dataset",),
        ("other_keys", "other_column", "comparison", *_SLACK, "unmatched"),
        keys=("keys", "column"),
    ),
    TypeSpec(
        "expect_totals_to_agree_with_dataset",
        Shape.RECORD,
        ("dataset",),
        ("other_group_columns", "other_column", *_SLACK, "unmatched", "also_missing"),
        keys=("group_columns",),
        also=("column",),
    ),
    TypeSpec(
        "expect_counters_to_grow_since_last_release",
        Shape.RECORD,
        (),
        ("strictly", "also_missing"),
        keys=("keys", "column"),
        kinds=_PLAIN,
    ),
    TypeSpec(
        "expect_rows_to_agree_with_last_release",
        Shape.TABLE,
        needs_one=("max_change", "max_removed"),
        also=("keys",),
    ),
    TypeSpec(
        "expect_values_to_rise_over_time",
        Shape.RECORD,
        (),
        ("direction", "strictly", "daily"),
        keys=("group_columns", "time_column", "column"),
    ),
    TypeSpec(
        "expect_values_to_change_slowly",
        Shape.RECORD,
        ("max_change",),
        ("per",),
        keys=("group_columns", "time_column", "column"),
    ),
    TypeSpec(
        "expect_delays_to_be_between",
        Shape.PAIR,
        needs_one=("min_delay", "max_delay"),
        kinds=MOMENTS,
        keys=("since", "until"),
    ),
    TypeSpec(
        "expect_coordinates_to_fit_crs",
        Shape.PAIR,
        ("crs", "area"),
        kinds=NUMERIC,
        keys=("longitude", "latitude"),
    ),
)
TYPES: Final[Mapping[str, TypeSpec]] = {spec.name: spec for spec in _SPECS}
_SECOND_TABLE: Final = Exclusion(
    "needs-second-table",
    Text(
        "需要第二张表，单表关口无法运行",
        "compares with a second table, which a gate over one table cannot run",
    ),
)
_UNFINISHED: Final = Exclusion(
    "never-runs",
    Text(
        "在 Great Expectations 中只有名称：其类无法构造，任何引擎都没有对应指标",
        "is a name alone in Great Expectations: its class cannot be constructed, and no engine has a metric for it",
    ),
)
EXCLUDED: Final[Mapping[str, Exclusion]] = {
    "expect_table_row_count_to_equal_other_table": _SECOND_TABLE,
    "expect_query_results_to_match_comparison": _SECOND_TABLE,
    "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than": _UNFINISHED,
    "expect_column_chisquare_test_p_value_to_be_greater_than": _UNFINISHED,
    "expect_column_pair_cramers_phi_value_to_be_less_than": _UNFINISHED,
    "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than": _UNFINISHED,
    "expect_multicolumn_values_to_be_unique": Exclusion(
        "never-runs",
        Text(
            "在 Great Expectations 中没有指定任何指标，任何引擎都无法运行；请改用 expect_compound_columns_to_be_unique",
            "names no metric in Great Expectations, so no engine can run it; use expect_compound_columns_to_be_unique",
        ),
    ),
}
"""What Great Expectations ships and no suite here may name, with the reason."""
_FLAT: Final = {name.replace("_", ""): each for name, each in EXCLUDED.items()}


def excluded(name: str) -> Exclusion | None:
    """Why a shipped type is refused; told apart without underscores, as class names have none (`ChiSquare`, `PValue`)."""
    return _FLAT.get(name.replace("_", "").lower())


def camel(name: str) -> str:
    """`expect_values_to_rise_over_time` → `ExpectValuesToRiseOverTime`."""
    return "".join(part.capitalize() for part in name.split("_"))


def snake(name: str) -> str:
    """`ExpectColumnValuesToBeUnique` → `expect_column_values_to_be_unique`; snake names stay."""
    return (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[AB])(?=To)|(?<=K)(?=Rows)", "_", name).lower()
        if name[:1].isupper()
        else name
    )
