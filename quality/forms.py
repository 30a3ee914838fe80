"""One rule as a form that anybody can fill in, and back. Pure: names and texts in, arguments out.

What cannot be read as its kind of value is kept as the text it is, so that the suite's own check names the fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from core.text import Text
from quality.arguments import choices_of, form_of
from quality.templates import argument_name
from quality.vocabulary import TYPES

Widget = Literal["column", "columns", "lines", "text", "long", "yes_no", "choice", "json"]
_COLUMN: Final = frozenset(
    {"column", "column_A", "column_B", "longitude", "latitude", "time_column", "since", "until"}
)
_COLUMNS: Final = frozenset({"column_list", "column_set", "keys"})
_IN_ORDER: Final = frozenset({"expect_table_columns_to_match_ordered_list"})
_LINES: Final = frozenset(
    {"value_set", "regex_list", "like_pattern_list", "type_list", "other_keys", "other_columns", *_COLUMNS}
)
_YES_NO: Final = frozenset(
    {
        *("strict_min", "strict_max", "strictly", "or_equal", "double_sided", "ties_okay", "exact_match"),
        *("bucketize_data", "daily", "also_missing"),
    }
)
_JSON: Final = frozenset(
    {
        *("json_schema", "partition_object", "area", "quantile_ranges", "value_pairs_set"),
        *("group_columns", "other_group_columns"),
    }
)
_NUMBERS: Final = frozenset(
    {
        *(
            "threshold",
            "sum_total",
            "multiplier",
            "mostly",
            "daily_share",
            "k",
            "column_index",
            "factor",
            "tolerance",
        ),
        *("tolerance_share", "max_change", "max_removed", "tail_weight_holdout", "internal_weight_holdout"),
    }
)
_SCALARS: Final = frozenset({"min_value", "max_value", "value"})
_LONG: Final = frozenset({"unexpected_rows_query", "description", "regex", "row_condition"})
_HIDDEN: Final = frozenset({"condition_parser"})


class KnownColumn(Protocol):
    """A column of the data dictionary."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str | None: ...


class Field(NamedTuple):
    """One argument. value: text, or a list of names for `columns`; wanted: what it must look like."""

    name: str
    label: Text
    widget: Widget
    value: Any
    required: bool
    wanted: Text | None
    options: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The options as value and label."""
        return [(each, each) for each in self.options]


def fields(type_: str, kwargs: Mapping[str, Any], columns: Sequence[KnownColumn]) -> list[Field]:
    """The form of one rule, what is needed first."""
    spec = TYPES[type_]
    first = list(dict.fromkeys([*spec.all_required, *spec.either, *spec.needs_one]))
    names = [*first, *sorted(spec.allowed - {*first} - _HIDDEN)]
    known = [column.name for column in columns]
    return [_field(type_, name, kwargs, known, required=name in spec.all_required) for name in names]


def _field(
    type_: str, name: str, kwargs: Mapping[str, Any], known: Sequence[str], *, required: bool
) -> Field:
    widget, given = _widget(type_, name), kwargs.get(name)
    options: tuple[str, ...] = ()
    if widget in ("column", "columns"):
        extra = given if isinstance(given, list) else [given] if given else []
        options = tuple(dict.fromkeys([*known, *map(str, extra)]))
    elif widget == "choice":
        options = choices_of(TYPES[type_], name)
    form = form_of(name)
    wanted = Text(form.zh, form.en) if form and widget in ("text", "long", "json") else None
    return Field(name, argument_name(name), widget, _shown(widget, given), required, wanted, options)


def _widget(type_: str, name: str) -> Widget:
    if name in _COLUMN:
        return "column"
    if name in _COLUMNS and type_ not in _IN_ORDER:
        return "columns"
    if choices_of(TYPES[type_], name):
        return "choice"
    for names, widget in ((_LINES, "lines"), (_YES_NO, "yes_no"), (_JSON, "json"), (_LONG, "long")):
        if name in names:
            return widget  # type: ignore[return-value]
    return "text"


def _shown(widget: Widget, given: Any) -> Any:
    if widget == "columns":
        return [str(each) for each in given] if isinstance(given, list) else []
    if given is None:
        return ""
    if widget == "lines" and isinstance(given, list):
        return "\n".join(_scalar_shown(each) for each in given)
    if widget == "yes_no":
        return {True: "true", False: "false"}.get(given, str(given))
    return _scalar_shown(given)


def _scalar_shown(value: Any) -> str:
    if isinstance(value, str):
        return value if _scalar(value) == value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def read(
    type_: str, typed: Mapping[str, Sequence[str]], columns: Sequence[KnownColumn] = ()
) -> dict[str, Any]:
    """The arguments that were typed; what was left empty is left out."""
    spec = TYPES[type_]
    names = {column.name: column.type for column in columns}
    found: dict[str, Any] = {}
    for name in spec.allowed - _HIDDEN:
        entered = [each for each in typed.get(name, ()) if each.strip()]
        if entered:
            is_text = names.get("".join(typed.get("column", ()))) == "string"
            found[name] = _read(name, _widget(type_, name), entered, is_text=is_text)
    ordered = [name for name in (*spec.all_required, *spec.either, *spec.needs_one) if name in found]
    return {name: found[name] for name in [*ordered, *sorted(set(found) - set(ordered))]}


def _read(name: str, widget: Widget, entered: Sequence[str], *, is_text: bool) -> Any:
    text = entered[0].strip()
    if widget == "columns":
        return list(entered)
    if widget == "lines":
        lines = [line.strip() for line in entered[0].splitlines() if line.strip()]
        return [_member(line, is_text=is_text) if name == "value_set" else _quoted(line) for line in lines]
    if widget == "yes_no":
        return {"true": True, "false": False}.get(text, text)
    if widget == "json":
        return _json(text)
    if name in _NUMBERS or name in _SCALARS:
        return _scalar(text)
    return _quoted(entered[0]) if widget in ("text", "long") else text


def _member(line: str, *, is_text: bool) -> Any:
    """A value of a list: in a text column a bare number is text, elsewhere a number; quotes always make text."""
    value = _scalar(line)
    return line if is_text and not line.startswith('"') else value


def _quoted(text: str) -> str:
    value = _json(text.strip()) if text.strip().startswith('"') else text
    return value if isinstance(value, str) else text


def _scalar(text: str) -> Any:
    """A number, true, false, null or quoted text as JSON means it; anything else as it stands."""
    value = _json(text.strip())
    return value if not isinstance(value, list | dict) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: text)
    except (ValueError, RecursionError):
        return text
