"""Names of rule types and arguments, and ready rules by type of column: the data behind the editor's menu and form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from core.text import Text
from quality.verdict import Severity

TABLE: Final = "table"
BLANK: Final = "…"


class Template(BaseModel):
    """A ready rule. kinds: the dictionary's column types it suits, or `table` for rules about several columns or all of
    the table; `…` stands where its writer must say more."""

    model_config = ConfigDict(extra="forbid")

    code: str
    zh: str
    en: str
    kinds: list[str]
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    gbt36344: str | None = None

    @property
    def name(self) -> Text:
        return Text(self.zh, self.en)

    def rule(self, column: str | None = None) -> dict[str, Any]:
        """The rule as suites write it, for this column."""
        kwargs = {"column": column or BLANK} | self.kwargs if TABLE not in self.kinds else dict(self.kwargs)
        found: dict[str, Any] = {"type": self.type, "kwargs": kwargs, "severity": self.severity}
        return found | ({"meta": {"gbt36344": self.gbt36344}} if self.gbt36344 else {})


@cache
def _data() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(
        files("quality").joinpath("data/rules.json").read_text(encoding="utf-8")
    )
    return found


@cache
def templates() -> tuple[Template, ...]:
    """Every ready rule, in the order of the menu."""
    return tuple(Template.model_validate(each) for each in _data()["templates"])


def templates_for(kind: str) -> tuple[Template, ...]:
    """The ready rules that suit a column of this dictionary type, or the table."""
    return tuple(each for each in templates() if kind in each.kinds)


def type_name(type_: str) -> Text:
    """A rule type's name for people; a type without one goes by its own words."""
    zh, en = _data()["types"].get(type_, (None, None))
    return Text(zh, en) if zh else Text(type_, type_.removeprefix("expect_").replace("_", " "))


def argument_name(argument: str) -> Text:
    zh, en = _data()["arguments"].get(argument, (argument, argument))
    return Text(zh, en)
