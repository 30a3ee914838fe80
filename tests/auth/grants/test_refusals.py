"""Every code that a refusal at use may bear has a name for lists and sums."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from auth.grants.refusals import NAMES, name_of

ROOT = Path(__file__).parents[3]
AT_USE = (
    "auth/policy/rules.py", "auth/vouching/cover.py", "auth/agreements/cover.py", "auth/incidents/freezes.py",
    "datasets/extracts/deciding.py", "datasets/extracts/planning.py", "datasets/queries/deciding.py", "datasets/queries/rules.py",
    "datasets/queries/masked.py", "datasets/queries/private/rules.py", "datasets/queries/verifying/rules.py",
    "datasets/sharing/rows.py", "datasets/sharing/profiles.py", "datasets/sharing/service.py", "datasets/formats/fitting.py",
)  # fmt: skip
CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def _codes(path: Path) -> Iterator[str]:
    """What stands first in a reason, or in a row of a table of reasons."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        named = not isinstance(node, ast.Call) or getattr(node.func, "id", "") in ("Reason", "refused")
        if named and found and isinstance(found[0], ast.Constant) and CODE.fullmatch(str(found[0].value)):
            yield str(found[0].value)


def test_every_code_of_a_refusal_at_use_has_a_name() -> None:
    codes = {code for name in AT_USE for code in _codes(ROOT / name)}
    assert len(codes) > 50
    assert sorted(codes - NAMES.keys()) == []


def test_names_are_short_told_in_both_languages_and_unknown_codes_stand_for_themselves() -> None:
    for name in NAMES.values():
        assert name.zh
        assert name.zh != name.en
        assert max(len(name.zh), len(name.en)) <= 48
    assert name_of("of-a-former-version").en == "of-a-former-version"
