"""Each rule in one plain sentence, Chinese and English: what stewards read beside a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from core.text import Text
from quality import cross_wording
from quality.cross_wording import percent
from quality.own.ages import BY_FREQUENCY

_SHOWN: Final = 8


class Rule(Protocol):
    """An expectation or its outcome."""

    type: str
    kwargs: dict[str, Any]
    meta: dict[str, Any]


Kwargs = Mapping[str, Any]


def describe(rule: Rule) -> Text:
    """The rule as a sentence, with its tolerance and the rows it looks at. The suite's own words come first."""
    return _with_scope(own_words(rule) or _SENTENCES[rule.type](rule.kwargs), rule.kwargs)


def own_words(rule: Rule) -> Text | None:
    """What the suite's author wrote: `meta.title_zh` and `meta.title_en`, or the expectation's own description."""
    words = [rule.meta.get("title_zh"), rule.meta.get("title_en"), rule.kwargs.get("description")]
    zh, en, both = (word.strip() if isinstance(word, str) else "" for word in words)
    return Text(zh or both or en, en or both or zh) if zh or en or both else None


def severity_name(severity: str) -> Text:
    return {
        "critical": Text("关键（不通过则阻断）", "critical (blocks)"),
        "warning": Text("警告（须签字确认）", "warning (needs a signed confirmation)"),
        "info": Text("提示（仅报告）", "info (reported only)"),
    }[severity]


def _with_scope(said: Text, kwargs: Kwargs) -> Text:
    zh, en = said.zh, said.en
    mostly = kwargs.get("mostly")
    if mostly is not None and mostly < 1:
        zh, en = f"{zh}（至少 {percent(mostly)} 满足）", f"{en} (in at least {percent(mostly)} of the rows)"
    if "row_condition" in kwargs:
        zh, en = f"当 {kwargs['row_condition']} 时，{zh}", f"where {kwargs['row_condition']}: {en}"
    return Text(zh, en)


def _value(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else ("空" if value is None else str(value))


def _listed(values: Sequence[Any]) -> Text:
    shown = [_value(value) for value in list(values)[:_SHOWN]]
    rest = len(values) - len(shown)
    return Text(
        "、".join(shown) + (f" 等 {len(values)} 项" if rest > 0 else ""),
        ", ".join("null" if value is None else _value(value) for value in list(values)[:_SHOWN])
        + (f" and {rest} more" if rest > 0 else ""),
    )


def _range(kwargs: Kwargs) -> Text:
    """不小于 a 且小于 b / at least a and less than b."""
    zh, en = [], []
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None:
        strict = kwargs.get("strict_min")
        zh.append(f"{'大于' if strict else '不小于'} {low}")
        en.append(f"{'more than' if strict else 'at least'} {low}")
    if high is not None:
        strict = kwargs.get("strict_max")
        zh.append(f"{'小于' if strict else '不大于'} {high}")
        en.append(f"{'less than' if strict else 'at most'} {high}")
    return Text(" 且".join(zh), " and ".join(en))


def _column(zh: str, en: str, *keys: str) -> Callable[[Kwargs], Text]:
    """A sentence about one column; `{}` takes the arguments named by `keys`."""

    def said(kwargs: Kwargs) -> Text:
        values = [kwargs.get(key) for key in keys]
        texts = [
            _listed(value) if isinstance(value, list) else Text(str(value), str(value)) for value in values
        ]
        return Text(
            f"“{kwargs['column']}”" + zh.format(*(text.zh for text in texts)),
            f'"{kwargs["column"]}" ' + en.format(*(text.en for text in texts)),
        )

    return said


def _ranged(zh: str, en: str) -> Callable[[Kwargs], Text]:
    def said(kwargs: Kwargs) -> Text:
        bounds = _range(kwargs)
        name = kwargs.get("column")
        subject = (f"“{name}”", f'"{name}" ') if name else ("", "")
        return Text(f"{subject[0]}{zh}{bounds.zh}", f"{subject[1]}{en} {bounds.en}")

    return said


def _table(zh: str, en: str, *keys: str) -> Callable[[Kwargs], Text]:
    def said(kwargs: Kwargs) -> Text:
        texts = [
            _listed(value) if isinstance(value := kwargs.get(key), list) else Text(str(value), str(value))
            for key in keys
        ]
        return Text(zh.format(*(text.zh for text in texts)), en.format(*(text.en for text in texts)))

    return said


def _either(
    key: str, when: Callable[[Kwargs], Text], otherwise: Callable[[Kwargs], Text]
) -> Callable[[Kwargs], Text]:
    return lambda kwargs: when(kwargs) if kwargs.get(key) else otherwise(kwargs)


def _match_on_all(zh: str, en: str, key: str) -> Callable[[Kwargs], Text]:
    def said(kwargs: Kwargs) -> Text:
        every = kwargs.get("match_on") == "all"
        return _column(
            f"须符合{'全部' if every else '其中一个'}{zh}：{{}}",
            f"must match {'all' if every else 'one'} of the {en} {{}}",
            key,
        )(kwargs)

    return said


def _outliers(kwargs: Kwargs) -> Text:
    multiplier = kwargs.get("multiplier", 1.5)
    if kwargs.get("method") == "std":
        return _column(
            f"不得偏离均值 {multiplier} 个标准差以上",
            f"must lie within {multiplier} standard deviations of the mean",
        )(kwargs)
    return _column(
        f"不得超出四分位距的 {multiplier} 倍",
        f"must lie within {multiplier} interquartile ranges of the quartiles",
    )(kwargs)


def _quantiles(kwargs: Kwargs) -> Text:
    ranges = kwargs["quantile_ranges"]
    parts = [
        (percent(quantile), "-∞" if low is None else low, "+∞" if high is None else high)
        for quantile, (low, high) in zip(ranges["quantiles"], ranges["value_ranges"], strict=False)
    ]
    zh = "；".join(f"{quantile} 分位在 {low}～{high}" for quantile, low, high in parts)
    en = "; ".join(f"the {quantile} quantile between {low} and {high}" for quantile, low, high in parts)
    return _column(f"的分位数：{zh}", f"has {en}")(kwargs)


def _pairs(kwargs: Kwargs) -> Text:
    pairs = [
        " / ".join("空" if value is None else str(value) for value in pair)
        for pair in kwargs["value_pairs_set"]
    ]
    said = _table("“{}”与“{}”的组合须为：", '"{}" and "{}" together must be one of ', "column_A", "column_B")(
        kwargs
    )
    listed = _listed(pairs)
    return Text(said.zh + listed.zh, said.en + listed.en)


_REGEX: Final = ("正则表达式 {}", "the regular expression {}")
_LIKE: Final = ("模式 {}", "the pattern {}")


def _coordinates(kwargs: Kwargs) -> Text:
    area = kwargs["area"]
    boxed = ", ".join(map(str, area)) if isinstance(area, list) else None
    return Text(
        f"坐标（经度“{kwargs['longitude']}”、纬度“{kwargs['latitude']}”）须落在"
        + (f"范围 [{boxed}]（西、南、东、北）之内" if boxed else "给定的多边形之内"),
        f'the points (longitude "{kwargs["longitude"]}", latitude "{kwargs["latitude"]}") must lie in '
        + (f"the box [{boxed}] (west, south, east, north)" if boxed else "the given polygon"),
    )


def _reporting(kwargs: Kwargs) -> Text:
    said = _column("须全部上报：{}", "must all have reported: {}", "value_set")(kwargs)
    if "time_column" not in kwargs:
        return said
    share = percent(kwargs.get("daily_share", 1))
    return Text(
        f"{said.zh}；按“{kwargs['time_column']}”每天至少 {share} 上报",
        f'{said.en}; by "{kwargs["time_column"]}" at least {share} of them each day',
    )


def _freshness(kwargs: Kwargs) -> Text:
    since = kwargs.get("reference")
    if kwargs["max_age"] == BY_FREQUENCY:
        return Text(
            f"“{kwargs['column']}”的最新值距{since or '提交时'}不得超过更新周期所允许的时长",
            f'the newest "{kwargs["column"]}" must be no older than the update frequency allows at {since or "hand-in"}',
        )
    return Text(
        f"“{kwargs['column']}”的最新值距{since or '提交时'}不得超过 {kwargs['max_age']}",
        f'the newest "{kwargs["column"]}" must be no older than {kwargs["max_age"]} at {since or "hand-in"}',
    )


_SENTENCES: Final[Mapping[str, Callable[[Kwargs], Text]]] = {
    "expect_column_values_to_not_be_null": _column("不得为空", "must not be empty"),
    "expect_column_values_to_be_null": _column("必须为空", "must be empty"),
    "expect_column_values_to_be_unique": _column("不得重复", "must not repeat"),
    "expect_column_values_to_be_in_set": _column("只能取：{}", "must be one of {}", "value_set"),
    "expect_column_values_to_not_be_in_set": _column("不得取：{}", "must not be any of {}", "value_set"),
    "expect_column_values_to_be_between": _ranged("须", "must be"),
    "expect_column_value_lengths_to_be_between": _ranged("的字符数须", "must have a length of"),
    "expect_column_value_lengths_to_equal": _column("的字符数须为 {}", "must have a length of {}", "value"),
    "expect_column_values_to_match_regex": _column(f"须符合{_REGEX[0]}", f"must match {_REGEX[1]}", "regex"),
    "expect_column_values_to_not_match_regex": _column(
        f"不得符合{_REGEX[0]}", f"must not match {_REGEX[1]}", "regex"
    ),
    "expect_column_values_to_match_regex_list": _match_on_all(
        "正则表达式", "regular expressions", "regex_list"
    ),
    "expect_column_values_to_not_match_regex_list": _column(
        "不得符合其中任何正则表达式：{}", "must match none of the regular expressions {}", "regex_list"
    ),
    "expect_column_values_to_match_like_pattern": _column(
        f"须符合{_LIKE[0]}", f"must match {_LIKE[1]}", "like_pattern"
    ),
    "expect_column_values_to_not_match_like_pattern": _column(
        f"不得符合{_LIKE[0]}", f"must not match {_LIKE[1]}", "like_pattern"
    ),
    "expect_column_values_to_match_like_pattern_list": _match_on_all("模式", "patterns", "like_pattern_list"),
    "expect_column_values_to_not_match_like_pattern_list": _column(
        "不得符合其中任何模式：{}", "must match none of the patterns {}", "like_pattern_list"
    ),
    "expect_column_values_to_match_strftime_format": _column(
        "须符合日期时间格式 {}", "must have the date format {}", "strftime_format"
    ),
    "expect_column_values_to_be_dateutil_parseable": _column(
        "须能识别为日期或时间", "must be readable as a date or time"
    ),
    "expect_column_values_to_be_json_parseable": _column("须为合法 JSON", "must be valid JSON"),
    "expect_column_values_to_match_json_schema": _column(
        "须符合给定的 JSON Schema", "must obey the given JSON schema"
    ),
    "expect_column_values_to_be_increasing": _either(
        "strictly",
        _column("须逐行严格递增", "must rise from row to row"),
        _column("须逐行不减", "must not fall from row to row"),
    ),
    "expect_column_values_to_be_decreasing": _either(
        "strictly",
        _column("须逐行严格递减", "must fall from row to row"),
        _column("须逐行不增", "must not rise from row to row"),
    ),
    "expect_column_value_z_scores_to_be_less_than": _either(
        "double_sided",
        _column("的标准分绝对值须小于 {}", "must have a z-score between ±{}", "threshold"),
        _column("的标准分须小于 {}", "must have a z-score below {}", "threshold"),
    ),
    "expect_column_values_to_not_be_outliers": _outliers,
    "expect_column_values_to_be_of_type": _column("的类型须为 {}", "must be of type {}", "type_"),
    "expect_column_values_to_be_in_type_list": _column(
        "的类型须为其中之一：{}", "must be of one of the types {}", "type_list"
    ),
    "expect_column_type_to_be": _column("的类型须为 {}", "must be of type {}", "type_"),
    "expect_column_pair_values_to_be_equal": _table(
        "“{}”须等于“{}”", '"{}" must equal "{}"', "column_A", "column_B"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _either(
        "or_equal",
        _table("“{}”不得小于“{}”", '"{}" must not be less than "{}"', "column_A", "column_B"),
        _table("“{}”须大于“{}”", '"{}" must be greater than "{}"', "column_A", "column_B"),
    ),
    "expect_column_pair_values_to_be_in_set": _pairs,
    "expect_compound_columns_to_be_unique": _table(
        "{} 的组合不得重复", "the combination of {} must not repeat", "column_list"
    ),
    "expect_select_column_values_to_be_unique_within_record": _table(
        "同一行中 {} 的值须互不相同", "{} must differ from each other within a row", "column_list"
    ),
    "expect_multicolumn_sum_to_equal": _table(
        "{0} 之和须为 {1}", "the sum of {0} must be {1}", "column_list", "sum_total"
    ),
    "expect_multicolumn_values_to_be_equal": _table(
        "同一行中 {} 的值须相同", "{} must be equal within a row", "column_list"
    ),
    "expect_column_max_to_be_between": _ranged("的最大值须", "must have a maximum of"),
    "expect_column_min_to_be_between": _ranged("的最小值须", "must have a minimum of"),
    "expect_column_mean_to_be_between": _ranged("的平均值须", "must have a mean of"),
    "expect_column_median_to_be_between": _ranged("的中位数须", "must have a median of"),
    "expect_column_stdev_to_be_between": _ranged("的标准差须", "must have a standard deviation of"),
    "expect_column_sum_to_be_between": _ranged("的合计须", "must have a sum of"),
    "expect_column_unique_value_count_to_be_between": _ranged(
        "的不同取值个数须", "must have a number of distinct values of"
    ),
    "expect_column_proportion_of_unique_values_to_be_between": _ranged(
        "的不同取值占比须", "must have a share of distinct values of"
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": _ranged(
        "的非空占比须", "must have a share of filled values of"
    ),
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_distinct_values_to_be_in_set": _column(
        "的取值都须在：{} 之中", "must take values only from {}", "value_set"
    ),
    "expect_column_distinct_values_to_contain_set": _column(
        "须出现全部取值：{}", "must contain each of {}", "value_set"
    ),
    "expect_column_distinct_values_to_equal_set": _column(
        "的全部取值须恰为：{}", "must take exactly the values {}", "value_set"
    ),
    "expect_column_most_common_value_to_be_in_set": _column(
        "最常见的取值须为：{}", "must have its most common value among {}", "value_set"
    ),
    "expect_column_kl_divergence_to_be_less_than": _column(
        "的分布与给定分布的 KL 散度须小于 {}",
        "must have a distribution within a KL divergence of {} from the given one",
        "threshold",
    ),
    "expect_column_to_exist": _column("列必须存在", "must exist as a column"),
    "expect_table_columns_to_match_set": _table(
        "表的列须为：{}", "the columns of the table must be {}", "column_set"
    ),
    "expect_table_columns_to_match_ordered_list": _table(
        "表的列须依次为：{}", "the columns of the table must be, in this order, {}", "column_list"
    ),
    "expect_table_column_count_to_equal": _table("表须有 {} 列", "the table must have {} columns", "value"),
    "expect_table_column_count_to_be_between": _ranged("表的列数须", "the number of columns must be"),
    "expect_table_row_count_to_equal": _table("表须有 {} 行", "the table must have {} rows", "value"),
    "expect_table_row_count_to_be_between": _ranged("表的行数须", "the number of rows must be"),
    "expect_column_values_to_be_credit_codes": _column(
        "须为校验位正确的 18 位统一社会信用代码",
        "must be unified social credit codes with the right check sign",
    ),
    "expect_column_values_to_hold_no_phone_numbers": _column(
        "不得含有手机号码", "must hold no mobile phone number"
    ),
    "expect_column_values_to_hold_no_id_card_numbers": _column(
        "不得含有居民身份证号码", "must hold no identity card number"
    ),
    "expect_coordinates_to_lie_in_area": _coordinates,
    "expect_groups_to_hold_at_least_k_rows": _table(
        "{0} 取值相同的行，每组不得少于 {1} 行（k-匿名）",
        "rows alike in {0} must come in groups of {1} or more (k-anonymity)",
        "column_list",
        "k",
    ),
    "expect_groups_to_report": _reporting,
    "expect_column_values_to_be_fresh": _freshness,
    **cross_wording.SENTENCES,
    "unexpected_rows_expectation": _table(
        "以下查询不得返回任何行：{}", "this query must return no row: {}", "unexpected_rows_query"
    ),
}
