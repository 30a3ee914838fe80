"""Mass assignment: whatever else a body says, only the members that its command names are read, on every route that takes JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from api.house import House
from tests.people import app_of

# Clients of a foreign protocol send members of later editions; the reader passes over them.
PASSED_OVER: Final = {"QueryBody"}


def test_no_body_takes_a_member_that_it_does_not_name(sqlite_house: House) -> None:
    document = app_of(sqlite_house).openapi()
    bodies = [
        content["application/json"]["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        if "application/json" in (content := operation.get("requestBody", {}).get("content", {}))
    ]
    assert len(bodies) > 100
    found = [each for body in bodies for each in _objects(document, body)]
    assert len({name for name, _ in found}) > 100
    assert {name for name, is_closed in found if not is_closed} == PASSED_OVER


def _objects(document: Any, part: Any, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, bool]]:
    """The objects with named members below a part of the document, and whether they refuse others."""
    if isinstance(part, list):
        for each in part:
            yield from _objects(document, each, seen)
    elif isinstance(part, dict) and "$ref" in part:
        kind = part["$ref"].rsplit("/", 1)[-1]
        if kind not in seen:
            yield from _objects(document, document["components"]["schemas"][kind], seen | {kind})
    elif isinstance(part, dict):
        if "properties" in part:
            yield str(part.get("title")), part.get("additionalProperties") is False
        for each in part.values():
            yield from _objects(document, each, seen)
