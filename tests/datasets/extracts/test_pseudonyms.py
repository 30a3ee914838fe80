"""Pseudonyms made many at once are those of the standard library, and nothing else is written to disk on their way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stringzilla
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from datasets.extracts import mixing
from datasets.extracts.build import Recipe, build
from datasets.extracts.compile import PSEUDONYM_HEX, pseudonym
from datasets.extracts.pseudonyms import pseudonyms
from tests.examples import examples

KEY = b"k" * 32
TEXTS = st.none() | st.text(max_size=8) | st.text("汉é😀\0", min_size=50, max_size=70) | st.just("x" * 200)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(TEXTS, max_size=40), st.integers(0, 5), st.integers(0, 40), st.binary(min_size=32, max_size=32)
)
def test_many_at_once_are_what_the_standard_library_makes_of_each(
    texts: list[str | None], start: int, length: int, key: bytes
) -> None:
    for kind in (pa.string(), pa.large_string()):
        cut = pa.array(texts, kind).slice(start, length)
        made = pseudonyms(cut, key)
        made.validate(full=True)
        assert made.type == pa.string()
        wanted = [None if text is None else pseudonym(text, key) for text in texts[start : start + length]]
        assert made.to_pylist() == wanted


def test_a_library_that_went_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(key: bytes, texts: Any, out: Any) -> None:
        out[:] = 0

    monkeypatch.setattr(stringzilla, "hmac_sha256", wrong)
    assert pseudonyms(pa.array([None, None], pa.string()), KEY).to_pylist() == [None, None]
    with pytest.raises(RuntimeError, match="pseudonym"):
        pseudonyms(pa.array([None, "a"]), KEY)


def test_what_goes_to_disk_while_rows_are_mixed_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"1101011990{at:08d}" for at in range(500)]
    pq.write_table(pa.table({"person": names, "other": list(range(500))}), tmp_path / "release.parquet")
    spilled: list[str] = []
    spill = mixing._Run._spill

    def seen(run: mixing._Run) -> None:
        spilled.extend(text for table in run._held for text in table.column(0).to_pylist())
        spill(run)

    monkeypatch.setattr(mixing, "HELD_BYTES", 4_000)
    monkeypatch.setattr(mixing._Run, "_spill", seen)
    terms = (ColumnTerm(name="person", use=Use.PSEUDONYMISED),)
    recipe = Recipe(terms, None, DeliveryForm.EXTRACT_PARQUET, KEY, {})
    build(
        tmp_path / "release.parquet", recipe, tmp_path / "out.parquet", memory_limit_mb=200, scratch=tmp_path
    )
    assert len(spilled) >= 500
    assert {len(text) for text in spilled} == {PSEUDONYM_HEX}
    assert set(pq.read_table(tmp_path / "out.parquet")["person"].to_pylist()) == {
        pseudonym(name, KEY) for name in names
    }
