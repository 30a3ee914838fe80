"""Delta Sharing over grants: the routes that its clients call, in the protocol's own shapes.

A failure that can be foreseen is answered with 4xx, for clients try 5xx again for minutes; 429 says that the view is being
made, and makes them ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, language
from api.errors import status_of
from api.house import House
from api.late import APIRouter, LateRoute
from api.sharing import Address, address
from api.witnessed import note_refusal, noted
from auth.actor import Actor
from auth.grants import queries as grant_queries
from core import errors as e
from core.text import Text
from core.work import Work
from datasets.sharing import protocol, rules, shares
from datasets.sharing.profiles import PATH
from datasets.sharing.protocol import File
from datasets.sharing.rules import Version
from datasets.sharing.service import versions
from datasets.sharing.shares import Shared

LINES: Final = "application/x-ndjson; charset=utf-8"
VERSION: Final = "Delta-Table-Version"
CAPABILITIES: Final = "delta-sharing-capabilities"
IDS: Final = "fileidhash"
_CODES: Final = {400: "INVALID_PARAMETER_VALUE", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST",
                 409: "UNSUPPORTED_OPERATION", 429: "RESOURCE_EXHAUSTED"}  # fmt: skip


class DeltaRoute(LateRoute):
    """Turns our errors into the protocol's: `{errorCode, message}`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as fault:
                said = "; ".join(
                    f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors()
                )
                return _fault(400, said)
            except e.AppError as fault:
                if isinstance(fault, e.AccessRefused):
                    await run_in_threadpool(note_refusal, request, fault)
                return _fault(
                    _status(fault), _said(request, fault), [reason.code for reason in fault.reasons]
                )

        return answer


def _status(fault: e.AppError) -> int:
    """4xx for whatever can be foreseen: input 400, an object gone 404."""
    if isinstance(fault, e.InputRefused):
        return 400
    status = status_of(fault)
    return 404 if status == 410 else status if status in _CODES else 400


def _said(request: Request, fault: e.AppError) -> str:
    lang = language(request)
    reasons = "; ".join(reason.text.in_(lang) for reason in fault.reasons)
    detail = fault.detail.in_(lang)
    return f"{detail} {reasons}".strip() if reasons and reasons != detail else detail


def _fault(status: int, said: str, reasons: list[str] | None = None) -> Response:
    headers = (
        {"Retry-After": "2"} if status == 429 else {"WWW-Authenticate": "Bearer"} if status == 401 else None
    )
    body = {"errorCode": _CODES.get(status, "INTERNAL_ERROR"), "message": said}
    return JSONResponse(body | ({"reasons": reasons} if reasons else {}), status, headers)


router = APIRouter(prefix=PATH, tags=["delta-sharing"], route_class=DeltaRoute)
GUARD: Final = access("datasets:share:read")
Most = Annotated[int | None, Query(alias="maxResults", ge=0, le=2**31)]
Token = Annotated[str | None, Query(alias="pageToken", max_length=600)]
Number = Annotated[int | None, Query(ge=0, le=2**53)]


def _list(items: list[tuple[str, dict[str, Any]]], most: int | None, token: str | None) -> dict[str, Any]:
    page, following = rules.page_of(list(dict(items).items()), most, token)
    return {"items": page} | ({"nextPageToken": following} if following else {})


def _table(each: Shared) -> dict[str, Any]:
    return {"name": each.table, "schema": each.schema, "share": each.share, "id": each.grant_id}


@router.get("/shares", **GUARD)
def list_shares(work: ReadDep, actor: ActorDep, most: Most = None, token: Token = None) -> dict[str, Any]:
    """The scenarios of which the caller may read something."""
    held = shares.tables(work, actor)
    return _list([(each.share, {"name": each.share, "id": each.share}) for each in held], most, token)


@router.get("/shares/{share}", **GUARD)
def show_share(work: ReadDep, actor: ActorDep, share: str) -> dict[str, Any]:
    """One share."""
    found = shares.in_share(shares.tables(work, actor), share)[0]
    return {"share": {"name": found.share, "id": found.share}}


@router.get("/shares/{share}/schemas", **GUARD)
def list_schemas(
    work: ReadDep, actor: ActorDep, share: str, most: Most = None, token: Token = None
) -> dict[str, Any]:
    """The themes of a share."""
    held = shares.in_share(shares.tables(work, actor), share)
    return _list([(each.schema, {"name": each.schema, "share": each.share}) for each in held], most, token)


@router.get("/shares/{share}/schemas/{schema}/tables", **GUARD)
def list_tables(
    work: ReadDep, actor: ActorDep, share: str, schema: str, most: Most = None, token: Token = None
) -> dict[str, Any]:
    """The tables of a schema."""
    held = shares.in_schema(shares.tables(work, actor), share, schema)
    return _list([(each.table, _table(each)) for each in held], most, token)


@router.get("/shares/{share}/all-tables", **GUARD)
def list_all_tables(
    work: ReadDep, actor: ActorDep, share: str, most: Most = None, token: Token = None
) -> dict[str, Any]:
    """The tables of a share."""
    held = shares.in_share(shares.tables(work, actor), share)
    return _list([(f"{each.schema}.{each.table}", _table(each)) for each in held], most, token)


def _found(work: Work, actor: Actor, share: str, schema: str, table: str) -> tuple[Shared, list[Version]]:
    found = shares.the_table(shares.tables(work, actor), share, schema, table)
    pinned = grant_queries.view(work, found.grant_id).policy.pinned_release
    there = versions(work, found.dataset_id, pinned)
    if not there:
        raise e.NotFound(Text("该数据集没有可读取的版本。", "The dataset has no version that may be read."))
    return found, there


def _moment(words: str | None) -> datetime | None:
    if not words:
        return None
    try:
        moment = datetime.fromisoformat(words.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise e.InputRefused(
            Text(
                f"时间“{words[:40]}”应为带时区的 ISO 8601。",
                f"The time “{words[:40]}” must be ISO 8601 with its zone, such as 2026-01-01T00:00:00Z.",
            )
        )
    return moment


@router.head("/shares/{share}/schemas/{schema}/tables/{table}", **GUARD, response_class=Response)
def old_version(work: ReadDep, actor: ActorDep, share: str, schema: str, table: str) -> Response:
    """The newest version, as old clients ask for it."""
    _, there = _found(work, actor, share, schema, table)
    return Response(headers={VERSION: str(there[-1].number)})


@router.get("/shares/{share}/schemas/{schema}/tables/{table}/version", **GUARD, response_class=Response)
def version(
    work: ReadDep,
    actor: ActorDep,
    share: str,
    schema: str,
    table: str,
    start: Annotated[str | None, Query(alias="startingTimestamp", max_length=60)] = None,
) -> Response:
    """The newest version, or the first one published at a time or after it."""
    _, there = _found(work, actor, share, schema, table)
    return Response(headers={VERSION: str(rules.version_from(there, _moment(start)).number)})


@router.get("/shares/{share}/schemas/{schema}/tables/{table}/metadata", **GUARD, response_class=Response)
def metadata(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    share: str,
    schema: str,
    table: str,
    number: Annotated[int | None, Query(alias="version", ge=0, le=2**53)] = None,
    timestamp: Annotated[str | None, Query(max_length=60)] = None,
) -> Response:
    """Protocol and schema of a version."""
    with house.read() as work:
        found, there = _found(work, actor, share, schema, table)
    chosen = rules.version_at(there, number, _moment(timestamp))
    return _lines(request, found, chosen, _view(request, house, actor, found, chosen), [])


class QueryBody(BaseModel):
    """What a client asks of a table. Hints may be left aside: the client filters and limits by itself."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    predicateHints: list[str] | None = Field(default=None, max_length=1000)
    jsonPredicateHints: str | None = Field(default=None, max_length=100_000)
    limitHint: int | None = Field(default=None, ge=0)
    version: int | None = Field(default=None, ge=0, le=2**53)
    timestamp: str | None = Field(default=None, max_length=60)
    startingVersion: int | None = Field(default=None, ge=0, le=2**53)
    endingVersion: int | None = Field(default=None, ge=0, le=2**53)
    includeRefreshToken: bool | None = None
    refreshToken: str | None = Field(default=None, max_length=100)
    pageToken: str | None = Field(default=None, max_length=600)


@router.post("/shares/{share}/schemas/{schema}/tables/{table}/query", **GUARD, response_class=Response)
def query(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    share: str,
    schema: str,
    table: str,
    body: QueryBody,
) -> Response:
    """The file of a version: the grant's own view, so masks and row filter hold whatever the client does with it."""
    _no_page(body.pageToken)
    with house.read() as work:
        found, there = _found(work, actor, share, schema, table)
    if body.startingVersion is not None:
        if body.version is not None or body.timestamp:
            raise e.InputRefused(
                Text("startingVersion 不能与 version 同用。", "startingVersion does not go with version.")
            )
        return _changes(
            request, house, actor, found, there, (body.startingVersion, None, body.endingVersion, None)
        )
    chosen = _snapshot(there, body)
    at = _view(request, house, actor, found, chosen)
    token = protocol.token_of(chosen) if body.includeRefreshToken else ""
    return _lines(
        request, found, chosen, at, [File("file", at.view, chosen, at.url, at.expires_at)], token=token
    )


def _snapshot(there: list[Version], body: QueryBody) -> Version:
    """The version to read: the one a refresh token names, so that a long read goes on with the files it began with."""
    if not body.refreshToken:
        return rules.version_at(there, body.version, _moment(body.timestamp))
    if body.version is not None or body.timestamp:
        raise e.InputRefused(
            Text(
                "refreshToken 不能与 version 或 timestamp 同用。",
                "refreshToken does not go with version or timestamp.",
            )
        )
    return rules.version_at(there, protocol.version_of(body.refreshToken), None)


def _no_page(token: str | None) -> None:
    if token:
        raise e.InputRefused(
            Text("这里的应答只有一页，没有 pageToken。", "Answers here have one page: there is no pageToken.")
        )


@router.get("/shares/{share}/schemas/{schema}/tables/{table}/changes", **GUARD, response_class=Response)
def changes(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    share: str,
    schema: str,
    table: str,
    start: Annotated[int | None, Query(alias="startingVersion", ge=0, le=2**53)] = None,
    start_at: Annotated[str | None, Query(alias="startingTimestamp", max_length=60)] = None,
    end: Annotated[int | None, Query(alias="endingVersion", ge=0, le=2**53)] = None,
    end_at: Annotated[str | None, Query(alias="endingTimestamp", max_length=60)] = None,
    token: Token = None,
) -> Response:
    """What changed between releases: each replaces the one before it whole."""
    _no_page(token)
    with house.read() as work:
        found, there = _found(work, actor, share, schema, table)
    return _changes(request, house, actor, found, there, (start, _moment(start_at), end, _moment(end_at)))


Span = tuple[int | None, datetime | None, int | None, datetime | None]


def _changes(
    request: Request, house: House, actor: Actor, found: Shared, there: list[Version], span: Span
) -> Response:
    before, chosen = rules.changes_between(there, *span)
    wanted = [*([before] if before else []), *chosen]
    held = {each.number: _view(request, house, actor, found, each) for each in wanted}
    files, former = [], before
    for each in chosen:
        if former is not None:
            gone = held[former.number]
            files.append(File("remove", gone.view, each, gone.url, gone.expires_at))
        at = held[each.number]
        files.append(File("add", at.view, each, at.url, at.expires_at))
        former = each
    return _lines(request, found, chosen[0], held[chosen[-1].number], files, last=chosen[-1])


def _view(request: Request, house: House, actor: Actor, found: Shared, chosen: Version) -> Address:
    noted(request)  # `address` writes refusals down itself
    return address(house, actor, found.grant_id, "", chosen.release_id)


def _lines(
    request: Request,
    found: Shared,
    version: Version,
    at: Address,
    files: list[File],
    last: Version | None = None,
    token: str = "",
) -> Response:
    able, scheme = (
        protocol.capabilities(request.headers.get(CAPABILITIES, "")),
        protocol.id_scheme(request.headers.get(IDS, "")),
    )
    form, ends = protocol.form_of(able), bool(files) and able.get("includeendstreamaction") == "true"
    end = protocol.end_of_stream(files, token) if ends or token else None
    body = protocol.lines(form, found.title.in_(language(request)), at.view, version, files, end)
    told = f"responseformat={form}" + (";includeendstreamaction=true" if ends else "")
    headers = {VERSION: str((last or version).number), CAPABILITIES: told} | ({IDS: scheme} if scheme else {})
    return Response(body, headers=headers, media_type=LINES)
