"""Why a rule could not run, or a text could not be read, in both languages.

Engines, Great Expectations and Python say it in English; what is said often is known here by its form. What is not
known keeps its English words behind a Chinese sentence, so that nothing is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from core.text import Text

_KINDS: Final = {
    "integer": "整数", "number": "数值", "decimal": "小数", "text": "文本", "boolean": "是否", "date": "日期",
    "datetime": "日期时间", "time": "时刻", "other": "其他类型",
}  # fmt: skip
_BOTH: Final = re.compile(r"^(?P<zh>.*[\u4e00-\u9fff].*。)\s+(?P<en>\S.*)$", re.S)


def _kinds(words: str) -> str:
    """`date, text` → 日期、文本"""
    return "、".join(_KINDS.get(word.strip(), word.strip()) for word in words.split(","))


Said = str | Callable[[re.Match[str]], str]


def _with_kinds(template: str, *places: int) -> Callable[[re.Match[str]], str]:
    """The template with groups filled in; those at `places` are words for kinds of values."""

    def said(found: re.Match[str]) -> str:
        groups = ["" if group is None else group for group in found.groups()]
        return template.format(*(_kinds(g) if at in places else g for at, g in enumerate(groups)))

    return said


_COLUMN: Final = r'column "(.+?)" holds (\w+)'
_KNOWN: Final[tuple[tuple[str, Said], ...]] = (
    (r'the table has no column "(.+?)" \(it has: (.*)\)', r"表中没有列“\1”（现有：\2）"),
    (r'the table has no column "(.+?)"', r"表中没有列“\1”"),
    (r'(?:Error: )?The column "(.+?)" in BatchData does not exist\.?', r"表中没有列“\1”"),
    (r'the row condition names the column "(.+?)", which the table does not have', r"行条件提到的列“\1”不在表中"),
    (r'the value (.+) cannot be compared with column "(.+?)", which holds (\w+)', lambda m: f"值 {m[1]} 不能与列“{m[2]}”比较：该列为{_kinds(m[3])}"),
    (rf"{_COLUMN}; this rule needs one of: (.+)", _with_kinds("列“{0}”为{1}，本规则只适用于：{2}", 1, 2)),
    (rf"{_COLUMN}, which has no order", _with_kinds("列“{0}”为{1}，没有大小先后之分", 1)),
    (rf"{_COLUMN}; this rule reads text", _with_kinds("列“{0}”为{1}，本规则只看文本", 1)),
    (rf"{_COLUMN}; this rule needs numbers", _with_kinds("列“{0}”为{1}，本规则只适用于数值", 1)),
    (rf"{_COLUMN}; a sum needs numbers", _with_kinds("列“{0}”为{1}，只有数值才能求和", 1)),
    (rf"{_COLUMN}; this rule cannot be computed over it", _with_kinds("列“{0}”为{1}，无法据以计算", 1)),
    (rf"{_COLUMN}; the day of a row is a date or datetime", _with_kinds("列“{0}”为{1}，分日须用日期或日期时间列", 1)),
    (r'columns "(.+?)" \((\w+)\) and "(.+?)" \((\w+)\) cannot be compared', _with_kinds("列“{0}”（{1}）与“{2}”（{3}）不能比较", 1, 3)),
    (r"the type name (.+) is not known", r"不认识类型名 \1"),
    (r"(.*) is not a condition", r"\1 不是行条件"),
    (r"operator (.+) is not known", r"不认识运算符 \1"),
    (r"(.*): the part (.+) is not understood", r"\1：看不懂其中的 \2"),
    (r"max_age reaches back beyond the calendar", r"max_age 超出了日历的范围"),
    (r"value_set names nobody who must report", r"value_set 中没有须上报的对象"),
    (r"nobody said at which moment the data must be fresh: give the rule a reference", r"没有说明以何时为准判断新鲜：请给规则加上 reference"),
    (r"unexpected_rows_query has a lone brace at (\d+); write it twice", r"unexpected_rows_query 第 \1 个字符是单个花括号；除 {batch} 外，花括号须写两遍"),
    (r"unexpected_rows_query must be a single SELECT", r"unexpected_rows_query 须为一条 SELECT 语句"),
    (r"neither min_value nor max_value is given", r"既没有下限也没有上限"),
    (r"the rule was not evaluated", r"规则没有得到计算"),
    (r"the rule raised an exception", r"规则运行时出错"),
    (r"(?:.*?)the query took longer than (.+?) s and was stopped; .*", r"查询超过 \1 秒，已停止；请简化查询，或请管理员调大 DATAGRANT_QUERY_SECONDS"),
    (r"(?:.*?)pattern took too long: (.*)", r"正则表达式用时过长，已停止：\1"),
    # pydantic, through Great Expectations' own argument checks; one fault per argument
    (r"(\w+): Input should be a valid (?:number|integer|float).*", r"参数 \1 应为数值"),
    (r"(\w+): (?:Input should be a valid list|value is not a valid list).*", r"参数 \1 应为列表"),
    (r"(\w+): (?:Input should be a valid string|str type expected).*", r"参数 \1 应为文本"),
    (r"(\w+): (?:field required|Field required)", r"缺少参数 \1"),
    (r"(\w+): (?:extra fields not permitted|Extra inputs are not permitted)", r"不接受参数 \1"),
    (r"(\w+): (?:value is not a valid (?:float|integer|boolean|dict)).*", r"参数 \1 的值类型不对"),
    # DuckDB, of a query of the suite's own
    (r'(?:.*?)Binder Error: Referenced column "(.+?)" (?:was )?not found.*', r"查询提到的列“\1”不存在"),
    (r"(?:.*?)Catalog Error: Table with name (.+?) does not exist.*", r"查询提到的表 \1 不存在"),
    (r"(?:.*?)Parser Error: (.*)", r"查询有语法错误（\1）"),
    (r"(?:.*?)Conversion Error: (.*)", r"有值不能转换（\1）"),
    (r"(?:.*?)Permission Error: (.*)", r"查询只能使用被检查的表（\1）"),
    (r"(?:.*?)Out of Memory Error.*", r"内存不足"),
    # Python's regular expressions
    (r"unterminated character set at position (\d+)", r"第 \1 位的 [ 没有对应的 ]"),
    (r"missing \), unterminated subpattern at position (\d+)", r"第 \1 位的 ( 没有对应的 )"),
    (r"unbalanced parenthesis at position (\d+)", r"第 \1 位多出一个 )"),
    (r"nothing to repeat at position (\d+)", r"第 \1 位的重复符号前面没有内容"),
    (r"multiple repeat at position (\d+)", r"第 \1 位有连续的重复符号"),
    (r"bad escape (.+) at position (\d+)", r"第 \2 位的转义 \1 不存在"),
    (r"bad escape \(end of pattern\) at position (\d+)", r"第 \1 位的反斜线后面没有字符"),
    (r"bad character range (.+) at position (\d+)", r"第 \2 位的字符范围 \1 前后颠倒"),
    (r"look-behind requires fixed-width pattern", r"后顾断言须为固定长度"),
    (r"min repeat greater than max repeat at position (\d+)", r"第 \1 位的重复次数下限大于上限"),
    (r"unknown extension (.+) at position (\d+)", r"第 \2 位的 \1 不是已知的写法"),
    (r"invalid group reference (\d+) at position (\d+)", r"第 \2 位引用的第 \1 组不存在"),
    # Python's JSON
    (r"Expecting value", r"此处缺少值"),
    (r"Expecting ',' delimiter", r"此处缺少逗号"),
    (r"Expecting ':' delimiter", r"此处缺少冒号"),
    (r"Expecting property name enclosed in double quotes", r"此处应为双引号括起的名称"),
    (r"Illegal trailing comma before end of (?:object|array)", r"结尾前多了一个逗号"),
    (r"Extra data", r"后面还有多余的内容"),
    (r"Unterminated string starting at", r"文本没有收尾的引号"),
    (r"Invalid control character at", r"文本中有控制字符（如换行）"),
    (r"Invalid \\\\?escape.*", r"反斜线转义有误"),
)  # fmt: skip
_FORMS: Final = tuple((re.compile(form, re.S), said) for form, said in _KNOWN)


def trouble(message: str) -> Text:
    """The message in both languages."""
    if both := _BOTH.match(message):
        return Text(both["zh"], both["en"])
    parts = [_chinese(part) for part in message.split("; ")] if ": " in message and "; " in message else []
    if parts and all(parts):
        return Text("；".join(filter(None, parts)), message)
    return Text(_chinese(message) or f"规则引擎的原话：{message}", message)


def told(message: str) -> Text:
    """The same for a message inside a sentence: what is not known stays as it is."""
    return Text(_chinese(message) or message, message)


def _chinese(message: str) -> str | None:
    for form, said in _FORMS:
        if found := form.fullmatch(message.strip()):
            return found.expand(said) if isinstance(said, str) else said(found)
    return None
