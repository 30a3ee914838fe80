"""Private answers: what is told, what it costs, and that no account ever passes its cap."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from auth.audit import AuditEventRow
from auth.grants.tables import UsageEventRow
from core.errors import AccessRefused, AppError, InputRefused, NotFound
from datasets.queries.private import service
from datasets.queries.private.model import CapWrite, normalised
from datasets.queries.private.tables import PrivacyAccountRow, PrivacySpendRow
from datasets.queries.tables import AnswerRow
from tests.datasets.queries.scene import CAPS, STAYS, QueryScene, a_query_scene, figures
from tests.people import a_person

BY_LOT = {"kind": "histogram", "column": "lot"}


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    made = a_query_scene(sqlite_house)
    made.caps()
    return made


def _spent(scene: QueryScene) -> dict[str, int]:
    with scene.house.read() as work:
        return {row.kind: row.spent_micro for row in work.db.exec(select(PrivacyAccountRow))}


def _sound(scene: QueryScene) -> None:
    """Accounts hold exactly what was reserved, and every answer that cost something has a reservation."""
    with scene.house.read() as work:
        spends = list(work.db.exec(select(PrivacySpendRow)))
        for row in work.db.exec(select(PrivacyAccountRow)):
            mine = {"dataset": "", "org": "org_id", "grant": "grant_id", "user": "account_id"}[row.kind]
            charged = [each.epsilon_micro for each in spends if not mine or getattr(each, mine) == row.holder]
            assert row.spent_micro == sum(charged) <= CAPS[f"{row.kind}_micro"]
        lines: Counter[str] = Counter()
        for line in work.db.exec(select(UsageEventRow)):
            lines[line.grant_id] += line.epsilon_micro
            assert line.duration_ms is None or line.form != "query_dp"
        held: Counter[str] = Counter()
        for each in spends:
            held[each.grant_id] += each.epsilon_micro
        assert +lines == +held, "the ledger's lines add up to what each grant has spent"
        paid = select(AnswerRow.id).where(AnswerRow.epsilon_micro > 0)
        assert {each.answer_id for each in spends} == set(work.db.exec(paid))


def test_every_measure_is_told_with_noise_and_paid_for(house: House) -> None:
    scene = a_query_scene(house)
    scene.caps()
    count = scene.private(epsilon_micro=250_000)
    assert (count.state, count.measures, count.epsilon_micro) == ("answered", ["count"], 250_000)
    assert abs(figures(count)[None] - 240) < 400  # noise of scale 8; beyond 50 scales never in practice
    by_lot = figures(scene.private(measure=BY_LOT, epsilon_micro=250_000))
    assert list(by_lot) == ["A", "B", "C", "D", "E"]  # nobody is in E; it has a number all the same
    assert all(isinstance(value, int) for value in by_lot.values())
    total = figures(scene.private(measure={"kind": "sum", "column": "fee"}), "sum(fee)")[None]
    assert abs(total - 2500) < 4000
    mean = figures(scene.private(measure={"kind": "mean", "column": "fee"}), "mean(fee)")[None]
    assert 0 <= mean <= 20
    assert _spent(scene) == {"dataset": 1_500_000, "org": 1_500_000, "grant": 1_500_000, "user": 1_500_000}
    _sound(scene)


def test_the_same_question_has_the_same_answer_and_costs_nothing(scene: QueryScene) -> None:
    parts = [{"op": "le", "column": "day", "value": 3}, {"op": "ge", "column": "day", "value": 2}]
    first = scene.private(where={"op": "and", "args": parts})
    with scene.house.write() as work:
        a_person(work, "colleague", "insurer", ["analyst"])
    for who, args in (("analyst", parts), ("analyst", parts[::-1]), ("colleague", [*parts, parts[0]])):
        again = scene.private(who, where={"op": "and", "args": args})
        assert (again.rows, again.epsilon_micro) == (first.rows, 0)
    assert _spent(scene)["dataset"] == 500_000
    with scene.house.read() as work:
        kinds = list(
            work.db.exec(
                select(AuditEventRow.kind)
                .where(col(AuditEventRow.kind).in_(["query.reserved", "query.answered"]))
                .order_by(col(AuditEventRow.seq))
            )
        )
    assert kinds == ["query.reserved"] + ["query.answered"] * 4
    scene.sets(bounds={"fee": [0, 30]})  # other terms make another question
    assert scene.private(where={"op": "and", "args": parts}).epsilon_micro == 500_000


@pytest.mark.parametrize("account", ["dataset", "org", "grant", "user"])
def test_no_account_passes_its_cap_and_a_refusal_takes_nothing(sqlite_house: House, account: str) -> None:
    scene = a_query_scene(sqlite_house)
    caps = {f"{each}_micro": 1_000_000 for each in ("dataset", "org", "grant", "user")}
    scene.caps(**caps | {f"{account}_micro": 900_000 if account != "dataset" else 1_000_000})
    scene.private()
    before = _spent(scene)
    codes = scene.private_code(where={"op": "le", "column": "day", "value": 3}, epsilon_micro=500_001)
    assert set(codes) == {"budget-exhausted"}
    assert _spent(scene) == before
    scene.private(where={"op": "le", "column": "day", "value": 3}, epsilon_micro=400_000)
    assert _spent(scene)["dataset"] == 900_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"measure": {"kind": "sum", "column": "minutes"}}, "bounds-missing"),
        ({"measure": {"kind": "histogram", "column": "day"}}, "list-missing"),
        ({"measure": {"kind": "sum", "column": "lot"}}, "measure-type"),
        ({"measure": {"kind": "histogram", "column": "plate"}}, "column-not-for-statistics"),
        ({"where": {"op": "eq", "column": "lot", "value": "A"}}, "filter-column-denied"),
        ({"epsilon_micro": 1_000_001}, "epsilon-out-of-range"),
        ({"epsilon_micro": 9_999}, "epsilon-out-of-range"),
        ({"purpose": "research"}, "purpose-mismatch"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_anything_is_taken(
    scene: QueryScene, changes: dict[str, Any], code: str
) -> None:
    assert code in scene.private_code(**changes)
    assert _spent(scene) == {}


def test_without_cap_or_contribution_bound_nothing_is_answered(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house)
    assert scene.private_code() == ["budget-not-set"]
    scene.caps()
    scene.sets(per_contributor=None)
    assert scene.private_code() == ["contribution-bound-missing"]
    scene.sets(per_contributor=None, contributor=None)
    assert scene.private_code() == []


def test_a_grant_without_the_form_gives_no_private_answer(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house, forms=["query_agg", "verify"])
    scene.caps()
    assert "form-not-granted" in scene.private_code()


def test_revoked_while_noise_is_drawn_tells_nothing_and_gives_nothing_back(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auth.grants import service as grants
    from auth.grants.steps import GrantStep

    drawn = service._drawn

    def slowly(*args: Any) -> Any:
        found = drawn(*args)
        with scene.desk.write("watch") as (work, actor):
            grants.suspend(work, actor, scene.grant_id, GrantStep(note="例行检查中"))
        return found

    monkeypatch.setattr(service, "_drawn", slowly)
    assert scene.private_code() == ["grant-not-active"]
    assert _spent(scene)["dataset"] == 500_000
    with scene.house.read() as work:
        (row,) = work.db.exec(select(AnswerRow))
    assert (row.state, json.loads(row.answer)) == ("reserved", {})


def test_a_stop_between_reservation_and_answer_leaves_a_reservation(
    scene: QueryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(service, "_drawn", stops)
        with pytest.raises(KeyboardInterrupt):
            scene.private()
    _sound(scene)
    assert scene.private().epsilon_micro == 500_000  # asked again, it is paid again
    assert _spent(scene)["dataset"] == 1_000_000


def test_sixteen_at_once_spend_exactly_the_cap(house: House) -> None:
    scene = a_query_scene(house)
    scene.caps(dataset_micro=1_000_000, org_micro=1_000_000, grant_micro=1_000_000, user_micro=1_000_000)

    def asked(n: int) -> str:
        try:
            where = {"op": "ne", "column": "stay_id", "value": f"S{n}"}
            return scene.private(where=where, epsilon_micro=100_000).state
        except AppError as refused:
            return refused.reasons[0].code if refused.reasons else refused.slug

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(asked, range(16)))
    assert sorted(found) == ["answered"] * 10 + ["budget-exhausted"] * 6
    assert _spent(scene)["dataset"] == 1_000_000


CHILD = """
import sys
from datetime import datetime
from api.house import open_house
from api.routes.queries import desk_of
from core.settings import Settings
from datasets.queries.private import service
from datasets.queries.private.model import PrivateAsk
from pathlib import Path
from tests.people import actor_of
folder, now, grant, word = sys.argv[1:]
house = open_house(Settings(data_dir=Path(folder)), clock=lambda: datetime.fromisoformat(now))
with house.read() as work:
    actor = actor_of(work, "analyst")
for n in range(1000):
    where = {"op": "ne", "column": "stay_id", "value": f"{word}{n}"}
    service.ask_for(desk_of(house), actor, PrivateAsk.model_validate({"grant_id": grant, "dataset_id": "DP-PK-009",
        "purpose": "risk-pricing", "scenario_id": "safety", "measure": {"kind": "count"}, "where": where, "epsilon_micro": 10_000}))
    print(n, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_instant_the_ledger_holds(scene: QueryScene) -> None:
    with scene.house.read() as work:
        now = work.now.isoformat()
    folder = str(scene.house.settings.data_dir)
    for turn in range(2):
        running = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, folder, now, scene.grant_id, f"{turn}-{word}-"], stdout=subprocess.PIPE
            )
            for word in "ab"
        ]  # fmt: skip
        for each in running:
            assert each.stdout is not None
            each.stdout.readline()
        time.sleep(0.05 + 0.13 * turn)
        for each in running:
            each.kill()
            each.communicate()
        _sound(scene)
    with scene.house.read() as work:
        told = list(work.db.exec(select(AnswerRow.id).where(AnswerRow.state == "answered")))
    assert len(told) >= 4
    assert _spent(scene)["dataset"] >= 10_000 * len(told)


def test_caps_are_the_approvers_and_no_other_persons(scene: QueryScene) -> None:
    for who in ("analyst", "steward_a", "watch", "auditor"):
        with pytest.raises(NotFound):
            scene.caps(who)
    with pytest.raises(InputRefused):
        scene.caps(dataset_micro=20_000_001)
    with pytest.raises(ValueError, match="no part may have more"):
        CapWrite.model_validate(CAPS | {"org_micro": 5_000_000})
    with scene.house.write() as work:
        a_person(work, "both", "parks", ["steward", "approver"])
    scene.sets("both")
    with pytest.raises(AccessRefused) as refused:
        scene.caps("both")
    assert refused.value.reasons[0].code == "terms-setter-sets-no-cap"


def test_terms_and_cap_are_two_persons_whatever_their_accounts_and_their_order(scene: QueryScene) -> None:
    with scene.house.write() as work:
        keeper = a_person(work, "keeper", "parks", ["steward"])
        a_person(work, "keeper-above", "bureau", ["approver"], person_id=keeper.person_id)
    scene.sets("keeper")
    with pytest.raises(AccessRefused) as refused:
        scene.caps("keeper-above")
    assert refused.value.reasons[0].code == "terms-setter-sets-no-cap"
    scene.sets("steward_a")
    scene.caps("keeper-above")
    with pytest.raises(AccessRefused) as refused:
        scene.sets("keeper")
    assert refused.value.reasons[0].code == "cap-setter-sets-no-terms"
    scene.sets("steward_a")


def test_a_lower_cap_leaves_nothing_and_takes_nothing_back(scene: QueryScene) -> None:
    scene.private()
    low = {f"{each}_micro": 100_000 for each in ("dataset", "org", "grant", "user")}
    scene.caps(**low)
    assert set(scene.private_code(where={"op": "le", "column": "day", "value": 3})) == {"budget-exhausted"}
    seen = scene.budget()
    assert (seen.spent_micro, seen.left_micro, seen.cap and seen.cap.version) == (500_000, 0, 2)


def test_the_budget_shows_each_reader_what_concerns_them(scene: QueryScene) -> None:
    scene.private()
    with scene.house.write() as work:
        a_person(work, "colleague", "insurer", ["analyst"])
    scene.private("colleague", where={"op": "le", "column": "day", "value": 3})
    kinds = {
        who: [each.kind for each in scene.budget(who).accounts]
        for who in ("analyst", "steward_a", "approver", "officer2")
    }
    assert kinds == {
        "analyst": ["org", "grant", "user"],
        "steward_a": ["org", "grant", "user", "user"],
        "approver": ["org", "grant", "user", "user"],
        "officer2": [],
    }
    assert scene.budget("officer2").spent_micro == 1_000_000
    assert [each.name for each in scene.budget().accounts if each.kind == "user"] == ["analyst"]


def test_filters_that_say_the_same_are_the_same_question() -> None:
    from auth.policy.filters.model import parse

    a, b = {"op": "eq", "column": "x", "value": 1}, {"op": "in", "column": "y", "values": ["p", "q"]}
    same = [
        {"op": "and", "args": [a, b]},
        {"op": "and", "args": [{"op": "in", "column": "y", "values": ["q", "p", "q"]}, a, b]},
        {"op": "and", "args": [a, {"op": "not", "arg": {"op": "not", "arg": b}}]},
        {"op": "or", "args": [{"op": "and", "args": [b, a]}]},
    ]
    assert len({json.dumps(normalised(parse(each)), sort_keys=True) for each in same}) == 1
    assert normalised(parse(a)) != normalised(parse(b))
    assert normalised(None) is None
    assert STAYS
