"""A profile that contradicts itself cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from auth.profile.model import Profile, shipped

GIVEN = shipped()["district-authorised-operation"].model_dump(mode="json")
Body = dict[str, Any]


def _unknown_number(body: Body) -> None:
    body["numbers"]["nobody-asks"] = next(iter(body["numbers"].values()))


def _clause_twice(body: Body) -> None:
    body["clauses"] = [*body["clauses"], body["clauses"][0]]


def _paper_twice(body: Body) -> None:
    body["papers"]["items"] = [*body["papers"]["items"], body["papers"]["items"][0]]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_unknown_number, "unknown limits: nobody-asks"),
        (_clause_twice, "a clause is named twice"),
        (_paper_twice, "a paper is named twice"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(spoil: Callable[[Body], None], said: str) -> None:
    body = shipped()["district-authorised-operation"].model_dump(mode="json")
    assert Profile.model_validate(body) == Profile.model_validate(GIVEN)
    spoil(body)
    with pytest.raises(ValidationError, match=said):
        Profile.model_validate(body)
