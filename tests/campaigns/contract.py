"""Every route against its own OpenAPI document, as every role: `python -m tests.campaigns.contract DATA_DIR`; writes docs/contract.md.

Schemathesis makes requests that fit the document and requests that do not; most addresses name objects that the demo in DATA_DIR has.
Held for each answer: no fault of ours, nothing that the document does not declare (status, media type, headers, body), and a request
that does not fit is refused. Each role works on a copy of its own.
"""

from __future__ import annotations

import argparse
import collections
import logging
import random
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.control import SkipTest
from schemathesis.core.failures import Failure, FailureGroup
from sqlalchemy import inspect, text
from sqlmodel import select

from api.app import create_app
from api.house import House, open_house
from api.identity import local_token
from api.schema import bring_up_to_date
from auth.identity.tables import AccountRow, RoleAssignmentRow
from core.settings import Settings
from core.work import system_clock

PAGE: Final = Path(__file__).parents[2] / "docs" / "contract.md"
CHECKED: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
SECONDS: Final = 120  # a busy machine is no fault of a route
TRIES: Final = 3  # at asking an operation wrongly; some cannot be
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass(slots=True)
class Outcome:
    """What was asked and answered; `faults` by operation, check and role."""

    requests: int = 0
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    faults: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Take another's counts over."""
        self.requests += other.requests
        self.statuses.update(other.statuses)
        self.faults.update(other.faults)


def document(app: Any) -> Any:
    """What the app says of itself; requests go to the app in `.app`."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return schema


def operations(schema: Any) -> list[Any]:
    """Everything that the document names."""
    return [found.ok() for found in schema.get_all_operations()]


def ids_of(house: House) -> dict[str, list[str]]:
    """Some ids of every table that has them, by the table's name."""
    tables = inspect(house.engine)
    found = {}
    with house.engine.connect() as connection:
        for name in tables.get_table_names():
            if any(column["name"] == "id" for column in tables.get_columns(name)):
                rows = connection.execute(text(f'select id from "{name}" limit 5'))
                found[name] = [str(row[0]) for row in rows]
    return found


@dataclass(slots=True)
class Caller:
    """One role at one house."""

    house: House
    role: str
    username: str | None
    number: int = 1
    outcome: Outcome = field(default_factory=Outcome)
    _ids: dict[str, list[str]] = field(default_factory=dict)
    _headers: dict[str, str] = field(default_factory=dict)

    def visit(self, operation: Any, examples: int, modes: tuple[GenerationMode, ...] = MODES) -> None:
        """Ask one operation `examples` times in each mode."""
        self._ids = self._ids or ids_of(self.house)
        if self.username:  # anew each time: one of the requests may have ended the last one
            self._headers = {"Authorization": f"Bearer {local_token(self.house, self.username)}"}
        chance = random.Random(self.number)  # noqa: S311 - choices, no secret
        for mode in modes:
            operation.schema.config.generation.update(modes=[mode])
            for number in range(self.number, self.number + TRIES):
                before = self.outcome.requests
                with suppress(SkipTest, Unsatisfiable):  # what was drawn cannot be asked wrongly
                    self._draw(operation, mode, examples, number, chance)
                if self.outcome.requests > before:
                    break

    def _draw(
        self, operation: Any, mode: GenerationMode, examples: int, number: int, chance: random.Random
    ) -> None:
        @seed(number)
        @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            self._ask(case, chance)

        ask()

    def _ask(self, case: Any, chance: random.Random) -> None:
        for name in case.path_parameters or {}:
            stem = name.removesuffix("_id")
            likely = [found for table, ids in self._ids.items() if stem in table for found in ids]
            if likely and chance.random() < 0.6:
                case.path_parameters[name] = chance.choice(likely)
        self.outcome.requests += 1
        try:
            response = case.call(headers=self._headers, timeout=SECONDS)
        except Exception as fault:  # the app lets go of it after its 500
            self.outcome.statuses[500] += 1
            said = f"500 {type(fault).__name__}: {fault}"
            self.outcome.faults.setdefault(
                (case.operation.label, "ServerError", self.role), " ".join(said.split())[:600]
            )
            return
        self.outcome.statuses[response.status_code] += 1
        try:
            case.validate_response(
                response, checks=[CHECKS.get_one(name) for name in CHECKED], headers=self._headers
            )
        except FailureGroup as group:
            for failure in group.exceptions:
                self._note(case, failure, response)
        except Failure as failure:
            self._note(case, failure, response)

    def _note(self, case: Any, failure: Any, response: Any) -> None:
        key = (case.operation.label, type(failure).__name__, self.role)
        said = f"{response.status_code} {failure.message} | {response.content[:400].decode('utf-8', 'replace')[:200]}"
        self.outcome.faults.setdefault(key, " ".join(said.split())[:600])


def accounts_of(house: House) -> dict[str, str]:
    """One account for each role that somebody holds."""
    asked = select(RoleAssignmentRow.role, AccountRow.username).join(
        AccountRow, AccountRow.id == RoleAssignmentRow.account_id  # type: ignore[arg-type]
    )  # fmt: skip
    with house.read() as work:
        return {str(role): username for role, username in work.db.exec(asked).all()}


@dataclass(frozen=True, slots=True)
class Task:
    """What one role is to ask, on a fresh copy of the installation."""

    data_dir: Path
    role: str
    username: str | None
    examples: int
    number: int
    only: str


@cache
def _document(data_dir: Path) -> Any:
    """Made once for each process."""
    return document(create_app(house=open_house(Settings(data_dir=data_dir, worker=False))))


def play(task: Task) -> tuple[str, Outcome]:
    """One role at every operation."""
    logging.disable(logging.CRITICAL)
    asked = [operation for operation in operations(_document(task.data_dir)) if task.only in operation.label]
    with tempfile.TemporaryDirectory(prefix="dg-contract-") as folder:
        home = Path(folder) / "house"
        shutil.copytree(task.data_dir, home)
        house = open_house(Settings(data_dir=home, worker=False))
        caller = Caller(house, task.role, task.username, task.number)
        app = create_app(house=house)
        for operation in asked:
            operation.app = app
            caller.visit(operation, task.examples)
    return task.role, caller.outcome


def written(told: list[tuple[str, Outcome]], total: Outcome, examples: int, number: int, most: int) -> str:
    """The page for docs/. most: how many roles were to be played."""
    lines = [
        "# Every answer against the OpenAPI document",
        "",
        "Written by `python -m tests.campaigns.contract DATA_DIR` over the demo: Schemathesis asks every operation as every role, with",
        "requests that fit the document and requests that do not. Held for each answer: no 5xx, nothing undeclared (status, media type,",
        "headers, body), and what does not fit is refused. `tests/api/test_contract.py` plays a small part of it in every run.",
        "",
        "Left out, of Schemathesis's checks: `positive_data_acceptance` (what fits the document may still break a rule that no schema can",
        "say), and the ones that need marked credentials in the document; access is judged by the matrix of routes and roles instead.",
        "",
        f"Played {system_clock():%Y-%m-%d}: {len(told)} of {most} roles, {examples} request(s) of each kind for each operation, seed {number}.",
        "",
        "| role | requests | 2xx and 3xx | 4xx | 5xx | faults |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for role, seen in [*told, ("all", total)]:
        kinds = collections.Counter[int]()
        for status, count in seen.statuses.items():
            kinds[status // 100] += count
        lines.append(
            f"| {role} | {seen.requests} | {kinds[2] + kinds[3]} | {kinds[4]} | {kinds[5]} | {len(seen.faults)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--number", type=int, default=1, help="Hypothesis's seed")
    parser.add_argument("--jobs", type=int, default=1, help="roles that ask at the same time")
    parser.add_argument("--roles", nargs="*", default=[])
    parser.add_argument("--only", default="", help="a part of the operation's name")
    args = parser.parse_args()
    house = open_house(Settings(data_dir=args.data_dir, worker=False))
    bring_up_to_date(house.engine)
    tasks = [
        Task(args.data_dir, role, username, args.examples, args.number, args.only)
        for role, username in {"visitor": None, **accounts_of(house)}.items()
        if role in args.roles or not args.roles
    ]
    tasks.sort(key=lambda task: args.roles.index(task.role) if args.roles else 0)
    told, total = [], Outcome()
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for role, outcome in pool.map(play, tasks):
            total.add(outcome)
            told.append((role, outcome))
            sys.stdout.write(f"{role}: {outcome.requests} asked, {len(outcome.faults)} faults\n")
            for (label, kind, _), said in sorted(outcome.faults.items()):
                sys.stdout.write(f"{label} · {kind} · {role} · {said}\n")
            sys.stdout.flush()
            if not args.only:  # after each role: whatever ends the campaign, what was played is told
                PAGE.write_text(
                    written(told, total, args.examples, args.number, len(tasks)), encoding="utf-8"
                )
    return 1 if total.faults else 0


if __name__ == "__main__":
    sys.exit(main())
