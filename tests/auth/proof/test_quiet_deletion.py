"""What somebody takes from beside the events by hand is found; what a recorded erasure took is not held against it. On both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from api.backups import back_up, put_back
from api.house import House
from auth import audit, audit_reading
from auth.actor import SYSTEM
from auth.proof import dossier, export, openings
from auth.proof.checkpoint import Place
from auth.proof.dossier_offline import verify_dossier
from auth.proof.offline import OPENINGS, PERSONAL, Erasures, verify_pack
from core.errors import Conflict
from core.settings import Settings
from tests.auth.erasure.test_erasing import erased, leave, office
from tests.auth.proof.packs import a_pack, events_of, sealed, unguarded
from tests.conftest import TestClock
from tests.people import browser_as, client_as

assert office  # the fixture
assert leave
WORDS = {"note": "因超范围使用撤销", "username": "other"}


def _seq(house: House) -> int:
    with house.write() as work:
        row = audit.record(work, SYSTEM, "grant.revoked", subject="g", payload=WORDS)
    return row.seq


def _by_hand(house: House, statement: str) -> None:
    with house.engine.begin() as raw:
        raw.execute(text(statement))


def _at_odds(house: House) -> list[str]:
    with house.read() as work:
        return [each.what.en for each in openings.at_odds(work)]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM auth_audit_personal WHERE seq = {n} AND field = '/note'", "/note of event {n} (grant.revoked) is gone"),
        ("DELETE FROM auth_audit_personal WHERE seq = {n} AND field = '/username'", "/username of event {n} (grant.revoked) is gone"),
        ("UPDATE auth_audit_personal SET salt = '', value = '', erased_at = CURRENT_TIMESTAMP WHERE seq = {n} AND field = '/note'", "/note of event {n} (grant.revoked) is gone"),
        ("UPDATE auth_audit_personal SET value = '\"anders\"' WHERE seq = {n} AND field = '/note'", "/note of event {n} (grant.revoked) is not what"),
        ("UPDATE auth_audit_personal SET field = '/nota' WHERE seq = {n} AND field = '/note'", "/note of event {n} (grant.revoked) is gone"),
    ],
)  # fmt: skip
def test_what_nobody_decided_to_erase_is_named_live_and_offline(
    office: House, tmp_path: Path, statement: str, what: str
) -> None:
    seq = _seq(office)
    sealed(office)
    assert _at_odds(office) == []
    assert verify_pack(a_pack(office, tmp_path / "whole")).flaws == []
    unguarded(office)
    _by_hand(office, statement.format(n=seq))
    (said,) = _at_odds(office)
    assert said.startswith(what.format(n=seq))
    (flaw,) = verify_pack(a_pack(office, tmp_path / "pack")).flaws
    assert (flaw.where, flaw.what.en) == (PERSONAL, said)
    answer = client_as(office, "auditor").get("/api/v1/audit/verify").json()
    assert (answer["holds"], answer["fault"], [each["en"] for each in answer["openings_at_odds"]]) == (
        False,
        None,
        [said],
    )
    if "= '/note'" in statement:
        assert f"<p>{said}" in browser_as(office, "auditor").get("/audit?verify=yes&lang=en").text


def test_a_value_that_was_altered_is_not_shown_as_what_was_said(office: House) -> None:
    seq = _seq(office)
    unguarded(office)
    _by_hand(
        office, f"UPDATE auth_audit_personal SET value = '\"anders\"' WHERE seq = {seq} AND field = '/note'"
    )
    with office.read() as work:
        (event,) = audit_reading.events(work, kind="grant.revoked")[0]
    said = json.loads(event.payload)
    assert (said["note"]["altered"], said["username"]) == (True, "other")
    assert "anders" not in event.payload


def test_an_erasure_on_record_accounts_for_what_it_took_and_for_nothing_else(
    office: House, clock: TestClock, tmp_path: Path
) -> None:
    sealed(office)
    erased(office, clock)
    with office.read() as work, pytest.raises(Conflict, match="no checkpoint covers"):
        export.pack(work, Place.of(office.settings), tmp_path / "early.zip")
    sealed(office)
    assert _at_odds(office) == []
    whole = a_pack(office, tmp_path / "whole")
    found = verify_pack(whole)
    assert (found.flaws, found.erased > 0) == ([], True)
    done = next(each for each in events_of(whole) if each["kind"] == "erasure.done")
    taken = json.loads(done["payload"])[OPENINGS]
    assert "/username" in taken
    assert sum(map(len, taken.values())) == found.erased
    (whole / PERSONAL).unlink()
    assert "is gone, and no recorded erasure took it" in verify_pack(whole).flaws[0].what.en


def test_a_pack_of_a_period_brings_the_erasure_that_took_from_it(
    office: House, clock: TestClock, tmp_path: Path
) -> None:
    place, began = Place.of(office.settings), clock.now - timedelta(minutes=1)
    until = clock.now + timedelta(days=1)
    erased(office, clock)
    sealed(office)

    def packed(name: str) -> Path:
        with office.read() as work:
            rows = [row for row in dossier.of_period(work, began, until) if row.kind == "thing.done"]
            dossier.pack(work, rows, place, tmp_path / f"{name}.zip", {}, {})
        export.unpack(tmp_path / f"{name}.zip", tmp_path / name)
        return tmp_path / name

    found = verify_dossier(packed("kept"))
    assert (found.flaws, found.events, found.erased) == ([], 3, 1)
    unguarded(office)
    _by_hand(office, "DELETE FROM auth_audit_personal WHERE field = '/note'")
    assert "/note of event" in verify_dossier(packed("robbed")).flaws[0].what.en


def test_a_value_that_came_back_after_its_erasure_is_named(office: House, clock: TestClock) -> None:
    with office.read() as work:
        held = work.db.connection().execute(
            text("SELECT seq, field, salt, value FROM auth_audit_personal WHERE field = '/username'")
        ).all()  # fmt: skip
    erased(office, clock)
    unguarded(office)
    for seq, field, salt, value in held:
        with office.engine.begin() as raw:
            raw.execute(
                text("UPDATE auth_audit_personal SET salt = :salt, value = :value WHERE seq = :seq AND field = :field"),
                {"salt": salt, "value": value, "seq": seq, "field": field},
            )  # fmt: skip
    said = _at_odds(office)
    assert said
    assert all("was erased by event" in each for each in said)


def test_an_erasure_that_named_nothing_accounts_for_names_alone() -> None:
    old = Erasures.of([{"seq": 9, "kind": "erasure.done", "payload": "{}"}])
    assert old.account_for({"seq": 3}, "/lines/0/username")
    assert not old.account_for({"seq": 3}, "/note")
    assert not old.account_for({"seq": 10}, "/username")
    new = Erasures.of([{"seq": 9, "kind": "erasure.done", "payload": '{"openings":{"/a":[3,12]}}'}])
    assert new.account_for({"seq": 3}, "/a")
    assert not new.account_for({"seq": 12}, "/a"), "an erasure takes nothing of what comes after it"
    assert not new.account_for({"seq": 3}, "/username")


def test_a_thousand_thefts_are_told_in_a_hundred_lines(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        for at in range(130):
            audit.record(work, SYSTEM, "thing.done", subject=str(at), payload={"note": str(at)})
    unguarded(sqlite_house)
    _by_hand(sqlite_house, "DELETE FROM auth_audit_personal")
    said = _at_odds(sqlite_house)
    assert (len(said), said[-1]) == (101, "and 30 more")


def test_a_restored_backup_says_what_is_gone(sqlite_house: House, tmp_path: Path) -> None:
    seq = _seq(sqlite_house)
    unguarded(sqlite_house)
    _by_hand(sqlite_house, f"DELETE FROM auth_audit_personal WHERE seq = {seq} AND field = '/note'")
    back_up(sqlite_house, tmp_path / "out", None, lambda *_: None)
    settings = Settings(data_dir=tmp_path / "back", worker=False)
    told = put_back(settings, tmp_path / "out", "", lambda *_: None)["openings_at_odds"]
    assert [f"/note of event {seq}" in each for each in told] == [True]
