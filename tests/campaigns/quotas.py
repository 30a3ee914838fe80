"""Quotas and budgets under many processes and kill -9: `python -m tests.campaigns.quotas [--seconds 60] [--processes 16] [--database URL]`.

Processes ask for extracts and make them, read a view, ask for statistics and for private answers, all of one organisation and all
at once; now and then one of them is killed and another takes its place. Held afterwards, once the worker has done what was left:
the ledger adds up to the counters, these stay within the quotas, every epsilon told was reserved, and what anybody heard is on record.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from sqlalchemy.exc import OperationalError
from sqlmodel import select

import datasets.extracts.build
import datasets.queries.answering
import datasets.queries.asked
import datasets.queries.history
import datasets.queries.private.noise  # noqa: F401 - loaded once, before the forks
from api.house import House, open_house
from auth import audit
from auth.grants import queries as grant_queries
from auth.grants import usage
from auth.grants.ledger import DELIVERY
from catalog.assets import asset
from catalog.tables import DatasetRow
from core.db import make_engine
from core.errors import AppError
from core.files_s3 import files_of
from core.ids import GrantId
from core.jobs import JobRow
from core.jobs_run import perform
from core.settings import Settings
from datasets.extracts.tables import ExtractRow
from datasets.pipeline import extract_build
from datasets.queries.private.tables import PrivacyAccountRow, PrivacySpendRow
from datasets.queries.tables import AnswerRow
from datasets.sharing import service as sharing
from datasets.sharing.tables import ViewRow, ViewUseRow
from tests.datasets.extracts.scene import GRANTED, VENUES, Scene, a_record, a_release, a_table
from tests.datasets.queries.scene import STAYS, QueryScene, a_query_scene, stays
from tests.datasets.sharing.reading import makes, reader
from tests.desk import Desk, a_grant

START: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
QUOTAS: Final = {"extracts": 150, "rows": 600, "bytes": 10_000_000}
CAP: Final = 500_000  # millionths of epsilon
PRICE: Final = 10_000
DAYS: Final = 20
WARM: Final = 60
UNITS: Final = ("extracts", "rows", "bytes")
MOST: Final = {
    "extracts": 1,
    "rows": 5,
    "bytes": 5_000,
}  # what one extract takes: less than that left is a limit reached


class Clock:
    """Stands still, but for the day that a reader chooses."""

    now = START

    def __call__(self) -> datetime:
        return self.now


class Place:
    """The installation as one process sees it: opened anew after every fork."""

    def __init__(self, settings: Settings, known: dict[str, str]) -> None:
        self.clock = Clock()
        self.house = House(settings, make_engine(settings.database), files_of(settings), self.clock)
        desk = Desk(self.house)
        with self.house.read() as work:
            desk.known |= {code: asset(work, code) for code in (STAYS, VENUES)}
        self.queries = QueryScene(self.house, desk, GrantId(known["stays"]))
        room = settings.data_dir
        self.extracts = Scene(self.house, desk, room, GrantId(known["venues"]), known["release"])
        self.view_id = known["view"]


def build(settings: Settings) -> dict[str, str]:
    """Two datasets with a grant each; the view is made."""
    house = open_house(settings, clock=Clock())
    scene = a_query_scene(house, rows=stays(), quotas=QUOTAS)
    scene.caps(dataset_micro=CAP, org_micro=CAP, grant_micro=CAP, user_micro=CAP)
    with house.write() as work:
        a_record(work)
        release = a_release(work, house.files, settings.data_dir, a_table(), number=2).id
    with house.read() as work:
        scene.desk.known[VENUES] = asset(work, VENUES)
    granted = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=list(GRANTED), quotas=QUOTAS)
    with house.write() as work:
        work.db.get_one(DatasetRow, VENUES).data_level = 1  # no checker stands between
    venues = Scene(house, scene.desk, settings.data_dir, granted.id, release)
    return {"stays": scene.grant_id, "venues": granted.id, "release": release, "view": makes(venues).id}


def ask_for_extracts(place: Place, chance: random.Random) -> str:
    made = place.extracts.asks(columns=["venue_id", "district"][: chance.randint(1, 2)])
    with place.house.read() as work:
        job = work.db.get_one(JobRow, made.job_id)
    perform(place.extracts.context(job), extract_build.JOB)
    return made.id


def ask_for_statistics(place: Place, chance: random.Random) -> str:
    where = {"op": "le", "column": "day", "value": chance.randint(2, 7)}
    select = chance.choice([[{"kind": "count"}], [{"kind": "sum", "column": "fee"}]])
    return str(place.queries.query(select=select, where=where).id)


def ask_privately(place: Place, chance: random.Random) -> str:
    where = {"op": "ne", "column": "stay_id", "value": f"X{chance.getrandbits(40)}"}
    return str(place.queries.private(where=where, epsilon_micro=PRICE).id)


def read_the_view(place: Place, chance: random.Random) -> str:
    place.clock.now = START + timedelta(days=chance.randrange(DAYS))  # each day's first reading is charged
    who = reader(place.extracts)
    with place.house.write() as work:
        view = work.db.get_one(ViewRow, place.view_id)
        assert not sharing.decide(work, who, view.release_id).reasons
        sharing.begin(work, who, view)
    return ""


ASKS: Final = (ask_for_extracts, ask_for_statistics, ask_privately, read_the_view)


def asking(settings: Settings, known: dict[str, str], at: int, seed: int, out: int) -> NoReturn:
    """One process: asks until it is killed, and says what it heard."""
    chance, act = random.Random(seed), ASKS[at % len(ASKS)]  # noqa: S311 - questions, no secret
    place = Place(settings, known)
    while True:
        try:
            said = f"{act.__name__} {act(place, chance)}"
        except AppError as refused:
            said = f"refused {refused.reasons[0].code if refused.reasons else refused.slug}"
        except OperationalError:
            said = "busy -"
        except BaseException as fault:
            said = f"fault {fault!r}".replace("\n", " ")[:400]
        os.write(out, f"{said}\n".encode())


def forked(act: Callable[[], Any]) -> int:
    """Do this in a process of its own."""
    if (child := os.fork()) == 0:
        try:
            act()
        finally:
            os._exit(0)
    return child


def apart(act: Callable[[], Any]) -> Any:
    """The same, waited for: its answer as JSON. AssertionError with its words where it failed."""
    read_end, write_end = os.pipe()

    def told() -> None:
        try:
            found = {"said": act()}
        except BaseException as fault:
            import traceback

            found = {"fault": f"{fault!r}\n{traceback.format_exc()[-3000:]}"}
        os.write(write_end, json.dumps(found).encode())

    child = forked(told)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        found = json.loads(pipe.read() or b'{"fault": "no answer"}')
    os.waitpid(child, 0)
    assert "fault" not in found, found["fault"]
    return found["said"]


def play(settings: Settings, *, processes: int, seconds: float, seed: int) -> dict[str, Any]:
    """One round. AssertionError when anything does not hold."""
    chance = random.Random(seed)  # noqa: S311 - instants, no secret
    known = apart(lambda: build(settings))
    log = settings.data_dir / "heard.log"
    out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def started(at: int) -> int:
        own = chance.getrandbits(32)
        return forked(lambda: asking(settings, known, at, own, out))

    running, kills, begun = {at: started(at) for at in range(processes)}, 0, time.monotonic()
    while log.read_bytes().count(b"\n") < processes and time.monotonic() - begun < WARM:
        time.sleep(0.1)  # a busy machine takes its time until all are there
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(chance.uniform(0.02, 0.25))
        at = chance.randrange(processes)
        os.kill(running[at], signal.SIGKILL)
        os.waitpid(running[at], 0)
        kills += 1
        running[at] = started(at)
    for child in running.values():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    heard = [line.split(" ", 1) for line in log.read_text().splitlines()]
    faults = [said for kind, said in heard if kind == "fault"]
    assert not faults, faults[:3]
    counted = apart(lambda: held(settings, known, [said for kind, said in heard if kind.startswith("ask_")]))
    refusals = Counter(said for kind, said in heard if kind == "refused")
    return counted | {
        "processes": processes, "kills": kills, "seconds": seconds, "heard": Counter(kind for kind, _ in heard), "refusals": refusals,
    }  # fmt: skip


def held(settings: Settings, known: dict[str, str], heard: list[str]) -> dict[str, Any]:
    """What must hold after all are dead and the worker has done what was left."""
    place = Place(settings, known)
    place.extracts.works(releases=False)
    with place.house.read() as work:
        found: dict[str, Any] = {name: _grant(work, GrantId(known[name])) for name in ("stays", "venues")}
        spends = list(work.db.exec(select(PrivacySpendRow)))
        for account in work.db.exec(select(PrivacyAccountRow)):
            assert account.spent_micro == sum(each.epsilon_micro for each in spends) <= CAP, account.kind
        answers = {row.id: row for row in work.db.exec(select(AnswerRow))}
        paid = [key for key, row in answers.items() if row.epsilon_micro]
        assert sorted(each.answer_id for each in spends) == sorted(paid)
        extracts = {row.id: row for row in work.db.exec(select(ExtractRow))}
        assert set(heard) <= {*answers, *extracts}, "somebody heard what is not on record"
        lines = usage.events(work, GrantId(known["venues"]))
        for row in extracts.values():
            delivered = [each for each in lines if each.subject == row.id and each.kind == DELIVERY]
            if row.state == "failed":  # it was taken while something was left, and made when nothing was
                assert str(row.failed_en).startswith("Not enough "), row.failed_en
                own = [each for each in lines if each.subject == row.id]
                assert not delivered
                assert not any(sum(getattr(each, unit) for each in own) for unit in UNITS)
                continue
            assert row.state == "ready", row.state
            assert [each.rows for each in delivered] == [row.rows]
        charged = Counter(
            each.subject for each in usage.events(work, GrantId(known["stays"])) if each.extracts > 0
        )
        assert charged == Counter(list(answers))  # every question evaluated, reserved ones too, exactly once
        days = len(work.db.exec(select(ViewUseRow)).all())
        assert sum(each.kind == DELIVERY and each.subject == known["view"] for each in lines) == days
        assert audit.verify(work)[1] is None
    states = Counter(row.state for row in answers.values())
    made = Counter(row.state for row in extracts.values())
    spent = sum(each.epsilon_micro for each in spends)
    reached = [
        f"{name} {unit}"
        for name in ("stays", "venues")
        for unit in UNITS
        if QUOTAS[unit] - found[name][unit] < MOST[unit]
    ]
    reached += ["epsilon"] if CAP - spent < PRICE else []
    return found | {"epsilon_micro": spent, "answers": states, "extracts": made, "view_days": days, "reached": reached}  # fmt: skip


def _grant(work: Any, grant_id: GrantId) -> dict[str, int]:
    lines, used = usage.events(work, grant_id), grant_queries.view(work, grant_id).used
    for unit in UNITS:
        assert sum(getattr(line, unit) for line in lines) == getattr(used, unit) <= QUOTAS[unit], unit
    return {unit: getattr(used, unit) for unit in UNITS}


def main(argv: list[str]) -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seconds", type=float, default=60)
    given.add_argument("--processes", type=int, default=16)
    given.add_argument("--seed", type=int, default=20261129)
    given.add_argument("--database", default="", help="an empty PostgreSQL database; SQLite without it")
    options = given.parse_args(argv)
    with tempfile.TemporaryDirectory() as room:
        more = {"database_url": options.database} if options.database else {}
        settings = Settings(data_dir=Path(room) / "data", worker=False, demo=True, **more)
        for directory in (settings.data_dir, settings.scratch_dir, settings.keys_dir):
            directory.mkdir(parents=True, exist_ok=True)
        found = play(settings, processes=options.processes, seconds=options.seconds, seed=options.seed)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
