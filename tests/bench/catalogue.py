"""`python -m tests.bench.catalogue`: the catalogue's speed over HTTP, from a server of its own, seen from one client.

Enters `--records` (10,000) through the service, one transaction each; `--times` (10) copies them row by row for the larger
figures. Says wall time and, because machines are shared, the server's own CPU time. A CKAN that listens where the README of
`../shared/ckan-peer` says (`--ckan PORT`: elsewhere; `--ckan 0`: none), loaded by its own bench, is asked the same questions.

Bars at 10,000: package_show 4 ms, q + 5 facets 8 ms (p50), 60 creations a second, 300 MB; at 100,000: q + 5 facets 40 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.bench import report

SHARED: Final = Path(os.environ.get("DATAGRANT_SHARED", Path(__file__).parents[3] / "shared"))
FACETS: Final = '["organization","groups","tags","res_format","license_id"]'
THEMES: Final = (
    "旅游",
    "交通",
    "教育",
    "医疗",
    "环境",
    "气象",
    "水务",
    "农业",
    "住房",
    "财政",
    "文化",
    "体育",
    "就业",
    "养老",
)
PLACES: Final = (
    "景区",
    "酒店",
    "停车场",
    "客流",
    "博物馆",
    "地铁",
    "公交",
    "公园",
    "学校",
    "医院",
    "水质",
    "菜价",
    "房价",
    "门票",
)
ORGS: Final = 20
WARM: Final = 10
Questions = dict[str, Callable[[random.Random], tuple[str, dict[str, Any]]]]
MARKS: Final = ("<!-- catalogue: begin -->", "<!-- catalogue: end -->")
TICKS: Final = os.sysconf("SC_CLK_TCK")


def record(number: int) -> dict[str, Any]:
    """A record as others publish them: bilingual, with keywords, formats, a dictionary of two columns."""
    r = random.Random(number)  # noqa: S311 - a bench
    theme, place, other = r.choice(THEMES), r.choice(PLACES), r.choice(PLACES)
    about = f"本数据集由市{theme}局发布，包含{place}与{other}的逐日统计，更新频率为每{r.choice('日周月')}。Dataset {number} of the open data catalogue."
    return {
        "resource_code": f"DS-{number:06d}", "publisher": f"org-{number % ORGS:02d}", "title_zh": f"{2015 + number % 12}年{theme}局{place}{other}数据集 {number}",
        "title_en": f"{place} dataset {number}", "description_zh": about * 3, "keywords": [theme, place, other, "公共数据"],
        "keywords_en": [f"tag{number % 50}", f"y{2015 + number % 12}"], "domain_code": r.choice(["PK", "TR", "BC", "SF"]), "license_id": "dapeng-open-terms",
        "formats": r.sample(["csv", "xlsx", "json", "parquet"], 2), "open_type": r.choice("UCN"), "update_freq": r.choice("3458"), "data_level": 1,
        "columns": [{"name": "day", "title_zh": "日期", "type": "date", "level": 1}, {"name": "visits", "title_zh": "人次", "type": "integer", "level": 1}],
    }  # fmt: skip


def filled(folder: Path, records: int) -> dict[str, float]:
    """A data directory with so many published records; how many were created a second, wall and CPU."""
    from api.schema import bring_up_to_date
    from auth.actor import SYSTEM
    from catalog import service
    from catalog.models import DatasetCreate
    from core.db import make_engine
    from core.settings import Settings
    from core.work import unit_of_work
    from tests.people import an_org

    folder.mkdir(parents=True)
    engine = make_engine(Settings(data_dir=folder).database)
    bring_up_to_date(engine)
    with unit_of_work(engine) as work:
        for number in range(ORGS):
            an_org(work, f"org-{number:02d}", kind="source_department")
    bodies = [DatasetCreate.model_validate(record(number)) for number in range(records)]
    begun, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        with unit_of_work(engine) as work:
            service.create(work, SYSTEM, body)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    with unit_of_work(engine) as work:
        for body in bodies:
            service.overwrite_imported(work, SYSTEM, body.resource_code, {})
    engine.dispose()
    return {"per_s": records / wall, "per_cpu_s": records / cpu}


def multiplied(folder: Path, times: int) -> None:
    """The records again and again under other codes, copied inside the database with their index."""
    import sqlite3

    with sqlite3.connect(folder / "datagrant.db") as db:
        db.execute("PRAGMA foreign_keys = OFF")
        names = [row[1] for row in db.execute("PRAGMA table_info(catalog_dataset)")]
        count = db.execute("SELECT max(number) FROM catalog_dataset").fetchone()[0]
        for n in range(1, times):
            shown = ", ".join(
                {"id": f"'C{n}-' || id", "number": f"number + {n * count}"}.get(name, name) for name in names
            )
            db.execute(
                f"INSERT INTO catalog_dataset ({', '.join(names)}) SELECT {shown} FROM catalog_dataset WHERE number <= {count}"
            )
            db.execute(
                f"INSERT INTO catalog_change SELECT number + {n * count}, stamp FROM catalog_change WHERE number <= {count}"
            )
            db.execute(
                f"INSERT INTO catalog_search (rowid, title, subject, body) SELECT rowid + {n * count}, title, subject, body "
                f"FROM catalog_search WHERE rowid <= {count}"
            )
        db.execute("ANALYZE")


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process id of a server on this directory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen(
        [str(Path(sys.executable).with_name("datagrant")), "serve", "--data-dir", str(folder), "--port", str(port)],
        stdout=subprocess.DEVNULL, env=os.environ | {"DATAGRANT_WORKER": "false"},
    )  # fmt: skip
    try:
        for _ in range(240):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.5)
        yield port, child.pid
    finally:
        child.terminate()
        child.wait()


def asked(port: int, questions: Questions, pid: int | None, rounds: int) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of wall milliseconds, and CPU milliseconds of the server for one answer (0: not known)."""
    chance, found = random.Random(7), {}  # noqa: S311 - a bench
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for name, question in questions.items():
        spans, cpu = [], 0.0
        for n in range(rounds + WARM):
            if n == WARM:
                cpu = cpu_seconds(pid)
            action, params = question(chance)
            begun = time.perf_counter()
            client.request("GET", f"/api/3/action/{action}?{urllib.parse.urlencode(params)}")
            answer = client.getresponse()
            answer.read()
            spans.append(time.perf_counter() - begun)
            if answer.status != 200:
                raise SystemExit(f"{name}: {answer.status}")
        kept = sorted(spans[WARM:])
        found[name] = {
            "p50": statistics.median(kept) * 1000, "p95": kept[int(len(kept) * 0.95)] * 1000,
            "cpu": (cpu_seconds(pid) - cpu) / rounds * 1000,
        }  # fmt: skip
    client.close()
    return found


def cpu_seconds(pid: int | None) -> float:
    """Seconds that a process has worked."""
    if pid is None:
        return 0.0
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / TICKS


def _memory_mb(pid: int) -> float:
    return next(
        int(line.split()[1]) / 1024
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )


def questions(records: int, name: Callable[[int], str]) -> Questions:
    return {
        "package_show": lambda r: ("package_show", {"id": name(r.randrange(records))}),
        "package_search q + 5 facets": lambda r: ("package_search", {"q": r.choice(THEMES) + " " + r.choice(PLACES), "rows": 20, "facet.field": FACETS}),
        "package_search q (broad) + 5 facets": lambda r: ("package_search", {"q": r.choice(THEMES), "rows": 20, "facet.field": FACETS}),
        "package_search all + 5 facets": lambda r: ("package_search", {"rows": 20, "facet.field": FACETS, "start": r.randrange(records - 20)}),
        "package_search fq + 5 facets": lambda r: ("package_search", {"fq": f"organization:org-{r.randrange(ORGS):02d} res_format:CSV", "rows": 20, "facet.field": FACETS}),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.catalogue")
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument(
        "--times",
        type=int,
        default=10,
        help="how often they are there for the larger figures; 1 leaves those out",
    )
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--dir", type=Path, default=Path("build/bench/catalogue"))
    options.add_argument("--keep", action="store_true", help="measure on the records of the last run")
    options.add_argument(
        "--ckan",
        type=int,
        metavar="PORT",
        help="a CKAN on this machine to ask the same, loaded by its own bench; left out: where the README of ../shared/ckan-peer says; 0: none",
    )
    options.add_argument("--write", action="store_true", help="put what is printed into docs/bench.md")
    given = options.parse_args()
    said: list[str] = []

    def say(text: str) -> None:
        print(text, flush=True)
        said.append(text)

    say(f"{date.today()}; load average {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores.")  # noqa: DTZ011
    plain, vast = given.dir / "plain", given.dir / "vast"
    if not (given.keep and plain.is_dir()):
        shutil.rmtree(given.dir, ignore_errors=True)
        made = filled(plain, given.records)
        say(
            f"Create (validated, indexed, audited): {made['per_s']:.0f} a second by the wall, {made['per_cpu_s']:.0f} in each second of CPU; bar 60 a second."
        )
    say(_measured(plain, given.records, given.rounds))
    if given.times > 1:
        if not vast.is_dir():
            shutil.copytree(plain, vast)
            multiplied(vast, given.times)
        say(_measured(vast, given.records, given.rounds, given.times))
    say(beside(given.ckan, given.records, given.rounds))
    say(f"\nLoad average {os.getloadavg()[0]:.1f} after.")
    if given.write:
        report.write("\n".join(said), marks=MARKS)


def peer_port(shared: Path = SHARED) -> int | None:
    """Where the CKAN of the shared folder listens when it runs, as its README says."""
    with suppress(OSError):
        found = re.search(
            r"\bCKAN (\d{4,5})\b", (shared / "ckan-peer" / "README.md").read_text(encoding="utf-8")
        )
        return int(found[1]) if found else None
    return None


def peer_records(port: int) -> int | None:
    """How many records it has; None where no CKAN answers."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        client.request("GET", "/api/3/action/package_search?rows=0")
        answer = json.loads(client.getresponse().read())
        return int(answer["result"]["count"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        client.close()


def beside(asked_for: int | None, records: int, rounds: int) -> str:
    """The same questions to a CKAN, as far as one is there; else why none was asked."""
    if asked_for == 0:
        return "\nNo CKAN was asked (--ckan 0)."
    port = asked_for or peer_port()
    if port is None:
        return "\nNo CKAN was asked: there is no ../shared/ckan-peer, and no --ckan PORT was given."
    held = peer_records(port)
    if not held or held < 40:
        said = "none answers" if held is None else f"it holds {held} records; load some by its own bench"
        return f"\nNo CKAN was asked at port {port}: {said}."
    found = asked(port, questions(min(held, records), lambda n: f"ds-{n:06d}"), None, rounds)
    return f"\nCKAN at port {port}, {held:,} records:\n\n{_table(found)}"


def _measured(folder: Path, records: int, rounds: int, times: int = 1) -> str:
    with served(folder) as (port, pid):
        found = asked(port, questions(records, lambda n: f"ds-{n:06d}"), pid, rounds)
        memory = _memory_mb(pid)
    return f"\n{records * times:,} records; memory at most {memory:.0f} MB (bar 300 at 10,000)\n\n{_table(found)}"


def _table(found: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {name} | {each['p50']:.1f} | {each['p95']:.1f} | {each['cpu']:.1f} |"
        for name, each in found.items()
    ]
    return "\n".join(["| question | p50 ms | p95 ms | CPU ms |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    main()
