"""Boxes as people and programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.boxes import Box, box_of
from catalog.models import DatasetFields

_LON, _LAT = st.integers(-180_000_000, 180_000_000), st.integers(-90_000_000, 90_000_000)


@given(st.tuples(_LON, _LON), st.tuples(_LAT, _LAT))
def test_what_is_written_is_read_again(lons: tuple[int, int], lats: tuple[int, int]) -> None:
    (west, east), (south, north) = sorted(lons), sorted(lats)
    box = Box(west / 1e6, south / 1e6, east / 1e6, north / 1e6)
    assert box_of(str(box)) == box


@pytest.mark.parametrize("text", ["1,2,3,4", " 1 2 3 4 ", "1，2，3，4", "1; 2; 3.0; 4.00", "+1,2,3,4"])
def test_separators_and_signs_do_not_matter(text: str) -> None:
    assert DatasetFields.model_validate({"bbox": text}).bbox == "1,2,3,4"


@pytest.mark.parametrize(
    "text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "3,2,1,4", "1,4,3,2", "-181,0,0,0", "0,-91,0,0", "1e2,0,0,0", "nan,0,0,0", "1,2,3,9999", "∞,1,2,3"]
)  # fmt: skip
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"degrees|between|exceed"):
        box_of(text)
