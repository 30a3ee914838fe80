"""Each promised line has tests that exist and can be collected, or a reason; and no line of the design is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.claims import document
from tests.claims.attacks import AREAS
from tests.claims.claim import Claim
from tests.claims.points import POINTS
from tests.claims.requirements import REQUIREMENTS
from tests.conftest import COLLECTED

ROOT = Path(__file__).parents[2]
ATTACKS = [claim for area in AREAS.values() for claim in area]
ALL: list[Claim] = [*ATTACKS, *POINTS, *REQUIREMENTS]


@cache
def _tests(file: str) -> frozenset[str]:
    """The names at the top of a file that pytest would collect."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = {
        target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    return frozenset(name for name in functions | assigned if name.lower().startswith("test"))


def test_every_line_has_tests_that_exist_or_a_reason() -> None:
    assert [claim.line for claim in ALL if not claim.tests and len(claim.why) < 20] == []
    missing = []
    for claim in ALL:
        for test in claim.ids():
            file, _, name = test.partition("::")
            if not (ROOT / file).is_file() or name not in _tests(file):
                missing.append((claim.line, test))
    assert missing == []


def _absent(collected: Iterable[str], args: Sequence[str], named: set[str]) -> list[str]:
    """Named tests that a run of these arguments ought to have collected: those of its files; of the whole folder, all.

    collected: before marks leave any out, for each target of the Makefile gives marks. Arguments that name single tests tell nothing.
    """
    names = {re.sub(r"\[.*", "", each).removesuffix("::runTest") for each in collected}
    if any("::" in each for each in args):
        return []
    files = {each.partition("::")[0] for each in names}
    is_whole = any(Path(each).resolve() in (ROOT, ROOT / "tests") for each in args)
    return sorted(each for each in named - names if is_whole or each.partition("::")[0] in files)


@pytest.mark.parametrize("_target", ["test", pytest.param("long", marks=pytest.mark.long)])
def test_what_pytest_collected_holds_the_tests_that_are_named(
    request: pytest.FixtureRequest, _target: str
) -> None:
    """In a run of some files, of these; in a whole run, of all, whichever marks it leaves out afterwards. Asked by both targets."""
    config = request.config
    if config.getoption("lf", False):
        pytest.skip("only what failed last was collected")
    named = {test for claim in ALL for test in claim.ids()}
    assert _absent(config.stash[COLLECTED], config.args, named) == []


def test_a_named_test_that_was_not_collected_is_missed() -> None:
    ran, whole = ["tests/a.py::test_b[x]", "tests/c.py::TestD::runTest"], [str(ROOT / "tests")]
    named = {"tests/a.py::test_b", "tests/a.py::test_gone", "tests/c.py::TestD", "tests/e.py::test_f"}
    assert _absent(ran, whole, named) == ["tests/a.py::test_gone", "tests/e.py::test_f"]
    assert _absent(ran, [str(ROOT / "tests" / "a.py")], named) == ["tests/a.py::test_gone"]
    assert _absent(ran, ["tests/a.py::test_b"], named) == []


def test_the_lists_are_as_long_as_they_were_found() -> None:
    assert {name: len(area) for name, area in AREAS.items()} == {
        "Identity": 18, "Authorization": 20, "Data plane": 16, "Inference": 13, "Input": 12, "Server": 6,
    }  # fmt: skip
    assert (len(POINTS), len(REQUIREMENTS)) == (12, 45)
    assert sum(not claim.tests for claim in ATTACKS) == 0, "every attack has a test"


def test_no_line_of_the_design_is_left_out(shared: Path) -> None:
    said = (shared / "design" / "authorization.md").read_text(encoding="utf-8")
    for area, claims in AREAS.items():
        (line,) = re.findall(rf"^- {area}: (.*(?:\n  .*)*)", said, re.MULTILINE)
        rest = re.sub(r"\s+", " ", line)
        for claim in claims:
            assert claim.line in rest, (area, claim.line)
            rest = rest.replace(claim.line, "", 1)
        assert re.sub(r"[\s,;:./]", "", rest) == "", f"{area}: {rest}"
    points = re.sub(r"\s+", " ", said.partition("## 6.")[2])
    for number, claim in enumerate(POINTS, 1):
        assert f"{number} {claim.line}" in points, claim.line
    domain = (shared / "design" / "domain.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (R\d\d) \|", domain, re.MULTILINE) == [claim.line[:3] for claim in REQUIREMENTS]


def test_the_page_is_current() -> None:
    assert document.PAGE.read_text(encoding="utf-8") == document.page(), "python -m tests.claims.document"
