"""The lines that pages show for R: read by R itself where it is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from datasets.extracts.build import Recipe, build
from datasets.formats.recipes import r_texts, recipe_in_r

CODES = ["001", "002", None]


def test_names_cannot_break_out_of_a_line_of_r() -> None:
    assert r_texts(['a"); system("x', "b\\"]) == '"a\\"); system(\\"x" = "character", "b\\\\" = "character"'
    assert recipe_in_r(DeliveryForm.EXTRACT_PARQUET, "f") is None


@pytest.fixture(name="r")
def _r() -> str:
    return where_r_is()


def where_r_is() -> str:
    """The test skips without it, or fails where it is asked for."""
    found = shutil.which("Rscript")
    has_json = (
        found
        and not subprocess.run(
            [found, "-e", "library(jsonlite)"], capture_output=True, check=False
        ).returncode
    )
    if found and has_json:
        return found
    if os.environ.get("DATAGRANT_REQUIRE_R"):
        pytest.fail("R with jsonlite is missing: make r")
    pytest.skip("R with jsonlite is not installed: make r")


@pytest.mark.parametrize("form", ["extract_csv", "extract_csv_gb18030", "extract_jsonl"])
def test_r_reads_the_file_by_the_line_shown(tmp_path: Path, r: str, form: str) -> None:
    table = pa.table({"编码 1": CODES, "name": ["大鹏所城", "南澳, “湾”", "葵涌"], "n": [1.5, None, -0.25]})
    pq.write_table(table, tmp_path / "release.parquet")
    terms = tuple(ColumnTerm(name=name, use=Use.PLAIN) for name in table.column_names)
    recipe = Recipe(terms, None, DeliveryForm(form), b"k" * 32, {})
    build(tmp_path / "release.parquet", recipe, tmp_path / "it", memory_limit_mb=200, scratch=tmp_path)
    line = recipe_in_r(DeliveryForm(form), "it", ["编码 1", "name"])
    said = 'cat(names(df)[1], df[[1]][1], is.na(df[[1]][3]), df$name[2], sum(df$n, na.rm = TRUE), sep = "|")'
    assert played(r, f"{line}; {said}", tmp_path) == "编码 1|001|TRUE|南澳, “湾”|1.25"


def played(r: str, lines: str, folder: Path) -> str:
    """The last line that R says."""
    done = subprocess.run(
        [r, "-e", lines], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]
