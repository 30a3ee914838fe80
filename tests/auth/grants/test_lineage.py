"""What was found, ordered or owed under a grant holds on under the amendment or renewal that follows it: a new id forgets nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.applications import queries as asked
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
from auth.policy.filters.rules import LOCAL
from auth.reviews import cover as review_cover
from auth.reviews import service as reviews
from auth.reviews.service import CampaignOpen, PilotMark, ReviewAnswer, ReviewRead
from auth.reviews.workflow import Step
from core.errors import AccessRefused, Conflict
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


def last_day(grant: GrantRead) -> date:
    return (grant.ends_at - timedelta(seconds=1)).astimezone(LOCAL).date()


def refusal(act: Callable[[], object]) -> list[str]:
    with pytest.raises(AccessRefused) as refused:
        act()
    return codes(refused)


def test_an_amendment_begins_while_the_grant_before_runs(desk: Desk) -> None:
    """Else it would be a renewal with full quotas for which no use report was asked."""
    old = a_grant(desk)
    first = last_day(old) + timedelta(days=1)
    draft = follow(desk, old.id, starts_on=first, ends_on=first + timedelta(days=200))
    assert "amendment-after-end" in refusal(lambda: submitted(desk, draft))
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets).blocking
        assert "amendment-after-end" in [reason.code for reason in said]
    pending = granted(desk, follow(desk, old.id, starts_on=last_day(old)))
    with desk.house.write() as work:  # one that was agreed before this was asked
        row = queries.row(work, GrantId(pending))
        row.starts_at = old.ends_at
        row.ends_at = old.ends_at + timedelta(days=9)
        work.db.add(row)
    assert "amendment-after-end" in refusal(lambda: activated(desk, pending))
    assert the_grant(desk, old.id).is_effective


def test_an_amendment_that_ends_later_owes_what_a_renewal_owes(desk: Desk) -> None:
    old = a_grant(desk)
    later = last_day(old) + timedelta(days=90)
    assert refusal(lambda: submitted(desk, follow(desk, old.id, ends_on=later))) == ["use-report-missing"]
    same = follow(desk, old.id, ends_on=last_day(old))
    with desk.read("applicant") as (work, actor):
        assert not applications.precheck(work, actor, same.id, assets=desk.assets).blocking
    reported(desk, old.id)
    new = amended(desk, old.id, ends_on=later)
    assert (last_day(new), the_grant(desk, old.id).state) == (later, "SUPERSEDED")


def pilot(desk: Desk, grant_id: str) -> None:
    with desk.write("approver") as (work, actor):
        reviews.mark_pilot(work, actor, grant_id, PilotMark(reason="试点授权"))


def evaluated(desk: Desk, grant_id: str) -> None:
    with desk.write("watch") as (work, actor):
        found = reviews.evaluate(work, actor, grant_id)
        assert found.is_pilot
    answered(desk, grant_id, Step.KEEP, value="赔付更准", complaints="无", quality="良好")


def answered(desk: Desk, grant_id: str, outcome: Step, **more: Any) -> ReviewRead:
    with desk.write("steward_a") as (work, actor):
        row = reviews.reviews(work, actor, grant_id=grant_id, state="OPEN")[0][0]
        body = ReviewAnswer(outcome=outcome, note="长期不用，建议如此", version=row.version, **more)
        return reviews.answer(work, actor, row.id, body)


def test_a_pilot_stays_one_when_it_is_amended(desk: Desk) -> None:
    old = a_grant(desk, starts_on=date(2026, 3, 2), ends_on=date(2026, 6, 30))
    pilot(desk, old.id)
    reported(desk, old.id)
    too_far = follow(desk, old.id, ends_on=date(2030, 12, 31))
    assert {"pilot-too-long", "pilot-not-evaluated"} <= set(refusal(lambda: submitted(desk, too_far)))
    new = amended(desk, old.id)
    with desk.house.read() as work:
        assert review_cover.is_pilot(work, queries.row(work, new.id))
    with pytest.raises(Conflict):
        pilot(desk, new.id)
    reported(desk, new.id)
    assert refusal(lambda: follow(desk, new.id, "renew")) == ["pilot-not-evaluated"]
    evaluated(desk, new.id)
    newer = amended(desk, new.id)
    reported(desk, newer.id)
    assert follow(desk, newer.id, "renew").succession == "renewal"


def test_a_pilot_marked_while_its_extension_waits_is_not_extended(desk: Desk) -> None:
    old = a_grant(desk, starts_on=date(2026, 3, 2), ends_on=date(2026, 6, 30))
    reported(desk, old.id)
    waiting = granted(desk, follow(desk, old.id, ends_on=date(2027, 12, 31)))
    pilot(desk, old.id)
    assert refusal(lambda: activated(desk, waiting)) == ["pilot-too-long"]


def campaign(desk: Desk) -> None:
    with desk.write("watch") as (work, actor):
        reviews.open_campaign(work, actor, CampaignOpen())


def settle(desk: Desk) -> int:
    with desk.house.write() as work:
        return reviews.settle_due(work)


def the_review(desk: Desk, review_id: str) -> ReviewRead:
    with desk.read("steward_a") as (work, actor):
        return reviews.review(work, actor, review_id)


def test_a_proposed_revocation_reaches_the_amendment(desk: Desk) -> None:
    old = a_grant(desk)
    campaign(desk)
    found = answered(desk, old.id, Step.WITHDRAW)
    new = amended(desk, old.id)
    assert settle(desk) == 0
    held = the_review(desk, found.id)
    assert (held.state, held.grant_id) == ("TO_WITHDRAW", new.id)
    with desk.write("approver2") as (work, actor):
        reviews.decide(work, actor, held.id, Step.REVOKE, CaseStep(version=held.version))
    assert the_grant(desk, new.id).state == "REVOKED"


def test_a_narrowing_reaches_the_amendment_that_keeps_the_columns(desk: Desk) -> None:
    old = a_grant(desk, columns=["venue_id", "rooms", "area_m2"])
    campaign(desk)
    waiting = granted(desk, follow(desk, old.id, columns=["venue_id", "rooms"]))
    found = answered(desk, old.id, Step.NARROW, columns=("rooms", "area_m2"))
    with desk.write("approver2") as (work, actor):
        reviews.decide(work, actor, found.id, Step.CONFIRM, CaseStep(version=found.version))
    new = activated(desk, waiting)
    held = the_review(desk, found.id)
    assert (held.state, held.grant_id, held.columns, settle(desk)) == ("NARROWING", new.id, ["rooms"], 0)
    newest = amended(desk, new.id, columns=["venue_id"])
    assert (settle(desk), the_review(desk, found.id).state) == (1, "SETTLED")
    again = amended(desk, newest.id)
    draft = follow(desk, again.id)
    with desk.write("applicant") as (work, actor):
        line = asked.ask_of(work, asked.row(work, draft.id, actor)).lines[0].model_dump()
        line["columns"] = [*line["columns"], {"name": "rooms", "reason": "再次需要 rooms 计算风险"}]
        body = {
            name: getattr(asked.ask_of(work, asked.row(work, draft.id, actor)), name)
            for name in ApplicationAsk.model_fields
        }
        save = ApplicationSave.model_validate(body | {"lines": [line], "version": draft.version})
        draft = applications.save(work, actor, draft.id, save, assets=desk.assets)
    assert refusal(lambda: submitted(desk, draft)) == ["column-taken-away"]


def test_what_was_proposed_of_a_grant_that_ends_is_about_its_renewal(desk: Desk, clock: TestClock) -> None:
    old = a_grant(desk)
    campaign(desk)
    found = answered(desk, old.id, Step.WITHDRAW)
    new = renewed(desk, old)
    clock.now = old.ends_at + timedelta(hours=1)
    with desk.house.write() as work:
        service.expire_due(work)
    assert settle(desk) == 0
    assert (the_review(desk, found.id).grant_id, the_review(desk, found.id).state) == (new.id, "TO_WITHDRAW")
