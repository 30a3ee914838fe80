"""A file that waits for its output review, or never passed it: nothing of its content is told, by any way that there is to ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.extract import app as extract_command
from api.cli.job import app as job_command
from api.house import House
from auth.messages.tables import MessageRow
from core.jobs import JobRow
from core.jobs_run import JobContext
from core.outbox import OutboxRow
from core.text import Text
from datasets.outputs import deciding
from datasets.outputs.models import OutputRefuse
from datasets.outputs.tables import OutputReviewRow
from datasets.sharing import service as sharing
from tests.datasets.extracts.scene import GRANTED, ROWS, Scene, a_scene, a_table
from tests.datasets.sharing.reading import reader, works
from tests.people import browser_as, client_as

MANY = [(f"V{n}", *row[1:3], n, *row[4:]) for n, row in enumerate(ROWS * 10)]  # rooms: 0 to 49
HIDDEN = [
    *(each for each in GRANTED if each != "rooms"),
    {"name": "rooms", "reason": "按房间数筛选", "use": "filter_only"},
]
FEW = {"op": "le", "column": "rooms", "value": 36}
ROWS_MADE = 37
NUMBERS = ("rows", "bytes", "size_bytes", "sha256", "left_out", "findings", "export", "marks")


@dataclass(frozen=True, slots=True)
class Made:
    """What the file holds, as its checkers know it."""

    subject: str
    job_id: str
    review_id: str
    sha256: str
    size_bytes: int
    findings: list[dict[str, Any]]

    def told_in(self, text: str) -> list[str]:
        """What of it stands in a text."""
        words = [self.sha256, *(each["code"] for each in self.findings)]
        found = [word for word in words if word in text]
        return found + [
            str(n) for n in (self.size_bytes, ROWS_MADE) if re.search(rf"(?<![\w.-]){n}(?![\w.-])", text)
        ]


@pytest.fixture
def scene(house: House) -> Scene:
    return a_scene(house, table=a_table(MANY), columns=HIDDEN)


def _made(scene: Scene, subject: str) -> Made:
    with scene.house.read() as work:
        row = work.db.exec(select(OutputReviewRow).where(OutputReviewRow.subject_id == subject)).one()
        job = work.db.exec(select(JobRow).where(JobRow.subject == subject)).one()
        return Made(subject, job.id, row.id, row.sha256, row.size_bytes, row.findings)


def _waits(scene: Scene) -> Made:
    asked = scene.asks(filter=FEW)
    scene.works(releases=False)
    made = _made(scene, asked.id)
    with scene.house.read() as work:
        assert work.db.get_one(OutputReviewRow, made.review_id).rows == ROWS_MADE
    return made


def _asked_everywhere(scene: Scene, made: Made) -> Iterator[tuple[str, str]]:
    """Every answer that somebody of the enterprise gets who asks about the file: where, and what."""
    for who in ("analyst", "officer"):
        client, page = client_as(scene.house, who), browser_as(scene.house, who)
        for at in _addresses(scene, made):
            yield f"{who} {at}", client.get(f"/api/v1{at}").text
        for at in ("/jobs", f"/jobs/{made.job_id}", f"/jobs/{made.job_id}/fragment", "/extracts", f"/extracts/{made.subject}",
                   f"/grants/{scene.grant_id}", f"/grants/{scene.grant_id}/read", f"/grants/{scene.grant_id}/record", "/messages", "/"):  # fmt: skip
            yield f"{who} page {at}", page.get(at).text
        given = ["--data-dir", str(scene.house.settings.data_dir), "--as", who, "--json"]
        for command, words in (
            (job_command, ["list"]),
            (job_command, ["show", made.job_id]),
            (extract_command, ["list"]),
        ):
            yield f"{who} command {words}", CliRunner().invoke(command, [*words, *given]).output
    with scene.house.read() as work:
        for message in work.db.exec(select(MessageRow)):
            yield f"message {message.kind}", message.model_dump_json()
        for posted in work.db.exec(select(OutboxRow).where(col(OutboxRow.topic) != "mail")):
            yield f"event {posted.topic}", posted.body


def _addresses(scene: Scene, made: Made) -> Iterator[str]:
    yield from ("/jobs", f"/jobs/{made.job_id}", "/extracts", f"/extracts/{made.subject}", "/messages")
    yield from (
        f"/grants/{scene.grant_id}{part}" for part in ("", "/usage", "/history", "/views", "/commands")
    )
    with scene.house.read() as work:
        application = scene.view().application_id
        yield f"/applications/{application}/history"
        from auth.audit import AuditEventRow

        wanted = select(AuditEventRow.id).where(AuditEventRow.grant_id == scene.grant_id)
        for event_id in work.db.exec(wanted.where(col(AuditEventRow.kind).startswith("output."))):
            yield f"/audit/proof/{event_id}"


def _leaks(scene: Scene, made: Made) -> dict[str, list[str]]:
    return {at: found for at, text in _asked_everywhere(scene, made) if (found := made.told_in(text))}


@pytest.mark.slow
def test_neither_pages_nor_programs_nor_commands_nor_events_tell_what_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exact rows, bytes, digest and findings by the filter of a column that never leaves would be values, for nothing."""
    monkeypatch.setenv("DATAGRANT_SECOND_FACTOR_ROLES", "none")
    made = _waits(scene)
    assert _leaks(scene, made) == {}
    client = client_as(scene.house, "analyst")
    assert client.get(f"/api/v1/jobs/{made.job_id}").json()["result"] == {}
    assert client.post(f"/api/v1/extracts/{made.subject}/withdraw").status_code == 200
    assert _leaks(scene, made) == {}


def test_a_refused_file_stays_as_unknown_as_it_was(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGRANT_SECOND_FACTOR_ROLES", "none")
    made = _waits(scene)
    with scene.desk.write("checker") as (work, actor):
        against = OutputRefuse(refusal="beyond-purpose", note="与场景不符")
        deciding.refuse(work, actor, made.review_id, against, scene.signer)
    assert scene.extract(made.subject).state == "refused"
    assert _leaks(scene, made) == {}


def test_a_view_that_waits_tells_as_little(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGRANT_SECOND_FACTOR_ROLES", "none")
    columns = [each for each in HIDDEN if each not in ("seen_at",)]
    scene = a_scene(sqlite_house, table=a_table(MANY), columns=columns, row_filter=FEW)
    who = reader(scene)
    with scene.house.write() as work:
        asked = sharing.want(work, who, None)
    works(scene, releases=False)
    made = _made(scene, asked.id)
    assert _leaks(scene, made) == {}
    seen = client_as(scene.house, "analyst").get(f"/api/v1/grants/{scene.grant_id}/views").json()[0]
    assert (seen["state"], seen["rows"], seen["size_bytes"], seen["sha256"]) == (
        "in_review",
        None,
        None,
        None,
    )
    scene.checks()
    seen = client_as(scene.house, "analyst").get(f"/api/v1/grants/{scene.grant_id}/views").json()[0]
    assert (seen["state"], seen["rows"], seen["sha256"]) == ("ready", ROWS_MADE, made.sha256)


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str, str]]:
    """All that jobs say of how far they are, also what is said too soon after the last to be written."""
    said: list[tuple[float, str, str]] = []
    given = JobContext.progress

    def told(ctx: JobContext, fraction: float, what: Text) -> None:
        said.append((round(fraction, 6), what.zh, what.en))
        ctx._told_at = 0.0
        given(ctx, fraction, what)

    monkeypatch.setattr(JobContext, "progress", told)
    return said


def test_how_far_a_build_is_tells_no_number_of_what_will_wait(
    scene: Scene, progress: list[tuple[float, str, str]]
) -> None:
    """Neither by its words nor by its fraction: half of a filter's rows written would tell all of them."""
    _waits(scene)
    first = list(progress)
    scene.asks(filter={"op": "le", "column": "rooms", "value": 4})
    progress.clear()
    scene.works(releases=False)
    assert progress == first
    assert first
    assert not [said for _, *words in first for said in words if re.search(r"\d", said)]


def test_how_far_a_build_is_that_needs_no_checker_is_told_in_rows(
    sqlite_house: House, progress: list[tuple[float, str, str]]
) -> None:
    from tests.datasets.extracts.test_plans import a_scene_without_checkers

    scene = a_scene_without_checkers(sqlite_house)
    scene.asks(filter={"op": "eq", "column": "venue_id", "value": "V7"})
    scene.works()
    assert "1 row written" in [en for _, _, en in progress]
    progress.clear()
    scene.asks(filter={"op": "eq", "column": "rooms", "value": 7})  # a column that only filters
    scene.works()
    assert not [en for _, _, en in progress if re.search(r"\d", en)]
