"""What law keeps, who may decide, and that no place of a name is forgotten."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON
from sqlmodel import SQLModel

from api import tables
from auth.erasure import rules
from auth.erasure.places import DROPS, KEPT, NAMES, NO_NAMES
from auth.erasure.rules import Facts

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
