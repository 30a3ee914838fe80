"""What a refusal tells that the rows themselves gave, and what it costs.

Where rows are not told as they are (`telling.is_exact`), such a refusal is an answer: given back in full and with its numbers, it would tell the
rows of any filter for nothing, past plans, checkers and quota. So it says the rule and no number, and the extract stays taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from auth.policy import small_cells
from core import bases
from core.errors import AppError, Conflict, QuotaExceeded, Reason
from core.text import Text, number_of
from datasets.extracts import export_suite, watermark
from datasets.formats import fitting

_QUOTA: Final = Text(
    "授权的行数或字节数额度不足以容纳该文件；请缩小范围，或申请新的授权",
    "Not enough rows or bytes are left of the grant for this file; ask for less, or apply for a new grant",
)
_SHEET: Final = Text(
    f"{fitting.MORE_THAN_A_SHEET.zh}；请加筛选条件，或改选其他文件形式",
    f"{fitting.MORE_THAN_A_SHEET.en}; filter them, or take another form",
)
_TAKEN: Final = Text(
    "没有交付任何数据；所问的行不告知行数，因此本次提取仍计入次数。",
    "Nothing was delivered; as the rows asked about are not told, the extract stays taken.",
)


class Answered(Conflict):
    """A refusal that is an answer: the extract stays taken."""


@contextmanager
def as_answers(is_exact: bool) -> Iterator[None]:
    """Refusals within that the rows gave leave as Answered, unless rows are told as they are; all others as they are."""
    try:
        yield
    except AppError as refusal:
        answer = None if is_exact else answered(refusal)
        if answer is None:
            raise
        raise answer from refusal


def answered(refusal: AppError) -> Answered | None:
    """The refusal without its numbers; None for one that the rows had no part in."""
    reasons = tuple(_QUOTA_REASONS if isinstance(refusal, QuotaExceeded) else refusal.reasons)
    if not reasons or any(each.code not in _TOLD for each in reasons):
        return None
    told = tuple(replace(each, text=_TOLD[each.code](each), facts={}) for each in reasons)
    zh, en = "；".join(each.text.zh for each in told), "; ".join(each.text.en for each in told)
    return Answered(Text(f"{zh}。{_TAKEN.zh}", f"{en}. {_TAKEN.en}"), reasons=told)


def _small(reason: Reason) -> Text:
    least = reason.facts["min_rows"]
    return Text(
        f"按准标识符分组后不符合小单元格规则（每组至少 {least} 行）；请放宽筛选条件，或在申请中对这些列作概化处理",
        f"Grouped by the quasi-identifiers the rows break the rule of small cells (groups of {number_of(int(str(least)), 'rows')} at least); "
        "filter less, or have these columns generalised in the application",
    )


def _as_said(reason: Reason) -> Text:
    return Text(reason.text.zh.rstrip("。"), reason.text.en.rstrip("."))


_QUOTA_REASONS: Final = (Reason("quota-exceeded", _QUOTA, bases.TERMS),)
_TOLD: Final[Mapping[str, Callable[[Reason], Text]]] = {
    "quota-exceeded": lambda _: _QUOTA,
    small_cells.CODE: _small,
    fitting.TOO_MANY_ROWS: lambda _: _SHEET,
    fitting.TOO_LARGE: _as_said,
    export_suite.CODE: export_suite.uncounted,
    watermark.CODE: _as_said,
}
