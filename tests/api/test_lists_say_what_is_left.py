"""Every command that lists takes how many and from where on, hands both to its route, and says what it left out and how to go on."""

from __future__ import annotations

import ast
import inspect
import json
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from api.app import create_app
from api.cli import user
from api.heads import HEADS
from api.house import House, open_house
from api.listing import left
from auth.roles import Role
from tests.api.test_commands_reach_routes import PREFIX, _beginnings, _fits, _spelt
from tests.api.test_every_command import COMMANDS, LINE, NOTHING, ROOT, _filled
from tests.people import a_person, an_org

WAYS: Final = {"offset": 7, "page": "2", "after": "mark"}
NOT_LISTS: Final = {
    ("source", "run"): "waits for the look that it began",
    ("application", "accept-many"): "takes at most 50 of what it finds",
}
Words = tuple[str, ...]


def _paged(house: House) -> dict[str, str]:
    """Addresses that give a list in pages -> the parameter that goes on."""
    found = {}
    for path, how in create_app(house=house).openapi()["paths"].items():
        asked = {each["name"] for each in how.get("get", {}).get("parameters", [])}
        ways = [way for way in WAYS if way in asked]
        if path.startswith(PREFIX) and "limit" in asked and ways:
            found[path.removeprefix(PREFIX)] = ways[0]
    return found


def test_a_number_that_goes_on_has_a_largest_one(house: House) -> None:
    """Beyond it the answer names it; a number that no database holds would be told of as a text that none holds."""
    without = [
        (path, each["name"])
        for path, how in create_app(house=house).openapi()["paths"].items()
        for each in how.get("get", {}).get("parameters", [])
        if each["name"] in ("limit", "offset", "page") and "maximum" not in each["schema"]
    ]
    assert without == []


@cache
def _gets(module: str, name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """What a command's function asks for by GET: (address, names of the parameters that are written out)."""
    tree = ast.parse(Path(module).read_text(encoding="utf-8"))
    held = _beginnings(tree)
    function = next(
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == name
    )
    return tuple(
        (address.split("?")[0], frozenset(word.arg for word in node.keywords if word.arg))
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        if node.args and (address := _spelt(node.args[0], held)) and address.startswith("/")
    )


def _lists(paged: dict[str, str]) -> Iterator[tuple[Words, str, frozenset[str], set[str]]]:
    """(command, the option that goes on, what it hands to the route, the options that it has)."""
    for words, command in COMMANDS.items():
        told = inspect.unwrap(command.callback) if command.callback else None
        if told is None or "data_dir" not in {each.name for each in command.params}:
            continue
        for address, handed in _gets(inspect.getfile(told), told.__name__):
            way = next((way for path, way in paged.items() if _fits(address, path)), None)
            if way is not None and words not in NOT_LISTS:
                yield words, way, handed, {opt for each in command.params for opt in each.opts}


@pytest.mark.slow
def test_every_list_takes_how_many_and_from_where_and_hands_both_on(sqlite_house: House) -> None:
    lists = list(_lists(_paged(sqlite_house)))
    assert len(lists) > 50
    bare = [words for words, way, _, options in lists if not {"--limit", f"--{way}"} <= options]
    assert bare == []
    dropped = [words for words, way, handed, _ in lists if not {"limit", way} <= handed]
    assert dropped == []


class _Many(BaseHTTPRequestHandler):
    """Answers every question with a page of a long list."""

    paged: ClassVar[dict[str, str]]
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        asked = at.path.removeprefix(PREFIX).replace(NOTHING, "{}")
        way = next((way for path, way in self.paged.items() if _fits(asked, path)), None)
        body: dict[str, Any] = dict.fromkeys([*HEADS, "config", "has_secret", "paused_why"], "")
        if way is not None:
            self.asked.append(parse_qs(at.query))
            body = {"items": [], "records": [{}], "fields": [], "columns": [], "total": 312}
            body["next"] = WAYS[way]
        told = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.mark.slow
def test_every_list_says_what_is_left_and_the_option_that_goes_on(
    sqlite_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr("typer.testing._get_command", lambda _: LINE)  # all signatures are read once
    paged = _paged(sqlite_house)
    monkeypatch.setattr(_Many, "paged", paged, raising=False)
    faults = []
    with HTTPServer(("127.0.0.1", 0), _Many) as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        where = ["--server", f"http://127.0.0.1:{service.server_port}", "--token", "x"]
        for words, way in sorted({(words, way) for words, way, _, _ in _lists(paged)}):
            _Many.asked.clear()
            on = [f"--{way}", str(WAYS[way]), "--limit", "3"]
            done = CliRunner().invoke(ROOT, [*words, *_filled(COMMANDS[words], tmp_path), *on, *where])
            asked = {"limit": ["3"], way: [str(WAYS[way])]}
            if done.exit_code or "go on with --" not in done.stderr or f"--{way} " not in done.stderr:
                faults.append((words, done.stderr[-300:], repr(done.exception)))
            elif not any(asked.items() <= each.items() for each in _Many.asked):
                faults.append((words, repr(_Many.asked), "not handed on"))
        service.shutdown()
        thread.join(10)
    assert faults == []


@pytest.mark.parametrize(
    ("page", "zh", "en"),
    [
        ({"items": [0] * 50, "total": 312, "next": 50}, "共 312 条，已列 50 条；接着看请加 --offset 50", "50 of 312; go on with --offset 50"),
        ({"items": [0] * 50, "total": 312, "next": 150}, "共 312 条，此为第 101–150 条；接着看请加 --offset 150", "101-150 of 312; go on with --offset 150"),
        ({"items": [0] * 20, "total": 99, "next": "3"}, "共 99 条，此为第 21–40 条；接着看请加 --page 3", "21-40 of 99; go on with --page 3"),
        ({"items": [0] * 9, "next": "x1"}, "已列 9 条，还有；接着看请加 --after x1", "9, and there are more; go on with --after x1"),
    ],
)  # fmt: skip
def test_the_line_in_both_languages(page: dict[str, Any], zh: str, en: str) -> None:
    assert (found := left(page)) is not None
    assert (found.zh, found.en) == (zh, en)


@pytest.mark.parametrize("whole", [{"items": [0], "total": 1, "next": None}, {"next": 4}, [0], None])
def test_of_a_whole_list_or_no_list_nothing_is_left(whole: Any) -> None:
    assert left(whole) is None


def test_people_come_in_pages_and_the_json_stays_what_the_route_gave(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    monkeypatch.setenv("DATAGRANT_DEMO", "true")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        for name, roles in {"root": [Role.SYSADMIN], "anna": [], "bert": []}.items():
            a_person(work, name, "bureau", roles)

    def told(*more: str) -> Any:
        who = ["--as", "root", "--data-dir", str(sqlite_house.settings.data_dir)]
        return CliRunner().invoke(user.app, ["list", *more, *who])

    first = told("--limit", "2", "--json")
    held = json.loads(first.stdout)
    assert (len(held["items"]), held["next"]) == (2, 2)
    assert first.stderr.strip() == f"共 {held['total']} 条，已列 2 条；接着看请加 --offset 2"
    seen = [each["username"] for each in held["items"]]
    while held["next"] is not None:
        held = json.loads(told("--limit", "2", "--offset", str(held["next"]), "--json").stdout)
        seen += [each["username"] for each in held["items"]]
    whole = told("--json")
    assert seen == [each["username"] for each in json.loads(whole.stdout)["items"]]
    assert whole.stderr == ""
