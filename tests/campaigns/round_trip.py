"""The command line of ckanapi over every harvested record: `python -m tests.campaigns.round_trip DATA_DIR [--most N] [--processes N]`.

DATA_DIR is what `python -m tests.campaigns.harvest DATA_DIR` left. Its public records are dumped, loaded into an empty installation, dumped
again and compared byte for byte, with organisations and groups; then searched, written in a batch, and deleted there. Each installation is
served by a process of its own. A step that did not end well is told with its exit status, what the command wrote and what became of its lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from api.house import House, open_house
from auth.identity import api_keys
from catalog import imports
from core.settings import Settings
from tests import ckan_command
from tests.bench.catalogue import cpu_seconds, served
from tests.people import a_person, actor_of, an_org

THINGS: Final = ("organizations", "datasets", "groups")
PATCHED: Final = 100
SECONDS: Final = 4 * 3600
REWRITTEN: Final = "由批量命令改写的说明"


@dataclass
class Play:
    """Servers by name (address, process), and what went wrong so far."""

    servers: dict[str, tuple[str, int]]
    processes: int
    faults: list[str] = field(default_factory=list)

    def step(self, name: str, at: str, *words: str, key: str = "", given: bytes = b"") -> bytes:
        """One command: a line of the table, and a fault when it did not end well or refused a line."""
        address, pid = self.servers[at]
        if words[0] in ("dump", "load", "delete", "batch") and self.processes > 1:
            words = (*words, "-p", str(self.processes))
        began, cpu = time.monotonic(), cpu_seconds(pid)
        said = ckan_command.run(address, *words, key=key, given=given, seconds=SECONDS)
        took, cpu = time.monotonic() - began, cpu_seconds(pid) - cpu
        lines = said.lines or len(said.out.splitlines())
        print(f"| {name} | {lines} | {took:.1f} | {lines / took:.1f} | {cpu / max(lines, 1) * 1000:.1f} | {said.status} |", flush=True)  # fmt: skip
        if said.status or said.refused:
            self.faults.append(f"{name}: {said.report()}")
            print(self.faults[-1], file=sys.stderr, flush=True)
        return said.out


def main() -> int:
    """The table; 1 when two dumps differ or a command did not do what it says."""
    asked = argparse.ArgumentParser(prog="python -m tests.campaigns.round_trip", description=__doc__)
    asked.add_argument("data_dir", type=Path)
    asked.add_argument(
        "--most", type=int, default=0, help="load so many records only; the dumps are compared as far"
    )
    asked.add_argument("--processes", type=int, default=1, help="workers of ckanapi (its -p)")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as room:
        ours, there = Path(room) / "ours", Path(room) / "empty"
        shutil.copytree(given.data_dir, ours, ignore=shutil.ignore_patterns("*.lock", "jobs.db*"))
        empty = open_house(Settings(data_dir=there))
        with empty.write() as work:
            an_org(work, "bureau", "implementing_body")
            a_person(work, "cat", "bureau", ["catalog_admin"])
            a_person(work, "root", "bureau", ["sysadmin"])
            ask = imports.ImportOpen(reason="载入全部外来记录", minutes=imports.LONGEST_MINUTES)
            imports.opened(work, actor_of(work, "cat"), ask)
        print(f"Load average {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores.\n")
        print("| step | lines | seconds | lines a second | CPU ms of the server for a line | exit status |\n|---|---|---|---|---|---|")  # fmt: skip
        with served(ours) as (here, here_pid), served(there) as (port, pid):
            servers = {
                "ours": (f"http://127.0.0.1:{here}", here_pid),
                "empty": (f"http://127.0.0.1:{port}", pid),
            }
            play = Play(servers, given.processes)
            count = _play(play, empty, given.most)
    print(f"\nLoad average {os.getloadavg()[0]:.1f} after.")
    print(
        "\n".join(play.faults)
        or f"{count} records: every dump is byte-equal, every command did what it says."
    )
    return 1 if play.faults else 0


def _play(play: Play, empty: House, most: int) -> int:
    before = {thing: play.step(f"dump {thing}", "ours", *_dump(thing)) for thing in THINGS}
    if most:
        before["datasets"] = b"".join(before["datasets"].splitlines(keepends=True)[:most])
    for thing in THINGS:
        _load(play, empty, thing, before[thing])
    for thing in THINGS:
        after = play.step(f"dump {thing} again", "empty", *_dump(thing))
        if after != before[thing] and not (most and thing == "groups"):
            play.faults.append(_first_difference(thing, before[thing], after))
    names = {json.loads(line)["name"] for line in before["datasets"].splitlines()}
    found = play.step("search datasets", "empty", "search", "datasets")
    if {json.loads(line)["name"] for line in found.splitlines()} != names:
        play.faults.append("the search does not tell what the dump tells")
    _write(play, _key(empty, "cat"), names)
    return len(names)


def _write(play: Play, key: str, names: set[str]) -> None:
    """Some records rewritten in a batch, and deleted."""
    chosen = sorted(names)[:PATCHED]
    steps = [{"action": "package_patch", "data": {"id": name, "notes": REWRITTEN}} for name in chosen]
    told = b"".join(json.dumps(each).encode() + b"\n" for each in steps)
    play.step(f"batch of {len(chosen)} package_patch", "empty", "batch", "-q", key=key, given=told)
    address = play.servers["empty"][0]
    shown = [ckan_command.ckanapi(address, "action", "package_show", f"id={name}") for name in chosen[:3]]
    if {json.loads(each)["notes"] for each in shown} != {REWRITTEN}:
        play.faults.append(f"after the batch: {shown}")
    play.step(f"delete {len(chosen)} datasets", "empty", "delete", "datasets", *chosen, "-q", key=key)
    left = {
        json.loads(line)["name"]
        for line in play.step("dump what is left", "empty", *_dump("datasets")).splitlines()
    }
    if left != names - set(chosen):
        play.faults.append(f"after deleting: {len(left)} of {len(names) - len(chosen)}")


def _load(play: Play, empty: House, thing: str, told: bytes) -> None:
    key = _key(empty, "root" if thing == "organizations" else "cat")
    if thing == "groups":  # themes are ours, and ours have no records before theirs are loaded
        lines = (json.loads(line) | {"package_count": 0} for line in told.splitlines())
        told = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    play.step(f"load {thing}", "empty", "load", thing, "-q", key=key, given=told)


def _key(house: House, username: str) -> str:
    """An API key of his, as a user of the command has one."""
    with house.write() as work:
        return api_keys.create(work, actor_of(work, username), api_keys.ApiKeyCreate(name="ckanapi")).key


def _dump(thing: str) -> tuple[str, ...]:
    return "dump", thing, "--all", "-q"


def _first_difference(thing: str, before: bytes, after: bytes) -> str:
    was, now = before.splitlines(), after.splitlines()
    first = next(((a, b) for a, b in zip(was, now, strict=False) if a != b), (b"", b""))
    return (
        f"{thing}: {len(now)} lines after, {len(was)} before; first difference:\n{first[0]!r}\n{first[1]!r}"
    )


if __name__ == "__main__":
    sys.exit(main())
