"""Every file of the shared metadata, harvested from a server on this machine: `python -m tests.campaigns.harvest`.

Prints a table of what became of each file's records, and how long it took. Broken files must end in a sentence, never in a trace.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from pathlib import Path

from api.house import open_house
from core.settings import Settings
from datasets.harvest.workflow import Result
from tests.datasets.harvest.portals import Portal, a_catalogue, harvest, people
from tests.datasets.sources.places import a_web, allow

ROOT = Path(__file__).parents[3] / "shared" / "data" / "metadata"


def form_of(path: Path) -> str:
    """How a file of the sample is to be read."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("dcat/"):
        return "data-us" if name.endswith(".json") else "dcat"
    return "ckan" if name.startswith("ckan/") and "instances" not in name else "listing"


def main() -> int:
    """The table; 1 when a file ended in an internal error."""
    import json

    kinds = [result.value for result in Result]
    print("| file | format |", " | ".join(kinds), "| again unchanged | seconds | said |")
    print("|---|---|" + "---|" * (len(kinds) + 3))
    broken, total = 0, 0
    with tempfile.TemporaryDirectory() as room, a_web() as web:
        house = open_house(Settings(data_dir=Path(room)))
        allow(house)
        people(house)
        for path in sorted(each for each in ROOT.rglob("*") if each.is_file()):
            form, data = form_of(path), path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            address = f"/{path.relative_to(ROOT).as_posix()}"
            web.pages.clear()
            if form == "ckan":
                told = json.loads(data)
                told = told.get("result", told)
                Portal(web, told.get("results", [told]))
                address = ""
            else:
                web.serve(address, data, etag=None)
            began = time.monotonic()
            made = a_catalogue(house, web.url(address), form)
            run, _ = harvest(house, made.id)
            took = time.monotonic() - began
            again, _ = harvest(house, made.id)
            broken += run.state == "failed" and "internal error" in str(run.said)
            total += run.counts.get("created", 0)
            numbers = " | ".join(str(run.counts.get(kind, 0)) for kind in kinds)
            said = (run.said or {}).get("en", "")
            print(
                f"| {path.relative_to(ROOT)} | {form} | {numbers} | {again.counts.get('unchanged', 0)} | {took:.1f} | {said} |",
                flush=True,
            )
    print(f"\n{total} records.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
