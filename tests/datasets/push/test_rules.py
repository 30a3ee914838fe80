"""Which part of a package elsewhere is ours to compare."""

from __future__ import annotations

from datasets.push.rules import seen


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
