"""The form of a statistical query as the query that it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from api.treatments import condition, joined, lacking
from api.treatments import conditions_of as conditions_of_tree
from auth.asset import Asset
from core.errors import InputRefused
from core.faults import together
from core.ids import GrantId
from core.text import Text
from datasets.queries.model import QueryAsk, TermsRead, TermsWrite

MEASURES: Final = 3
GROUPS: Final = 2
CONDITIONS: Final = 4
KINDS: Final = {
    "": Text("—", "—"),
    "count": Text("计数", "Count of rows"),
    "sum": Text("合计", "Sum"),
    "mean": Text("均值", "Mean"),
    "histogram": Text("分布（按组宽）", "Histogram (by class width)"),
    "quantile": Text("分位数所在组", "Class of a quantile"),
    "min_max": Text("最低与最高组", "Lowest and highest class"),
}
UNITS: Final = {
    "": Text("原值", "As it is"),
    "hour": Text("按小时", "By hour"),
    "day": Text("按日", "By day"),
    "month": Text("按月", "By month"),
    "year": Text("按年", "By year"),
}


def body_of(one: Mapping[str, str], held: Asset, scenario_id: str) -> QueryAsk:
    """The query that a form means. Raises InputRefused with a sentence for what cannot be read."""
    try:
        return QueryAsk.model_validate(tree_of(one, held, scenario_id))
    except ValidationError as fault:
        raise wrong(fault) from None


def tree_of(one: Mapping[str, str], held: Asset, scenario_id: str) -> dict[str, Any]:
    """What a form names, as the parts of a query. Raises InputRefused with a sentence for what cannot be read."""
    return {
        "grant_id": GrantId(one.get("grant", "")), "dataset_id": held.dataset_id, "purpose": one.get("purpose", ""),
        "scenario_id": scenario_id, "where": conditions_of(one, held),
        "select": [_measure(one, n) for n in range(MEASURES) if one.get(f"measure-{n}")],
        "group_by": [_group(one, n) for n in range(GROUPS) if one.get(f"group-{n}")],
    }  # fmt: skip


def typed_tree(query: Mapping[str, Any]) -> dict[str, str] | None:
    """The form's fields of a query; None where the form cannot show it."""
    lines = conditions_of_tree(query["where"])
    if (
        lines is None
        or len(lines) > CONDITIONS
        or len(query["select"]) > MEASURES
        or len(query["group_by"]) > GROUPS
    ):
        return None
    typed = {"purpose": str(query["purpose"]), "measure-0": ""}
    for n, part in enumerate(query["select"]):
        typed |= {f"measure-{n}": part["kind"], f"measured-{n}": part.get("column", "")}
        typed |= {f"{name}-{n}": f"{part[name]:g}" for name in ("width", "q") if name in part}
    for n, part in enumerate(query["group_by"]):
        typed |= {f"group-{n}": part["column"], f"group-unit-{n}": part.get("unit") or ""}
        typed |= {f"group-width-{n}": f"{part['width']:g}" if part.get("width") else ""}
    for n, (column, operation, value) in enumerate(lines):
        typed |= {f"column-{n}": column, f"op-{n}": operation, f"value-{n}": value}
    return typed


def wrong(fault: ValidationError) -> InputRefused:
    """What a form's reader says of values that do not fit."""
    said = together(fault)
    return InputRefused(
        Text(f"表单内容不完整或有误：{said.zh}", f"The form is incomplete or wrong: {said.en}")
    )


def conditions_of(one: Mapping[str, str], held: Asset) -> Any:  # noqa: ANN401 - a filter as JSON, or None
    """The conditions that the form names, joined. Raises InputRefused for a value that cannot be read."""
    where = []
    for n in range(CONDITIONS):
        name, operation = one.get(f"column-{n}", ""), one.get(f"op-{n}", "eq")
        if half := lacking(name, operation, one.get(f"value-{n}", "").strip()):
            raise InputRefused(half)
        if name:
            column = held.column(name)
            try:
                where.append(
                    condition(
                        name,
                        operation,
                        one.get(f"value-{n}", "").strip(),
                        column.type if column else "string",
                    )
                )
            except ValueError:
                raise InputRefused(
                    Text(
                        f"列 {name} 的条件值无法识别。",
                        f"The value of the condition on column {name} cannot be read.",
                    )
                ) from None
    return joined(where)


def _measure(one: Mapping[str, str], n: int) -> dict[str, Any]:
    kind = one[f"measure-{n}"]
    body: dict[str, Any] = {"kind": kind}
    if kind == "count":
        return body
    body["column"] = one.get(f"measured-{n}", "")
    if kind in ("histogram", "quantile", "min_max"):
        body["width"] = _number(one.get(f"width-{n}", ""), Text("组宽", "class width"))
    if kind == "quantile":
        body["q"] = _number(one.get(f"q-{n}", "") or "0.5", Text("分位", "quantile"))
    return body


def _group(one: Mapping[str, str], n: int) -> dict[str, Any]:
    width = one.get(f"group-width-{n}", "").strip()
    body: dict[str, Any] = {"column": one[f"group-{n}"], "unit": one.get(f"group-unit-{n}") or None}
    return body | ({"width": _number(width, Text("分组宽度", "width of groups"))} if width else {})


def _number(word: str, what: Text) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputRefused(Text(f"{what.zh}应为数字。", f"The {what.en} must be a number.")) from None


def chart_of(rows: list[dict[str, Any]], measures: list[str]) -> dict[str, Any] | None:
    """The answer as a chart: figures by group, or a histogram's classes; None where there is nothing to draw."""
    plain = [
        name for name in measures if any(isinstance(row["figures"].get(name), int | float) for row in rows)
    ]
    if len(rows) > 1 and plain:
        labels = [
            " · ".join("—" if value is None else str(value) for value in row["group"].values())
            for row in rows
        ]
        return {
            "kind": "bars", "labels": labels, "unit": None,
            "series": [{"name": plain[0], "values": [row["figures"][plain[0]] for row in rows]}],
        }  # fmt: skip
    name = next((each for each in measures if each.startswith("histogram")), None)
    if len(rows) != 1 or name is None or not (listed := rows[0]["figures"][name]):
        return None
    return {
        "kind": "bars", "labels": [f"{each['from']:g}–{each['to']:g}" for each in listed], "unit": None,
        "series": [{"name": name, "values": [each["count"] for each in listed]}],
    }  # fmt: skip


def heads_of(labels: Iterable[str], titles: Mapping[str, Text]) -> dict[str, Text]:
    """What an answer's measures and groups are called for readers, by their labels. `titles`: of the columns."""
    return {label: _head(label, titles) for label in labels}


def called(labels: Iterable[str], titles: Mapping[str, Text]) -> Text:
    """The same, one after the other; a dash where there is none."""
    found = list(heads_of(labels, titles).values())
    return Text("、".join(each.zh for each in found) or "—", ", ".join(each.en for each in found) or "—")


def column_options(names: Iterable[str], titles: Mapping[str, Text]) -> list[tuple[str, Text | str]]:
    """Columns for a choice, by title and name, with none of them first."""
    return [
        ("", "—"),
        *(
            (
                name,
                Text(f"{titles[name].zh}（{name}）", f"{titles[name].en} ({name})")
                if name in titles
                else name,
            )
            for name in names
        ),
    ]


def _head(label: str, titles: Mapping[str, Text]) -> Text:
    kind, bracket, inside = label.partition("(")
    if not bracket:
        column, slash, step = label.partition("/")
        found = KINDS["count"] if label == "count" else titles.get(column)
        if found is None:
            return Text(label, label)
        unit = UNITS.get(step, Text(step, step))
        return Text(f"{found.zh}（{unit.zh}）", f"{found.en} ({unit.en.lower()})") if slash else found
    column, comma, more = inside.removesuffix(")").partition(",")
    of = titles.get(column.strip(), Text(column, column))
    more = f",{more}" if comma else ""
    known = KINDS.get(kind, Text(kind, kind))
    return Text(f"{known.zh}（{of.zh}{more}）", f"{known.en} ({of.en}{more})")


def terms_of(one: Mapping[str, str]) -> TermsWrite:
    """The terms that a form means: one line a list, `column: code, code`. Raises InputRefused."""
    lists: dict[str, list[str]] = {}
    for line in one.get("lists", "").replace("：", ":").replace("，", ",").splitlines():
        if line.strip():
            name, _, codes = line.partition(":")
            lists[name.strip()] = [code.strip() for code in codes.split(",") if code.strip()]
    body = {
        "contributor": one.get("contributor") or None, "lists": lists, "guards_all": bool(one.get("guards_all")),
        "bounds": _bounds(one.get("bounds", "")), "per_contributor": _rows_each(one.get("per_contributor", "")),
        "reason": one.get("reason", "").strip(),
    }  # fmt: skip
    try:
        return TermsWrite.model_validate(body)
    except ValidationError as fault:
        said = together(fault)
        raise InputRefused(Text(f"条款有误：{said.zh}", f"The terms cannot be taken: {said.en}")) from None


def _bounds(lines: str) -> dict[str, list[float]]:
    found = {}
    for line in lines.replace("：", ":").replace("，", ",").splitlines():
        if line.strip():
            name, _, ends = line.partition(":")
            found[name.strip()] = [_number(end.strip(), Text("上下界", "bounds")) for end in ends.split(",")]
    return found


def _rows_each(word: str) -> int | None:
    if not word.strip():
        return None
    return int(_number(word.strip(), Text("每个贡献者计入的行数", "number of rows of one contributor")))


def typed_terms(now: TermsRead | None) -> dict[str, str]:
    """Terms as the form shows them."""
    if now is None:
        return {}
    lines = "\n".join(f"{name}: {', '.join(codes)}" for name, codes in now.lists.items())
    return {
        "contributor": now.contributor or "",
        "lists": lines,
        "bounds": "\n".join(f"{name}: {low:g}, {high:g}" for name, (low, high) in now.bounds.items()),
        "per_contributor": str(now.per_contributor or ""),
        "guards_all": "yes" if now.guards_all else "",
    }
