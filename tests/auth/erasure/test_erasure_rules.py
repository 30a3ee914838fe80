"""What law keeps, who may decide, and that no place of a name is forgotten."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON
from sqlmodel import SQLModel, select

from api import tables
from api.house import House
from auth import audit
from auth.audit_personal import PersonalRow
from auth.erasure import rules, service
from auth.erasure.places import DROPS, KEPT, NAMES, NO_NAMES
from auth.erasure.rules import Facts
from auth.erasure.service import ErasureCreate
from auth.profile.model import DEFAULT, Profile, shipped
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import a_desk
from tests.people import a_person, actor_of, client_as

TODAY = date(2026, 3, 2)
FREE = Facts(0, 0, 0, None)
SPEAKS_OF_PEOPLE = re.compile(
    r"(^|_)(username|name|email|phone|mobile|contact|signer|signatory|who|author|agent|ip|by|account|assisted_for|owner|asker)($|_(zh|en)$)"
)
IDS = {"created_by", "account_id", "person_id", "id"}  # of `CaseFields`, and plain ids


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"roles": 1}, ["still-in-office"]),
        ({"open_cases": 1}, ["case-open"]),
        ({"live_grants": 2}, ["signed-live-grant"]),
        ({"logs_until": TODAY - timedelta(days=1)}, []),
        ({"logs_until": TODAY}, ["logs-must-be-kept"]),
        (
            {"roles": 1, "open_cases": 1, "live_grants": 1, "logs_until": date(2026, 9, 1)},
            ["still-in-office", "case-open", "signed-live-grant", "logs-must-be-kept"],
        ),
    ],
)
def test_each_duty_to_keep_refuses_with_its_source(change: dict[str, Any], codes: list[str]) -> None:
    found = rules.kept(replace(FREE, **change), TODAY)
    assert [reason.code for reason in found] == codes
    assert all(reason.basis and reason.text.zh and reason.text.en for reason in found)


@pytest.mark.parametrize(
    ("decider", "asker", "subject", "codes"),
    [
        ("c", "a", "b", []),
        ("c", "a", "a", []),
        ("a", "a", "b", ["asker-decides"]),
        ("a", "a", "a", ["asker-decides"]),
        ("b", "a", "b", ["own-data"]),
    ],
)
def test_a_second_person_decides(decider: str, asker: str, subject: str, codes: list[str]) -> None:
    assert [reason.code for reason in rules.separation(decider, asker, subject)] == codes


def test_every_column_that_may_name_a_person_is_in_the_list() -> None:
    """Whoever adds a table with somebody's name says in `auth/erasure/places.py` what an erasure does to it."""
    tables.load()
    named = {f"{each.table}.{each.column}" for each in NAMES} | set(KEPT) | NO_NAMES
    dropped = {each.table for each in DROPS} | {"auth_person", "auth_account", "auth_organisation"}
    every = {
        f"{table.name}.{column.name}": column
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if table.name not in dropped
    }
    forgotten = [
        name
        for name, column in every.items()
        if SPEAKS_OF_PEOPLE.search(column.name)
        and column.name not in IDS
        and not isinstance(column.type, JSON)
        and name not in named
    ]
    assert forgotten == []
    assert sorted(named - set(every)) == [], "no column is listed that is not there"
    keys = {f"{each.table}.{each.key}" for each in NAMES}
    assert sorted(keys - set(every)) == []


def test_the_months_of_logs_are_those_of_the_profile_in_force(sqlite_house: House, clock: TestClock) -> None:
    """A profile may keep logs longer than the law asks, and never less long."""
    desk = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", roles=["sysadmin"])
        asked = service.ask(
            work, actor_of(work, "root"), ErasureCreate(username="analyst", reason="离职后提出")
        )
        audit.record(work, actor_of(work, "analyst"), "thing.done", subject="thing")

    def until() -> str:
        with sqlite_house.read() as work:
            said = service.duties(work, service.BOOK.row(work, asked.id, actor_of(work, "root")))
        (found,) = [reason.text.en for reason in said if reason.code == "logs-must-be-kept"]
        return found.partition("until ")[2][:10]

    assert until() == "2026-09-02"
    for months, day in ((12, "2027-03-02"), (3, "2026-09-02")):
        in_force(desk, Profile.model_validate(
            shipped()[DEFAULT].model_dump() | {"numbers": {"personal_log_months": {"value": months, "source": "local policy, for a test"}}}
        ))  # fmt: skip
        assert until() == day


def test_what_others_wrote_is_counted_and_stays(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", roles=["sysadmin"])
        a_person(work, "root2", roles=["sysadmin"])
        a_person(work, "zhong-wumo", "insurer")
        mine = {"note": "zhong-wumo 自己写的"}
        audit.record(work, actor_of(work, "zhong-wumo"), "thing.done", subject="thing", payload=mine)
        audit.record(
            work,
            actor_of(work, "analyst"),
            "thing.done",
            subject="thing",
            payload={"note": "请找 zhong-wumo先生"},
        )
        asked = service.ask(
            work, actor_of(work, "root"), ErasureCreate(username="zhong-wumo", reason="离职后提出")
        )
        row = service.BOOK.row(work, asked.id, actor_of(work, "root"))
        named = [("auth_audit_personal.value", 1)]
        assert service.mentioned(work, actor_of(work, "root2"), row) == named
        assert service.mentioned(work, actor_of(work, "analyst"), row) == [], "only those who decide are told"
    desk.house.clock.forward(days=200)  # type: ignore[attr-defined]
    client = client_as(sqlite_house, "root2")
    assert client.get(f"/api/v1/erasures/{asked.id}").json()["mentions"] == dict(named)
    assert client.post(f"/api/v1/erasures/{asked.id}/erase", json={}).status_code == 200
    with sqlite_house.read() as work:
        done = select(audit.AuditEventRow.payload).where(audit.AuditEventRow.kind == "erasure.done")
        assert json.loads(work.db.exec(done).one())["mentions"] == 1
        kept = work.db.exec(select(PersonalRow.value).where(PersonalRow.value != "")).all()
        assert any("请找 zhong-wumo先生" in value for value in kept)
