"""What the published ODRL evaluation suite asks, as facts in a file beside this one: `python -m tests.auth.policy.odrl_suite FOLDER` writes it anew.

FOLDER is a clone of https://github.com/SolidLabResearch/ODRL-Test-Suite at the commit that `COMMIT` names. Of each policy and request there stand its parties, actions, targets
and constraints, of an alternative only how many it has; of each case its instant and whether its report says that the rule is active.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from rdflib import Graph, Namespace, Node
from rdflib.namespace import DCTERMS, RDF

COMMIT: Final = "7958238e72511059478e43ec9e57b053504cfd2c"
FILE: Final = Path(__file__).with_name("odrl_suite.json")
ODRL: Final = Namespace("http://www.w3.org/ns/odrl/2/")
EX: Final = Namespace("http://example.org/")
REPORT: Final = Namespace("https://w3id.org/force/compliance-report#")
NOW: Final = Namespace("http://example.com/request/").currentTime
KINDS: Final = ("permission", "prohibition", "obligation")
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SuiteCase:
    """One case: its number, the names of its policy and request, its instant, and whether the rule is active."""

    name: str
    policy: str
    request: str
    at: datetime
    is_active: bool


@cache
def suite() -> Facts:
    found: Facts = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def cases() -> list[SuiteCase]:
    return [SuiteCase(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in suite()["cases"]]


def policy(name: str) -> dict[str, list[Facts]]:
    """The rules of a policy by kind."""
    found: dict[str, list[Facts]] = suite()["policies"][name]
    return found


def request(name: str) -> Facts:
    """Who asks to do what with which target."""
    found: Facts = suite()["requests"][name]
    return found


def _short(node: object) -> str:
    return re.split("[/#]", str(node))[-1]


def _rule(told: Graph, rule: Node) -> Facts:
    said: Facts = {
        what: _short(value)
        for what in ("assignee", "action", "target")
        if (value := told.value(rule, ODRL[what])) is not None
    }
    if found := [_constraint(told, each) for each in sorted(told.objects(rule, ODRL.constraint))]:  # type: ignore[type-var]
        said["constraints"] = found
    return said | ({"duty": True} if told.value(rule, ODRL.duty) is not None else {})


def _constraint(told: Graph, each: Node) -> Facts:
    if parts := list(told.objects(each, ODRL["and"])):
        return {"and": [_constraint(told, part) for part in sorted(parts)]}  # type: ignore[type-var]
    if parts := list(told.objects(each, ODRL["or"])):
        return {"or": len(parts)}
    left, operator = (_short(told.value(each, ODRL[what])) for what in ("leftOperand", "operator"))
    return {"left": left, "operator": operator, "right": str(told.value(each, ODRL.rightOperand))}


def _graphs(folder: Path, kind: str) -> dict[Node, tuple[str, Graph]]:
    """Those of a folder, by the name that cases give them."""
    found = {}
    for path in sorted((folder / "data" / kind).glob("*.ttl")):
        one = Graph().parse(path)
        for named in (ODRL.Set, ODRL.Request, EX.Sotw):
            found |= dict.fromkeys(one.subjects(RDF.type, named), (path.stem, one))
    return found


def _case(path: Path, named: dict[str, dict[Node, tuple[str, Graph]]]) -> Facts:
    case = Graph().parse(path)
    at = case.value(None, RDF.type, EX.TestCase)
    (state,) = case.objects(None, REPORT.activationState)

    def part(kind: str, what: Node) -> tuple[str, Graph]:
        return named[kind][case.value(at, what)]  # type: ignore[index]

    return {
        "name": path.stem.removeprefix("testcase-")[:3], "policy": part("policies", EX.policy)[0], "request": part("requests", EX.request)[0],
        "at": str(part("sotw", EX.sotw)[1].value(NOW, DCTERMS.issued)), "is_active": state == REPORT.Active,
    }  # fmt: skip


def main(folder: Path) -> None:
    told = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)  # fmt: skip
    if told.stdout.strip() != COMMIT:
        sys.exit(f"not the commit {COMMIT}")
    named = {kind: _graphs(folder, kind) for kind in ("policies", "requests", "sotw")}
    listed = [_case(path, named) for path in sorted((folder / "data" / "test_cases").glob("*.ttl"))]
    policies = {
        name: {kind: rules for kind in KINDS if (rules := [_rule(one, rule) for rule in one.objects(None, ODRL[kind])])}
        for name, one in sorted(named["policies"].values(), key=lambda each: int(each[0].split("-")[1]))
    }  # fmt: skip
    requests = {name: _rule(one, *one.subjects(RDF.type, ODRL.Permission)) for name, one in named["requests"].values()}  # fmt: skip

    def lines(rows: list[str]) -> str:
        return ",\n".join(f"  {row}" for row in rows)

    def members(rows: Facts) -> str:
        return lines([f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()])

    FILE.write_text(
        '{\n "source": "https://github.com/SolidLabResearch/ODRL-Test-Suite",\n'
        f' "commit": "{COMMIT}",\n "cases": [\n{lines([json.dumps(row) for row in listed])}\n ],\n'
        f' "policies": {{\n{members(policies)}\n }},\n "requests": {{\n{members(requests)}\n }}\n}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
