"""The page that shows a batch's rows, types and suspicious cells, before it is judged and ever after."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep
from api.late import APIRouter
from api.reading_forms import WORDS
from api.web import page
from catalog import queries as catalog
from datasets.batches import preview, queries, service
from datasets.batches.preview import BatchPreview
from datasets.batches.workflow import STATE_NAMES, BatchStep
from datasets.intake.guesses import Guess

router = APIRouter(prefix="/batches", include_in_schema=True, tags=["pages"])
ROWS = 20


@router.get(
    "/{batch_id}/preview", response_class=HTMLResponse, **access("datasets:batch:read", personal="batch_id")
)
def preview_page(request: Request, house: HouseDep, actor: ActorDep, batch_id: str) -> HTMLResponse:
    """First and last rows, types, suspicious cells, what was detected, and the forms to say otherwise."""
    seen = preview.preview(house.read, house.files, actor, batch_id, ROWS)
    with house.read() as work:
        row = queries.batch(work, actor, batch_id)
        steps = {step for step, reasons in service.commands(work, actor, row) if not reasons}
        may_write = actor.may_in(catalog.WRITE, row.org_id)
    undeclared = sum(not column.declared for column in seen.columns)
    return page(
        request, "batches/preview.html", seen=seen, states=STATE_NAMES, options=row.options, marked=_marked(seen),
        may_accept=BatchStep.ACCEPT in steps, may_recheck=BatchStep.RECHECK in steps,
        may_adopt=may_write and undeclared > 0, undeclared=undeclared, sheets=sheets_of(seen.detection),
        visible=visible, **WORDS,
    )  # fmt: skip


def sheets_of(detection: list[Guess]) -> list[str]:
    """The sheets that there are to choose from, the one that was read first; none where there is only one."""
    found = next((guess for guess in detection if guess.aspect == "sheet"), None)
    if found is None or not found.alternatives:
        return []
    return [str(found.value), *(str(each.value) for each in found.alternatives)]


def _marked(seen: BatchPreview) -> set[tuple[int, int]]:
    """The shown cells that are suspicious, by record and place of the column."""
    places = {column.name: at for at, column in enumerate(seen.columns)}
    return {
        (each.row, places[each.column])
        for each in seen.suspicious
        if each.row is not None and each.column in places
    }


def visible(value: object) -> str:
    """A cell's text with invisible characters spelt out, and blanks at its ends made visible."""
    text = str(value)
    spelt = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )
    core = spelt.strip(" \u3000")
    if core == spelt:
        return spelt
    ahead = len(spelt) - len(spelt.lstrip(" \u3000"))
    return "␣" * ahead + core + "␣" * (len(spelt) - ahead - len(core))
