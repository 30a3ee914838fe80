"""Looks into sources, carried out: batches in the owner's name, nothing twice, failures told, duties kept apart."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from api.agenda import agenda
from api.durable import serve_jobs, start_due_sources
from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.identity import accounts
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, TransitionRefused
from core.jobs import JobRow, JobState
from core.outbox import OutboxRow
from datasets import jobs
from datasets.batches import rules as batch_rules
from datasets.sources import handing, queries, service
from datasets.sources.tables import SourceRow
from datasets.sources.workflow import Outcome, SourceState
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, DATASET, WARNS, a_parking_dataset
from tests.datasets.sources.places import (
    Web,
    a_source,
    a_web,
    allow,
    batches_of,
    drop,
    ended,
    look,
    look_if_due,
    shown,
)
from tests.people import actor_of, client_as


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as opened:
        opened.serve("/lots.csv", CLEAN)
        yield opened


@pytest.fixture
def home(sqlite_house: House) -> House:
    return _furnished(sqlite_house)


def _furnished(house: House) -> House:
    allow(house)
    with house.write() as work:
        a_parking_dataset(work, suite=False, update_freq="3")
    return house


def http(web: Web, path: str = "/lots.csv", **how: Any) -> dict[str, Any]:
    return {"kind": "http", "url": web.url(path)} | how


def events(house: House, kind: str) -> list[audit.AuditEventRow]:
    with house.read() as work:
        return list(work.db.exec(select(audit.AuditEventRow).where(audit.AuditEventRow.kind == kind)))


def test_what_a_source_brings_is_a_batch_in_its_owners_name(home: House, web: Web) -> None:
    source = a_source(home, http(web), by="lin")
    run = look(home, source.id, by="zhou")
    (batch,) = batches_of(home)
    assert (run.outcome, run.items[0]["batch_id"]) == (Outcome.DELIVERED, batch.id)
    assert batch.submitted["username"] == "lin"
    assert home.files.path(batch.sha256).read_bytes() == CLEAN
    with home.read() as work:
        origin = queries.origin(work, batch.id)
        assert work.db.get_one(JobRow, run.job_id).state == JobState.DONE
        assert queries.origin(work, "nothing") is None
    assert origin is not None
    assert origin.source_id == source.id
    assert origin.provenance == {
        "address": web.url("/lots.csv"), "etag": '"1"', "fetched_at": home.clock().isoformat()
    }  # fmt: skip
    (event,) = events(home, "source.delivered")
    assert event.subject == batch.id
    assert json.loads(event.payload)["source"] == source.id


def test_who_configured_resumed_or_asked_may_not_publish(home: House, web: Web) -> None:
    source = a_source(home, http(web), by="lin")
    with home.write() as work:
        service.pause(work, actor_of(work, "lin"), source.id)
    with home.write() as work:
        taken = service.resume(work, actor_of(work, "zhou"), source.id)
    assert taken.owner.username == "zhou"
    look(home, source.id, by="zhou")
    (batch,) = batches_of(home)
    with home.read() as work:
        people = {name: actor_of(work, name).person_id for name in ("lin", "zhou", "other")}
    assert set(batch.preparers) == {people["lin"], people["zhou"]}
    assert batch.submitted["username"] == "zhou"
    for name, refused in (("lin", True), ("zhou", True), ("other", False)):
        reasons = batch_rules.second_person_objections(batch.preparers, people[name])
        assert [reason.code for reason in reasons] == (["preparer-may-not-publish"] if refused else [])


def test_the_same_bytes_make_no_second_batch_and_the_look_says_so(home: House, web: Web) -> None:
    web.serve("/plain.csv", CLEAN, etag=None)
    source = a_source(home, http(web, "/plain.csv"))
    outcomes = [look(home, source.id).outcome for _ in range(2)]
    assert outcomes == [Outcome.DELIVERED, Outcome.RECOGNISED]
    conditional = a_source(home, http(web))
    again = [look(home, conditional.id) for _ in range(2)]
    assert [run.outcome for run in again] == [Outcome.RECOGNISED, Outcome.UNCHANGED]
    (batch,) = batches_of(home)
    assert again[0].items[0]["batch_id"] == batch.id
    web.serve("/lots.csv", WARNS, etag='"2"')
    assert look(home, conditional.id).outcome == Outcome.DELIVERED
    assert [batch.number for batch in batches_of(home)] == [1, 2]


def test_a_look_is_begun_when_it_is_due_and_not_before(home: House, web: Web, clock: TestClock) -> None:
    source = a_source(home, http(web), schedule="every PT15M")
    assert look_if_due(home) == 1
    assert look_if_due(home) == 0
    clock.forward(minutes=14)
    assert look_if_due(home) == 0
    clock.forward(minutes=1)
    assert look_if_due(home) == 1
    clock.forward(days=3)
    assert look_if_due(home) == 1, "what was missed is not made up for"
    assert look_if_due(home) == 0
    with home.read() as work:
        assert queries.run_count(work, SYSTEM, source.id) == 3


def test_a_look_that_was_asked_for_stands_for_the_one_that_was_due(home: House, web: Web) -> None:
    source = a_source(home, http(web), schedule="every PT15M")
    look(home, source.id)
    assert look_if_due(home) == 0


def test_the_worker_itself_looks_at_the_clock(home: House, web: Web) -> None:
    """The real loop with its durable steps, in this process: what is due is begun, fetched and handed in."""
    source = a_source(home, http(web), schedule="every PT15M")
    with home.read() as work:
        assert queries.is_any_due(work)
    stop = threading.Event()
    serve_jobs(home.settings, stop, idle_exit=1.5, grace_s=5)
    assert shown(home, source.id).last_outcome == Outcome.DELIVERED
    assert len(batches_of(home)) == 1


def test_a_schedule_follows_the_record_and_an_irregular_record_is_refused(
    home: House, web: Web, clock: TestClock
) -> None:
    source = a_source(home, http(web), schedule="frequency")
    look_if_due(home)
    due = shown(home, source.id).due_at
    assert due is not None
    assert (due - clock.now).total_seconds() == 86_400
    with home.write() as work:
        from catalog.tables import DatasetRow

        work.db.get_one(DatasetRow, DATASET).update_freq = "1"
    with pytest.raises(InputRefused, match="regular"):
        a_source(home, http(web), schedule="frequency")


def test_a_source_that_is_being_looked_into_is_not_looked_into_twice(
    home: House, web: Web, clock: TestClock
) -> None:
    source = a_source(home, http(web), schedule="every PT1M")
    assert start_due_sources(home) == 1
    clock.forward(minutes=5)
    assert start_due_sources(home) == 0
    with home.write() as work, pytest.raises(Conflict):
        service.run(work, actor_of(work, "lin"), source.id)
    ended(home, source.id)
    assert start_due_sources(home) == 1


def test_two_workers_begin_one_look(house: House, web: Web) -> None:
    """On both databases; each thread does what a worker does when it looks at the clock."""
    _furnished(house)
    source = a_source(house, http(web), schedule="every PT15M")
    ready = threading.Barrier(4)
    begun: list[int] = []

    def worker() -> None:
        ready.wait()
        begun.append(start_due_sources(house))

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [0, 0, 0, 1]
    with house.read() as work:
        assert queries.run_count(work, SYSTEM, source.id) == 1
    ended(house, source.id)
    assert len(batches_of(house)) == 1


def test_a_look_that_is_repeated_after_a_crash_hands_nothing_in_twice(house: House, web: Web) -> None:
    _furnished(house)
    source = a_source(house, http(web))
    run = look(house, source.id)
    stored = {key: run.items[0][key] for key in ("name", "sha256", "size_bytes", "provenance")}
    caught = {
        "files": [stored],
        "memory": {},
        "said": {"zh": "", "en": ""},
        "problems": [],
        "look_again_s": None,
    }
    with house.write() as work:
        again = handing.hand_in(work, run.id, caught)
    assert again["outcome"] == Outcome.DELIVERED
    assert len(batches_of(house)) == 1
    assert len(events(house, "source.delivered")) == 1


def test_failures_are_told_tried_later_and_at_last_pause_the_source(
    home: House, web: Web, clock: TestClock
) -> None:
    source = a_source(home, http(web, "/gone.csv"), schedule="every PT1H")
    waits = []
    for _ in range(5):
        assert look_if_due(home) == 1
        found = shown(home, source.id)
        if found.due_at:
            waits.append((found.due_at - clock.now).total_seconds() / 60)
            clock.now = found.due_at
    assert waits == [2, 4, 8, 16]
    assert (found.state, found.failures, found.due_at) == (SourceState.PAUSED, 5, None)
    assert found.paused_why is not None
    assert "404" in found.paused_why["zh"]
    assert look_if_due(home) == 0
    with home.read() as work:
        piles = {
            name: [pile.label.en for pile in agenda(work, actor_of(work, name))]
            for name in ("lin", "eye", "other")
        }
    assert [name for name, labels in piles.items() if "Sources that paused themselves" in labels] == ["lin"]
    run = ended(home, source.id)
    assert run.outcome == Outcome.FAILED
    assert run.said is not None
    assert "check the address" in run.said["en"]
    with home.read() as work:
        (told,) = work.db.exec(select(OutboxRow).where(OutboxRow.topic == "source.paused"))
        assert work.db.get_one(JobRow, run.job_id).state == JobState.FAILED
    assert json.loads(told.body)["source_id"] == source.id
    assert len(events(home, "source.failed")) == 5
    web.serve("/gone.csv", CLEAN)
    with home.write() as work:
        back = service.resume(work, actor_of(work, "zhou"), source.id)
    assert (back.state, back.failures, back.paused_why) == (SourceState.ACTIVE, 0, None)
    assert look_if_due(home) == 1
    assert len(batches_of(home)) == 1


def test_a_look_whose_job_ended_without_it_is_closed_and_tried_again(home: House, web: Web) -> None:
    source = a_source(home, http(web), schedule="every PT1H")
    start_due_sources(home)
    with home.write() as work:
        run = queries.runs(work, SYSTEM, source.id)[0]
        work.db.get_one(JobRow, run.job_id).state = JobState.FAILED
    assert start_due_sources(home) == 0
    found = shown(home, source.id)
    assert (found.open_run, found.last_outcome, found.failures) == (None, Outcome.FAILED, 1)


def test_one_good_look_forgets_the_failures(home: House, web: Web, clock: TestClock) -> None:
    source = a_source(home, http(web, "/late.csv"), schedule="every PT1H")
    look_if_due(home)
    web.serve("/late.csv", CLEAN)
    clock.forward(minutes=2)
    look_if_due(home)
    assert (shown(home, source.id).failures, shown(home, source.id).last_outcome) == (0, Outcome.DELIVERED)


def test_an_empty_file_is_a_failure_and_its_tag_is_not_remembered(home: House, web: Web) -> None:
    web.serve("/empty.csv", b"")
    source = a_source(home, http(web, "/empty.csv"))
    for _ in range(2):
        run = look(home, source.id)
        assert run.outcome == Outcome.FAILED
        assert run.items[0]["problem"]["en"].startswith("The file is empty")
    assert batches_of(home) == []


def test_an_owner_who_may_no_longer_hand_in_stops_the_source_at_once(home: House, web: Web) -> None:
    source = a_source(home, http(web), by="lin")
    with home.write() as work:
        accounts.set_disabled(work, SYSTEM, actor_of(work, "lin").account_id, True)
    assert look_if_due(home) == 1
    found = shown(home, source.id)
    assert (found.state, found.failures) == (SourceState.PAUSED, 1)
    assert found.paused_why is not None
    assert "another steward" in found.paused_why["en"]
    assert batches_of(home) == []


@pytest.mark.parametrize("step", ["pause", "remove"])
def test_what_a_look_finds_after_the_source_was_stopped_is_not_handed_in(
    home: House, web: Web, step: str
) -> None:
    source = a_source(home, http(web))
    with home.write() as work:
        run = service.run(work, actor_of(work, "lin"), source.id)
    with home.write() as work:
        getattr(service, step)(work, actor_of(work, "lin"), source.id)
    assert ended(home, source.id, run.id).outcome in (Outcome.CANCELLED, Outcome.FAILED)
    assert batches_of(home) == []


def test_a_cancelled_look_is_no_failure(home: House, web: Web) -> None:
    source = a_source(home, http(web))
    with home.write() as work:
        run = service.run(work, actor_of(work, "lin"), source.id)
    with home.write() as work:
        jobs.cancel(work, actor_of(work, "lin"), str(run.job_id))
    assert ended(home, source.id, run.id).outcome == Outcome.CANCELLED
    assert (shown(home, source.id).failures, shown(home, source.id).open_run) == (0, None)


def test_a_folder_is_looked_into_again_soon_while_files_wait(
    home: House, clock: TestClock, tmp_path: Path
) -> None:
    allow(home, source_root=tmp_path / "watched")
    for name, data in (("a.csv", CLEAN), ("b.csv", WARNS), ("empty.csv", b"")):
        drop(tmp_path / "watched" / "traffic", name, data)
    source = a_source(home, {"kind": "folder", "pattern": "*.csv"}, schedule="every P1D")
    assert look_if_due(home) == 1
    assert batches_of(home) == []
    clock.forward(minutes=1)
    assert look_if_due(home) == 1
    run = ended(home, source.id)
    assert sorted(batch.name for batch in batches_of(home)) == ["a.csv", "b.csv"]
    assert run.outcome == Outcome.DELIVERED
    assert run.said is not None
    assert "empty" in run.said["en"]
    clock.forward(minutes=1)
    assert look_if_due(home) == 0


def test_the_credential_is_sealed_never_told_and_gone_when_the_source_is_removed(
    home: House, web: Web
) -> None:
    web.serve("/k?key=pa55word", CLEAN)
    source = a_source(home, http(web, "/k?key={secret}"), secret="pa55word")
    assert look(home, source.id).outcome == Outcome.DELIVERED
    client = client_as(home, "lin")
    paths = [f"/api/v1/sources/{source.id}", "/api/v1/sources", f"/api/v1/sources/{source.id}/runs", "/api/v1/jobs",
             f"/sources/{source.id}", "/sources"]  # fmt: skip
    told = "".join(client.get(path, headers={"accept": "text/html"}).text for path in paths)
    told += client.post(f"/api/v1/sources/{source.id}/test").text
    assert "pa55word" not in told
    assert '"has_secret":true' in told
    with home.read() as work:
        held = work.db.get_one(SourceRow, source.id)
        assert "pa55word" not in str(held.model_dump())
        events = work.db.exec(select(audit.AuditEventRow.payload)).all()
        assert "pa55word" not in "".join(events)
        assert "pa55word" not in "".join(work.db.exec(select(col(JobRow.payload))).all())
    assert oct((home.settings.keys_dir / "sources.key").stat().st_mode & 0o777) == "0o400"
    with home.write() as work:
        service.remove(work, actor_of(work, "lin"), source.id)
    with home.read() as work:
        assert work.db.get_one(SourceRow, source.id).secret is None


def test_another_key_opens_no_credential(home: House, web: Web) -> None:
    source = a_source(home, http(web, "/k?key={secret}"), secret="pa55word")
    key = home.settings.keys_dir / "sources.key"
    key.unlink()
    key.write_bytes(b"x" * 32)
    run = look(home, source.id)
    assert run.said is not None
    assert "keys/sources.key" in run.said["en"]


def test_a_removed_source_is_a_tombstone(home: House, web: Web) -> None:
    source = a_source(home, http(web))
    look(home, source.id)
    with home.write() as work:
        service.remove(work, actor_of(work, "lin"), source.id)
    with home.read() as work:
        actor = actor_of(work, "lin")
        assert queries.sources(work, actor).items == []
        assert queries.sources(work, actor, state="removed").total == 1
        assert len(queries.runs(work, actor, source.id)) == 1
    for step in (service.pause, service.resume, service.remove):
        with home.write() as work, pytest.raises(TransitionRefused):
            step(work, actor_of(work, "lin"), source.id)
    with home.write() as work, pytest.raises(Conflict):
        service.run(work, actor_of(work, "lin"), source.id)


def test_a_source_belongs_to_its_department(home: House, web: Web) -> None:
    source = a_source(home, http(web))
    with home.write() as work:
        with pytest.raises(NotFound):
            queries.source(work, actor_of(work, "other"), source.id)
        assert queries.sources(work, actor_of(work, "other")).total == 0
        assert queries.sources(work, actor_of(work, "eye")).total == 1
        for step in (service.pause, service.remove, service.run):
            with pytest.raises(AccessRefused):
                step(work, actor_of(work, "eye"), source.id)
    with pytest.raises(NotFound):
        a_source(home, http(web), by="other")


@pytest.mark.parametrize(
    ("config", "secret", "why"),
    [
        ({"url": "http://example.org/x", "header": "X-Key"}, None, "call for a credential"),
        ({"url": "http://example.org/x?k={secret}"}, None, "call for a credential"),
        ({"url": "http://example.org/x"}, "unused", "has no use"),
        ({"kind": "folder", "path": "in"}, "unused", "has no use"),
    ],
)
def test_a_credential_without_use_or_a_use_without_credential_is_refused(
    home: House, config: dict[str, Any], secret: str | None, why: str
) -> None:
    with pytest.raises(InputRefused, match=why):
        a_source(home, {"kind": "http"} | config, secret=secret)


def test_over_http_everything_can_be_done(home: House, web: Web) -> None:
    client = client_as(home, "lin")
    body = {"dataset_id": DATASET, "name": "车位", "config": http(web), "schedule": "daily 06:30"}
    made = client.post("/api/v1/sources", json=body)
    assert made.status_code == 201, made.text
    at = f"/api/v1/sources/{made.json()['id']}"
    assert made.json()["address"] == web.url("/lots.csv")
    assert made.json()["due_at"].startswith("2026-03-02T22:30")
    assert client.post(f"{at}/test").json()["ok"] is True
    run = client.post(f"{at}/run")
    assert run.status_code == 202
    ended(home, made.json()["id"])
    runs = client.get(f"{at}/runs").json()
    assert (runs["total"], runs["items"][0]["outcome"], runs["next"]) == (1, "delivered", None)
    assert client.post(f"{at}/pause").json()["state"] == "paused"
    assert client.post(f"{at}/run").status_code == 409
    assert client.post(f"{at}/resume").json()["state"] == "active"
    assert client.delete(at).json()["state"] == "removed"
    assert client.post(f"{at}/test").status_code == 409
    for wrong in ({"schedule": "hourly"}, {"config": http(web, header="Host")}, {"config": {"kind": "s3"}}, {"secret": "a\nb"}, {"more": 1}):  # fmt: skip
        assert client.post("/api/v1/sources", json=body | wrong).status_code == 422
    assert client_as(home, "eye").post("/api/v1/sources", json=body).status_code == 403
    assert client_as(home, "other").get(at).status_code == 404
    unreachable = client.post(
        "/api/v1/sources", json=body | {"config": {"kind": "http", "url": "http://10.0.0.1/x"}}
    ).json()
    tested = client.post(f"/api/v1/sources/{unreachable['id']}/test").json()
    assert tested["ok"] is False
    assert "DATAGRANT_SOURCE_ALLOW" in tested["said"]["en"]
    assert [json.loads(event.payload)["ok"] for event in events(home, "source.tested")] == [True, False]
