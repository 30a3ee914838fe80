"""Extensions, pauses, escalation and days of reminding are a profile's: bounded, versioned, and nothing that runs or went out is changed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select
from typer.testing import CliRunner

from api import cli
from api.house import House
from auth.applications import reviewing
from auth.applications.models import DeclaredStep
from auth.applications.workflow import State
from auth.clocks import counting, escalation, service
from auth.clocks.models import ExtensionAsk, ExtensionDecision
from auth.clocks.rules import Stage
from auth.clocks.tables import EscalationRow
from auth.messages import reminders
from auth.messages.tables import ReminderRow
from auth.policy.limits import Reminded, limits
from auth.profile import service as profiles
from auth.profile.bounds import refuse_beyond
from auth.profile.editing import edited, fields_of
from auth.profile.foreseen import ClockEffects, Pair, clock_effects
from auth.profile.model import Number, Profile, ReminderDays, shipped
from auth.profile.now import limits_now, profile
from auth.profile.service import ProfileProposal
from auth.profile.tables import ProfileRow
from auth.profile.wording import differences, items
from core.errors import AccessRefused, InputRefused
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant, an_application, screened, submitted
from tests.people import browser_as, client_as

GENERIC = shipped()["generic-open-data"]
SOURCE = "local policy of the tests"


def _with(base: Profile = GENERIC, /, *, days: dict[str, tuple[int, ...]] | None = None, **numbers: int) -> Profile:  # fmt: skip
    """A profile with these days of reminding and numbers, as JSON would make it."""
    body = base.model_dump(mode="json")
    body["numbers"] |= {key: {"value": value, "source": SOURCE} for key, value in numbers.items()}
    body["reminders"] |= {key: {"days_before": each, "source": SOURCE} for key, each in (days or {}).items()}
    return Profile.model_validate(body)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


@pytest.fixture
def lite(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


# -- bounds


@pytest.mark.parametrize(
    ("key", "value", "stands"),
    [
        ("extension_working_days", 0, False), ("extension_working_days", 1, True), ("extension_working_days", 60, True), ("extension_working_days", 61, False),
        ("least_after_pause_working_days", 0, False), ("least_after_pause_working_days", 1, True), ("least_after_pause_working_days", 60, True), ("least_after_pause_working_days", 61, False),
        ("escalate_handler_working_days", 0, True), ("escalate_handler_working_days", 1, True), ("escalate_handler_working_days", 2, False),
        ("escalate_section_working_days", 0, True), ("escalate_section_working_days", 3, True), ("escalate_section_working_days", 4, False),
        ("escalate_head_working_days", 0, False), ("escalate_head_working_days", 1, True), ("escalate_head_working_days", 60, True), ("escalate_head_working_days", 61, False),
    ],
)  # fmt: skip
def test_numbers_of_clocks_have_bounds_and_levels_their_order(key: str, value: int, *, stands: bool) -> None:
    numbers = {key: Number(value=value, source=SOURCE)}
    if stands:
        refuse_beyond(numbers)
        return
    with pytest.raises(InputRefused) as refused:
        refuse_beyond(numbers)
    assert refused.value.facts["field"] == f"numbers.{key}"
    assert limits().numbers[key].name.zh in refused.value.detail.zh
    assert limits().numbers[key].name.en in refused.value.detail.en


def test_levels_may_move_together() -> None:
    moved = {
        "escalate_handler_working_days": 4,
        "escalate_section_working_days": 4,
        "escalate_head_working_days": 9,
    }
    refuse_beyond({key: Number(value=value, source=SOURCE) for key, value in moved.items()})


@pytest.mark.parametrize(
    ("days", "stands"),
    [
        ((1,), True), ((400,), True), ((400, 1), True), (tuple(range(12, 0, -1)), True),
        ((), False), ((0,), False), ((7, 0), False), ((-1,), False), ((401,), False), (tuple(range(13, 0, -1)), False),
        ((1, 7), False), ((7, 7), False), ((60, 7, 30), False),
    ],
)  # fmt: skip
def test_days_of_reminding_go_down_within_bounds(days: tuple[int, ...], *, stands: bool) -> None:
    said = {"days_before": days, "source": SOURCE}
    if stands:
        assert ReminderDays.model_validate(said).days_before == days
        return
    with pytest.raises(ValidationError):
        ReminderDays.model_validate(said)


def test_what_ships_keeps_to_them() -> None:
    for each in limits().reminders.values():
        ReminderDays(days_before=each.days, source=each.source)
    assert {which: each.days for which, each in limits().reminders.items()} == {
        Reminded.GENERAL: (60, 30, 7, 1), Reminded.REGISTRATIONS: (90, 60, 30), Reminded.PAPERS: (3, 1),
        Reminded.PENDING: (30, 7, 1), Reminded.DORMANT: (30, 7, 1),
    }  # fmt: skip


# -- fields and words


@pytest.mark.parametrize(
    ("typed", "days"),
    [("45,20", (45, 20)), ("45，20、5", (45, 20, 5)), ("  45 ;20 ； 5 ", (45, 20, 5)), ("90", (90,))],
)
def test_days_are_read_from_their_field(typed: str, days: tuple[int, ...]) -> None:
    fields = fields_of(GENERIC) | {"reminders.papers": typed, "reminders_source.papers": SOURCE}
    made = edited(GENERIC, fields)
    assert made.reminders == {Reminded.PAPERS: ReminderDays(days_before=days, source=SOURCE)}
    assert edited(made, fields_of(made)) == made
    back = fields_of(made) | {"reminders.papers": "3, 1", "reminders_source.papers": ""}
    assert edited(made, back).reminders == {}, "put back without a source, it is set no more"
    without = {name: value for name, value in fields_of(made).items() if not name.startswith("reminders")}
    with pytest.raises(InputRefused):
        edited(made, without | {"reminders.papers": ""})
    assert edited(made, fields_of(made) | {"reminders.papers": ""}) == made


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"reminders.general": "1, 7"}, "reminders.general", "由多到少"),
        ({"reminders.general": "7, 7"}, "reminders.general", "由多到少"),
        ({"reminders.general": "401, 7"}, "reminders.general", "400"),
        ({"reminders.general": "7, 0"}, "reminders.general", "不小于 1"),
        ({"reminders.general": ", ".join(map(str, range(13, 0, -1)))}, "reminders.general", "至多 12 项"),
        ({"reminders.general": "1 " * 200}, "reminders.general", "整数"),
        ({"reminders.general": "7, -1"}, "reminders.general", "整数"),
        ({"reminders.general": "七"}, "reminders.general", "整数"),
        ({"reminders.general": "７"}, "reminders.general", "整数"),
        ({"reminders.general": "9" * 13}, "reminders.general", "整数"),
        ({"reminders.general": "45, 7", "reminders_source.general": ""}, "reminders_source.general", "来源"),
        ({"reminders.general": ""}, "reminders.general", "数值"),
    ],
)
def test_days_that_do_not_hold_are_told_with_their_field(fields: dict[str, str], field: str, words: str) -> None:  # fmt: skip
    with pytest.raises(InputRefused) as refused:
        edited(GENERIC, fields_of(GENERIC) | {"reminders_source.general": SOURCE} | fields)
    assert refused.value.facts["field"] == field
    assert words in refused.value.detail.zh
    assert limits().reminders[Reminded.GENERAL].name.zh in refused.value.detail.zh


def test_changed_days_need_a_source_of_their_own() -> None:
    base = _with(days={"papers": (5, 1)})
    with pytest.raises(InputRefused) as refused:
        edited(base, fields_of(base) | {"reminders.papers": "6, 1"})
    assert refused.value.facts["field"] == "reminders_source.papers"
    assert "5, 1 改为 6, 1" in refused.value.detail.zh


def test_a_change_is_told_in_words_of_both_languages() -> None:
    told = {
        each.key: each
        for each in differences(GENERIC, _with(days={"pending": (14, 1)}, extension_working_days=10))
    }
    days = told["reminders.pending"]
    assert (days.name.zh, days.before.zh, days.after.zh) == (
        "待生效授权作废前提醒",
        "30、7、1 日前",
        "14、1 日前",
    )
    assert (days.before.en, days.after.en) == ("30, 7, 1 days before", "14, 1 days before")
    assert told["reminders.pending.source"].after.zh == SOURCE
    assert (told["numbers.extension_working_days"].before.zh, told["numbers.extension_working_days"].after.en) == ("15 个工作日", "10 working days")  # fmt: skip
    assert items(_with(days={"papers": (1,)}))["reminders.papers"].value.en == "1 day before"


def test_a_version_stored_before_these_fields_stands_as_it_ships(desk: Desk) -> None:
    made = in_force(desk, GENERIC)
    with desk.house.write() as work:
        row = work.db.get_one(ProfileRow, made.id)
        body = json.loads(row.body)
        assert body.pop("reminders") == {}
        row.body = json.dumps(body)
        work.db.add(row)
    with desk.house.read() as work:
        assert profile(work) == GENERIC
        known = limits_now(work)
        assert known.reminders == limits().reminders
        assert (known["extension_working_days"], known["least_after_pause_working_days"]) == (15, 1)


# -- what runs keeps what it has


def test_an_extension_is_measured_when_it_is_asked_for_and_when_it_is_granted(desk: Desk) -> None:
    first, second = (
        an_application(desk, at=State.DECIDING, scenario_id=each) for each in ("safety", "parking")
    )

    def asks(which: Any, days: int) -> str:
        with desk.write("approver") as (work, actor):
            body = ExtensionAsk(working_days=days, reason="数源部门须会签")
            return service.ask_extension(work, actor, which.id, body).id

    def grants(wish: str) -> None:
        with desk.write("approver2") as (work, actor):
            service.decide_extension(work, actor, wish, ExtensionDecision(outcome="approve"))

    def allowed(which: Any) -> int:
        with desk.house.read() as work:
            clocks = counting.clocks_of(work, which.id)
        return next(each.allowed_days for each in clocks if each.stage is Stage.DECIDE)

    grants(asks(first, 12))
    waiting = asks(second, 12)
    in_force(desk, _with(extension_working_days=4))
    assert allowed(first) == 5 + 12, "what was granted stays"
    with pytest.raises(AccessRefused) as refused:
        grants(waiting)
    (reason,) = refused.value.reasons
    assert (reason.code, reason.basis) == ("extension-too-long", SOURCE)
    assert allowed(second) == 5
    with desk.write("approver2") as (work, actor):
        service.decide_extension(
            work, actor, waiting, ExtensionDecision(outcome="refuse", note="超过新的上限")
        )
    with pytest.raises(AccessRefused, match="at most 4 working days"):
        asks(second, 5)
    grants(asks(second, 4))
    assert allowed(second) == 9
    with pytest.raises(AccessRefused):
        asks(first, 1)


def test_a_clock_keeps_its_numbers_even_on_the_day_they_change(desk: Desk, clock: TestClock) -> None:
    morning = an_application(desk)
    clock.forward(hours=2)
    in_force(desk, _with(screen_working_days=9, least_after_pause_working_days=6))
    clock.forward(hours=1)
    afternoon = an_application(desk, scenario_id="parking")
    with desk.house.read() as work:
        screening = [
            next(
                each.allowed_days for each in counting.clocks_of(work, found.id) if each.stage is Stage.SCREEN
            )
            for found in (morning, afternoon)
        ]
    assert screening == [2, 9]


def test_the_time_left_after_a_pause_is_that_of_the_profile_at_the_start(
    lite: Desk, clock: TestClock
) -> None:
    """Five working days are used up, then the applicant completes it: what is left is what was promised when review began."""

    def completed(scenario: str, meanwhile: Profile) -> date | None:
        found = screened(lite, an_application(lite, scenario_id=scenario, starts_on=date(2026, 6, 1)))
        clock.forward(days=7)
        with lite.write("screener") as (work, actor):
            body = DeclaredStep(version=found.version, note="请补充用途说明", has_no_conflict=True)
            found = reviewing.send_back(work, actor, found.id, body)
        in_force(lite, meanwhile)
        clock.forward(days=1)
        return screened(lite, submitted(lite, found)).due_on

    changed = _with(least_after_pause_working_days=6)
    assert completed("safety", changed) == date(2026, 3, 11), "one working day after 10 March"
    assert completed("parking", GENERIC) == date(2026, 3, 26), "six after 18 March"


def test_levels_are_told_when_the_profile_says_and_never_twice(desk: Desk, clock: TestClock) -> None:
    def sweep() -> int:
        with desk.house.write() as work:
            return escalation.escalate_due(work)

    an_application(desk)
    clock.forward(days=3)  # a working day overdue: handlers and section
    in_force(desk, _with(escalate_section_working_days=2, escalate_head_working_days=2))
    assert sweep() == 1
    in_force(desk, GENERIC)
    assert (sweep(), sweep()) == (1, 0)
    in_force(desk, _with(escalate_handler_working_days=1, escalate_head_working_days=1))
    assert (sweep(), sweep()) == (1, 0), "only the head: the others were told"
    with desk.house.read() as work:
        assert sorted(row.level for row in work.db.exec(select(EscalationRow))) == [1, 2, 3]


# -- reminders


@pytest.mark.parametrize(
    ("left", "days", "told", "asked", "expected"),
    [
        (25, (60, 30, 7, 1), 30, True, None),  # as ever
        (7, (60, 30, 7, 1), 30, True, 7),
        (25, (60, 30, 28, 7, 1), 30, False, None),  # 28 had passed when it was asked for: who was told at 30 is not told again
        (25, (60, 30, 28, 7, 1), None, False, 28),  # nobody was told at all
        (28, (60, 30, 28, 7, 1), 30, False, 28),  # its day has come
        (29, (60, 31, 7, 1), 30, False, None),  # 30 became 31: told yesterday
        (25, (60, 30, 28, 7, 1), 60, True, 28),  # a look that comes late
        (6, (60, 7), 7, True, None),
        (0, (60, 7), 7, True, None),
        (-1, (60, 7), 60, True, None),
    ],
)  # fmt: skip
def test_a_day_that_is_added_wakes_nobody_twice(
    left: int, days: tuple[int, ...], told: int | None, *, asked: bool, expected: int | None
) -> None:
    assert reminders.offset(left, days, told, lambda _: asked) == expected


def test_a_late_look_makes_up_for_the_day_that_was_asked_for() -> None:
    """28 was added at 25 left while nobody looked since 31: the reminder of 30 is sent, as it would have been."""
    assert reminders.offset(25, (60, 30, 28, 7, 1), 60, lambda day: day != 28) == 30


def _sent(desk: Desk) -> list[int]:
    with desk.house.read() as work:
        rows = work.db.exec(select(ReminderRow).where(ReminderRow.kind == "grant"))
        return sorted((row.days_before for row in rows), reverse=True)


def test_a_day_added_in_the_life_of_a_grant_counts_once_from_then_on(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)  # ends with 1 March 2027

    def on(day: str) -> list[int]:
        clock.now = datetime.fromisoformat(f"{day}T01:00:00+00:00")
        for _ in range(2):
            with desk.house.write() as work:
                reminders.remind_due(work)
        return _sent(desk)

    assert on("2027-01-30") == [30]
    clock.now = datetime(2027, 2, 4, 1, tzinfo=UTC)  # 25 days left
    in_force(desk, _with(days={"general": (60, 45, 31, 28, 20, 7, 1)}))
    assert on("2027-02-04") == [30], "28 had passed, and 30 had gone out"
    assert on("2027-02-09") == [30, 20]
    in_force(desk, _with(days={"general": (60, 30, 21, 7, 1)}))
    assert on("2027-02-10") == [30, 20], "21 had passed when it was asked for"
    assert on("2027-02-23") == [30, 20, 7]
    in_force(desk, _with(days={"general": (60,)}))
    assert on("2027-02-28") == [30, 20, 7], "no day of the last week is asked for any more"


def test_a_longer_list_reaches_further_ahead_than_any_shipped_one(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)
    clock.now = datetime(2026, 7, 1, 1, tzinfo=UTC)
    with desk.house.write() as work:
        assert reminders.remind_due(work) == 0
    in_force(desk, _with(days={"general": (400, 1)}))
    with desk.house.read() as work:
        assert [(each.kind, before) for each, before in reminders.due(work) if each.kind == "grant"] == [
            ("grant", 400)
        ]
    clock.now = datetime(2027, 2, 1, 1, tzinfo=UTC)
    with desk.house.write() as work:
        assert reminders.remind_due(work) >= 1
        assert not reminders.is_anything_due(work)
    assert _sent(desk) == [400]


# -- the dry run


def test_the_dry_run_says_what_becomes_of_clocks_and_reminders(desk: Desk, clock: TestClock) -> None:
    a_grant(desk, scenario_id="parking")
    an_application(desk)
    deciding = an_application(desk, at=State.DECIDING, scenario_id="weather")
    with desk.write("approver") as (work, actor):
        service.ask_extension(
            work, actor, deciding.id, ExtensionAsk(working_days=12, reason="数源部门须会签")
        )
    clock.forward(days=3)

    def said(changed: Profile) -> ClockEffects:
        with desk.house.read() as work:
            before = profile(work)
            found = clock_effects(work, changed)
            assert profile(work) == before, "nothing is changed"
        return found

    assert said(GENERIC) == ClockEffects()
    assert said(_with(max_grant_years=2)) == ClockEffects()
    assert said(_with(screen_working_days=9)) == ClockEffects(running=2)
    assert said(_with(escalate_head_working_days=1)).escalations == Pair(2, 3)
    assert said(_with(escalate_section_working_days=3)).escalations == Pair(2, 1)
    assert said(_with(extension_working_days=4)).extensions == Pair(0, 1)
    clock.now = datetime(2026, 12, 1, 1, tzinfo=UTC)  # 90 days left
    assert said(_with(days={"general": (90, 7)})).reminders == Pair(0, 1)
    assert said(_with(days={"general": (89, 7)})).reminders == Pair(0, 0)


def test_the_dry_run_and_the_clocks_in_force_are_told_over_http(lite: Desk) -> None:
    approver, changed = (
        client_as(lite.house, "approver"),
        _with(days={"papers": (5, 2)}, extension_working_days=8),
    )
    found = approver.post("/api/v1/profile/dry-run", json=changed.model_dump(mode="json")).json()
    assert found["clocks"] == {
        "running": None, "escalations": None, "extensions": {"now": 0, "then": 0}, "reminders": {"now": 0, "then": 0},
    }  # fmt: skip
    body = changed.model_dump(mode="json")
    body["reminders"]["papers"]["days_before"] = [2, 5]
    refused = approver.post("/api/v1/profile/versions", json={"profile": body, "reason": "试行"})
    assert refused.status_code == 422
    later = changed.model_copy(update={"effective_from": date(2026, 3, 1)})
    in_force(lite, later)
    told = approver.get("/api/v1/clocks/profile").json()
    assert told["longest_extension_working_days"] == 8
    assert {each["key"]: each["days"] for each in told["reminders"]}["papers"] == [5, 2]
    assert (
        next(each for each in told["reminders"] if each["key"] == "papers")["effective_from"] == "2026-03-01"
    )
    assert told["reminder_days"] == [60, 30, 7, 1]


def test_the_command_tells_what_becomes_of_clocks(lite: Desk, tmp_path: Path) -> None:
    an_application(lite)
    file = tmp_path / "profile.json"
    changed = _with(days={"papers": (5, 2)}, extension_working_days=8, screen_working_days=4)
    file.write_text(changed.model_dump_json(), encoding="utf-8")
    where = ["--data-dir", str(lite.house.settings.data_dir), "--as", "auditor"]
    runner, program = CliRunner(), cli._assemble()
    told = runner.invoke(program, ["profile", "dry-run", str(file), *where])
    assert told.exit_code == 0, told.output
    for words in ("在办申请 1 件，期限均不变动", "无法准予的待审批延期: 0 → 0", "将发出的提醒: 0 → 0"):
        assert words in told.output, words
    assert "将上报" not in told.output
    plain = runner.invoke(program, ["profile", "dry-run", GENERIC.key, *where])
    assert "在办申请" not in plain.output
    clocks = json.loads(runner.invoke(program, ["clock", "profile", *where, "--json"]).stdout)
    assert [each["after_working_days"] for each in clocks["levels"]] == [0, 1, 3]


HUGE = {"pending_days": 100_000_000, "dormant_suspend_days": 100_000_000, "answer_days": 100_000_000}


def test_a_dry_run_beyond_the_bounds_is_refused_in_words(lite: Desk) -> None:
    answer = client_as(lite.house, "approver").post(
        "/api/v1/profile/dry-run", json=_with(**HUGE).model_dump(mode="json")
    )
    assert answer.status_code == 422
    assert "36500" in answer.text


def test_a_version_stored_before_the_bounds_can_still_be_looked_at_and_rejected(desk: Desk) -> None:
    a_grant(desk)
    with desk.write("watch") as (work, actor):
        made = profiles.propose(work, actor, ProfileProposal(profile=GENERIC, reason="按上级文件执行"))
        row = work.db.get_one(ProfileRow, made.id)
        row.body = _with(**HUGE).model_dump_json()
        work.db.add(row)
    browser = browser_as(desk.house, "approver")
    shown = browser.get(f"/profile/{made.id}")
    assert shown.status_code == 200
    assert "100,000,000 日" in shown.text
    confirmed = browser.submit(f"/profile/{made.id}/confirm", version="1")
    assert (confirmed.status_code, "须在 0 至 36500 之间" in confirmed.text) == (422, True)
    assert (
        browser.submit(f"/profile/{made.id}/reject", version="1", note="数值有误，请改正").status_code == 303
    )
