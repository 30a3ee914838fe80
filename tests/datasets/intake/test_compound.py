"""Old Excel files whose tables of sectors are sound, damaged or hostile."""

from __future__ import annotations

import os
import struct
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputRefused
from datasets.intake.compound import MAGIC, _has_circle, leads_in_a_circle
from datasets.intake.reader import read_table

SHARED = Path(os.environ.get("DATAGRANT_SHARED", Path(__file__).parents[4] / "shared")) / "data"
_END, _FREE = 0xFFFFFFFE, 0xFFFFFFFF


def compound(table: list[int], *, small: int = _END, more: int = _END) -> bytes:
    """A compound file of one table of sectors, which is its sector 0."""
    head = bytearray(512)
    head[:8] = MAGIC
    struct.pack_into("<H", head, 30, 9)
    struct.pack_into("<I4xI", head, 60, small, more)
    head[76:] = struct.pack("<109I", 0, *[_FREE] * 108)
    return bytes(head) + array("I", [*table, *[_FREE] * (128 - len(table))]).tobytes() + bytes(512 * 4)


def test_a_chain_that_comes_back_is_refused_before_anybody_follows_it(tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_bytes(compound([0xFFFFFFFD, 2, 3, 1]))
    assert leads_in_a_circle(source)
    with pytest.raises(InputRefused, match="damaged"):
        read_table(source, tmp_path / "out.parquet", dictionary=None)


@pytest.mark.parametrize(
    ("content", "circle"),
    [
        (compound([0xFFFFFFFD, 2, 3, _END]), False),
        (compound([0xFFFFFFFD, 1]), True),
        (compound([0xFFFFFFFD], more=1), True),  # sector 1 is zeros: it lists sector 0 again and again
        (compound([0xFFFFFFFD, _END], small=1), True),  # the small table is zeros: sector 0 of it points to itself
        (MAGIC + bytes(100), False),
        (b"", False),
        (b"a,b\n1,2\n", False),
    ],
)  # fmt: skip
def test_circles(content: bytes, circle: bool, tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_bytes(content)
    assert leads_in_a_circle(source) is circle


@given(st.lists(st.integers(0, 12), max_size=10))
def test_against_walking_from_everywhere(table: list[int]) -> None:
    def ends(at: int) -> bool:
        for _ in range(len(table) + 1):
            if at >= len(table):
                return True
            at = table[at]
        return False

    assert _has_circle(array("I", table)) is not all(ends(start) for start in range(len(table)))


@pytest.mark.shared
def test_published_files_are_sound() -> None:
    found = [path for path in SHARED.rglob("*.xls") if path.is_file()]
    assert found
    assert [path.name for path in found if leads_in_a_circle(path)] == []
