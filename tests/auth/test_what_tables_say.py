"""What the tables of the rules say, value by value: lists, sets, numbers and defaults of the modules that decide.

`tables.json` beside this file is what was last agreed: whoever changes a table shows it there (`python -m tests.auth.test_what_tables_say`
writes it). Machines stand in `tests/core/machines.json`.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from auth.casework.machine import Machine
from core.text import Text
from tests.campaigns.coverage import JUDGED, ROOT

AGREED = Path(__file__).with_name("tables.json")


def modules() -> list[str]:
    """The modules that `tests.campaigns.coverage` judges."""
    found = {path for shape in JUDGED for path in ROOT.glob(shape) if path.suffix == ".py"}
    found |= set((ROOT / "auth" / "policy").rglob("*.py"))
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found if path.name != "__init__.py"
    )


def said(value: Any) -> Any:
    """A value as JSON; what a set holds in order. Functions and classes by their names."""
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case Text():
            return value.en
        case re.Pattern():
            return value.pattern
        case None | bool() | int() | float() | str():
            return value
        case date() | timedelta():
            return str(value)
        case frozenset() | set():
            return sorted((said(each) for each in value), key=str)
        case Mapping():
            return {str(said(key)): said(each) for key, each in value.items()}
        case list() | tuple():
            return [said(each) for each in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                each.name: said(getattr(value, each.name))
                for each in dataclasses.fields(value)
                if not each.name.startswith("_")
            }
        case _:
            return getattr(value, "__name__", type(value).__name__)


def _defaults(kind: type) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        given = {name: said(each.default) for name, each in fields if each.default is not PydanticUndefined}
        bounds = {f"{name} within": _bounds(each.metadata) for name, each in fields if _bounds(each.metadata)}
        return given | bounds
    if dataclasses.is_dataclass(kind):
        return {
            each.name: said(each.default)
            for each in dataclasses.fields(kind)
            if each.default is not dataclasses.MISSING
        }
    return {name: said(each) for name, each in getattr(kind, "_field_defaults", {}).items()}


def _bounds(said_of: list[Any]) -> list[str]:
    """How small, large, short or long a field may be."""
    return sorted(str(each) for each in said_of if isinstance(each, Ge | Gt | Le | Lt | MinLen | MaxLen))


def _own(module: ModuleType) -> set[str]:
    """The names that the module itself gives."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    given = [
        each.targets if isinstance(each, ast.Assign) else [each.target]
        for each in tree.body
        if isinstance(each, ast.Assign | ast.AnnAssign)
    ]
    return {target.id for targets in given for target in targets if isinstance(target, ast.Name)}


def _tables(module: ModuleType) -> Iterator[tuple[str, Any]]:
    own = _own(module)
    for name, value in sorted(vars(module).items()):
        if isinstance(value, type):
            if value.__module__ == module.__name__ and (found := _defaults(value)):
                yield name, found
        elif name.isupper() and name in own - {"MOVES"} and not isinstance(value, Machine):
            yield name, said(value)


def tables(name: str) -> dict[str, Any]:
    """What a module's tables and the defaults of its classes say."""
    return dict(_tables(importlib.import_module(name)))


@pytest.mark.parametrize("name", modules())
def test_the_tables_say_what_was_agreed(name: str) -> None:
    agreed: dict[str, Any] = json.loads(AGREED.read_text(encoding="utf-8"))
    assert tables(name) == agreed.get(name), "agreed anew? python -m tests.auth.test_what_tables_say"


def test_nothing_is_agreed_for_a_module_that_is_gone() -> None:
    assert sorted(json.loads(AGREED.read_text(encoding="utf-8"))) == modules()


def main() -> None:
    """Write what the tables say now."""
    told = []
    for name in modules():
        lines = [
            f"  {json.dumps(key)}: {json.dumps(each, sort_keys=True, ensure_ascii=False)}"
            for key, each in tables(name).items()
        ]
        told.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    AGREED.write_text("{\n" + ",\n".join(told) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
