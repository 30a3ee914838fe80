"""The editor with a suite on trial, in a real browser."""

from __future__ import annotations

import json

import pytest

from api.durable import drain
from api.house import House
from tests.datasets.parking import DATASET, FAILS, SUITE, a_parking_dataset, hand_in
from tests.people import browser_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]


def test_the_trial_is_readable_beside_its_text(sqlite_house: House, page_as: OpenPage) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    batch = hand_in(sqlite_house, "lin", FAILS)
    begun = browser_as(sqlite_house, "lin").submit(
        f"/datasets/{DATASET}/suite/try", json=json.dumps(SUITE), version="1", batch=batch.id
    )
    drain(sqlite_house)
    page = page_as("lin", begun.headers["location"], width=390)
    shot(page, "suite-trial-390")
    assert axe(page) == []
    assert overflow(page) == 0
