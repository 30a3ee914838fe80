"""When a source is looked into: rhythms by the calendar, days by local time, missed looks, failing ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InputRefused, TransitionRefused
from datasets.sources import rules
from datasets.sources.workflow import MOVES, SourceState, SourceStep, advance

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 local


@pytest.mark.parametrize(
    "text", ["manual", "frequency", "every PT15M", "every P1D", "every P1M", "daily 06:30", "daily 23:59"]
)
def test_a_schedule_is_written_as_it_is_typed(text: str) -> None:
    assert rules.schedule(text).written() == text


@pytest.mark.parametrize(
    "text",
    ["", "every", "every PT30S", "every 15", "every P", "every PT", "daily", "daily 24:00", "daily 6:30", "hourly",
     "manual now", "frequency P1D", "every PT0M", "* * * * *", "every P-1D"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(InputRefused, match="every PT15M"):
        rules.schedule(text)


@pytest.mark.parametrize(
    ("plan", "frequency", "last", "due"),
    [
        ("manual", "P1D", None, None),
        ("frequency", None, None, None),
        ("frequency", "P1D", None, NOW),
        ("frequency", "P1D", NOW, NOW + timedelta(days=1)),
        ("every PT15M", "P1D", NOW - timedelta(minutes=5), NOW + timedelta(minutes=10)),
        ("every PT15M", None, NOW - timedelta(days=3), NOW + timedelta(minutes=15)),
        ("daily 09:30", None, None, NOW + timedelta(minutes=30)),
        ("daily 09:00", None, NOW, NOW + timedelta(days=1)),
        ("daily 06:30", None, None, datetime(2026, 3, 2, 22, 30, tzinfo=UTC)),
        (
            "frequency",
            "P1M",
            datetime(2026, 2, 28, 1, 0, tzinfo=UTC),
            datetime(2026, 3, 28, 1, 0, tzinfo=UTC),
        ),
        ("frequency", "P3M", NOW, datetime(2026, 6, 2, 1, 0, tzinfo=UTC)),
        ("frequency", "P1Y", NOW, datetime(2027, 3, 2, 1, 0, tzinfo=UTC)),
    ],
)
def test_the_next_look(plan: str, frequency: str | None, last: datetime | None, due: datetime | None) -> None:
    assert rules.next_due(rules.schedule(plan), frequency, last, NOW) == due


def test_the_last_of_the_month_stays_within_it() -> None:
    month = rules.period("P1M")
    assert month is not None
    assert month.after(datetime(2027, 1, 31, tzinfo=UTC)) == datetime(2027, 2, 28, tzinfo=UTC)
    assert month.after(datetime(2026, 12, 31, tzinfo=UTC)) == datetime(2027, 1, 31, tzinfo=UTC)


def test_tries_come_later_and_later_and_end() -> None:
    waits = [rules.retry_at(n, NOW) - NOW for n in range(1, 20)]
    assert waits[:3] == [timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8)]
    assert max(waits) == timedelta(hours=6)
    assert [rules.gives_up(n) for n in (1, 4, 5, 6)] == [False, False, True, True]


@pytest.mark.parametrize("state", SourceState)
@pytest.mark.parametrize("step", SourceStep)
def test_every_step_is_open_or_refused_with_a_sentence(state: SourceState, step: SourceStep) -> None:
    if (state, step) in MOVES:
        assert advance(state, step) is MOVES[state, step]
    else:
        with pytest.raises(TransitionRefused):
            advance(state, step)
