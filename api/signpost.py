"""The app's router: it looks up where an address may lead before it tries patterns one by one.

A request used to be held against the pattern of one route after the other, about nine hundred, twice; that took longer
than most answers do. Here the leading words of an address (`/api/v1/batches`) name the few routes that can match.
An address that takes other methods is told all of them; a slash too many, or nothing at all, goes the usual way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

WORDS: Final = 3
"""How many leading words tell routes apart; more would make the table larger and the rest hardly shorter."""

Table = dict[tuple[str, ...], list[BaseRoute]]


class Signpost(APIRouter):
    """A router with a table from leading words to routes, made anew when routes are added."""

    _table: Table
    _counted: int = -1

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            allowed: set[str] = set()
            for route in self._routes_to(scope["path"].removeprefix(scope.get("root_path", ""))):
                match, child = route.matches(scope)
                if match is Match.FULL:
                    scope.setdefault("router", self)
                    scope.update(child)
                    await route.handle(scope, receive, send)
                    return
                if match is Match.PARTIAL:
                    allowed |= getattr(route, "methods", None) or set()
            if allowed:
                raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await super().app(scope, receive, send)

    def _routes_to(self, path: str) -> list[BaseRoute]:
        if self._counted != len(self.routes):
            self._table, self._counted = table_of(self.routes), len(self.routes)
        words = tuple(path.split("/", WORDS + 1)[1 : WORDS + 1])
        for length in range(len(words), 0, -1):
            if (found := self._table.get(words[:length])) is not None:
                return found
        return self._table[()]


def table_of(routes: list[BaseRoute]) -> Table:
    """By leading words: the routes, in their order, that an address may mean for which no longer key is known."""
    by_words: dict[tuple[str, ...], list[tuple[int, BaseRoute]]] = {(): []}
    for place, route in enumerate(routes):
        by_words.setdefault(leading_words(route), []).append((place, route))
    return {key: [route for _, route in sorted(_meant(by_words, key), key=itemgetter(0))] for key in by_words}


def _meant(
    by_words: dict[tuple[str, ...], list[tuple[int, BaseRoute]]], key: tuple[str, ...]
) -> Iterator[tuple[int, BaseRoute]]:
    """The routes under the key and under each of its beginnings, with their places."""
    for length in range(len(key) + 1):
        yield from by_words.get(key[:length], ())


def leading_words(route: Any) -> tuple[str, ...]:  # noqa: ANN401 - routes share no attribute by type
    """The parts of a route's address before the first that has a parameter; none for a route that is no plain pattern."""
    if not hasattr(route, "path_format") or not hasattr(route, "methods"):
        return ()
    parts = route.path_format.split("/")[1 : WORDS + 1]
    return tuple(takewhile(lambda part: "{" not in part, parts))
