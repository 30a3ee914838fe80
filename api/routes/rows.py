"""The data API: a grant's view page by page, for programs that want rows and no files."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from api.access import access
from api.deps import ActorDep, HouseDep
from api.gives import gives
from api.house import House
from api.late import APIRouter
from api.sharing import refused, wanted
from api.watching import watch_of
from api.witnessed import noted
from api.written import GuardedBody
from auth.actor import Actor
from auth.policy.filters.model import RowFilter, parse_json
from core.errors import AccessRefused, InputRefused
from core.ids import GrantId
from core.text import Text
from datasets.releases.whole import whole_lately
from datasets.sharing import rows, service
from datasets.sharing.rows import MEDIA, MOST_ROWS, PageFormat, Question
from datasets.sharing.rules import ViewState
from datasets.sharing.tables import ViewRow

router = APIRouter(prefix="/api/v1/grants/{grant_id}", tags=["sharing"])


@router.get("/rows", **access("datasets:share:read"), **gives(*MEDIA.values()))
def read_rows(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    grant_id: GrantId,
    fields: Annotated[str, Query(max_length=20_000, description="Columns, comma between; empty: all")] = "",
    condition: Annotated[
        str,
        Query(
            alias="filter",
            max_length=20_000,
            description='JSON, e.g. {"op":"gt","column":"rooms","value":10}',
        ),
    ] = "",
    release: Annotated[str, Query(max_length=80, description="Release id; empty: the current one")] = "",
    purpose: Annotated[str, Query(max_length=80)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    after: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    form: Annotated[PageFormat, Query(alias="format")] = PageFormat.JSON,
) -> Response:
    """Rows of the grant's view in its order. 429 while the view is made; the day's first reading is charged as the whole view.

    A page may hold fewer rows than `limit` and still have a next one: a request looks at two million rows at most.
    """
    noted(request)
    since = watch_of(house).since_now()
    view = wanted(house, actor, grant_id, purpose, release or None)
    if view.state != ViewState.READY:
        with house.read() as work:
            raise service.being_made(work, view)
    file = whole_lately(house.files, view.sha256 or "")
    question, at = _begun(house, actor, grant_id, view, fields, _filter(condition), purpose, after)
    page = rows.page_of(file, question, at, limit)
    cursor = question.cursor(view.id, page.next_at) if page.next_at is not None else None
    body = rows.body_of(page, form, cursor, view.release_number)
    _still(house, actor, grant_id, purpose, view)
    headers = {"X-Release": str(view.release_number)}
    if cursor is not None:
        kept = [
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in ("after", "release")
        ]
        told = urlencode([*kept, ("release", view.release_id), ("after", cursor)])
        headers |= {"X-Next": cursor, "Link": f'<{request.url.path}?{told}>; rel="next"'}

    def may_go_on() -> bool:
        with house.read() as work:
            return service.may_still(work, actor, grant_id, purpose, view)

    def on_end(size_bytes: int, was_cut: bool) -> None:  # noqa: ARG001 - the count tells it
        if size_bytes:
            with house.write() as work:
                service.note_sent(work, view, size_bytes, actor)

    return GuardedBody(
        body, media_type=MEDIA[form], headers=headers, may_go_on=may_go_on, on_end=on_end, since=since
    )


def _still(house: House, actor: Actor, grant_id: GrantId, purpose: str, view: ViewRow) -> None:
    """Ask again once the page is made, for that may take seconds. A refusal lists every reason and is written down."""
    try:
        with house.read() as work:
            service.demand_same(work, service.reading(work, actor, grant_id, purpose), view)
    except AccessRefused as refusal:
        with house.read() as work:
            who = service.reading(work, actor, grant_id, purpose)
        refused(house, who, refusal)
        raise


def _begun(
    house: House, actor: Actor, grant_id: GrantId, view: ViewRow, fields: str, row_filter: RowFilter | None, purpose: str,
    after: str,
) -> tuple[Question, int]:  # fmt: skip
    """Decide on columns and filter, and charge the day's first reading, in one transaction. A refusal is written down."""
    with house.read() as work:
        who = service.reading(work, actor, grant_id, purpose)
    try:
        with house.write() as work:
            who = service.reading(work, actor, grant_id, purpose)
            names = [name.strip() for name in fields.split(",") if name.strip()]
            columns = service.demand_columns(work, who, view.release_id, names, row_filter)
            rows.demand_filterable(who, row_filter)
            question = Question(columns, row_filter)
            at = question.place(view.id, after)
            service.begin(work, who, view)
            return question, at
    except AccessRefused as refusal:
        refused(house, who, refusal)
        raise


def _filter(text: str) -> RowFilter | None:
    if not text:
        return None
    try:
        return parse_json(text)
    except (ValueError, json.JSONDecodeError) as fault:
        said = str(fault).splitlines()[0][:200]
        raise InputRefused(
            Text(f"filter 不是可用的条件：{said}。", f"filter is no condition: {said}.")
        ) from None
