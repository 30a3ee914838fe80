"""Template opinions on the forms of screening, review and decision: what may be chosen, and its text put into the note."""

from __future__ import annotations

from fastapi import Request
from starlette.datastructures import FormData

from api.deps import language
from auth.applications.steps import local_day
from auth.profile.now import profile
from auth.profile.opinions import Opinion, Stage, filled, of_stage
from core.text import Text
from core.work import Work


def opinions_of(work: Work, stage: Stage) -> tuple[Opinion, ...]:
    """What may be inserted at that stage today."""
    return of_stage(profile(work).opinions, stage, local_day(work.now))


def opinion_options(work: Work, stage: Stage) -> list[tuple[str, Text]]:
    """The same as options of a field."""
    return [(each.key, each.name) for each in opinions_of(work, stage)]


def with_opinion(
    request: Request, work: Work, form: FormData, stage: Stage, *, ending: str = "", code: str = ""
) -> FormData:
    """The form with the chosen template's text in its note; nothing that was typed is lost.

    `ending`: of the fields' names, where a form has several; `code`: the field of the reason for refusing, set where it is still empty.
    """
    chosen = next(
        (each for each in opinions_of(work, stage) if each.key == form.get(f"opinion{ending}")), None
    )
    if chosen is None:
        return form
    note, used = f"note{ending}", f"used{ending}"
    added = {note: filled(str(form.get(note, "")), chosen.text.in_(language(request))), used: chosen.key}
    if chosen.reason_code and code and not form.get(code):
        added[code] = chosen.reason_code
    kept = [(name, value) for name, value in form.multi_items() if name not in added]
    return FormData([*kept, *added.items()])
