"""Questions and error reports, on both databases."""

from __future__ import annotations

from itertools import product

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE
from auth.messages.tables import MessageRow
from catalog import service as catalogue
from catalog.discussions import service
from catalog.discussions.service import AN_HOUR, Hiding, PostCreate, Reply
from catalog.discussions.workflow import MOVES, ThreadState, ThreadStep, advance
from core.errors import Conflict, Gone, InputRefused, NotFound, TooMany, TransitionRefused
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, actor_of, an_org

CODE = "DP-PK-001"
WORDS = Reply(body="已核对，下版更正。")


@pytest.fixture
def desk(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        an_org(work, "insurer")
        a_person(work, "wang", org="insurer", roles=["applicant"])
        a_dataset(work, CODE, "traffic")
        a_dataset(work, "DP-PK-002", "traffic", draft=True)
        catalogue.note_release(work, CODE, release_no=2, released_at=work.now)
    return house


@pytest.mark.parametrize(("state", "step"), list(product(ThreadState, ThreadStep)))
def test_steps_are_the_table_and_each_sides_own(state: ThreadState, step: ThreadStep) -> None:
    for side in ("department", "author"):
        who = {"is_department": side == "department", "is_author": side == "author"}
        move = MOVES.get((state, step))
        if move and move[1] == side:
            assert advance(state, step, **who) is move[0]
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, **who)


def test_error_is_reported_confirmed_mended_and_asked_again(desk: House) -> None:
    with desk.write() as work:
        wang, steward = actor_of(work, "wang"), actor_of(work, "traffic-steward")
        made = service.post(
            work, wang, CODE, PostCreate(kind="error", body="P01 的坐标在海里", release_number=2)
        )
        assert (made.state, made.is_mine, made.by_department, made.steps) == ("open", True, False, [])
        seen = service.thread(work, steward, made.id)
        assert seen.steps == ["accept", "settle", "decline"]
        service.step(work, steward, made.id, ThreadStep.ACCEPT, WORDS)
        done = service.step(work, steward, made.id, ThreadStep.SETTLE, Reply(body="第 3 版已更正"))
        assert [(each.by_department, each.is_mine) for each in done.replies] == [(True, True), (True, True)]
        public = service.threads(work, ANYONE, dataset_id=CODE, state="settled")[0][0]
        assert (public.body, public.may_reply, public.steps) == ("P01 的坐标在海里", False, [])
        assert "author" not in public.model_dump_json()
        with pytest.raises(TransitionRefused):
            service.step(work, actor_of(work, "culture-steward"), made.id, ThreadStep.REOPEN, WORDS)
        assert service.step(work, wang, made.id, ThreadStep.REOPEN, WORDS).state == "open"
        told = work.db.exec(select(MessageRow.kind, MessageRow.account_id)).all()
        assert ("discussion.answered", wang.account_id) in told
        assert ("discussion.waits", steward.account_id) in told


def test_what_is_not_to_be_discussed_is_refused(desk: House) -> None:
    with desk.write() as work:
        wang, steward = actor_of(work, "wang"), actor_of(work, "traffic-steward")
        with pytest.raises(InputRefused, match="no release 3"):
            service.post(work, wang, CODE, PostCreate(body="哪一版？", release_number=3))
        with pytest.raises(NotFound):
            service.post(work, wang, "DP-PK-002", PostCreate(body="草稿里有什么"))
        with pytest.raises(Conflict, match="Only published"):
            service.post(work, steward, "DP-PK-002", PostCreate(body="自己的草稿"))
        made = service.post(work, wang, CODE, PostCreate(body="单位是什么？"))
        catalogue.withdraw(work, steward, CODE, "合并到新目录")
        with pytest.raises(Gone):
            service.threads(work, wang, dataset_id=CODE)
        with pytest.raises(NotFound):
            service.thread(work, wang, made.id)
        assert service.threads(work, ANYONE)[1] == 0
        assert service.thread(work, steward, made.id).body == "单位是什么？"


def test_nobody_floods_and_time_passes(desk: House) -> None:
    with desk.write() as work:
        wang = actor_of(work, "wang")
        for n in range(AN_HOUR):
            made = service.post(work, wang, CODE, PostCreate(body=f"问题 {n}，请答复"))
        with pytest.raises(TooMany):
            service.reply(work, wang, made.id, WORDS)
        service.reply(
            work, actor_of(work, "traffic-steward"), made.id, WORDS
        )  # the department is not held up


def test_what_is_hidden_leaves_its_reason(desk: House) -> None:
    with desk.write() as work:
        wang, steward = actor_of(work, "wang"), actor_of(work, "traffic-steward")
        made = service.post(work, wang, CODE, PostCreate(body="某某电话 139…"))
        for stranger in (wang, actor_of(work, "culture-steward")):
            with pytest.raises(NotFound):
                service.hide(work, stranger, made.id, Hiding(reason="不想看到"))
        answered = service.reply(work, steward, made.id, WORDS)
        with pytest.raises(Conflict, match="own answers"):
            service.hide(work, steward, answered.replies[0].id, Hiding(reason="不想看到"))
        service.hide(work, steward, made.id, Hiding(reason="含个人信息"))
        public = service.thread(work, ANYONE, made.id)
        assert (public.body, public.hidden_reason) == ("", "含个人信息")
