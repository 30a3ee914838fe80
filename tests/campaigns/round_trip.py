"""The command line of ckanapi over every harvested record: `python -m tests.campaigns.round_trip DATA_DIR`.

DATA_DIR is what `python -m tests.campaigns.harvest DATA_DIR` left. Its public records are dumped, loaded into an empty installation, dumped
again and compared byte for byte, with organisations and groups; then searched, written in a batch, and deleted there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.app import create_app
from api.house import House, open_house
from api.identity import local_token
from catalog import imports
from core.settings import Settings
from tests.api.test_ckan_writing import ckanapi
from tests.people import a_person, actor_of, an_org
from tests.web.browser import served

THINGS: Final = ("organizations", "datasets", "groups")
PATCHED: Final = 100
SECONDS: Final = 7200


def main() -> int:
    """The table; 1 when two dumps differ or a command did not do what it says."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data_dir", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as room:
        shutil.copytree(
            given.data_dir, Path(room) / "ours", ignore=shutil.ignore_patterns("*.lock", "jobs.db*")
        )
        ours, empty = (open_house(Settings(data_dir=Path(room) / name)) for name in ("ours", "empty"))
        with empty.write() as work:
            an_org(work, "bureau", "implementing_body")
            a_person(work, "cat", "bureau", ["catalog_admin"])
            a_person(work, "root", "bureau", ["sysadmin"])
            ask = imports.ImportOpen(reason="载入全部外来记录", minutes=imports.LONGEST_MINUTES)
            imports.opened(work, actor_of(work, "cat"), ask)
        print("| step | lines | seconds |\n|---|---|---|")
        with served(create_app(house=ours)) as here, served(create_app(house=empty)) as there:
            return _play(here, there, empty)


def _play(here: str, there: str, empty: House) -> int:
    faults: list[str] = []
    before = {thing: _timed(f"dump {thing}", lambda thing=thing: _dump(here, thing)) for thing in THINGS}
    for thing in THINGS:
        _load(there, empty, thing, before[thing])
    for thing in THINGS:
        after = _timed(f"dump {thing} again", lambda thing=thing: _dump(there, thing))
        if after != before[thing]:
            pairs = zip(before[thing].splitlines(), after.splitlines(), strict=False)
            first = next(((a, b) for a, b in pairs if a != b), (b"", b""))
            faults.append(
                f"{thing}: {len(after.splitlines())} lines after, first difference:\n{first[0]!r}\n{first[1]!r}"
            )
    names = {json.loads(line)["name"] for line in before["datasets"].splitlines()}
    found = _timed("search datasets", lambda: ckanapi(there, "search", "datasets", seconds=SECONDS))
    if {json.loads(line)["name"] for line in found.splitlines()} != names:
        faults.append("the search does not tell what the dump tells")
    chosen = sorted(names)[:PATCHED]
    steps = [
        {"action": "package_patch", "data": {"id": name, "notes": "由批量命令改写的说明"}} for name in chosen
    ]
    told = b"".join(json.dumps(each).encode() + b"\n" for each in steps)
    key = local_token(empty, "cat")
    _timed(
        f"batch of {PATCHED} package_patch",
        lambda: ckanapi(there, "batch", "-q", key=key, given=told, seconds=SECONDS),
    )
    shown = [
        json.loads(ckanapi(there, "action", "package_show", f"id={name}"))["notes"] for name in chosen[:3]
    ]
    if set(shown) != {"由批量命令改写的说明"}:
        faults.append(f"after the batch: {shown}")
    _timed(
        f"delete {PATCHED} datasets",
        lambda: ckanapi(there, "delete", "datasets", *chosen, "-q", key=key, seconds=SECONDS),
    )
    left = {json.loads(line)["name"] for line in _dump(there, "datasets").splitlines()}
    if left != names - set(chosen):
        faults.append(f"after deleting: {len(left)} of {len(names) - PATCHED}")
    print(
        "\n".join(faults)
        or f"\n{len(names)} records: every dump is byte-equal, every command did what it says."
    )
    return 1 if faults else 0


def _load(there: str, empty: House, thing: str, told: bytes) -> None:
    key = local_token(empty, "root" if thing == "organizations" else "cat")
    if thing == "groups":  # themes are ours, and ours have no records before theirs are loaded
        lines = (json.loads(line) | {"package_count": 0} for line in told.splitlines())
        told = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    _timed(f"load {thing}", lambda: ckanapi(there, "load", thing, "-q", key=key, given=told, seconds=SECONDS))


def _dump(address: str, thing: str) -> bytes:
    return ckanapi(address, "dump", thing, "--all", "-q", seconds=SECONDS)


def _timed(name: str, do: Callable[[], bytes]) -> bytes:
    began = time.monotonic()
    told = do()
    print(f"| {name} | {len(told.splitlines())} | {time.monotonic() - began:.1f} |", flush=True)
    return told


if __name__ == "__main__":
    sys.exit(main())
