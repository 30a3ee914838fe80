"""Data dictionaries out as a table, edited, and in again: shown, made, undone."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.actor import ANYONE
from catalog import service as catalogue
from catalog.changes import dictionaries, service, sheets
from catalog.changes.models import Wishes
from catalog.models import ColumnCreate, Dictionary
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalDecision
from core.sheets import csv_of, xlsx_of
from tests.catalog.changes.texts import texts
from tests.catalog.records import a_dataset, a_department
from tests.people import actor_of

DRAFT, SHOWN = "DP-PK-002", "DP-PK-001"
TEXTS: Final = texts(12)
COLUMNS: Final = st.builds(
    ColumnCreate, name=TEXTS.filter(bool), title_zh=TEXTS, definition_en=TEXTS, unit=st.none() | TEXTS.filter(bool), level=st.none() | st.integers(1, 6),
    type=st.sampled_from([None, "integer", "string", "date"]), length=st.none() | st.integers(1, 999), primary=st.booleans(), nullable=st.booleans(),
    code_list=st.none() | TEXTS.filter(bool) | st.lists(TEXTS.filter(bool), min_size=1, max_size=3),
    codes=st.none() | st.dictionaries(TEXTS.filter(bool), TEXTS.filter(bool), min_size=1, max_size=2),
    identifier_kind=st.sampled_from(["none", "DI", "QI"]),
)  # fmt: skip


@given(st.lists(COLUMNS, min_size=1, max_size=3, unique_by=lambda column: column.name))
def test_a_dictionary_comes_back_from_both_tables(columns: list[ColumnCreate]) -> None:
    held = [column.model_dump(mode="json") for column in columns]
    table = dictionaries.sheet([("DP-1", 3, held)])
    for content in (b"".join(csv_of(table)), xlsx_of([sheets.sheet([]), table])):
        wishes, problems = sheets.read(content)
        assert problems == []
        assert [(wish.dataset_id, wish.version) for wish in wishes] == [("DP-1", 3)]
        assert dictionaries.merged([], wishes[0].fields["columns"]) == (held, [])


@pytest.fixture
def traffic(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, SHOWN, "traffic")
        a_dataset(work, DRAFT, "traffic", draft=True)
    return house


def _edited(content: bytes, edit: Any) -> bytes:
    """A CSV with its lines changed: `edit` takes and gives them as dicts."""
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    held = io.StringIO()
    out = csv.DictWriter(held, lines[0].keys())
    out.writeheader()
    out.writerows(edit(lines))
    return held.getvalue().encode()


def _names(read: Any) -> list[str]:
    return [column.name for column in read]


def test_lines_change_add_move_and_take_out_columns_and_are_undone(traffic: House) -> None:
    def edit(lines: list[dict[str, str]]) -> list[dict[str, str]]:
        told, *rest = lines
        draft = [line for line in rest if line["resource_code"] == DRAFT]
        shown = [line for line in rest if line["resource_code"] == SHOWN]
        draft[0] |= {"title_en": "Lot", "nullable": "否"}
        new = {
            **dict.fromkeys(told, ""),
            "resource_code": DRAFT,
            "column": "extra",
            "type": "整数",
            "title_zh": "新列",
            "level": "1",
        }
        return [told, *draft[:-1], new, *reversed(shown)]

    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        content = b"".join(csv_of(service.tables(work, steward, "publisher=traffic")[1]))
        assert service.from_file(work, steward, content).unchanged == 2
        before = {each: _names(catalogue.dictionary(work, each)) for each in (DRAFT, SHOWN)}
        assert len(before[SHOWN]) > 1
        found = service.from_file(work, steward, _edited(content, edit))
        assert found.problems == []
        assert {item.dataset_id: item.waits for item in found.items} == {DRAFT: False, SHOWN: True}
        said = {each.label_en for each in found.items[0].fields}
        assert {f"Column {before[DRAFT][0]}: Title (English)", "Column extra: added", f"Column {before[DRAFT][-1]}: taken out"} <= said  # fmt: skip
        assert {each.label_en.split(": ")[1] for each in found.items[1].fields} == {"moved"}
        assert _names(catalogue.dictionary(work, DRAFT)) == before[DRAFT]  # nothing has happened
        made = service.carry_out(work, steward, Wishes(changes=found.changes, source="file"))
        assert _names(catalogue.dictionary(work, DRAFT)) == [*before[DRAFT][:-1], "extra"]
        assert catalogue.dictionary(work, DRAFT)[-1].type == "integer"
        waiting = proposals.waiting(work, SHOWN)
        assert waiting is not None
        assert waiting.changes_dictionary
        proposals.accept(work, actor_of(work, "traffic-reviewer"), waiting.id, ProposalDecision())
        assert _names(catalogue.dictionary(work, SHOWN)) == before[SHOWN][::-1]
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        undone = service.undo(work, steward, made.id)
        assert undone.conflicts == []
        assert _names(catalogue.dictionary(work, DRAFT)) == before[DRAFT]
        assert proposals.waiting(work, SHOWN) is not None


def test_a_workbook_changes_field_and_dictionary_in_one_step(traffic: House) -> None:
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        records, columns = service.tables(work, steward, "", [SHOWN])
        rows = [list(row) for row in records.rows]
        rows[1][records.heads.index("contact")] = "新电话"
        lines = [list(row) for row in columns.rows]
        lines[1][columns.heads.index("title_en")] = "Renamed"
        book = xlsx_of([records._replace(rows=rows), columns._replace(rows=lines)])
        found = service.from_file(work, steward, book)
        assert [each.name for each in found.items[0].fields] == ["contact", "columns.title_en"]
        service.carry_out(work, steward, Wishes(changes=found.changes))
        waiting = proposals.waiting(work, SHOWN)
        assert waiting is not None
        assert (waiting.changed_fields, waiting.changes_dictionary) == (["contact"], True)
        assert catalogue.show(work, ANYONE, SHOWN).contact != "新电话"
        proposals.accept(work, actor_of(work, "traffic-reviewer"), waiting.id, ProposalDecision())
        assert catalogue.dictionary(work, SHOWN)[0].title_en == "Renamed"
        stale = service.from_file(work, steward, book)
        assert [each.code for each in stale.problems] == ["stale"]


def test_what_does_not_fit_is_named_by_line_and_nothing_changes(traffic: House) -> None:
    head = "resource_code,column,type,level,nullable,length,codes,no_such\n"
    bad = head + f"{DRAFT},a,长整数,9,也许,x,[,\n{DRAFT},a,,,,,,\n{DRAFT},,,,,,,\nNO-SUCH,b,,,,,,\n"
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        found = service.from_file(work, steward, bad.encode())
        assert {(each.line, each.column, each.code) for each in found.problems} >= {
            (1, "H", "unknown-column"), (2, "C", "value"), (2, "D", "value"), (2, "E", "value"), (2, "F", "value"), (2, "G", "value"),
            (3, "B", "twice"), (4, "B", "missing"), (5, "", "not-found"),
        }  # fmt: skip
        wrong = service.preview(work, steward, Wishes.model_validate(
            {"changes": [{"dataset_id": DRAFT, "fields": {"columns": [{"name": "a", "level": 9}, {"name": "b", "bad": 1}]}}, {"dataset_id": SHOWN, "fields": {"columns": "x"}}]}
        ))  # fmt: skip
        assert [each.field for each in wrong.problems] == ["columns.level", "columns.bad", "columns"]
        twice = Dictionary(columns=[ColumnCreate(name="x"), ColumnCreate(name="y")], sort_by=[])
        catalogue.replace_dictionary(work, steward, DRAFT, twice)
        again = {"changes": [{"dataset_id": DRAFT, "fields": {"columns": [{"name": "x"}, {"name": "x"}]}}]}
        assert "more than once" in service.preview(work, steward, Wishes.model_validate(again)).problems[0].en


def test_facts_are_told_in_words() -> None:
    assert [dictionaries.told(f"columns.{name}", value, "en") for name, value in (("primary", True), ("unit", None), ("codes", {"a": "b"}))] == ["yes", "—", '{"a": "b"}']  # fmt: skip
    assert dictionaries.told("columns.identifier_kind", "DI", "zh") != "DI"
