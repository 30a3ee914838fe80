"""Duties are there once a grant has ended, however it ended and whoever noted it; overdue ones stop new applications."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from api.house import House
from auth import deadlines
from auth.applications import service as applications
from auth.applications.workflow import State as ApplicationState
from auth.casework.book import CaseStep
from auth.duties import rules, service
from auth.duties.rules import Lived, later
from auth.duties.service import Attachment, DutyAnswer, DutyRead
from auth.duties.tables import DutyRow
from auth.duties.workflow import Kind, Standing
from auth.grants import reading
from auth.grants import service as grants
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.profile.model import Reach, shipped
from core.errors import AccessRefused, InputRefused, TransitionRefused
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import RESCUES, Desk, a_desk, a_grant, an_application, submitted
from tests.people import browser_as, client_as

START = datetime(2026, 1, 31, 4, tzinfo=UTC)
GENERIC = shipped()["generic-open-data"]
PAPER = Attachment(name="证明.pdf", sha256="a" * 64)
ANSWER = DutyAnswer(text="已全部删除并核对日志，无留存副本", attachments=(PAPER,))


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _ends(desk: Desk, grant: GrantRead, how: str, clock: TestClock) -> None:
    note = GrantStep(note="违反使用约定")
    if how == "expire":
        clock.now = grant.ends_at
        return
    who, act = {"revoke": ("watch", grants.revoke), "relinquish": ("officer", grants.relinquish)}[how]
    with desk.write(who) as (work, actor):
        act(work, actor, grant.id, note)


def _rows(desk: Desk) -> list[tuple[str, str]]:
    with desk.house.read() as work:
        return sorted((row.kind, row.period) for row in work.db.exec(select(DutyRow)))


def _duties(desk: Desk, who: str = "officer", **by: str) -> list[DutyRead]:
    with desk.read(who) as (work, actor):
        return service.duties(work, actor, **by)[0]


@pytest.mark.parametrize("how", ["expire", "revoke", "relinquish"])
def test_both_duties_are_entered_exactly_once_however_the_grant_ends(
    house: House, clock: TestClock, how: str
) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    _ends(desk, grant, how, clock)
    for _ in range(3):
        with house.read() as work:
            anything = deadlines.is_anything_due(work)
        with house.write() as work:
            done = deadlines.note_due(work)
        assert (done > 0) == anything
    assert _rows(desk) == [("deletion_certificate", "end"), ("use_report", "end")]


def test_a_grant_that_never_counted_owes_nothing(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk, at="PENDING")
    _ends(desk, grant, "revoke", clock)
    assert _rows(desk) == []


def test_overdue_by_computed_end_blocks_new_applications_before_anybody_noted_it(
    desk: Desk, clock: TestClock
) -> None:
    """No sweep has run: the end, the duty and its day are all computed."""
    grant = a_grant(desk, ends_on="2026-05-31")
    clock.now = grant.ends_at + timedelta(days=29)
    ask = {"starts_on": "2026-09-01", "ends_on": "2026-09-30"}
    draft = an_application(desk, at=ApplicationState.DRAFT, **ask)
    with desk.read("applicant") as (work, actor):
        before = applications.precheck(work, actor, draft.id, assets=desk.assets).blocking
        assert "duty-overdue" not in {reason.code for reason in before}
    clock.forward(days=2)
    with desk.read("applicant") as (work, actor):
        said = [
            r
            for r in applications.precheck(work, actor, draft.id, assets=desk.assets).blocking
            if r.code == "duty-overdue"
        ]
    assert len(said) == 2
    assert {reason.facts["grant"] for reason in said} == {grant.id}
    assert all(reason.basis.startswith("R38") for reason in said)
    with pytest.raises(AccessRefused):
        submitted(desk, draft)
    with desk.house.write() as work:
        deadlines.note_due(work)
    late = _duties(desk, standing="overdue")
    assert {row.standing for row in late} == {Standing.OVERDUE}
    with desk.write("officer") as (work, actor):
        service.fulfil(work, actor, late[0].id, ANSWER)
    with desk.write("approver") as (work, actor):
        service.waive(work, actor, late[1].id, CaseStep(note="企业已注销，无法提交"))
    assert submitted(desk, draft).state == "SUBMITTED"


def test_what_is_handed_in_says_enough_and_may_be_returned(desk: Desk, clock: TestClock) -> None:
    _ends(desk, a_grant(desk), "revoke", clock)
    certificate = next(row for row in _duties(desk) if row.kind is Kind.DELETION_CERTIFICATE)
    for bad in (DutyAnswer(text="已删"), DutyAnswer(text=ANSWER.text)):
        with pytest.raises(InputRefused), desk.write("officer") as (work, actor):
            service.fulfil(work, actor, certificate.id, bad)
    for who in ("applicant", "approver", "auditor"):
        with pytest.raises(TransitionRefused), desk.write(who) as (work, actor):
            service.fulfil(work, actor, certificate.id, ANSWER)
    with desk.write("officer") as (work, actor):
        done = service.fulfil(work, actor, certificate.id, ANSWER)
    assert (done.standing, done.attachments) == ("fulfilled", [PAPER.model_dump()])
    with desk.write("screener") as (work, actor):
        assert service.send_back(work, actor, certificate.id, CaseStep(note="证明未加盖公章")).state == "OPEN"


@pytest.mark.parametrize("days_after", [0, 20, 45])
def test_what_is_returned_can_be_mended_before_it_is_overdue(
    house: House, clock: TestClock, days_after: int
) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    _ends(desk, grant, "expire", clock)
    with house.write() as work:
        deadlines.note_due(work)
    (certificate,) = [row for row in _duties(desk) if row.kind == Kind.DELETION_CERTIFICATE]
    with desk.write("officer") as (work, actor):
        service.fulfil(work, actor, certificate.id, ANSWER)
    clock.forward(days=days_after)
    with desk.write("screener") as (work, actor):
        back = service.send_back(work, actor, certificate.id, CaseStep(note="未列明备份"))
    today = clock().astimezone(LOCAL).date()
    assert back.due_on == max(certificate.due_on, today + timedelta(days=limits()["deletion_days"]))
    assert (back.standing, certificate.id in {row.id for row in _duties(desk, standing="open")}) == (
        Standing.OPEN,
        True,
    )
    clock.forward(days=(back.due_on - today).days + 1)
    assert certificate.id in {row.id for row in _duties(desk, standing="overdue")}


def test_a_report_of_ones_own_accord_is_never_overdue(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    in_force(desk, GENERIC.model_copy(update={"blocking_duties": {Kind.USE_REPORT: Reach.GRANT}}))
    grant = a_grant(desk)
    with desk.write("officer") as (work, actor):
        early = service.report_early(work, actor, grant.id, DutyAnswer(text="用于旅游风险评估，未对外提供"))
    with desk.write("screener") as (work, actor):
        service.send_back(work, actor, early.id, CaseStep(note="请补充用途说明"))
    clock.forward(days=90)
    assert _why_not(desk, grant) == []
    assert [(row.id, row.standing) for row in _duties(desk, standing="open")] == [(early.id, Standing.OPEN)]
    assert _duties(desk, standing="overdue") == []
    draft = an_application(
        desk,
        at=ApplicationState.DRAFT,
        scenario_id="weather",
        starts_on=date(2026, 7, 1),
        ends_on=date(2027, 6, 30),
    )
    assert submitted(desk, draft).state == ApplicationState.SUBMITTED


def test_renewal_needs_a_use_report_which_may_be_handed_in_early(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.read("officer") as (work, _):
        assert [reason.code for reason in service.renewal_objections(work, grant.id)] == [
            "use-report-missing"
        ]
    with desk.write("officer") as (work, actor):
        service.report_early(work, actor, grant.id, DutyAnswer(text="用于旅游风险评估，未对外提供"))
    with desk.read("officer") as (work, _):
        assert service.renewal_objections(work, grant.id) == ()


def test_duties_in_the_browser_and_over_http(desk: Desk, clock: TestClock) -> None:
    _ends(desk, a_grant(desk), "revoke", clock)
    officer = browser_as(desk.house, "officer")
    row = next(row for row in _duties(desk) if row.kind is Kind.DELETION_CERTIFICATE)
    assert "销毁证明" in officer.get("/duties?standing=open").text
    assert f"/duties/{row.id}" in officer.get("/").text
    bad = officer.submit(
        f"/duties/{row.id}/fulfil", version="1", text="全部副本已经删除", attachments="not-a-hash x"
    )
    assert (bad.status_code, "全部副本已经删除" in bad.text, "附件第 1 行" in bad.text) == (422, True, True)
    assert (
        officer.submit(
            f"/duties/{row.id}/fulfil", version="1", text=ANSWER.text, attachments=f"{'b' * 64}  a.pdf"
        ).status_code
        == 303
    )
    said = client_as(desk.house, "auditor").get(f"/api/v1/duties/{row.id}").json()
    assert (said["standing"], said["attachments"][0]["name"]) == ("fulfilled", "a.pdf")
    assert client_as(desk.house, "officer2").get(f"/api/v1/duties/{row.id}").status_code == 404
    assert (
        client_as(desk.house, "auditor")
        .post(f"/api/v1/duties/{row.id}/waive", json={"note": "不应由审计办理"})
        .status_code
        == 403
    )


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [(date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2024, 2, 29), 12, date(2025, 2, 28)), (date(2026, 3, 2), -12, date(2025, 3, 2)), (date(2026, 12, 5), 1, date(2027, 1, 5))],
)  # fmt: skip
def test_a_period_ends_on_the_same_day_of_the_month_or_its_last(day: date, months: int, then: date) -> None:
    assert rules.later(day, months) == then


@given(
    st.integers(1, 2000), st.integers(0, 2600), st.integers(0, 2600), st.integers(0, 1900), st.sampled_from(["REVOKED", "EXPIRED", "SUPERSEDED"])
)  # fmt: skip
def test_duties_once_there_stay_and_noting_the_end_late_changes_nothing(
    length: int, early: int, more: int, noted: int, state: str
) -> None:
    ends = START + timedelta(days=length)
    running = Lived(START, START, ends, "ACTIVE", False, None)
    first, second = START + timedelta(days=early), START + timedelta(days=early + more)
    known = limits()
    assert set(rules.duties_of(running, first, known)) <= set(rules.duties_of(running, second, known))
    late = Lived(START, START, ends, "EXPIRED", True, ends + timedelta(days=noted))
    if second >= ends:
        assert list(rules.duties_of(running, second, known)) == list(rules.duties_of(late, second, known))
    stopped = Lived(START, START, ends, state, True, min(ends, second))
    found = list(rules.duties_of(stopped, second, known))
    assert len({(due.kind, due.period) for due in found}) == len(found)
    assert (Kind.DELETION_CERTIFICATE in {due.kind for due in found}) == (
        state != "SUPERSEDED" and min(ends, second) > START
    )
    assert list(rules.duties_of(Lived(None, START, ends, state, True, ends), second, known)) == []


def test_nothing_is_owed_of_time_before_the_first_day() -> None:
    """Activated early, as the law of the register wants it, a grant owes nothing for the months in which nobody could use it."""
    known, begins = limits(), START + timedelta(days=700)
    waiting = Lived(START, begins, begins + timedelta(days=900), "ACTIVE", False, None)
    assert list(rules.duties_of(waiting, begins - timedelta(days=1), known)) == []
    first, *_ = rules.duties_of(waiting, begins + timedelta(days=899), known)
    due = rules.later(begins.astimezone(LOCAL).date(), known["use_report_months"])
    assert first.due_on == due + timedelta(days=known["use_report_days"])
    for state in ("REVOKED", "SUPERSEDED"):
        ended = Lived(START, begins, waiting.ends_at, state, True, begins - timedelta(days=3))
        assert list(rules.duties_of(ended, begins + timedelta(days=1000), known)) == []


@pytest.mark.parametrize(
    ("state", "days", "columns", "continued"),
    [
        ("EXPIRED", 0, {"a", "b"}, True), ("ACTIVE", 30, {"a", "b", "c"}, True), ("SUSPENDED", 30, {"a", "b"}, True),
        ("EXPIRED", 31, {"a", "b"}, False), ("EXPIRED", 0, {"a"}, False), ("REVOKED", 0, {"a", "b"}, False), ("TERMINATED", 0, {"a", "b"}, False),
    ],
)  # fmt: skip
def test_a_renewal_goes_on_with_data_that_it_covers_and_that_need_not_be_gone_yet(
    state: str, days: int, columns: set[str], continued: bool
) -> None:
    known, begins = limits(), START + timedelta(days=days)
    assert known["deletion_days"] == 30
    said = rules.continues(
        state, START, {"a", "b"}, renewed_from=begins, renewed_columns=columns, limits=known
    )
    assert said is continued
    lived = Lived(START - timedelta(days=90), START - timedelta(days=90), START, "EXPIRED", True, START, said)
    kinds = [due.kind for due in rules.duties_of(lived, START, known)]
    assert kinds == [Kind.USE_REPORT, *([] if continued else [Kind.DELETION_CERTIFICATE])]


def _why_not(desk: Desk, grant: GrantRead) -> list[str]:
    with desk.read("officer") as (work, actor):
        return [each["code"] for each in reading.grant(work, actor, grant.id).why_not]


@pytest.mark.parametrize(
    ("reach", "same_dataset", "other_dataset"),
    [("none", [], []), ("grant", [], []), ("dataset", ["blocking-duty-overdue"], []), ("organisation", ["blocking-duty-overdue"], ["blocking-duty-overdue"])],
)  # fmt: skip
def test_an_overdue_certificate_stops_live_use_as_far_as_the_profile_says(
    desk: Desk, clock: TestClock, reach: str, same_dataset: list[str], other_dataset: list[str]
) -> None:
    """Nobody has noted the duty: the end, the day and the block are computed; the use report, overdue too, blocks nothing."""
    generic = shipped()["generic-open-data"]
    in_force(desk, generic.model_copy(update={"blocking_duties": {Kind.DELETION_CERTIFICATE: Reach(reach)}}))
    old = a_grant(desk)
    _ends(desk, old, "revoke", clock)
    new, other = a_grant(desk), a_grant(desk, asset=RESCUES)
    clock.forward(days=limits()["deletion_days"])
    assert (_why_not(desk, new), _why_not(desk, other)) == ([], [])
    clock.forward(days=1)
    assert (_why_not(desk, new), _why_not(desk, other)) == (same_dataset, other_dataset)
    (certificate,) = [d for d in _duties(desk, grant_id=old.id) if d.kind is Kind.DELETION_CERTIFICATE]
    with desk.write("officer") as (work, actor):
        service.fulfil(work, actor, certificate.id, ANSWER)
    assert (_why_not(desk, new), _why_not(desk, other)) == ([], [])


def test_an_overdue_report_stops_its_own_grant_where_the_profile_asks_for_it(
    desk: Desk, clock: TestClock
) -> None:
    generic = shipped()["generic-open-data"]
    assert generic.blocking_duties[Kind.USE_REPORT] is Reach.NONE
    grant = a_grant(desk, ends_on="2028-03-01")
    clock.forward(days=365 + limits()["use_report_days"] + 2)
    assert _why_not(desk, grant) == []
    in_force(desk, generic.model_copy(update={"blocking_duties": {Kind.USE_REPORT: Reach.GRANT}}))
    assert _why_not(desk, grant) == ["blocking-duty-overdue"]


@pytest.mark.parametrize(
    ("day", "months", "wanted"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 30), 1, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 3, 2), 12, date(2027, 3, 2)),
        (date(2026, 5, 31), 1, date(2026, 6, 30)),
    ],
)
def test_the_same_day_months_later_or_the_last_of_that_month(day: date, months: int, wanted: date) -> None:
    assert later(day, months) == wanted
