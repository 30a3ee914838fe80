"""A web to harvest from, and a house whose guard lets its machine through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.house import House
from tests.datasets.harvest.portals import people
from tests.datasets.sources.places import Web, a_web, allow


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as opened:
        yield opened


@pytest.fixture
def home(sqlite_house: House) -> House:
    allow(sqlite_house)
    people(sqlite_house)
    return sqlite_house
