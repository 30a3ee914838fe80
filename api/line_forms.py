"""One dataset's line of an application as a form, and back: fields carry the line's number (`pick-0`, `reason-0-lot`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from starlette.datastructures import FormData

from api import safeguard_forms
from api.treatments import condition, conditions_of, joined, lacking, term_of, treatments, word_of
from auth.applications.models import LineAsk
from auth.asset import Asset, AssetColumn
from auth.identity.rules import networks_of
from auth.policy.model import DeliveryForm, Quotas, Safeguards
from auth.policy.wording import filter_in_words
from core.text import Text

CONDITIONS: Final = 3
Options = list[tuple[str, Text | str]]


class Choices(NamedTuple):
    """What a line may name: releases to be pinned to, members of the organisation, price rules."""

    releases: Options
    members: Options
    fees: Options


Faults = list[tuple[str, Text]]


def line_from(n: int, line: LineAsk, held: Asset, form: FormData, faults: Faults) -> dict[str, Any]:
    """One line as the form gives it. What does not fit goes to `faults`, with its field."""
    columns = []
    for column in held.columns:
        if column.name not in form.getlist(f"pick-{n}"):
            continue
        try:
            term = term_of(column.name, str(form.get(f"use-{n}-{column.name}", "plain")))
        except ValueError:
            faults.append(
                (
                    f"use-{n}-{column.name}",
                    Text(f"{column.name}：请选择提供方式", f"{column.name}: choose how it leaves"),
                )
            )
            continue
        reason = str(form.get(f"reason-{n}-{column.name}", "")).strip()[:500]
        columns.append(
            {
                "name": column.name,
                "reason": reason,
                "use": term.use,
                "mask": term.mask and term.mask.model_dump(),
            }
        )
    return {
        "dataset_id": line.dataset_id,
        "columns": columns,
        "row_filter": _filter(n, held, form, faults),
        "delivery_forms": [word for word in form.getlist(f"forms-{n}") if word in list(DeliveryForm)],
        "quotas": {unit: _number(f"{unit}-{n}", form, faults) for unit in Quotas.model_fields},
        "networks": _networks(f"networks-{n}", form, faults),
        "pinned_release": str(form.get(f"release-{n}", "")).strip()[:80] or None,
        "members": [str(each)[:80] for each in form.getlist(f"members-{n}")],
        "fee_reference": str(form.get(f"fee-{n}", "")).strip()[:80] or None,
        "safeguards": _safeguards(n, form, faults),
    }  # fmt: skip


def _filter(n: int, held: Asset, form: FormData, faults: Faults) -> dict[str, Any] | None:
    if kept := str(form.get(f"filter-{n}", "")):
        try:
            tree: dict[str, Any] | None = json.loads(kept)
        except ValueError:
            faults.append((f"filter-{n}", Text("行过滤条件无法识别", "The row filter cannot be read")))
            return None
        return tree
    conditions = []
    for i in range(CONDITIONS):
        column = held.column(str(form.get(f"fcol-{n}-{i}", "")))
        operation, word = str(form.get(f"fop-{n}-{i}", "eq")), str(form.get(f"fval-{n}-{i}", "")).strip()
        if half := lacking(column.name if column else "", operation, word):
            faults.append((f"fval-{n}-{i}", half))
            continue
        if column is None:
            continue
        try:
            conditions.append(condition(column.name, operation, word, column.type))
        except ValueError:
            faults.append(
                (
                    f"fval-{n}-{i}",
                    Text(
                        f"{column.name}：值应为 {column.type}",
                        f"{column.name}: the value must be {column.type}",
                    ),
                )
            )
    return joined(conditions)


def networks_in(words: str) -> tuple[str, ...]:
    """Networks as they are typed: space, comma or line between. Raises ValueError."""
    return networks_of(word for word in re.split(r"[\s,，、;；]+", words) if word)


def _networks(name: str, form: FormData, faults: Faults) -> tuple[str, ...]:
    try:
        return networks_in(str(form.get(name, "")))
    except ValueError as fault:
        faults.append(
            (
                name,
                Text(
                    f"网络地址无法识别（{fault}）；请写作 203.0.113.7 或 203.0.113.0/24，至多 20 个。",
                    f"These are no networks ({fault}); write 203.0.113.7 or 203.0.113.0/24, 20 at most.",
                ),
            )
        )
        return ()


def _safeguards(n: int, form: FormData, faults: Faults) -> dict[str, Any]:
    try:
        return Safeguards.model_validate(safeguard_forms.read(str(n), form)).model_dump()
    except ValidationError as fault:
        where = f"{str(fault.errors()[0]['loc'][0]).removesuffix('_micro')}-{n}"
    except ValueError as fault:
        where = str(fault)
    faults.append(
        (
            where,
            Text(
                "应为其范围内的正数；留空按策略配置",
                "A positive number in its range; empty: as the policy profile says",
            ),
        )
    )
    return {}


def _number(name: str, form: FormData, faults: Faults) -> int | None:
    word = str(form.get(name, "")).strip().replace(",", "").replace("，", "")
    if not word:
        return None
    if not word.isdecimal() or len(word) > 15 or int(word) < 1:
        faults.append((name, Text("应为正整数；留空表示不限", "A whole number from 1; empty means no limit")))
        return None
    return int(word)


def line_view(n: int, line: LineAsk, held: Asset, form: FormData | None, choices: Choices) -> dict[str, Any]:
    """A line for the form: from what was typed when there is something typed, else from the draft. `choices`: to choose from."""

    def was(name: str, default: object = "") -> str:
        return str(form.get(name, "")) if form is not None else str(default if default is not None else "")

    asked = {column.name: column for column in line.columns}
    tree = line.row_filter.model_dump(mode="json") if line.row_filter is not None else None
    conditions = conditions_of(tree)
    shown = (conditions or []) + [("", "eq", "")] * CONDITIONS
    fits = conditions is not None and len(conditions) <= CONDITIONS
    return {
        "n": n,
        "dataset_id": line.dataset_id,
        "title": held.title,
        "level": held.level,
        "columns": [_column_view(n, column, asked.get(column.name), form, was) for column in held.columns],
        "filter_json": "" if fits else json.dumps(tree),
        "filter_words": None
        if fits
        else filter_in_words(line.row_filter, {column.name: column.title for column in held.columns}),
        "conditions": [
            (
                was(f"fcol-{n}-{i}", shown[i][0]),
                was(f"fop-{n}-{i}", shown[i][1]),
                was(f"fval-{n}-{i}", shown[i][2]),
            )
            for i in range(CONDITIONS)
        ],
        "column_options": column_options(held),
        "forms": form.getlist(f"forms-{n}") if form is not None else list(line.delivery_forms),
        "quotas": {unit: was(f"{unit}-{n}", getattr(line.quotas, unit)) for unit in Quotas.model_fields},
        "networks": was(f"networks-{n}", " ".join(line.networks)),
        "release": was(f"release-{n}", line.pinned_release),
        "release_options": choices.releases,
        "members": [str(each) for each in form.getlist(f"members-{n}")]
        if form is not None
        else list(line.members),
        "member_options": choices.members,
        "fee": was(f"fee-{n}", line.fee_reference),
        "fee_options": choices.fees,
        "safeguards": safeguard_forms.fields_of(
            line.safeguards, lambda name, held: was(f"{name}-{n}", held), form, str(n)
        ),
    }


def column_options(held: Asset) -> Options:
    """The dataset's columns for a choice, each by its title and name."""
    said = (
        (column.name, Text(f"{column.title.zh} {column.name}", f"{column.title.en} {column.name}"))
        for column in held.columns
    )
    return [("", "—"), *said]


def _column_view(
    n: int, column: AssetColumn, asked: Any, form: FormData | None, was: Callable[..., str]  # noqa: ANN401
) -> dict[str, Any]:  # fmt: skip
    present = word_of(asked.use, asked.mask) if asked else "plain"
    word = was(f"use-{n}-{column.name}", present) or "plain"
    picked = column.name in form.getlist(f"pick-{n}") if form is not None else asked is not None
    return {
        "name": column.name,
        "title": column.title,
        "type": column.type,
        "level": column.level,
        "kind": column.identifier_kind,
        "picked": picked,
        "reason": was(f"reason-{n}-{column.name}", asked.reason if asked else ""),
        "use": word,
        "options": treatments(column.type, word),
    }
