"""Which version number a change of the schema asks for."""

from __future__ import annotations

from typing import Any

import pytest

from core.text import Text
from datasets.releases.rules import (
    IMPACT_NAMES,
    IMPACTS,
    KIND_NAMES,
    Change,
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


MORE = [
    ({"precision": 2}, {"precision": 4}, "type-widened", MINOR, ("precision 2", "precision 4")),
    ({"precision": 4}, {"precision": None}, "type-widened", MINOR, ("precision 4", None)),
    ({"precision": None}, {"precision": 4}, "type-narrowed", MAJOR, (None, "precision 4")),
    ({"precision": 4}, {"precision": 2}, "type-narrowed", MAJOR, ("precision 4", "precision 2")),
    ({"type": "datetime"}, {"type": "date"}, "type-narrowed", MAJOR, ("datetime", "date")),
    ({}, {"type": "number", "length": 9}, "type-widened", MINOR, ("integer", "number")),
    ({}, {"level": 2}, "level-raised", MAJOR, (1, 2)),
    ({"level": 2}, {"level": 1}, "level-lowered", MINOR, (2, 1)),
    ({}, {"unit": "个"}, "unit-added", MINOR, (None, "个")),
    ({"unit": "个"}, {"unit": "辆"}, "unit-changed", MAJOR, ("个", "辆")),
    ({"code_list": ["a", "b"]}, {"code_list": ["b", "a"]}, "codes-added", MINOR, (["a", "b"], ["b", "a"])),
    ({"code_list": None}, {"code_list": ["a"]}, "codes-changed", MINOR, (None, ["a"])),
    ({"code_list": ["a"]}, {"code_list": None}, "codes-changed", MAJOR, (["a"], None)),
    ({"code_list": "one"}, {"code_list": ["one"]}, "codes-changed", MAJOR, ("one", ["one"])),
    ({"identifier_kind": "none"}, {"identifier_kind": "QI"}, "identifier-changed", MAJOR, ("none", "QI")),
    ({"identifier_kind": "QI"}, {"identifier_kind": "none"}, "identifier-changed", MINOR, ("QI", "none")),
    ({}, {"nullable": True}, "may-be-empty", MAJOR, (None, None)),
    ({"primary": True}, {"primary": False}, "key-changed", MAJOR, (None, None)),
    ({}, {"title_en": "Spaces"}, "texts-changed", PATCH, (None, None)),
    ({"definition_zh": "空"}, {"definition_zh": "余"}, "texts-changed", PATCH, (None, None)),
    ({"definition_en": "a"}, {"definition_en": "b"}, "texts-changed", PATCH, (None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "kind", "impact", "facts"), MORE)
def test_a_change_tells_what_was_and_what_is(
    before: dict[str, Any], after: dict[str, Any], kind: str, impact: Impact, facts: tuple[Any, Any]
) -> None:
    (found,) = changes(shape(LOT, FREE | before), shape(LOT, FREE | after))
    assert (found.kind, found.column, found.impact, found.before, found.after) == (
        kind, "free", impact, *facts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [("N", "C", "opened"), ("C", "U", "opened"), ("N", "U", "opened"), ("C", "N", "closed"),
     ("U", "C", "closed"), ("U", "N", "closed"), ("C", "C", None), ("", "C", None), ("C", "", None)],
)  # fmt: skip
def test_openness_has_an_order_and_what_is_not_known_is_not_compared(
    old: str, new: str, kind: str | None
) -> None:
    found = changes(shape(LOT, open_type=old), shape(LOT, open_type=new))
    grave = MAJOR if kind == "closed" else MINOR
    assert [(c.kind, c.column, c.impact, c.before, c.after) for c in found] == [
        (kind, "", grave, old, new)
    ] * (kind is not None)


def test_the_level_of_the_dataset_is_no_change_of_a_column_and_one_unknown_is_none() -> None:
    (raised,) = changes(shape(LOT), shape(LOT, level=2))
    assert (raised.kind, raised.column, raised.before, raised.after) == ("level-raised", "", 1, 2)
    assert changes(shape(LOT, level=None), shape(LOT, level=2)) == ()
    assert changes(shape(LOT, level=2), shape(LOT, level=None)) == ()


def test_a_column_is_taken_for_a_renamed_one_by_one_title_and_its_type() -> None:
    """Titles that both are empty say nothing; one new column stands for one old column."""
    bare = FREE | {"title_zh": "", "title_en": ""}
    assert [c.kind for c in changes(shape(LOT, bare), shape(LOT, bare | {"name": "x"}))] == [
        "removed",
        "added",
    ]
    for other in ({"title_zh": "车位"}, {"title_en": "Bays"}):
        found = changes(shape(LOT, FREE), shape(LOT, FREE | {"name": "x"} | other))
        assert [c.kind for c in found] == ["renamed"]
    typed = changes(shape(LOT, FREE), shape(LOT, FREE | {"name": "x", "type": "string"}))
    assert [(c.kind, c.column) for c in typed] == [("removed", "free"), ("added", "x")]
    two = changes(shape(FREE, FREE | {"name": "more"}), shape(FREE | {"name": "x"}))
    assert [(c.kind, c.column) for c in two] == [("renamed", "free"), ("removed", "more")]


def test_the_gravest_change_is_told_first_and_columns_keep_their_order() -> None:
    before = shape(LOT, FREE | {"title_zh": "甲"})
    after = shape(LOT | {"unit": "个"}, FREE | {"title_zh": "乙", "nullable": True})
    assert [c.kind for c in changes(before, after)] == ["may-be-empty", "unit-added", "texts-changed"]
    assert impact_of(changes(before, after)) is MAJOR
    moved = changes(shape(LOT, FREE), shape(FREE, LOT))
    assert [(c.column, c.impact) for c in moved] == [("", MINOR)]
    gone = changes(shape(LOT, FREE, FREE | {"name": "x", "title_zh": "x", "title_en": "x"}), shape(LOT, FREE))
    assert [c.kind for c in gone] == ["removed"], "what stays has kept its order"
    come = changes(shape(LOT, FREE), shape(FREE | {"name": "x", "title_zh": "x", "title_en": "x"}, LOT, FREE))
    assert [c.kind for c in come] == ["added"]


def test_a_change_is_one_sentence_in_both_languages() -> None:
    assert Change("removed", "free", MAJOR).text == Text("删除列 free", "Column removed free")
    assert Change("moved", "", MINOR).text == Text("列的次序改变", "Order of columns changed")
    assert Change("unit-added", "free", MINOR, None, "个").text == Text(
        "补充计量单位 free：— → 个", "Unit stated free: — → 个"
    )
    assert Change("unit-changed", "free", MAJOR, "个", None).text.en == "Unit changed free: 个 → —"
    assert Change("codes-changed", "x", MAJOR, ["a", "b"], ["a"]).text.en == "Code list changed x: a、b → a"
    assert Change("unit-changed", "x", MAJOR, "a: b", "c: d").text.zh == "计量单位改变 x：a: b → c: d"
    assert Change("unit-changed", "x", MAJOR, "u" * 60, "u" * 61).text.en.endswith(
        f"{'u' * 60} → {'u' * 57}…"
    )


def test_a_change_as_data_has_its_facts_and_both_sentences() -> None:
    change = Change("unit-changed", "free", MAJOR, "个", "辆")
    assert change.as_json() == {
        "kind": "unit-changed", "column": "free", "impact": "major", "before": "个", "after": "辆",
        "zh": change.text.zh, "en": change.text.en,
    }  # fmt: skip
    assert IMPACTS == ("patch", "minor", "major")
    assert set(IMPACT_NAMES) == set(Impact)


def test_every_breaking_change_and_no_other_is_named_in_the_objection() -> None:
    found = changes(shape(LOT, FREE | {"unit": "个"}), shape(LOT | {"level": 2}, FREE | {"title_zh": "乙"}))
    (reason,) = acknowledgement_objections(found, False, "note")
    grave = [c for c in found if c.impact is MAJOR]
    assert [c.kind for c in grave] == ["level-raised", "unit-changed"]
    assert reason.facts == {"changes": [c.as_json() for c in grave]}
    for text, language in ((reason.text.zh, "zh"), (reason.text.en, "en")):
        assert all(c.as_json()[language] in text for c in grave)
    assert reason.basis


def test_kinds_that_no_change_of_a_shape_has_do_not_exist() -> None:
    """Every kind that has a name is made by some change above, and every kind made has a name."""
    made = {kind for _, _, kind, _ in CASES} | {kind for _, _, kind, _, _ in MORE}
    assert made | {"added", "removed", "renamed", "moved", "opened", "closed"} == set(KIND_NAMES)
