"""After an erasure nobody is named any more, what was decided still stands, and every proof still holds; on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select as rows_of
from sqlmodel import SQLModel, col, select

from api.house import House
from auth import audit, audit_reading
from auth.actor import SYSTEM
from auth.audit_personal import PersonalRow
from auth.casework.book import CaseStep
from auth.erasure import service
from auth.erasure.places import KEPT
from auth.erasure.service import ErasureCreate
from auth.erasure.workflow import State, Step
from auth.identity import accounts
from auth.identity.tables import RoleAssignmentRow
from auth.messages import service as messages
from auth.messages.models import Choices
from auth.proof.checkpoint import Place
from auth.proof.offline import PERSONAL, verify_pack
from auth.proof.service import checkpoints_at_odds, inclusion
from core.errors import AccessRefused, Conflict, NotFound, TransitionRefused
from tests.auth.proof.packs import a_pack, sealed
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org, browser_as, client_as

NAME = "zhong-wumo"
STEP = CaseStep()


@pytest.fixture
def office(house: House) -> House:
    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")
        for username in ("root", "root2"):
            a_person(work, username, roles=["sysadmin"])
        a_person(work, "auditor", roles=["auditor"])
        a_person(work, NAME, "insurer", ["analyst"])
        a_person(work, "other", "insurer", ["analyst"])
        me = actor_of(work, NAME)
        messages.choose(work, me, Choices(email=f"{NAME}@example.com"))
        audit.record(work, me, "thing.done", subject="thing", payload={"note": "我写的", "username": NAME})
        audit.record(
            work, actor_of(work, "other"), "thing.done", subject="thing", payload={"username": "other"}
        )
    return house


def leave(house: House, clock: TestClock) -> None:
    """The roles end, and the logs' time passes."""
    with house.write() as work:
        account = accounts.account_row(work, NAME)
        for row in work.db.exec(select(RoleAssignmentRow).where(RoleAssignmentRow.account_id == account.id)):
            row.valid_to = work.now
            work.db.add(row)
    clock.now += timedelta(days=200)


def asked(house: House) -> str:
    with house.write() as work:
        return service.ask(work, actor_of(work, "root"), ErasureCreate(username=NAME, reason="离职后提出")).id


def erased(house: House, clock: TestClock) -> str:
    leave(house, clock)
    key = asked(house)
    with house.write() as work:
        found = service.act(work, actor_of(work, "root2"), key, Step.ERASE, STEP)
        assert (found.state, found.username != NAME, found.changed > 5) == (State.ERASED, True, True)
    return key


@pytest.mark.slow
def test_nobody_is_named_any_more_and_every_proof_holds(
    office: House, clock: TestClock, tmp_path: Path
) -> None:
    sealed(office)
    before = a_pack(office, tmp_path / "before")
    assert NAME in (before / PERSONAL).read_text()
    key = erased(office, clock)
    sealed(office)
    place = Place.of(office.settings)
    with office.read() as work:
        assert audit.verify(work)[1] is None
        assert checkpoints_at_odds(work, place) == []
        first = work.db.exec(
            select(audit.AuditEventRow).where(audit.AuditEventRow.kind == "thing.done")
        ).first()
        assert first is not None
        assert NAME not in inclusion(work, actor_of(work, "auditor"), first.id, place).entry
        mine, theirs = (audit_reading.events(work, kind="thing.done")[0][at] for at in (1, 0))
        assert json.loads(mine.payload) == {"note": "我写的", "username": None}
        assert mine.actor_name.startswith("erased-")
        assert json.loads(theirs.payload) == {"username": "other"}, "nobody else is touched"
        left = [
            f"{table.name}.{column.name}"
            for table in SQLModel.metadata.sorted_tables
            for column in table.columns
            for (value,) in work.db.connection().execute(rows_of(column)).all()
            if NAME in json.dumps(value, ensure_ascii=False, default=str) or f"{NAME}先生" in str(value)
        ]
        assert set(left) <= set(KEPT), left
        event = work.db.exec(
            select(audit.AuditEventRow).where(audit.AuditEventRow.kind == "erasure.done")
        ).one()
        assert event.subject == key
        assert accounts.account_row(work, mine.actor_name).disabled
    after = a_pack(office, tmp_path / "after")
    found = verify_pack(after)
    assert (found.flaws, found.erased > 0) == ([], True)
    assert verify_pack(before).flaws == [], "what was exported before still verifies, with its names"
    assert NAME not in (after / "events.jsonl").read_text() + (after / PERSONAL).read_text()


def test_a_value_beside_the_events_that_was_changed_or_added_is_found(office: House, tmp_path: Path) -> None:
    sealed(office)
    whole = a_pack(office, tmp_path / "pack")
    path = whole / PERSONAL
    lines = path.read_bytes()
    path.write_bytes(lines.replace(NAME.encode(), b"zhong-wuma", 1))
    assert verify_pack(whole).flaws[0].where == PERSONAL
    path.write_bytes(lines + lines.splitlines()[0].replace(b"/username", b"/usernama") + b"\n")
    assert "no event committed" in verify_pack(whole).flaws[0].what.en
    path.write_bytes(b"[]\n")
    assert "cannot be read" in verify_pack(whole).flaws[0].what.en


def test_events_of_the_first_form_keep_their_bytes_and_hashes(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        row = audit.record(work, SYSTEM, "thing.done", subject="old")
        audit.settle(work.db)
        row.form = 1
        assert '"form"' not in audit.entry(row).decode()
        old = audit.digest(row)
        row.form = 2
        assert audit.digest(row) != old
        work.db.rollback()


def test_what_law_keeps_is_refused_by_name_and_written_down(office: House) -> None:
    key = asked(office)
    with office.write() as work, pytest.raises(AccessRefused) as refused:
        service.act(work, actor_of(work, "root2"), key, Step.ERASE, STEP)
    assert [each.code for each in refused.value.reasons] == ["still-in-office", "logs-must-be-kept"]
    with office.write() as work, pytest.raises(AccessRefused) as refused:
        service.act(work, actor_of(work, "root"), key, Step.REFUSE, STEP)
    assert [each.code for each in refused.value.reasons] == ["asker-decides"]
    with office.write() as work:
        found = service.act(work, actor_of(work, "root2"), key, Step.REFUSE, STEP)
    assert found.kept == ["still-in-office", "logs-must-be-kept"]
    with office.write() as work, pytest.raises(TransitionRefused):
        service.act(work, actor_of(work, "root2"), key, Step.ERASE, STEP)


def test_one_asks_for_oneself_and_nobody_else_sees_it(office: House) -> None:
    mine, other = client_as(office, NAME), client_as(office, "other")
    made = mine.post("/api/v1/erasures", json={}).json()
    assert (made["username"], made["state"]) == (NAME, "ASKED")
    assert mine.post("/api/v1/erasures", json={}).status_code == 409
    assert other.get(f"/api/v1/erasures/{made['id']}").status_code == 404
    assert other.post("/api/v1/erasures", json={"username": NAME, "reason": "替人提出"}).status_code == 403
    assert other.get("/api/v1/erasures").json()["total"] == 0
    assert [each["code"] for each in mine.get(f"/api/v1/erasures/{made['id']}").json()["duties"]] == [
        "still-in-office", "logs-must-be-kept",
    ]  # fmt: skip
    assert mine.post(f"/api/v1/erasures/{made['id']}/erase", json={}).status_code == 403
    assert mine.post(f"/api/v1/erasures/{made['id']}/withdraw", json={}).json()["state"] == "WITHDRAWN"


def test_the_pages_show_what_is_kept_and_carry_the_steps(office: House, clock: TestClock) -> None:
    person = browser_as(office, NAME)
    assert "没有删除请求" in person.get("/erasures").text
    sent = person.post("/erasures", data={"reason": "不再使用", "csrf": person.csrf}, follow_redirects=False)
    assert sent.status_code == 303
    where = sent.headers["location"].split("?")[0]
    assert "法律要求保存" in person.get(where).text
    root = browser_as(office, "root")
    said = root.post(f"{where}/erase", data={"version": "1", "csrf": root.csrf})
    assert said.status_code == 403
    assert "仍有 1 个角色" in said.text
    leave(office, clock)
    root = browser_as(office, "root")
    done = root.post(f"{where}/erase", data={"version": "1", "csrf": root.csrf}, follow_redirects=False)
    assert done.status_code == 303, done.text
    shown = root.get(where).text
    assert NAME not in shown
    assert "已删除人员" in shown


def test_erased_is_erased(office: House, clock: TestClock) -> None:
    erased(office, clock)
    with office.write() as work:
        gone = work.db.exec(select(PersonalRow).where(col(PersonalRow.erased_at).is_not(None))).all()
        assert gone
        assert all(row.value == row.salt == "" for row in gone)
        with pytest.raises(NotFound):
            accounts.account_row(work, NAME)
        again = accounts.account_row(work, service.erasures(work, actor_of(work, "root"))[0][0].username)
        with pytest.raises(Conflict, match="already"):
            service.ask(
                work, actor_of(work, "root"), ErasureCreate(username=again.username, reason="再次提出")
            )
