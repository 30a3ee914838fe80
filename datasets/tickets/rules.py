"""What a step of a ticket needs beside its state, and when a rule keeps failing. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from core import bases
from core.errors import Reason
from core.text import Text

NOTE_MIN: Final = 4
_BASIS: Final = "更正工单（docs/tickets.md）· tickets (docs/tickets.md)"
_PROMISE_3: Final = bases.TWO_PEOPLE

Answer = Literal["corrected", "data_right", "cannot", "waived", "rule_gone", "signed"]
ANSWER_NAMES: Final[dict[str, Text]] = {
    "corrected": Text("数据已更正", "The data are corrected"),
    "data_right": Text("经校核数据无误", "The data are right"),
    "cannot": Text("无法更正", "Cannot be corrected"),
    "waived": Text("已豁免", "Waived"),
    "rule_gone": Text("规则已调整", "The rule was changed"),
    "signed": Text("已签字确认警告", "Signed for as a warning"),
}
BY_PEOPLE: Final = ("corrected", "data_right", "cannot")


def note_objections(note: str) -> tuple[Reason, ...]:
    """An answer or a reopening without a word is none."""
    if len(note.strip()) >= NOTE_MIN:
        return ()
    text = Text(
        f"请写明情况或理由（至少 {NOTE_MIN} 个字）。", f"Say what or why (at least {NOTE_MIN} characters)."
    )
    return (Reason("note-missing", text, _BASIS),)


def confirm_objections(
    *, person: str, answerers: Collection[str], unsettled: int, is_rule_changed: bool
) -> tuple[Reason, ...]:
    """Why somebody may not close an answered ticket.

    answerers: persons who answered, or who prepared the batch that mended it; unsettled: failing batches that no passing
    correction, rejection, signature or waiver has settled.
    """
    found = []
    if person in answerers:
        text = Text(
            "您反馈了该工单或提交了更正，不能由您确认；请由另一位数据专员确认。",
            "You answered this ticket or handed in its correction; another steward must confirm it.",
        )
        found.append(Reason("answerer-may-not-confirm", text, _PROMISE_3))
    if unsettled and not is_rule_changed:
        text = Text(
            f"还有 {unsettled} 个批次未通过该规则：请提交更正批次；如数据无误，请签发豁免或修改规则，再作确认。",
            f"{unsettled} batch(es) still fail this rule: hand in a correction; if the data are right, sign a waiver or change the rule first.",
        )
        found.append(Reason("not-settled", text, _BASIS))
    return tuple(found)


def keeps_failing(failed: int, of: int, wanted: int, window: int) -> bool:
    """Whether a rule failed often enough among the deliveries looked at (at most `window`)."""
    return failed >= wanted and of <= window


def planned_objections(note: str, is_planned: bool, *, accepts: bool) -> tuple[Reason, ...]:
    """An accepted proposal has a date; a rejected one has a reason."""
    if accepts and not is_planned:
        text = Text("请填写计划完成日期。", "Give the date by which the source will be mended.")
        return (Reason("date-missing", text, _BASIS),)
    return () if accepts else note_objections(note)
