"""Collecting garbage removes nothing that a row cites: any history, many at once, and killed at any instant."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text
from typer.testing import CliRunner

from api import backups
from api.cli import _assemble
from api.durable import drain
from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.roles import Role
from core.jobs import JobRow, JobState
from datasets.outputs.tables import OutputReviewRow
from datasets.releases.tables import ReleaseRow
from datasets.store import citations, service
from tests.conftest import TestClock
from tests.datasets.extracts.scene import a_scene
from tests.datasets.store.life import CONTENTS, a_house, cites, collects, grows_old
from tests.examples import examples
from tests.people import a_person, an_org, browser_as, client_as

ROOT = Path(__file__).parents[3]


class Store(RuleBasedStateMachine):
    """Put, put again, cite, let go, grow old and collect, in any order; beside it a model of what must be there."""

    room: Path

    def __init__(self) -> None:
        super().__init__()
        self.house = a_house(self.room / str(time.monotonic_ns()))
        self.fresh: set[str] = set()
        self.old: set[str] = set()
        self.rows: dict[str, str] = {}

    def teardown(self) -> None:
        self.house.engine.dispose()

    @rule(content=st.sampled_from(CONTENTS))
    def put(self, content: bytes) -> None:
        sha256 = self.house.files.put([content]).sha256
        self.fresh.add(sha256)
        self.old.discard(sha256)

    @rule(number=st.integers(0, 5))
    def age(self, number: int) -> None:
        for sha256 in sorted(self.fresh)[number : number + 1]:
            grows_old(self.house.files, sha256)
            self.fresh.discard(sha256)
            self.old.add(sha256)

    @rule(number=st.integers(0, 5))
    def cite(self, number: int) -> None:
        for sha256 in sorted(self.fresh)[number : number + 1]:
            with self.house.write() as work:
                self.rows[cites(work, sha256)] = sha256

    @rule(number=st.integers(0, 5))
    def let_go(self, number: int) -> None:
        for key in sorted(self.rows)[number : number + 1]:
            with self.house.write() as work:
                work.db.delete(work.db.get_one(OutputReviewRow, key))
            del self.rows[key]

    @rule()
    def collect(self) -> None:
        gone = set(collects(self.house))
        assert gone == self.old - set(self.rows.values())
        self.old -= gone

    @invariant()
    def what_is_cited_or_new_is_there(self) -> None:
        for sha256 in self.fresh | self.old:
            assert self.house.files.verify(sha256)


def test_any_history_of_the_store(tmp_path: Path) -> None:
    class Here(Store):
        room = tmp_path

    Here.TestCase.settings = settings(max_examples=examples(12), stateful_step_count=25)
    Here.TestCase("runTest").runTest()


def test_putting_and_collecting_at_once_loses_nothing(tmp_path: Path) -> None:
    """The worst case: old files that nothing cites are put and cited again while they are collected."""
    house, stop, faults = a_house(tmp_path), threading.Event(), []

    def collecting() -> None:
        while not stop.is_set():
            collects(house)

    def putting() -> None:
        chance = random.Random(1)  # noqa: S311 - a choice of files
        for _ in range(60):
            sha256 = house.files.put([chance.choice(CONTENTS)]).sha256
            if chance.random() < 0.5:
                time.sleep(0.002)
            with house.write() as work:
                key = cites(work, sha256)
            if not house.files.has(sha256):
                faults.append(sha256)
            with house.write() as work:
                work.db.delete(work.db.get_one(OutputReviewRow, key))
            if house.files.has(sha256) and chance.random() < 0.5:
                try:
                    grows_old(house.files, sha256)
                except OSError:
                    continue  # it went meanwhile, rightly

    sweeper = threading.Thread(target=collecting)
    sweeper.start()
    putting()
    stop.set()
    sweeper.join(60)
    assert faults == []


def cited(house: House) -> set[str]:
    with house.read() as work:
        return set(citations.cited(work))


@pytest.mark.crash
@pytest.mark.slow
def test_killed_at_any_instant_every_cited_file_is_whole(tmp_path: Path) -> None:
    house, chance = a_house(tmp_path), random.Random(5)  # noqa: S311 - instants
    for turn in range(4):
        words = [sys.executable, "-m", "tests.datasets.store.life", str(tmp_path), str(turn)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as child:
            assert child.stdout is not None
            assert child.stdout.readline()
            until = time.monotonic() + 60
            while turn == 0 and not cited(house) and time.monotonic() < until:
                time.sleep(0.05)  # a busy machine: there must be something to lose
            time.sleep(chance.uniform(0.1, 0.6))
            child.send_signal(signal.SIGKILL)
        held = cited(house)
        assert held
        for sha256 in held:
            assert house.files.verify(sha256)
    collects(house)  # and the store goes on
    assert all(house.files.verify(sha256) for sha256 in held)


def test_work_that_is_not_done_keeps_what_it_may_have_put(sqlite_house: House) -> None:
    stored = sqlite_house.files.put([b"a step's result"])
    with sqlite_house.write() as work:
        job = JobRow(id=work.new_id(), kind="x", subject="x", requested_by="me", created_at=work.now)
        job.created_at = work.now.replace(year=1999)
        work.db.add(job)
    os.utime(sqlite_house.files.path(stored.sha256), (10**9, 10**9))
    assert collects(sqlite_house) == []
    with sqlite_house.write() as work:
        work.db.get_one(JobRow, job.id).state = JobState.DONE
    assert collects(sqlite_house) == [stored.sha256]


def test_a_whole_delivery_cites_every_file_of_its_own(house: House) -> None:
    """Nothing that release, extract and view stand on is ever garbage, however old; a retired release's own file is."""
    scene = a_scene(house)
    scene.delivered()
    for sha256 in house.files.digests():
        grows_old(house.files, sha256)
    assert collects(house) == []
    with house.read() as work:
        assert service.missing(work, house.files) == []
    with house.write() as work:
        row = work.db.get_one(ReleaseRow, scene.release_id)
        row.state, freed = "retired", row.sha256
        row.partitions = {"files": [{"sha256": "0" * 64}]}
        work.db.flush()
        assert "0" * 64 not in citations.cited(work)
        assert citations.is_cited(work, str(freed))  # the batch's own bytes are the same file here
        row.state = "published"
        work.db.flush()
        assert "0" * 64 in citations.cited(work)
        assert citations.is_cited(work, "0" * 64)


@pytest.fixture
def people(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        for name, role in (("root", Role.SYSADMIN), ("watch", Role.AUDITOR), ("judge", Role.APPROVER)):
            a_person(work, name, "bureau", [role])
    return sqlite_house


def test_doctor_names_what_is_damaged_missing_and_left(people: House, clock: TestClock) -> None:
    root = client_as(people, "root")
    kept, damaged, lost, left = (
        people.files.put([word]).sha256 for word in (b"kept", b"damaged", b"lost", b"left")
    )
    with people.write() as work:
        for sha256 in (kept, damaged, lost):
            cites(work, sha256)
    people.files.path(damaged).chmod(0o640)
    people.files.path(damaged).write_bytes(b"otherwise")
    people.files.remove(lost)
    grows_old(people.files, left)
    (people.files.root / "stage" / "half").write_bytes(b"x")
    os.utime(people.files.root / "stage" / "half", (1, 1))
    assert root.post("/api/v1/store/checks", json={}).status_code == 202
    again = root.post("/api/v1/store/checks", json={}).json()
    drain(people)
    found = root.get("/api/v1/store").json()["check"]
    assert (found["job_id"], found["state"]) == (
        again["job_id"],
        "done",
    )  # one that is on its way serves both
    said = found["result"]
    assert (said["damaged"], said["missing"], said["uncited"]) == ([damaged], 1, 1)
    assert said["missing_rows"][0]["sha256"] == lost
    page = browser_as(people, "root", "en").get("/store").text
    assert "The store is damaged" in page
    assert damaged in page
    root.post("/api/v1/store/collections", json={})
    drain(people)
    done = root.get("/api/v1/store").json()["collection"]["result"]
    assert done == {"removed": 1, "bytes": 4, "kept": 0, "staged_removed": 1}
    assert (people.files.has(left), people.files.has(kept)) == (False, True)
    with people.read() as work:
        noted = (
            work.db.connection()
            .execute(text("SELECT payload FROM auth_audit_event WHERE kind = 'store.collected'"))
            .scalar_one()
        )
    assert json.loads(noted)["sha256"] == [left]


def test_who_may_look_check_and_collect(people: House) -> None:
    for who, look, check, collect in (
        ("root", 200, 202, 202),
        ("watch", 200, 403, 403),
        ("judge", 403, 403, 403),
    ):
        client = client_as(people, who)
        assert client.get("/api/v1/store").status_code == look
        assert client.post("/api/v1/store/checks", json={}).status_code == check
        assert client.post("/api/v1/store/collections", json={}).status_code == collect


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_says_that_nothing_was_checked_yet(people: House, lang: str) -> None:
    browser = browser_as(people, "root", lang)
    assert ("尚未核对过" if lang == "zh" else "No check yet") in browser.get("/store").text
    assert browser.submit("/store/check").status_code == 303
    assert browser.submit("/store/collect").status_code == 303
    drain(people)
    assert ("文件完好" if lang == "zh" else "All files are whole") in browser.get("/store").text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_tells_of_backups_and_whether_they_were_read_again(
    people: House, tmp_path: Path, lang: str
) -> None:
    browser, out = browser_as(people, "root", lang), tmp_path / "out"
    assert ("还没有备份" if lang == "zh" else "No backup yet") in browser.get("/store").text
    made = backups.back_up(people, out, None, lambda *_: None)
    page = browser.get("/store").text
    assert made["snapshot"] in page
    assert str(out) in page
    assert ("未核对" if lang == "zh" else "Not yet") in page
    backups.note_check(people, out, {"snapshot": "another", "damaged": ["x"]})
    backups.note_check(people, tmp_path, backups.check(people.settings, out, "", lambda *_: None))
    assert ("未核对" if lang == "zh" else "Not yet") in browser.get("/store").text, "another backup's reading"
    backups.note_check(people, out, backups.check(people.settings, out, "", lambda *_: None))
    assert ("完好" if lang == "zh" else "Whole") in browser.get("/store").text
    with people.write() as work:
        audit.record(work, SYSTEM, "store.backup_begun", subject="store", payload={"place": "/elsewhere"})
    found = client_as(people, "root").get("/api/v1/store").json()["backups"]
    assert [(each["place"], each["ended_at"] is None) for each in found] == [
        ("/elsewhere", True), (str(out), False)
    ]  # fmt: skip
    assert ("未完成" if lang == "zh" else "Not ended") in browser.get("/store").text


@pytest.mark.slow
def test_the_command_ends_with_one_where_a_file_is_damaged(
    people: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.house.open_house", lambda *_, **__: people)
    monkeypatch.setattr("api.worker.ensure_worker", lambda *_: drain(people))
    where = ["--data-dir", str(people.settings.data_dir), "--as", "root", "--json"]
    run: Callable[..., Any] = CliRunner().invoke
    whole = people.files.put([b"whole"])
    done = run(_assemble(), ["doctor", "--collect", *where])
    assert (done.exit_code, json.loads(done.stdout)["check"]["result"]["damaged"]) == (0, []), done.output
    people.files.path(whole.sha256).chmod(0o640)
    people.files.path(whole.sha256).write_bytes(b"w")
    assert run(_assemble(), ["doctor", *where]).exit_code == 1
