"""A seeded year through the real services, and what it costs to watch over it: `python -m tests.campaigns.year`; writes docs/year.md.

200 enterprises file 1,000 applications; 300 become grants; their analysts take data until the ledger holds 100,000 lines. Everything
is done by the services that the routes call, in units of work of some dozens of steps; only the worker's file-making is left out, since no
page of supervision opens a file. `--scale 0.1` makes a tenth; `--database postgresql+psycopg://…` uses another database. `--folder F` keeps
the year, and measures it again where it is there already.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlmodel import select

from api.house import House, open_house
from auth.actor import Actor
from auth.applications import service as applications
from auth.applications.models import (
    AcceptBody,
    ApplicationAsk,
    ApplicationRead,
    DecideBody,
    ReviewBody,
    ScreenBody,
    StepBody,
)
from auth.grants import activating
from auth.grants.steps import GrantStep
from auth.identity.accounts import account_row
from auth.identity.principals import principal
from auth.identity.tables import AccountRow
from auth.policy.serving import holds_nothing
from auth.proof import service as proofs
from auth.proof.checkpoint import Place
from catalog.assets import asset
from core.errors import AccessRefused, QuotaExceeded
from core.ids import DatasetId
from core.settings import Settings
from core.work import Work
from datasets import carrying
from datasets.extracts import deciding as extract_deciding
from datasets.extracts import delivering, downloading
from datasets.extracts import service as extracts
from datasets.extracts.models import ExtractCreate, ExtractRead
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding
from datasets.outputs import opening as outputs
from datasets.outputs.models import OutputRelease
from tests.people import a_person, actor_of, an_org

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "year.md"
BEGIN: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
YEAR: Final = 2026
DATASETS: Final = 12
BATCH: Final = 50
COLUMNS: Final = ["venue_id", "venue_name", "district", "rooms", "area_m2", "is_open", "opened_on"]


@dataclasses.dataclass
class Scale:
    """How much of everything."""

    enterprises: int = 200
    applications: int = 1000
    granted: int = 300
    lines: int = 100_000

    def times(self, share: float) -> Scale:
        return Scale(*(max(2, round(value * share)) for value in dataclasses.astuple(self)))


class Clock:
    """Time goes on by itself, a little with every unit of work, and is moved by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=7)
        return self.now


class Year:
    """One installation on its way through a year."""

    def __init__(self, house: House, clock: Clock, scale: Scale, seed: int = 28) -> None:
        self.house, self.clock, self.scale = house, clock, scale
        self.dice = random.Random(seed)  # noqa: S311 - the same year each time
        self.actors: dict[str, Actor] = {}
        self.spent: dict[str, float] = {}
        self.grants: list[tuple[str, str, list[str]]] = []

    @contextmanager
    def counted(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.spent[what] = round(time.monotonic() - begun, 1)

    def build(self) -> None:
        for what, step in (
            ("people, organisations, datasets", self.enter), ("applications and grants", self.apply),
            ("usage", self.use), ("checkpoint", self.seal),
        ):  # fmt: skip
            with self.counted(what):
                step()

    def seal(self) -> None:
        with self.house.read() as work:
            proofs.seal(work, Place.of(self.house.settings))

    def enter(self) -> None:
        """The bureau, a department, the enterprises with their people, and datasets with a release each."""
        from tests.datasets.extracts.scene import a_record, a_release, a_table

        with self.house.write() as work:
            an_org(work, "bureau", kind="implementing_body")
            an_org(work, "parks", kind="source_department")
            for name, org, roles in (
                ("screener", "parks", ["reviewer_business"]), ("steward_b", "parks", ["steward"]),
                ("security", "bureau", ["reviewer_security"]), ("approver", "bureau", ["approver"]),
                ("auditor", "bureau", ["auditor"]), ("checker", "bureau", ["output_checker"]),
            ):  # fmt: skip
                a_person(work, name, org, roles)
            for number in range(DATASETS):
                code = f"DP-BC-{number:03d}"
                a_record(work, code)
                a_release(work, self.house.files, self.house.settings.data_dir, a_table(), code=code)
        for first in range(0, self.scale.enterprises, BATCH):
            with self.house.write() as work:
                for number in range(first, min(first + BATCH, self.scale.enterprises)):
                    an_org(work, f"firm-{number}", valid_to=date(2028, 12, 31))
                    for kind, role in (("a", "applicant"), ("o", "org_officer"), ("n", "analyst")):
                        a_person(work, f"{kind}-{number}", f"firm-{number}", [role])

    def actor(self, work: Work, name: str) -> Actor:
        if name not in self.actors:
            self.actors[name] = actor_of(work, name)
        return dataclasses.replace(
            self.actors[name], origin=f"10.{hash_of(name) % 200}.{hash_of(name) % 7}.0/24"
        )

    def apply(self) -> None:
        """Applications through the whole way: three in ten are granted, the rest refused or left under way."""
        last = date(YEAR, 12, 31)
        for begin in range(0, self.scale.applications, 10):
            self.clock.now += timedelta(hours=1)
            first = (self.clock.now + timedelta(hours=8)).date()  # no period starts before today
            with self.house.write() as work:
                for number in range(begin, min(begin + 10, self.scale.applications)):
                    self._one(work, number, first, last)

    def _one(self, work: Work, number: int, first: date, last: date) -> None:
        firm = number % self.scale.enterprises
        is_granted = number * self.scale.granted // self.scale.applications != (
            (number + 1) * self.scale.granted // self.scale.applications
        )
        known = self.dice.sample(COLUMNS, self.dice.randint(3, len(COLUMNS)))
        code = DatasetId(f"DP-BC-{(firm + number // self.scale.enterprises) % DATASETS:03d}")
        lines = [
            {"dataset_id": code, "columns": [{"name": name, "reason": f"需要 {name} 计算风险"} for name in known],
             "delivery_forms": ["extract_parquet"], "quotas": {"extracts": 5000}}
        ]  # fmt: skip
        ask = ApplicationAsk.model_validate(
            {"lines": lines, "scenario_id": "safety", "purposes": ["risk-pricing"], "starts_on": first, "ends_on": last,
             "purpose_text": "用于旅游意外险的区域风险评估与定价。", "retention_days": 365}
        )  # fmt: skip
        applicant = self.actor(work, f"a-{firm}")
        found = applications.create(work, applicant, ask, assets=_assets(work))
        found = applications.submit(
            work, applicant, found.id, StepBody(version=found.version), assets=_assets(work)
        )
        if not is_granted and number % 3 == 0:
            return
        found = applications.screen(
            work,
            self.actor(work, "screener"),
            found.id,
            ScreenBody(version=found.version, has_no_conflict=True, outcome="ok"),
        )
        found = self.reviewed(work, found)
        if not is_granted:
            self._decided(
                work, found, {"outcome": "reject", "reason_code": "not-minimal", "note": "超出最小够用范围"}
            )
            return
        found = self._decided(work, found, {"outcome": "approve"})
        accept = AcceptBody(version=found.version, hash=found.agreement_hash)
        found = applications.accept_terms(work, self.actor(work, f"o-{firm}"), found.id, accept)
        made = activating.activate(
            work, self.actor(work, "steward_b"), found.grants[0], GrantStep(), assets=_assets(work), has_release=lambda *_: True,
            holds=holds_nothing, go_on=carrying.go_on,
        )  # fmt: skip
        self.grants.append((made.id, f"n-{firm}", known))

    def reviewed(self, work: Work, found: ApplicationRead) -> ApplicationRead:
        for stage in found.stages:
            who = "security" if stage.stage == "security" else "screener"
            lines = [{"line_id": line, "vote": "approve"} for line in stage.line_ids]
            body = {"version": found.version, "stage": stage.stage, "has_no_conflict": True, "lines": lines}
            found = applications.review(
                work, self.actor(work, who), found.id, ReviewBody.model_validate(body)
            )
        return found

    def _decided(self, work: Work, found: ApplicationRead, decision: dict[str, Any]) -> ApplicationRead:
        lines = [{"line_id": line.id} | decision for line in found.lines]
        body = DecideBody.model_validate({"version": found.version, "has_no_conflict": True, "lines": lines})
        return applications.decide(work, self.actor(work, "approver"), found.id, body, assets=_assets(work))

    def use(self) -> None:
        """Extracts asked for, handed over and downloaded, with a refusal now and then, spread over the year."""
        lines, day = 0, timedelta(days=350) / max(1, self.scale.lines // (4 * BATCH))
        while lines < self.scale.lines:
            self.clock.now = min(self.clock.now + day, datetime(2026, 12, 30, tzinfo=UTC))
            with self.house.write() as work:
                for _ in range(BATCH):
                    lines += self._take(work)
                    if lines >= self.scale.lines:
                        break

    def _take(self, work: Work) -> int:
        grant_id, who, known = self.dice.choice(self.grants)
        analyst = self.actor(work, who)
        wanted = self.dice.sample(known, self.dice.randint(1, max(1, len(known) - 1)))
        body = ExtractCreate.model_validate(
            {"grant_id": grant_id, "purpose": "risk-pricing", "scenario_id": "safety", "columns": wanted}
        )
        if self.dice.random() < 0.04:
            refused = body.model_copy(update={"columns": ["secret_note"]})
            try:
                extracts.request(work, analyst, refused)
            except (AccessRefused, QuotaExceeded) as refusal:
                extracts.note_refusal(work, analyst, refused, refusal)
                return 1
        made = extracts.request(work, analyst, body)
        self._hand_over(work, analyst, made)
        downloads = 2
        for _ in range(downloads):
            downloading.note_download(work, analyst, made.id, "")
            downloading.note_sent(work, analyst, made.id, 4096, was_cut=False)
        return 4 + downloads  # asked for, held back, given back, delivered

    def _hand_over(self, work: Work, analyst: Actor, made: ExtractRead) -> None:
        rows = self.dice.randint(1, 500_000)
        sha256 = f"{hash_of(made.id):064x}"
        key = signing_key(self.house.settings.keys_dir)
        done = delivering.Finished(sha256, rows, rows * 23, findings=[])
        delivering.finish(work, analyst, {"extract_id": made.id, "grant_id": made.grant_id}, done, key=key)
        review = outputs.newest(work, "extract", made.id)
        assert review is not None
        deciding.release(work, self.actor(work, "checker"), review.id, OutputRelease(), lambda: key)


def hash_of(word: str) -> int:
    import zlib

    return zlib.crc32(word.encode())


def _assets(work: Work) -> Callable[[DatasetId], Any]:
    return lambda dataset_id: asset(work, dataset_id)


def decide_in_parallel(year: Year, deciders: int = 50, each: int = 6, pause: float = 0) -> dict[str, Any]:
    """So many analysts ask for decisions at once: who asks, and the whole `consider` of a request, in a transaction of its own.

    Without `pause` each asks again the moment it has its answer, so that the wait is the queue of all the others. With it each
    waits about so many seconds in between.
    """
    house = year.house
    with house.read() as work:
        accounts_of = {who: account_row(work, who).id for _, who, _ in year.grants}

    def decide(number: int) -> None:
        grant_id, who, known = year.grants[number % len(year.grants)]
        body = ExtractCreate.model_validate(
            {"grant_id": grant_id, "purpose": "risk-pricing", "scenario_id": "safety", "columns": known[:2]}
        )
        with house.deciding() as work:
            asking = principal(work, accounts_of[who], "token")
            assert asking is not None
            assert not extract_deciding.consider(work, asking.actor, body).reasons

    return at_once(deciders, each, lambda number, _: decide(number), pause)


def approve_in_parallel(year: Year, approvers: int = 50, each: int = 2, pause: float = 0) -> dict[str, Any]:
    """So many approvers decide on an application each: one write transaction, signed, put on record, messages written."""
    house, waiting, run = year.house, {}, year.house.new_id()[-8:]  # a year is measured more than once
    first = (year.clock.now + timedelta(days=1)).date()
    for number in range(approvers):
        with house.write() as work:
            an_approver(work, number)
            waiting[number] = [
                waiting_application(year, work, f"{run}-{number}-{turn}", first) for turn in range(each)
            ]

    def decide(number: int, turn: int) -> None:
        found = waiting[number][turn]
        with house.write() as work:
            asking = actor_of(work, f"approver-{number}")
            lines = [{"line_id": line.id, "outcome": "approve"} for line in found.lines]
            body = DecideBody.model_validate(
                {"version": found.version, "has_no_conflict": True, "lines": lines}
            )
            applications.decide(work, asking, found.id, body, assets=_assets(work))

    return at_once(approvers, each, decide, pause)


def an_approver(work: Work, number: int) -> str:
    """The user name of one of the approvers who decide in a year, however often it is measured: each is told of all that comes in."""
    who = f"approver-{number}"
    if work.db.exec(select(AccountRow.id).where(AccountRow.username == who)).first() is None:
        a_person(work, who, "bureau", ["approver"])
    return who


def waiting_application(year: Year, work: Work, name: str, first: date) -> ApplicationRead:
    """An application of an enterprise of its own that waits for the decision."""
    an_org(work, f"late-{name}", valid_to=date(2028, 12, 31))
    a_person(work, f"late-{name}", f"late-{name}", ["applicant"])
    lines = [
        {"dataset_id": f"DP-BC-{hash_of(name) % DATASETS:03d}", "columns": [{"name": "rooms", "reason": "需要 rooms 计算风险"}],
         "delivery_forms": ["extract_parquet"], "quotas": {"extracts": 5}}
    ]  # fmt: skip
    ask = ApplicationAsk.model_validate(
        {"lines": lines, "scenario_id": "safety", "purposes": ["risk-pricing"], "starts_on": first, "ends_on": first + timedelta(days=90),
         "purpose_text": "用于旅游意外险的区域风险评估与定价。", "retention_days": 100}
    )  # fmt: skip
    applicant = year.actor(work, f"late-{name}")
    found = applications.create(work, applicant, ask, assets=_assets(work))
    body = StepBody(version=found.version)
    found = applications.submit(work, applicant, found.id, body, assets=_assets(work))
    screened = ScreenBody(version=found.version, has_no_conflict=True, outcome="ok")
    return year.reviewed(work, applications.screen(work, year.actor(work, "screener"), found.id, screened))


def at_once(people: int, each: int, act: Callable[[int, int], None], pause: float) -> dict[str, Any]:
    """What so many people wait for, each in a thread of its own, and what one act costs in processor time."""
    spent, faults, gate = [], [], threading.Barrier(people)
    act_cost = time.process_time()

    def run(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same waits each time
        try:
            gate.wait(60)
            for turn in range(each):
                time.sleep(dice.uniform(0, 2 * pause))
                begun = time.perf_counter()
                act(number, turn)
                spent.append((time.perf_counter() - begun) * 1000)
        except Exception as fault:
            faults.append(repr(fault))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(people)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]
    spent.sort()
    return {
        "people": people, "acts": len(spent), "per_second": round(len(spent) / (time.perf_counter() - begun)),
        "median_ms": round(spent[len(spent) // 2], 1), "p95_ms": round(spent[int(len(spent) * 0.95)], 1),
        "processor_ms": round((time.process_time() - act_cost) / len(spent) * 1000, 2),
    }  # fmt: skip


def decisions(year: Year) -> dict[str, Any]:
    """Both kinds: at the moment of use, and the approver's; alone, 50 that ask without a pause, and 50 that pause a second."""
    decide_in_parallel(year, 1, 20)
    return {
        "use, one alone": decide_in_parallel(year, 1, 200),
        "use, 50 without a pause": decide_in_parallel(year, 50, 20),
        "use, 50, one a second each": decide_in_parallel(year, 50, 6, 1),
        "approving, one alone": approve_in_parallel(year, 1, 10),
        "approving, 50 without a pause": approve_in_parallel(year, 50, 2),
    }


def make(folder: Path, scale: Scale, database: str | None = None) -> Year:
    """A whole year in a new installation."""
    clock = Clock()
    settings = Settings(data_dir=folder, database_url=database, worker=False)
    year = Year(open_house(settings, clock), clock, scale)
    year.build()
    return year


def kept(folder: Path, scale: Scale, database: str | None) -> Year:
    """The year that an earlier run built in the folder, or a new one that stays there."""
    note = folder / "year.json"
    if not note.exists():
        year = make(folder / "data", scale, database)
        told = {"now": year.clock.now.isoformat(), "grants": year.grants, "spent": year.spent}
        note.write_text(json.dumps(told), encoding="utf-8")
        return year
    told, clock = json.loads(note.read_text(encoding="utf-8")), Clock()
    clock.now = datetime.fromisoformat(told["now"]) + timedelta(hours=1)
    settings = Settings(data_dir=folder / "data", database_url=database, worker=False)
    year = Year(open_house(settings, clock), clock, scale)
    year.grants, year.spent = [tuple(each) for each in told["grants"]], told["spent"]
    return year


def main() -> None:
    from tests.campaigns.year_watched import measure

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument(
        "--folder", type=Path, default=None, help="keep the year here; measure it again where it is there"
    )
    parser.add_argument("--database", default=None)
    parser.add_argument("--out", type=Path, default=None, help="write the figures here as JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        year = kept(asked.folder or Path(room), Scale().times(asked.scale), asked.database)
        print(json.dumps(year.spent, ensure_ascii=False), flush=True)
        found = {"built_s": year.spent, **measure(year), "decisions": decisions(year)}
    print(json.dumps(found, ensure_ascii=False, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
