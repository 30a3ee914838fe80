"""Rules of records where they turn: what a cell cannot mean, whose proposal it is, what a series is, and when data are old."""

from __future__ import annotations

import pytest

from catalog.changes.rules import Unfit, value_of
from catalog.fields import BY_NAME, FIELDS
from catalog.proposals.rules import label, objections
from catalog.proposals.workflow import MOVES, ProposalState, ProposalStep
from catalog.rules import described_columns, level_covers_columns, longest_age, series_without_data

NUMBER = next(spec for spec in FIELDS if spec.kind == "number")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("title_zh", "a\x07b", "control character"), (NUMBER.name, "viele", "“viele” is not a number")],
)
def test_a_cell_that_means_nothing_is_named(name: str, text: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        value_of(BY_NAME[name], text)


def test_words_of_a_cell_are_a_json_list_or_parted_by_commas() -> None:
    spec = BY_NAME["keywords"]
    assert value_of(spec, '["a, b", "c"]') == ["a, b", "c"]
    assert value_of(spec, "[a, b") == ["[a", "b"]
    assert value_of(spec, "[1, 2]") == ["[1", "2]"]
    assert value_of(BY_NAME[NUMBER.name], "1.5") == 1.5


def test_no_person_stands_against_a_step_that_the_state_does_not_know() -> None:
    unknown = [
        (state, step) for state in ProposalState for step in ProposalStep if (state, step) not in MOVES
    ]
    assert unknown
    for state, step in unknown:
        assert objections(state, step, "p", "p", ["p"]) == ()


def test_a_change_is_labelled_by_its_field_its_columns_or_its_own_name() -> None:
    assert label("columns").en == "Data dictionary"
    assert label("title_zh") == BY_NAME["title_zh"].label
    assert label("no-such-field").en == "no-such-field"


@pytest.mark.parametrize(
    ("record", "columns", "objects"),
    [
        ({"record_type": "series"}, [], False), ({"record_type": "series"}, [{"name": "a"}], True),
        ({"record_type": "series", "release_no": 1}, [], True), ({"record_type": "dataset", "release_no": 1}, [{"name": "a"}], False),
    ],
)  # fmt: skip
def test_a_series_holds_no_data(
    record: dict[str, object], columns: list[dict[str, object]], *, objects: bool
) -> None:
    assert [each.code for each in series_without_data(record, columns)] == (
        ["series-with-data"] if objects else []
    )


def test_data_without_a_rhythm_never_grow_old() -> None:
    assert longest_age("irregular", None) is None
    assert (longest_age("custom", "PT20M") or "").startswith("PT")


def test_columns_at_fault_are_named_eight_at_most() -> None:
    many = [{"name": f"c{at}", "title_zh": "列", "type": "string", "level": 3} for at in range(9)]
    assert [each.text.en for each in level_covers_columns({"data_level": 2}, many[:8])] == [
        "Level 2 is below the level of these columns: c0, c1, c2, c3, c4, c5, c6, c7; raise the dataset's level."
    ]
    assert "c6, c7 …;" in level_covers_columns({"data_level": 2}, many)[0].text.en
    bare = [{"name": "a", "title_zh": "列", "type": "string"}]
    assert [each.text.en for each in described_columns({}, bare)] == ["Columns without level: a."]
