"""What becomes of a failing rule: opened, worked on, answered, settled by a correction, confirmed by a second person."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Stale
from core.outbox import OutboxRow
from datasets.batches import service as batches
from datasets.batches.tables import BatchRow
from datasets.tickets import deadlines, following, queries, service
from datasets.tickets.models import TicketAnswer, TicketAssign, TicketNote
from datasets.waivers.cover import Standing
from quality.suite import Suite
from tests.conftest import TestClock
from tests.datasets.parking import DATASET, SUITE, save_suite
from tests.datasets.tickets.stories import a_stage, a_verdict, a_waiver, judge, judged, the_ticket
from tests.people import actor_of


@pytest.fixture
def stage(sqlite_house: House) -> House:
    a_stage(sqlite_house)
    return sqlite_house


def _answer(house: House, who: str, answer: str = "data_right", rule: str = "K2") -> None:
    with house.write() as work:
        body = TicketAnswer.model_validate({"answer": answer, "note": "已与源系统逐条核对"})
        service.answer(work, actor_of(work, who), the_ticket(house, rule).id, body)


def _confirm(house: House, who: str, rule: str = "K2") -> None:
    with house.write() as work:
        service.confirm(work, actor_of(work, who), the_ticket(house, rule).id, TicketNote())


def _codes(refused: pytest.ExceptionInfo[AccessRefused]) -> list[str]:
    return [reason.code for reason in refused.value.reasons]


def test_each_failing_rule_gets_a_ticket_with_its_day(house: House) -> None:
    a_stage(house)
    judged(house, fails={"K1": 2, "K2": 7, "W1": 1})
    with house.read() as work:
        found = queries.tickets(work, actor_of(work, "zhou"), sort="number")
        events = [
            (row.topic, json.loads(row.body)["number"])
            for row in work.db.exec(select(OutboxRow).where(OutboxRow.topic == "ticket.opened"))
        ]
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
    assert {each.rule_key: (each.failing_rows, each.severity) for each in found.items} == {
        "K1": (2, "critical"), "K2": (7, "critical"), "W1": (1, "warning"),
    }  # fmt: skip
    days = {each.rule_key: each.due_on for each in found.items}
    assert days == {
        "K1": date(2026, 3, 9),
        "K2": date(2026, 3, 9),
        "W1": date(2026, 3, 16),
    }  # 5 and 10 working days
    assert sorted(events) == [("ticket.opened", n) for n in (1, 2, 3)]
    assert kinds.count("ticket.opened") == 3


def test_a_rule_that_fails_again_goes_on_in_the_same_ticket(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    second = judged(stage, fails={"K2": 3})
    ticket = the_ticket(stage)
    assert (ticket.number, ticket.times, ticket.failing_rows, ticket.batch_id) == (1, 2, 3, second.id)


def test_a_passing_batch_of_another_period_mends_nothing(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    judged(stage)
    assert the_ticket(stage).state == "open"


def test_a_passing_correction_answers_by_itself_and_a_second_person_confirms(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    mended = judged(stage, "zhou", corrects=failed.id)
    ticket = the_ticket(stage)
    assert (ticket.state, ticket.answer, ticket.mended_by, ticket.answered) == (
        "answered",
        "corrected",
        mended.id,
        None,
    )
    with pytest.raises(AccessRefused) as refused:
        _confirm(stage, "zhou")
    assert _codes(refused) == ["answerer-may-not-confirm"]
    _confirm(stage, "lin")
    assert the_ticket(stage).state == "closed"


def test_a_correction_that_fails_again_reopens_what_was_answered(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    _answer(stage, "lin", "corrected")
    with pytest.raises(AccessRefused) as refused:
        _confirm(stage, "zhou")
    assert _codes(refused) == ["not-settled"]
    judged(stage, corrects=failed.id, fails={"K2": 1})
    ticket = the_ticket(stage)
    assert (ticket.state, ticket.answer, ticket.failing_rows) == ("reopened", None, 1)


def test_a_closed_rule_that_fails_again_opens_a_new_ticket_that_names_the_old_one(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    judged(stage, corrects=failed.id)
    _confirm(stage, "zhou")
    old = the_ticket(stage)
    judged(stage, fails={"K2": 2})
    new = the_ticket(stage)
    assert (new.number, new.previous_id, new.state) == (2, old.id, "open")
    with stage.write() as work, pytest.raises(Conflict):
        service.reopen(work, actor_of(work, "zhou"), old.id, TicketNote(note="仍有问题，请再查"))


def test_data_that_are_right_need_a_waiver_or_another_rule(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    _answer(stage, "lin")
    with pytest.raises(AccessRefused) as refused:
        _confirm(stage, "zhou")
    assert _codes(refused) == ["not-settled"]
    with stage.write() as work:
        save_suite(
            work, expectations=[rule for rule in SUITE["expectations"] if rule["meta"]["rule_id"] != "K2"]
        )
    _confirm(stage, "zhou")
    assert the_ticket(stage).state == "closed"


def test_a_waiver_that_does_not_reach_as_far_closes_no_ticket(stage: House) -> None:
    judged(stage, fails={"K2": 7, "K1": 1})
    _answer(stage, "lin")
    a_waiver(stage, max_count=5)
    with pytest.raises(AccessRefused):
        _confirm(stage, "zhou")
    a_waiver(stage)
    _confirm(stage, "third")
    assert (the_ticket(stage).state, the_ticket(stage, "K1").state) == ("closed", "open")


def test_a_rule_that_left_the_suite_settles_its_ticket_at_the_next_check(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    with stage.write() as work:
        save_suite(
            work, expectations=[rule for rule in SUITE["expectations"] if rule["meta"]["rule_id"] != "K2"]
        )
        batches.recheck(work, actor_of(work, "lin"), failed.id)
    assert judge(stage, failed.id).state == "passed"
    ticket = the_ticket(stage)
    assert (ticket.state, ticket.answer) == ("answered", "rule_gone")


def test_a_rejected_batch_is_settled(stage: House) -> None:
    failed = judged(stage, fails={"K2": 7})
    with stage.write() as work:
        batches.reject(work, actor_of(work, "zhou"), failed.id, "整批退回，重新采集")
    _answer(stage, "lin", "cannot")
    _confirm(stage, "third")
    assert the_ticket(stage).state == "closed"


def test_signing_for_a_warning_answers_its_ticket(stage: House) -> None:
    warned = judged(stage, fails={"W1": 1})
    with stage.write() as work:
        batches.confirm(work, actor_of(work, "lin"), warned.id, "西门为大型停车场，属实")
    ticket = the_ticket(stage, "W1")
    assert (ticket.state, ticket.answer, ticket.answered and ticket.answered.username) == (
        "answered",
        "signed",
        "lin",
    )
    _confirm(stage, "zhou", "W1")


def test_a_ticket_goes_from_hand_to_hand_and_remembers(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    with stage.write() as work:
        service.accept(work, actor_of(work, "keeper"), ticket.id, TicketNote(note="已受理"))
        service.assign(work, actor_of(work, "keeper"), ticket.id, TicketAssign(username="lin"))
        service.comment(work, actor_of(work, "zhou"), ticket.id, TicketNote(note="源系统三月换版"))
        service.start(work, actor_of(work, "lin"), ticket.id, TicketNote())
    with stage.read() as work:
        seen = service.detail(work, actor_of(work, "lin"), ticket.id)
    assert [(event.step, event.who and event.who.username) for event in seen.history] == [
        ("open", None), ("accept", "keeper"), ("assign", "keeper"), ("comment", "zhou"), ("start", "lin"),
    ]  # fmt: skip
    assert seen.assignee is not None
    assert (seen.assignee.username, seen.state, seen.left_working_days) == ("lin", "in_work", 5)
    assert {each.step: each.allowed for each in seen.commands} == {"assign": True, "answer": True}


def test_a_ticket_is_assigned_to_nobody_who_could_not_work_on_it(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    for username, org in (("other", None), ("eye", None), ("nobody", None), (None, "nowhere")):
        with stage.write() as work, pytest.raises(InputRefused):
            service.assign(
                work, actor_of(work, "zhou"), ticket.id, TicketAssign(username=username, org_id=org)
            )


def test_another_department_sees_a_ticket_once_it_is_theirs(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    with stage.write() as work, pytest.raises(NotFound):
        service.comment(work, actor_of(work, "other"), ticket.id, TicketNote(note="不是我们的"))
    with stage.write() as work:
        service.assign(work, actor_of(work, "zhou"), ticket.id, TicketAssign(org_id="weather"))
    with stage.write() as work:
        other = actor_of(work, "other")
        assert queries.tickets(work, other, mine=True).total == 1
        service.start(work, other, ticket.id, TicketNote())
        seen = service.detail(work, other, ticket.id)
    assert (seen.may_take, seen.may_return) == (False, False)


def test_who_only_reads_takes_no_step(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    ticket = the_ticket(stage)
    with stage.write() as work, pytest.raises(AccessRefused):
        service.accept(work, actor_of(work, "eye"), ticket.id, TicketNote())
    with stage.write() as work, pytest.raises(AccessRefused):
        service.answer(
            work, actor_of(work, "keeper"), ticket.id, TicketAnswer(answer="cannot", note="无从更正")
        )


def test_a_decision_on_an_older_look_is_stale(stage: House) -> None:
    judged(stage, fails={"K2": 7})
    with stage.write() as work, pytest.raises(Stale):
        service.accept(work, actor_of(work, "zhou"), the_ticket(stage).id, TicketNote(version=7))


def test_a_ticket_is_overdue_after_its_last_working_day_and_said_so_once(
    stage: House, clock: TestClock
) -> None:
    judged(stage, fails={"K2": 7})
    clock.forward(days=7)  # the ninth of March, the last day
    with stage.read() as work:
        assert not deadlines.is_anything_due(work)
    clock.forward(days=1)
    with stage.write() as work:
        assert (deadlines.is_anything_due(work), deadlines.note_due(work)) == (True, 1)
    with stage.write() as work:
        assert (deadlines.is_anything_due(work), deadlines.note_due(work)) == (False, 0)
        told = work.db.exec(select(OutboxRow).where(OutboxRow.topic == "ticket.overdue")).all()
        assert queries.tickets(work, actor_of(work, "lin"), overdue=True).total == 1
    assert len(told) == 1
    assert the_ticket(stage).is_overdue
    _answer(stage, "lin")
    assert not the_ticket(stage).is_overdue
    with stage.write() as work:
        service.reopen(
            work, actor_of(work, "zhou"), the_ticket(stage).id, TicketNote(note="说明不足，请补充")
        )
    assert the_ticket(stage).due_on > date(2026, 3, 10)


def test_a_check_that_could_not_finish_opens_nothing(stage: House) -> None:
    batch = judged(stage)
    with stage.write() as work:
        row = work.db.get_one(BatchRow, batch.id)
        broken = a_verdict(Suite.from_data(SUITE), {"K2": 1}).model_copy(update={"verdict": "error"})
        following.after_check(work, row, broken, Standing((), (), (), ()))
        assert queries.latest_of_rule(work, DATASET, "K2") is None
