"""CKAN's Action API for its clients: `/api/action/NAME` and `/api/3/action/NAME`, reading only."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from api.access import access
from api.ckan import POLICY, Rows, actions, dataset_of, resources_for
from api.deps import ActorDep, HouseDep, LangDep
from auth.actor import Actor
from catalog.ckan.actions import Call
from catalog.ckan.errors import CkanError, translated
from catalog.ckan.listings import WRITES
from catalog.ckan.values import loads
from core.errors import AppError
from core.text import Lang

router = APIRouter(tags=["ckan"])
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class BadRequest(Exception):
    """What CKAN answers outside its envelope: 400 with a bare JSON string."""


@router.get("/api", include_in_schema=True, **access("public"))
def first_version() -> dict[str, int]:
    """The API's first version, as CKAN says it."""
    return {"version": 1}


@router.get("/api/3", include_in_schema=True, **access("public"))
def third_version() -> dict[str, int]:
    """The API's third version, as CKAN says it."""
    return {"version": 3}


@router.get("/api/action/{action}", response_class=Response, **access("public"))
@router.get("/api/3/action/{action}", response_class=Response, **access("public"))
async def read_action(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, action: str
) -> Response:
    """A read action by query string; a repeated key is a list."""
    params = _many(request.query_params.multi_items())
    return _owning_up(request, await run_in_threadpool(_answer, request, house, actor, lang, action, params))


@router.post("/api/action/{action}", response_class=Response, **access("public"))
@router.post("/api/3/action/{action}", response_class=Response, **access("public"))
async def call_action(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, action: str
) -> Response:
    """An action with a JSON object or a form; writing is refused by policy."""
    try:
        params = await _params(request)
    except BadRequest as refused:
        return _bare(str(refused))
    answer = await run_in_threadpool(_answer, request, house, actor, lang, action, params)
    return _owning_up(request, answer)


def _owning_up(request: Request, answer: Response) -> Response:
    """Clients expect to read on with a token that does not count; the answer says that it did not."""
    if getattr(request.state, "is_bad_token", False):
        answer.headers["X-Datagrant-Token"] = "refused; read as a visitor"
    return answer


async def _params(request: Request) -> dict[str, Any]:
    query = _many(request.query_params.multi_items())
    kind = request.headers.get("content-type", "").split(";")[0]
    if kind in _FORMS:
        return query | _form(await request.form())
    body = await request.body()
    if not body.strip():
        return query
    try:
        given = loads(body)
    except ValueError as error:
        raise BadRequest(f"Bad request - JSON Error: Error decoding JSON data. {error}") from None
    if not isinstance(given, dict):
        raise BadRequest(
            "Bad request - JSON Error: Request data JSON decoded to a value that is not a dictionary"
        )
    return given | query


def _form(form: FormData) -> dict[str, Any]:
    fields = [(key, value) for key, value in form.multi_items() if isinstance(value, str)]
    if len(fields) == 1 and fields[0][1] in ("", "1") and fields[0][0].startswith("{"):
        try:
            given = loads(fields[0][0])
        except ValueError:
            raise BadRequest("Bad request - JSON Error: Error decoding JSON data.") from None
        return given if isinstance(given, dict) else {}
    return _many(fields)


def _many(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            former = found[key]
            found[key] = [*former, value] if isinstance(former, list) else [former, value]
        else:
            found[key] = value
    return found


def _answer(
    request: Request, house: HouseDep, actor: Actor, lang: Lang, action: str, params: dict[str, Any]
) -> Response:
    site = house.settings.public_url.rstrip("/")
    envelope: dict[str, Any] = {"help": f"{site}/api/3/action/help_show?name={action}"}
    known = actions(house)
    params.pop("callback", None)
    try:
        if action not in known:
            if not WRITES.fullmatch(action):
                return _bare(f"Bad request - Action name not known: {action}")
            if request.method == "GET":
                return _bare("Bad request - Function not available by GET; use POST")
            raise CkanError("Authorization Error", POLICY)
        with house.read() as work:
            result = known[action](Call(work, actor, params, site, resources_for(site), dataset_of))
        return _json(
            envelope | {"success": True, "result": result() if isinstance(result, Rows) else result}, 200
        )
    except CkanError as refused:
        return _json(envelope | {"success": False, "error": refused.as_json()}, refused.status)
    except AppError as refused:
        said = translated(refused, lang)
        return _json(envelope | {"success": False, "error": said.as_json()}, said.status)


def _json(content: Any, status: int) -> Response:  # noqa: ANN401 - JSON
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    return Response(
        body,
        status,
        headers={"content-type": "application/json;charset=utf-8", "access-control-allow-origin": "*"},
    )


def _bare(said: str) -> Response:
    return _json(said, 400)
