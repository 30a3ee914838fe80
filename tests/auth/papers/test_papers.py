"""Papers through people's hands: what may follow, what is promised, what a broken promise does."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import ApplicationRead, ScreenBody, StepBody
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.clocks import counting
from auth.clocks.rules import Stage
from auth.deadlines import is_anything_due, note_due
from auth.messages.tables import MessageRow
from auth.papers import commitments, files, reading
from auth.papers import service as papers
from auth.papers.commitments import Promise
from auth.papers.reading import PaperRead
from auth.papers.service import PaperReturn, PaperSupply
from auth.profile.model import Profile, shipped
from auth.profile.papers import PaperSet
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Stale, TransitionRefused
from tests.auth.agreements.scene import in_force
from tests.auth.applications.test_assisting import did, drafted
from tests.conftest import TestClock
from tests.desk import A_PDF, Desk, a_desk, activated, agreed, an_application, codes, decided, kinds, reviewed
from tests.people import a_person, actor_of, client_as

GENERIC = shipped()["generic-open-data"]
SET: dict[str, Any] = {
    "items": [
        {"key": "plan", "zh": "使用方案", "en": "Plan", "effective_from": "2026-01-01", "source": "tests"},
        {"key": "security", "zh": "安全方案", "en": "Security plan", "later_working_days": 5, "effective_from": "2026-01-01", "source": "tests"},
        {"key": "record", "zh": "信用证明", "en": "Credit record", "later_working_days": 3, "effective_from": "2026-01-01", "source": "tests",
         "promise": {"zh": "本机构承诺没有违法失信记录。", "en": "We commit: no breach is on record."}},
    ],
}  # fmt: skip


def policy(**changes: Any) -> Profile:
    return GENERIC.model_copy(update={"papers": PaperSet.model_validate(SET | changes)})


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    found = a_desk(sqlite_house)
    in_force(found, policy())
    return found


def a_draft(desk: Desk, *, with_plan: bool = True, **changes: Any) -> ApplicationRead:
    period: dict[str, Any] = {
        "starts_on": date(2026, 5, 6),
        "ends_on": date(2027, 5, 5),
    }  # so that days may pass before it
    draft = an_application(desk, at=State.DRAFT, **period, **changes)
    if with_plan:
        supplied(desk, draft, "plan")
    return draft


def supplied(
    desk: Desk, found: ApplicationRead, key: str, who: str = "applicant", content: bytes = A_PDF
) -> PaperRead:
    with desk.write(who) as (work, actor):
        return papers.hand_in(work, actor, found.id, key, f"{key}.pdf", content)


def signed(desk: Desk, found: ApplicationRead, key: str = "record", who: str = "officer") -> PaperRead:
    with desk.write(who) as (work, actor):
        said = commitments.to_sign(work, actor, found.id, key)
        return commitments.promise(work, actor, found.id, key, Promise(hash=said["hash"]))


def sent(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    with desk.write("applicant") as (work, actor):
        now = applications.application(work, actor, found.id)
        return applications.submit(work, actor, found.id, StepBody(version=now.version), assets=desk.assets)


def screened(desk: Desk, found: ApplicationRead, outcome: Any = "ok", **missing: int) -> ApplicationRead:
    body = ScreenBody.model_validate(
        {"version": found.version, "outcome": outcome, "note": "材料情况见清单", "has_no_conflict": True,
         "missing": [{"paper": key, "working_days": days} for key, days in missing.items()]}
    )  # fmt: skip
    with desk.write("screener") as (work, actor):
        return applications.screen(work, actor, found.id, body)


def state_of(desk: Desk, found: ApplicationRead, key: str, who: str = "screener") -> PaperRead:
    with desk.read(who) as (work, actor):
        return next(each for each in reading.papers(work, actor, found.id) if each.key == key)


def now_of(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    with desk.read("applicant") as (work, actor):
        return applications.application(work, actor, found.id)


def test_what_was_handed_in_stays_while_the_application_is_handled(desk: Desk) -> None:
    draft = a_draft(desk)
    for key in ("security", "record"):
        supplied(desk, draft, key)
    first = supplied(desk, draft, "plan", content=A_PDF + b" a better one, while it is a draft").file_sha256
    found = sent(desk, draft)
    for step in (None, screened, reviewed, decided, agreed):
        found = step(desk, found) if step else found
        with pytest.raises(TransitionRefused, match="sent back first"):
            supplied(desk, found, "plan", content=A_PDF + b" something quite different")
        told = state_of(desk, found, "plan", "applicant")
        assert (told.file_sha256, "supply" in told.steps) == (first, False), found.state


def test_a_clerks_paper_is_confirmed_with_the_draft(desk: Desk) -> None:
    found = drafted(desk, starts_on=date(2026, 5, 6), ends_on=date(2027, 5, 5))
    for key in ("plan", "security", "record"):
        supplied(desk, found, key)
    did(desk, "applicant", applications.confirm, found)
    supplied(desk, found, "plan", who="clerk", content=A_PDF + b" the clerk's own words")
    assert refusal(lambda: did(desk, "clerk", applications.submit, found)) == ["draft-not-confirmed"]
    did(desk, "applicant", applications.confirm, found)
    supplied(
        desk, found, "security", content=A_PDF + b" the enterprise's own"
    )  # it stands behind that anyway
    assert did(desk, "clerk", applications.submit, found).state == State.SUBMITTED


def refusal(act: Any) -> list[str]:
    with pytest.raises(AccessRefused) as refused:
        act()
    return codes(refused)


def broken(desk: Desk, commitment_id: str, who: str = "steward_a", note: str = "查询发现有处罚记录") -> None:
    with desk.write(who) as (work, actor):
        commitments.establish_broken(work, actor, commitment_id, CaseStep(note=note))


def test_without_a_core_paper_nothing_is_handed_in_and_the_precheck_says_so(desk: Desk) -> None:
    draft = a_draft(desk, with_plan=False)
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    assert [(r.code, r.facts["paper"]) for r in said.blocking] == [("paper-missing", "plan")]
    assert [r.facts["paper"] for r in said.advice if r.code == "paper-may-follow"] == ["security", "record"]
    assert refusal(lambda: sent(desk, draft)) == ["paper-missing"]
    supplied(desk, draft, "plan")
    assert sent(desk, draft).state == State.SUBMITTED


def test_accepted_with_a_paper_missing_it_is_decided_once_the_paper_is_there(house: House) -> None:
    desk = a_desk(house)
    in_force(desk, policy())
    found = sent(desk, a_draft(desk))
    assert refusal(lambda: screened(desk, found)) == ["paper-missing", "paper-missing"]
    assert refusal(lambda: screened(desk, found, security=6, record=3)) == ["paper-too-late"]
    assert refusal(lambda: screened(desk, found, security=5, record=3, plan=1)) == ["paper-not-missing"]
    found = reviewed(desk, screened(desk, found, security=5, record=3))
    owed = state_of(desk, found, "security")
    assert (owed.state, owed.due_on) == ("OWED", date(2026, 3, 9))
    assert refusal(lambda: decided(desk, found)) == ["paper-owed", "paper-owed"]
    refuse = {"outcome": "reject", "reason_code": "not-minimal", "note": "列数超出所需"}
    assert refusal(lambda: decided(desk, found, **refuse)) == ["paper-owed", "paper-owed"]
    supplied(desk, found, "security")
    assert refusal(lambda: decided(desk, found)) == ["paper-owed"]
    signed(desk, found)
    assert decided(desk, found).state == State.OFFERED
    with house.read() as work:
        told = {row.kind for row in work.db.exec(select(MessageRow))}
        assert audit.verify(work)[1] is None
    assert {"paper.owed", "paper.came"} <= told


def test_the_clocks_stand_while_a_paper_is_to_follow(desk: Desk, clock: TestClock) -> None:
    found = screened(desk, sent(desk, a_draft(desk)), security=5, record=3)
    assert found.due_on is None
    clock.forward(days=3)
    supplied(desk, found, "security")
    assert now_of(desk, found).due_on is None
    supplied(desk, found, "record")
    with desk.read("screener") as (work, _actor):
        review = next(c for c in counting.clocks_of(work, found.id) if c.stage is Stage.REVIEW)
    assert (review.used_days, review.due_on) == (0, date(2026, 3, 12))
    assert now_of(desk, found).due_on == date(2026, 3, 12)


@pytest.mark.parametrize(("overdue", "state"), [("return", State.RETURNED), ("lapse", State.LAPSED)])
def test_what_does_not_follow_in_time_goes_back_or_lapses_as_the_profile_says(
    desk: Desk, clock: TestClock, overdue: str, state: State
) -> None:
    in_force(desk, policy(overdue=overdue))
    found = reviewed(desk, screened(desk, sent(desk, a_draft(desk)), security=2, record=1))
    supplied(desk, found, "record")
    clock.forward(days=2)
    with desk.house.write() as work:
        assert is_anything_due(work)  # the reminder of the last day
        note_due(work)
    assert now_of(desk, found).state == State.DECIDING  # its last day still counts
    clock.forward(days=1)
    assert refusal(lambda: supplied(desk, found, "security")) == ["paper-overdue"]
    with desk.house.write() as work:
        assert note_due(work) >= 1
    with desk.house.write() as work:
        assert note_due(work) == 0
    assert now_of(desk, found).state == state
    if state is State.RETURNED:
        supplied(desk, found, "security")
        assert screened(desk, sent(desk, found)).state == State.IN_REVIEW


def test_what_is_late_and_comes_back_without_it_is_let_follow_anew(desk: Desk, clock: TestClock) -> None:
    found = screened(desk, sent(desk, a_draft(desk)), security=2, record=3)
    signed(desk, found)
    clock.forward(days=4)
    with desk.house.write() as work:
        note_due(work)
    again = sent(desk, found)
    assert refusal(lambda: screened(desk, again)) == ["paper-missing"]
    assert state_of(desk, screened(desk, again, security=5), "security").due_on == date(2026, 3, 13)


def test_reminders_come_three_days_and_one_day_before(desk: Desk, clock: TestClock) -> None:
    found = screened(desk, sent(desk, a_draft(desk)), security=5, record=3)
    signed(desk, found)
    seen: list[int] = []
    for _ in range(7):
        with desk.house.write() as work:
            note_due(work)
            rows = work.db.exec(select(MessageRow).where(MessageRow.kind == "reminder.paper"))
            seen.append(len({row.once for row in rows}))
        clock.forward(days=1)
    assert (max(seen), seen[0]) == (2, 0)


def test_a_commitment_is_signed_by_its_text_and_by_the_officer_alone(desk: Desk) -> None:
    draft = a_draft(desk)
    with pytest.raises(TransitionRefused):
        signed(desk, draft, who="applicant")
    with pytest.raises(Conflict), desk.write("officer") as (work, actor):
        commitments.promise(work, actor, draft.id, "record", Promise(hash="0" * 64))
    assert refusal(lambda: signed(desk, draft, "security")) == ["paper-not-promisable"]
    held = signed(desk, draft)
    assert (held.state, held.commitment_id is not None) == ("PROMISED", True)
    with desk.read("officer") as (work, actor):
        found = commitments.commitment_of(work, actor, held.commitment_id or "")
    assert found.document["signer"]["account"] == "officer"
    assert found.document["text"]["zh"] == "本机构承诺没有违法失信记录。"
    with pytest.raises(NotFound), desk.read("steward_a") as (work, actor):  # a draft is its own side's
        commitments.commitment_of(work, actor, found.id)
    supplied(desk, draft, "record")
    with desk.read("officer") as (work, actor):
        assert commitments.commitment_of(work, actor, found.id).state == "KEPT"


def test_a_broken_commitment_reopens_the_paper_bars_others_and_stays_before_deciders(
    desk: Desk, clock: TestClock
) -> None:
    found = sent(desk, a_draft(desk))
    held = signed(desk, found).commitment_id or ""
    found = decided(desk, reviewed(desk, _with_security(desk, found)))
    with pytest.raises(InputRefused):
        broken(desk, held, note="无")
    broken(desk, held)
    assert refusal(lambda: agreed(desk, found)) == ["paper-owed"]
    assert refusal(lambda: signed(desk, found)) == ["commitment-broken-before"]
    with pytest.raises(TransitionRefused):
        broken(desk, held)
    supplied(desk, found, "record")
    grant = agreed(desk, found).grants[0]
    assert activated(desk, grant).state == "ACTIVE"
    other = a_draft(desk, scenario_id="weather")
    assert refusal(lambda: signed(desk, other)) == ["commitment-broken-before"]
    with desk.read("approver") as (work, actor):
        seen = commitments.broken_of(work, "insurer")
        assert [(each.id, each.note) for each in seen] == [(held, "查询发现有处罚记录")]
        assert commitments.commitments(work, actor, state="BROKEN")[1] == 1
    assert {"commitment.broken", "paper.reopened"} <= set(kinds(desk))
    clock.forward(days=366)
    with desk.read("officer") as (work, actor):
        until = commitments.barred_until(work, "insurer")
    assert until is not None
    assert until < clock().date()


def _with_security(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    supplied(desk, found, "security")
    return screened(desk, found)


def test_reopened_after_the_agreement_and_late_it_stops_new_applications(
    desk: Desk, clock: TestClock
) -> None:
    draft = a_draft(desk)
    held = signed(desk, draft).commitment_id or ""  # signed on the draft, before its departments were fixed
    found = sent(desk, draft)
    agreed(desk, decided(desk, reviewed(desk, _with_security(desk, found))))
    other = a_draft(desk, scenario_id="weather")
    broken(desk, held)
    clock.forward(days=10)
    assert refusal(lambda: sent(desk, other)) == ["paper-overdue"]


def test_the_own_side_neither_sends_papers_back_nor_finds_a_breach(desk: Desk) -> None:
    with desk.house.write() as work:
        person = actor_of(work, "applicant").person_id
        a_person(work, "twin", "parks", ["reviewer_business", "steward"], person_id=person)
    found = sent(desk, a_draft(desk))
    held = signed(desk, found).commitment_id or ""
    back = PaperReturn(note="方案内容不完整")
    with pytest.raises(AccessRefused) as refused, desk.write("twin") as (work, actor):
        papers.send_back(work, actor, found.id, "plan", back)
    assert codes(refused) == ["separation-of-duties-1"]
    assert refusal(lambda: broken(desk, held, "twin")) == ["separation-of-duties-1"]
    with pytest.raises(TransitionRefused):
        broken(desk, held, "screener")
    with desk.write("screener") as (work, actor):
        done = papers.send_back(work, actor, found.id, "plan", back)
    assert (done.state, done.due_on, done.note) == ("OWED", date(2026, 3, 9), "方案内容不完整")


def test_what_is_no_paper_or_too_large_or_stale_is_refused_and_names_are_tamed(desk: Desk) -> None:
    draft = a_draft(desk)
    for content in (b"<script>", b"", b"%PDF-" + bytes(5 * 1024 * 1024)):
        with pytest.raises(InputRefused):
            supplied(desk, draft, "security", content=content)
    with desk.write("applicant") as (work, actor):
        body = PaperSupply(name="..\\..//etc/\u202e方案.pdf", content_base64=base64.b64encode(A_PDF).decode())
        assert papers.supply(work, actor, draft.id, "security", body).file_name == "方案.pdf"
        for wrong, fault in (({"content_base64": "%%%"}, InputRefused), ({"version": 1}, Stale)):
            with pytest.raises(fault):
                papers.supply(work, actor, draft.id, "security", body.model_copy(update=wrong))
        with pytest.raises(NotFound):
            papers.supply(work, actor, draft.id, "passport", body)
    with desk.read("applicant") as (work, actor):
        assert files.file(work, actor, draft.id, "security").content == A_PDF
    with pytest.raises(NotFound), desk.read("applicant2") as (work, actor):
        files.file(work, actor, draft.id, "security")


def test_reading_a_paper_is_on_record(desk: Desk) -> None:
    draft = a_draft(desk)
    with desk.write("applicant") as (work, actor):
        held = files.file(work, actor, draft.id, "plan")
    assert held.content == A_PDF
    assert (
        client_as(desk.house, "applicant")
        .get(f"/api/v1/applications/{draft.id}/papers/plan/file")
        .status_code
        == 200
    )
    with desk.house.read() as work:
        read = work.db.exec(select(audit.AuditEventRow).where(audit.AuditEventRow.kind == "paper.read")).all()
    assert len(read) == 2
    assert all('"paper":"plan"' in each.payload and each.application_id == draft.id for each in read)
