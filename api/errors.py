"""Errors to answers, once: RFC 9457 problem documents for programs, a page for people."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api import asking
from api.delivery import DeliveryStopped
from api.deps import current_actor, language
from api.replay import Replayed, on_replayed
from api.witnessed import NOTED
from core import errors as e
from core.faults import together
from core.text import Text

_log: Final = logging.getLogger("datagrant.api")
SAFE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

STATUS: Final[dict[type[e.AppError], int]] = {
    e.InputRefused: 422,
    e.NotSignedIn: 401,
    e.AccessRefused: 403,
    e.Gone: 410,
    e.NotFound: 404,
    e.Stale: 412,
    e.Conflict: 409,
    e.QuotaExceeded: 409,
    e.TooMany: 429,
    e.Unavailable: 503,
    e.AppError: 500,
}

_BY_STATUS: Final[dict[int, Text]] = {
    404: Text(
        "没有这个地址；请检查链接或从导航进入。",
        "There is no such address; check the link or use the navigation.",
    ),
    413: Text(
        "请求内容过大；文件请用上传接口提交。",
        "The body is too large; hand files in through the upload routes.",
    ),
    405: Text("此地址不接受这种请求方法。", "This address does not take that method."),
}


def status_of(exc: e.AppError) -> int:
    """The status of an error kind; kinds inherit it from their parent."""
    return next(STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS)


def wants_page(request: Request) -> bool:
    """Whether a person with a browser asked (and not a program)."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def problem(request: Request, exc: e.AppError, status: int | None = None) -> dict[str, Any]:
    """The problem document of an error, in the reader's language."""
    lang = language(request)
    body: dict[str, Any] = {
        **exc.facts,
        "type": f"/problems/{exc.slug}",
        "title": exc.title.in_(lang),
        "status": status or status_of(exc),
        "detail": exc.detail.in_(lang),
        "instance": request.url.path,
    }
    if exc.reasons:
        body["reasons"] = [reason.as_json(lang) for reason in exc.reasons]
    return body


def _answer(request: Request, exc: e.AppError, status: int | None = None) -> Response:
    body = problem(request, exc, status)
    if not wants_page(request):
        headers = {"WWW-Authenticate": "Bearer"} if body["status"] == 401 else None
        return JSONResponse(body, body["status"], headers, media_type="application/problem+json")
    from api.web import page  # the page needs the templates; programs do not

    if not hasattr(request.state, "actor"):  # no route matched, so nobody has been asked yet
        with suppress(Exception):  # the error page must not fail over who reads it
            current_actor(request)
    if isinstance(exc, e.NotSignedIn) and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        from urllib.parse import quote

        return RedirectResponse(f"/sign-in?next={quote(target)}", 303)
    typed = getattr(request.state, "typed", None)
    if isinstance(exc, e.SecondFactorNeeded) and typed is not None:
        kept = [(key, value) for key, value in typed if key not in ("otp", "csrf")]
        return page(
            request, "second_factor/ask.html", status=body["status"], said=exc.detail, kept=kept,
            code=exc.reasons[0].code if exc.reasons else "",
        )  # fmt: skip
    return page(request, "errors/problem.html", status=body["status"], problem=body, reasons=exc.reasons)


async def on_app_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, e.AppError)  # noqa: S101 - registered for this kind alone
    for kind, note in NOTED.items():
        if isinstance(exc, kind):
            await run_in_threadpool(note, request, exc)
    return _answer(request, exc)


async def on_bad_payload(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"]), "what": fault["msg"]}
        for fault in exc.errors()
    ]
    listed = together(exc)
    text = Text(f"请求内容不符合要求：{listed.zh}", f"The payload is malformed: {listed.en}")
    return _answer(request, e.InputRefused(text, faults=faults))


async def on_http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101
    text = _BY_STATUS.get(exc.status_code, Text(str(exc.detail), str(exc.detail)))
    kind = e.NotFound if exc.status_code == 404 else e.AppError
    answer = _answer(request, kind(text), exc.status_code)
    answer.headers.update(exc.headers or {})  # such as Allow
    return answer


async def on_bad_value(request: Request, exc: Exception) -> Response:  # noqa: ARG001 - the cause names a column of ours
    """PostgreSQL cannot keep some text (NUL), and no column keeps every number; SQLite may have taken it."""
    text = Text(
        "请求中含有无法保存的值（例如空字符或超出范围的数）；请更正后重试。",
        "The request holds a value that cannot be stored, such as a NUL character or a number out of range; mend it and try again.",
    )
    return _answer(request, e.InputRefused(text))


async def on_surprise(request: Request, exc: Exception) -> Response:
    """The server logs the trace itself, and a delivery that was cut in a line of its own (`api.cut_lines`)."""
    request_id = asking.id_of(request.scope)
    if not isinstance(exc, DeliveryStopped):
        _log.error("request %s failed", request_id)
    text = Text(
        f"服务内部出错，未作任何更改；请稍后重试，若再次出现请把请求编号 {request_id} 告知管理员。",
        "Something failed on our side and nothing was changed; try again later, and if it happens again tell the "
        f"administrator the request {request_id}.",
    )
    answer = _answer(request, e.AppError(text), 500)
    # this answer is made outside all middleware
    answer.headers.update(SAFE_HEADERS | {asking.HEADER: request_id})
    return answer


def install(app: FastAPI) -> None:
    app.add_exception_handler(e.AppError, on_app_error)
    app.add_exception_handler(Replayed, on_replayed)
    app.add_exception_handler(RequestValidationError, on_bad_payload)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(DataError, on_bad_value)
    app.add_exception_handler(OverflowError, on_bad_value)  # SQLite's driver, for a number beyond 64 bits
    app.add_exception_handler(Exception, on_surprise)
