"""What a draft lacks, as pure rules: one wrong thing, one reason; and what is only advice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from auth.applications import rules
from auth.applications.models import ApplicationAsk
from auth.policy.limits import limits
from auth.policy.model import Licence
from core.text import Text
from tests.desk import PARKS, RELICS

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
OPEN = replace(PARKS, open_type="U", level=1)
BARGAIN = replace(PARKS, auth_op_scope="negotiable")
LINE: dict[str, Any] = {
    "dataset_id": PARKS.dataset_id,
    "columns": [{"name": "venue_id", "reason": "用于核对场所的名称与编号"}],
    "delivery_forms": ["extract_parquet"],
}
ASK: dict[str, Any] = {
    "lines": [LINE],
    "scenario_id": next(iter(limits().scenarios)),
    "purposes": ["risk-pricing"],
    "purpose_text": "用于旅游意外险的分区域评估与定价测算。",
    "starts_on": TODAY,
    "ends_on": date(2026, 12, 31),
    "retention_days": 30,
}


def a_desk(**changes: Any) -> rules.Desk:
    desk = rules.Desk(
        {PARKS.dataset_id: PARKS},
        Licence("QUALIFIED", datetime(2030, 1, 1, tzinfo=UTC)),
        limits(),
        NOW,
        TODAY,
        {},
    )
    return replace(desk, **changes)


def found(desk: rules.Desk | None = None, line: dict[str, Any] | None = None, **ask: Any) -> list[str]:
    body = ASK | ask | ({"lines": [LINE | line]} if line is not None else {})
    said = rules.submission_objections(ApplicationAsk.model_validate(body), desk or a_desk())
    assert all(each.text.zh and each.text.en and each.basis for each in said)
    return [each.code for each in said]


def columns(*asked: dict[str, Any]) -> dict[str, Any]:
    return {"columns": [{"reason": "用于核对场所的名称与编号", **each} for each in asked]}


def test_a_whole_application_has_nothing_against_it() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"lines": []}, ["no-datasets"]),
        ({"lines": [LINE, LINE]}, ["dataset-twice"]),
        ({"starts_on": None}, ["period-missing"]),
        ({"ends_on": None}, ["period-missing"]),
        ({"starts_on": date(2026, 3, 1)}, ["period-past"]),
        ({"ends_on": date(2026, 3, 1)}, ["period-reversed"]),
        ({"ends_on": date(2040, 1, 1)}, ["period-too-long"]),
    ],
)
def test_the_application_as_a_whole(change: dict[str, Any], codes: list[str]) -> None:
    assert [code for code in found(**change) if not code.startswith("licence")] == codes


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ({"columns": []}, {"no-columns"}),
        ({"delivery_forms": []}, {"no-delivery-form"}),
        (columns({"name": "venue_id"}, {"name": "venue_id"}), {"column-twice"}),
        (columns({"name": "nowhere"}), {"column-unknown"}),
        (columns({"name": "venue_id", "reason": "要"}), {"column-without-reason"}),
        (columns({"name": "venue_id", "use": "masked"}), {"mask-wrong"}),
        (columns({"name": "venue_id", "mask": {"kind": "drop"}}), {"mask-wrong"}),
        (
            columns({"name": "venue_name", "use": "masked", "mask": {"kind": "round", "step": 2}}),
            {"mask-wrong"},
        ),
    ],
)
def test_a_line(line: dict[str, Any], codes: set[str]) -> None:
    assert codes <= set(found(line=line))


def test_what_stands_against_it_from_outside_is_told() -> None:
    assert found(a_desk(twins={PARKS.dataset_id: "A-7"})) == ["open-twin"]
    gate = rules.refused("gate", "有碍。", "Something hinders.", "R1")
    assert found(a_desk(gates=(gate,))) == ["gate"]


@pytest.mark.parametrize(
    ("desk", "codes"),
    [
        (a_desk(), []),
        (a_desk(assets={PARKS.dataset_id: OPEN}), ["open-anyway"]),
        (a_desk(assets={PARKS.dataset_id: BARGAIN}), ["scope-negotiable"]),
        (a_desk(licence=Licence("QUALIFIED", datetime(2026, 6, 1, tzinfo=UTC))), ["licence-ends-first"]),
    ],
)
def test_advice_does_not_hinder(desk: rules.Desk, codes: list[str]) -> None:
    assert [each.code for each in rules.advice(ApplicationAsk.model_validate(ASK), desk)] == codes


def test_no_draft_may_hold_what_no_grant_may_cover() -> None:
    ask = ApplicationAsk.model_validate(ASK | {"lines": [LINE | {"dataset_id": RELICS.dataset_id}]})
    assert [each.code for each in rules.hard_blocks(ask, {RELICS.dataset_id: RELICS})] == [
        "dataset-not-openable"
    ]
    assert rules.hard_blocks(ApplicationAsk.model_validate(ASK), {PARKS.dataset_id: PARKS}) == ()


@pytest.mark.parametrize(
    ("starts", "last"),
    [
        (date(2026, 3, 2), date(2029, 3, 1)),
        (date(2028, 2, 29), date(2031, 2, 28)),
        (date(2026, 1, 1), date(2028, 12, 31)),
    ],
)
def test_the_longest_period_ends_the_day_before_the_anniversary(starts: date, last: date) -> None:
    assert rules.latest_end(starts, 3) == last


def test_a_policy_needs_its_period() -> None:
    ask = ApplicationAsk.model_validate(ASK)
    policy = rules.policy_asked(ask, ask.lines[0])
    assert (policy.starts_at, policy.ends_at) == rules.period(TODAY, date(2026, 12, 31))
    with pytest.raises(ValueError, match="period"):
        rules.policy_asked(ask.model_copy(update={"ends_on": None}), ask.lines[0])


def test_reasons_are_bilingual() -> None:
    said = rules.refused("code", "中文。", "English.", "R1", dataset="D1")
    assert (said.text, said.basis, said.facts) == (Text("中文。", "English."), "R1", {"dataset": "D1"})


def test_a_period_lasts_from_the_first_local_midnight_to_the_one_after_its_last_day() -> None:
    midnight = datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert rules.period(TODAY, TODAY) == (midnight, midnight + timedelta(days=1))
    assert found(ends_on=TODAY) == [], "a single day is a period"


@pytest.mark.parametrize(
    ("ends_at", "codes"), [(timedelta(0), []), (-timedelta(seconds=1), ["licence-ends-first"])]
)
def test_a_licence_may_end_with_the_period_and_no_second_before(ends_at: timedelta, codes: list[str]) -> None:
    held = Licence("QUALIFIED", rules.period(TODAY, ASK["ends_on"])[1] + ends_at)
    said = rules.advice(ApplicationAsk.model_validate(ASK), a_desk(licence=held))
    assert [each.code for each in said] == codes


def test_columns_that_will_have_to_be_masked_are_advised_of_while_one_asks() -> None:
    """A column that identifies people may not leave as it is; a mask that is still missing is no word about it."""
    ask = ApplicationAsk.model_validate(ASK | {"lines": [LINE | columns({"name": "contact_phone"}, {"name": "venue_name", "use": "masked"})]})  # fmt: skip
    assert [(each.code, each.facts["column"]) for each in rules.advice(ask, a_desk())] == [
        ("level-forbids-plain", "contact_phone")
    ]
