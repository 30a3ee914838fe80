"""What a step answers and leaves on record."""

from __future__ import annotations

import json

import pytest
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.models import DeclaredStep, StepBody
from auth.applications.workflow import State
from auth.audit import AuditEventRow
from tests.desk import RESCUES, Desk, a_desk, an_application, an_ask, proposed


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_an_objection_stays_on_record_with_the_declaration_that_came_with_it(desk: Desk) -> None:
    made = proposed(
        desk, an_application(desk, at=State.DECIDING, ask=an_ask(RESCUES, columns=["event_type"]))
    )
    with desk.write("parks_approver") as (work, actor):
        body = DeclaredStep(has_no_conflict=True, version=made.version, note="列仍过多")
        applications.dissent(work, actor, made.id, body)
    with desk.read("auditor") as (work, _):
        kind = AuditEventRow.kind == "application.decision-objected"
        event = work.db.exec(select(AuditEventRow).where(kind)).one()
    said = json.loads(event.payload)
    assert (said["has_no_conflict"], said["from"], said["to"]) == (True, "DECIDING", "DECIDING")


def test_whoever_declines_the_terms_is_answered_with_the_end_of_the_application(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    with desk.write("officer") as (work, actor):
        body = StepBody(version=found.version, note="条款不能接受，另行申请")
        done = applications.decline(work, actor, found.id, body)
    assert (done.id, done.state, done.version) == (found.id, State.WITHDRAWN, found.version + 1)
