"""A doubtful reading waits for a person; what was read can be looked at; another reading needs no upload."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter

from api.house import House
from auth import audit_reading
from auth.actor import Actor
from core.errors import AccessRefused, NotFound, TransitionRefused
from datasets.batches import preview, service
from datasets.batches.detail import detail
from datasets.batches.models import IntakeOptions
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import MOVES, BatchState, BatchStep, open_steps
from tests.datasets.parking import (
    CLEAN,
    COLUMNS,
    DATASET,
    a_parking_dataset,
    hand_in,
    publish,
    recheck,
    save_suite,
    the_batch,
)
from tests.people import actor_of

pytestmark = pytest.mark.gx
TWO_HEADERS = "lot no,name,total,free,day\n,,个,个,年月日\nP01,东门,120,13,2026-03-01\nP02,西门,80,0,2026-03-01\nP03,南门,8,1,2026-03-01\n".encode()
TITLED = "停车场空余泊位,,,,\n甲,乙,丙,丁,戊\n".encode() + CLEAN


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def accept(house: House, username: str, batch_id: str) -> BatchRow:
    from api.durable import drain

    with house.write() as work:
        service.accept(work, actor_of(work, username), batch_id)
    drain(house)
    return the_batch(house, batch_id)


def a_workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return out.getvalue()


ROWS: list[list[object]] = [
    ["lot", "name", "total", "free", "day"],
    ["P01", "东门", 120, 13, "2026-03-01"],
    ["P02", "西门", 80, 0, "2026-03-01"],
]


def kinds(house: House, batch_id: str) -> list[str]:
    with house.read() as work:
        found, _ = audit_reading.events(work, subject=batch_id)
    return [event.kind for event in reversed(found)]


def test_a_sure_reading_goes_on_by_itself_and_says_how_sure_it_was(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    assert batch.state == BatchState.PASSED
    assert batch.intake is not None
    found = {guess["aspect"]: guess for guess in batch.intake["input"]["detection"]}
    assert list(found) == ["format", "encoding", "delimiter", "quote", "header_line"]
    assert all(guess["confidence"] == 1.0 and not guess["told"] for guess in found.values())


def test_the_names_of_the_dictionary_are_the_header_wherever_they_stand(stocked: House) -> None:
    batch = hand_in(stocked, "lin", TITLED)
    assert batch.state == BatchState.PASSED
    assert batch.intake is not None
    assert batch.intake["input"]["header_line"] == 3


@pytest.fixture
def undescribed(sqlite_house: House) -> House:
    """The dataset before anybody wrote its dictionary."""
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, columns=[])
        save_suite(work, expectations=[{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}])
    return sqlite_house


def test_two_clocks_in_a_column_wait_for_a_person(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, columns=[*COLUMNS[:-1], {**COLUMNS[-1], "type": "datetime"}])
        save_suite(work, expectations=[{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}])
    mixed = CLEAN.replace(b"2026-03-01", b"2026-03-01T08:30:00+08:00", 1)
    batch = hand_in(sqlite_house, "lin", mixed)
    assert (batch.state, batch.verdict) == (BatchState.NEEDS_LOOK, None)
    assert [(each.aspect, each.value) for each in service.doubts_of(batch)] == [("zone", "+08:00")]
    looked = accept(sqlite_house, "lin", batch.id)
    assert (looked.state, looked.options) == (BatchState.PASSED, {"zone": "+08:00"})
    again = recheck(sqlite_house, "lin", batch.id, zone="written")
    assert again.intake is not None
    assert again.intake["columns"][-1]["readings"] == {"offset": 1, "written": 2}


def test_a_doubtful_header_stops_the_batch_before_any_verdict(undescribed: House) -> None:
    batch = hand_in(undescribed, "lin", TWO_HEADERS)
    assert (batch.state, batch.verdict) == (BatchState.NEEDS_LOOK, None)
    (doubt,) = service.doubts_of(batch)
    assert (doubt.aspect, doubt.value, doubt.alternatives[0].value) == ("header_line", 1, 2)
    assert "第 2 行" in doubt.why.zh
    assert "line 2" in doubt.why.en
    assert kinds(undescribed, batch.id) == ["batch.received", "batch.checked"]


def test_reading_again_with_the_right_line_goes_on_without_an_upload(undescribed: House) -> None:
    batch = hand_in(undescribed, "lin", TWO_HEADERS)
    again = recheck(undescribed, "zhou", batch.id, header_line=2)
    assert (again.state, again.rows, again.sha256) == (BatchState.PASSED, 3, batch.sha256)
    assert again.options == {"header_line": 2}
    assert again.intake is not None
    header = next(g for g in again.intake["input"]["detection"] if g["aspect"] == "header_line")
    assert (header["told"], header["confidence"]) == (True, 1.0)
    assert kinds(undescribed, batch.id)[2:] == ["batch.recheck_requested", "batch.checked"]
    taken_back = recheck(undescribed, "lin", batch.id, header_line=None)
    assert (taken_back.state, taken_back.options) == (BatchState.NEEDS_LOOK, {})


def test_what_was_said_on_handing_in_is_not_doubted(undescribed: House) -> None:
    batch = hand_in(undescribed, "lin", TWO_HEADERS, options=IntakeOptions(header_line=2))
    assert batch.state == BatchState.PASSED


def test_what_is_accepted_is_fixed_audited_and_not_asked_again(stocked: House) -> None:
    sheets = a_workbook(("三月", ROWS), ("四月", [*ROWS, ["P03", "北门", 5, 1, "2026-04-01"]]))
    batch = hand_in(stocked, "lin", sheets, "lots.xlsx")
    assert batch.state == BatchState.NEEDS_LOOK
    assert [guess.aspect for guess in service.doubts_of(batch)] == ["sheet"]
    accepted = accept(stocked, "zhou", batch.id)
    assert (accepted.state, accepted.rows) == (BatchState.PASSED, 2)
    assert accepted.options == {"sheet": "三月"}
    assert "batch.reading_accepted" in kinds(stocked, batch.id)
    assert recheck(stocked, "lin", batch.id).state == BatchState.PASSED
    other = recheck(stocked, "lin", batch.id, sheet="2")
    assert (other.state, other.rows) == (BatchState.PASSED, 3)


def test_who_accepts_a_reading_has_prepared_the_batch(stocked: House) -> None:
    batch = hand_in(stocked, "lin", a_workbook(("a", ROWS), ("b", ROWS)), "lots.xlsx")
    assert accept(stocked, "zhou", batch.id).state == BatchState.PASSED
    with pytest.raises(AccessRefused):
        publish(stocked, "zhou", batch.id)


def test_only_a_batch_that_waits_can_be_accepted_and_only_by_its_stewards(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    with stocked.write() as work, pytest.raises(TransitionRefused):
        service.accept(work, actor_of(work, "lin"), batch.id)
    waiting = hand_in(stocked, "lin", a_workbook(("a", ROWS), ("b", ROWS)), "lots.xlsx")
    for who, refusal in (("eye", AccessRefused), ("other", NotFound)):
        with stocked.write() as work, pytest.raises(refusal):
            service.accept(work, actor_of(work, who), waiting.id)


def test_an_archive_with_several_members_names_them_and_one_is_chosen_without_an_upload(
    stocked: House,
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("三月.csv", CLEAN)
        archive.writestr("说明.txt", "说明")
    batch = hand_in(stocked, "lin", out.getvalue(), "lots.zip")
    assert batch.state == BatchState.REFUSED
    with stocked.read() as work:
        seen = detail(work, actor_of(work, "lin"), batch.id)
    assert seen.choices == ["三月.csv", "说明.txt"]
    assert [(each.name, each.bytes, each.columns) for each in seen.members] == [
        ("三月.csv", len(CLEAN), ["lot", "name", "total", "free", "day"]), ("说明.txt", 6, None),
    ]  # fmt: skip
    assert seen.members[1].refused is not None
    again = recheck(stocked, "lin", batch.id, member="三月.csv")
    assert (again.state, again.rows) == (BatchState.PASSED, 3)


def test_members_are_read_as_one_table_without_an_upload(stocked: House) -> None:
    out = io.BytesIO()
    more = CLEAN.split(b"\n")[0] + "\nP11,东门,12,x,2026-04-01\n".encode()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("三月.csv", CLEAN)
        archive.writestr("四月.csv", more)
    batch = hand_in(stocked, "lin", out.getvalue(), "lots.zip")
    again = recheck(stocked, "lin", batch.id, member="*.csv")
    assert (again.state, again.rows, again.untyped_cells) == (BatchState.FAILED, 4, 1)
    assert again.intake is not None
    (bad,) = (each for each in again.intake["findings"] if each["code"] == "untyped-cell")
    assert (bad["member"], bad["line"], bad["row"]) == ("四月.csv", 2, 4)
    assert see(stocked, "lin", batch.id).last == []
    assert [row.member for row in see(stocked, "lin", batch.id).first] == ["三月.csv"] * 3 + ["四月.csv"]


def test_the_same_bytes_lead_to_the_other_batches(stocked: House) -> None:
    first = hand_in(stocked, "lin", CLEAN)
    second = hand_in(stocked, "lin", CLEAN, "again.csv", again=True)
    with stocked.read() as work:
        for one, other in ((first, second), (second, first)):
            found = detail(work, actor_of(work, "lin"), one.id).same_bytes
            assert [(each.id, each.number) for each in found] == [(other.id, other.number)]


def see(house: House, username: str, batch_id: str, rows: int = 20) -> preview.BatchPreview:
    with house.read() as work:
        actor: Actor = actor_of(work, username)
    return preview.preview(house.read, house.files, actor, batch_id, rows)


def test_a_preview_shows_both_ends_as_typed_and_what_is_suspicious(stocked: House) -> None:
    lines = "".join(f"P{i:02d},门{i},{i},{i},2026-03-{i % 28 + 1:02d}\n" for i in range(1, 41))
    data = f"lot,name,total,free,day\n{lines}P41 ,Ｎ门,多,3,2026-03-01\n合计,,,7,\n".encode()
    batch = hand_in(stocked, "lin", data)
    seen = see(stocked, "lin", batch.id, 2)
    assert [row.row for row in (*seen.first, *seen.last)] == [1, 2, 41, 42]
    assert seen.first[0].cells == ["P01", "门1", 1, 1, "2026-03-02"]
    assert [(column.name, column.type) for column in seen.columns][2] == ("total", "integer")
    marks = {(each.code, each.line, each.column) for each in seen.suspicious}
    assert marks >= {
        ("untyped-cell", 42, "total"),
        ("outer-blanks", 42, "lot"),
        ("full-width", 42, "name"),
        ("totals-row", 43, "lot"),
    }


def test_single_values_of_sensitive_data_stay_with_their_department(sqlite_house: House) -> None:
    columns = [column | ({"level": 3} if column["name"] == "name" else {}) for column in COLUMNS]
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, data_level=3, columns=columns)
    batch = hand_in(sqlite_house, "lin", CLEAN.replace("东门".encode(), "东门 ".encode()))
    assert see(sqlite_house, "lin", batch.id).first
    hidden = see(sqlite_house, "eye", batch.id)
    assert (hidden.values_shown, hidden.first, hidden.last, hidden.suspicious) == (False, [], [], [])
    assert hidden.suspicious_total == 1


def test_a_batch_suggests_a_dictionary_for_a_dataset_without_one(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, columns=[])
    data = "编号,total,日期,占比\nP01,120,2026-03-01,12.5%\nP02,,2026-03-01,NA\n".encode()
    batch = hand_in(sqlite_house, "lin", data)
    with sqlite_house.read() as work:
        files = sqlite_house.files
        suggested = preview.proposed_dictionary(
            work, actor_of(work, "lin"), batch.id, of=DATASET, files=files
        )
        with pytest.raises(NotFound):
            preview.proposed_dictionary(work, actor_of(work, "other"), batch.id, files=files)
    found = suggested.columns
    assert (found[3].unit, suggested.null_values) == ("%", ["NA"])
    assert [(c.name, c.title_zh, c.title_en, c.type, c.nullable) for c in found] == [
        ("编号", "编号", "", "string", False),
        ("total", "", "total", "integer", True),
        ("日期", "日期", "", "date", False),
        ("占比", "占比", "", "number", True),
    ]


def test_nothing_reaches_the_gate_but_a_sure_reading_or_one_that_a_person_accepted() -> None:
    ways = {(state, step) for (state, step), move in MOVES.items() if move.to is BatchState.TYPED}
    assert ways == {(BatchState.RECEIVED, BatchStep.TYPE), (BatchState.NEEDS_LOOK, BatchStep.ACCEPT)}
    assert MOVES[BatchState.NEEDS_LOOK, BatchStep.ACCEPT].needs == service.SUBMIT
    assert set(open_steps(BatchState.NEEDS_LOOK)) == {
        BatchStep.ACCEPT,
        BatchStep.RECHECK,
        BatchStep.REJECT,
        BatchStep.SUPERSEDE,
    }
