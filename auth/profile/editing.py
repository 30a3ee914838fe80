"""A profile as fields of a form: what most changes touch. The rest (stages, forms, checkers, papers, clauses, opinions) stays as in the profile one starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from auth.duties.workflow import Kind
from auth.policy.limits import limits
from auth.profile.model import Number, Profile
from auth.profile.wording import REGISTERED, RULES
from core.errors import InputRefused
from core.faults import together
from core.text import Text

_LONGEST: Final = 12  # digits; far beyond every bound
PLAIN: Final = ("key", "zh", "en", "effective_from", "source")


def digest(profile: Profile) -> str:
    """What tells one profile from another: a form says by it what it started from."""
    return hashlib.sha256(profile.model_dump_json().encode()).hexdigest()


def fields_of(profile: Profile) -> dict[str, str]:
    """The fields with the values of a profile: `numbers.KEY` a limit, `source.KEY` where it comes from, empty where it is the shipped one."""
    typed = {name: str(getattr(profile, name)) for name in (*PLAIN, *REGISTERED)}
    typed |= {name: "yes" if getattr(profile, name) else "" for name in RULES}
    typed |= {f"blocking_duties.{kind}": profile.blocking_duties.get(kind, "none") for kind in Kind}
    typed |= {f"numbers.{key}": str(limit.value) for key, limit in profile.limits().numbers.items()}
    typed |= {f"source.{key}": "" for key in limits().numbers}
    return typed | {f"source.{key}": said.source for key, said in profile.numbers.items()}


def edited(base: Profile, typed: Mapping[str, str]) -> Profile:
    """The profile that the fields make of `base`. A field that is missing says nothing, but for switches: those are off.

    Raises InputRefused, with the field, where a number is none, has no source or another's, or the profile does not hold.
    """
    plain = {name: typed[name] for name in (*PLAIN, *REGISTERED) if name in typed}
    switches = {name: bool(typed.get(name)) for name in RULES}
    duties = {kind: typed[name] for kind in Kind if (name := f"blocking_duties.{kind}") in typed}
    changed: dict[str, object] = {**plain, **switches, "numbers": _numbers(base, typed)}
    if duties:  # what the base does not name stops none, and need not be said
        told = {
            kind: reach for kind, reach in duties.items() if reach != "none" or kind in base.blocking_duties
        }
        changed["blocking_duties"] = {**base.blocking_duties, **told}
    try:
        return Profile.model_validate(base.model_dump() | changed)
    except ValidationError as fault:
        said, where = together(fault), str((*fault.errors()[0]["loc"], "profile")[0])
        raise InputRefused(Text(f"请改正：{said.zh}", f"Please mend: {said.en}"), field=where) from fault


def _numbers(base: Profile, typed: Mapping[str, str]) -> dict[str, Number]:
    """Those set otherwise than shipped, or set by `base` already."""
    found = {}
    for key, shipped in limits().numbers.items():
        number, source = _whole(key, typed, shipped.name), typed.get(f"source.{key}", "").strip()
        before = base.numbers.get(key)
        if number is None:
            if source != (before.source if before else ""):
                raise InputRefused(
                    Text(f"请填写“{shipped.name.zh}”的数值，或清空其来源。", f"Give “{shipped.name.en}” its number, or empty its source."),
                    field=f"numbers.{key}",
                )  # fmt: skip
            number, source = (before.value, before.source) if before else (shipped.value, "")
        if number == shipped.value and not source:
            continue
        if before and number != before.value and source == before.source:
            raise InputRefused(
                Text(
                    f"“{shipped.name.zh}”由 {before.value} 改为 {number}，来源却未改；请写明新的来源（改回随附数值时请清空来源）。",
                    f"“{shipped.name.en}” went from {before.value} to {number} with the same source; say where the new number comes from (or empty the source with the shipped number).",
                ),
                field=f"source.{key}",
            )
        if len(source) < 4:
            raise InputRefused(
                Text(
                    f"请写明“{shipped.name.zh}”改为 {number} 的来源（至少 4 个字）。",
                    f"Say where “{shipped.name.en}” of {number} comes from (4 characters at least).",
                ),
                field=f"source.{key}",
            )
        try:
            found[key] = Number(value=number, source=source)
        except ValidationError as fault:
            said = together(fault)
            raise InputRefused(
                Text(f"{shipped.name.zh}：{said.zh}", f"{shipped.name.en}: {said.en}"), field=f"numbers.{key}"
            ) from fault
    return found


def _whole(key: str, typed: Mapping[str, str], name: Text) -> int | None:
    said = typed.get(f"numbers.{key}", "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= _LONGEST):
        raise InputRefused(
            Text(f"“{name.zh}”须为不带符号的整数。", f"“{name.en}” must be a whole number without a sign."),
            field=f"numbers.{key}",
        )
    return int(said)
