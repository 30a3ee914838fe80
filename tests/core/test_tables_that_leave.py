"""Every place that writes CSV or XLSX is known, and each has its own test that nothing in it runs as a formula."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

from api.ckan_rows import _write as dumped
from quality.sheet import armed, defused
from tests.core.test_sheets import HOSTILE

ROOT = Path(__file__).parents[2]
WRITERS = {"writer", "DictWriter", "Workbook", "CSVWriter", "to_csv", "to_excel"}
# Where it is written, and which test hands it hostile texts.
KNOWN = {
    "core/sheets.py": "tests/core/test_sheets.py::test_a_hostile_text_is_no_formula",
    "quality/correction.py": "tests/core/test_tables_that_leave.py::test_a_correction_sheet_defuses_what_the_others_defuse",
    "datasets/releases/writer.py": "tests/datasets/releases/test_publishing.py::test_open_csv_defuses_formulas_and_keeps_numbers",
    "datasets/formats/writing.py": "tests/datasets/formats/test_forms.py::test_no_cell_and_no_head_runs",
    "datasets/formats/pages.py": "tests/datasets/sharing/test_rows.py::test_every_format_holds_the_same_rows",
    "api/ckan_rows.py": "tests/core/test_tables_that_leave.py::test_a_dump_of_a_table_runs_nothing",
    "datasets/tracing/unpacked.py": "the cells of a workbook that came back, in scratch for the search alone; gone when it ends (test_forms_that_came_back.py)",
    "api/sample/stories.py": "the synthetic files of the demo are made here and go through the intake; it is no export",
    "api/sample/files.py": "the synthetic sample is made here and goes through the intake; it is no export",
}


def test_every_writer_of_tables_is_known() -> None:
    found = set()
    for room in ("api", "auth", "catalog", "core", "datagrant", "datasets", "quality"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            called = any(f".{name}(" in text for name in WRITERS)
            for node in ast.walk(ast.parse(text)) if called else ():
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in WRITERS:
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == set(KNOWN)
    for test in KNOWN.values():
        name, _, case = test.partition("::")
        assert not case or f"def {case}(" in (ROOT / name).read_text(encoding="utf-8")


def test_a_dump_of_a_table_runs_nothing() -> None:
    for form, sign in (("csv", ","), ("tsv", "\t")):
        out = io.StringIO()
        dumped(out, form, [{"id": "=head"}, {"id": "n"}], iter([[text, -5] for text in HOSTILE]))
        rows = list(csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=sign))
        assert rows == [["'=head", "n"], *([f"'{text}", "-5"] for text in HOSTILE)]


def test_a_correction_sheet_defuses_what_the_others_defuse() -> None:
    for text in HOSTILE:
        assert defused(text) == f"'{text}"
        assert armed(defused(text)) == text
    assert armed(defused("'=1")) == "'=1"
