"""The month's sum of a grant is locked before the record's one lock, everywhere: else two transactions wait for each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

HELPERS = {"_note": "record", "_charged": "ledger"}  # what others of the same file are called for
ROOT = Path(__file__).parents[3]
LEDGER = {("ledger", "enter"), ("ledger", "add_sent"), ("usage", "charge"), ("usage", "refund")}


def _calls(function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    """What is called, also where it is handed on to be called."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in LEDGER:
                yield node.lineno, "ledger"
            elif (node.value.id, node.attr) == ("audit", "record"):
                yield node.lineno, "record"
        elif isinstance(node, ast.Name) and node.id in HELPERS:
            yield node.lineno, HELPERS[node.id]


def test_no_function_writes_the_ledger_after_the_record() -> None:
    both = 0
    for room in ("auth", "datasets"):
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if not any(".".join(called) in text for called in LEDGER):
                continue  # it has nothing to order
            for function in ast.walk(ast.parse(text)):
                if isinstance(function, ast.FunctionDef):
                    order = [what for _, what in sorted(_calls(function))]
                    both += len(set(order)) == 2
                    assert order == sorted(order), f"{path.relative_to(ROOT)}: {function.name}"
    assert both >= 7
