"""Data in authorised operation are reviewed, put on notice, given a code, renewed in time; where the profile says so, no grant goes without."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from api.house import House
from auth.applications import service as applications
from auth.applications.workflow import State as ApplicationState
from auth.asset import Asset
from auth.casework.book import CaseStep
from auth.grants import reading
from auth.identity.tables import AccountRow
from auth.messages import reminders
from auth.messages.tables import MessageRow
from auth.profile.papers import PaperSet
from auth.registrations import rules, service
from auth.registrations.rules import Attached, Body, Entry, Paper, Standing
from auth.registrations.service import (
    RegistrationCertify,
    RegistrationCreate,
    RegistrationRead,
    RegistrationSave,
)
from auth.registrations.workflow import MOVES, Act, State, Step, advance
from auth.roles import Role
from core.errors import AccessRefused, InputRefused, NotFound, TransitionRefused
from core.ids import DatasetId
from tests.auth.agreements.scene import DISTRICT, in_force
from tests.conftest import TestClock
from tests.desk import PARKS, RESCUES, Desk, a_desk, a_grant, an_application, codes
from tests.people import a_person, browser_as, client_as, new_browser

DAY = date(2026, 3, 2)
PAPERS = tuple(Attached(paper=paper, name=f"{paper.value}.pdf", sha256="d" * 64) for paper in Paper)
BODY = Body(
    **dict.fromkeys(("legality", "resource", "storage", "products", "scenarios", "risk", "change"), "见附件，已经核对"), attachments=PAPERS
)  # fmt: skip


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "registrar", "bureau", ["reviewer_business"])
    return desk


def test_only_the_table_moves_an_act() -> None:
    for state, step, role in itertools.product(State, Step, Role):
        move = MOVES.get((state, step))
        if move is not None and role in move.by:
            assert advance(state, step, frozenset({role})) is move.to
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, frozenset({role}))


@pytest.mark.parametrize("act", Act)
def test_every_part_and_paper_that_an_act_needs_is_named(act: Act) -> None:
    assert list(rules.gaps(act, BODY)) == []
    found = list(rules.gaps(act, Body()))
    assert [each.facts.get("part") or each.facts["paper"] for each in found] == [
        *rules.NEEDED[act],
        *rules.PAPERS[act],
    ]
    agent = Body(agent="某代理公司")
    assert Paper.MANDATE in {each.facts.get("paper") for each in rules.gaps(act, agent)}


moments = st.integers(-2000, 2000).map(lambda n: DAY + timedelta(n))


@given(st.lists(st.tuples(st.sampled_from(Act), st.sampled_from(State), moments), max_size=5), moments)
def test_standing_is_registered_only_within_a_validity(
    acts: list[tuple[Act, State, date]], today: date
) -> None:
    known = [Entry(act, state, "c", day, day + timedelta(days=1095)) for act, state, day in acts]
    where, until = rules.standing(known, today)
    counts = rules.newest(known)
    assert (where is Standing.REGISTERED) is (
        counts is not None
        and counts.act is not Act.CANCELLATION
        and counts.valid_to is not None
        and counts.valid_to >= today
    )
    assert where is not Standing.NONE or counts is None
    if where is Standing.REGISTERED:
        assert list(rules.grant_objections("D", where, until, today, "b")) == []
    binding = {each.code for each in rules.grant_objections("D", where, until, date.max, "b")}
    assert bool(binding) is (where is not Standing.UNDER_WAY)


@given(moments, st.integers(0, 4000))
def test_a_renewal_in_time_loses_no_day(first: date, later: int) -> None:
    starts, ends = rules.validity(Act.FIRST, None, first, 3)
    assert starts == first
    assert ends is not None
    before, today = Entry(Act.FIRST, State.REGISTERED, "c", starts, ends), first + timedelta(days=later)
    begins, until = rules.validity(Act.RENEWAL, before, today, 3)
    assert until is not None
    assert until > max(ends, today)
    assert begins == (first if today <= ends + timedelta(days=1) else today)
    assert rules.validity(Act.CHANGE, before, today, 3) == (starts, ends)
    assert rules.validity(Act.CANCELLATION, before, today, 3)[1] == today


def _drafted(desk: Desk, act: Act = Act.FIRST, who: str = "steward_a", body: Body = BODY) -> RegistrationRead:
    with desk.write(who) as (work, actor):
        return service.draft(
            work,
            actor,
            RegistrationCreate(dataset_id=PARKS.dataset_id, act=act, body=body),
            assets=desk.assets,
        )


def _step(desk: Desk, who: str, found: RegistrationRead, which: Step, note: str = "") -> RegistrationRead:
    with desk.write(who) as (work, actor):
        return service.step(work, actor, found.id, which, CaseStep(note=note))


def _certified(desk: Desk, clock: TestClock, act: Act = Act.FIRST, code: str = "") -> RegistrationRead:
    found = _step(desk, "steward_a", _drafted(desk, act), Step.SUBMIT)
    found = _step(desk, "registrar", found, Step.PASS)
    if found.notice_to is not None:
        end = found.notice_to + timedelta(days=1)
        clock.now = datetime(end.year, end.month, end.day, 4, tzinfo=UTC)
    with desk.write("approver") as (work, actor):
        return service.certify(work, actor, found.id, RegistrationCertify(code=code))


def _ready(desk: Desk, asset: Asset, clock: TestClock) -> RegistrationRead:
    """A first registration of another dataset, up to its code."""
    with desk.write("steward_a") as (work, actor):
        body = RegistrationCreate(dataset_id=asset.dataset_id, act=Act.FIRST, body=BODY)
        made = service.draft(work, actor, body, assets=desk.assets)
    found = _step(desk, "registrar", _step(desk, "steward_a", made, Step.SUBMIT), Step.PASS)
    assert found.notice_to is not None
    clock.now = datetime.combine(found.notice_to + timedelta(days=1), time(4), UTC)
    return found


def _coded(desk: Desk, found: RegistrationRead, code: str = "") -> str:
    with desk.write("approver") as (work, actor):
        return service.certify(work, actor, found.id, RegistrationCertify(code=code)).code


def test_a_code_given_by_hand_is_not_counted(desk: Desk, clock: TestClock) -> None:
    for number, typed in enumerate(("REG-2026-A", "REG-2026-0000001", "REG-2026-ABCDEF")):
        desk.known[f"DP-{number}"] = replace(RESCUES, dataset_id=DatasetId(f"DP-{number}"))
        assert _coded(desk, _ready(desk, desk.known[f"DP-{number}"], clock), typed) == typed
    assert _coded(desk, _ready(desk, PARKS, clock)) == "REG-2026-000001"
    assert _coded(desk, _ready(desk, RESCUES, clock)) == "REG-2026-000002"


def test_a_code_belongs_to_one_dataset_and_those_counted_here_are_not_typed(
    desk: Desk, clock: TestClock
) -> None:
    assert _certified(desk, clock, code="GD-1").code == "GD-1"
    waiting = _ready(desk, RESCUES, clock)
    for typed, said in (
        ("GD-1", "belongs to another"),
        (" GD-1 ", "belongs to another"),
        ("REG-2026-999999", "counted here"),
    ):
        with pytest.raises(InputRefused, match=said):
            _coded(desk, waiting, typed)
    assert _coded(desk, waiting) == "REG-2026-000001"
    assert _certified(desk, clock, Act.CHANGE, code="GD-1").code == "GD-1", "its own, again"


def test_what_needs_no_notice_waits_for_its_code_at_once(desk: Desk, clock: TestClock) -> None:
    _certified(desk, clock)
    found = _step(desk, "steward_a", _drafted(desk, Act.CORRECTION), Step.SUBMIT)
    found = _step(desk, "registrar", found, Step.PASS)
    assert found.notice_to is None
    with desk.house.read() as work:
        assert not service.is_anything_due(work)
        rows = work.db.exec(select(MessageRow).where(MessageRow.kind == "registration.ready"))
        names = {
            work.db.get_one(AccountRow, row.account_id).username for row in rows if row.subject == found.id
        }
    assert names == {"approver", "approver2"}


def _standing(desk: Desk) -> Standing:
    with desk.house.read() as work:
        return service.standing_of(work, PARKS.dataset_id)[0]


def test_the_way_to_a_code_three_people_and_a_notice(desk: Desk, clock: TestClock) -> None:
    draft = _drafted(desk, body=Body())
    with pytest.raises(AccessRefused) as refused:
        _step(desk, "steward_a", draft, Step.SUBMIT)
    assert len(codes(refused)) == 9
    with desk.write("steward_a") as (work, actor):
        service.save(work, actor, draft.id, RegistrationSave(body=BODY))
    with pytest.raises(AccessRefused) as refused:
        _drafted(desk)
    assert codes(refused) == ["registration-open"]
    found = _step(desk, "steward_a", draft, Step.SUBMIT)
    assert (str(found.review_due_on), _standing(desk)) == ("2026-03-30", Standing.UNDER_WAY)
    with pytest.raises(NotFound):
        _step(desk, "roads_screener", found, Step.PASS)
    with pytest.raises(TransitionRefused):
        _step(desk, "screener", found, Step.PASS)  # the department's own reviewer
    found = _step(
        desk,
        "registrar",
        _step(desk, "steward_b", _step(desk, "registrar", found, Step.RETURN, "请补充存储"), Step.SUBMIT),
        Step.PASS,
    )
    assert client_as(desk.house, "").get(f"/api/v1/registrations/{found.id}").json()["body"] is None
    with desk.write("approver") as (work, actor), pytest.raises(AccessRefused) as refused:
        service.certify(work, actor, found.id, RegistrationCertify())
    assert codes(refused) == ["notice-running"]
    found = _step(
        desk, "registrar", _step(desk, "registrar", found, Step.OBJECT, "有人提出来源异议"), Step.PASS
    )
    assert found.notice_to is not None
    clock.now = datetime(2026, 3, 17, 4, tzinfo=UTC)
    with desk.write("approver") as (work, actor):
        made = service.certify(work, actor, found.id, RegistrationCertify())
    assert (made.code, str(made.valid_from), str(made.valid_to)) == (
        "REG-2026-000001",
        "2026-03-17",
        "2029-03-16",
    )
    assert _standing(desk) is Standing.REGISTERED


def test_one_person_with_two_roles_is_still_one(desk: Desk, clock: TestClock) -> None:
    with desk.house.write() as work:
        a_person(work, "both", "bureau", ["reviewer_business", "approver", ("steward", "*")])
    found = _step(desk, "both", _drafted(desk), Step.SUBMIT)
    with pytest.raises(AccessRefused) as refused:
        _step(desk, "both", found, Step.PASS)
    assert codes(refused) == ["registration-people"]
    _step(desk, "registrar", found, Step.PASS)
    clock.forward(days=40)
    with desk.write("both") as (work, actor), pytest.raises(AccessRefused) as refused:
        service.certify(work, actor, found.id, RegistrationCertify())
    assert codes(refused) == ["registration-people"]


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_changes_renewal_and_cancellation_keep_the_code(desk: Desk, clock: TestClock) -> None:
    with pytest.raises(AccessRefused) as refused:
        _drafted(desk, Act.CHANGE)
    assert codes(refused) == ["not-registered"]
    first = _certified(desk, clock, code="GD-440300-0001")
    with pytest.raises(AccessRefused) as refused:
        _drafted(desk)
    assert codes(refused) == ["registered-already"]
    corrected = _certified(desk, clock, Act.CORRECTION)
    assert (corrected.code, corrected.valid_to, corrected.notice_to) == (first.code, first.valid_to, None)
    sent = []
    for left in (90, 60, 30):
        assert first.valid_to is not None
        day = first.valid_to - timedelta(days=left)
        clock.now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        with desk.house.write() as work:
            due = [before for ending, before in reminders.due(work) if ending.kind == "registration"]
            reminders.remind_due(work)
        sent += due
    assert sent == [90, 60, 30]
    renewed = _certified(desk, clock, Act.RENEWAL)
    assert (renewed.code, str(renewed.valid_to)) == (
        first.code,
        f"{first.valid_to.year + 3}{str(first.valid_to)[4:]}",
    )  # type: ignore[union-attr]
    gone = _certified(desk, clock, Act.CANCELLATION)
    assert (gone.is_valid, _standing(desk)) == (False, Standing.CANCELLED)
    with desk.read("auditor") as (work, actor):
        states = [each.state for each in service.registrations(work, actor)[0]]
    assert states == [State.REGISTERED, *[State.SUPERSEDED] * 3]


def _why_not(desk: Desk, grant_id: str) -> list[str]:
    with desk.read("officer") as (work, actor):
        return [each["code"] for each in reading.grant(work, actor, grant_id).why_not]  # type: ignore[arg-type]


def test_the_profile_says_whether_a_grant_waits_for_it(desk: Desk, clock: TestClock) -> None:
    in_force(
        desk,
        DISTRICT.model_copy(update={"registration": "encouraged", "agreement": False, "papers": PaperSet()}),
    )
    draft = an_application(desk, at=ApplicationState.DRAFT)
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    assert said.blocking == ()
    assert "dataset-not-registered" in [each.code for each in said.advice]
    grant = a_grant(desk, columns=["venue_id"], scenario_id="weather")
    in_force(
        desk,
        DISTRICT.model_copy(update={"registration": "required", "agreement": False, "papers": PaperSet()}),
    )
    assert _why_not(desk, grant.id) == ["registration-not-valid"]
    with pytest.raises(AccessRefused) as refused:
        an_application(desk)
    assert codes(refused) == ["dataset-not-registered"]
    _step(desk, "steward_a", _drafted(desk), Step.SUBMIT)
    assert _why_not(desk, grant.id) == []
    assert an_application(desk).state == ApplicationState.SUBMITTED


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")
def test_no_grant_outlasts_the_registration(desk: Desk, clock: TestClock) -> None:
    made = _certified(desk, clock)
    in_force(
        desk,
        DISTRICT.model_copy(update={"registration": "required", "agreement": False, "papers": PaperSet()}),
    )
    assert made.valid_to is not None
    starts = clock.now.date() + timedelta(days=1)
    with pytest.raises(AccessRefused) as refused:
        an_application(desk, starts_on=starts, ends_on=made.valid_to + timedelta(days=1))
    assert "outside-registration" in codes(refused)
    assert (
        an_application(desk, starts_on=starts, ends_on=starts + timedelta(days=300)).state
        == ApplicationState.SUBMITTED
    )


def test_the_pack_holds_what_was_handed_in_and_is_the_same_each_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _drafted(desk)
    monkeypatch.setattr("api.routes.registrations.assets", lambda _, which: desk.assets(which))
    place, steward = f"/api/v1/registrations/{found.id}", client_as(desk.house, "steward_a")
    assert client_as(desk.house, "applicant").post(f"{place}/pack").status_code == 403
    assert client_as(desk.house, "roads_screener").post(f"{place}/pack").status_code == 404
    one, two = (steward.post(f"{place}/pack").content for _ in range(2))
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as made:
        assert sorted(made.namelist()) == [
            "SHA256SUMS",
            "attachments.txt",
            "registration.json",
            "registration.xlsx",
        ]
        told = json.loads(made.read("registration.json"))
    assert (told["subject"]["id"], len(told["attachments"]), told["parts"]["storage"]) == (
        "parks",
        5,
        BODY.storage,
    )


def test_pages_keep_what_was_typed_and_the_public_reads_the_list(
    desk: Desk, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.registrations.assets", lambda _, which: desk.assets(which))
    steward = browser_as(desk.house, "steward_a")
    typed: dict[str, Any] = dict.fromkeys(
        ("legality", "resource", "storage", "products", "scenarios", "risk"), "见附件，已经核对"
    )
    typed |= {"dataset_id": PARKS.dataset_id, "act": "first", "attachments": "nonsense"}
    kept = steward.submit("/registrations", **typed)
    assert (kept.status_code, "nonsense" in kept.text, "第 1 行" in kept.text) == (422, True, True)
    typed["attachments"] = "\n".join(f"{each.paper.value} {each.name} {each.sha256}" for each in PAPERS[:3])
    assert steward.submit("/registrations", **typed).status_code == 303
    with desk.read("steward_a") as (work, actor):
        place = f"/registrations/{service.registrations(work, actor)[0][0].id}"
    assert steward.submit(f"{place}/submit", version="1").status_code == 303
    assert browser_as(desk.house, "registrar").submit(f"{place}/pass", version="2").status_code == 303
    clock.forward(days=20)
    assert (
        browser_as(desk.house, "approver").submit(f"{place}/certify", version="3", code="").status_code == 303
    )
    public = new_browser(desk.house, "zh")
    assert "REG-2026-000001" in public.get("/registrations").text
    assert "已经核对" not in public.get(place).text
    assert (
        client_as(desk.house, "").get("/api/v1/registrations", params={"q": "REG-2026"}).json()["total"] == 1
    )


REGISTERED = Entry(Act.FIRST, State.REGISTERED, "R1", date(2026, 1, 1), date(2026, 12, 31))
CANCELLED = Entry(Act.CANCELLATION, State.REGISTERED, "R1", date(2026, 1, 1), date(2026, 6, 1))
ASKED = Entry(Act.RENEWAL, State.SUBMITTED, "", None, None)


@pytest.mark.parametrize(
    ("entries", "today", "wanted", "last"),
    [
        ([], date(2026, 3, 2), Standing.NONE, None),
        ([ASKED], date(2026, 3, 2), Standing.UNDER_WAY, None),
        ([REGISTERED], date(2026, 12, 31), Standing.REGISTERED, date(2026, 12, 31)),
        ([REGISTERED], date(2027, 1, 1), Standing.EXPIRED, date(2026, 12, 31)),
        ([REGISTERED, ASKED], date(2027, 1, 1), Standing.UNDER_WAY, date(2026, 12, 31)),
        ([CANCELLED], date(2026, 7, 1), Standing.CANCELLED, None),
        ([CANCELLED, ASKED], date(2026, 7, 1), Standing.UNDER_WAY, None),
    ],
)
def test_standing_on_a_day(entries: list[Entry], today: date, wanted: Standing, last: date | None) -> None:
    assert rules.standing(entries, today) == (wanted, last)


@pytest.mark.parametrize("where", list(Standing))
def test_use_and_grants_need_a_registration_that_is_valid_or_under_way(where: Standing) -> None:
    lacks = where in {Standing.NONE, Standing.EXPIRED, Standing.CANCELLED}
    used = list(rules.use_objections("D1", where, "R06"))
    assert [each.code for each in used] == (["registration-not-valid"] if lacks else [])
    asked = list(rules.grant_objections("D1", where, date(2026, 12, 31), date(2027, 1, 1), "R06"))
    late = ["outside-registration"] if where is Standing.REGISTERED else []
    assert [each.code for each in asked] == (["dataset-not-registered"] if lacks else late)
    assert (
        list(rules.grant_objections("D1", Standing.REGISTERED, date(2026, 12, 31), date(2026, 12, 31), "R06"))
        == []
    )
