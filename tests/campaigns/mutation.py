"""How many small faults in the rules the tests notice: `python -m tests.campaigns.mutation KEPT [--mutants N] [--minutes M] [--out FILE] [--seed S] [--after COMMIT:N:PAGE] [--part I/N]`.

KEPT is the folder that `tests.campaigns.coverage --keep KEPT` left, made of this very commit. Each mutant changes one thing in one module that decides: a comparison, a
boolean, a number, a yes or no, what is returned or told, an entry of a table. The tests that reach its line are run, the narrowest first; it is killed when one
fails. Mutants are drawn in a fixed order from all that there are, so that however far a run comes it is a sample. Files are changed in place and put back:
run it in a clone that nobody works in.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SEED: Final = 20261129
FIRST, MOST, PATIENCE_S, REST_S = 12, 62, 150, 1200
TABLES: Final = (
    "tests/auth/test_what_tables_say.py", "tests/core/test_every_machine.py", "tests/auth/applications/test_machine.py", "tests/auth/applications/test_history.py",
)  # fmt: skip
SWAPS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the module, its line, what is done; `node` and `which` find it again; `last`: the last line of the expression."""

    file: str
    line: int
    what: str
    node: int
    which: int
    last: int

    def text(self) -> str:
        """The whole changed module."""
        tree = ast.parse((ROOT / self.file).read_text(encoding="utf-8"))
        node = next(each for at, each in enumerate(ast.walk(tree)) if at == self.node)
        list(_changes(node))[self.which][1](node)
        return ast.unparse(ast.fix_missing_locations(tree))


def mutants_of(file: str) -> Iterator[Mutant]:
    """Every mutant of a module. What a class is made with (`frozen`, `slots`) is no rule."""
    yield from _of_text(file, (ROOT / file).read_text(encoding="utf-8"))


def _of_text(file: str, text: str) -> Iterator[Mutant]:
    tree = ast.parse(text)
    made_with = {
        id(inner)
        for node in ast.walk(tree)
        for outer in getattr(node, "decorator_list", [])
        for inner in ast.walk(outer)
    }
    for at, node in enumerate(ast.walk(tree)):
        for which, (what, _) in enumerate(_changes(node) if id(node) not in made_with else ()):
            yield Mutant(file, getattr(node, "lineno", 0), what, at, which, _last(node))


def _last(node: ast.AST) -> int:
    """The last line of an expression, of a statement's test where it has one: of a choice on several lines, the first is one of its outcomes."""
    tested = node.test if isinstance(node, ast.If) else node
    return getattr(tested, "end_lineno", None) or 0


def _changes(node: Any) -> Iterator[tuple[str, Callable[[Any], None]]]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in SWAPS:
            yield _named(op), lambda it: it.ops.__setitem__(0, SWAPS[type(it.ops[0])]())
        case ast.BoolOp():
            yield _named(node.op), lambda it: setattr(it, "op", SWAPS[type(it.op)]())
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            yield _named(node.op), lambda it: setattr(it, "op", SWAPS[type(it.op)]())
        case ast.If() | ast.IfExp():
            yield "condition negated", lambda it: setattr(it, "test", ast.UnaryOp(ast.Not(), it.test))
        case ast.UnaryOp(op=ast.Not()):
            yield "not taken away", lambda it: setattr(it, "operand", ast.UnaryOp(ast.Not(), it.operand))
        case ast.Constant(value=bool()):
            yield f"{node.value} turned", lambda it: setattr(it, "value", not it.value)
        case ast.Constant(value=int()):
            yield f"{node.value} plus one", lambda it: setattr(it, "value", it.value + 1)
        case ast.Return(value=value) if value is not None and not _is_nothing(value):
            yield "return of nothing", lambda it: setattr(it, "value", ast.Constant(None))
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            yield "yield left out", lambda it: setattr(it, "value", ast.Constant(None))
        case ast.Raise():
            yield "raise left out", lambda it: setattr(it, "__class__", ast.Pass)
        case ast.Dict(keys=[_, _, *_]):
            yield "last entry left out", lambda it: (it.keys.pop(), it.values.pop())
        case ast.Set(elts=[_, _, *_]):
            yield "last member left out", lambda it: it.elts.pop()


def _is_nothing(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _named(op: ast.AST) -> str:
    return f"{type(op).__name__} to {SWAPS[type(op)].__name__}"


def all_mutants(files: list[str], seed: int = SEED) -> list[Mutant]:
    """Of all files, in a drawn order."""
    found = [each for file in files for each in mutants_of(file)]
    random.Random(seed).shuffle(found)  # noqa: S311 - a fixed lot
    return found


def seen_at(commit: str, files: list[str], many: int) -> set[tuple[str, str, str]]:
    """The first so many mutants drawn of these files at an earlier commit, named by file, change and the text of the line: numbers of lines move."""
    texts = {file: _shown(commit, file) for file in files}
    found = [each for file, text in texts.items() for each in _of_text(file, text)]
    random.Random(SEED).shuffle(found)  # noqa: S311 - the same lot as then
    return {_named_by_text(each, texts[each.file]) for each in found[:many]}


def _shown(commit: str, file: str) -> str:
    command = ["git", "show", f"{commit}:{file}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _named_by_text(mutant: Mutant, text: str) -> tuple[str, str, str]:
    lines = text.splitlines()
    return mutant.file, mutant.what, lines[mutant.line - 1].strip() if mutant.line else ""


def fresh(every: list[Mutant], seen: set[tuple[str, str, str]]) -> list[Mutant]:
    """Those that no earlier sample held."""
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in {each.file for each in every}}
    return [each for each in every if _named_by_text(each, texts[each.file]) not in seen]


def listed_at(commit: str) -> list[str]:
    """The modules that docs/coverage.md named at a commit."""
    rows = (
        line.split("|")[1].strip()
        for line in _shown(commit, "docs/coverage.md").splitlines()
        if line.startswith("| auth/")
    )
    return sorted(rows)


# -- which tests


def tests_of(report: dict[str, Any], mutant: Mutant, width: Counter[str]) -> list[str]:
    """Tests that reach a line of the mutant's, the narrowest first.

    A line that runs at import is reached by whichever test loads its module first, which says nothing: the files about tables and rules, whose
    tests may reach no line at all, then all tests that reach the module.
    """
    contexts = report["files"][mutant.file]["contexts"]
    lines = range(mutant.line, mutant.last + 1)
    met, tables = {each for line in lines for each in contexts.get(str(line), []) if each}, []
    if not met or mutant.line not in _in_functions(mutant.file):
        folder = f"tests/{mutant.file.rpartition('/')[0]}"
        named = (f"{folder}/test_rules.py", f"{folder}/test_workflow.py", *TABLES)
        tables = [each for each in dict.fromkeys(named) if (ROOT / each).is_file()]
        met = {each for told in contexts.values() for each in told if each}
    area = f"tests/{mutant.file.rpartition('/')[0]}/"
    return tables + sorted(met, key=lambda name: (not name.startswith(area), width[name], name))


@cache
def _in_functions(file: str) -> frozenset[int]:
    """The lines that run when a function is called."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    bodies = (each.body for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.Lambda))
    inside = (part for body in bodies for part in (body if isinstance(body, list) else [body]))
    return frozenset(
        line for part in inside for line in range(part.lineno, (part.end_lineno or part.lineno) + 1)
    )


def widths(report: dict[str, Any]) -> Counter[str]:
    """How many lines each test reaches in all."""
    return Counter(
        each for module in report["files"].values() for told in module["contexts"].values() for each in told
    )


# -- running


def fate(mutant: Mutant, tests: list[str]) -> str:
    """ "killed" when a test fails on it or is stopped by it, "overdue" when the narrowest take for ever, else "SURVIVED": in the end all that reach the line are asked."""
    path = ROOT / mutant.file
    kept, stat = path.read_bytes(), path.stat()
    path.write_text(mutant.text(), encoding="utf-8")
    try:
        return (
            _told(tests[:FIRST], PATIENCE_S, "overdue")
            or _told(tests[FIRST:MOST], PATIENCE_S, "overdue")
            or _told(tests[MOST:], REST_S, "")
            or "SURVIVED"
        )
    finally:
        path.write_bytes(kept)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _told(tests: list[str], patience_s: float, overdue: str) -> str:
    """ "killed" where one of them fails, else nothing; `overdue`: what is said where they take longer than that."""
    if not tests:
        return ""
    child = os.fork()
    if child == 0:
        os.setsid()
        sys.dont_write_bytecode = True
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        import pytest

        os._exit(
            int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-k", "not postgres", *tests]))
            not in (0, 5)
        )
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "killed" if status else ""
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return overdue


def interval(killed: int, of: int) -> tuple[float, float]:
    """Wilson's interval, 95 %."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, killed / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def _warm() -> None:
    """Load what is not under test once; children inherit it."""
    import sqlmodel  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=SEED, help="another lot")
    parser.add_argument(
        "--after",
        default=None,
        metavar="COMMIT:N",
        help="leave out what the first N drawn at that commit were",
    )
    parser.add_argument(
        "--part", default="1/1", metavar="I/N", help="every N-th, from the I-th on: for runs side by side"
    )
    asked = parser.parse_args()
    report = json.loads((asked.kept / "report.json").read_text(encoding="utf-8"))
    files = sorted(name for name, module in report["files"].items() if module["summary"]["num_statements"])
    every, width = all_mutants(files, asked.seed), widths(report)
    if asked.after:
        commit, many, page = asked.after.split(":")
        every = fresh(every, seen_at(commit, listed_at(page), int(many)))
    first, step = map(int, asked.part.split("/"))
    every = every[first - 1 :: step]
    _warm()
    end, results = time.monotonic() + 60 * asked.minutes, []
    if asked.out and asked.out.exists():  # go on where an earlier run stopped
        results = [tuple(each) for each in json.loads(asked.out.read_text(encoding="utf-8"))["results"]]
    for mutant in every[len(results) : asked.mutants]:
        if time.monotonic() > end:
            break
        tests = tests_of(report, mutant, width)
        said = fate(mutant, tests)
        results.append((said, mutant.file, mutant.line, mutant.what, len(tests)))
        print(
            f"{said:8}",
            mutant.file,
            mutant.line,
            mutant.what,
            len(tests),
            flush=True,
        )
        if asked.out:
            asked.out.write_text(json.dumps({"of": len(every), "results": results}), encoding="utf-8")
    overdue = sum(said == "overdue" for said, *_ in results)
    dead = overdue + sum(said == "killed" for said, *_ in results)
    low, high = interval(dead, len(results))
    print(
        f"{dead} of {len(results)} killed ({overdue} of them overdue), drawn of {len(every):,}: {dead / max(1, len(results)):.1%} (95 %: {low:.1%} to {high:.1%})"
    )


if __name__ == "__main__":
    main()
