"""Writes docs/machines.md, every machine as a printed table: `python -m tests.core.machine_page`."""

from __future__ import annotations

import importlib
from typing import Any

from tests.core.printed import PAGE
from tests.core.test_every_machine import MACHINES, Found, _hands, _to

HEAD = """# Every machine, as a table

Written by `python -m tests.core.machine_page` from the files `workflow.py`; a test compares. `tests/core/printed.py` reads these tables again without the code:
`tests/core/test_printed_machines.py` holds each line, and each step that has no line, against what the code does, and after each test of `auth` the stored
histories are replayed by them (`tests/auth/case_replay.py`). Diagrams and Chinese names of the machines of applications and grants: [workflow.md](workflow.md).

Who: roles, the permission that the step's route asks for, or the side of a record; *the service*: nobody by hand. Nobody shows a reuse (`catalog.reuses.workflow`) that he suggested himself.
"""


def _names(machine: Found) -> dict[Any, str]:
    module = importlib.import_module(machine.name.partition(":")[0])
    named: dict[Any, str] = {}
    for part in vars(module).values():
        if isinstance(part, dict) and part:
            named |= {
                key: value.zh
                for key, value in part.items()
                if hasattr(value, "zh") and isinstance(key, machine.kinds)
            }
    return named


def table(machine: Found) -> str:
    names = _names(machine)

    def cell(code: Any) -> str:
        return f"`{code.value}` {names.get(code, '')}".strip()

    lines = ["| State | Step | To | Who |", "|---|---|---|---|"]
    for (state, step), move in machine.moves.items():
        who = ", ".join(f"`{hand}`" for hand in _hands(move)) or "the service"
        lines.append(f"| {cell(state)} | {cell(step)} | {cell(_to(move))} | {who} |")
    return "\n".join(lines)


def document() -> str:
    chapters = [
        f"## {machine.name}\n\n{table(machine)}\n" for machine in sorted(MACHINES, key=lambda each: each.name)
    ]
    return "\n".join([HEAD, *chapters])


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
