"""Which forms of delivery a data level allows, as a whole: level × form against the table of the design (level × open type × delivery form)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from auth.policy.limits import limits
from auth.policy.model import DeliveryForm
from auth.policy.rules import form_objections
from auth.profile.model import shipped
from tests.desk import PARKS

FILES: Final = frozenset(form for form in DeliveryForm if form.value.startswith("extract_"))
ANSWERS: Final = frozenset({DeliveryForm.QUERY_AGG, DeliveryForm.QUERY_DP, DeliveryForm.VERIFY})
INSIDE: Final = frozenset({DeliveryForm.ENCLAVE})
ALLOWED: Final[dict[int, frozenset[DeliveryForm]]] = {
    1: frozenset(DeliveryForm),
    2: FILES | ANSWERS | INSIDE,  # filtered files and pages, reviewed by a second person
    3: FILES
    | ANSWERS
    | INSIDE,  # masked or aggregated products: nothing above level 2 and nobody's identifiers as they are
    4: INSIDE,  # a result of the workspace alone
    5: frozenset(),  # important
    6: frozenset(),  # core
    9: frozenset(),  # no such level
}


@pytest.mark.parametrize("level", ALLOWED)
@pytest.mark.parametrize("form", DeliveryForm)
@pytest.mark.parametrize("profile", [None, *sorted(shipped())])
def test_a_level_allows_what_its_line_says_and_nothing_else(
    level: int, form: DeliveryForm, profile: str | None
) -> None:
    known = limits() if profile is None else shipped()[profile].limits()
    found = [each.code for each in form_objections((form,), replace(PARKS, level=level), known)]
    assert found == ([] if form in ALLOWED[level] else ["level-forbids-form"])


def test_what_leaves_as_it_is_and_who_reviews_it() -> None:
    found = {level: (rule.plain_up_to, rule.personal_plain) for level, rule in limits().levels.items()}
    assert found == {1: (1, False), 2: (2, False), 3: (2, False), 4: (0, False), 5: (0, False), 6: (0, False)}
    assert [limits().checkers(level, "extract_parquet") for level in range(1, 7)] == [0, 1, 1, 2, 2, 2]
    assert limits()["query_min_group"] >= 10
