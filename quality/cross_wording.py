"""Rules over several rows, or over a second table, each in one plain sentence. See `quality.wording`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.text import Text
from quality.references import ROWS_COUNTED

Kwargs = Mapping[str, Any]


def percent(share: float) -> str:
    return f"{share * 100:g}%"


def _in_code_list(kwargs: Kwargs) -> Text:
    version = kwargs.get("version")
    return Text(
        f"“{kwargs['column']}”须为代码表 {kwargs['code_list']}{f'（{version} 版）' if version else ''}中的代码",
        f'"{kwargs["column"]}" must be a code of the list {kwargs["code_list"]}{f" (version {version})" if version else ""}',
    )


def _named(written: Any) -> Text:
    """Columns as people read them; a part of a moment says which part."""
    periods = {"year": Text("年份", "year"), "month": Text("月份", "month"), "day": Text("日期", "day")}
    said = []
    for each in written if isinstance(written, list) else [written]:
        if isinstance(each, Mapping):
            period = periods[each["period"]]
            said.append(Text(f"“{each['column']}”的{period.zh}", f'the {period.en} of "{each["column"]}"'))
        else:
            said.append(Text(f"“{each}”", f'"{each}"'))
    return Text("、".join(text.zh for text in said), ", ".join(text.en for text in said))


def _exists(kwargs: Kwargs) -> Text:
    mine = kwargs.get("column_list") or kwargs.get("column")
    here, there = _named(mine), _named(kwargs.get("other_columns", mine))
    return Text(
        f"{here.zh} 须存在于 {kwargs['dataset']} 当前版本的 {there.zh} 中",
        f"{here.en} must exist among {there.en} of the current release of {kwargs['dataset']}",
    )


_COMPARISONS: Final = {
    "equal": Text("等于", "equal"),
    "at_most": Text("不大于", "be at most"),
    "at_least": Text("不小于", "be at least"),
    "more_than": Text("大于", "be more than"),
}


def _slack(kwargs: Kwargs) -> Text:
    parts = []
    if tolerance := kwargs.get("tolerance"):
        parts.append(str(tolerance))
    if share := kwargs.get("tolerance_share"):
        parts.append(percent(share))
    if not parts:
        return Text("", "")
    return Text(f"（容差 {' + '.join(parts)}）", f" (give or take {' + '.join(parts)})")


def _unmatched(kwargs: Kwargs) -> Text:
    if kwargs.get("unmatched") == "ignore":
        return Text("；对方没有的不比", "; what the other has not is not compared")
    return Text("", "")


def _also_missing(kwargs: Kwargs, what: Text) -> Text:
    if kwargs.get("also_missing"):
        return Text(f"；对方有的{what.zh}本表不得缺少", f"; no {what.en} of the other may be missing here")
    return Text("", "")


def _agrees(kwargs: Kwargs) -> Text:
    keys, slack, rest = _named(kwargs["keys"]), _slack(kwargs), _unmatched(kwargs)
    sign = _COMPARISONS[kwargs.get("comparison", "equal")]
    other = kwargs.get("other_column", kwargs["column"])
    times = f" × {kwargs['factor']}" if "factor" in kwargs else ""
    return Text(
        f"按 {keys.zh} 对照 {kwargs['dataset']} 当前版本，“{kwargs['column']}”须{sign.zh}“{other}”{times}{slack.zh}{rest.zh}",
        f'"{kwargs["column"]}" must {sign.en} "{other}"{times} of the current release of {kwargs["dataset"]}, matched by {keys.en}{slack.en}{rest.en}',
    )


def _totals_agree(kwargs: Kwargs) -> Text:
    groups, slack, rest = _named(kwargs["group_columns"]), _slack(kwargs), _unmatched(kwargs)
    mine = (
        Text(f"“{kwargs['column']}”合计", f'the total of "{kwargs["column"]}"')
        if "column" in kwargs
        else Text("行数", "the number of rows")
    )
    other = kwargs.get("other_column", kwargs.get("column", ROWS_COUNTED))
    theirs = (
        Text(f"“{other}”合计", f'the total of "{other}"')
        if other != ROWS_COUNTED
        else Text("行数", "the number of rows")
    )
    times = f" × {kwargs['factor']}" if "factor" in kwargs else ""
    gone = _also_missing(kwargs, Text("分组", "group"))
    return Text(
        f"按 {groups.zh} 分组，{mine.zh}须与 {kwargs['dataset']} 当前版本的{theirs.zh}{times}一致{slack.zh}{rest.zh}{gone.zh}",
        f"by {groups.en}, {mine.en} must agree with {theirs.en}{times} of the current release of {kwargs['dataset']}{slack.en}{rest.en}{gone.en}",
    )


def _grows(kwargs: Kwargs) -> Text:
    keys = _named(kwargs["keys"])
    more = Text("大于", "be more than") if kwargs.get("strictly") else Text("不小于", "be at least")
    gone = _also_missing(kwargs, Text("主键", "key"))
    return Text(
        f"按 {keys.zh} 对照本数据集上一版本，“{kwargs['column']}”须{more.zh}当时的值{gone.zh}",
        f'"{kwargs["column"]}" must {more.en} its value in the last release of this dataset, matched by {keys.en}{gone.en}',
    )


def _rows_since(kwargs: Kwargs) -> Text:
    zh, en = [], []
    if (change := kwargs.get("max_change")) is not None:
        zh.append(f"行数变化不得超过 {percent(change)}")
        en.append(f"the number of rows must not change by more than {percent(change)}")
    if (removed := kwargs.get("max_removed")) is not None:
        keys = _named(kwargs["keys"])
        zh.append(f"按 {keys.zh} 消失的行不得超过 {percent(removed)}")
        en.append(f"at most {percent(removed)} of the rows (known by {keys.en}) may be gone")
    return Text("与上一版本相比，" + "；".join(zh), "compared with the last release, " + "; ".join(en))


def _rises(kwargs: Kwargs) -> Text:
    falling, strictly = kwargs.get("direction") == "falling", kwargs.get("strictly")
    zh = ("严格递减" if falling else "严格递增") if strictly else ("不增" if falling else "不减")
    en = ("fall" if falling else "rise") if strictly else ("not rise" if falling else "not fall")
    groups = _named(kwargs["group_columns"])
    return Text(
        f"同一 {groups.zh} {'当日' if kwargs.get('daily') else ''}内，“{kwargs['column']}”须随“{kwargs['time_column']}”{zh}",
        f'"{kwargs["column"]}" must {en} with "{kwargs["time_column"]}" for the same {groups.en}{" within a day" if kwargs.get("daily") else ""}',
    )


def _changes_slowly(kwargs: Kwargs) -> Text:
    groups, per = _named(kwargs["group_columns"]), kwargs.get("per", "PT1H")
    return Text(
        f"同一 {groups.zh} 内，“{kwargs['column']}”每 {per} 变化不得超过 {kwargs['max_change']}（按“{kwargs['time_column']}”）",
        f'"{kwargs["column"]}" must not change by more than {kwargs["max_change"]} per {per} (by "{kwargs["time_column"]}") for the same {groups.en}',
    )


def _delays(kwargs: Kwargs) -> Text:
    zh, en = [], []
    if "min_delay" in kwargs:
        zh.append(f"不少于 {kwargs['min_delay']}")
        en.append(f"at least {kwargs['min_delay']}")
    if "max_delay" in kwargs:
        zh.append(f"不超过 {kwargs['max_delay']}")
        en.append(f"at most {kwargs['max_delay']}")
    return Text(
        f"从“{kwargs['since']}”到“{kwargs['until']}”须{' 且'.join(zh)}",
        f'from "{kwargs["since"]}" to "{kwargs["until"]}" it must take {" and ".join(en)}',
    )


def _fits_crs(kwargs: Kwargs) -> Text:
    return Text(
        f"坐标（经度“{kwargs['longitude']}”、纬度“{kwargs['latitude']}”）按 {kwargs['crs']} 换算后须落在给定范围内",
        f'the points (longitude "{kwargs["longitude"]}", latitude "{kwargs["latitude"]}"), taken as {kwargs["crs"]}, must lie in the given area',
    )


SENTENCES: Final[Mapping[str, Callable[[Kwargs], Text]]] = {
    "expect_column_values_to_be_in_code_list": _in_code_list,
    "expect_column_values_to_exist_in_dataset": _exists,
    "expect_values_to_agree_with_dataset": _agrees,
    "expect_totals_to_agree_with_dataset": _totals_agree,
    "expect_counters_to_grow_since_last_release": _grows,
    "expect_rows_to_agree_with_last_release": _rows_since,
    "expect_values_to_rise_over_time": _rises,
    "expect_values_to_change_slowly": _changes_slowly,
    "expect_delays_to_be_between": _delays,
    "expect_coordinates_to_fit_crs": _fits_crs,
}
