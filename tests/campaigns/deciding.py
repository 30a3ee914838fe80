"""Fifty people who decide, over HTTP, on several server processes: `python -m tests.campaigns.deciding [--processes 2] [--database …] [--year FOLDER]`.

Two kinds of decisions: an approver decides on an application (`POST /applications/{id}/decide`), and an analyst asks for an extract
(`POST /extracts`: decided, charged, put on record). Each person keeps one connection and waits some seconds between two
decisions, as people do, or not at all. Servers share a data directory or a database, as behind a reverse proxy; only the first
would keep a worker, and here none does. The people's own threads run on the same machine. With `--year` they decide in the midst of the
seeded year that `tests.campaigns.year --folder FOLDER` has left there; else in a small new installation.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from api.house import House, open_house
from api.identity import local_token
from core.settings import Settings
from core.work import system_clock
from tests.campaigns.year import ROOT, Scale, Year, an_approver, at_once, kept, waiting_application
from tests.crash.harness import free_port

KEPT_S: Final = 4.0
SMALL: Final = Scale(enterprises=50, applications=50, granted=50, lines=0)


class Now:
    """The machine's clock, begun some days ago: what is prepared here is there when the servers look."""

    def __init__(self) -> None:
        self.now = system_clock() - timedelta(days=3)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=7)
        return self.now


@contextmanager
def servers(house: House, processes: int) -> Iterator[tuple[list[int], Callable[[], float]]]:
    """So many server processes without a worker: their ports once all answer, and the processor time that they took so far, ms."""
    ports = [free_port() for _ in range(processes)]
    settings = house.settings
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "DATAGRANT_WORKER": "false", "DATAGRANT_PUBLIC_URL": settings.public_url,
        "DATAGRANT_SECOND_FACTOR_ROLES": "none", "DATAGRANT_DATABASE_URL": settings.database_url or "",
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-c", "from api.cli import main; main()", "serve", "--data-dir", str(settings.data_dir), "--port", str(port)],
            cwd=ROOT, env=env, stdout=subprocess.DEVNULL,
        )
        for port in ports
    ]  # fmt: skip
    try:
        for port in ports:
            _until_it_answers(port)
        yield ports, lambda: sum(_processor_ms(each.pid) for each in running)
    finally:
        for each in running:
            each.terminate()
        for each in running:
            each.wait(30)


def _processor_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _until_it_answers(port: int) -> None:
    ends = time.monotonic() + 180
    while time.monotonic() < ends:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/api/v1/releases")
            if asked.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


class Caller:
    """One person with a token and a connection that stays, as long as the server keeps an idle one (5 s)."""

    def __init__(self, house: House, username: str, port: int) -> None:
        self.token = local_token(house, username)
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.last = time.monotonic()

    def post(self, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        idle, self.last = time.monotonic() - self.last, time.monotonic()
        if idle > KEPT_S:
            self.line.close()  # the next request opens another
        self.line.request("POST", f"/api/v1{path}", json.dumps(body), headers)
        answer = self.line.getresponse()
        said = answer.read()
        assert answer.status < 300, (answer.status, said[:500])


def play(
    year: Year, ports: list[int], spent: Callable[[], float], people: int, each: int, pause: float, name: str
) -> dict[str, Any]:
    """Both kinds of decisions by so many people."""
    house = year.house
    approvers, waiting = [], []
    for number in range(people):
        with house.write() as work:
            who = an_approver(work, number)
            first = (system_clock() + timedelta(days=1)).date()
            waiting.append(
                [waiting_application(year, work, f"{name}-{number}-{turn}", first) for turn in range(each)]
            )
        approvers.append(Caller(house, who, ports[number % len(ports)]))

    def decide(number: int, turn: int) -> None:
        found = waiting[number][turn]
        lines = [{"line_id": line.id, "outcome": "approve"} for line in found.lines]
        body = {"version": found.version, "has_no_conflict": True, "lines": lines}
        approvers[number].post(f"/applications/{found.id}/decide", body)

    taking = [year.grants[number % len(year.grants)] for number in range(people)]
    analysts = [Caller(house, who, ports[number % len(ports)]) for number, (_, who, _) in enumerate(taking)]

    def take(number: int, _turn: int) -> None:
        grant_id, _, known = taking[number]
        body = {
            "grant_id": grant_id,
            "purpose": "risk-pricing",
            "scenario_id": "safety",
            "columns": known[:2],
        }
        analysts[number].post("/extracts", body)

    def told(act: Callable[[int, int], None]) -> dict[str, Any]:
        before = spent()
        found = at_once(people, each, act, pause)
        return found | {"processor_ms": round((spent() - before) / found["acts"], 1)}

    return {"approving": told(decide), "taking": told(take)}


def _new(folder: Path, database: str | None) -> Year:
    clock = Now()
    settings = Settings(data_dir=folder, database_url=database, worker=False, second_factor_roles="none")
    year = Year(open_house(settings, clock), clock, SMALL)
    year.enter()
    year.apply()
    return year


def run(year: Year, processes: int, people: int, each: int) -> dict[str, Any]:
    """Prepare, serve, play: one in five seconds each, in which the bar is read (decisions/0171), in two, in one, then without a pause."""
    year.clock.now = system_clock()
    run = year.house.new_id()[-6:]  # a year is decided in more than once
    kinds: dict[str, Callable[[list[int], Callable[[], float]], dict[str, Any]]] = {
        "warm": lambda ports, spent: play(year, ports, spent, min(people, 10), 1, 0, f"warm-{run}"),
        "one in five seconds each": lambda ports, spent: play(
            year, ports, spent, people, each, 5, f"reading-{run}"
        ),
        "one in two seconds each": lambda ports, spent: play(
            year, ports, spent, people, each, 2, f"calm-{run}"
        ),
        "one a second each": lambda ports, spent: play(year, ports, spent, people, each, 1, f"paced-{run}"),
        "without a pause": lambda ports, spent: play(year, ports, spent, people, each, 0, f"at-once-{run}"),
    }
    with servers(year.house, processes) as (ports, spent):
        return {name: act(ports, spent) for name, act in kinds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--database", default=None)
    parser.add_argument("--year", type=Path, default=None, help="a seeded year that is kept in this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        year = (
            kept(asked.year, Scale(), asked.database)
            if asked.year
            else _new(Path(room) / "data", asked.database)
        )
        found = run(year, asked.processes, asked.people, asked.each)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
