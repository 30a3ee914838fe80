"""Every command that works on the service reaches a route that takes what it sends, and never ends in a trace.

Arguments are filled in by their type with things that do not exist, so the answer is mostly a refusal; it must be one in words, by the
object or the rule, not "no such address" or a body of the wrong shape: then command and route have drifted apart.
"""

from __future__ import annotations

import enum
import re
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from api.cli import _assemble
from api.house import House, open_house
from auth.roles import Role
from tests.people import a_person, an_org

NOTHING: Final = "00000000-0000-7000-8000-000000000000"
ALONE: Final = {
    "serve",
    "demo",
    "init",
    "check",
    "backup",
    "restore",
}  # start or make something, and have tests of their own
PEOPLE: Final = {
    "root": ("bureau", [Role.SYSADMIN]),
    "keeper": ("bureau", [Role.STEWARD, Role.CATALOG_ADMIN, Role.REVIEWER_BUSINESS, Role.OUTPUT_CHECKER]),
    "judge": ("bureau", [Role.APPROVER, Role.SECURITY_OFFICER]),
    "watch": ("bureau", [Role.AUDITOR]),
    "clerk": ("bureau", [Role.CLERK]),
    "wang": ("insurer", [Role.APPLICANT, Role.ANALYST, Role.ORG_OFFICER]),
}
ASTRAY: Final = (
    "There is no such address",
    "没有这个地址",
    "not take that method",
    "不接受这种请求方法",
    "is not a field that can be filled in",
    "不是可填写的项",
)
UNFIT: Final = re.compile(r"(必须填写|\w: is needed)")  # fair where the body is the file that was given
Words = tuple[str, ...]


def _commands(group: Any, above: Words = ()) -> dict[Words, click.Command]:
    found: dict[Words, click.Command] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= _commands(command, (*above, name))
        elif not (above == () and name in ALONE):
            found[(*above, name)] = command
    return found


ROOT: Final = _assemble()
LINE: Final = get_command(ROOT)
COMMANDS: Final = _commands(LINE)
OF_THE_SERVICE: Final = sorted(
    words for words, command in COMMANDS.items() if any(each.name == "data_dir" for each in command.params)
)


def _value(parameter: Any, folder: Path) -> str:
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return str(next(iter(kind)).value)
    if kind is Path:
        path = folder / "given.json"
        path.write_text("{}", encoding="utf-8")
        return str(path)
    if kind in (int, float):
        return str(max(1, int(parameter.min or 1)))
    is_day = "day" in parameter.name or parameter.name.endswith(("_on", "since", "until"))
    return "2026-06-30" if is_day else NOTHING


def _filled(command: Any, folder: Path) -> list[str]:
    words: list[str] = []
    for parameter in command.params:
        if not parameter.required:
            continue
        value = _value(parameter, folder)
        if parameter.param_type_name == "argument":
            words.append(value)
        else:
            words += [parameter.opts[0], value]
    return words


@pytest.fixture
def house(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    monkeypatch.setattr("typer.testing._get_command", lambda _: LINE)  # all signatures are read once
    monkeypatch.setenv("DATAGRANT_DEMO", "true")  # where nobody needs a second factor
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")
        for name, (org, roles) in PEOPLE.items():
            a_person(work, name, org, roles)
    return sqlite_house


GROUPS: Final = sorted({words[0] for words in OF_THE_SERVICE})


def test_there_are_commands_to_try() -> None:
    assert len(OF_THE_SERVICE) > 200


@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_no_command_ends_in_a_trace_or_beside_its_route(house: House, tmp_path: Path, group: str) -> None:
    faults = []
    for words in (words for words in OF_THE_SERVICE if words[0] == group):
        for user in PEOPLE:
            folder = tmp_path / "-".join((*words, user))
            folder.mkdir()
            done = _done(house, words, user, folder)
            said = done.output + done.stderr
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                faults.append((words, user, repr(done.exception)[:200]))
            elif any(word in said for word in ASTRAY) or (UNFIT.search(said) and not any(folder.iterdir())):
                faults.append((words, user, said[:300]))
            elif done.exit_code and not said.strip():
                faults.append((words, user, "refused without a word"))
            if "role-lacks-permission" not in said:
                break  # the route was reached; others would be answered alike
    assert faults == []


def _done(house: House, words: Words, user: str, folder: Path) -> Any:
    command = COMMANDS[words]
    options = {option for each in command.params for option in each.opts}
    where = ["--data-dir", str(house.settings.data_dir), *(["--as", user] if "--as" in options else [])]
    more = ["--json"] if "--json" in options else []
    return CliRunner().invoke(ROOT, [*words, *_filled(command, folder), *where, *more])
