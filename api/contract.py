"""The OpenAPI document says what every route may answer: refusals as problem documents (RFC 9457), pages as HTML.

FastAPI knows only the answer that a route is written for. What `api.errors` may say instead is added here once, from the rule of access,
the method and the address, so that a client can be made from the document and every answer can be held against it.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from api import asking, receipts

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_READS: Final = ("get", "head")
_PROTOCOLS: Final = ("/datastore/", "/delta-sharing/", "/oauth/")
_MEANING: Final = {
    "400": "The request cannot be understood.",
    "401": "Nobody is signed in, or the key no longer counts.",
    "403": "Known, and refused; every reason is listed.",
    "404": "No such object within the caller's scope.",
    "405": "This address does not take that method.",
    "409": "The object's state does not allow this now.",
    "410": "It was there; the tombstone says why it left.",
    "412": "Somebody else changed it first.",
    "413": "The body is too large.",
    "415": "The body's kind is not taken here.",
    "422": "The input is refused; says where and what to do.",
    "429": "Slow down.",
    "503": "A part of the service is not ready.",
}
_PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457) in the reader's language, saying what to do next.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "The kind, an address relative to this service."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "reasons": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "text", "basis"],
                "properties": {
                    "code": {"type": "string", "description": "Stable, kebab-case."},
                    "text": {"type": "string"},
                    "basis": {"type": "string", "description": "The rule and its source."},
                },
            },
        },
    },
}


def refusals(method: str, path: str) -> list[str]:
    """The statuses of refusal that a route may answer with: a public address may name an object that is not public, and refuses a
    token that counts no more as every other does. A part of an object (its letter, its terms, its offer) may not be there in its state."""
    found = ["401", "403", "404", "410", "422", "429", "503"]
    if method not in _READS:
        found += ["400", "409", "412", "413", "415"]
    if "}/" in path:
        found.append("409")
    if is_ckan(path):
        found += ["400", "409"]
    if path.startswith(_PROTOCOLS):  # they refuse a wrong parameter with 400, where our own form says 422
        found.append("400")
    if path.startswith("/api/v1/audit/"):  # a proof waits for the next checkpoint
        found += ["409"]
    return sorted(set(found))


def is_ckan(path: str) -> bool:
    """CKAN's addresses answer refusals in CKAN's own form."""
    return path.startswith("/api/") and not path.startswith(("/api/v1/", "/api/docs"))


def has_own_form(path: str) -> bool:
    """Addresses whose protocol says itself how a refusal looks, in JSON."""
    return is_ckan(path) or path == "/api" or path.startswith(_PROTOCOLS)


def declare(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every refusal declared; changes it in place."""
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                _declare_one(item[method], method, path)
    return document


def _declare_one(operation: dict[str, Any], method: str, path: str) -> None:
    answers, is_for_browsers = operation["responses"], not path.startswith("/api/")
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    content: dict[str, Any] = dict(problem)
    if is_for_browsers:
        content["text/html"] = {"schema": {"type": "string"}}
    if has_own_form(path):
        content["application/json"] = {"schema": {}}
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]
    for status in refusals(method, path):
        answers.setdefault(status, {"description": _MEANING[status], "content": content})
    if is_for_browsers:
        answers.setdefault("303", {"description": "Go on there."})
        done = answers.get("200", {}).get("content", {})
        if "pages" in operation.get("tags", ()) and "application/json" in done and not path.endswith("json"):
            done.pop("application/json")
            done["text/html"] = {"schema": {"type": "string"}}
    _declare_headers(answers, may_name_events=receipts.gives(method.upper(), path))


def _declare_headers(answers: dict[str, Any], *, may_name_events: bool) -> None:
    """The request's id on every answer; the events on those to a command, also where it was refused and the attempt is on record."""
    for answer in answers.values():
        headers = answer.setdefault("headers", {})
        headers[asking.HEADER] = asking.DECLARED
        if may_name_events:
            headers[receipts.HEADER] = receipts.DECLARED


def install(app: FastAPI) -> None:
    """Let the app answer with the completed document."""
    plain = app.openapi

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            declare(plain())
        assert app.openapi_schema is not None  # noqa: S101 - `plain` keeps what it made
        return app.openapi_schema

    app.openapi = completed  # type: ignore[method-assign]
