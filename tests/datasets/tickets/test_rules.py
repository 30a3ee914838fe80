"""What an answer to a ticket needs, who may close it, and when a rule keeps failing."""

from __future__ import annotations

import pytest

from datasets.tickets import rules


@pytest.mark.parametrize(
    ("note", "stands"), [("", True), ("   ", True), ("三个字", True), (" 三个字 ", True), ("四个字了", False), (" 12345", False)]
)  # fmt: skip
def test_an_answer_has_four_letters_at_least(note: str, *, stands: bool) -> None:
    assert [each.code for each in rules.note_objections(note)] == ["note-missing"] * stands
    assert all("4" in each.text.zh and "4" in each.text.en for each in rules.note_objections(note))


@pytest.mark.parametrize("person", ["a", "b"])
@pytest.mark.parametrize("unsettled", [0, 1, 3])
@pytest.mark.parametrize("is_rule_changed", [False, True])
def test_a_ticket_is_closed_by_another_person_once_everything_is_settled(
    person: str, unsettled: int, *, is_rule_changed: bool
) -> None:
    found = rules.confirm_objections(
        person=person, answerers={"a"}, unsettled=unsettled, is_rule_changed=is_rule_changed
    )
    said = ["answerer-may-not-confirm"] * (person == "a")
    said += ["not-settled"] * (unsettled > 0 and not is_rule_changed)
    assert [each.code for each in found] == said
    assert all(str(unsettled) in each.text.en for each in found if each.code == "not-settled")


@pytest.mark.parametrize(
    ("failed", "of", "keeps"), [(3, 5, True), (2, 5, False), (4, 5, True), (3, 6, False), (3, 4, True)]
)
def test_a_rule_keeps_failing_by_its_share_of_the_last_deliveries(
    failed: int, of: int, *, keeps: bool
) -> None:
    assert rules.keeps_failing(failed, of, 3, 5) is keeps


@pytest.mark.parametrize(
    ("accepts", "is_planned", "note", "said"),
    [
        (True, True, "", []), (True, False, "四个字了", ["date-missing"]), (False, False, "四个字了", []), (False, True, "", ["note-missing"]),
        (True, False, "", ["date-missing"]), (False, False, "", ["note-missing"]),
    ],
)  # fmt: skip
def test_what_is_accepted_has_a_date_and_what_is_rejected_a_reason(
    note: str, said: list[str], *, accepts: bool, is_planned: bool
) -> None:
    found = rules.planned_objections(note, is_planned, accepts=accepts)
    assert [each.code for each in found] == said
