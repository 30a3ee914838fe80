"""What may become of a column, as one word of a form: `plain`, `pseudonymised`, `filter_only`, `keep:3:4`, `round:100` …"""

from __future__ import annotations

from typing import Any, Final

from auth.policy.filters.model import parse
from auth.policy.filters.rules import leaves
from auth.policy.model import FORMS_SERVING, ColumnTerm, Mask, Use
from auth.policy.wording import term_in_words
from core.text import Text

_ROW_LESS: Final = ("aggregate_only", "filter_only")
_BY_TYPE: Final[dict[str, tuple[str, ...]]] = {
    "string": ("plain", "pseudonymised", "keep:1:0", "keep:3:4", "keep:6:0", "division:county", "division:city", "division:province", "redact", "drop", *_ROW_LESS, "join_only"),
    "integer": ("plain", "pseudonymised", "round:5", "round:10", "round:100", "round:1000", "drop", *_ROW_LESS, "join_only"),
    "number": ("plain", "round:1", "round:10", "round:100", "round:1000", "drop", *_ROW_LESS),
    "boolean": ("plain", "drop", *_ROW_LESS),
    "date": ("plain", "truncate:month", "truncate:year", "drop", *_ROW_LESS),
    "datetime": ("plain", "truncate:hour", "truncate:day", "truncate:month", "drop", *_ROW_LESS),
    "time": ("plain", "drop", *_ROW_LESS),
    "geometry": ("plain", "grid:0.001", "grid:0.01", "grid:0.1", "drop"),
}  # fmt: skip
_SERVED: Final = {use.value: bool(forms) for use, forms in FORMS_SERVING.items()}
OPERATIONS: Final[dict[str, Text]] = {
    "eq": Text("等于", "is"),
    "ne": Text("不等于", "is not"),
    "ge": Text("不小于", "at least"),
    "le": Text("不大于", "at most"),
    "gt": Text("大于", "more than"),
    "lt": Text("小于", "less than"),
    "in": Text("属于（逗号分隔）", "is one of (comma between)"),
    "is_null": Text("为空", "is empty"),
}


def term_of(name: str, word: str) -> ColumnTerm:
    """The term that a form's word means. Raises ValueError (or pydantic's ValidationError, which is one)."""
    kind, _, rest = word.partition(":")
    if kind in (set(Use) - {Use.MASKED}):
        return ColumnTerm(name=name, use=Use(kind))
    parts = rest.split(":")
    mask: dict[str, Any] = {"kind": kind}
    match kind:
        case "keep" if len(parts) == 2:
            mask |= {"head": int(parts[0]), "tail": int(parts[1])}
        case "round" | "grid":
            mask |= {"step": float(rest)}
        case "division":
            mask |= {"level": rest}
        case "truncate":
            mask |= {"unit": rest}
        case "clamp" if len(parts) == 2:
            mask |= {name: float(part) for name, part in zip(("low", "high"), parts, strict=True) if part}
    return ColumnTerm.model_validate({"name": name, "use": Use.MASKED, "mask": mask})


def word_of(use: str, mask: Mask | None) -> str:
    """The form's word for a term."""
    if mask is None:
        return use
    facts = mask.model_dump(exclude={"kind"})
    return ":".join(
        [
            mask.kind,
            *(
                "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
                for value in facts.values()
            ),
        ]
    )


def treatments(type_word: str, present: str = "plain") -> list[tuple[str, Text]]:
    """The choices for a column of that type, with the present one among them."""
    words = [word for word in _BY_TYPE.get(type_word, ("plain", "drop")) if _SERVED.get(word, True)]
    if present not in words:
        words.insert(0, present)
    return [(word, _said(word)) for word in words]


def _said(word: str) -> Text:
    try:
        return term_in_words(term_of("x", word))
    except ValueError:
        return Text(word, word)


def lacking(column: str, operation: str, word: str) -> Text | None:
    """What a line of a filter form lacks that was filled in only in part; none for a whole one and for one left empty."""
    if not column and (word or operation == "is_null"):
        return Text(
            "条件没有选择列；请选择列，或清空这一条件。",
            "A condition names no column; choose one, or empty that condition.",
        )
    if column and not word and operation != "is_null":
        return Text(
            f"列 {column} 的条件没有填写值；请填写，或不选该列。",
            f"The condition on column {column} has no value; give one, or choose no column.",
        )
    return None


def condition(column: str, operation: str, word: str, type_word: str) -> dict[str, Any]:
    """One line of a filter form as a filter. Raises ValueError when the value does not fit the type."""
    if operation == "is_null":
        return {"op": "is_null", "column": column}
    if operation == "in":
        values = [
            _value(part.strip(), type_word) for part in word.replace("，", ",").split(",") if part.strip()
        ]
        return {"op": "in", "column": column, "values": values}
    if operation not in OPERATIONS:
        raise ValueError(operation)
    return {"op": operation, "column": column, "value": _value(word, type_word)}


def _value(word: str, type_word: str) -> Any:  # noqa: ANN401 - a JSON scalar
    match type_word:
        case "integer":
            return int(word)
        case "number":
            return float(word)
        case "boolean":
            known = {"true": True, "是": True, "yes": True, "false": False, "否": False, "no": False}
            return known[word.lower()] if word.lower() in known else _not(word)
    return word


def _not(word: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(word)


def conditions_of(tree: dict[str, Any] | None) -> list[tuple[str, str, str]] | None:
    """A filter as lines of the form (column, operation, value); None when the form cannot show it."""
    if tree is None:
        return []
    parts = tree["args"] if tree["op"] == "and" else [tree]
    if not all(part["op"] in OPERATIONS for part in parts):
        return None
    lines = []
    for part, leaf in zip(parts, leaves(parse(tree)), strict=True):
        value = part.get("value", "")
        if part["op"] == "in":
            value = ", ".join(str(entry) for entry in part["values"])
        if value == "" and part["op"] != "is_null":
            return None
        lines.append((leaf.column, part["op"], str(value).lower() if isinstance(value, bool) else str(value)))
    return lines


def joined(conditions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Conditions of a form as one filter: all must hold."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"op": "and", "args": conditions}
