"""How many people review a file before it leaves, by level and form."""

from __future__ import annotations

import pytest

from auth.policy.limits import LevelRule, limits
from auth.policy.model import DeliveryForm as Form

NOTHING_SAID = LevelRule(2, frozenset(), 1, False, checkers=1)
SAID = LevelRule(
    3, frozenset(), 1, False, checkers=1, checkers_by_form={Form.EXTRACT_CSV: 2, Form.QUERY_AGG: 0}
)
LESS = LevelRule(3, frozenset(), 1, False, checkers=1, checkers_by_form={Form.EXTRACT_CSV: 0})


@pytest.mark.parametrize(
    ("rule", "form", "checkers"),
    [
        (NOTHING_SAID, Form.EXTRACT_CSV, 1),
        (NOTHING_SAID, Form.QUERY_AGG, 1),
        (NOTHING_SAID, Form.ENCLAVE, 2),
        (SAID, Form.EXTRACT_CSV, 2),
        (SAID, Form.EXTRACT_PARQUET, 2),  # left out: the most that is asked for one of its kind
        (SAID, Form.PREVIEW, 2),
        (SAID, Form.QUERY_AGG, 0),
        (SAID, Form.QUERY_DP, 1),  # no file of rows: what the level says
        (SAID, Form.ENCLAVE, 2),
        (LESS, Form.EXTRACT_CSV, 0),
        (LESS, Form.EXTRACT_PARQUET, 1),
    ],
)
def test_checkers_by_level_and_form(rule: LevelRule, form: Form, checkers: int) -> None:
    assert rule.checkers_of(form) == checkers


def test_an_unknown_level_asks_for_two() -> None:
    assert limits().checkers(99, Form.EXTRACT_CSV) == 2
    assert limits().checkers(1, Form.EXTRACT_CSV) == limits().levels[1].checkers
