"""Who may take which step of a proposal, and whether it still fits the record. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from catalog.fields import BY_NAME
from catalog.proposals.workflow import MOVES, ProposalState, ProposalStep
from core.errors import Reason
from core.text import Text

BASIS: Final = "目录发布双人复核 · two persons publish a record"


def objections(
    state: ProposalState, step: ProposalStep, person_id: str, proposer: str, authors: Collection[str]
) -> tuple[Reason, ...]:
    """What keeps a person from a step that the state allows; judged on the human being, not on the account."""
    if (state, step) not in MOVES:
        return ()
    side = MOVES[state, step][1]
    if side == "reviewer" and person_id in {proposer, *authors}:
        text = Text(
            "您提出或撰写了这项修改；请由本部门另一位数据专员或目录管理员复核。",
            "You proposed or wrote this; another steward of the department, or the catalogue's administrator, reviews it.",
        )
        return (Reason("own-proposal", text, BASIS),)
    if side == "author" and person_id != proposer:
        text = Text(
            "这项提议由他人提出；只有提出人可以修改或收回，您可以通过或退回。",
            "Somebody else proposed this; only he amends it or takes it back. You may accept or return it.",
        )
        return (Reason("not-your-proposal", text, BASIS),)
    return ()


def drifted(fields: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """The fields that no longer hold what they held when the change was proposed, and not what it wants either."""
    return [name for name, (before, after) in fields.items() if present.get(name) not in (before, after)]


def label(name: str) -> Text:
    """A field's label; a field of no table under its own name."""
    if name == "columns":
        return Text("数据字典", "Data dictionary")
    return BY_NAME[name].label if name in BY_NAME else Text(name, name)


def columns_difference(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, dict[str, list[Any]]]]:
    """What became of each column: (name, added | removed | moved | changed, fact → [before, after]), in the new order."""
    old = {str(column["name"]): column for column in before}
    new = {str(column["name"]): column for column in after}
    order = [name for name in old if name in new]
    found: list[tuple[str, str, dict[str, list[Any]]]] = []
    kept = [name for name in new if name in old]
    for name, column in new.items():
        if name not in old:
            found.append((name, "added", {}))
            continue
        facts = {
            key: [old[name].get(key), column.get(key)]
            for key in dict.fromkeys([*old[name], *column])
            if old[name].get(key) != column.get(key)
        }
        if facts:
            found.append((name, "changed", facts))
        elif order.index(name) != kept.index(name):
            found.append((name, "moved", {}))
    return found + [(name, "removed", {}) for name in old if name not in new]
