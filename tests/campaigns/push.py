"""Both ways against a real CKAN: `python -m tests.campaigns.push DATA_DIR --ckan http://127.0.0.1:15000 --token TOKEN`.

The public records of the demo in DATA_DIR (a copy of it) are pushed to an organisation that is made there for it, pushed again, changed on
both sides, withdrawn, harvested back by a second installation, and taken back at the end. Prints what became of the records at each step.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckanapi import RemoteCKAN
from sqlmodel import col, select

from api.durable import drain, start_due_pushes
from api.house import House, open_house
from auth.actor import SYSTEM
from catalog import service as catalogue
from catalog.tables import DatasetRow
from core.settings import Settings
from datasets.harvest.tables import HarvestedRow
from datasets.push import queries
from datasets.push.tables import PushItemRow
from tests.datasets.harvest.portals import a_catalogue, harvest, people
from tests.datasets.push.portal import a_portal, push
from tests.datasets.sources.places import allow
from tests.people import actor_of

Told = tuple[dict[str, int], str]


def main() -> int:
    """The table; 1 when a step did not end as it must."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data_dir", type=Path)
    asked.add_argument("--ckan", required=True)
    asked.add_argument("--token", required=True)
    given = asked.parse_args()
    portal = RemoteCKAN(given.ckan, apikey=given.token)
    org = f"campaign-{os.getpid()}"
    portal.action.organization_create(name=org, title="推送演练")
    print("| step | records | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as room:
        shutil.copytree(
            given.data_dir, Path(room) / "ours", ignore=shutil.ignore_patterns("*.lock", "jobs.db*")
        )
        ours, theirs = (open_house(Settings(data_dir=Path(room) / name)) for name in ("ours", "theirs"))
        for house in (ours, theirs):
            allow(house)
            people(house)
        return _play(ours, theirs, portal, given, org)


def _play(ours: House, theirs: House, portal: RemoteCKAN, given: Any, org: str) -> int:
    faults: list[str] = []
    made = a_portal(
        ours, given.ckan, org_id="traffic", portal_org=org, prefix=f"c{os.getpid()}-", reach="all", only_open=False,
        secret=given.token,
    )  # fmt: skip

    def step(name: str, do: Callable[[], Told], *wanted: str) -> dict[str, int]:
        began = time.monotonic()
        counts, said = do()
        print(f"| {name} | {_words(counts)} | {time.monotonic() - began:.1f} |", flush=True)
        if set(counts) - set(wanted):
            faults.append(f"{name}: {counts} {said}")
        return counts

    def sent(**ask: bool) -> Callable[[], Told]:
        def do() -> Told:
            run, items = push(ours, made.id, **ask)
            bad = [f"{each.dataset_id}: {each.why}" for each in items if each.result == "failed"]
            return run.counts, f"{run.said} {bad[:3]}"

        return do

    step("push, dry", sent(dry=True), "created")
    total = step("push", sent(), "created").get("created", 0)
    step("push again", sent(), "unchanged")
    with ours.read() as work:
        items = work.db.exec(select(PushItemRow).order_by(col(PushItemRow.dataset_id))).all()
    portal.action.package_patch(id=items[0].portal_id, title="门户改的题名")
    portal.action.package_delete(id=items[1].portal_id)
    with ours.write() as work:
        row = work.db.get_one(DatasetRow, items[2].dataset_id)
        row.title_zh = f"{row.title_zh}（新）"
        work.db.add(row)
    step("push after a change here, a change and a deletion there", sent(), "unchanged", "changed", "held")
    step("push, overwriting", sent(overwrite=True), "unchanged", "changed", "created")
    with ours.write() as work:
        catalogue.withdraw(work, SYSTEM, items[3].dataset_id, "演练：撤回这条记录")

    def leave() -> Told:
        start_due_pushes(ours)
        drain(ours)
        with ours.read() as work:
            runs, _ = queries.runs(work, actor_of(work, "eve"), made.id)
        return runs[0].counts, str(runs[0].said)

    step("withdrawn here, at the worker's next look", leave, "gone")
    source = a_catalogue(theirs, given.ckan)

    def back() -> Told:
        run, _ = harvest(theirs, source.id)
        return run.counts, str(run.said)

    step("harvest of that CKAN by another installation", back, "created")
    step("harvest again", back, "unchanged")
    with theirs.read() as work:
        kept = work.db.exec(select(HarvestedRow)).all()
    named = {row.record["title_zh"] or row.record["title_en"] for row in kept}
    with ours.read() as work:
        rows = work.db.exec(select(DatasetRow).where(col(DatasetRow.state) == "published")).all()
        alive = {item.dataset_id for item in work.db.exec(select(PushItemRow)) if not item.is_gone}
    missing = [row.id for row in rows if row.id in alive and row.title_zh not in named]
    faults += [f"pushed, not harvested back under its title: {each}" for each in missing]
    print(
        f"| of the {total - 1} pushed records, found again by the harvest | {len(alive) - len(missing)} | |"
    )
    step("taken back", sent(take_back=True), "gone")
    step("harvest after that", back, "unchanged", "gone", "held")
    print("\n".join(faults) or "\nEvery step ended as it must.")
    return 1 if faults else 0


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"


if __name__ == "__main__":
    sys.exit(main())
