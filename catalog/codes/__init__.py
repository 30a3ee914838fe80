"""Code lists as data: one JSON file per list beside this module, each with its source and the day it took effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from core.errors import NotFound
from core.text import Text

_STANDARD: Final = frozenset({"value", "zh", "en"})


@dataclass(frozen=True, slots=True)
class Code:
    """One value of a list. `facts` holds what else the list says of it (a limit, an outside code)."""

    value: str
    text: Text
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CodeList:
    name: str
    title: Text
    source: str
    effective: date
    codes: Mapping[str, Code]

    def text(self, value: str | int | None) -> Text:
        """The label of a value; a value that the list does not know is shown as it is."""
        found = self.codes.get(str(value)) if value is not None else None
        return found.text if found else Text(str(value or ""), str(value or ""))

    def fact(self, value: str | int | None, name: str) -> Any:  # noqa: ANN401 - JSON
        """What the list says of a value under `name`; None when it says nothing."""
        found = self.codes.get(str(value))
        return found.facts.get(name) if found else None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": {"zh": self.title.zh, "en": self.title.en},
            "source": self.source,
            "effective": self.effective.isoformat(),
            "items": [
                {"value": code.value, "zh": code.text.zh, "en": code.text.en, **code.facts}
                for code in self.codes.values()
            ],
        }


@cache
def names() -> tuple[str, ...]:
    """Every list, in name order."""
    return tuple(
        sorted(
            entry.name.removesuffix(".json")
            for entry in files(__name__).iterdir()
            if entry.name.endswith(".json")
        )
    )


@cache
def load(name: str) -> CodeList:
    """A list by name; raises NotFound naming those there are."""
    if name not in names():
        known = ", ".join(names())
        raise NotFound(
            Text(f"没有代码表 {name}；现有：{known}。", f"There is no code list {name}; there are: {known}.")
        )
    raw = json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    return CodeList(
        name,
        Text(raw["title"]["zh"], raw["title"]["en"]),
        raw["source"],
        date.fromisoformat(raw["effective"]),
        {item["value"]: _code(item) for item in raw["items"]},
    )


def _code(item: Mapping[str, Any]) -> Code:
    facts = {key: value for key, value in item.items() if key not in _STANDARD}
    return Code(item["value"], Text(item["zh"], item["en"]), facts)
