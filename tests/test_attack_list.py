"""The attack list names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_test_that_the_attack_list_names_exists() -> None:
    said = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"::(test_\w+)", said))
    assert named
    assert sorted(name for name in named if f"def {name}(" not in tests) == []
