"""A revocation stands at once, a second person answers within a day, and a bar keeps its holder from applying again."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.models import StepBody
from auth.casework.book import CaseStep
from auth.deadlines import is_anything_due, note_due
from auth.grants import reading, usage
from auth.grants import service as grants
from auth.grants.service import RevokeStep
from auth.grants.steps import GrantStep
from auth.messages.tables import MessageRow
from auth.policy.filters.rules import LOCAL
from auth.policy.separation import Doer, Past
from auth.revocations import rules, service
from auth.revocations.opening import BOOK, Grounds, bars
from auth.revocations.service import EvidenceStep, RevocationRead
from auth.revocations.workflow import MACHINE, MOVES, State, Step
from auth.roles import Role
from core.errors import AccessRefused, AppError, InputRefused, NotFound, Stale, TransitionRefused
from core.ids import DatasetId, GrantId, OrgId
from tests.auth.registers import Registers
from tests.conftest import TestClock
from tests.desk import PARKS, RESCUES, Desk, a_desk, a_grant, an_application, codes, kinds
from tests.examples import examples
from tests.people import browser_as, client_as

OTHER = str(RESCUES.dataset_id)
WHY = "超出授权用途使用数据"
PROOF = "核查笔录 2026-17"
GO = CaseStep()


def revoked(desk: Desk, who: str = "watch", *, evidence: str = PROOF, bar: int = 12) -> RevocationRead:
    grant = a_grant(desk)
    with desk.write(who) as (work, actor):
        grants.revoke(work, actor, grant.id, RevokeStep(note=WHY, evidence=evidence, bar_months=bar))
    return of(desk, grant.id)


def of(desk: Desk, grant_id: str) -> RevocationRead:
    with desk.read("auditor") as (work, actor):
        (found,) = service.revocations(work, actor, grant_id=grant_id)[0]
        return found


def answered(desk: Desk, who: str, found: RevocationRead, step: Step, note: str = "") -> RevocationRead:
    with desk.write(who) as (work, actor):
        return service.answer(work, actor, found.id, step, CaseStep(note=note))


def barred(desk: Desk) -> list[str]:
    """What the pre-check says of bars to a draft of the same organisation for the same dataset."""
    draft = an_application(desk, at="DRAFT")
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    with desk.write("applicant") as (work, actor):
        applications.withdraw(work, actor, draft.id, StepBody(version=draft.version, note="不再需要"))
    return [reason.code for reason in said.blocking if reason.code == "barred-after-revocation"]


def told(desk: Desk, kind: str) -> int:
    with desk.house.read() as work:
        return len(work.db.exec(select(MessageRow).where(MessageRow.kind == kind)).all())


def test_every_state_step_and_role_is_what_the_table_says() -> None:
    for state in State:
        for step in Step:
            for role in Role:
                move = MOVES.get((state, step))
                if move is not None and role in move.by:
                    assert MACHINE.advance(state, step, frozenset({role})) is move.to
                else:
                    with pytest.raises(TransitionRefused):
                        MACHINE.advance(state, step, frozenset({role}))
    assert MACHINE.advance(State.WAITS, Step.LAPSE, frozenset(), by_system=True) is State.OVERDUE


@pytest.mark.parametrize("step", list(Step))
def test_who_may_answer_is_judged_on_the_person(step: Step) -> None:
    def said(person: str, orgs: set[str], pair: set[str] | None = None, evidence: str = "x") -> list[str]:
        doer = Doer(person, frozenset(orgs), frozenset(pair or ()))
        by = Past("open", "first", "bureau")
        found = rules.objections(
            step, doer, revoked_by=by, org_id="insurer", evidence=evidence, is_barred=True
        )
        return [reason.code for reason in found]

    answers = step in (Step.CONFIRM, Step.OBJECT)
    assert said("second", {"bureau"}) == []
    assert said("first", {"bureau"}) == (["revoker-does-not-confirm"] if answers else [])
    assert said("deputy", {"bureau"}, {"first"}) == (["revoker-does-not-confirm"] if answers else [])
    assert said("second", {"insurer"}) == (["separation-of-duties-1"] if answers or step is Step.LIFT else [])
    assert said("second", {"bureau"}, evidence=" ") == (["revocation-without-evidence"] if step is Step.CONFIRM else [])  # fmt: skip


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("is_barred", [False, True])
def test_only_a_bar_in_force_can_be_lifted(step: Step, *, is_barred: bool) -> None:
    doer, by = Doer("second", frozenset({"bureau"}), frozenset()), Past("open", "first", "bureau")
    found = rules.objections(step, doer, revoked_by=by, org_id="insurer", evidence="x", is_barred=is_barred)
    assert [each.code for each in found] == (["no-bar"] if step is Step.LIFT and not is_barred else [])


def test_use_ends_at_once_and_a_second_person_confirms(house: House) -> None:
    desk = a_desk(house)
    found = revoked(desk)
    assert (found.state, found.evidence, found.is_barring) == (State.WAITS, PROOF, True)
    with desk.house.write() as work, pytest.raises(AccessRefused) as refused:
        usage.charge(work, GrantId(found.grant_id), rows=1)
    assert codes(refused) == ["grant-not-active"]
    assert told(desk, "revocation.waits") > 0
    inbox = client_as(desk.house, "approver").get("/api/v1/me/messages").json()["items"]
    (said,) = [each["en"] for each in inbox if each["kind"] == "revocation.waits"]
    assert said.startswith("The grant of insurer organisation on “Venues” was revoked")
    with pytest.raises(AccessRefused) as refused:
        answered(desk, "watch", found, Step.CONFIRM)
    assert codes(refused) == ["revoker-does-not-confirm"]
    done = answered(desk, "approver", found, Step.CONFIRM)
    assert (done.state, done.is_barring) == (State.CONFIRMED, True)
    assert {"grant.revoked", "revocation.opened", "revocation.confirmed"} <= set(kinds(desk))
    with pytest.raises(TransitionRefused):
        answered(desk, "watch2", found, Step.OBJECT, "无依据")


def test_evidence_may_follow_and_nobody_confirms_without(house: House) -> None:
    desk = a_desk(house)
    found = revoked(desk, evidence="")
    with pytest.raises(AccessRefused) as refused:
        answered(desk, "watch2", found, Step.CONFIRM)
    assert codes(refused) == ["revocation-without-evidence"]
    with desk.write("watch") as (work, actor):
        with pytest.raises(InputRefused):
            service.add_evidence(work, actor, found.id, EvidenceStep(evidence=" "))
        with pytest.raises(Stale):
            service.add_evidence(work, actor, found.id, EvidenceStep(evidence=PROOF, version=9))
        one = service.add_evidence(
            work, actor, found.id, EvidenceStep(evidence=PROOF, evidence_sha256="a" * 64)
        )
        two = service.add_evidence(work, actor, found.id, EvidenceStep(evidence="补充说明一份"))
        with pytest.raises(InputRefused):
            service.add_evidence(work, actor, found.id, EvidenceStep(evidence="字" * 1990))
    assert (one.evidence, two.evidence, two.evidence_sha256) == (PROOF, f"{PROOF}\n补充说明一份", "a" * 64)
    assert answered(desk, "watch2", found, Step.CONFIRM).state is State.CONFIRMED
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Grounds(evidence_sha256="A" * 64)


def test_the_bar_is_told_before_submitting_and_ends_on_its_day(sqlite_house: House, clock: TestClock) -> None:
    desk = a_desk(sqlite_house)
    found = revoked(desk, bar=1)
    assert barred(desk) == ["barred-after-revocation"]
    draft = an_application(desk, at="DRAFT")
    with desk.write("applicant") as (work, actor), pytest.raises(AccessRefused) as refused:
        applications.submit(work, actor, draft.id, StepBody(version=draft.version), assets=desk.assets)
    assert "barred-after-revocation" in codes(refused)
    answered(desk, "watch2", found, Step.CONFIRM)
    assert found.bar_until is not None
    assert rules.bars(State.CONFIRMED, found.bar_until, found.confirm_by, clock.now, found.bar_until - timedelta(days=1))  # fmt: skip
    assert not rules.bars(State.CONFIRMED, found.bar_until, found.confirm_by, clock.now, found.bar_until)
    with desk.read("applicant2") as (work, actor):
        assert list(bars(work, "mapper", [PARKS.dataset_id])) == [], "another organisation is not barred"
    assert answered(desk, "watch", found, Step.LIFT, "已整改并复核通过").state is State.LIFTED
    assert barred(desk) == []


def test_a_second_person_who_does_not_confirm_ends_the_bar_and_not_the_revocation(
    sqlite_house: House,
) -> None:
    desk = a_desk(sqlite_house)
    found = revoked(desk)
    with pytest.raises(InputRefused):
        answered(desk, "watch2", found, Step.OBJECT)
    done = answered(desk, "watch2", found, Step.OBJECT, "证据不足以认定")
    assert (done.state, done.is_barring, barred(desk)) == (State.OBJECTED, False, [])
    with desk.read("auditor") as (work, actor):
        assert reading.grant(work, actor, GrantId(found.grant_id)).state == "REVOKED"


def test_after_a_day_the_alarm_sounds_once_and_one_person_bars_nobody(
    sqlite_house: House, clock: TestClock
) -> None:
    desk = a_desk(sqlite_house)
    found = revoked(desk)
    clock.now += timedelta(hours=24, seconds=-1)
    assert of(desk, found.grant_id).is_barring
    clock.now += timedelta(seconds=1)
    assert not of(desk, found.grant_id).is_barring, "computed at the second, whether or not anybody swept"
    with desk.house.write() as work:
        assert is_anything_due(work)
        assert (service.lapse_due(work), service.lapse_due(work)) == (1, 0)
        note_due(work)
    assert (of(desk, found.grant_id).state, told(desk, "revocation.overdue") > 0) == (State.OVERDUE, True)
    assert answered(desk, "watch2", found, Step.CONFIRM).is_barring, "late, and by two"


def test_longer_than_the_limit_and_by_the_holder_are_refused(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    with desk.write("watch") as (work, actor), pytest.raises(InputRefused, match="36 months"):
        grants.revoke(work, actor, grant.id, RevokeStep(note=WHY, bar_months=37))
    with desk.write("watch") as (work, actor):
        assert grants.revoke(work, actor, grant.id, GrantStep(note=WHY)).state == "REVOKED"
    assert (of(desk, grant.id).bar_until, of(desk, grant.id).is_barring) == (None, False)
    with desk.read("officer") as (work, actor), pytest.raises(NotFound):
        service.revocation(work, actor, of(desk, grant.id).id)


def test_routes_pages_and_their_refusals(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    watch, page = client_as(desk.house, "watch"), browser_as(desk.house, "watch")
    shown = page.get(f"/grants/{grant.id}").text
    assert all(f'name="{name}"' in shown for name in Grounds.model_fields)
    kept = page.submit(f"/grants/{grant.id}/revoke", note=WHY, evidence_sha256="xyz", bar_months="6")
    assert (kept.status_code, 'value="xyz"' in kept.text, 'value="6"' in kept.text) == (422, True, True)
    assert page.submit(f"/grants/{grant.id}/revoke", note=WHY, bar_months="six").status_code == 422
    assert page.submit(f"/grants/{grant.id}/revoke", note=WHY, bar_months="6").status_code == 303
    (found,) = watch.get("/api/v1/revocations", params={"grant_id": grant.id}).json()["items"]
    place = f"/revocations/{found['id']}"
    assert place in page.get(f"/grants/{grant.id}").text
    assert "尚未提供" in page.get(place).text
    assert page.submit(f"{place}/add-evidence", evidence=PROOF, evidence_sha256="00").status_code == 422
    assert page.submit(f"{place}/add-evidence", evidence=PROOF).status_code == 303
    assert page.submit(f"{place}/confirm").status_code == 403
    other = browser_as(desk.house, "watch2", lang="en")
    assert "Confirm the revocation" in other.get(place).text
    assert other.submit(f"{place}/object", note="").status_code == 422
    assert other.submit(f"{place}/confirm").status_code == 303
    assert "Confirmed" in other.get("/revocations?state=CONFIRMED").text
    assert watch.post(f"/api/v1/revocations/{found['id']}/lift", json={"note": "已整改到位"}).json()["state"] == "LIFTED"  # fmt: skip
    assert watch.post(f"/api/v1/revocations/{found['id']}/object", json={"note": WHY}).status_code == 409
    assert watch.get("/api/v1/revocations/nothing").status_code == 404
    assert client_as(desk.house, "officer").get("/api/v1/revocations").status_code == 403
    auditor = client_as(desk.house, "auditor")
    assert auditor.post(f"/api/v1/revocations/{found['id']}/confirm", json={}).status_code == 403


WHO = ("watch", "watch2", "approver")


class Revoking(Registers):
    """Anybody answers in any order while time passes; a plain model says what must come of it."""

    books: ClassVar = (BOOK,)
    far: ClassVar = frozenset()
    grant: ClassVar[str]
    found: RevocationRead | None

    def begin(self) -> None:
        self.found = None

    @rule(who=st.sampled_from(WHO), bar=st.sampled_from([0, 1, 12]), evidence=st.sampled_from(["", PROOF]))
    def revoke(self, who: str, bar: int, evidence: str) -> None:
        if self.found is not None:
            return
        with self.desk.write(who) as (work, actor):
            body = RevokeStep(note=WHY, evidence=evidence, bar_months=bar)
            grants.revoke(work, actor, GrantId(self.grant), body)
        self.by, self.confirmed_by, self.proved = who, "", bool(evidence)
        self.bar, self.objected, self.lifted = bar, False, False
        self.until = self.clock.now + timedelta(hours=24)
        self.found = of(self.desk, self.grant)

    @rule(who=st.sampled_from((*WHO, "auditor", "steward_a", "officer")), step=st.sampled_from(list(Step)))
    def answer(self, who: str, step: Step) -> None:
        if self.found is None:
            return
        note = CaseStep(note="经核实作出答复")
        with suppress(AppError), self.desk.write(who) as (work, actor):
            if step is Step.ADD_EVIDENCE:
                service.add_evidence(work, actor, self.found.id, EvidenceStep(evidence=PROOF))
                self.proved = True
            else:
                state = service.answer(work, actor, self.found.id, step, note).state
                self.confirmed_by = who if state is State.CONFIRMED else self.confirmed_by
                self.objected |= state is State.OBJECTED
                self.lifted |= state is State.LIFTED
                assert who in WHO
                assert who != self.by or step is Step.LIFT

    @rule(hours=st.sampled_from([1, 12, 30, 900]))
    def hours_pass(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)
        with self.desk.house.write() as work:
            service.lapse_due(work)

    @invariant()
    def the_bar_is_that_of_the_model_and_the_grant_stays_ended(self) -> None:
        if getattr(self, "found", None) is None:
            return
        now = of(self.desk, self.grant)
        runs = now.bar_until is not None and self.clock.now.astimezone(LOCAL).date() < now.bar_until
        by_two = bool(self.confirmed_by) and not self.lifted
        alone = not self.confirmed_by and not self.objected and self.clock.now < self.until
        assert now.is_barring == (runs and (by_two or alone))
        assert bool(now.bar_until) == bool(self.bar)
        assert not (self.confirmed_by and self.objected)
        assert not self.confirmed_by or (self.proved and self.confirmed_by != self.by)
        with self.desk.read("auditor") as (work, actor):
            assert reading.grant(work, actor, GrantId(self.grant)).state == "REVOKED"

    def somebody_who_may(self, pick: int = 0, turn: int = 0) -> None:
        """Of other machines."""

    def time_passes(self, days: int = 0) -> None:
        """Of other machines."""


def test_whatever_is_tried_two_people_stand_behind_what_lasts(sqlite_house: House, tmp_path: Path) -> None:
    desk = a_desk(sqlite_house)
    Revoking.grant = a_grant(desk).id
    sqlite_house.engine.dispose()
    Revoking.template, Revoking.reached = tmp_path / "template.db", set()
    shutil.copyfile(sqlite_house.settings.data_dir / "datagrant.db", Revoking.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Revoking,
        settings=settings(
            max_examples=examples(8), stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )  # fmt: skip


def _revoked_with(desk: Desk, who: str, grant_id: GrantId | None = None, **bar: Any) -> GrantId:
    found = grant_id or a_grant(desk).id
    with desk.write(who) as (work, actor):
        grants.revoke(
            work,
            actor,
            found,
            RevokeStep(note=WHY, evidence=PROOF, bar_months=12, **bar),
            assets=desk.assets,
        )
    return found


def _from(desk: Desk, *datasets: str) -> list[list[str]]:
    with desk.house.read() as work:
        return [reason.facts["datasets"] for reason in bars(work, "insurer", datasets)]


def test_a_bar_reaches_as_far_as_it_says(house: House) -> None:
    desk = a_desk(house)
    found = of(desk, _revoked_with(desk, "watch", bar_scope="datasets", bar_datasets=[OTHER]))
    own = found.dataset_id
    assert (found.bar_scope, found.bar_datasets) == ("datasets", [OTHER])
    assert _from(desk, own, OTHER, "DP-XX-999") == [sorted([own, OTHER])]
    assert _from(desk, "DP-XX-999") == []
    assert barred(desk) == ["barred-after-revocation"]
    answered(desk, "watch2", found, Step.OBJECT, "证据不足以限制申请")
    assert _from(desk, own, OTHER) == [], "the second person's no ends it everywhere"


def test_a_bar_from_everything_is_for_every_dataset(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    _revoked_with(desk, "watch", bar_scope="everything")
    assert _from(desk, "DP-XX-999") == [["DP-XX-999"]]


@pytest.mark.parametrize(
    ("bar", "field"),
    [
        ({"bar_scope": "datasets"}, "bar_datasets"),
        ({"bar_scope": "dataset", "bar_datasets": ["DP-XX-999"]}, "bar_datasets"),
        ({"bar_scope": "everything", "bar_months": 0}, "bar_months"),
        ({"bar_scope": "datasets", "bar_datasets": ["DP-XX-999"]}, "bar_datasets"),
    ],
)
def test_a_bar_that_does_not_say_for_what_is_refused(
    sqlite_house: House, bar: dict[str, Any], field: str
) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    body = RevokeStep(**{"note": WHY, "evidence": PROOF, "bar_months": 12, **bar})
    with pytest.raises(InputRefused) as refused, desk.write("watch") as (work, actor):
        grants.revoke(work, actor, grant.id, body, assets=desk.assets)
    assert refused.value.facts["field"] == field


def test_nobody_bars_from_what_is_another_departments(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    desk.known[DatasetId("DP-RD-001")] = replace(
        PARKS, dataset_id=DatasetId("DP-RD-001"), org_id=OrgId("roads")
    )
    grant = a_grant(desk)
    with pytest.raises(AccessRefused) as refused:
        _revoked_with(desk, "parks_approver", grant.id, bar_scope="everything")
    assert [reason.code for reason in refused.value.reasons] == ["bar-beyond-own-scope"]
    with pytest.raises(InputRefused) as unknown:
        _revoked_with(desk, "parks_approver", grant.id, bar_scope="datasets", bar_datasets=["DP-RD-001"])
    assert "no dataset DP-RD-001" in unknown.value.detail.en, "told as one that is not there"
    found = of(
        desk, _revoked_with(desk, "parks_approver", grant.id, bar_scope="datasets", bar_datasets=[OTHER])
    )
    assert found.bar_datasets == [OTHER]
