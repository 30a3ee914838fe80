"""CKAN's API for its clients: `/api/action/NAME` and `/api/3/action/NAME`, `/datastore/dump/ID`, and what browsers complete names with."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from api.access import access
from api.ckan import WRITES, hand_in, reads, resources_of
from api.ckan_rows import Dump, Rows, dataset_of, dump
from api.deps import ActorDep, HouseDep, LangDep
from api.late import APIRouter
from api.watching import Since, watch_of
from api.witnessed import note_damaged
from api.written import GuardedCopy
from auth.actor import ANYONE, Actor
from catalog.ckan.actions import Call
from catalog.ckan.errors import CkanError, denied, translated
from catalog.ckan.names import BY_GET, REFUSED
from catalog.ckan.values import loads
from core.errors import AppError
from core.files import Damaged
from core.text import Lang, Text
from core.work import Work

router = APIRouter(tags=["ckan"])
_CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$.]{0,99}", re.ASCII)
_MUNGED: Final = re.compile(r"[^a-z0-9_-]+")
_SHARED: Final = {
    "access-control-allow-origin": "*", "access-control-allow-methods": "POST, PUT, GET, DELETE, OPTIONS",
    "access-control-allow-headers": "X-CKAN-API-KEY, Authorization, Content-Type",
}  # fmt: skip
BAD_KEY: Final = Text(
    "所用的 API 密钥或令牌无效、已过期或已被撤销；请在 /me 另建一个。",
    "the API key or token that was sent is not valid, has expired or was revoked; make another at /me.",
)
_UPLOADS: Final = frozenset({"resource_create", "resource_update", "resource_patch"})
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
@router.head("/api/action/{action}", response_class=Response, **access("public"))
@router.head("/api/3/action/{action}", response_class=Response, **access("public"))
async def read_action(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, action: str
) -> Response:
    """A read action by query string; a repeated key is a list. `callback` asks for JSONP, as a visitor."""
    params = _many(request.query_params.multi_items())
    callback = params.pop("callback", None)
    if callback is not None and (not isinstance(callback, str) or not _CALLBACK.fullmatch(callback)):
        return _bare("Bad request - callback must be the name of a function")
    who = ANYONE if callback else actor
    answer = await run_in_threadpool(_answer, request, house, who, lang, action, params)
    return _wrapped(callback, answer) if callback else _owning_up(request, answer)


@router.post("/api/action/{action}", response_class=Response, **access("public"))
@router.post("/api/3/action/{action}", response_class=Response, **access("public"))
async def call_action(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, action: str
) -> Response:
    """An action with a JSON object or a form. What may not be done here is refused in CKAN's own form, with the way to do it."""
    try:
        params = await _params(request)
    except BadRequest as refused:
        return _bare(str(refused))
    params.pop("callback", None)
    try:
        answer = await run_in_threadpool(_answer, request, house, actor, lang, action, params)
    finally:
        await request.close()  # what was uploaded lies in temporary files
    return _owning_up(request, answer)


@router.options("/api/action/{action}", response_class=Response, **access("public"))
@router.options("/api/3/action/{action}", response_class=Response, **access("public"))
def before_action(action: str) -> Response:  # noqa: ARG001 - any
    """What a page of another site may send."""
    return Response(b"", 200, headers=_SHARED | {"allow": "GET, HEAD, POST, OPTIONS"})


@router.get("/datastore/dump/{resource_id}", response_class=Response, **access("public"))
def dump_table(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, resource_id: str
) -> Response:
    """A whole table, or what filters leave of it: `format` csv, tsv, json or xml, `bom`, `limit`, `offset`, `fields`, `filters`, `q`, `sort`."""
    params = _many(request.query_params.multi_items()) | {"resource_id": resource_id}
    site = house.settings.public_url.rstrip("/")
    since = watch_of(house).since_now()
    try:
        with house.read() as work:
            call = Call(work, actor, params, site, resources_of(site), dataset_of)
        made = dump(house, call)
    except CkanError as refused:
        status = 400 if "format" in refused.fields else refused.status
        return _owning_up(
            request, _again(refused, _json({"success": False, "error": refused.as_json()}, status))
        )
    except AppError as refused:
        said = _in_ckan(request, refused, lang)
        return _owning_up(request, _json({"success": False, "error": said.as_json()}, said.status))
    return _owning_up(request, _sent(made, since))


def _in_ckan(request: Request, refused: AppError, lang: Lang) -> CkanError:
    if isinstance(refused, Damaged):
        note_damaged(request, refused)
    return translated(refused, lang)


def _sent(made: Dump, since: Since) -> Response:
    """The file; of a granted table the right is asked while it flows, and what left is counted."""
    headers = {"content-disposition": made.disposition, "content-type": made.media_type, **_SHARED}
    if made.granted is None:
        return GuardedCopy(made.path, headers=headers)
    view = made.granted

    def on_end(size_bytes: int, was_cut: bool) -> None:  # noqa: ARG001 - the count tells it
        if size_bytes:
            view.sent(size_bytes)

    return GuardedCopy(made.path, headers=headers, may_go_on=view.may_flow, on_end=on_end, since=since)


# -- completing names while somebody types

_UTIL: Final = {
    "dataset": ("package_autocomplete", "q"), "package": ("package_autocomplete", "q"), "tag": ("tag_autocomplete", "query"),
    "group": ("group_autocomplete", "q"), "organization": ("organization_autocomplete", "q"), "user": ("user_autocomplete", "q"),
    "format": ("format_autocomplete", "q"),
}  # fmt: skip


@router.get("/api/util/{kind}/autocomplete", response_class=Response, **access("public"))
@router.get("/api/2/util/{kind}/autocomplete", response_class=Response, **access("public"))
def complete(request: Request, house: HouseDep, lang: LangDep, kind: str) -> Response:
    """Names that begin or go on so (`incomplete`, or `q`), as CKAN's pages ask for them; as everybody sees them."""
    if kind not in _UTIL:
        return _bare("Bad request - nothing of that kind is completed", 404)
    return _completed(request, house, lang, kind)


@router.get("/api/util/resource/format_autocomplete", response_class=Response, **access("public"))
@router.get("/api/2/util/resource/format_autocomplete", response_class=Response, **access("public"))
def complete_format(request: Request, house: HouseDep, lang: LangDep) -> Response:
    """Formats that begin so."""
    return _completed(request, house, lang, "format")


def _completed(request: Request, house: HouseDep, lang: Lang, kind: str) -> Response:
    action, key = _UTIL[kind]
    said = request.query_params.get("incomplete") or request.query_params.get("q") or ""
    params = {key: said, **({"limit": limit} if (limit := request.query_params.get("limit")) else {})}
    if not said and kind in ("dataset", "package"):
        return _json({"ResultSet": {"Result": []}}, 200)
    answer = _answer(request, house, ANYONE, lang, action, params)
    found = json.loads(bytes(answer.body))
    if answer.status_code != 200:
        return answer
    result = found["result"]
    if kind in ("tag", "format"):
        result = [{"Name" if kind == "tag" else "Format": each} for each in result]
    shown = result if kind in ("group", "organization", "user") else {"ResultSet": {"Result": result}}
    return _json(shown, 200)


@router.get("/api/util/{kind}/munge_name", response_class=Response, **access("public"))
@router.get("/api/2/util/{kind}/munge_name", response_class=Response, **access("public"))
@router.get("/api/util/{kind}/munge_title_to_name", response_class=Response, **access("public"))
@router.get("/api/2/util/{kind}/munge_title_to_name", response_class=Response, **access("public"))
def munge(request: Request, kind: str) -> Response:  # noqa: ARG001 - the same for each
    """A name that CKAN would take, made from a title."""
    said = request.query_params.get("name") or request.query_params.get("title") or ""
    return _json(_MUNGED.sub("-", said.lower()).strip("-")[:100] or "_", 200)


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
    files: dict[str, Any] = {key: value for key, value in form.multi_items() if isinstance(value, UploadFile)}
    if not files and len(fields) == 1 and fields[0][1] in ("", "1") and fields[0][0].startswith("{"):
        try:
            given = loads(fields[0][0])
        except ValueError:
            raise BadRequest("Bad request - JSON Error: Error decoding JSON data.") from None
        return given if isinstance(given, dict) else {}
    return _many(fields) | files


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
    known = reads(house)
    is_get = request.method in ("GET", "HEAD")
    try:
        if action in WRITES or (action in REFUSED and action not in BY_GET):
            if is_get:
                return _bare("Bad request - Function not available by GET; use POST")
        elif action not in known and action not in REFUSED:
            return _bare(f"Bad request - Action name not known: {action}")
        if action in REFUSED:
            raise denied(REFUSED[action])
        rows: Rows | None = None
        notes: list[str] = []
        changed: list[str] = []

        def call_with(work: Work) -> Call:
            return Call(
                work, actor, params, site, resources_of(site), dataset_of, notes, changed, takes_json=True
            )

        if isinstance(upload := params.get("upload"), UploadFile) and action in _UPLOADS:
            result = hand_in(house, call_with, upload)
            notes.append(
                "the file is a batch for the quality gate: a release comes of it once it has passed and a second person published it"
            )
        else:
            opened = house.write if action in WRITES else house.read
            with opened() as work:
                result = (WRITES.get(action) or known[action])(call_with(work))
            if isinstance(result, Rows):
                if result.look and request.method == "HEAD":
                    result.look()
                    return Response(status_code=200, media_type="application/json")
                rows, result = result, result()
        more = {"changed_entities": {"packages": list(dict.fromkeys(changed))}} if changed else {}
        said = {"notes": list(dict.fromkeys(notes))} if notes else {}
        answer = _json(envelope | {"success": True, "result": result} | more | said, 200)
        for told in rows.sent if rows else ():
            told(len(answer.body))
        return answer
    except CkanError as refused:
        if (
            refused.kind == "Authorization Error"
            and action not in REFUSED
            and getattr(request.state, "is_bad_token", False)
        ):
            refused = denied(BAD_KEY)
        return _again(
            refused, _json(envelope | {"success": False, "error": refused.as_json()}, refused.status)
        )
    except AppError as refused:
        refusal = _in_ckan(request, refused, lang)
        return _json(envelope | {"success": False, "error": refusal.as_json()}, refusal.status)


def _json(content: Any, status: int) -> Response:  # noqa: ANN401 - JSON
    try:
        body = orjson.dumps(content)
    except TypeError:  # a whole number of more than 64 bits, as an import may hold
        body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    return Response(
        body,
        status,
        headers={"content-type": "application/json;charset=utf-8", **_SHARED},
    )


def _again(refused: CkanError, answer: Response) -> Response:
    if refused.retry_after_s:
        answer.headers["Retry-After"] = str(refused.retry_after_s)
    return answer


def _bare(said: str, status: int = 400) -> Response:
    return _json(said, status)


def _wrapped(callback: str, answer: Response) -> Response:
    """JSONP: the answer as a call of a function of the page that asks."""
    body = f"/**/{callback}({bytes(answer.body).decode()});"
    return Response(
        body, answer.status_code, headers={"content-type": "application/javascript;charset=utf-8", **_SHARED}
    )
