"""The search for values that must not leave sees into compressed pages, dictionaries and statistics."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.extracts.decoded import decoded


@pytest.mark.parametrize("has_dictionary", [True, False])
def test_a_value_in_a_compressed_page_is_found(tmp_path: Path, has_dictionary: bool) -> None:
    words = [f"秘密的内容-{at % 50}-{'x' * 40}" for at in range(3000)]
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"a": words}), path, compression="zstd", use_dictionary=has_dictionary, write_statistics=False, store_schema=False
    )  # fmt: skip
    assert f"秘密的内容-{37}-".encode() not in path.read_bytes()
    assert f"秘密的内容-{37}-".encode() in decoded(path)
