"""What the gate's outcome means for a batch, and who may go on with it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from core.errors import Reason
from core.text import Text
from datasets.batches.workflow import BatchStep

_NOTE_MIN: Final = 4
_RULE_6: Final = "separation of duties, rule 6 (who prepares does not publish)"


def gate_step(
    verdict: Literal["passed", "failed", "error"],
    failed_warnings: int,
    untyped_cells: int,
    *,
    waived: int = 0,
    blocking: int | None = None,
) -> BatchStep:
    """The step that a verdict leads to: a check that could not run blocks, and so does a cell that would be lost.

    waived: failures that waivers cover; failed_warnings, blocking: those that none covers (None: nobody looked for waivers).
    """
    if verdict == "error":
        return BatchStep.BREAK
    still_failed = verdict == "failed" and (blocking is None or blocking > 0)
    if still_failed or untyped_cells > 0:
        return BatchStep.FAIL
    if failed_warnings:
        return BatchStep.ASK
    return BatchStep.WAIVE if waived else BatchStep.PASS


def note_objections(note: str) -> tuple[Reason, ...]:
    """A signature without a word is no signature."""
    if len(note.strip()) >= _NOTE_MIN:
        return ()
    text = Text(
        f"请写明理由（至少 {_NOTE_MIN} 个字）：签字须附说明。",
        f"Give a reason (at least {_NOTE_MIN} characters): a signature carries a note.",
    )
    return (Reason("note-missing", text, "gate: warnings need a signed note (decisions/0008)"),)


def second_person_objections(
    preparers: Collection[str], publisher: str, rule_authors: Collection[str] = ()
) -> tuple[Reason, ...]:
    """Who prepared a batch (handed in, corrected, read differently, confirmed) does not publish it, nor does who
    changed what it was judged by: else one person could loosen a rule and let a colleague's batch through."""
    found = []
    if publisher in preparers:
        text = Text(
            "您参与了该批次的提交、更正或确认，不能再由您发布；请由本部门另一位数据专员发布。",
            "You handed in, corrected or confirmed this batch, so you cannot publish it; ask another steward of the department.",
        )
        found.append(Reason("preparer-may-not-publish", text, _RULE_6))
    if publisher in rule_authors:
        text = Text(
            "自上一版发布以来，您修改过该数据集的规则集或数据字典，不能再由您发布依此校验的批次；请由另一位数据专员发布。",
            "Since the last release you changed this dataset's suite or dictionary, so you cannot publish what was judged by it; ask another steward.",
        )
        found.append(Reason("rule-author-may-not-publish", text, _RULE_6))
    return tuple(found)
