"""Pages of casework, described as values: a list, one record with its steps, a form. The templates in `cases/` draw them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.errors import status_of
from api.forms import tried
from api.house import House
from api.lookups import person_names
from api.versions import unsaid
from api.web import go, page, page_number
from auth.casework.book import Command
from auth.casework.tables import CaseEventRow
from core.errors import AppError
from core.text import Text
from core.work import Work

PER_PAGE: Final = 25
_NOTHING: Final = Text("没有记录", "Nothing here yet")
Value = Text | str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One value in a table or among facts: a link when it has `href`, a badge when it has `badge`, code when `mono`."""

    value: Any
    href: str = ""
    badge: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form; `kind`, `options` and `digest` as in the component `ui.field`."""

    name: str
    label: Text
    kind: str = "text"
    required: bool = False
    options: Sequence[Any] = ()
    hint: Text | None = None
    value: Any = ""
    rows: int = 4
    full: bool = False
    across: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table on a record's page."""

    title: Text
    heads: Sequence[Text]
    rows: Sequence[Sequence[Cell]]
    empty: Text = _NOTHING
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class StepForm:
    """How a step is asked for: its fields, its question, and whether it is dangerous."""

    fields: Sequence[FormField] = ()
    confirm: Text | None = None
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """A button that leads elsewhere."""

    label: Text
    href: str
    primary: bool = False


@dataclass(frozen=True)
class Record:
    """One record's page. `downloads`: files that are made when asked for, and that this is remembered; `progress`: done, of how many."""

    title: Text
    lead: Text
    crumb: Text
    base: str
    id: str
    version: int
    badge: Cell
    facts: Sequence[tuple[Text, Cell]]
    steps: Mapping[Any, StepForm] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    actions: Sequence[Action] = ()
    notes: Sequence[tuple[str, Text]] = ()
    downloads: Sequence[Action] = ()
    progress: tuple[int, int] | None = None


NOTE: Final = FormField("note", Text("理由", "Reason"), "textarea", required=True, rows=2)


def offset(request: Request) -> int:
    return (page_number(request) - 1) * PER_PAGE


def list_page(
    request: Request,
    *,
    title: Text,
    lead: Text,
    heads: Sequence[Text],
    rows: Sequence[Sequence[Cell]],
    total: int,
    filters: Sequence[FormField] = (),
    actions: Sequence[Action] = (),
    empty: Text = _NOTHING,
    progress: tuple[int, int] | None = None,
) -> HTMLResponse:
    """A list with filters and paging; `progress`: done, of how many."""
    return page(
        request, "cases/list.html", title=title, lead=lead, heads=heads, rows=rows, total=total, filters=filters,
        actions=actions, empty=empty, progress=progress, number=page_number(request), pages=max(1, -(-total // PER_PAGE)),
    )  # fmt: skip


def form_page(
    request: Request,
    *,
    title: Text,
    lead: Text,
    crumb: tuple[Text, str],
    action: str,
    fields: Sequence[FormField],
    submit: Text,
    typed: Mapping[str, Any],
    refusal: AppError | None = None,
    confirm: Text | None = None,
    version: int | str | None = None,
) -> HTMLResponse:
    """A form that keeps what was typed. `confirm`: the question before a step that cannot be taken back; `version`: of the record that it changes."""
    return page(
        request, "cases/form.html", status=status_of(refusal) if refusal else 200, title=title, lead=lead, crumb=crumb,
        action=action, fields=fields, submit=submit, typed=typed, refusal=refusal, confirm=confirm, version=version,
    )  # fmt: skip


def record_page(
    request: Request,
    work: Work,
    record: Record,
    commands: Sequence[Command],
    events: Sequence[CaseEventRow],
    step_names: Mapping[Any, Text],
    *,
    refusal: AppError | None = None,
    typed: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """One record: facts, sections, the steps that are open to the reader, and its history."""
    names = person_names(work, {event.actor_name for event in events})
    told = [
        {
            "what": step_names.get(event.step, Text("登记", "Entered")),
            "at": event.at,
            "who": names.get(event.actor_name, Text(event.actor_name, event.actor_name)),
            "note": event.note or None,
        }
        for event in events
    ]
    return page(
        request, "cases/show.html", status=status_of(refusal) if refusal else 200, record=record,
        commands=[command for command in commands if command.step in record.steps], told=told, refusal=refusal,
        typed=typed or {},
    )  # fmt: skip


def typed_of(form: Mapping[str, Any], names: Sequence[str], step: str = "") -> dict[str, str]:
    """What was typed into these fields, trimmed; `step` says into which of the page's forms."""
    found = {name: str(form.get(name, "")).strip() for name in names}
    return found | {"step": step} if step else found


def words_of(text: str) -> list[str]:
    """The words of a field that takes several, apart by spaces, commas or lines."""
    return [each for each in re.split(r"[\s,，、;；]+", text) if each]


def acted(
    house: House, act: Callable[[Work], Any], place: str, again: Callable[[Work, AppError], HTMLResponse]
) -> Response:
    """Take a step and go to `place`; a refusal shows the record `again` with what was typed."""
    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return again(work, made)
    return go(place, Text("已办理。", "Done."))


def version_of(form: Mapping[str, Any]) -> int:
    """The version that the form was made from. Raises InputRefused when it does not say: nobody overwrites what he has not seen."""
    word = str(form.get("version", ""))
    if not (word.isdecimal() and len(word) < 10):
        raise unsaid()
    return int(word)
