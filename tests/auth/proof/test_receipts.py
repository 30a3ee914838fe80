"""Receipts of applications: whoever was refused, or still waits, proves it; and what others did behind closed doors stays there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.application import app as application_command
from api.cli.audit import app as audit_command
from api.house import House
from auth import audit
from auth.actor import SYSTEM
from auth.applications import inviting, service, talk
from auth.applications.models import ApplicationRead
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from auth.grants import keys
from auth.grants.keys import GrantKeyCreate
from auth.identity import accounts
from core.ids import ApplicationId, GrantId
from tests.auth.proof.packs import sealed
from tests.desk import RESCUES, Desk, a_desk, a_grant, an_application, an_ask, screened, voted
from tests.people import app_of, browser_as, client_as

ASKED_BY_OTHERS = ("applicant2", "officer2")


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def small(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def step(desk: Desk, who: str, found: ApplicationRead, name: str, **body: Any) -> Any:
    headers = body.pop("headers", {})
    client = client_as(desk.house, who)
    return client.post(
        f"/api/v1/applications/{found.id}/{name}", json={"version": found.version} | body, headers=headers
    )


def refused(desk: Desk, who: str = "screener") -> tuple[ApplicationRead, str]:
    """An application that was not accepted for review, and the event that the answer named."""
    found = an_application(desk)
    answer = step(
        desk,
        who,
        found,
        "screen",
        outcome="reject",
        note="材料不符",
        reason_code="purpose-unclear",
        has_no_conflict=True,
    )
    assert answer.status_code == 200, answer.text
    return found, answer.headers["audit-event"]


def receipts(desk: Desk, who: str, application_id: str) -> dict[str, str]:
    """Events by kind, as that person lists them; {} where the application is not his to see."""
    answer = client_as(desk.house, who).get(f"/api/v1/applications/{application_id}/receipts")
    if answer.status_code == 404:
        return {}
    assert answer.status_code == 200, answer.text
    return {each["kind"]: each["event_id"] for each in answer.json()["items"]}


def proof(desk: Desk, who: str, event: str) -> Any:
    return client_as(desk.house, who).get(f"/api/v1/audit/proof/{event}")


def events(desk: Desk, kind: str) -> list[AuditEventRow]:
    with desk.house.read() as work:
        wanted = select(AuditEventRow).where(AuditEventRow.kind == kind)
        return list(work.db.exec(wanted.order_by(col(AuditEventRow.seq))))


def test_who_was_refused_proves_it_and_a_stranger_hears_nothing(desk: Desk) -> None:
    found, event = refused(desk)
    assert proof(desk, "applicant", event).status_code == 409  # no checkpoint yet
    listed = client_as(desk.house, "applicant").get(f"/api/v1/applications/{found.id}/receipts").json()
    assert not any(each["is_signed"] for each in listed["items"])
    sealed(desk.house)
    answer = proof(desk, "applicant", event)
    assert answer.status_code == 200
    entry = json.loads(answer.json()["entry"])
    assert (entry["kind"], entry["application_id"], entry["id"]) == ("application.rejected", found.id, event)
    assert "材料不符" not in answer.text
    listed = client_as(desk.house, "applicant").get(f"/api/v1/applications/{found.id}/receipts").json()
    assert all(each["is_signed"] for each in listed["items"])
    assert listed["items"][0]["leaf_index"] == answer.json()["index"]
    assert receipts(desk, "officer", found.id)["application.rejected"] == event
    for stranger in ASKED_BY_OTHERS:
        assert proof(desk, stranger, event).status_code == 404
        assert (
            proof(desk, stranger, event).json()["detail"] == proof(desk, stranger, "no-such").json()["detail"]
        )
        assert receipts(desk, stranger, found.id) == {}
    assert client_as(desk.house).get(f"/api/v1/audit/proof/{event}").status_code == 401


def test_the_history_of_an_application_that_waits_is_proved_from_its_first_day(desk: Desk) -> None:
    found = an_application(desk)
    sealed(desk.house)
    mine = receipts(desk, "applicant", found.id)
    assert {"application.created", "application.submitted"} <= mine.keys()
    assert all(proof(desk, "applicant", event).status_code == 200 for event in mine.values())


def test_what_concerns_neither_an_application_nor_a_grant_is_for_those_who_read_the_record(
    desk: Desk,
) -> None:
    with desk.house.write() as work:
        audit.record(work, SYSTEM, "profile.confirmed", subject="1")
    (event,) = events(desk, "profile.confirmed")
    sealed(desk.house)
    assert proof(desk, "auditor", event.id).status_code == 200
    assert [proof(desk, who, event.id).status_code for who in ("applicant", "officer", "screener")] == [
        404
    ] * 3


def test_an_event_of_a_twin_application_is_its_own_sides(desk: Desk) -> None:
    """Two organisations ask for the same: neither proves anything of the other's."""
    mine = an_application(desk)
    with desk.write("applicant2") as (work, actor):
        twin = service.create(work, actor, an_ask(), assets=desk.assets)
    sealed(desk.house)
    for event in receipts(desk, "applicant", mine.id).values():
        assert proof(desk, "applicant2", event).status_code == 404
    theirs = receipts(desk, "applicant2", twin.id)
    assert theirs
    for event in theirs.values():
        assert proof(desk, "applicant", event).status_code == 404
    assert receipts(desk, "screener", twin.id) == {}  # a draft is its organisation's alone


def test_votes_stay_blind_and_each_reviewer_proves_his_own(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES))
    stages = {stage.stage: stage for stage in found.stages}
    assert len(stages) == 2
    business = next(name for name in stages if name != "security")
    found = voted(desk, found, "screener", business)
    [first] = events(desk, "application.reviewed")
    sealed(desk.house)
    assert proof(desk, "screener", first.id).status_code == 200
    assert receipts(desk, "screener", found.id)["application.reviewed"] == first.id
    for other in ("security", "screener2", "approver", "applicant", "officer", "analyst"):
        assert proof(desk, other, first.id).status_code == 404, other
        assert "application.reviewed" not in receipts(desk, other, found.id), other
    assert proof(desk, "auditor", first.id).status_code == 200
    voted(desk, found, "security", "security")
    sealed(desk.house)
    for other in ("security", "approver", "applicant"):
        assert proof(desk, other, first.id).status_code == 404, other


def test_who_moved_to_another_organisation_leaves_his_acts_behind(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES))
    stage = next(each.stage for each in found.stages if each.stage != "security")
    voted(desk, found, "screener", stage)
    [vote] = events(desk, "application.reviewed")
    sealed(desk.house)
    with desk.house.write() as work:
        row = accounts.account_row(work, "screener")
        row.org_id = "roads"
        work.db.add(row)
    assert proof(desk, "screener", vote.id).status_code == 404


def test_internal_events_of_my_application_are_not_mine(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    with desk.write("screener") as (work, actor):
        talk.comment(
            work,
            actor,
            ApplicationId(found.id),
            talk.CommentCreate(body="内部意见：倾向不同意", audience="internal"),
        )
    [remark] = events(desk, "application.remarked")
    sealed(desk.house)
    for who in ("applicant", "officer", "screener2"):
        assert proof(desk, who, remark.id).status_code == 404, who
    mine = proof(desk, "screener", remark.id)
    assert mine.status_code == 200
    assert "倾向" not in mine.text


def test_the_applicant_is_not_told_whom_the_bureau_invited_to_judge_and_with_which_words(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES))
    with desk.write("steward_a") as (work, actor):
        body = inviting.Invitation(
            username="roads_screener",
            stage="business:parks",
            note="两名审核人均在休假",
            version=found.version,
        )
        inviting.invite(work, actor, found.id, body)
    [event] = events(desk, "application.reviewer_invited")
    sealed(desk.house)
    assert proof(desk, "applicant", event.id).status_code == 404
    told = client_as(desk.house, "applicant").get(f"/api/v1/applications/{found.id}/history")
    assert "休假" not in told.text
    assert event.kind not in told.text
    assert "休假" in client_as(desk.house, "steward_a").get(f"/api/v1/applications/{found.id}/history").text


def test_a_key_of_one_grant_proves_nothing_of_its_application(small: Desk) -> None:
    grant = a_grant(small)
    with small.write("analyst") as (work, actor):
        key = keys.create(
            work, actor, GrantId(grant.id), GrantKeyCreate.model_validate({"name": "nightly"})
        ).key
    sealed(small.house)
    event = receipts(small, "applicant", grant.application_id)["application.submitted"]
    bound = TestClient(app_of(small.house), headers={"authorization": f"Bearer {key}"})
    assert bound.get(f"/api/v1/audit/proof/{event}").status_code == 404
    assert bound.get(f"/api/v1/applications/{grant.application_id}/receipts").status_code == 403


def test_an_event_of_the_first_form_names_people_and_is_given_to_nobody_but_the_auditor(small: Desk) -> None:
    found = an_application(small)
    with small.house.write() as work:
        row = audit.record(work, SYSTEM, "application.commented", subject=found.id, application_id=found.id)
        row.form = 1
    sealed(small.house)
    assert proof(small, "applicant", row.id).status_code == 404
    assert proof(small, "auditor", row.id).status_code == 200


def test_the_answer_to_a_step_names_its_event_and_a_replay_names_the_same(desk: Desk) -> None:
    found = an_application(desk)
    key = {"Idempotency-Key": "w-1"}
    first = step(desk, "applicant", found, "withdraw", note="不再需要", headers=key)
    again = step(desk, "applicant", found, "withdraw", note="不再需要", headers=key)
    assert (first.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert first.headers["audit-event"] == again.headers["audit-event"]
    [withdrawn] = events(desk, "application.withdrawn")
    assert first.headers["audit-event"] == withdrawn.id


def test_an_answer_names_nothing_that_was_not_done_and_nothing_of_others(desk: Desk) -> None:
    found = an_application(desk)
    stale = client_as(desk.house, "applicant").post(
        f"/api/v1/applications/{found.id}/withdraw", json={"version": found.version + 1, "note": "x"}
    )
    assert stale.status_code == 412
    assert "audit-event" not in stale.headers
    elsewhere = step(desk, "applicant2", found, "withdraw", note="x")
    assert elsewhere.status_code == 404
    assert "audit-event" not in elsewhere.headers
    assert (
        "audit-event"
        not in client_as(desk.house, "applicant").get(f"/api/v1/applications/{found.id}").headers
    )
    # the last vote completes the reviews: that event is the system's, and not named
    found = screened(desk, found)
    lines = [{"line_id": line.id, "vote": "approve"} for line in found.lines]
    vote = step(
        desk, "screener", found, "review", stage=found.stages[0].stage, lines=lines, has_no_conflict=True
    )
    assert vote.status_code == 200, vote.text
    [reviewed] = events(desk, "application.reviewed")
    assert vote.headers["audit-event"] == reviewed.id
    assert events(desk, "application.review-completed")


@pytest.mark.slow
def test_the_document_declares_the_header_for_commands_alone(small: Desk) -> None:
    paths = app_of(small.house).openapi()["paths"]
    answer = paths["/api/v1/applications/{application_id}/screen"]["post"]["responses"]["200"]
    assert answer["headers"]["Audit-Event"]["schema"] == {"type": "string"}
    read = paths["/api/v1/applications/{application_id}"]["get"]["responses"]["200"]
    assert "Audit-Event" not in read["headers"]


def test_the_page_of_an_application_leads_to_its_receipts(small: Desk) -> None:
    found, event = refused(small)
    browser = browser_as(small.house, "applicant", "en")
    assert f"/applications/{found.id}/receipts" in browser.get(f"/applications/{found.id}").text
    assert "not signed yet" in browser.get(f"/applications/{found.id}/receipts").text
    sealed(small.house)
    text = browser.get(f"/applications/{found.id}/receipts").text
    link = re.search(rf'href="(/api/v1/audit/proof/{event})"', text)
    assert link is not None
    assert browser.get(link[1]).status_code == 200
    assert browser_as(small.house, "applicant2").get(f"/applications/{found.id}/receipts").status_code == 404


@pytest.mark.slow
def test_a_receipt_is_checked_on_the_command_line_without_the_service(small: Desk, tmp_path: Path) -> None:
    found = an_application(small)
    where = ["--data-dir", str(small.house.settings.data_dir), "--as"]

    def run(command: Any, *words: str) -> Any:
        done = CliRunner().invoke(command, list(words))
        assert done.exit_code == 0, done.output
        return done

    said = run(
        application_command, "screen", found.id, "reject", "--note", "材料不符", "--code", "purpose-unclear",
        "--json", *where, "screener",
    )  # fmt: skip
    event = json.loads(said.stdout)["audit_event"]
    sealed(small.house)
    listed = json.loads(run(application_command, "receipts", found.id, "--json", *where, "applicant").stdout)
    assert (listed["items"][0]["event_id"], listed["items"][0]["is_signed"]) == (event, True)
    kept = tmp_path / "proof.json"
    kept.write_text(run(audit_command, "proof", event, *where, "applicant").stdout)
    key = run(audit_command, "key", *where, "applicant").stdout.strip()

    def verified(text: str) -> subprocess.CompletedProcess[str]:
        kept.write_text(text)
        words = [str(Path(sys.executable).with_name("datagrant")), "audit", "verify", str(kept), "--key", key]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)

    true = kept.read_text()
    assert verified(true).returncode == 0
    forged = json.loads(true)
    forged["entry"] = forged["entry"].replace("application.rejected", "application.offered")
    done = verified(json.dumps(forged))
    assert done.returncode == 1
    assert "does not stand under the checkpoint" in done.stderr
