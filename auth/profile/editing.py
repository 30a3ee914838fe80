"""A profile as fields of a form: what most changes touch. The rest (stages, forms, checkers, papers, clauses, opinions) stays as in the profile one starts from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from auth.duties.workflow import Kind
from auth.policy.limits import Reminded, limits
from auth.profile.model import Number, Profile, ReminderDays
from auth.profile.wording import REGISTERED, RULES
from core.errors import InputRefused
from core.faults import together
from core.text import Text

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_LONGEST: Final = 12  # digits; far beyond every bound
_MOST_DAYS: Final = 100  # the model says how many there may be
_BETWEEN: Final = re.compile("[,，、;；]")
PLAIN: Final = ("key", "zh", "en", "effective_from", "source")


def digest(profile: Profile) -> str:
    """What tells one profile from another: a form says by it what it started from."""
    return hashlib.sha256(profile.model_dump_json().encode()).hexdigest()


def fields_of(profile: Profile) -> dict[str, str]:
    """The fields with the values of a profile: `numbers.KEY` a limit, `source.KEY` where it comes from, empty where it is the shipped one.

    `reminders.KEY` days of reminding with commas between them, `reminders_source.KEY` their source.
    """
    typed = {name: str(getattr(profile, name)) for name in (*PLAIN, *REGISTERED)}
    typed |= {name: "yes" if getattr(profile, name) else "" for name in RULES}
    typed |= {f"blocking_duties.{kind}": profile.blocking_duties.get(kind, "none") for kind in Kind}
    typed |= {f"numbers.{key}": str(limit.value) for key, limit in profile.limits().numbers.items()}
    typed |= {f"source.{key}": "" for key in limits().numbers}
    typed |= {f"source.{key}": said.source for key, said in profile.numbers.items()}
    typed |= {
        f"reminders.{which}": days_typed(each.days) for which, each in profile.limits().reminders.items()
    }
    typed |= {f"reminders_source.{which}": "" for which in Reminded}
    return typed | {f"reminders_source.{which}": said.source for which, said in profile.reminders.items()}


def edited(base: Profile, typed: Mapping[str, str]) -> Profile:
    """The profile that the fields make of `base`. A field that is missing says nothing, but for switches: those are off.

    Raises InputRefused, with the field, where a number is none, has no source or another's, or the profile does not hold.
    """
    plain = {name: typed[name] for name in (*PLAIN, *REGISTERED) if name in typed}
    switches = {name: bool(typed.get(name)) for name in RULES}
    duties = {kind: typed[name] for kind in Kind if (name := f"blocking_duties.{kind}") in typed}
    changed: dict[str, object] = {
        **plain, **switches, "numbers": _numbers(base, typed), "reminders": _reminders(base, typed),
    }  # fmt: skip
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
        before = base.numbers.get(key)
        set_by = (before.value, before.source) if before else None
        value = _whole(key, typed, shipped.name)
        source = typed.get(f"source.{key}", "").strip()
        at = (f"numbers.{key}", f"source.{key}")
        if said := _settled(value, source, shipped.name, shipped.value, set_by, at, str):
            found[key] = _held(Number, shipped.name, at[0], value=said[0], source=said[1])
    return found


def _reminders(base: Profile, typed: Mapping[str, str]) -> dict[Reminded, ReminderDays]:
    """Days of reminding, likewise."""
    found = {}
    for which, shipped in limits().reminders.items():
        before = base.reminders.get(which)
        set_by = (before.days_before, before.source) if before else None
        value = _days(which, typed, shipped.name)
        source = typed.get(f"reminders_source.{which}", "").strip()
        at = (f"reminders.{which}", f"reminders_source.{which}")
        if said := _settled(value, source, shipped.name, shipped.days, set_by, at, days_typed):
            found[which] = _held(ReminderDays, shipped.name, at[0], days_before=said[0], source=said[1])
    return found


def _settled(
    value: T | None, source: str, name: Text, shipped: T, before: tuple[T, str] | None, at: tuple[str, str], told: Callable[[T], str]
) -> tuple[T, str] | None:  # fmt: skip
    """What a value and its source come to; None: as shipped, set no more. `before`: as the base sets it; `at`: the fields of both."""
    if value is None:
        if source != (before[1] if before else ""):
            raise InputRefused(
                Text(f"请填写“{name.zh}”的数值，或清空其来源。", f"Give “{name.en}” its number, or empty its source."),
                field=at[0],
            )  # fmt: skip
        return before
    if value == shipped and not source:
        return None
    if before and value != before[0] and source == before[1]:
        raise InputRefused(
            Text(
                f"“{name.zh}”由 {told(before[0])} 改为 {told(value)}，来源却未改；请写明新的来源（改回随附数值时请清空来源）。",
                f"“{name.en}” went from {told(before[0])} to {told(value)} with the same source; say where the new number comes from (or empty the source with the shipped number).",
            ),
            field=at[1],
        )
    if len(source) < 4:
        raise InputRefused(
            Text(
                f"请写明“{name.zh}”改为 {told(value)} 的来源（至少 4 个字）。",
                f"Say where “{name.en}” of {told(value)} comes from (4 characters at least).",
            ),
            field=at[1],
        )
    return value, source


def _held(of: type[M], name: Text, field: str, **said: object) -> M:
    try:
        return of.model_validate(said)
    except ValidationError as fault:
        why = together(fault)
        raise InputRefused(Text(f"{name.zh}：{why.zh}", f"{name.en}: {why.en}"), field=field) from fault


def days_typed(days: Iterable[int]) -> str:
    """Days of reminding as they stand in a field."""
    return ", ".join(map(str, days))


def _days(which: Reminded, typed: Mapping[str, str], name: Text) -> tuple[int, ...] | None:
    said = _BETWEEN.sub(" ", typed.get(f"reminders.{which}", "")).split()
    if not said:
        return None
    if len(said) > _MOST_DAYS or not all(_is_whole(each) for each in said):
        raise InputRefused(
            Text(
                f"“{name.zh}”须为不带符号的整数，以逗号分隔，如 60, 30, 7, 1。",
                f"“{name.en}” must be whole numbers without a sign, with commas between them, such as 60, 30, 7, 1.",
            ),
            field=f"reminders.{which}",
        )
    return tuple(map(int, said))


def _whole(key: str, typed: Mapping[str, str], name: Text) -> int | None:
    said = typed.get(f"numbers.{key}", "").strip()
    if not said:
        return None
    if not _is_whole(said):
        raise InputRefused(
            Text(f"“{name.zh}”须为不带符号的整数。", f"“{name.en}” must be a whole number without a sign."),
            field=f"numbers.{key}",
        )
    return int(said)


def _is_whole(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) <= _LONGEST
