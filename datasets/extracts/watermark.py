"""Rows under a grant that asks for hidden marks (`safeguards.watermark`): they bear them, or they do not leave."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from auth.policy.model import ROW_FORMS, ColumnTerm, DeliveryForm, GrantPolicy, Use
from core.errors import Conflict, NotFound, Reason
from core.text import Text
from core.work import Work
from datasets.tracing import terms as mark_terms
from datasets.tracing.rules import BASIS

_PREVIEW: Final = Text(
    "该授权要求交付的行带有隐藏标记，预览不带标记，因此不能预览；请申请提取。",
    "Rows under this grant bear hidden marks, and a preview bears none; ask for an extract instead.",
)
_NOWHERE: Final = Text(
    "该授权要求文件带有隐藏标记，但所取各列均不能标记；请加上以原值提供的测量值列，或请数据专员在“隐藏标记”中允许标记。",
    "Files under this grant bear hidden marks, and none of these columns may; add a measurement that leaves as it is, or ask the steward to allow marks in one.",
)
_WITHOUT: Final = Text(
    "该授权要求文件带有隐藏标记，而这份文件不能带有：列中没有可标记的小数，或带标记后不能通过出域检查。文件没有交付。",
    "Files under this grant bear hidden marks, and this one cannot: its columns hold no decimals to mark, or with marks it does not pass the export suite. Nothing was delivered.",
)
CODE: Final = "watermark-impossible"


def objections(
    work: Work, policy: GrantPolicy, form: DeliveryForm, terms: Collection[ColumnTerm]
) -> tuple[Reason, ...]:
    """Why these columns may not be asked for as rows; () where the grant asks for no marks, or they can bear them."""
    if not policy.safeguards.watermark or form not in ROW_FORMS:
        return ()
    if form is DeliveryForm.PREVIEW:
        return (Reason(CODE, _PREVIEW, BASIS),)
    try:
        allowed = mark_terms.allowed(work, policy.dataset_id)
    except NotFound:
        return ()  # a reason already
    plain = {term.name for term in terms if term.use is Use.PLAIN}
    return () if plain & allowed.keys() else (Reason(CODE, _NOWHERE, BASIS),)


def refuse_unmarked(policy: GrantPolicy, marked: Collection[str]) -> None:
    """Raise Conflict for a finished file without marks where the grant asks for them. `marked`: its columns that bear them."""
    if policy.safeguards.watermark and not marked:
        raise Conflict(_WITHOUT, reasons=[Reason(CODE, _WITHOUT, BASIS)])
