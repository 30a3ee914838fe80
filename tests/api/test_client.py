"""The command line's own refusals: one sentence, exit code 1, nothing asked for and nothing made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.cli import check, extract, org
from api.client import connect, demand_room_for


def _run(app: typer.Typer, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_a_service_that_does_not_answer_is_named() -> None:
    code, said = _run(org.app, "list", "--server", "http://127.0.0.1:9", "--token", "x")
    assert code == 1
    assert "127.0.0.1:9" in said
    assert "Traceback" not in said


def test_a_mistyped_directory_makes_no_installation(tmp_path: Path) -> None:
    code, said = _run(org.app, "list", "--data-dir", str(tmp_path / "nodir"), "--as", "admin")
    assert code == 1
    assert "datagrant init" in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_could_not_be_written_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    words = ["request", "g", "--purpose", "p", "--scenario", "s", "--out", str(tmp_path / "no" / "x.parquet")]
    code, said = _run(extract.app, *words, "--server", "http://127.0.0.1:9", "--token", "x")
    assert code == 1
    assert "folder" in said
    demand_room_for(tmp_path / "x.parquet")


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_the_gate_never_writes_over_what_it_was_given(tmp_path: Path, option: str) -> None:
    app = typer.Typer()
    app.command()(check.command)
    table, suite = tmp_path / "t.csv", tmp_path / "s.json"
    table.write_text("a\n1\n", encoding="utf-8")
    suite.write_text('{"name": "s", "expectations": []}', encoding="utf-8")
    for victim in (table, suite):
        before = victim.read_bytes()
        code, said = _run(app, str(table), "--suite", str(suite), option, str(victim))
        assert code == 2, said
        assert victim.read_bytes() == before


def test_connecting_to_nowhere_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(typer.Exit), connect(tmp_path / "none"):
        raise AssertionError("never reached")


def test_a_name_beside_a_server_is_refused_instead_of_passed_over() -> None:
    code, said = _run(org.app, "list", "--server", "http://127.0.0.1:9", "--as", "admin")
    assert code == 1
    assert "--token" in said


def test_under_json_a_refusal_is_json_too(tmp_path: Path) -> None:
    code, said = _run(org.app, "list", "--data-dir", str(tmp_path / "none"), "--json")
    assert code == 1
    assert json.loads(said)["title"] == "Not found"


def test_the_list_of_commands_needs_no_database_and_no_server() -> None:
    code = (
        "import sys; from api.cli import _assemble; _assemble();"
        "print([name for name in ('sqlmodel', 'fastapi', 'pandas', 'pyarrow', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
