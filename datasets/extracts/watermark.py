"""Rows under a grant that asks for hidden marks (`safeguards.watermark`): they bear them, or they do not leave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from auth.policy import serving
from auth.policy.model import ROW_FORMS, ColumnTerm, DeliveryForm, GrantPolicy
from auth.profile.now import limits_now
from core.errors import Conflict, NotFound, Reason
from core.text import Text
from core.work import Work
from datasets.tracing import terms as mark_terms
from datasets.tracing.rules import BASIS

_WITHOUT: Final = Text(
    "该授权要求文件带有隐藏标记，而这份文件不能带有：列中没有可标记的小数，或带标记后不能通过出域检查。文件没有交付。",
    "Files under this grant bear hidden marks, and this one cannot: its columns hold no decimals to mark, or with marks it does not pass the export suite. Nothing was delivered.",
)
CODE: Final = serving.NO_MARKS


def objections(
    work: Work, policy: GrantPolicy, form: DeliveryForm, terms: Collection[ColumnTerm]
) -> tuple[Reason, ...]:
    """Why these columns may not be asked for as rows; () where the grant asks for no marks, or they can bear them."""
    if not policy.safeguards.watermark or form not in ROW_FORMS:
        return ()
    try:
        marked = frozenset(mark_terms.allowed(work, policy.dataset_id))
    except NotFound:
        return ()  # a reason already
    held = serving.Holding(marked=marked)
    case = replace(serving.case_of(policy, None, limits_now(work), held), terms=tuple(terms))
    rows = (serving.MARKS_IN_PREVIEW, serving.MARKS_IN_FILES)
    return tuple(need.reason(case) for need in rows if form in need.forms and need.lacks(case))


def refuse_unmarked(policy: GrantPolicy, marked: Collection[str]) -> None:
    """Raise Conflict for a finished file without marks where the grant asks for them. `marked`: its columns that bear them."""
    if policy.safeguards.watermark and not marked:
        raise Conflict(_WITHOUT, reasons=[Reason(CODE, _WITHOUT, BASIS)])
