"""Which part of a package elsewhere is ours to compare."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from datasets.harvest.workflow import Result
from datasets.push.rules import (
    KEY,
    There,
    difference,
    digest,
    guid_of,
    is_as_sent,
    keys_in,
    keys_of,
    merged,
    name_at,
    payload,
    seen,
    verdict,
)


def test_the_portals_own_is_left_out_of_what_is_compared() -> None:
    package = {
        "title": "停车场",
        "tags": [{"name": "停车"}, {"name": "city", "vocabulary_id": "v1"}],
        "extras": [{"key": "ours", "value": "1"}, {"key": "theirs", "value": "2"}],
        "owner_org": "somebody",
    }
    found = seen(package, ["ours"])
    assert found["tags"] == ["停车"]
    assert found["extras.ours"] == "1"
    assert "extras.theirs" not in found
    assert "owner_org" not in found
    assert seen({}, [])["tags"] == []


def test_a_record_has_a_name_and_a_mark_there() -> None:
    assert name_at("sz-", "DP-PK.003") == "sz-dp-pk-003"
    assert guid_of("https://here/", "DP-1") == guid_of("https://here", "DP-1") == "https://here/datasets/DP-1"


SHOWN: dict[str, Any] = {
    "title": "停车场", "notes": None, "url": "https://here", "version": "1.0.0", "author": "局", "maintainer": "处", "license_id": "cc",
    "extras": [{"key": "b", "value": 2}, {"key": "a", "value": "x"}, {"key": "none", "value": None}, {"key": "empty", "value": ""},
               {"key": "guid", "value": "theirs"}, {"key": "zero", "value": 0}],
    "tags": [{"name": "停车"}, {"name": "x"}, {"name": "ab"}, {"name": "a/b;c"}, {"name": "停车"}, {"name": "t" * 101}],
    "resources": [
        {"id": "r1", "release": "1.0.0", "format": "CSV", "name": "表", "url": "https://here/f", "size": 0, "hash": "", "mimetype": None},
        {"id": 7, "format": "PDF", "name": "说明", "url": "https://here/d", "position": 3},
    ],
}  # fmt: skip


def test_what_is_sent_is_the_record_as_everybody_is_shown_it() -> None:
    made = payload(SHOWN, name="sz-1", owner_org="city", guid="https://here/datasets/1")
    assert made == {
        "title": "停车场", "notes": "", "url": "https://here", "version": "1.0.0", "author": "局", "maintainer": "处",
        "license_id": "cc", "name": "sz-1", "owner_org": "city", "private": False,
        "tags": [{"name": name} for name in ("a b c", "ab", "t" * 100, "停车")],
        "extras": [{"key": "a", "value": "x"}, {"key": "b", "value": "2"}, {"key": "guid", "value": "https://here/datasets/1"},
                   {"key": "zero", "value": "0"}],
        "resources": [
            {KEY: "csv", "name": "表", "format": "CSV", "url": "https://here/f", "size": 0},
            {KEY: "7", "name": "说明", "format": "PDF", "url": "https://here/d"},
        ],
    }  # fmt: skip
    assert keys_of(made) == {"a", "b", "guid", "zero"}


def test_equal_records_have_equal_digests_in_whatever_order() -> None:
    made = payload(SHOWN, name="sz-1", owner_org="city", guid="g")
    assert digest(made) == digest(dict(reversed(made.items())))
    assert len({digest(made), digest(made | {"title": "x"}), digest({})}) == 3


def test_what_is_compared_is_one_level_deep_and_leaves_out_what_is_empty() -> None:
    package = payload(SHOWN, name="sz-1", owner_org="city", guid="g")
    package["resources"].append({"id": "theirs", "name": "别人的"})
    found = seen(package, ["guid", "a"])
    assert found == {
        "title": "停车场", "notes": "", "url": "https://here", "version": "1.0.0", "author": "局", "maintainer": "处", "license_id": "cc",
        "tags": ["a b c", "ab", "t" * 100, "停车"], "extras.guid": "g", "extras.a": "x",
        "resources.csv.name": "表", "resources.csv.format": "CSV", "resources.csv.url": "https://here/f", "resources.csv.size": 0,
        "resources.7.name": "说明", "resources.7.format": "PDF", "resources.7.url": "https://here/d",
    }  # fmt: skip
    assert keys_in(found) == {"guid", "a"}
    assert seen({"tags": None, "extras": None, "resources": None, "title": None}, ["a"]) == seen({}, ())


def test_differences_are_told_field_by_field_and_long_texts_cut() -> None:
    old = {"same": "1", "gone": "x", "empty": "", "nothing": None, "long": "a" * 300, "number": 10**400}
    new = {"same": "1", "come": ["y"], "empty": None, "nothing": "", "long": "b" * 301, "number": 2}
    assert difference(old, new) == {
        "come": [None, ["y"]], "gone": ["x", None], "long": ["a" * 300, "b" * 300 + "…"], "number": [10**400, 2],
    }  # fmt: skip
    assert list(difference(old, new)) == ["come", "gone", "long", "number"]


@pytest.mark.parametrize(
    ("sent", "found", "holds"),
    [
        (None, {}, False), ({}, {}, True), ({}, {"title": "x"}, False), (None, {"title": "x"}, False),
        ({"title": "x"}, {"title": "x", "more": "y"}, True), ({"title": "x"}, {"title": "y"}, False),
        ({"title": "x"}, {}, False), ({"title": ""}, {}, True), ({"title": "x", "url": None}, {"title": "x", "url": ""}, True),
        ({"title": "x", "url": "u"}, {"title": "x"}, False),
    ],
)  # fmt: skip
def test_a_portal_shows_what_was_sent(
    sent: dict[str, Any] | None, found: dict[str, Any], *, holds: bool
) -> None:
    assert is_as_sent(sent, found) is holds


def test_what_a_portals_people_added_stays_and_our_part_is_renewed() -> None:
    wanted = payload(SHOWN, name="sz-1", owner_org="city", guid="g")
    package = {
        "id": "p1", "title": "old", "groups": ["g1"], "num_tags": 3, "isopen": True, "private": True, "organization": {"id": "o"},
        "tags": [{"name": "old"}, {"name": "theirs", "vocabulary_id": "v"}],
        "extras": [{"key": "a", "value": "old"}, {"key": "formerly", "value": "x"}, {"key": "own", "value": "y"}],
        "resources": [{"id": "i7", KEY: "7"}, {"id": "theirs", "name": "t"}, {"id": "gone", KEY: "xml"}],
    }  # fmt: skip
    made = merged(package, wanted, ["formerly"])
    assert made == {
        "id": "p1", "groups": ["g1"], "private": True,
        **{word: wanted[word] for word in ("title", "notes", "url", "version", "author", "maintainer", "license_id")},
        "tags": [*wanted["tags"], {"name": "theirs", "vocabulary_id": "v"}],
        "extras": [*wanted["extras"], {"key": "own", "value": "y"}],
        "resources": [wanted["resources"][0], wanted["resources"][1] | {"id": "i7"}, {"id": "theirs", "name": "t"}],
    }  # fmt: skip
    bare = merged({"tags": None, "extras": None, "resources": None}, wanted)
    assert (bare["tags"], bare["extras"], bare["resources"]) == (
        wanted["tags"], wanted["extras"], wanted["resources"],
    )  # fmt: skip


def test_what_is_done_about_a_record_by_all_that_is_known() -> None:
    """Every combination, by the sentences of the manual, in their order."""
    for there, is_wanted, is_known, is_changed, is_drifted, may_overwrite in product(
        There, *[(False, True)] * 5
    ):
        if not is_wanted:
            said = "gone" if is_known else "unchanged"
        elif there is There.FOREIGN:
            said = "failed"
        elif is_known and is_drifted and not may_overwrite:
            said = "held"
        elif there is There.ABSENT:
            said = "created"
        else:
            said = "unchanged" if is_known and not is_changed and not is_drifted else "changed"
        made = verdict(
            there, is_wanted=is_wanted, is_known=is_known, is_changed=is_changed, is_drifted=is_drifted, may_overwrite=may_overwrite
        )  # fmt: skip
        assert made is Result[said.upper()]
