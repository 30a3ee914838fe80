"""A finding is told to whoever may answer it, whatever follows from it, once; the holder hears that his grant is slowed down, and not by which rule."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from api.agenda import agenda
from api.house import House
from auth.anomalies.rules import Action, Rule
from auth.grants.reading import GrantRead
from auth.identity.tables import AccountRow
from auth.messages import service as messages
from auth.messages.tables import MessageRow
from tests.auth.anomalies.test_anomalies import close, configure, found, spread, sweep
from tests.auth.messages.test_grants_told import HOLDER, told
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant
from tests.people import actor_of

ANSWERING = ["watch", "watch2"]
PILE = "Anomalies that wait for an answer"


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def grant(desk: Desk, clock: TestClock) -> GrantRead:
    made = a_grant(desk)
    clock.forward(hours=26)  # the late morning
    return made


def pile(desk: Desk, who: str) -> list[str]:
    with desk.house.read() as work:
        return [
            item.href for each in agenda(work, actor_of(work, who)) if each.label.en == PILE for item in each.items
        ]  # fmt: skip


@pytest.mark.parametrize("action", [Action.ALERT, Action.THROTTLE, Action.SUSPEND])
def test_each_finding_is_told_once_and_waits_for_whoever_may_answer(
    desk: Desk, grant: GrantRead, action: Action
) -> None:
    configure(desk, Rule.MANY_ADDRESSES, action)
    spread(desk, grant)
    assert (sweep(desk), sweep(desk)) == (1, 0)
    assert told(desk, "anomaly.found") == ANSWERING
    assert told(desk, "grant.throttled") == (HOLDER if action is Action.THROTTLE else [])
    (finding,) = found(desk)
    for who in ANSWERING:
        assert pile(desk, who) == [f"/anomalies/{finding.id}"]
    for who in ("auditor", "approver", "officer"):
        assert pile(desk, who) == []
    close(desk, finding)
    assert pile(desk, "watch") == []


def test_the_holder_is_not_told_rule_or_limit(desk: Desk, grant: GrantRead) -> None:
    configure(desk, Rule.MANY_ADDRESSES, Action.THROTTLE)
    spread(desk, grant)
    sweep(desk)
    (finding,) = found(desk)
    with desk.house.read() as work:
        holders = select(AccountRow.id).where(col(AccountRow.username).in_(HOLDER))
        rows = work.db.exec(select(MessageRow).where(col(MessageRow.account_id).in_(holders)))
        said = [messages.read(row) for row in rows]
    assert "grant.throttled" in {each.kind for each in said}
    for each in said:
        assert not {"seen", "limit", "rule_zh", "rule_en"} & set(each.facts)
        assert finding.text_en not in each.en
        assert "address" not in each.en
        assert "—" not in each.zh
