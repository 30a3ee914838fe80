"""One rule or more for every expectation type, meant to pass on some rows and fail on others."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any]]
VALUES = "expect_column_values_to_"
EVERY_COLUMN = ("id", "big", "n", "x", "y", "s", "code", "d", "t", "z", "dec", "b", "tm")
ORDERED = tuple(name for name in EVERY_COLUMN if name != "b")
NUMBERS = ("id", "big", "n", "m", "x", "y", "dec")


def _over(columns: tuple[str, ...], name: str, **kwargs: Any) -> list[Case]:
    return [(name, {"column": column, **kwargs}) for column in columns]


def _text(column: str, name: str, **kwargs: Any) -> Case:
    return (VALUES + name, {"column": column, **kwargs})


PATTERNS = (
    r"^\w+$", r"\d", r"^\d+$", r"\s", r"^\S+$", r"\D", r"[^\W\d]", r"[\s\S]", r"a$", r"^a\Z", r".", r"^.$", r"(?i)^a",
    r"\bx\b", r"(?<!x)a", r"(.)\1", r"^[\u4e00-\u9fff]{2}$", r"[😀]", r"^$", r"^(A|B|10)$", r"%_'\"", r"\.0$", r"^-",
    r"^\d{4}-\d{2}-\d{2}$", r"(true|false)", r"x{0,3}?y|A",
)  # fmt: skip
LIKES = ("%", "_", "A%", "%x%", "", "100\\%\\_%", "__", "%中%", "2024-%")

CASES: list[Case] = [
    *_over(EVERY_COLUMN, VALUES + "not_be_null"),
    *_over(EVERY_COLUMN, VALUES + "be_null"),
    *_over(EVERY_COLUMN, VALUES + "be_unique"),
    *_over(ORDERED, VALUES + "be_increasing"),
    *_over(ORDERED, VALUES + "be_increasing", strictly=True),
    *_over(ORDERED, VALUES + "be_decreasing"),
    _text("b", "be_increasing"),
    _text("code", "not_be_null", mostly=0.85),
    _text("code", "be_in_set", value_set=["A", "B"], mostly=0.4),
    # bounds of the right kind
    *_over(("id", "n", "x", "y", "dec"), VALUES + "be_between", min_value=0, max_value=3.3),
    *_over(("id", "n", "x", "y", "dec"), VALUES + "be_between", min_value=1.1, strict_min=True),
    *_over(("id", "n", "x", "y", "dec"), VALUES + "be_between", max_value=2, strict_max=True),
    _text("big", "be_between", min_value=0, max_value=2**53),
    _text("d", "be_between", min_value="2024-01-01", max_value="2024-02-29"),
    _text("d", "be_between", min_value="2024-01-01T12:00:00"),
    _text("t", "be_between", min_value="2024-01-01", max_value="2024-06-01T00:00:00", strict_max=True),
    _text("t", "be_between", min_value="2024-01-01T03:00:00+03:00"),
    _text("z", "be_between", min_value="2024-01-03T00:30:00+08:00"),
    _text("z", "be_between", min_value="2024-01-05"),
    _text("tm", "be_between", min_value="08:00:00", max_value="18:00"),
    _text("code", "be_between", min_value="A", max_value="B"),
    # bounds of the wrong kind
    _text("s", "be_between", min_value=1),
    _text("n", "be_between", min_value="1"),
    _text("b", "be_between", min_value=0),
    _text("d", "be_between", min_value=20240101),
    _text("d", "be_between", min_value="soon"),
    _text("no such column", "be_between", min_value=1),
    # sets
    _text("id", "be_in_set", value_set=[1, 2, 3.0, "5", None, True]),
    _text("big", "be_in_set", value_set=[2**53 + 1, 2**62]),
    _text("x", "be_in_set", value_set=[1.5, 2, 0]),
    _text("code", "be_in_set", value_set=["A", "", 10, None]),
    _text("d", "be_in_set", value_set=["2024-01-01", "2024-02-29", "x"]),
    _text("t", "be_in_set", value_set=["2024-01-01T03:00:00"]),
    _text("z", "be_in_set", value_set=["2024-01-02T00:30:00+08:00", "2024-01-03T16:30:00"]),
    _text("dec", "be_in_set", value_set=[1.1, 3.3, 7]),
    _text("b", "be_in_set", value_set=[True]),
    _text("b", "be_in_set", value_set=[1, 0]),
    _text("tm", "be_in_set", value_set=["08:00:00", "12:00"]),
    _text("code", "not_be_in_set", value_set=["A", ""]),
    _text("n", "not_be_in_set", value_set=[1, 1000]),
    _text("d", "not_be_in_set", value_set=["2024-02-01"]),
    # text
    *[_text(column, name, regex=pattern) for pattern in PATTERNS for column in ("s", "code") for name in ("match_regex", "not_match_regex")],
    *[_text(column, "match_regex", regex=r"^[12]|\.0$|0:00|true") for column in EVERY_COLUMN],
    _text("code", "match_regex_list", regex_list=["^A", "B$", r"\d"]),
    _text("code", "match_regex_list", regex_list=["[AB]", "A"], match_on="all"),
    _text("code", "not_match_regex_list", regex_list=["^A", "^a"]),
    *[_text("s", name, like_pattern=like) for like in LIKES for name in ("match_like_pattern", "not_match_like_pattern")],
    _text("s", "match_like_pattern", like_pattern="100!%!_%", escape="!"),
    _text("n", "match_like_pattern", like_pattern="1%"),
    _text("code", "match_like_pattern_list", like_pattern_list=["A%", "_"]),
    _text("code", "match_like_pattern_list", like_pattern_list=["A%", "_"], match_on="all"),
    _text("code", "not_match_like_pattern_list", like_pattern_list=["A%", "C"]),
    *_over(EVERY_COLUMN, "expect_column_value_lengths_to_be_between", min_value=2, max_value=8),
    *_over(("s", "code", "n"), "expect_column_value_lengths_to_equal", value=1),
    _text("when", "match_strftime_format", strftime_format="%Y-%m-%d"),
    _text("d", "match_strftime_format", strftime_format="%Y-%m-%d"),
    _text("when", "be_dateutil_parseable"),
    _text("n", "be_dateutil_parseable"),
    _text("j", "be_json_parseable"),
    _text("j", "match_json_schema", json_schema={"type": "object", "properties": {"a": {"type": "integer"}}}),
    _text("j", "match_json_schema", json_schema={"type": "nonsense"}),
    # spread
    *_over(("n", "y", "x", "dec", "s"), "expect_column_value_z_scores_to_be_less_than", threshold=2, double_sided=True),
    *_over(("n", "y"), "expect_column_value_z_scores_to_be_less_than", threshold=1, double_sided=False),
    *_over(("n", "y", "x", "dec", "code"), VALUES + "not_be_outliers"),
    *_over(("n", "y", "dec"), VALUES + "not_be_outliers", method="std", multiplier=2),
    _text("n", "not_be_outliers", multiplier=0),
    # types
    *[(VALUES + "be_of_type", {"column": column, "type_": kind}) for column, kind in (("n", "INTEGER"), ("n", "int64"), ("s", "str"), ("s", "VARCHAR"), ("d", "DATE"), ("d", "int"), ("dec", "DECIMAL(12,2)"), ("z", "datetime"), ("n", "nonsense"))],
    _text("s", "be_in_type_list", type_list=["str", "object"]),
    _text("s", "be_in_type_list", type_list=["int64", "DATE"]),
    ("expect_column_type_to_be", {"column": "t", "type_": "datetime64[us]"}),
    ("expect_column_type_to_be", {"column": "t", "type_": "date"}),
    # pairs
    *[("expect_column_pair_values_to_be_equal", {"column_A": a, "column_B": b}) for a, b in (("n", "m"), ("d", "e"), ("x", "y"), ("n", "y"), ("n", "dec"), ("d", "t"), ("s", "n"), ("z", "t"), ("d", "z"))],
    ("expect_column_pair_values_to_be_equal", {"column_A": "d", "column_B": "e", "ignore_row_if": "either_value_is_missing"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "d", "column_B": "e", "ignore_row_if": "neither"}),
    *[("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": a, "column_B": b, "or_equal": equal}) for equal in (True, False) for a, b in (("n", "m"), ("d", "e"), ("x", "y"), ("dec", "y"), ("t", "d"), ("s", "code"), ("tm", "tm"))],
    ("expect_column_pair_values_to_be_in_set", {"column_A": "n", "column_B": "code", "value_pairs_set": [[1, "A"], [3, None], [2, "A"], ["x", "B"]]}),
    ("expect_column_pair_values_to_be_in_set", {"column_A": "d", "column_B": "e", "value_pairs_set": [["2024-01-01", "2024-01-01"]], "row_condition": "n < 5", "condition_parser": "pandas"}),
    # records
    *[("expect_compound_columns_to_be_unique", {"column_list": columns}) for columns in (["id", "code"], ["b", "tm"], ["d", "e"], ["s", "x", "dec"], ["z", "code"], ["id"])],
    ("expect_compound_columns_to_be_unique", {"column_list": ["b", "d"], "ignore_row_if": "any_value_is_missing"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["b", "d"], "ignore_row_if": "never"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["b", "tm"], "mostly": 0.5}),
    *[("expect_select_column_values_to_be_unique_within_record", {"column_list": columns}) for columns in (["n", "m"], ["n", "m", "id"], ["d", "e"], ["s", "code"], ["n", "s"])],
    *[("expect_multicolumn_values_to_be_equal", {"column_list": columns}) for columns in (["n", "m"], ["d", "e"], ["n", "m", "id"], ["n"])],
    *[("expect_multicolumn_sum_to_equal", {"column_list": columns, "sum_total": total}) for columns, total in ((["n", "m"], 4), (["n", "dec"], 2.1), (["y", "n"], 2.5), (["n", "s"], 1), (["id", "m"], 2))],
    ("expect_multicolumn_sum_to_equal", {"column_list": ["id", "m"], "sum_total": 2, "ignore_row_if": "any_value_is_missing"}),
    # aggregates
    *[(f"expect_column_{end}_to_be_between", {"column": column, "min_value": 1, "max_value": 50}) for end in ("max", "min", "mean", "median", "stdev", "sum") for column in (*NUMBERS, "s", "b")],
    *[(f"expect_column_{end}_to_be_between", {"column": column, **bounds}) for end in ("max", "min") for column, bounds in (("d", {"min_value": "2024-01-01"}), ("t", {"max_value": "2025-01-01", "strict_max": True}), ("z", {"min_value": "2024-01-02T00:00:00+08:00"}), ("tm", {"min_value": "00:00", "max_value": "12:00"}), ("code", {"min_value": "A", "max_value": "a"}), ("d", {"min_value": 3}))],
    *[(f"expect_column_{name}_to_be_between", {"column": column, "min_value": 1, "max_value": 8}) for name in ("unique_value_count", "proportion_of_unique_values", "proportion_of_non_null_values") for column in EVERY_COLUMN],
    *[("expect_column_quantile_values_to_be_between", {"column": column, "quantile_ranges": {"quantiles": [0, 0.1, 0.25, 0.5, 0.75, 1], "value_ranges": [[0, 2], [None, 2], [0, 3], [0, 5], [0, None], [None, None]]}, **how}) for column in ("id", "big", "n", "y", "x", "dec", "s") for how in ({}, {"allow_relative_error": "linear"}, {"allow_relative_error": "lower"}, {"allow_relative_error": "higher"}, {"allow_relative_error": "midpoint"})],
    *[(f"expect_column_distinct_values_to_{how}_set", {"column": column, "value_set": values}) for how in ("be_in", "contain", "equal") for column, values in (("code", ["A", "B", "C", "a", "", "10"]), ("code", ["A"]), ("n", [1, 2, 3, 5, 8, 13, 21, 34, 1000]), ("d", ["2024-01-01", "2024-02-01"]), ("dec", [1.1, 3.3]), ("b", [True, False]), ("z", ["2024-01-01T00:00:00Z"]), ("x", [2, 1.5]), ("tm", ["08:00:00"]), ("n", ["1"]))],
    *[("expect_column_most_common_value_to_be_in_set", {"column": column, "value_set": values, "ties_okay": ties}) for ties in (True, False) for column, values in (("code", ["A", "B"]), ("n", [1]), ("d", ["2024-01-01"]), ("b", [True]), ("z", ["2024-01-01"]), ("dec", [1.1]))],
    ("expect_column_kl_divergence_to_be_less_than", {"column": "code", "partition_object": {"values": ["A", "B", "C", "a", "", "10"], "weights": [0.2, 0.2, 0.2, 0.2, 0.1, 0.1]}, "threshold": 0.1}),
    ("expect_column_kl_divergence_to_be_less_than", {"column": "n", "partition_object": {"bins": [0, 10, 100, 1000], "weights": [0.5, 0.3, 0.2]}, "threshold": 0.5}),
    # the table
    ("expect_column_to_exist", {"column": "n"}),
    ("expect_column_to_exist", {"column": "n", "column_index": 2}),
    ("expect_column_to_exist", {"column": "__row__"}),
    ("expect_table_columns_to_match_set", {"column_set": ["n", "m"], "exact_match": False}),
    ("expect_table_columns_to_match_set", {"column_set": ["n", "m"]}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": ["id", "big"]}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": ["id", "big", "n", "m", "x", "y", "s", "code", "when", "j", "d", "e", "t", "z", "dec", "b", "tm"]}),
    ("expect_table_column_count_to_equal", {"value": 17}),
    ("expect_table_column_count_to_be_between", {"min_value": 18}),
    ("expect_table_row_count_to_equal", {"value": 10}),
    ("expect_table_row_count_to_be_between", {"min_value": 2, "max_value": 10}),
    ("expect_table_row_count_to_be_between", {"min_value": 2, "row_condition": "n > 5", "condition_parser": "pandas"}),
    # row conditions
    *[(VALUES + "not_be_null", {"column": "code", "row_condition": condition, "condition_parser": parser}) for condition, parser in (
        ("n > 2", "pandas"), ("n > 2 and b == True", "pandas"), ("n in [3, 5] or s == '中文'", "pandas"), ("not (n < 3)", "pandas"),
        ("code != 'A'", "pandas"), ("id != 2", "pandas"), ("m.notnull() & (n <= m)", "pandas"), ("d >= '2024-01-01'", "pandas"),
        ("b", "pandas"), ("`code` not in ['A']", "pandas"), ("1 < n < 30", "pandas"), ("x.isnull()", "pandas"),
        ('col("n") > 2', "great_expectations"), ('col("code").notnull()', "great_expectations"), ('col("d") < date("2024-02-01")', "great_expectations"),
        ({"type": "comparison", "column": {"name": "n"}, "operator": ">=", "parameter": 3}, None),
        ({"type": "and", "conditions": [{"type": "nullity", "column": {"name": "id"}, "is_null": False}, {"type": "comparison", "column": {"name": "n"}, "operator": "IN", "parameter": [3, 5]}]}, None),
        ("nope > 1", "pandas"), ("n > 'x'", "pandas"),
    )],
    (VALUES + "be_unique", {"column": "id", "row_condition": "n < 3", "condition_parser": "pandas"}),
    (VALUES + "be_increasing", {"column": "n", "row_condition": "id > 2", "condition_parser": "pandas"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["id", "code"], "row_condition": "n < 3", "condition_parser": "pandas"}),
    ("expect_column_mean_to_be_between", {"column": "n", "min_value": 1, "max_value": 3, "row_condition": "n < 5", "condition_parser": "pandas"}),
    ("expect_column_median_to_be_between", {"column": "n", "min_value": 1, "max_value": 1, "row_condition": "n < 5", "condition_parser": "pandas"}),
    # what Great Expectations lacks
    _text("code", "be_credit_codes"),
    *_over(("s", "big", "x", "d"), VALUES + "hold_no_phone_numbers"),
    *_over(("when", "y"), VALUES + "hold_no_id_card_numbers"),
    *[("expect_coordinates_to_lie_in_area", {"longitude": lon, "latitude": lat, "area": area}) for lon, lat, area in (("n", "m", [0, 0, 10, 2.5]), ("x", "y", {"type": "Polygon", "coordinates": [[[-8, -8], [40, 0], [3, 30], [-8, -8]]]}), ("dec", "id", [0, 0, 4, 4]))],
    *[("expect_groups_to_hold_at_least_k_rows", {"column_list": columns, "k": k, **how}) for columns, k, how in ((["b"], 4, {}), (["b", "tm"], 2, {"ignore_row_if": "never"}), (["x", "dec"], 2, {"mostly": 0.5}), (["d", "z", "s"], 2, {}))],
    *[("expect_groups_to_report", {"column": column, "value_set": values, **how}) for column, values, how in (("code", ["A", "B", None], {}), ("n", [1, 2, "x"], {"time_column": "z", "daily_share": 0}), ("code", ["A"], {"time_column": "t", "daily_share": 0.1}), ("code", ["A"], {"time_column": "d"}), ("n", [3], {"row_condition": "n > 2", "condition_parser": "pandas"}))],
    *[("expect_column_values_to_be_fresh", {"column": column, "max_age": age, "reference": "2024-03-02T01:00:00+08:00"}) for column, age in (("e", "P1D"), ("t", "P2M"), ("z", "P2M"), ("s", "PT1S"))],
    # the suite's own SQL
    *[("unexpected_rows_expectation", {"unexpected_rows_query": query}) for query in (
        "SELECT * FROM {batch} WHERE n > 8", "SELECT n, code FROM {batch} WHERE n > 8;", "SELECT code, count(*) FROM {batch} GROUP BY code HAVING count(*) > 1",
        "SELECT __row__ FROM {batch} WHERE s LIKE '%:%' OR x IS NULL", "SELECT * FROM {batch} WHERE FALSE", "SELECT nonsense FROM {batch}",
        "SELECT * FROM read_csv('/etc/passwd'), {batch}", "DROP VIEW {batch}", "SELECT * FROM {batch} WHERE d = DATE '2024-01-01' -- comment",
    )],
]  # fmt: skip
