"""A dictionary proposed from the data: what it says, and that the file reads by it without loss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.intake.dictionary import Dictionary
from datasets.intake.proposal import ProposedColumn, propose_dictionary
from tests.datasets.intake.conftest import Bench
from tests.datasets.intake.test_forms import table
from tests.examples import examples

PROPOSED: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "是否": ("是否开放", ["是", "否", "是"], {"type": "boolean", "title_zh": "是否开放"}),
    "percent": ("share", ["12.5%", "7%", "0.5%"], {"type": "number", "unit": "%"}),
    "speed": ("speed", ["35km/h", "40 km/h"], {"type": "integer", "unit": "km/h"}),
    "own unit": ("vehicles", ["35辆", "1,240辆"], {"type": "integer", "unit": "辆"}),
    "thousands": ("n1", ["1,234", "56"], {"type": "integer", "unit": None}),
    "Chinese dates": ("day", ["2024年3月5日", "2024年12月1日"], {"type": "date"}),
    "offsets": ("at", ["2024-03-05T08:00:00+08:00", "2024-03-05T09:00:00+08:00"], {"type": "datetime"}),
    "stamps": ("update_time", ["1709608272", "1709608300"], {"type": "datetime", "format": "epoch_s"}),
    "degrees": ("lon", ["114°30′12″E", "114°31′E"], {"type": "number", "unit": "°"}),
    "shapes": ("shape", ["POINT (1 2)", "POINT (3 4)"], {"type": "geometry"}),
    "codes with zeros": ("code", ["0012", "0100"], {"type": "string", "unit": None, "code_list": None}),
    "names": ("name", ["大鹏", "南澳"], {"type": "string", "code_list": None}),
    "amounts": ("fee", ["￥3.5", "￥1,200"], {"type": "number", "unit": "元"}),
    "amounts in ten thousands": ("fee", ["3.5万元", "12亿元"], {"type": "integer", "unit": "元"}),
    "numerals": ("persons", ["3.5万", "1,200"], {"type": "integer", "unit": None}),
    "parts of the day": ("opens", ["上午8:30", "1:00 PM"], {"type": "time"}),
    "plain numbers": ("x", ["1.5", "2"], {"type": "number"}),
}


def proposed(bench: Bench, name: str, values: list[str]) -> ProposedColumn:
    found = bench.reads(table(values, name))
    return propose_dictionary(bench.out, found).columns[1]


@pytest.mark.parametrize("form", PROPOSED)
def test_a_column_is_proposed_as_what_its_cells_are(bench: Bench, form: str) -> None:
    name, values, wanted = PROPOSED[form]
    found = proposed(bench, name, values)
    said = found.column.model_dump()
    assert {key: said[key] for key in wanted} == wanted
    assert (said["name"], found.misfits) == (name, 0)
    assert 0 < found.confidence <= 1


def test_a_few_cells_that_do_not_fit_lower_the_confidence_and_are_counted(bench: Bench) -> None:
    found = proposed(bench, "speed", [*(f"{i}.5" for i in range(1, 60)), "故障"])
    assert (found.column.type, found.misfits) == ("number", 1)
    assert found.confidence < 0.9
    assert "1 cell does not fit" in found.why.en


def test_a_few_words_that_come_again_are_proposed_as_code_list(bench: Bench) -> None:
    found = proposed(bench, "status", ["畅通", "缓行", "畅通"] * 30)
    assert found.column.code_list == ["畅通", "缓行"]


def test_marks_of_emptiness_are_proposed_with_the_types_that_need_them(bench: Bench) -> None:
    found = bench.reads("n\tv\nr0\t5\nr1\tNA\nr2\t--\n")
    proposal = propose_dictionary(bench.out, found)
    assert (proposal.columns[1].column.type, proposal.null_values) == ("integer", ["NA", "--"])
    found = bench.reads("n\tv\nr0\t5%\nr1\tNA\nr2\t7%\n")
    proposal = propose_dictionary(bench.out, found)
    assert (proposal.columns[1].column.unit, proposal.null_values) == ("%", ["NA"])


CELLS = st.sampled_from(["是", "否", "12%", "3.5 km", "2024年3月5日", "08", "7", "1,234", "x", "", "NA", "114°30'", "2024-03", "10:30", "下午3:30", "3万", "￥5"])  # fmt: skip


@pytest.mark.slow
@settings(max_examples=examples(6), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=12))
def test_a_file_reads_by_its_own_proposal_with_no_other_misfits_than_told(
    bench: Bench, rows: list[tuple[str, str]]
) -> None:
    content = "n\ta\tb\n" + "".join(f"r{i}\t{a}\t{b}\n" for i, (a, b) in enumerate(rows))
    first = bench.reads(content, header_line=1, delimiter="\t")
    proposal = propose_dictionary(bench.out, first)
    known = proposal.dictionary().model_dump(exclude_none=True) | {"header_line": 1, "delimiter": "\t"}
    again = bench.reads(content, **Dictionary.model_validate(known).model_dump(exclude_none=True))
    assert again.rows == first.rows == len(rows)
    assert again.untyped_cells == sum(column.misfits for column in proposal.columns)
