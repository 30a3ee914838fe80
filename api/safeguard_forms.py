"""Where a grant is stricter than the policy profile, as fields of a form and back: `min_group-0`, `epsilon-LINE`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from starlette.datastructures import FormData

from auth.policy.model import Safeguards
from core.text import Text

_MILLION: Final = 1_000_000
_EPSILONS: Final = {"epsilon": "epsilon_micro", "epsilon_each": "epsilon_each_micro"}
_DECIMAL: Final = re.compile(r"\d{1,9}(\.\d{1,6})?")
CHECKERS: Final = [("", Text("按策略配置", "as the policy profile says")), ("1", Text("至少 1 人", "1 or more")), ("2", Text("至少 2 人", "2 or more"))]  # fmt: skip


def fields_of(
    held: Safeguards, was: Callable[[str, object], str], form: FormData | None, key: str
) -> dict[str, Any]:
    """The fields' values: what was typed, else what is held. `was(name, default)`: the caller's way to either; `key`: of the line."""

    def epsilon(micro: int | None) -> str:
        return "" if micro is None else f"{micro / _MILLION:.6f}".rstrip("0").rstrip(".")

    return {
        "min_group": was("min_group", held.min_group),
        "checkers": was("checkers", held.checkers),
        **{name: was(name, epsilon(getattr(held, field))) for name, field in _EPSILONS.items()},
        "watermark": form.get(f"watermark-{key}") == "yes" if form is not None else held.watermark,
        "checkers_options": CHECKERS,
        "is_open": bool(held.said()) or form is not None,
    }


def read(key: str, form: FormData) -> dict[str, Any]:
    """The safeguards as the form gives them. Raises ValueError with the field's name for what cannot be read."""
    found: dict[str, Any] = {"watermark": form.get(f"watermark-{key}") == "yes"}
    for name in ("min_group", "checkers"):
        word = _typed(form, f"{name}-{key}")
        if word and not (word.isdecimal() and len(word) <= 9):
            raise ValueError(f"{name}-{key}")
        found[name] = int(word) if word else None
    for name, field in _EPSILONS.items():
        word = _typed(form, f"{name}-{key}")
        if word and (not _DECIMAL.fullmatch(word) or float(word) <= 0):
            raise ValueError(f"{name}-{key}")
        found[field] = round(float(word) * _MILLION) if word else None
    return found


def _typed(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip().replace(",", "").replace("，", "")
