"""The last day of a public notice still belongs to the public."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from auth.registrations.rules import notice_objections

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(("days", "is_open"), [(-1, True), (0, True), (1, False)])
def test_a_notice_runs_through_its_last_day(days: int, *, is_open: bool) -> None:
    assert [each.code for each in notice_objections(DAY, DAY + timedelta(days=days))] == (
        ["notice-running"] if is_open else []
    )
    assert not list(notice_objections(None, DAY))
