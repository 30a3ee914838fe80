"""The published ODRL evaluation suite, as a file beside this one: `python -m tests.auth.policy.odrl_suite FOLDER` writes it anew.

FOLDER is a clone of https://github.com/SolidLabResearch/ODRL-Test-Suite (MIT licence), at the commit that `COMMIT` names. Policies and requests stand in
`odrl_suite.json` as they were published, in Turtle; of each case its instant and what its report says of the rule: active or not.
"""

from __future__ import annotations

import json
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


@dataclass(frozen=True, slots=True)
class SuiteCase:
    """One case: the names of its policy and request, its instant, and whether the rule is active."""

    name: str
    title: str
    policy: str
    request: str
    at: datetime
    is_active: bool


@cache
def suite() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def cases() -> list[SuiteCase]:
    return [
        SuiteCase(**{**each, "at": datetime.fromisoformat(each["at"]), "is_active": each["is_active"]})
        for each in suite()["cases"]
    ]


def graph(kind: str, name: str) -> Graph:
    """A policy or a request."""
    return Graph().parse(data=suite()[kind][name], format="turtle")


def _graphs(folder: Path, kind: str) -> dict[Node, tuple[str, Graph]]:
    """Those of a folder, by the name that cases give them."""
    found = {}
    for path in sorted((folder / "data" / kind).glob("*.ttl")):
        one = Graph().parse(path)
        for named in (ODRL.Set, ODRL.Request, EX.Sotw):
            found |= dict.fromkeys(one.subjects(RDF.type, named), (path.stem, one))
    return found


def main(folder: Path) -> None:
    told = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)  # fmt: skip
    if told.stdout.strip() != COMMIT:
        sys.exit(f"not the commit {COMMIT}")
    named = {kind: _graphs(folder, kind) for kind in ("policies", "requests", "sotw")}
    listed = []
    for path in sorted((folder / "data" / "test_cases").glob("*.ttl")):
        case = Graph().parse(path)
        at = case.value(None, RDF.type, EX.TestCase)
        (state,) = case.objects(None, REPORT.activationState)
        world = named["sotw"][case.value(at, EX.sotw)][1]  # type: ignore[index]
        listed.append(
            {
                "name": path.stem.removeprefix("testcase-"),
                "title": str(case.value(at, DCTERMS.title)),
                "policy": named["policies"][case.value(at, EX.policy)][0],  # type: ignore[index]
                "request": named["requests"][case.value(at, EX.request)][0],  # type: ignore[index]
                "at": str(world.value(NOW, DCTERMS.issued)),
                "is_active": state == REPORT.Active,
            }
        )
    texts = {
        kind: {path.stem: path.read_text("utf-8") for path in sorted((folder / "data" / kind).glob("*.ttl"))}
        for kind in ("policies", "requests")
    }
    body = {
        "source": "https://github.com/SolidLabResearch/ODRL-Test-Suite",
        "commit": COMMIT,
        "licence": (folder / "LICENSE.md").read_text("utf-8"),
        "cases": listed,
        **texts,
    }
    FILE.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
