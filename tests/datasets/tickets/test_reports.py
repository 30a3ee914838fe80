"""Readers' error reports as tickets of the department, on both databases; and, walked at random, that thread and ticket agree."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE
from auth.messages.tables import MessageRow
from catalog import service as catalogue
from catalog.discussions.service import PostCreate, Reply, ThreadRead
from catalog.discussions.workflow import ThreadStep
from core.errors import AppError, Conflict
from core.work import Work
from datasets.notices import service as notices
from datasets.notices.tables import FollowRow, NoticeRow
from datasets.people import stamp
from datasets.releases.tables import ReleaseRow
from datasets.tickets import queries, reports, service
from datasets.tickets.models import TicketAnswer, TicketAssign, TicketNote
from tests.datasets.parking import DATASET
from tests.datasets.tickets.stories import a_stage, judged
from tests.people import a_person, actor_of, an_org

WRONG = PostCreate(kind="error", body="P01 的坐标在海里", release_number=1)


def a_released_stage(house: House) -> None:
    """The stage with a first release, and a reader of an enterprise."""
    a_stage(house)
    batch = judged(house)
    with house.write() as work:
        an_org(work, "insurer")
        a_person(work, "reader", org="insurer", roles=["applicant"])
        who = stamp(actor_of(work, "lin"))
        work.db.add(
            ReleaseRow(
                id=work.new_id(), dataset_id=DATASET, org_id="traffic", number=1, batch_id=batch.id, state="published", content_sha256="c" * 64,
                batch_sha256="b" * 64, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", prepared=who, publisher=who,
                requested_at=work.now, published_at=work.now,
            )
        )  # fmt: skip
        catalogue.note_release(work, DATASET, release_no=1, released_at=work.now)


@pytest.fixture
def stage(house: House) -> House:
    a_released_stage(house)
    return house


def _ticket(work: Work, thread: ThreadRead) -> Any:
    return queries.latest_of_rule(work, DATASET, reports.PREFIX + thread.id)


def _told(work: Work, kind: str) -> list[dict[str, Any]]:
    reader = actor_of(work, "reader").account_id
    wanted = select(MessageRow).where(MessageRow.account_id == reader, MessageRow.kind == kind)
    return [row.facts for row in work.db.exec(wanted.order_by(MessageRow.id))]


def test_a_report_is_taken_in_worked_on_answered_and_told(stage: House) -> None:
    with stage.write() as work:
        reader, lin, zhou = (actor_of(work, name) for name in ("reader", "lin", "zhou"))
        notices.follow(work, reader, DATASET)
        work.db.get_one(FollowRow, (reader.account_id, DATASET)).since = work.now - timedelta(hours=1)
        made = reports.post(work, reader, DATASET, WRONG)
        assert (made.ticket_number, made.handling_en, made.ticket_id) == (1, "To be accepted", "")
        row = _ticket(work, made)
        assert reports.told(work, [made.model_copy(update={"may_hide": True})])[0].ticket_id == row.id
        assert [each.id for each in queries.tickets(work, lin).items] == [row.id]
        service.accept(work, lin, row.id, TicketNote())
        service.assign(work, lin, row.id, TicketAssign(username="lin"))
        service.start(work, lin, row.id, TicketNote())
        assert [each["state_en"] for each in _told(work, "report.moved")] == [
            "Accepted",
            "Assigned",
            "In work",
        ]
        assert service.detail(work, lin, row.id).failures == []
        service.answer(work, lin, row.id, TicketAnswer(answer="corrected", note="第 2 版已更正坐标"))
        seen = reports.told(work, [_seen(work, made)])[0]
        assert (seen.state, seen.replies[-1].body, seen.replies[-1].by_department) == (
            "settled",
            "第 2 版已更正坐标",
            True,
        )
        assert len(_told(work, "discussion.answered")) == 1
        work.db.flush()
        notice = work.db.exec(select(NoticeRow).where(NoticeRow.kind == "answered")).one()
        assert (notice.facts["ticket"], notice.facts["state_en"], notice.facts["thread"]) == (
            1,
            "answered",
            made.id,
        )
        (told,) = notices.notices(work, reader)
        assert "工单 1" in told.zh
        assert told.href.endswith(f"/discussion#{made.id}")
        with pytest.raises(AppError, match="another steward"):
            service.confirm(work, lin, row.id, TicketNote())
        assert service.confirm(work, zhou, row.id, TicketNote()).state == "closed"


def _seen(work: Work, made: ThreadRead) -> ThreadRead:
    from catalog.discussions import service as discussions

    return discussions.thread(work, ANYONE, made.id)


def test_asking_again_opens_the_ticket_again_and_the_thread_is_decided_there_alone(stage: House) -> None:
    with stage.write() as work:
        reader, lin = actor_of(work, "reader"), actor_of(work, "lin")
        made = reports.post(work, reader, DATASET, WRONG)
        row = _ticket(work, made)
        with pytest.raises(Conflict, match="handled as ticket 1"):
            reports.step(work, lin, made.id, ThreadStep.SETTLE, Reply(body="已更正"))
        service.answer(work, lin, row.id, TicketAnswer(answer="data_right", note="经核对无误"))
        assert _seen(work, made).state == "declined"
        again = reports.step(work, reader, made.id, ThreadStep.REOPEN, Reply(body="仍在海里"))
        assert (again.state, again.handling_en) == ("open", "Reopened")
        assert _ticket(work, made).state == "reopened"


def test_a_question_and_a_report_without_data_open_no_ticket(stage: House) -> None:
    with stage.write() as work:
        reader = actor_of(work, "reader")
        asked = reports.post(work, reader, DATASET, PostCreate(kind="question", body="单位是什么？"))
        assert (asked.ticket_number, _ticket(work, asked)) == (None, None)
        for release in work.db.exec(select(ReleaseRow)):
            work.db.delete(release)
        told = reports.post(work, reader, DATASET, PostCreate(kind="error", body="摘要写错了"))
        assert told.ticket_number is None


class ReaderAndDepartmentTryAnything(RuleBasedStateMachine):
    """Whatever is tried in whatever order, the thread says what its ticket says."""

    house: House
    people = ("reader", "lin", "zhou", "keeper")

    @initialize()
    def reported(self) -> None:
        with self.house.write() as work:
            self.made = reports.post(work, actor_of(work, "reader"), DATASET, WRONG)
            self.ticket = _ticket(work, self.made).id

    def _try(self, act: Any) -> None:
        with suppress(AppError), self.house.write() as work:
            act(work)

    @rule(who=st.sampled_from(people), step=st.sampled_from(["accept", "start", "confirm", "reopen"]))
    def step_of_ticket(self, who: str, step: str) -> None:
        self._try(
            lambda work: getattr(service, step)(
                work, actor_of(work, who), self.ticket, TicketNote(note="请再核对")
            )
        )

    @rule(who=st.sampled_from(people), said=st.sampled_from(["corrected", "data_right", "cannot"]))
    def answer(self, who: str, said: Any) -> None:
        self._try(
            lambda work: service.answer(
                work, actor_of(work, who), self.ticket, TicketAnswer(answer=said, note="已核对")
            )
        )

    @rule(who=st.sampled_from(people), step=st.sampled_from(ThreadStep))
    def step_of_thread(self, who: str, step: ThreadStep) -> None:
        self._try(
            lambda work: reports.step(work, actor_of(work, who), self.made.id, step, Reply(body="再看一次"))
        )

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "ticket"):
            return
        with self.house.read() as work:
            row, seen = _ticket(work, self.made), _seen(work, self.made)
            wanted = {"corrected": "settled", "data_right": "declined", "cannot": "declined"}
            is_done = row.state in ("answered", "closed")
            assert seen.state == (wanted[str(row.answer)] if is_done else "open")
            assert (row.answer is None) is not is_done


def test_thread_and_ticket_agree_whatever_is_tried(sqlite_house: House) -> None:
    a_released_stage(sqlite_house)
    machine = type("Machine", (ReaderAndDepartmentTryAnything,), {"house": sqlite_house})
    case = machine.TestCase
    case.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=case.settings)
