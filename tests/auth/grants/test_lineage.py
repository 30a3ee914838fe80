"""What was found, ordered or owed under a grant holds on under the amendment or renewal that follows it: a new id forgets nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import SYSTEM
from auth.anomalies import observing
from auth.anomalies.tables import AnomalyRow
from auth.applications import queries as asked
from auth.applications import service as applications
from auth.applications.models import ApplicationAsk, ApplicationSave
from auth.casework.book import CaseStep, made_by
from auth.duties import overdue
from auth.duties import service as duties
from auth.grants import lineage, queries, reading, register, service, usage
from auth.grants.ledger import REFUSED, enter
from auth.grants.reading import GrantRead
from auth.grants.service import RevokeStep
from auth.grants.tables import GrantRow
from auth.incidents import freezes
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.proof import dossier
from auth.reviews import cover as review_cover
from auth.reviews import service as reviews
from auth.reviews.found import found as used
from auth.reviews.service import CampaignOpen, PilotMark, ReviewAnswer, ReviewRead
from auth.reviews.workflow import Step
from core.errors import AccessRefused, Conflict
from core.ids import GrantId
from core.work import fetched
from tests.auth.grants.following import follow, granted
from tests.conftest import TestClock
from tests.desk import (
    Desk,
    a_desk,
    a_grant,
    activated,
    codes,
    kinds,
    submitted,
)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


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
        return reading.grant(work, actor, GrantId(grant_id))


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


def throttled(desk: Desk, grant: GrantRead) -> None:
    with desk.house.write() as work:
        work.db.add(
            AnomalyRow(
                **made_by(work, SYSTEM), state="OPEN", grant_id=grant.id, org_id=grant.org_id, dataset_id=grant.dataset_id,
                department_id=grant.department_id, rule="denied_burst", action="throttle", seen=11, threshold=10, text_zh="频繁被拒",
                text_en="Many refusals", setting_id="", set_by_person="", is_suspended_by=False,
            )
        )  # fmt: skip


def test_a_throttle_holds_over_amendments_and_renewals(desk: Desk, clock: TestClock) -> None:
    old = a_grant(desk)
    throttled(desk, old)
    asks(desk, old.id)
    new = amended(desk, old.id)
    clock.forward(seconds=5)
    assert refusal(lambda: asks(desk, new.id)) == ["throttled"]
    clock.forward(hours=1)
    asks(desk, new.id)
    assert refusal(lambda: asks(desk, new.id)) == ["throttled"]
    again = renewed(desk, new)
    clock.now = new.ends_at + timedelta(seconds=1)
    asks(desk, again.id)
    assert refusal(lambda: asks(desk, again.id)) == ["throttled"]


def test_what_was_seen_of_a_grant_is_seen_under_its_amendment(desk: Desk) -> None:
    old = a_grant(desk)
    with desk.house.write() as work:
        for _ in range(3):
            enter(work, GrantId(old.id), REFUSED, subject=old.id, reasons=("column-not-granted",))
    new = amended(desk, old.id)
    with desk.house.read() as work:
        row = queries.row(work, GrantId(new.id))
        lines = observing.seen(work, lineage.amended(work, row), work.now - timedelta(days=1))
        assert [line.kind for line in lines] == [REFUSED] * 3
        assert used(work, row).refusals == 3


def duties_of(desk: Desk, grant_id: str) -> list[tuple[str, str]]:
    with desk.house.write() as work:
        duties.note_due(work)
    with desk.read("officer") as (work, actor):
        held, _ = duties.duties(work, actor, grant_id=grant_id)
        return sorted((str(each.kind), str(each.state)) for each in held if each.period == "end")


OWED = [("deletion_certificate", "OPEN"), ("use_report", "OPEN")]


def short(desk: Desk, **changes: Any) -> GrantRead:
    return a_grant(desk, starts_on=date(2026, 3, 2), ends_on=date(2026, 5, 31), retention_days=730, **changes)


def test_a_renewal_goes_on_with_the_data_and_deletes_them_at_its_end(desk: Desk, clock: TestClock) -> None:
    old = short(desk)
    clock.now = old.ends_at - timedelta(days=20)
    new = renewed(desk, old)
    clock.now = old.ends_at + timedelta(days=40)
    assert "blocking-duty-overdue" not in why_not(desk, new.id)
    assert the_grant(desk, new.id).is_effective
    assert duties_of(desk, old.id) == [("use_report", "OPEN")]
    with desk.house.read() as work:
        row = queries.row(work, GrantId(new.id))
        assert overdue.held_under(work, row, limits()) == [new.id, old.id]
    clock.now = new.ends_at + timedelta(days=1)
    assert duties_of(desk, new.id) == OWED


def test_a_renewal_that_comes_after_the_end_takes_the_open_certificate_over(
    desk: Desk, clock: TestClock
) -> None:
    old = short(desk)
    clock.now = old.ends_at + timedelta(days=10)
    assert duties_of(desk, old.id) == OWED
    new = renewed(desk, old)
    assert duties_of(desk, old.id) == [("deletion_certificate", "CONTINUED"), ("use_report", "OPEN")]
    assert "duty.continued" in kinds(desk)
    with desk.house.read() as work:
        assert overdue.held_under(work, queries.row(work, GrantId(new.id)), limits()) == [new.id, old.id]
    clock.now = old.ends_at + timedelta(days=40)
    assert the_grant(desk, new.id).is_effective


def test_columns_that_a_renewal_does_not_cover_are_deleted_at_the_end_of_the_grant(
    desk: Desk, clock: TestClock
) -> None:
    old = short(desk, columns=["venue_id", "rooms"])
    clock.now = old.ends_at - timedelta(days=20)
    new = renewed(desk, old, columns=["venue_id"])
    clock.now = old.ends_at + timedelta(days=40)
    assert duties_of(desk, old.id) == OWED
    assert why_not(desk, new.id) == ["blocking-duty-overdue"]
    with desk.house.read() as work:
        assert overdue.held_under(work, queries.row(work, GrantId(new.id)), limits()) == [new.id]


@pytest.mark.parametrize(
    ("columns", "said"), [(["venue_id", "rooms"], "renewal-continues"), (["venue_id"], "renewal-deletes")]
)
def test_who_asks_for_a_renewal_is_told_when_the_data_are_deleted(
    sqlite_house: House, columns: list[str], said: str
) -> None:
    desk = a_desk(sqlite_house)
    old = short(desk, columns=["venue_id", "rooms"])
    reported(desk, old.id)
    draft, other = follow(desk, old.id, "renew", columns=columns), follow(desk, old.id, columns=columns)
    with desk.read("applicant") as (work, actor):
        told = applications.precheck(work, actor, draft.id, assets=desk.assets).advice
        assert [each.code for each in told] == [said]
        assert not applications.precheck(work, actor, other.id, assets=desk.assets).advice


def test_what_is_revoked_is_deleted_though_its_renewal_waits(desk: Desk, clock: TestClock) -> None:
    old = short(desk)
    renewed(desk, old)
    with desk.write("approver") as (work, actor):
        service.revoke(work, actor, old.id, RevokeStep(note="违反约定的用途", evidence="核查记录"))
    clock.now = old.ends_at + timedelta(days=1)
    assert duties_of(desk, old.id) == OWED


def test_the_evidence_of_a_grant_begins_with_the_first_of_its_line(desk: Desk) -> None:
    old = a_grant(desk)
    new = renewed(desk, amended(desk, old.id))
    with desk.house.read() as work:
        rows = dossier.of_grant(work, queries.row(work, GrantId(new.id)))
        assert {row.grant_id for row in rows if row.kind == "grant.activated"} == set(
            lineage.of(work, queries.row(work, GrantId(new.id)))
        )
        assert len([row for row in rows if row.kind == "application.submitted"]) == 3
        assert [row.seq for row in rows] == sorted(row.seq for row in rows)
