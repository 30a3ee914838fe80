"""The twelve cells: each turns on its own fact alone, and none is met for want of anything to judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth.products.listing import Facts, cells, frame, names, type_of
from auth.products.rules import KINDS, Grading, Source
from core.errors import InputRefused, Reason
from core.text import Text

SOURCE = Source("g1", "insurer", "safety", ("risk-pricing",), is_effective=True, delivered=True, level=2)
GOOD = Facts(
    licence="QUALIFIED", licence_until="2027-01-01", frozen=(), sources=(SOURCE,), traced=(True,), unaffirmed=(),
    given=Grading(2, "", ""), stands_against=(), overdue_reports=(), overdue_certificates=(), ended_grants=(), lines=1, above_cap=0,
    corrections=0, taken_fen=100,
)  # fmt: skip
REASON = Reason("x", Text("某事", "something"), "basis")
LATER = {("after", "source"), ("after", "content")}


def standings(facts: Facts) -> dict[tuple[str, str], str]:
    return {(each.stage, each.dimension): each.standing for each in cells(facts)}


def test_there_are_twelve_in_the_order_of_the_frame() -> None:
    found = standings(GOOD)
    assert list(found) == [(stage, side) for stage in names("stages") for side in names("dimensions")]
    assert {key for key, each in found.items() if each != "met"} == LATER


@pytest.mark.parametrize(
    ("changed", "cell"),
    [
        ({"licence": "LAPSED"}, ("before", "subject")),
        ({"given": Grading(1, "", "")}, ("before", "content")),
        ({"given": Grading(None, "", "")}, ("before", "content")),
        ({"stands_against": (REASON,)}, ("before", "circulation")),
        ({"frozen": (REASON,)}, ("during", "subject")),
        ({"traced": (False,)}, ("during", "source")),
        ({"unaffirmed": (Text("某项", "a point"),)}, ("during", "content")),
        ({"above_cap": 1}, ("during", "circulation")),
        ({"overdue_reports": ("g1",)}, ("after", "subject")),
        ({"overdue_certificates": ("g1",)}, ("after", "content")),
        ({"sources": (replace(SOURCE, is_effective=False),)}, ("before", "source")),
    ],
)
def test_each_fact_turns_its_own_cell(changed: dict[str, object], cell: tuple[str, str]) -> None:
    before, after = standings(GOOD), standings(replace(GOOD, **changed))  # type: ignore[arg-type]
    assert {key for key in before if before[key] != after[key]} == {cell}
    assert after[cell] == "open"


def test_an_ended_grant_asks_for_another_source_and_for_no_late_certificate() -> None:
    found = standings(replace(GOOD, ended_grants=("g1",)))
    assert found["after", "source"] == "open"
    assert found["after", "content"] == "met"


def test_without_fees_there_is_nothing_to_judge_of_circulation() -> None:
    found = standings(replace(GOOD, lines=0))
    assert {found["during", "circulation"], found["after", "circulation"]} == {"not_yet"}


def test_without_sources_nothing_is_granted_nor_traced() -> None:
    found = standings(replace(GOOD, sources=(), traced=()))
    assert (found["before", "source"], found["during", "source"]) == ("open", "open")


def test_kinds_lead_to_types_and_the_rest_is_said_by_the_maker() -> None:
    assert {kind: type_of(kind) for kind in KINDS} == {
        "dataset": "dataset", "interface": "api", "indicator": "index", "report": "report", "model": "", "application": "",
    }  # fmt: skip
    assert type_of("model", "encrypted") == "encrypted"
    with pytest.raises(InputRefused):
        type_of("model", "gold")


def test_the_frame_says_where_its_names_come_from() -> None:
    assert frame()["source"]
    assert frame()["stages_source"]
