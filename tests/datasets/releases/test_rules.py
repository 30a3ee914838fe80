"""Which version number a change of the schema asks for."""

from __future__ import annotations

from typing import Any

import pytest

from datasets.releases.rules import (
    KIND_NAMES,
    Impact,
    acknowledgement_objections,
    changes,
    impact_of,
    next_version,
)

LOT: dict[str, Any] = {
    "name": "lot", "type": "string", "title_zh": "编号", "title_en": "Lot", "unit": None, "level": 1, "nullable": False,
    "code_list": None, "primary": True, "identifier_kind": "none", "length": 20, "precision": None,
}  # fmt: skip
FREE = LOT | {"name": "free", "type": "integer", "title_zh": "余位", "title_en": "Free", "primary": False}
MINOR, MAJOR, PATCH = Impact.MINOR, Impact.MAJOR, Impact.PATCH


def shape(*columns: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"level": 1, "open_type": "U", "columns": list(columns)} | facts


CASES = [
    ({}, {"type": "number"}, "type-widened", MINOR),
    ({"type": "number"}, {"type": "integer"}, "type-narrowed", MAJOR),
    ({}, {"type": "string"}, "type-changed", MAJOR),
    ({"type": "date"}, {"type": "datetime"}, "type-widened", MINOR),
    ({}, {"length": 30}, "type-widened", MINOR),
    ({}, {"length": None}, "type-widened", MINOR),
    ({"length": None}, {"length": 30}, "type-narrowed", MAJOR),
    ({}, {"length": 10}, "type-narrowed", MAJOR),
    ({}, {"nullable": True}, "may-be-empty", MAJOR),
    ({"nullable": True}, {"nullable": False}, "never-empty", MINOR),
    ({}, {"unit": "个"}, "unit-added", MINOR),
    ({"unit": "个"}, {"unit": "辆"}, "unit-changed", MAJOR),
    ({"unit": "个"}, {"unit": None}, "unit-changed", MAJOR),
    ({}, {"level": 2}, "level-raised", MAJOR),
    ({"level": 2}, {"level": 1}, "level-lowered", MINOR),
    ({"code_list": ["a"]}, {"code_list": ["b", "a"]}, "codes-added", MINOR),
    ({"code_list": ["a", "b"]}, {"code_list": ["a"]}, "codes-changed", MAJOR),
    ({"code_list": "one"}, {"code_list": "other"}, "codes-changed", MAJOR),
    ({}, {"primary": True}, "key-changed", MAJOR),
    ({}, {"identifier_kind": "QI"}, "identifier-changed", MAJOR),
    ({}, {"title_zh": "空余泊位"}, "texts-changed", PATCH),
]


@pytest.mark.parametrize(("before", "after", "kind", "impact"), CASES)
def test_every_change_of_a_column_has_its_impact(
    before: dict[str, Any], after: dict[str, Any], kind: str, impact: Impact
) -> None:
    found = changes(shape(LOT, FREE | before), shape(LOT, FREE | after))
    assert [(each.kind, each.column, each.impact) for each in found] == [(kind, "free", impact)]
    assert found[0].text.zh.startswith(KIND_NAMES[kind].zh)


def test_columns_that_come_go_and_seem_renamed() -> None:
    other = FREE | {"name": "spaces"}
    assert [(c.kind, c.impact) for c in changes(shape(LOT), shape(LOT, FREE))] == [("added", MINOR)]
    assert [(c.kind, c.impact) for c in changes(shape(LOT, FREE), shape(LOT))] == [("removed", MAJOR)]
    renamed = changes(shape(LOT, FREE), shape(LOT, other))
    assert [(c.kind, c.before, c.after, c.impact) for c in renamed] == [("renamed", "free", "spaces", MAJOR)]
    strange = changes(shape(LOT, FREE), shape(LOT, other | {"title_zh": "车位", "title_en": "Bays"}))
    assert [c.kind for c in strange] == ["removed", "added"]
    assert [c.kind for c in changes(shape(LOT, FREE), shape(FREE, LOT))] == ["moved"]


def test_the_dataset_as_a_whole_may_close_or_rise() -> None:
    kinds = {c.kind: c.impact for c in changes(shape(LOT), shape(LOT, level=3, open_type="C"))}
    assert kinds == {"level-raised": MAJOR, "closed": MAJOR}
    assert [c.kind for c in changes(shape(LOT, open_type="C"), shape(LOT))] == ["opened"]


def test_what_an_old_release_did_not_keep_is_not_compared() -> None:
    old = {"columns": [{"name": "lot", "type": "string"}]}
    assert changes(old, shape(LOT | {"level": 4, "unit": "x", "nullable": True})) == ()


def test_version_numbers_follow_the_gravest_change() -> None:
    assert next_version(None, PATCH) == "1.0.0"
    assert [next_version("1.2.3", impact) for impact in (PATCH, MINOR, MAJOR)] == ["1.2.4", "1.3.0", "2.0.0"]
    assert impact_of(()) == PATCH


def test_a_breaking_change_needs_a_yes_and_a_word() -> None:
    grave, light = changes(shape(LOT, FREE), shape(LOT)), changes(shape(LOT), shape(LOT, FREE))
    assert acknowledgement_objections(light, False, "") == ()
    assert acknowledgement_objections(grave, True, "请改用新列") == ()
    for accepts, note in ((False, "请改用新列"), (True, "  ")):
        (reason,) = acknowledgement_objections(grave, accepts, note)
        assert reason.code == "breaking-change-not-acknowledged"
        assert "free" in reason.text.zh
