"""The worker reads the whole record again every day and tells those who watch, once, of what it finds. On both databases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import typer
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.doctor import command
from api.client import Api
from api.durable import ask_for_record_check, drain
from api.house import House
from api.witness import Sealer
from auth import audit
from auth.actor import SYSTEM
from auth.messages.tables import MessageRow
from auth.proof import looking, service
from auth.proof.checkpoint import Place
from core import jobs
from datasets.store.service import RECORD
from tests.auth.erasure.test_erasing import office
from tests.auth.proof.packs import grow, unguarded
from tests.conftest import TestClock
from tests.people import a_person, an_org, browser_as, client_as

assert office  # the fixture


def _revoked(house: House) -> int:
    with house.write() as work:
        row = audit.record(work, SYSTEM, "grant.revoked", subject="g", payload={"note": "因超范围使用撤销"})
    return row.seq


def _asked(house: House) -> looking.LookRead | None:
    with house.write() as work:
        jobs.ask_for(work, RECORD, "store", requested_by="me", org_id=None)
    drain(house)
    with house.read() as work:
        return looking.newest(work)


def _told(house: House) -> list[str]:
    with house.read() as work:
        rows = work.db.exec(select(MessageRow).where(MessageRow.kind == "audit.at_odds"))
        return sorted(row.account_id for row in rows)


def test_what_is_taken_by_hand_is_told_once_to_those_who_watch(office: House) -> None:
    seq = _revoked(office)
    first = _asked(office)
    assert first is not None
    assert first.holds
    assert _told(office) == []
    unguarded(office)
    with office.engine.begin() as raw:
        raw.execute(text(f"DELETE FROM auth_audit_personal WHERE seq = {seq} AND field = '/note'"))
    found = _asked(office)
    assert found is not None
    assert (found.holds, found.openings_at_odds, found.faults) == (False, 1, 0)
    told = _told(office)
    assert told
    _asked(office)
    assert _told(office) == told, "the same finding is told once"


def test_pages_route_and_doctor_say_so(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Api, "wait", lambda *_args, **_how: drain(sqlite_house))
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")
        a_person(work, "auditor", roles=["auditor"])
        a_person(work, "sysadmin", roles=["sysadmin"])
        a_person(work, "applicant", "insurer", ["applicant"])
    watcher = client_as(sqlite_house, "auditor")
    assert watcher.get("/api/v1/audit/looks/newest").status_code == 404
    seq = _revoked(sqlite_house)
    unguarded(sqlite_house)
    with sqlite_house.engine.begin() as raw:
        raw.execute(text(f"DELETE FROM auth_audit_personal WHERE seq = {seq} AND field = '/note'"))
    _asked(sqlite_house)
    said = watcher.get("/api/v1/audit/looks/newest").json()
    assert (said["holds"], said["openings_at_odds"]) == (False, 1)
    page = browser_as(sqlite_house, "auditor", "en")
    assert "The audit record is not what was signed" in page.get("/supervision").text
    assert f"/note of event {seq}" in page.get("/audit").text
    assert client_as(sqlite_house, "applicant").get("/api/v1/audit/looks/newest").status_code in (403, 404)
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(
        app,
        [
            "--data-dir",
            str(sqlite_house.settings.data_dir),
            "--as",
            "sysadmin",
            "--json",
        ],
    )
    assert done.exit_code == 1, done.output
    assert f"/note of event {seq}" in done.output


def test_a_look_is_asked_for_once_a_day(sqlite_house: House, clock: TestClock) -> None:
    assert not ask_for_record_check(sqlite_house)
    with sqlite_house.write() as work:
        jobs.ask_for(work, "unknown", "x/1", requested_by="me", org_id=None)
    clock.forward(hours=25)
    assert ask_for_record_check(sqlite_house)
    assert not ask_for_record_check(sqlite_house)
    drain(sqlite_house)
    clock.forward(hours=25)
    assert ask_for_record_check(sqlite_house)


def test_the_record_is_signed_by_the_clock_or_by_the_number_of_leaves(sqlite_house: House) -> None:
    few = sqlite_house.settings.model_copy(update={"checkpoint_leaves": 10})
    sealer, place = Sealer(replace(sqlite_house, settings=few)), Place.of(few)
    grow(sqlite_house, 3)
    assert sealer.look(100.0), "the first look signs what is there"
    size = service.newest(place).size
    grow(sqlite_house, 9)
    assert not sealer.look(100.2), "nine unsigned events wait for the clock"
    grow(sqlite_house, 1)
    assert sealer.look(100.3), "the tenth does not"
    assert service.newest(place).size == size + 10
    grow(sqlite_house, 1)
    assert not sealer.look(105.2)
    assert sealer.look(105.3), "five seconds after the last"
    assert service.newest(place).size == size + 11


def test_what_a_look_found_is_itself_on_record(sqlite_house: House) -> None:
    found = _asked(sqlite_house)
    assert found is not None
    with sqlite_house.read() as work:
        row = work.db.exec(
            select(audit.AuditEventRow).where(audit.AuditEventRow.kind == looking.LOOKED)
        ).one()
    assert json.loads(row.payload)["events"] == found.events
