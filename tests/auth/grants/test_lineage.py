"""What was found, ordered or owed under a grant holds on under the amendment or renewal that follows it: a new id forgets nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.models import ApplicationAsk, ApplicationRead, ApplicationSave
from auth.casework.book import CaseStep
from auth.duties import service as duties
from auth.grants import lineage, queries, register, service, usage
from auth.grants.service import GrantRead
from auth.grants.tables import GrantRow
from auth.incidents import freezes
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from core.errors import AccessRefused
from core.ids import GrantId
from core.work import fetched
from tests.conftest import TestClock
from tests.desk import (
    Desk,
    a_desk,
    a_grant,
    activated,
    agreed,
    codes,
    decided,
    reviewed,
    screened,
    submitted,
)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def follow(desk: Desk, grant_id: str, how: str = "amend", **changes: Any) -> ApplicationRead:
    """The prefilled draft; `columns` names those that are asked for."""
    with desk.write("applicant") as (work, actor):
        act = {"amend": applications.amend, "renew": applications.renew}[how]
        draft = act(work, actor, GrantId(grant_id), assets=desk.assets)
        if changes:
            from auth.applications import queries as asked

            ask = asked.ask_of(work, asked.row(work, draft.id, actor))
            body = {name: getattr(ask, name) for name in ApplicationAsk.model_fields} | changes
            if "columns" in body:
                line = ask.lines[0].model_dump()
                named = body.pop("columns")
                body["lines"] = [
                    line | {"columns": [each for each in line["columns"] if each["name"] in named]}
                ]
            save = ApplicationSave.model_validate(body | {"version": draft.version})
            draft = applications.save(work, actor, draft.id, save, assets=desk.assets)
    return draft


def granted(desk: Desk, draft: ApplicationRead) -> str:
    """The pending grant that comes of it."""
    return agreed(desk, decided(desk, reviewed(desk, screened(desk, submitted(desk, draft))))).grants[0]


def amended(desk: Desk, grant_id: str, **changes: Any) -> GrantRead:
    return activated(desk, granted(desk, follow(desk, grant_id, **changes)))


def renewed(desk: Desk, grant: GrantRead, **changes: Any) -> GrantRead:
    reported(desk, grant.id)
    return activated(desk, granted(desk, follow(desk, grant.id, "renew", **changes)))


def reported(desk: Desk, grant_id: str) -> None:
    with desk.write("officer") as (work, actor):
        duties.report_early(work, actor, grant_id, duties.DutyAnswer(text="按约定用途使用，无异常情况。"))


def the_grant(desk: Desk, grant_id: str) -> GrantRead:
    with desk.read("officer") as (work, actor):
        return service.grant(work, actor, GrantId(grant_id))


def why_not(desk: Desk, grant_id: str) -> list[str]:
    return [reason["code"] for reason in the_grant(desk, grant_id).why_not]


def asks(desk: Desk, grant_id: str) -> None:
    with desk.house.write() as work:
        usage.charge(work, GrantId(grant_id), extracts=1, subject="s")


def freeze(desk: Desk, grant_id: str) -> str:
    body = IncidentCreate(target_kind="grant", target_id=grant_id, reason="使用超出约定的用途，立即冻结核查")
    with desk.write("watch") as (work, actor):
        return incidents.freeze(work, actor, body, assets=desk.assets).id


def lift(desk: Desk, incident_id: str) -> None:
    with desk.write("watch2") as (work, actor):
        incidents.lift(work, actor, incident_id, CaseStep(note="核查完毕，未见违规"))


def test_the_line_of_a_grant_goes_back_over_amendments_and_renewals(desk: Desk) -> None:
    first = a_grant(desk)
    second = amended(desk, first.id)
    third = renewed(desk, second)
    with desk.house.read() as work:
        rows = [queries.row(work, GrantId(each.id)) for each in (first, second, third)]
        assert lineage.of(work, rows[0]) == lineage.amended(work, rows[0]) == (first.id,)
        assert lineage.amended(work, rows[1]) == (second.id, first.id)
        assert lineage.of(work, rows[2]) == (third.id, second.id, first.id)
        assert lineage.amended(work, rows[2]) == (third.id,)
        assert set(work.db.exec(lineage.before(rows[2].succeeds_id)).scalars()) == {second.id, first.id}  # type: ignore[call-overload]


@pytest.mark.parametrize("how", ["amend", "renew"])
def test_a_frozen_grant_is_neither_amended_nor_renewed_at_any_step(desk: Desk, how: str) -> None:
    old = a_grant(desk)
    reported(desk, old.id)
    draft, waiting = follow(desk, old.id, how), follow(desk, old.id, how)
    pending = granted(desk, waiting)
    frozen = freeze(desk, old.id)
    for act in (
        lambda: follow(desk, old.id, how),
        lambda: submitted(desk, draft),
        lambda: activated(desk, pending),
    ):
        with pytest.raises(AccessRefused) as refused:
            act()
        assert "frozen" in codes(refused)
    assert (the_grant(desk, old.id).state, the_grant(desk, pending).state) == ("ACTIVE", "PENDING")
    lift(desk, frozen)
    assert activated(desk, pending).state == "ACTIVE"


def test_a_freeze_of_a_grant_that_was_amended_stops_the_one_in_force(desk: Desk) -> None:
    """A leaked file is traced to the earlier grant; who freezes that stops the use that goes on under another id."""
    old = a_grant(desk)
    new = amended(desk, amended(desk, old.id).id)
    asks(desk, new.id)
    frozen = freeze(desk, old.id)
    assert why_not(desk, new.id) == ["frozen"]
    with pytest.raises(AccessRefused) as refused:
        asks(desk, new.id)
    assert codes(refused) == ["frozen"]
    with desk.house.read() as work:
        listed, _ = register.register(work, select(GrantRow.dataset_id))
        assert [(each.grant_id, each.is_suspended) for each in listed] == [(new.id, True)]
        assert freezes.meeting(work, grants=lineage.of(work, queries.row(work, new.id)))
    with desk.house.write() as work:  # nor is a request charged that was looked at just before the freeze
        given = {f"n_{unit}": 0 for unit in ("extracts", "rows", "bytes")} | {
            f"room_{unit}": 99 for unit in ("extracts", "rows", "bytes")
        }
        given |= {"grant": new.id, "now": work.now, "succeeds": new.succeeds_id}
        assert fetched(work, usage._CHARGES["more", True], **given).rowcount == 0
    lift(desk, frozen)
    asks(desk, new.id)


def test_a_freeze_does_not_thaw_when_the_renewal_begins(desk: Desk, clock: TestClock) -> None:
    old = a_grant(desk)
    new = renewed(desk, old)
    freeze(desk, old.id)
    clock.now = old.ends_at + timedelta(hours=1)
    assert "frozen" in why_not(desk, new.id)
    with pytest.raises(AccessRefused):
        asks(desk, new.id)
