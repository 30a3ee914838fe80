"""Every file of the shared metadata, harvested from a server on this machine: `python -m tests.campaigns.harvest [DATA_DIR]`.

Prints a table of what became of each file's records, and how long it took. Broken files must end in a sentence, never in a trace, and
nothing is lost: each file's records are counted by other means than the harvest's, and each must be taken or told as failed. What was
harvested is kept in DATA_DIR, which must not exist.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rdflib

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


def counted(data: bytes, form: str) -> int:
    """How many records a file holds, by the plainest means: entries of its list, lines of its table, datasets of its graph."""
    if form == "dcat":
        graph = rdflib.Graph().parse(
            data=data, format="xml" if data.lstrip()[:2] in (b"<?", b"<r") else "turtle"
        )
        return len({*graph.subjects(rdflib.RDF.type, rdflib.DCAT.Dataset)})
    if data.lstrip(b"\xef\xbb\xbf \r\n")[:1] not in (b"[", b"{"):
        return sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) - 1
    told = json.loads(data)
    told = told.get("result", told) if isinstance(told, dict) else told
    for name in ("results", "dataset", "sources"):
        told = told.get(name, told) if isinstance(told, dict) else told
    if form == "data-us" and isinstance(told, list):  # left on purpose
        told = [each for each in told if each.get("accessLevel") != "non-public"]
    return len(told) if isinstance(told, list) else 1


@contextmanager
def _room() -> Iterator[Path]:
    if sys.argv[1:]:
        yield Path(sys.argv[1])
        return
    with tempfile.TemporaryDirectory() as room:
        yield Path(room)


def main() -> int:
    """The table; 1 when a file ended in an internal error or a record is neither taken nor told as failed."""
    kinds = [result.value for result in Result]
    print("| file | format | in the file |", " | ".join(kinds), "| again unchanged | seconds | said |")
    print("|---|---|---|" + "---|" * (len(kinds) + 3))
    broken, total, lost = 0, 0, 0
    with _room() as room, a_web() as web:
        house = open_house(Settings(data_dir=room))
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
            there = counted(data, form)
            lost += max(0, there - sum(run.counts.values()))
            numbers = " | ".join(str(run.counts.get(kind, 0)) for kind in kinds)
            said = (run.said or {}).get("en", "")
            print(
                f"| {path.relative_to(ROOT)} | {form} | {there} | {numbers} | {again.counts.get('unchanged', 0)} | {took:.1f} | {said} |",
                flush=True,
            )
    print(f"\n{total} records taken, {lost} lost, {broken} internal errors.")
    return 1 if broken or lost else 0


if __name__ == "__main__":
    sys.exit(main())
