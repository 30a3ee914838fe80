"""Writes the machine of tickets into docs/tickets.md: `python -m tests.datasets.tickets.diagram`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth.roles import PERMISSIONS, ROLE_NAMES
from datasets.tickets.workflow import MOVES, STATE_NAMES, STEP_NAMES

DOC: Final = Path(__file__).parents[3] / "docs" / "tickets.md"
START, END = "<!-- machine -->", "<!-- /machine -->"


def _who(needs: str | None) -> str:
    return "、".join(sorted(ROLE_NAMES[role].zh for role in PERMISSIONS[needs])) if needs else "系统"


def machine() -> str:
    """Generated from `datasets/tickets/workflow.py`."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> open"]
    lines += [f"    {state.value} --> {move.to.value}: {step.value}" for (state, step), move in MOVES.items()]
    lines += ["```", "", "| State 状态 | Step 步骤 | To 转为 | Who 办理人 |", "|---|---|---|---|"]
    for (state, step), move in MOVES.items():
        at, name, to = STATE_NAMES[state], STEP_NAMES[step], STATE_NAMES[move.to]
        lines.append(
            f"| {state.value} {at.zh} | `{step.value}` {name.zh} | {move.to.value} {to.zh} | {_who(move.needs)} |"
        )
    return "\n".join(lines)


def document(text: str) -> str:
    before, rest = text.split(START)
    return f"{before}{START}\n{machine()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    DOC.write_text(document(DOC.read_text(encoding="utf-8")), encoding="utf-8")
