"""Short forms for the expectations of the sample suites, in Great Expectations' own JSON shape.

`meta` carries the GB/T 36344 sub-indicator, a rule id that is unique within the suite, and the rule as a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.text import Text

Check = dict[str, Any]

MOBILE = r"1[3-9][0-9]{9}"
CITIZEN_ID = r"[1-9][0-9]{16}[0-9X]"
PLATE = r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][A-Z0-9]{5,6}"


def check(
    rule_id: str, code: str, kind: str, text: Text, *, severity: str = "critical", **kwargs: object
) -> Check:
    meta = {"gbt36344": code, "rule_id": rule_id, "title_zh": text.zh, "title_en": text.en}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": meta}


def suite(dataset_id: str, *checks: Check) -> dict[str, Any]:
    return {
        "name": f"{dataset_id}.intake",
        "expectations": list(checks),
        "meta": {"dataset": dataset_id, "stage": "intake"},
    }


def export_suite(dataset_id: str, *checks: Check) -> dict[str, Any]:
    return {
        "name": f"{dataset_id}.export",
        "expectations": list(checks),
        "meta": {"dataset": dataset_id, "stage": "export"},
    }


def withheld(rule_id: str, name: str, text: Text) -> Check:
    """A column that may only leave empty, hence not at all."""
    return check(rule_id, "0106", "expect_column_values_to_be_null", text, column=name)


def without_phones(rule_id: str, name: str, text: Text) -> Check:
    return check(rule_id, "0106", "expect_column_values_to_hold_no_phone_numbers", text, column=name)


def present(rule_id: str, name: str, text: Text, *, severity: str = "critical") -> Check:
    return check(rule_id, "0201", "expect_column_values_to_not_be_null", text, severity=severity, column=name)


def known(
    rule_id: str,
    name: str,
    values: Sequence[str | int],
    text: Text,
    *,
    code: str = "0105",
    severity: str = "critical",
) -> Check:
    kind = "expect_column_values_to_be_in_set"
    return check(rule_id, code, kind, text, severity=severity, column=name, value_set=list(values))


def covers(
    rule_id: str, name: str, values: Sequence[str], text: Text, *, severity: str = "critical"
) -> Check:
    kind = "expect_column_distinct_values_to_contain_set"
    return check(rule_id, "0202", kind, text, severity=severity, column=name, value_set=list(values))


def within(
    rule_id: str,
    name: str,
    low: float | str | None,
    high: float | str | None,
    text: Text,
    *,
    code: str = "0301",
    severity: str = "critical",
) -> Check:
    kind = "expect_column_values_to_be_between"
    return check(rule_id, code, kind, text, severity=severity, column=name, min_value=low, max_value=high)


def at_least(
    rule_id: str, more: str, less: str, text: Text, *, code: str = "0402", severity: str = "critical"
) -> Check:
    """`more` ≥ `less` in each row where both are given."""
    kind = "expect_column_pair_values_a_to_be_greater_than_b"
    return check(
        rule_id,
        code,
        kind,
        text,
        severity=severity,
        column_A=more,
        column_B=less,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def shaped(rule_id: str, name: str, regex: str, text: Text, *, code: str = "0302") -> Check:
    return check(rule_id, code, "expect_column_values_to_match_regex", text, column=name, regex=regex)


def free_of(rule_id: str, name: str, regex: str, text: Text, *, severity: str = "critical") -> Check:
    kind = "expect_column_values_to_not_match_regex"
    return check(rule_id, "0106", kind, text, severity=severity, column=name, regex=regex)


def exists(
    rule_id: str,
    names: Sequence[str],
    dataset: str,
    text: Text,
    *,
    others: Sequence[str] = (),
    severity: str = "critical",
) -> Check:
    """Each key is one of the current release of `dataset`; `others`: its columns there, where they are named otherwise."""
    kind = "expect_column_values_to_exist_in_dataset"
    where = {"column": names[0]} if len(names) == 1 else {"column_list": list(names)}
    there = {"other_columns": list(others)} if others else {}
    return check(rule_id, "0402", kind, text, severity=severity, dataset=dataset, **where, **there)


def unique(rule_id: str, names: Sequence[str], text: Text, *, code: str = "0304") -> Check:
    if len(names) == 1:
        return check(rule_id, code, "expect_column_values_to_be_unique", text, column=names[0])
    return check(rule_id, code, "expect_compound_columns_to_be_unique", text, column_list=list(names))


def no_rows(rule_id: str, code: str, query: str, text: Text, *, severity: str = "critical") -> Check:
    """A rule in SQL over `{batch}`: each row that the query returns is a fault."""
    kind = "unexpected_rows_expectation"
    return check(rule_id, code, kind, text, severity=severity, unexpected_rows_query=query)


def none_where(rule_id: str, code: str, condition: str, text: Text, *, severity: str = "critical") -> Check:
    query = f"SELECT * FROM {{batch}} WHERE {condition}"  # noqa: S608 - the conditions are constants of this package
    return no_rows(rule_id, code, query, text, severity=severity)


def exactly_columns(rule_id: str, columns: Sequence[dict[str, Any]]) -> Check:
    return check(
        rule_id,
        "0102",
        "expect_table_columns_to_match_set",
        Text(
            "字段与数据字典一致，不多不少",
            "The columns are those of the data dictionary, no more and no fewer",
        ),
        column_set=[column["name"] for column in columns],
        exact_match=True,
    )
