"""Anybody tries anything in the registers, in any order: what must hold of each of them holds after every step.

Registration, demands, source consents, looks at grants with pilots, papers with commitments. Refusals are part of the game.
"""

from __future__ import annotations

import itertools
import shutil
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlmodel import col, select

from api.house import House
from auth.actor import ANYONE
from auth.applications import service as applications
from auth.applications.models import AcceptBody, DecideBody, ScreenBody, StepBody
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import State as At
from auth.casework.book import CaseStep
from auth.consents import service as consents
from auth.consents import workflow as consent_flow
from auth.demands import service as demands
from auth.demands import workflow as demand_flow
from auth.demands.tables import DemandRow, DemandVoteRow
from auth.grants import queries as grants
from auth.grants.workflow import State as GrantState
from auth.papers import commitments, cover
from auth.papers import service as papers
from auth.papers.book import COMMITMENTS, PAPERS
from auth.papers.commitments import Promise
from auth.papers.service import PaperReturn
from auth.papers.tables import CommitmentRow, PaperRow
from auth.registrations import service as registrations
from auth.registrations import workflow as registration_flow
from auth.registrations.rules import NEEDED
from auth.registrations.rules import PAPERS as REGISTRATION_PAPERS
from auth.registrations.tables import RegistrationRow
from auth.registrations.workflow import Act
from auth.reviews import cover as review_cover
from auth.reviews import service as reviews
from auth.reviews import workflow as review_flow
from auth.reviews.service import CampaignOpen, PilotMark, ReviewAnswer
from auth.reviews.tables import PilotRow, ReviewRow
from core.errors import AppError
from core.text import Text
from core.work import Work
from tests.auth.agreements.scene import in_force
from tests.auth.papers.test_papers import policy
from tests.auth.registers import NOTE, PICK, WHO, Registers
from tests.desk import A_PDF, PARKS, a_desk, a_grant, an_application, an_ask, reviewed, submitted
from tests.examples import examples
from tests.people import a_person, actor_of


class Registrations(Registers):
    books = (registrations.BOOK,)
    far = frozenset({"REGISTERED", "NOTICE"})

    @rule(who=WHO, act=st.sampled_from(Act), whole=st.booleans())
    def draft(self, who: str, act: Act, whole: bool) -> None:
        body = dict.fromkeys(NEEDED[act], "详见材料") | {
            "attachments": [
                {"paper": p.value, "name": "附件.pdf", "sha256": "a" * 64} for p in REGISTRATION_PAPERS[act]
            ]
        }
        asked = {"dataset_id": PARKS.dataset_id, "act": act, "body": body if whole else {}}
        with self.trying(who) as (work, actor):
            registrations.draft(
                work, actor, registrations.RegistrationCreate.model_validate(asked), assets=self.desk.assets
            )

    @rule(who=WHO, pick=PICK, which=st.sampled_from(registration_flow.Step), note=st.sampled_from(["", NOTE]))
    def step(self, who: str, pick: int, which: registration_flow.Step, note: str) -> None:
        with self.trying(who) as (work, actor):
            row_id = self.one(RegistrationRow, pick)
            if which is registration_flow.Step.CERTIFY:
                registrations.certify(work, actor, row_id, registrations.RegistrationCertify(note=note))
            else:
                registrations.step(work, actor, row_id, which, CaseStep(note=note))

    @rule(act=st.sampled_from([Act.FIRST, Act.FIRST, Act.RENEWAL, Act.CHANGE, Act.CANCELLATION]))
    def goes_the_whole_way(self, act: Act) -> None:
        """As it is meant, so that the far states are reached."""
        self.draft("steward_a", act, whole=True)
        newest = len(self._ids()) - 1
        self.step("steward_a", newest, registration_flow.Step.SUBMIT, NOTE)
        self.step("keeper", newest, registration_flow.Step.PASS, NOTE)
        self.time_passes(20)
        self.step("approver", newest, registration_flow.Step.CERTIFY, NOTE)

    def begin(self) -> None:
        self.goes_the_whole_way(Act.FIRST)

    def guided(self, who: str, pick: int, step: Any) -> None:
        self.step(who, pick, step, NOTE)

    def _ids(self) -> list[str]:
        with self.house.read() as work:
            return list(work.db.exec(select(RegistrationRow.id)))

    def holds(self, work: Work) -> None:
        rows = list(work.db.exec(select(RegistrationRow)))
        assert sum(row.state == "REGISTERED" for row in rows) <= 1
        assert sum(row.state in registration_flow.OPEN for row in rows) <= 1
        for row in rows:
            assert (row.code != "") == (row.state in ("REGISTERED", "SUPERSEDED"))
            if row.state in ("REGISTERED", "SUPERSEDED"):
                hands = [
                    self.persons(self.books[0], work, row.id, step) for step in ("submit", "pass", "certify")
                ]
                assert not any(a & b for a, b in itertools.combinations(hands, 2)), "three people"
                certified = next(e for e in self.books[0].events(work, row.id) if e.step == "certify")
                assert row.notice_to is None or certified.at.date() > row.notice_to
            if row.state not in registration_flow.PUBLIC:
                assert row.id not in {each.id for each in registrations.registrations(work, ANYONE)[0]}


class Demands(Registers):
    books = (demands.BOOK,)
    far = frozenset({"ASSIGNED", "ANSWERED", "DISMISSED"})

    @rule(who=WHO)
    def state_need(self, who: str) -> None:
        with self.trying(who) as (work, actor):
            demands.state_need(
                work, actor, demands.DemandCreate(title="充电桩分布", need="全区公共充电桩的位置与功率")
            )

    @rule(
        who=WHO,
        pick=PICK,
        which=st.sampled_from(demand_flow.Step),
        public=st.booleans(),
        outcome=st.sampled_from(demand_flow.Outcome),
    )
    def step(
        self, who: str, pick: int, which: demand_flow.Step, public: bool, outcome: demand_flow.Outcome
    ) -> None:
        row_id = self.one(DemandRow, pick)
        with self.trying(who) as (work, actor):
            match which:
                case demand_flow.Step.ASSIGN:
                    department = "parks" if public else "roads"
                    demands.assign(work, actor, row_id, demands.DemandAssign(department_id=department))
                case demand_flow.Step.HANDLE:
                    demands.handle(work, actor, row_id, demands.DemandReply(reply="本部门可以提供"))
                case demand_flow.Step.ANSWER:
                    said = demands.DemandAnswer(
                        outcome=outcome, answer="答复如下，请查收", is_public=public, dataset_ids=("D",)
                    )
                    demands.answer(work, actor, row_id, said, public_title=lambda _: Text("数据", "Data"))
                case _:
                    demands.step(work, actor, row_id, which, CaseStep(note=NOTE))

    @rule(pick=PICK, public=st.booleans())
    def goes_the_whole_way(self, pick: int, public: bool) -> None:
        for who, which in (
            ("keeper", "accept"),
            ("keeper", "assign"),
            ("steward_a", "handle"),
            ("keeper", "answer"),
        ):
            self.step(
                who, pick, demand_flow.Step(which), public or which == "assign", demand_flow.Outcome.PLANNED
            )

    def begin(self) -> None:
        for who in ("applicant", "officer", "auditor"):
            self.state_need(who)
        self.goes_the_whole_way(0, public=False)

    def guided(self, who: str, pick: int, step: Any) -> None:
        self.step(who, pick, step, step == "assign" or pick % 2 == 0, demand_flow.Outcome.PLANNED)

    @rule(who=WHO, pick=PICK, wanted=st.booleans())
    def vote(self, who: str, pick: int, wanted: bool) -> None:
        row_id = self.one(DemandRow, pick)
        with self.trying(who) as (work, actor):
            demands.vote(work, actor, row_id, wanted=wanted)

    def holds(self, work: Work) -> None:
        shown = {each.id: each for each in demands.demands(work, ANYONE, limit=200)[0]}
        for row in work.db.exec(select(DemandRow)):
            voters = list(
                work.db.exec(select(DemandVoteRow.person_id).where(DemandVoteRow.demand_id == row.id))
            )
            assert row.votes == len(voters) == len(set(voters))
            assert row.created_person not in voters
            assert (row.id in shown) == (row.state not in ("RECEIVED", "DISMISSED"))
            assert (row.outcome != "") == (row.state == "ANSWERED")
            if row.id in shown:
                assert shown[row.id].reply == ""
                assert row.is_answer_public or shown[row.id].answer == ""


class Consents(Registers):
    books = (consents.BOOK,)
    far = frozenset({"CONFIRMED", "WITHDRAWN"})

    @rule(who=WHO, columns=st.sampled_from([None, ("venue_id",), ("nobody",)]), days=st.integers(-5, 300))
    def enter(self, who: str, columns: Any, days: int) -> None:
        today = self.clock().date()
        ends = date.fromordinal(today.toordinal() + days)
        body = consents.ConsentCreate(
            dataset_id=PARKS.dataset_id, provider="市文旅局", signatory="李", consented_on=today, starts_on=today, ends_on=ends,
            columns=columns, evidence_name="函.pdf", evidence_sha256="a" * 64,
        )  # fmt: skip
        with self.trying(who) as (work, actor):
            consents.enter(work, actor, body, assets=self.desk.assets)

    @rule(who=WHO, pick=PICK, which=st.sampled_from(consent_flow.Step))
    def step(self, who: str, pick: int, which: consent_flow.Step) -> None:
        row_id = self.one(consents.ConsentRow, pick)
        with self.trying(who) as (work, actor):
            if which is consent_flow.Step.WITHDRAW:
                consents.withdraw(work, actor, row_id, CaseStep(note=NOTE))
            else:
                consents.check(work, actor, row_id, which, CaseStep(note=NOTE))

    def begin(self) -> None:
        self.is_given()
        self.step("watch", 0, consent_flow.Step.WITHDRAW)

    def guided(self, who: str, pick: int, step: Any) -> None:
        self.step(who, pick, step)

    @rule()
    def is_given(self) -> None:
        self.enter("steward_a", None, 300)
        with self.house.read() as work:
            newest = len(list(work.db.exec(select(consents.ConsentRow.id)))) - 1
        self.step("screener", newest, consent_flow.Step.CONFIRM)

    def holds(self, work: Work) -> None:
        held = []
        for row in work.db.exec(select(consents.ConsentRow)):
            assert row.ends_on >= row.starts_on
            found = consents.read(work, row)
            assert not found.holds_today or row.state == "CONFIRMED"
            held.append(found)
            assert row.created_person not in self.persons(self.books[0], work, row.id, "confirm", "reject")
        whole = any(each.holds_today and each.columns is None for each in held)
        touched = any(each.state in ("CONFIRMED", "WITHDRAWN") for each in held)
        view = grants.view(work, grants.GrantId(self._grant(work)))
        stands = consents.cover.today(work, view.policy, consents.cover.confirmed(work, PARKS.dataset_id))
        assert not (touched and whole and stands)
        if touched and not any(each.holds_today for each in held):
            assert stands

    def _grant(self, work: Work) -> str:
        return work.db.exec(select(grants.GrantRow.id)).one()


class Looks(Registers):
    """Certifications, evaluations, pilots."""

    books = (reviews.REVIEWS, reviews.CAMPAIGNS)
    far = frozenset({"KEPT", "NARROWING"})

    @rule(who=WHO, what=st.sampled_from(["campaign", "evaluation", "pilot"]))
    def open(self, who: str, what: str) -> None:
        grant = self.one(grants.GrantRow, 0)
        with self.trying(who) as (work, actor):
            match what:
                case "campaign":
                    reviews.open_campaign(work, actor, CampaignOpen())
                case "evaluation":
                    reviews.evaluate(work, actor, grant)
                case _:
                    reviews.mark_pilot(work, actor, grant, PilotMark(reason="首个试点"))

    @rule(
        who=WHO,
        pick=PICK,
        which=st.sampled_from(["keep", "narrow", "withdraw"]),
        columns=st.sampled_from([(), ("rooms",), ("nobody",)]),
    )
    def answer(self, who: str, pick: int, which: str, columns: tuple[str, ...]) -> None:
        body = ReviewAnswer(
            outcome=review_flow.Step(which),
            note=NOTE,
            columns=columns,
            value="有价值",
            complaints="无投诉",
            quality="达标",
        )
        row_id = self.one(ReviewRow, pick)
        with self.trying(who) as (work, actor):
            reviews.answer(work, actor, row_id, body)

    @rule(who=WHO, pick=PICK, which=st.sampled_from(["confirm", "return", "revoke"]))
    def decide(self, who: str, pick: int, which: str) -> None:
        row_id = self.one(ReviewRow, pick)
        with self.trying(who) as (work, actor):
            reviews.decide(work, actor, row_id, review_flow.Step(which), CaseStep(note=NOTE))

    @rule(pick=PICK, which=st.sampled_from(["keep", "narrow", "withdraw"]))
    def goes_the_whole_way(self, pick: int, which: str) -> None:
        self.open("watch", "evaluation")
        self.answer("steward_a", pick, which, ("rooms",) if which == "narrow" else ())
        self.decide("approver", pick, "confirm" if which == "narrow" else "revoke")

    def guided(self, who: str, pick: int, step: Any) -> None:
        if step in ("keep", "narrow", "withdraw"):
            self.answer(who, pick, str(step), ("rooms",) if step == "narrow" else ())
        else:
            self.decide(who, pick, str(step))

    @rule(who=WHO)
    def close(self, who: str) -> None:
        row_id = self.one(reviews.CampaignRow, 0)
        with self.trying(who) as (work, actor):
            reviews.close_campaign(work, actor, row_id, CaseStep(note=NOTE))

    def holds(self, work: Work) -> None:
        rows = list(work.db.exec(select(ReviewRow)))
        open_evaluations = [
            row for row in rows if row.kind == "evaluation" and row.state in review_flow.UNANSWERED
        ]
        assert len(open_evaluations) <= 1
        grant = work.db.exec(select(grants.GrantRow)).one()
        for row in rows:
            answered = self.persons(reviews.REVIEWS, work, row.id, "keep", "narrow", "withdraw")
            decided = [e for e in reviews.REVIEWS.events(work, row.id) if e.step in ("confirm", "revoke")]
            if row.state in ("NARROWING", "WITHDRAWN"):
                assert decided[-1].person_id not in answered or len(answered) > 1, "two people"
            if row.state == "WITHDRAWN":
                assert grant.state == GrantState.REVOKED
            if row.state == "NARROWING":
                assert row.columns == '["rooms"]'
        if grant.state == GrantState.REVOKED:
            assert any(row.state == "WITHDRAWN" for row in rows)
        is_pilot = work.db.exec(select(PilotRow)).first() is not None
        evaluated = any(row.kind == "evaluation" and row.state not in review_flow.UNANSWERED for row in rows)
        if is_pilot and not evaluated:
            assert list(review_cover.renewal_objections(work, grant.id)), (
                "a pilot is evaluated before it is renewed"
            )


class Papers(Registers):
    """One application that begins as submitted; `had`: it was offered or agreed while every paper was there."""

    books = (PAPERS, COMMITMENTS)
    far = frozenset({"OWED", "PROMISED", "SUPPLIED", "BROKEN"})

    def _now(self, work: Work) -> ApplicationRow:
        return work.db.exec(select(ApplicationRow).order_by(col(ApplicationRow.id).desc())).first()  # type: ignore[return-value]

    @rule(
        who=WHO,
        key=st.sampled_from(["plan", "security", "record"]),
        which=st.sampled_from(["supply", "promise", "return"]),
    )
    def on_paper(self, who: str, key: str, which: str) -> None:
        with self.trying(who) as (work, actor):
            at = applications.ApplicationId(self._now(work).id)
            if which == "supply":
                papers.hand_in(work, actor, at, key, "a.pdf", A_PDF)
            elif which == "return":
                papers.send_back(work, actor, at, key, PaperReturn(note=NOTE))
            else:
                said = commitments.to_sign(work, actor, at, key)
                commitments.promise(work, actor, at, key, Promise(hash=said["hash"]))

    def guided(self, who: str, pick: int, step: Any) -> None:
        with self.house.read() as work:
            keys = list(work.db.exec(select(PaperRow.key).order_by(PaperRow.id)))
        if step != "defer":
            self.on_paper(who, keys[pick], str(step))

    @rule(pick=PICK)
    def a_steward_finds_a_breach(self, pick: int) -> None:
        self.find_a_breach("steward_a", pick)

    @rule(who=WHO, pick=PICK)
    def find_a_breach(self, who: str, pick: int) -> None:
        row_id = self.one(CommitmentRow, pick)
        with self.trying(who) as (work, actor):
            commitments.establish_broken(work, actor, row_id, CaseStep(note=NOTE))

    @rule(
        who=st.sampled_from(["screener", "officer"]),
        security=st.none() | st.integers(1, 6),
        record=st.none() | st.integers(1, 4),
    )
    def screen(self, who: str, security: int | None, record: int | None) -> None:
        named = {"security": security, "record": record}
        missing = [{"paper": key, "working_days": days} for key, days in named.items() if days]
        with self.trying(who) as (work, actor):
            row = self._now(work)
            body = ScreenBody.model_validate(
                {"version": row.version, "has_no_conflict": True, "outcome": "ok", "missing": missing}
            )
            applications.screen(work, actor, applications.ApplicationId(row.id), body)

    @rule()
    def whoever_has_the_word_goes_on(self) -> None:
        with self.house.read() as work:
            row = self._now(work)
            state, held = At(row.state), not cover.blocking(work, row)
        with suppress(AppError):
            if state is At.IN_REVIEW:
                with self.desk.read("screener") as (work, actor):
                    found = applications.application(work, actor, applications.ApplicationId(row.id))
                reviewed(self.desk, found)
            elif state is At.RETURNED:
                with self.desk.read("applicant") as (work, actor):
                    found = applications.application(work, actor, applications.ApplicationId(row.id))
                submitted(self.desk, found)
            elif state is At.DECIDING:
                with self.house.write() as work:
                    lines = [
                        {"line_id": line.id, "outcome": "approve"}
                        for line in applications.queries.lines(work, row.id)
                    ]
                    body = DecideBody.model_validate(
                        {"version": row.version, "has_no_conflict": True, "lines": lines}
                    )
                    applications.decide(
                        work,
                        actor_of(work, "approver"),
                        applications.ApplicationId(row.id),
                        body,
                        assets=self.desk.assets,
                    )
                assert held, "nothing is decided while a paper is owed"
            elif state is At.OFFERED:
                with self.house.write() as work:
                    terms = AcceptBody(version=row.version, hash=row.agreement_hash)
                    applications.accept_terms(
                        work, actor_of(work, "officer"), applications.ApplicationId(row.id), terms
                    )
                assert held, "nothing is agreed while a paper is owed"

    def holds(self, work: Work) -> None:
        for row in work.db.exec(select(PaperRow)):
            assert (row.state == "OWED") == (row.due_on is not None)
            assert (row.state == "PROMISED") == (row.commitment_id is not None)
            assert row.file_id is not None or row.state != "SUPPLIED"
        for row in work.db.exec(select(CommitmentRow)):
            paper = work.db.get_one(PaperRow, row.paper_id)
            assert (row.state == "STANDING") == (paper.commitment_id == row.id)
            assert row.created_person not in self.persons(COMMITMENTS, work, row.id, "break")


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
@pytest.mark.slow
@pytest.mark.parametrize(
    "machine", [Registrations, Demands, Consents, Looks, Papers], ids=lambda m: m.__name__
)
def test_whatever_is_tried_the_register_keeps_its_promises(
    machine: type[Registers], sqlite_house: House, tmp_path: Path
) -> None:
    desk = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        for name in ("keeper", "keeper2"):
            a_person(work, name, "bureau", ["catalog_admin"])
    a_grant(desk)
    if machine is Papers:
        in_force(desk, policy())
        period: dict[str, Any] = {"starts_on": date(2027, 3, 2), "ends_on": date(2028, 3, 1)}
        found = an_application(desk, at=At.DRAFT, ask=an_ask(scenario_id="weather", **period))
        with desk.write("applicant") as (work, actor):
            papers.hand_in(work, actor, found.id, "plan", "plan.pdf", A_PDF)
            now = applications.application(work, actor, found.id)
            applications.submit(work, actor, found.id, StepBody(version=now.version), assets=desk.assets)
    sqlite_house.engine.dispose()
    machine.template, machine.reached = tmp_path / "template.db", set()
    shutil.copyfile(sqlite_house.settings.data_dir / "datagrant.db", machine.template)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples(
                12 if machine is Papers else 5
            ),  # a promise, then its breach, takes some luck
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )
    assert machine.far <= machine.reached
