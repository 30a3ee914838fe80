"""Who is told what, once: steps of applications, overdue clocks, endings; the inbox and its choices."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime

import pytest
from sqlmodel import select

from api.house import House
from auth.applications.workflow import State
from auth.clocks import escalation, service
from auth.clocks.models import ExtensionAsk
from auth.clocks.tables import EscalationRow
from auth.identity.tables import OrganisationRow, RoleAssignmentRow
from auth.messages import reminders
from auth.messages import service as messages
from auth.messages.kinds import KINDS
from auth.messages.models import Choices, Marked, TopicChoice
from auth.messages.tables import MessageRow, ReminderRow
from core.errors import InputRefused
from core.outbox import OutboxRow
from core.work import Work
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, an_application, screened, submitted
from tests.people import actor_of, browser_as, client_as


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def lite(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def told(desk: Desk, who: str) -> list[str]:
    """Kinds of messages, newest first."""
    with desk.read(who) as (work, actor):
        return [each.kind for each in messages.inbox(work, actor)[0]]


def test_whoever_has_the_next_word_is_told_and_nobody_else(desk: Desk) -> None:
    an_application(desk, at=State.OFFERED)
    assert told(desk, "screener2") == ["application.waits"] * 2  # to screen, to review
    assert told(desk, "screener") == ["application.waits"]  # what one did oneself is no news
    assert told(desk, "approver2") == ["application.waits"]
    assert told(desk, "officer") == ["application.waits"]
    assert told(desk, "applicant") == ["application.moved"] * 2  # accepted, offered
    for who in ("roads_screener", "applicant2", "officer2", "auditor", "steward_a", "analyst"):
        assert told(desk, who) == []


def test_messages_carry_no_notes(lite: Desk) -> None:
    """What is said among officials stays there: a message names the case, its state and its day, nothing more."""
    secret = "内部意见：申请人信用存疑"
    found = an_application(lite, starts_on=date(2026, 6, 1))
    found = screened(lite, found, outcome="return", note=secret)
    submitted(lite, found)
    with lite.house.read() as work:
        rows = list(work.db.exec(select(MessageRow)))
        assert rows
        for row in rows:
            assert set(row.facts) <= {"id", "state", "state_zh", "state_en", "due_on"}
            said = messages.read(row)
            assert secret not in json.dumps(said.model_dump(mode="json"), ensure_ascii=False)
        bodies = "".join(row.body for row in work.db.exec(select(OutboxRow)))
        assert secret not in bodies


def overdue(desk: Desk, clock: TestClock) -> str:
    found = an_application(desk)
    clock.forward(days=3)  # due on Wednesday, now Thursday
    return found.id


def sweep(desk: Desk) -> int:
    with desk.house.write() as work:
        return escalation.escalate_due(work)


def test_levels_are_told_one_after_the_other_and_each_once(desk: Desk, clock: TestClock) -> None:
    overdue(desk, clock)
    assert sweep(desk) == 2  # the handlers at once, the section after a working day
    assert sweep(desk) == 0
    assert told(desk, "screener").count("clock.escalated") == 1
    assert told(desk, "approver").count("clock.escalated") == 1
    assert told(desk, "watch") == []
    clock.forward(days=2)  # Saturday: no working day has passed but Friday
    assert sweep(desk) == 0
    clock.forward(days=2)
    assert sweep(desk) == 1
    assert told(desk, "watch") == ["clock.escalated"]
    assert told(desk, "roads_screener") == []
    with desk.house.read() as work:
        assert sorted(row.level for row in work.db.exec(select(EscalationRow))) == [1, 2, 3]
        assert not escalation.is_anything_due(work)


def test_two_workers_at_once_write_each_escalation_once(desk: Desk, clock: TestClock) -> None:
    overdue(desk, clock)
    gate, done = threading.Barrier(4), []

    def work_on() -> None:
        gate.wait()
        done.append(sweep(desk))

    threads = [threading.Thread(target=work_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 2]
    with desk.house.read() as work:
        assert len(list(work.db.exec(select(EscalationRow)))) == 2


class Died(Exception):
    pass


def _die_half_way(desk: Desk) -> None:
    with desk.house.write() as work:
        assert escalation.escalate_due(work) == 2
        raise Died


def test_a_worker_that_dies_half_way_leaves_nothing(desk: Desk, clock: TestClock) -> None:
    overdue(desk, clock)
    with pytest.raises(Died):
        _die_half_way(desk)
    assert told(desk, "approver") == []
    assert sweep(desk) == 2


def test_extensions_are_told_to_those_who_decide(lite: Desk) -> None:
    found = an_application(lite, at=State.DECIDING)
    with lite.write("approver") as (work, actor):
        service.ask_extension(work, actor, found.id, ExtensionAsk(working_days=3, reason="须会签部门"))
    assert told(lite, "approver2")[0] == "clock.extension_asked"
    assert "clock.extension_asked" not in told(lite, "approver")


@pytest.mark.parametrize(
    ("left", "expected"),
    [(61, None), (60, 60), (59, 60), (31, 60), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)],
)
def test_the_nearest_reminder_is_due(left: int, expected: int | None) -> None:
    assert reminders.offset(left, (60, 30, 7, 1)) == expected


def remind(desk: Desk) -> int:
    with desk.house.write() as work:
        return reminders.remind_due(work)


def test_a_grant_that_ends_is_reminded_of_four_times(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)  # ends with 1 March 2027
    clock.now = datetime(2026, 12, 30, 1, tzinfo=UTC)
    assert remind(desk) == 0
    for day, count in (("2026-12-31", 1), ("2027-01-10", 1), ("2027-01-30", 2), ("2027-02-22", 3), ("2027-02-28", 4)):  # fmt: skip
        clock.now = datetime.fromisoformat(f"{day}T01:00:00+00:00")
        remind(desk)
        remind(desk)
        assert told(desk, "officer").count("reminder.grant") == count
    assert "reminder.grant" not in told(desk, "officer2")
    clock.now = datetime(2027, 3, 2, 1, tzinfo=UTC)
    assert remind(desk) == 0


def test_licences_and_roles_are_reminded_of_too(desk: Desk, clock: TestClock) -> None:
    with desk.house.write() as work:
        work.db.get_one(OrganisationRow, "insurer").licence_valid_to = date(2026, 3, 9)
        screener = actor_of(work, "screener").account_id
        row = work.db.exec(select(RoleAssignmentRow).where(RoleAssignmentRow.account_id == screener)).one()
        row.valid_to = datetime(2026, 3, 3, 16, tzinfo=UTC)  # the end of 3 March in China
    assert remind(desk) == 2
    with desk.read("officer") as (work, actor):
        (said,) = messages.inbox(work, actor)[0]
        assert (said.kind, said.facts["days"], said.facts["ends_on"]) == ("reminder.licence", 7, "2026-03-09")
    assert told(desk, "screener") == ["reminder.role"]
    with desk.read("screener") as (work, actor):
        (role,) = messages.inbox(work, actor)[0]
        assert (role.facts["role_zh"], role.facts["role_en"]) == ("业务审核", "Business reviewer"), (
            "not its code"
        )
    with desk.house.read() as work:
        assert {(row.kind, row.days_before) for row in work.db.exec(select(ReminderRow))} == {("licence", 7), ("role", 1)}  # fmt: skip
        assert not reminders.is_anything_due(work)


def a_message(work: Work, who: str, once: str, kind: str = "application.waits") -> int:
    facts = {"id": once}
    return messages.tell(
        work, [actor_of(work, who).account_id], kind, subject=once, href="/me", once=once, facts=facts
    )


def test_the_inbox_is_ones_own_and_can_be_marked(desk: Desk) -> None:
    with desk.house.write() as work:
        assert [a_message(work, "screener", each) for each in ("a", "b", "b")] == [1, 1, 0]
        a_message(work, "watch", "a", "clock.escalated")
    with desk.write("screener") as (work, actor):
        newest, total = messages.inbox(work, actor)
        assert (total, messages.unread(work, actor.account_id)) == (2, 2)
        other = work.db.exec(select(MessageRow).where(MessageRow.account_id != actor.account_id)).one()
        assert messages.mark_read(work, actor, Marked(ids=[newest[0].id, other.id])) == 1
        assert messages.inbox(work, actor, unread_only=True)[1] == 1
        assert messages.inbox(work, actor, topic="clock")[1] == 0
        assert messages.mark_read(work, actor, Marked()) == 1
    with desk.read("watch") as (work, actor):
        assert messages.unread(work, actor.account_id) == 1


def test_topics_can_be_turned_off_and_mail_needs_an_address(desk: Desk) -> None:
    with desk.write("screener") as (work, actor):
        off = TopicChoice(topic="task", in_app=False, by_mail=True)
        messages.choose(work, actor, Choices(topics=[off]))
        assert a_message(work, "screener", "a") == 0
        messages.choose(work, actor, Choices(email="lin@example.org", lang="en", topics=[off]))
        assert a_message(work, "screener", "b") == 1
        assert messages.unread(work, actor.account_id) == 0  # by mail alone
        assert [row.topic for row in work.db.exec(select(OutboxRow))] == ["mail"]
        for wrong in ("lin", "a@b\r\nBcc: x@y.org", "a b@c.org", "@c.org", "李@例.cn"):
            with pytest.raises(InputRefused):
                messages.choose(work, actor, Choices(email=wrong))
        with pytest.raises(InputRefused):
            messages.choose(work, actor, Choices(topics=[TopicChoice(topic="nothing")]))
        assert messages.choices(work, actor).email == "lin@example.org"
        messages.choose(work, actor, Choices())
        assert messages.choices(work, actor).email == ""


def test_every_kind_reads_well_even_without_its_facts() -> None:
    from auth.messages.kinds import sentence

    for kind in (*KINDS, "gone.kind"):
        said = sentence(kind, {})
        assert said.zh
        assert said.en
        assert "{" not in said.zh + said.en
    old = sentence(
        "revocation.waits", {"org": "insurer", "dataset": "DP-BC-002", "until": "2026-03-03 09:00"}
    )
    assert "insurer对“DP-BC-002”的授权" in old.zh, "rows of before names went along"


def test_pages_and_routes_of_messages(lite: Desk) -> None:
    an_application(lite)
    reader = browser_as(lite.house, "screener", lang="en")
    listed = reader.get("/me/messages").text
    assert "waits for you" in listed
    assert "<strong>1</strong>" in reader.get("/applications").text
    assert reader.submit("/me/messages/read").status_code == 303
    assert reader.get("/me/messages?show=unread&topic=task").status_code == 200
    assert "<strong>1</strong>" not in reader.get("/applications").text
    assert reader.submit("/me/messages/settings", email="no", lang="en").status_code == 422
    assert reader.submit("/me/messages/settings", email="lin@example.org", lang="en", in_app="task").status_code == 303  # fmt: skip
    api = client_as(lite.house, "screener")
    assert api.get("/api/v1/me/messages").json()["unread"] == 0
    kept = api.get("/api/v1/me/messages/settings").json()
    assert [each["topic"] for each in kept["topics"] if each["in_app"]] == ["task"]
    assert api.put("/api/v1/me/messages/settings", json=kept | {"email": ""}).json()["email"] == ""
    assert api.post("/api/v1/me/messages/read", json={}).json() == {"marked": 0}
