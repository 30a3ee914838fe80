"""From the figures that may be told to the file that the checkers see, and what the machine looks for in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from auth.policy.model import ColumnTerm, DeliveryForm, GrantPolicy, Use
from core.text import Text, number_of
from datasets.enclave.model import EnclaveSpec
from datasets.formats.writing import writing
from datasets.outputs.checks import Expected, check
from datasets.outputs.rules import Finding
from datasets.queries.answering import Told
from datasets.queries.model import Count, Mean, Sum

_FIGURE: Final = (Sum, Mean)


def arranged(told: Told, spec: EnclaveSpec) -> list[dict[str, Any]]:
    """The rows of the result in the order and number wanted, one dict each of groups and figures."""
    rows = [{**row["group"], **row["figures"]} for row in told.rows]
    for each in reversed(spec.sort):
        there = [row for row in rows if row[each.by] is not None]
        missing = [row for row in rows if row[each.by] is None]
        there.sort(key=lambda row: _order(row[each.by]), reverse=each.descending)
        rows = there + missing
    return rows[: spec.limit] if spec.limit else rows


def _order(value: Any) -> tuple[str, Any]:  # noqa: ANN401 - a JSON value
    """Numbers among numbers, everything else by its text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (
            "text",
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value),
        )
    return ("number", value)


def write(
    out: Path, rows: list[dict[str, Any]], spec: EnclaveSpec, facts: Mapping[str, str], policy: GrantPolicy
) -> None:
    """The result as a Parquet file. `out` must not exist."""
    columns = {name: _group([row[name] for row in rows]) for name in spec.groups}
    for measure, name in zip(spec.select, spec.measures, strict=True):
        values = [row[name] for row in rows]
        if isinstance(measure, Count):
            columns[name] = pa.array(values, pa.int64())
        elif isinstance(measure, _FIGURE):
            columns[name] = pa.array(values, pa.float64())
        else:
            columns[name] = pa.array(
                [None if each is None else json.dumps(each) for each in values], pa.string()
            )
    schema = pa.schema([pa.field(name, array.type) for name, array in columns.items()])
    schema = schema.with_metadata({key.encode(): value.encode() for key, value in facts.items()})
    with writing(out, schema, DeliveryForm.ENCLAVE, terms_of(spec, policy), facts) as put:
        put(pa.record_batch(list(columns.values()), schema=schema))


def _group(values: list[Any]) -> pa.Array:
    kinds = {type(each) for each in values if each is not None}
    if kinds <= {int, float} and kinds:
        return pa.array(values, pa.float64() if float in kinds else pa.int64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array([None if each is None else str(each) for each in values], pa.string())


def terms_of(spec: EnclaveSpec, policy: GrantPolicy) -> list[ColumnTerm]:
    """The columns of the result, for the checks: a group by pseudonyms must hold pseudonyms."""
    hashed = {term.name for term in policy.columns if term.use is Use.PSEUDONYMISED}
    grouped = [
        ColumnTerm(name=name, use=Use.PSEUDONYMISED if group.column in hashed else Use.PLAIN)
        for group, name in zip(spec.group_by, spec.groups, strict=True)
    ]
    return [*grouped, *(ColumnTerm(name=name, use=Use.PLAIN) for name in spec.measures)]


def looked_at(
    path: Path, spec: EnclaveSpec, policy: GrantPolicy, *, rows: int, hidden: int, min_group: int, memory_limit_mb: int, scratch: Path
) -> list[dict[str, Any]]:  # fmt: skip
    """What the automatic checks see in the finished file, worst first; counts, no values."""
    expected = Expected(terms_of(spec, policy), rows, (), 0)
    found = check(path, DeliveryForm.ENCLAVE, expected, memory_limit_mb=memory_limit_mb, scratch=scratch)
    return [each.as_json() for each in (*_small(path, spec, min_group), *found, *_left_out(hidden))]


def _small(path: Path, spec: EnclaveSpec, min_group: int) -> list[Finding]:
    """Counts in the file below the least group: the rules let none out, and the file is read again to see."""
    names = [
        name for measure, name in zip(spec.select, spec.measures, strict=True) if isinstance(measure, Count)
    ]
    found = []
    for name in names:
        counts = pq.read_table(path, columns=[name]).column(name)
        small = pc.sum(pc.less(counts, min_group)).as_py() or 0
        if small:
            text = Text(
                f"{small} 组的计数低于 {min_group}。",
                f"{number_of(small, 'groups have')} counts below {min_group}.",
            )
            found.append(Finding("figure-too-small", name, small, text))
    return found


def _left_out(hidden: int) -> list[Finding]:
    if not hidden:
        return []
    text = Text(
        f"按披露控制有 {hidden} 个数值未输出。",
        f"{number_of(hidden, 'figures were')} left out by the rules of disclosure control.",
    )
    return [Finding("figures-left-out", "", hidden, text)]
