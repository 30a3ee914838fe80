"""A version of the profile is proposed by filling in fields: what is not touched stays, what is wrong is told and nothing typed is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.duties.workflow import Kind
from auth.policy.limits import limits
from auth.profile.bounds import bounds, refuse_beyond
from auth.profile.editing import digest, edited, fields_of
from auth.profile.model import Number, Profile, Reach, shipped
from auth.profile.wording import RULES
from core.errors import InputRefused
from tests.auth.agreements.scene import in_force
from tests.desk import a_desk
from tests.people import browser_as, client_as

DISTRICT = shipped()["district-authorised-operation"]
EACH = pytest.mark.parametrize("base", shipped().values(), ids=shipped().keys())


@EACH
def test_fields_that_nobody_touches_change_nothing(base: Profile) -> None:
    assert edited(base, fields_of(base)) == base


@EACH
@pytest.mark.parametrize("name", RULES)
def test_each_switch_is_turned_by_its_field_alone(base: Profile, name: str) -> None:
    typed = fields_of(base)
    typed[name] = "" if typed[name] else "yes"
    assert edited(base, typed) == base.model_copy(update={name: not getattr(base, name)})


@given(st.dictionaries(st.sampled_from(sorted(limits().numbers)), st.integers(0, 100_000_000), max_size=8))
def test_numbers_are_set_with_their_source_and_no_others(numbers: dict[str, int]) -> None:
    typed = fields_of(DISTRICT)
    for key, value in numbers.items():
        typed |= {f"numbers.{key}": str(value), f"source.{key}": "local rule of the tests"}
    made = edited(DISTRICT, typed)
    told = {key: Number(value=value, source="local rule of the tests") for key, value in numbers.items()}
    assert made.numbers == dict(DISTRICT.numbers) | told
    assert edited(made, fields_of(made)) == made


def test_a_number_put_back_without_a_source_is_set_no_more() -> None:
    key = "max_grant_years"
    typed = fields_of(DISTRICT) | {f"numbers.{key}": str(limits().numbers[key].value), f"source.{key}": ""}
    assert key not in edited(DISTRICT, typed).numbers
    assert edited(DISTRICT, fields_of(DISTRICT) | {f"numbers.{key}": ""}).numbers == DISTRICT.numbers


@EACH
def test_a_duty_that_is_not_sent_stops_what_it_stopped(base: Profile) -> None:
    """An overdue report must not become harmless because a form left it out."""
    strict = base.model_copy(update={"blocking_duties": {Kind.USE_REPORT: Reach.GRANT}})
    typed = {name: value for name, value in fields_of(strict).items() if not name.startswith("blocking")}
    assert edited(strict, typed).blocking_duties == {Kind.USE_REPORT: Reach.GRANT}
    typed["blocking_duties.deletion_certificate"] = "dataset"
    made = edited(strict, typed).blocking_duties
    assert made == {Kind.USE_REPORT: Reach.GRANT, Kind.DELETION_CERTIFICATE: Reach.DATASET}
    assert edited(strict, fields_of(strict)) == strict, "nor is a duty named that was not"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"numbers.max_grant_years": "2", "source.max_grant_years": ""}, "source.max_grant_years", "来源"),
        ({"numbers.pilot_months": "3", "source.pilot_months": "无"}, "source.pilot_months", "试点授权期限上限"),
        ({"numbers.pilot_months": "-3"}, "numbers.pilot_months", "整数"),
        ({"numbers.pilot_months": "三"}, "numbers.pilot_months", "整数"),
        ({"numbers.pilot_months": "１"}, "numbers.pilot_months", "整数"),
        ({"numbers.pilot_months": "0000000000012"}, "numbers.pilot_months", "整数"),
        ({"numbers.max_grant_years": "2"}, "source.max_grant_years", "来源却未改"),
        ({"numbers.max_grant_years": "5"}, "source.max_grant_years", "来源却未改"),
        ({"numbers.pilot_months": "", "source.pilot_months": "Rule 12"}, "numbers.pilot_months", "数值"),
        ({"numbers.max_grant_years": "", "source.max_grant_years": ""}, "numbers.max_grant_years", "数值"),
        ({"numbers.pilot_months": "999999999999", "source.pilot_months": "a rule"}, "numbers.pilot_months", "试点授权期限上限"),
        ({"effective_from": "2026-02-30"}, "effective_from", "effective_from"),
        ({"registration": "sometimes"}, "registration", "registration"),
        ({"blocking_duties.use_report": "everything"}, "blocking_duties", "blocking_duties"),
        ({"key": "大写"}, "key", "key"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_told_with_its_field(fields: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InputRefused) as refused:
        edited(DISTRICT, fields_of(DISTRICT) | fields)
    assert refused.value.facts["field"] == field
    assert words in refused.value.detail.zh


def test_a_version_is_proposed_in_fields(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    approver = browser_as(sqlite_house, "approver")
    shown = approver.get("/profile/new?of=district-authorised-operation").text
    assert re.search(r'name="numbers.max_grant_years" value="3"', shown)
    assert re.search(r'name="vouching" value="yes" checked', shown)
    typed = fields_of(DISTRICT) | {
        "of": DISTRICT.key,
        "base": digest(DISTRICT),
        "reason": "试行较短期限",
        "numbers.max_grant_years": "2",
        "blocking_duties.use_report": "grant",
    }
    typed = {name: value for name, value in typed.items() if name not in RULES or value}
    refused = approver.submit("/profile", **(typed | {"source.max_grant_years": ""}))
    assert refused.status_code == 422
    for kept in (
        'name="numbers.max_grant_years" value="2"',
        "试行较短期限",
        "请写明“授权期限上限”改为 2 的来源",
    ):
        assert kept in refused.text, kept
    assert re.search(r'name="vouching" value="yes" checked', refused.text)
    del typed["vouching"]
    again = approver.submit("/profile", **(typed | {"source.max_grant_years": "", "reason": "x"}))
    assert 'name="vouching" value="yes">' in again.text, "a switch that was turned off stays off"
    made = approver.submit("/profile", **(typed | {"source.max_grant_years": "区数据局试行规定"}))
    assert made.status_code == 303, made.text
    version = approver.get(made.headers["location"]).text
    for said in ("授权期限上限", "2 年", "逾期：使用报告", "停止所属授权", "授权须有生效的协议"):
        assert said in version, said
    assert "使用人须有本机构负责人担保" not in version, "off in the one in force, off in this one"


def test_a_profile_that_changed_meanwhile_makes_no_mixture(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    approver = browser_as(sqlite_house, "approver")
    shown = re.search(r'name="base" value="([0-9a-f]{64})"', approver.get("/profile/new").text)
    assert shown
    now = shipped()["generic-open-data"]
    typed = {name: value for name, value in fields_of(now).items() if name not in RULES or value}
    typed |= {"of": "", "base": shown[1], "reason": "改用新的名称", "zh": "新的名称"}
    in_force(desk, DISTRICT)
    refused = approver.submit("/profile", **typed)
    assert refused.status_code == 412
    for kept in ("起点配置已有变化", "新的名称"):
        assert kept in refused.text
    assert approver.submit("/profile", **(typed | {"of": "no-such"})).status_code == 422
    assert approver.get("/profile/new?of=no-such").status_code == 422
    now_shown = re.search(r'name="base" value="([0-9a-f]{64})"', refused.text)
    assert now_shown
    assert approver.submit("/profile", **(typed | {"base": now_shown[1]})).status_code == 303


@pytest.mark.parametrize(
    "fields", [{"profile": DISTRICT.model_dump_json()}, {"base": digest(DISTRICT), "of": DISTRICT.key}]
)
def test_a_reason_that_no_text_can_hold_is_refused_in_words(
    sqlite_house: House, fields: dict[str, str]
) -> None:
    a_desk(sqlite_house)
    typed = fields_of(DISTRICT) | fields | {"reason": "a\0b"}
    assert browser_as(sqlite_house, "approver").submit("/profile", **typed).status_code == 422


@pytest.mark.parametrize(
    ("key", "value", "stands"),
    [
        ("use_report_months", 0, False), ("use_report_months", 1, True), ("use_report_months", 1_200, True), ("use_report_months", 1_201, False),
        ("query_round_to", 0, False), ("query_digits", 0, False), ("query_digits", 15, True), ("query_digits", 16, False), ("query_min_group", 0, False),
        ("dormant_suspend_days", 0, True), ("dormant_suspend_days", 36_500, True), ("dormant_suspend_days", 36_501, False),
        ("max_grant_years", 100, True), ("max_grant_years", 101, False), ("review_working_days", 500, True), ("review_working_days", 501, False),
        ("revocation_confirm_hours", 0, False), ("revocation_confirm_hours", 8_760, True), ("revocation_confirm_hours", 8_761, False),
        ("query_dp_cap_most", 100_000_000, True), ("query_dp_cap_most", 0, False), ("small_cell_refuses", 1, True), ("small_cell_refuses", 2, False),
        ("verify_per_day", 100_000, True), ("verify_per_day", 100_001, False), ("query_p_percent", 100, True), ("query_p_percent", 101, False),
        ("security_review_from_level", 0, False), ("security_review_from_level", 7, True), ("security_review_from_level", 8, False),
    ],
)  # fmt: skip
def test_each_number_has_its_bounds(key: str, value: int, *, stands: bool) -> None:
    """Beyond them days could not be counted, and the page on which a version is rejected could not be shown."""
    numbers = {key: Number(value=value, source="rule of the tests")}
    if stands:
        refuse_beyond(numbers)
        return
    with pytest.raises(InputRefused) as refused:
        refuse_beyond(numbers)
    assert refused.value.facts["field"] == f"numbers.{key}"
    assert limits().numbers[key].name.zh in refused.value.detail.zh


def test_whatever_ships_lies_within_the_bounds() -> None:
    for limit in limits().numbers.values():
        least, most = bounds(limit)
        assert least <= limit.value <= most, limit
    for profile in shipped().values():
        refuse_beyond(profile.numbers)


def test_a_version_beyond_them_is_refused_however_it_is_proposed(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    body = DISTRICT.model_dump(mode="json")
    body["numbers"]["use_report_months"] = {"value": 0, "source": "rule of the tests"}
    answer = client_as(sqlite_house, "approver").post(
        "/api/v1/profile/versions", json={"profile": body, "reason": "不再报告"}
    )
    assert (answer.status_code, "须在 1 至 1200 之间" in answer.text) == (422, True)


def test_the_form_starts_from_the_profile_in_force_and_json_is_still_there(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    approver = browser_as(sqlite_house, "approver")
    assert 'href="/profile/new"' in approver.get("/profile").text
    assert 'name="numbers.max_grant_years"' in approver.get("/profile/new").text
    assert 'name="profile"' in approver.get("/profile/new?as=json").text
    assert approver.get("/profile/new?as=xml").status_code == 422
    assert browser_as(sqlite_house, "applicant").get("/profile/new").status_code in (403, 404)


def test_reach_of_an_overdue_duty_is_chosen_for_each_kind() -> None:
    typed = fields_of(DISTRICT) | {"blocking_duties.use_report": "organisation"}
    made = edited(DISTRICT, typed).blocking_duties
    assert {kind.value: reach for kind, reach in made.items()} == {
        "use_report": Reach.ORGANISATION,
        "deletion_certificate": Reach.DATASET,
    }
