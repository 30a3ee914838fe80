"""A doubtful reading over HTTP, in the browser's forms and on the command line; previews everywhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.batch import _say_why
from api.cli.batch import app as batch_commands
from api.cli.check import check
from api.cli.preview import preview
from api.durable import drain
from api.house import House
from tests.datasets.batches.test_looking import ROWS, a_workbook
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, save_suite, the_batch
from tests.people import browser_as, client_as

TWO_SHEETS = a_workbook(("三月", ROWS), ("四月", ROWS))
RULE = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "lot"}}


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def two_members() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("三月.csv", CLEAN)
        archive.writestr("四月.csv", CLEAN)
    return out.getvalue()


@pytest.mark.gx
def test_a_doubt_is_shown_accepted_and_judged_over_http(stocked: House) -> None:
    lin = client_as(stocked, "lin")
    batch = hand_in(stocked, "lin", TWO_SHEETS, "lots.xlsx")
    address = f"/api/v1/batches/{batch.id}"
    found = lin.get(address).json()
    assert found["state"] == "needs_look"
    assert [(each["aspect"], each["value"]) for each in found["doubts"]] == [("sheet", "三月")]
    assert {step["step"] for step in found["commands"]} == {"accept", "recheck", "reject", "supersede"}
    assert client_as(stocked, "eye").post(f"{address}/accept").status_code == 403
    assert client_as(stocked, "other").post(f"{address}/accept").status_code == 404
    assert lin.post(f"{address}/accept", params={"version": 99}).status_code == 412
    assert lin.post(f"{address}/accept").json()["state"] == "typed"
    drain(stocked)
    assert lin.get(address).json()["state"] == "passed"
    assert lin.post(f"{address}/accept").status_code == 409


@pytest.mark.gx
def test_what_is_said_with_the_upload_is_obeyed(stocked: House) -> None:
    lin = client_as(stocked, "lin")
    params = {"dataset_id": DATASET, "name": "lots.xlsx", "sheet": "2"}
    made = lin.post("/api/v1/batches", content=TWO_SHEETS, params=params).json()
    drain(stocked)
    found = lin.get(f"/api/v1/batches/{made['id']}").json()
    assert (found["state"], found["intake"]["input"]["sheet"]) == ("passed", "四月")
    refused = lin.post("/api/v1/batches", content=CLEAN, params=params | {"header_line": -1})
    assert refused.status_code == 422


@pytest.mark.gx
def test_the_forms_ask_choose_and_read_again(stocked: House) -> None:
    lin = browser_as(stocked, "lin")
    batch = hand_in(stocked, "lin", TWO_SHEETS, "lots.xlsx")
    page = f"/batches/{batch.id}"
    assert "读取方式没有把握" in lin.get(page).text
    looked = lin.get(f"{page}/preview")
    assert (looked.status_code, "东门" in looked.text, "四月" in looked.text) == (200, True, True)
    assert "Batches whose reading needs a look" in browser_as(stocked, "zhou", "en").get("/").text
    assert lin.submit(f"{page}/recheck", sheet="四月").status_code == 303
    drain(stocked)
    row = the_batch(stocked, batch.id)
    assert (row.state, row.options) == ("passed", {"sheet": "四月"})
    assert lin.submit(f"{page}/recheck", sheet="", header_line="x").status_code == 422
    assert lin.submit(f"{page}/recheck", sheet="").status_code == 303
    drain(stocked)
    assert lin.submit(f"{page}/accept").status_code == 303
    drain(stocked)
    assert the_batch(stocked, batch.id).state == "passed"


@pytest.mark.gx
def test_members_of_an_archive_are_offered_on_the_page(stocked: House) -> None:
    lin = browser_as(stocked, "lin")
    batch = hand_in(stocked, "lin", two_members(), "lots.zip")
    shown = lin.get(f"/batches/{batch.id}").text
    assert '<option value="四月.csv">' in shown
    assert '<option value="*">' in shown
    assert "压缩包内的文件" in shown
    assert lin.get(f"/batches/{batch.id}/preview").status_code == 409
    assert lin.submit(f"/batches/{batch.id}/recheck", member="四月.csv").status_code == 303
    drain(stocked)
    assert the_batch(stocked, batch.id).state == "passed"


@pytest.mark.gx
def test_a_dictionary_is_adopted_by_way_of_its_editor(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, columns=[])
        save_suite(work, expectations=[{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}])
    batch = hand_in(sqlite_house, "lin", CLEAN)
    lin = browser_as(sqlite_house, "lin")
    assert "采用为数据字典" in lin.get(f"/batches/{batch.id}/preview").text
    editor = lin.get(f"/datasets/{DATASET}/dictionary?batch={batch.id}").text
    assert "由批次建议，尚未保存" in editor
    assert 'value="free"' in editor
    proposed = client_as(sqlite_house, "lin").get(f"/api/v1/batches/{batch.id}/dictionary").json()
    assert [column["type"] for column in proposed["columns"]] == [
        "string", "string", "integer", "integer", "date",
    ]  # fmt: skip
    assert client_as(sqlite_house, "other").get(f"/api/v1/batches/{batch.id}/dictionary").status_code == 404
    saved = client_as(sqlite_house, "lin").put(
        f"/api/v1/datasets/{DATASET}/dictionary", json=proposed, headers={"If-Match": "*"}
    )
    assert saved.status_code == 200, saved.text


@pytest.mark.gx
def test_commands_show_ask_preview_accept_and_read_again(stocked: House, tmp_path: Path) -> None:
    batch = hand_in(stocked, "lin", TWO_SHEETS, "lots.xlsx")
    where = ["--data-dir", str(stocked.settings.data_dir), "--as", "lin"]

    def said(*words: str) -> str:
        done = CliRunner().invoke(batch_commands, [*words, *where])
        assert done.exit_code == 0, done.output
        return done.output

    assert "sheet" in said("show", batch.id)
    assert "东门" in said("preview", batch.id)
    out = tmp_path / "dict.json"
    said("dictionary", batch.id, "--out", str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["columns"][0]["name"] == "lot"
    assert json.loads(said("accept", batch.id, "--json"))["state"] == "typed"
    drain(stocked)
    assert the_batch(stocked, batch.id).options == {"sheet": "三月"}
    said("recheck", batch.id, "--detect", "sheet", "--header-line", "1", "--quote", '"')
    drain(stocked)
    row = the_batch(stocked, batch.id)
    assert (row.state, row.options) == ("needs_look", {"header_line": 1, "quote": '"'})


def test_a_waiting_command_says_what_is_doubtful_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    doubt = {
        "aspect": "sheet",
        "value": "a",
        "confidence": 0.5,
        "why": {"en": "half"},
        "alternatives": [{"value": "b"}],
    }
    _say_why({"id": "B1", "state": "needs_look", "doubts": [doubt]})
    told = capsys.readouterr().err
    assert 'sheet "a": 50%, half; maybe "b"' in told
    assert "datagrant batch accept B1" in told
    _say_why({"id": "B1", "state": "refused", "choices": ["三月 a.csv"], "problem": {"zh": "", "en": "two"}})
    assert "--member '三月 a.csv'" in capsys.readouterr().err


def run(command: object, *args: object) -> tuple[int, str]:
    import typer

    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    result = CliRunner().invoke(app, [*map(str, args), "--lang", "en"])
    return result.exit_code, result.output


def test_a_local_file_is_previewed_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "lots.csv"
    file.write_bytes(CLEAN.replace("东门".encode(), "东门 ".encode()))
    code, said = run(preview, file, "--rows", 1)
    assert code == 0
    assert "begins or ends with blanks" in said
    code, said = run(preview, file, "--json", "--rows", 1)
    assert json.loads(said)["first"][0]["cells"] == ["P01", "东门 ", 120, 13, "2026-03-01"]
    assert run(preview, tmp_path) == (2, f"{tmp_path} is a folder; name one file in it.\n")
    archive = tmp_path / "two.zip"
    archive.write_bytes(two_members())
    code, said = run(preview, archive)
    assert (code, "2 members" in said) == (2, True)
    code, said = run(preview, archive, "--json")
    assert [each["name"] for each in json.loads(said[said.index("{") :])["members"]] == [
        "三月.csv",
        "四月.csv",
    ]
    assert run(preview, archive, "--member", "*")[0] == 0
    assert run(preview, archive, "--member", "四月.csv")[0] == 0


@pytest.mark.gx
def test_check_says_what_is_wrong_in_true_sentences(tmp_path: Path) -> None:
    file, suite = tmp_path / "p.csv", tmp_path / "s.json"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    suite.write_text(json.dumps({"name": "停车", "expectations": [RULE]}), encoding="utf-8")
    assert run(check, tmp_path, "--suite", suite) == (2, f"{tmp_path} is a folder; name one file in it.\n")
    report = tmp_path / "r.json"
    code, said = run(check, file, "--suite", suite, "--report", report)
    assert code == 3
    assert "names columns that the table lacks: lot (it has: a, b)" in " ".join(said.split())
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["missing_columns"] == ["lot"]
    assert {each["aspect"] for each in told["input"]["detection"]} >= {"encoding", "delimiter", "header_line"}
    suite.write_bytes(json.dumps({"name": "停车", "expectations": [RULE]}, ensure_ascii=False).encode("gbk"))
    code, said = run(check, file, "--suite", suite)
    assert (code, "it seems to be GB18030" in said) == (2, True)


@pytest.mark.gx
def test_check_judges_members_together_or_each_by_itself(tmp_path: Path) -> None:
    file, suite, report = tmp_path / "two.zip", tmp_path / "s.json", tmp_path / "r.json"
    file.write_bytes(two_members())
    suite.write_text(json.dumps({"name": "s", "expectations": [RULE]}), encoding="utf-8")
    code, said = run(check, file, "--suite", suite)
    assert (code, "name the one to read" in said, "2 members" in said) == (2, True, True)
    assert run(check, file, "--suite", suite, "--member", "*", "--report", report)[0] == 0
    assert json.loads(report.read_text(encoding="utf-8"))["input"]["members"][1]["first_row"] > 1
    assert run(check, file, "--suite", suite, "--each", "--report", report, "--out", tmp_path)[0] == 0
    told = json.loads(report.read_text(encoding="utf-8"))["members"]
    assert [(each["member"], each["report"]["verdict"]) for each in told] == [("三月.csv", "passed"), ("四月.csv", "passed")]  # fmt: skip
    assert (tmp_path / "三月.csv.parquet").is_file()
    assert run(check, file, "--each", "--member-suite", f"三月.csv={suite}")[0] == 2
    assert run(check, file)[0] == 2


@pytest.mark.gx
def test_check_tells_a_doubt_and_goes_by_what_it_is_told(tmp_path: Path) -> None:
    file, suite = tmp_path / "p.xlsx", tmp_path / "s.json"
    file.write_bytes(TWO_SHEETS)
    suite.write_text(json.dumps({"name": "s", "expectations": [RULE]}), encoding="utf-8")
    code, said = run(check, file, "--suite", suite)
    assert (code, "doubtful" in said, "四月" in said) == (0, True, True)
    assert "doubtful" not in run(check, file, "--suite", suite, "--sheet", "四月")[1]


def test_a_suite_that_names_unknown_columns_is_saved_with_a_warning(stocked: House) -> None:
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "lots"}}
    lin = client_as(stocked, "lin")
    body = {"suite": {"name": "s", "expectations": [rule, RULE]}, "note": "try"}
    assert lin.put(f"/api/v1/datasets/{DATASET}/suite", json=body).json()["unknown_columns"] == ["lots"]
    page = browser_as(stocked, "lin", "en")
    text = json.dumps({"name": "t", "expectations": [rule]})
    assert page.submit(f"/datasets/{DATASET}/suite", json=text, version="2").status_code == 303
    assert "the dictionary lacks these columns: lots" in page.get(f"/datasets/{DATASET}/suite").text
