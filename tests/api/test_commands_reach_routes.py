"""Every route has a command, or stands in the list of those that need none; every table of a command is headed in words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from api.heads import HEADS, head, in_one_language
from tests.api.route_matrix import FILE

API: Final = Path(__file__).parents[2] / "api"
METHODS: Final = {
    "get": "GET",
    "post": "POST",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "step": "POST",
}
ANY: Final = "*"
PREFIX: Final = "/api/v1"
# the browser's or a protocol's own business
PROTOCOL: Final = {
    "GET /api/v1/.well-known/jwks.json": "read by those who verify signatures",
    "POST /api/v1/auth/refresh": "OAuth, spoken by clients",
    "POST /api/v1/auth/revoke": "OAuth, spoken by clients",
    "POST /api/v1/auth/token": "OAuth, spoken by clients",
}
# what another command shows or does
ELSEWHERE: Final = {
    "GET /api/v1/applications/{application_id}/commands": "the answer of `application show`",
    "GET /api/v1/grants/{grant_id}/commands": "the answer of `grant show`",
    "GET /api/v1/audit/evidence/grants/{grant_id}": "`audit evidence --grant` puts the address together",
    "PUT /api/v1/datasets/{dataset_id}": "`dataset update` changes fields by PATCH",
    "GET /api/v1/codes/{name}": "`datagrant register` and the pages name the codes",
    "GET /api/v1/harvests/{source_id}": "a row of `harvest list`",
    "GET /api/v1/harvests/{source_id}/runs/{run_id}": "a row of `harvest runs`",
    "GET /api/v1/pushes/{target_id}": "a row of `push list`",
    "GET /api/v1/pushes/{target_id}/runs/{run_id}": "a row of `push runs`",
    "GET /api/v1/products/{product_id}": "`product show` asks for the listing",
    "GET /api/v1/products/{product_id}/fees": "a part of the listing that `product show` prints",
    "GET /api/v1/profile/versions/{profile_id}": "a row of `profile versions`",
    "POST /api/v1/record-changes/preview": "`record-change` shows what would change before it is applied",
}


def _spelt(node: ast.AST, held: dict[str, str]) -> str | None:
    """A literal address, `{}` where something is filled in. held: names that stand for the beginning of one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else _filled(v, held) for v in node.values)
    return None


def _filled(part: ast.AST, held: dict[str, str]) -> str:
    named = isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name)
    return held.get(part.value.id, "{}") if named else "{}"  # type: ignore[attr-defined]


def _beginnings(tree: ast.Module) -> dict[str, str]:
    """Names that a module gives to addresses: at = f"/sources/{source_id}"."""
    return {
        target.id: text
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and (text := _spelt(node.value, {})) and text.startswith("/")
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _trees() -> Iterator[ast.Module]:
    for path in (*(API / "cli").glob("*.py"), *API.glob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


@cache
def _calls() -> frozenset[tuple[str, str]]:
    """(method, address) of what commands ask for; the address alone where it is put together before it is used."""
    found: set[tuple[str, str]] = set()
    for tree in _trees():
        asked, held = set[int](), _beginnings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                asked.add(id(node.args[0]))
                found.add((METHODS.get(node.func.attr, ANY), _spelt(node.args[0], held) or ""))
        found |= {
            (ANY, text) for node in ast.walk(tree) if id(node) not in asked and (text := _spelt(node, held))
        }
    return frozenset(
        (how, text.split("?")[0].removeprefix(PREFIX))
        for how, text in found
        if text.startswith("/") and " " not in text
    )


def _fits(written: str, path: str) -> bool:
    mine, its = written.strip("/").split("/"), path.strip("/").split("/")
    return len(mine) == len(its) and all(
        "{}" in one if other.startswith("{") else re.fullmatch(re.escape(one).replace(r"\{\}", ".+"), other)
        for one, other in zip(mine, its, strict=True)
    )


def _reached(route: str) -> bool:
    method, path = route.split(" ", 1)
    return any(
        how in (ANY, method) and _fits(written, path.removeprefix(PREFIX)) for how, written in _calls()
    )


def test_every_route_has_a_command_or_a_reason_for_none() -> None:
    routes = [name for name in json.loads(FILE.read_text(encoding="utf-8")) if f" {PREFIX}/" in name]
    bare = {route for route in routes if not _reached(route)}
    assert len(routes) - len(bare) > 300
    known = {*PROTOCOL, *ELSEWHERE}
    assert bare - known == set(), "write a command, or the reason why there is none"
    assert known - bare == set(), "these have a command or are gone"


def _columns() -> Iterator[str]:
    """Every name in a tuple that a module of commands calls columns, or hands to `show`."""
    for path in (API / "cli").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        shown = [
            held.get(part.id) if isinstance(part, ast.Name) else part
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "show"
            for arg in node.args[2:]
            for part in ast.walk(arg)
        ]
        for each in shown:
            if isinstance(each, ast.Tuple):
                yield from (name for part in each.elts if (name := _spelt(part, {})))


def test_every_column_of_a_table_has_a_word_in_both_languages() -> None:
    names = set(_columns())
    assert len(names) > 200
    assert {name for name in names if head(name, "zh") == name and name not in HEADS} == set()
    assert all(each.zh.strip() and each.en.strip() and each.en.isascii() for each in HEADS.values())


def test_a_field_in_two_languages_is_one_column_in_the_readers() -> None:
    held = ["id", "rule_zh", "rule_en", "zh", "en", "title_zh"]
    assert in_one_language(["id", "rule_zh", "rule_en"], held, "en") == ["id", "rule_en"]
    assert in_one_language(["id", "rule_zh", "title_zh"], held, "en") == ["id", "rule_en", "title_zh"]
    assert in_one_language(["id", "zh", "en"], held, "zh") == ["id", "zh"]
    assert (head("rule_zh", "en"), head("rule_en", "zh")) == ("rule", "规则")
