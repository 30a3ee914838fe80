"""A decision is held against the profile in force then, not against the one under which the application was handed in."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from auth.applications.workflow import State
from auth.profile.model import Profile, shipped
from core.errors import AccessRefused, InputRefused
from tests.auth.agreements.scene import in_force
from tests.desk import a_desk, an_application, codes, decided


def _with(number: str, value: int) -> Profile:
    data: dict[str, Any] = shipped()["generic-open-data"].model_dump(mode="json")
    data["numbers"][number] = {"value": value, "source": "本地规定"}
    return Profile.model_validate(data)


@pytest.mark.parametrize(
    ("number", "value", "code"),
    [("max_grant_years", 1, "period-too-long"), ("max_retention_days", 29, "retention-too-long")],
)
def test_what_the_profile_no_longer_allows_is_not_granted(
    sqlite_house: House, number: str, value: int, code: str
) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DECIDING, ends_on="2028-12-31", retention_days=30)
    in_force(desk, _with(number, value))
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found)
    assert codes(refused) == [code]
    made = decided(
        desk, found, outcome="reject", reason_code="not-minimal", note="超出现行配置的上限，请缩短后再申请"
    )
    assert made.state == State.REJECTED


def test_of_a_narrowing_that_no_policy_could_hold_the_first_fault_is_told(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    found = an_application(desk, at=State.DECIDING)
    both = {"delivery_forms": [], "retention_days": 99_999}
    with pytest.raises(InputRefused) as refused:
        decided(desk, found, outcome="narrow", narrowing=both, note="缩小范围以符合规定")
    assert found.lines[0].dataset_id in refused.value.detail.en
    assert "delivery_forms" in refused.value.detail.en
    assert "retention_days" not in refused.value.detail.en
