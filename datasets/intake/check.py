"""The gate alone, for one file: read it, judge it, and let its table out only when the verdict is passed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel

from core.errors import InputRefused
from core.text import Text
from datasets.failing_list import FailingList, demand_form, put_into_place
from datasets.geoparquet import rewrite
from datasets.intake import untyped as untyped_cells
from datasets.intake.container import demand_file
from datasets.intake.dictionary import Dictionary
from datasets.intake.export import OutputFacts, export
from datasets.intake.facts import ColumnFacts, Finding, InputFacts, Intake
from datasets.intake.guesses import doubts
from datasets.intake.json_file import json_text
from datasets.intake.json_table import GEOMETRY
from datasets.intake.partners import partners
from datasets.intake.reader import Progress, read_table
from datasets.shapes import Shapes, shapes_of
from quality.engine import run_suite
from quality.references import ReferenceUsed
from quality.suite import Suite
from quality.verdict import Outcome, Verdict


class TableFacts(BaseModel):
    """The table's size and columns."""

    rows: int
    columns: list[ColumnFacts]


class FailingFacts(BaseModel):
    """The list of every failing row that was written."""

    path: str
    rows: int


class CheckReport(BaseModel):
    """What `datagrant check` reports; the keys are a promise to programs that read them.

    missing_columns: columns that rules name and the table lacks; such rules could not run.
    """

    input: InputFacts
    table: TableFacts
    verdict: Literal["passed", "failed", "error"]
    expectations: list[dict[str, Any]]
    output: OutputFacts | None
    suite: str
    engine: str
    untyped_cells: int
    findings_total: int
    findings: list[Finding]
    references: list[ReferenceUsed]
    missing_columns: list[str]
    failing: FailingFacts | None = None
    untyped: FailingFacts | None = None


def load_suite(path: Path) -> Suite:
    """Read a suite file; raises InputRefused with what is wrong in it."""
    return Suite.parse(json_text(path, Text("规则集", "suite")))


def check_file(
    source: Path,
    suite: Suite,
    *,
    dictionary: Dictionary | None = None,
    out: Path | None = None,
    engine: Literal["duckdb", "pandas"] = "duckdb",
    on_progress: Progress | None = None,
    reference: datetime | None = None,
    others: Mapping[str, Path] = MappingProxyType({}),
    last: Path | None = None,
    query_seconds: float = 120.0,
    often: str = "",
    keys: Sequence[str] = (),
    failing: Path | None = None,
    untyped: Path | None = None,
    memory_limit_mb: int = 800,
) -> CheckReport:
    """Judge `source` by `suite`. `out` is written only when the verdict is passed.

    reference: the moment against which freshness is judged, where a rule names none.
    often: the update frequency, for rules that ask for it.
    failing: where every failing row of every rule goes, as .parquet or .csv, whatever the verdict is.
    memory_limit_mb: for reading and for the rules, as `read_table` and `run_suite` take it.
    untyped: likewise where every cell goes that its declared type cannot hold.
    keys: columns by which failing rows are told, where a rule names none of its own.
    others: files that stand for the datasets that rules compare with, by dataset id; last: for the table's own last release.

    Cells that a declared type cannot hold would be lost, so they fail the gate like a critical rule.
    """
    demand_file(source)
    _refuse_folder(out)
    for listing in (failing, untyped):
        _refuse_folder(listing)
        if listing is not None:
            demand_form(listing)
    with tempfile.TemporaryDirectory(prefix="datagrant-check-") as folder:
        table = Path(folder) / "table.parquet"
        lost = Path(folder) / "untyped.parquet"
        intake = read_table(
            source, table, dictionary=dictionary, numbered=False, on_progress=on_progress, untyped=lost,
            memory_limit_mb=memory_limit_mb,
        )  # fmt: skip
        intake.input.path = str(source)
        _refuse_doubtful_letters(intake)
        known = partners(suite, others, last, Path(folder), often)
        listed, rows = Path(folder) / "failing.parquet", 0
        with FailingList(listed) if failing is not None else nullcontext() as kept:
            judged = run_suite(
                suite, table, engine=engine, query_seconds=query_seconds, reference=reference, references=known,
                keys=keys, failing=kept, memory_limit_mb=memory_limit_mb,
            )  # fmt: skip
        if failing is not None and kept is not None:
            put_into_place(listed, failing)
            rows = kept.rows
        if untyped is not None:
            if not lost.exists():
                untyped_cells.none(lost)
            put_into_place(lost, untyped)
        verdict = _verdict(judged, intake)
        output = None
        if verdict == "passed" and out is not None:
            notes = {
                "datagrant:verdict": "passed",
                "datagrant:suite": suite.name,
                "datagrant:source_sha256": intake.input.sha256,
            }
            words, shaped = dictionary or Dictionary(), Path(folder) / "shaped.parquet"
            if geo := rewrite(table, shaped, _shapes(words, intake)):
                table, notes["geo"] = shaped, geo
            output = export(table, out, words, notes)
    return CheckReport(
        input=intake.input,
        table=TableFacts(rows=intake.rows, columns=intake.columns),
        verdict=verdict,
        expectations=[_reported(each) for each in judged.expectations],
        output=output,
        suite=suite.name,
        engine=engine,
        untyped_cells=intake.untyped_cells,
        findings_total=intake.findings_total,
        findings=intake.findings,
        references=judged.references,
        missing_columns=_missing_columns(suite, judged, intake),
        failing=FailingFacts(path=str(failing), rows=rows) if failing is not None else None,
        untyped=FailingFacts(path=str(untyped), rows=intake.untyped_cells) if untyped is not None else None,
    )


def _missing_columns(suite: Suite, judged: Verdict, intake: Intake) -> list[str]:
    if judged.verdict != "error":
        return []
    present = {column.name for column in intake.columns}
    return [name for name in suite.columns_used() if name not in present]


def _refuse_doubtful_letters(intake: Intake) -> None:
    """Text in an encoding that nobody is sure of may be another text; nobody waits here who could look at it."""
    for guess in doubts(intake.input.detection):
        if guess.aspect == "encoding":
            sure = f"{guess.confidence:.0%}"
            raise InputRefused(
                Text(
                    f"文字编码没有把握（最像 {guess.value}，{sure}）；请用 datagrant preview 核对文字，再用 --encoding 指明编码。",
                    f"The encoding of the text is doubtful (most like {guess.value}, {sure}); look at the text by datagrant preview, "
                    "then name the encoding by --encoding.",
                ),
                encoding=guess.value,
            )


def _shapes(words: Dictionary, intake: Intake) -> Shapes:
    """What the dictionary says of shapes; of a GeoJSON that it does not describe, its geometry."""
    found = shapes_of(words)
    if intake.input.format == "geojson" and not found.columns:
        declared = {column.name for column in words.columns}
        return replace(found, columns=tuple({GEOMETRY} - declared))
    return found


def _refuse_folder(out: Path | None) -> None:
    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise InputRefused(
            Text(
                f"无法写到 {out}：请给出已有文件夹里的一个文件名。",
                f"Cannot write to {out}: name a file in a folder that exists.",
            )
        )


def _verdict(judged: Verdict, intake: Intake) -> Literal["passed", "failed", "error"]:
    if judged.verdict == "passed" and intake.untyped_cells:
        return "failed"
    return judged.verdict


def _reported(outcome: Outcome) -> dict[str, Any]:
    return outcome.model_dump(mode="json")
