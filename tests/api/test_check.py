"""`datagrant check`: the gate alone, on small files of its own and on published ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from api.cli.check import check
from tests.campaigns.stated import PAGE, TOLD, checked, faults_of_readme, lines, rules_of

pytestmark = pytest.mark.gx
app = typer.Typer()
app.command()(check)


class Gate:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out.parquet"

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def suite(self, *expectations: dict[str, Any]) -> Path:
        return self.file("suite.json", json.dumps({"name": "s", "expectations": expectations}))

    def runs(self, file: Path, suite: Path, *more: str) -> tuple[Result, dict[str, Any]]:
        report = self.folder / "report.json"
        asked = [
            str(file),
            "--suite",
            str(suite),
            "--out",
            str(self.out),
            "--report",
            str(report),
            "--lang",
            "en",
        ]
        result = CliRunner().invoke(app, [*asked, *more])
        return result, json.loads(report.read_text()) if report.exists() else {}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def rule(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {}}


NOT_NULL = rule("expect_column_values_to_not_be_null", column="free")
SPOTS = "lot,free\nA,3\nB,5\n"


def test_a_passing_table_comes_out_as_parquet_with_titles_and_units(gate: Gate) -> None:
    dictionary = {"columns": [{"name": "free", "type": "integer", "title_zh": "空位", "unit": "个"}]}
    known = gate.file("dict.json", json.dumps(dictionary))
    result, report = gate.runs(gate.file("p.csv", SPOTS), gate.suite(NOT_NULL), "--dictionary", str(known))
    assert (result.exit_code, report["verdict"]) == (0, "passed")
    assert report["output"] == {
        "path": str(gate.out),
        "sha256": hashlib.sha256(gate.out.read_bytes()).hexdigest(),
        "bytes": gate.out.stat().st_size,
        "rows": 2,
    }
    assert pd.read_parquet(gate.out).to_dict("list") == {"lot": ["A", "B"], "free": [3, 5]}
    field = pq.read_schema(gate.out).field("free")
    assert field.metadata == {b"title_zh": "空位".encode(), b"unit": "个".encode()}


def test_the_report_has_the_promised_keys(gate: Gate) -> None:
    file = gate.file("p.csv", SPOTS)
    _, report = gate.runs(file, gate.suite(NOT_NULL))
    wanted = {"path", "sha256", "bytes", "format", "encoding", "delimiter", "header_line", "sheet", "member"}
    assert wanted <= report["input"].keys()
    assert report["input"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert report["table"]["rows"] == 2
    assert {"name", "type", "nulls"} <= report["table"]["columns"][0].keys()
    outcome = {"type", "kwargs", "severity", "outcome", "element_count", "unexpected_count", "examples"}
    assert outcome <= report["expectations"][0].keys()


def test_a_failing_table_stays_inside(gate: Gate) -> None:
    result, report = gate.runs(gate.file("p.csv", "lot,free\nA,\nB,5\n"), gate.suite(NOT_NULL))
    assert (result.exit_code, report["verdict"], report["output"]) == (1, "failed", None)
    assert report["expectations"][0]["unexpected_count"] == 1
    assert not gate.out.exists()


def test_a_warning_does_not_close_the_gate(gate: Gate) -> None:
    warning = NOT_NULL | {"severity": "warning"}
    result, report = gate.runs(gate.file("p.csv", "lot,free\nA,\nB,5\n"), gate.suite(warning))
    assert (result.exit_code, report["verdict"]) == (0, "passed")
    assert report["expectations"][0]["outcome"] == "failed"


def test_a_rule_that_cannot_run_is_an_error_not_a_pass(gate: Gate) -> None:
    lost = rule("expect_column_values_to_not_be_null", column="no_such_column")
    result, report = gate.runs(gate.file("p.csv", SPOTS), gate.suite(lost))
    assert (result.exit_code, report["verdict"], report["output"]) == (3, "error", None)
    assert not gate.out.exists()


def test_cells_that_would_be_lost_fail_the_gate(gate: Gate) -> None:
    known = gate.file("dict.json", json.dumps({"columns": [{"name": "free", "type": "integer"}]}))
    file = gate.file("p.csv", "lot,free\nA,many\nB,5\n")
    result, report = gate.runs(
        file, gate.suite(rule("expect_table_row_count_to_equal", value=2)), "--dictionary", str(known)
    )
    assert (result.exit_code, report["verdict"], report["untyped_cells"]) == (1, "failed", 1)
    assert "would be lost" in result.stdout
    finding = report["findings"][0]
    assert (finding["row"], finding["line"], finding["column"], finding["value"]) == (1, 2, "free", "many")
    assert not gate.out.exists()


def test_both_engines_give_the_same_answer(gate: Gate) -> None:
    file, suite = gate.file("p.csv", "lot,free\nA,\nB,5\n"), gate.suite(NOT_NULL)
    reports = [gate.runs(file, suite, "--engine", engine)[1] for engine in ("duckdb", "pandas")]
    kept = [[(e["outcome"], e["unexpected_count"]) for e in r["expectations"]] for r in reports]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("file", "suite"),
    [
        ("", None),
        ("lot,free\n", None),
        (SPOTS, "not json"),
        (SPOTS, '{"name": "s", "expectations": [{"type": "expect_wonders", "kwargs": {}}]}'),
    ],
)
def test_refused_input_is_one_sentence_on_stderr_and_no_report(
    gate: Gate, file: str, suite: str | None
) -> None:
    rules = gate.suite(NOT_NULL) if suite is None else gate.file("suite.json", suite)
    result, report = gate.runs(gate.file("p.csv", file), rules)
    assert (result.exit_code, result.stdout, report) == (2, "", {})
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_missing_file_suite_or_dictionary_is_refused(gate: Gate) -> None:
    file, suite, nowhere = gate.file("p.csv", SPOTS), gate.suite(NOT_NULL), gate.folder / "nowhere.json"
    for asked in ((nowhere, suite), (file, nowhere), (file, suite, "--dictionary", str(nowhere))):
        assert gate.runs(*asked)[0].exit_code == 2  # type: ignore[arg-type]


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_every_fault_that_is_stated_of_a_published_file_is_found_in_just_that_number(
    tmp_path: Path, shared: Path, name: str
) -> None:
    assert shared.is_dir()
    told = TOLD[name]
    exit_code, stderr, report = checked(name, tmp_path)
    if "refused" in told:
        assert exit_code == 2
        assert told["refused"] in stderr
    else:
        assert exit_code == told.get("exit", 0), stderr
        table = report["table"]
        assert table["rows"] == told["rows"]
        assert len(table["columns"]) == told.get("columns", len(table["columns"]))
        for fact in ("encoding", "header_line"):
            assert report["input"][fact] == told.get(fact, report["input"][fact])
        for (kind, kwargs, finds, *_), outcome in zip(rules_of(told), report["expectations"], strict=False):
            assert (outcome["type"], outcome["kwargs"]) == (kind, kwargs)
            assert outcome["outcome"] == ("failed" if finds else "passed"), kwargs
            assert finds in (None, outcome["unexpected_count"]), kwargs
    assert (tmp_path / "out.parquet").exists() == (exit_code == 0)
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert list(lines(name, stderr, report)) == [line for line in page if line.startswith(f"| {name} |")]


@pytest.mark.shared
def test_the_page_of_stated_faults_leaves_out_no_sentence_and_differs_only_with_a_reason(
    shared: Path,
) -> None:
    assert shared.is_dir()
    counted = {name: [fault["stated"] for fault in told["faults"]] for name, told in TOLD.items()}
    assert {name: counted.get(name) for name in faults_of_readme()} == faults_of_readme()
    assert "not looked into" not in PAGE.read_text(encoding="utf-8")
    for told in TOLD.values():
        for fault in told["faults"]:
            rules = [rule for rule in fault.get("rules", ()) if len(rule) > 3]
            assert all(f"{rule[3]:,}" in fault["stated"] for rule in rules if "note" not in fault)
            assert "differs" in fault or all(rule[3] == rule[2] for rule in rules)


FOREIGN = {"type": "expect_column_values_to_exist_in_dataset", "kwargs": {"column": "lot", "dataset": "DP-PK-001", "other_columns": ["lot_id"]}}  # fmt: skip
GROWS = {"type": "expect_counters_to_grow_since_last_release", "kwargs": {"keys": ["lot"], "column": "n"}}


def test_files_stand_for_the_datasets_that_rules_compare_with(gate: Gate) -> None:
    table, suite = gate.file("t.csv", "lot,n\nP1,3\nP2,5\nP9,1\n"), gate.suite(FOREIGN, GROWS)
    master, before = gate.file("lots.csv", "lot_id\nP1\nP2\n"), gate.file("last.csv", "lot,n\nP1,2\nP2,6\n")
    result, report = gate.runs(table, suite, "--with", f"DP-PK-001={master}", "--last-release", str(before))
    assert result.exit_code == 1
    assert [each["unexpected_count"] for each in report["expectations"]] == [1, 1]
    assert [each["failing_rows"] for each in report["expectations"]] == [[3], [2]]
    digests = {each["name"]: each["sha256"] for each in report["references"]}
    assert digests["DP-PK-001"] == hashlib.sha256(master.read_bytes()).hexdigest()


def test_a_comparison_without_its_file_is_an_error_that_says_which(gate: Gate) -> None:
    result, report = gate.runs(gate.file("t.csv", "lot,n\nP1,3\n"), gate.suite(FOREIGN, GROWS))
    assert result.exit_code == 3
    assert "--with DP-PK-001=FILE" in report["expectations"][0]["error"]


@pytest.mark.parametrize("given", ["DP-PK-001", "=lots.csv", "DP-PK-001=nowhere.csv", "DP-PK-009=t.csv"])
def test_a_file_that_is_not_there_or_that_nobody_asks_for_is_refused(gate: Gate, given: str) -> None:
    table = gate.file("t.csv", "lot,n\nP1,3\n")
    result, _ = gate.runs(table, gate.suite(FOREIGN), "--with", given.replace("=t.csv", f"={table}"))
    assert result.exit_code == 2


def test_codes_of_a_named_list_are_known_without_a_service(gate: Gate) -> None:
    rule = {"type": "expect_column_values_to_be_in_code_list", "kwargs": {"column": "share", "code_list": "share_type"}}  # fmt: skip
    result, report = gate.runs(gate.file("t.csv", "share,n\n1,a\n3,b\n7,c\n"), gate.suite(rule))
    assert (result.exit_code, report["expectations"][0]["failing_rows"]) == (1, [3])
    assert report["references"][0]["version"] == "2026-01-01"


def test_a_text_in_a_doubtful_encoding_is_refused_until_it_is_named(gate: Gate) -> None:
    table = gate.folder / "t.csv"
    table.write_bytes("id,Ελληνικό όνομα\n1,Λεωνίδας\n2,Γιώργος\n".encode("iso-8859-7"))
    suite = gate.suite({"type": "expect_table_row_count_to_equal", "kwargs": {"value": 2}})
    result, _ = gate.runs(table, suite, "--lang", "en")
    assert (result.exit_code, "name the encoding by --encoding" in result.output) == (2, True)
    told, report = gate.runs(table, suite, "--encoding", "iso-8859-7")
    assert (told.exit_code, report["input"]["encoding"]) == (0, "iso8859-7")


def test_a_geojson_leaves_as_geoparquet_without_a_dictionary(gate: Gate) -> None:
    point = {
        "type": "Feature",
        "properties": {"n": 1},
        "geometry": {"type": "Point", "coordinates": [114.1, 22.5]},
    }
    table = gate.file("t.geojson", json.dumps({"type": "FeatureCollection", "features": [point, point]}))
    out = table.with_name("out.parquet")
    suite = gate.suite({"type": "expect_table_row_count_to_equal", "kwargs": {"value": 2}})
    result, _ = gate.runs(table, suite, "--out", str(out))
    assert result.exit_code == 0, result.output
    geo = json.loads(pq.read_schema(out).metadata[b"geo"])
    assert (geo["primary_column"], geo["columns"]["geometry"]["crs"]) == ("geometry", None)
