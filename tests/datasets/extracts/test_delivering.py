"""What leaves under a grant, and what never does."""

from __future__ import annotations

import pytest

from api.house import House
from tests.datasets.extracts.scene import a_scene


def test_an_analyst_gets_the_granted_columns_of_the_release(house: House) -> None:
    scene = a_scene(house)
    made = scene.delivered()
    assert scene.table(made.id).num_rows == 5
    assert scene.table(made.id).column_names == made.columns
    assert "secret_note" not in made.columns
