"""The reference of the HTTP routes, made from the OpenAPI document itself; no script from elsewhere is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, SIGNED_IN, access
from api.late import APIRouter
from api.web import page
from auth.roles import PERMISSIONS, ROLE_NAMES, Role
from core.text import Text

router = APIRouter(prefix="/api/docs", tags=["pages"])
_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as the reference shows it. `body` and `answer` name schemas."""

    method: str
    path: str
    does: str
    access: str
    who: tuple[Text, ...]
    parameters: tuple[dict[str, Any], ...]
    body: str
    answer: str


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def reference(request: Request) -> HTMLResponse:
    """Every route of `/api/v1` by room, with who may call it, what it takes and what it answers."""
    document = request.app.openapi()
    groups: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if path.startswith("/api/v1") and method in item:
                operation = item[method]
                groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    schemas = dict(sorted(document["components"]["schemas"].items()))
    return page(request, "reference.html", groups=sorted(groups.items()), schemas=schemas, kind_of=kind_of)


def _operation(method: str, path: str, found: dict[str, Any]) -> Operation:
    rule = found.get("x-access", "")
    done: dict[str, Any] = next(
        (answer for code, answer in found["responses"].items() if code.startswith("2")), {}
    )
    return Operation(
        method=method.upper(), path=path, does=found.get("description") or found.get("summary", ""), access=rule,
        who=_who(rule), parameters=tuple(found.get("parameters", ())),
        body=_schema(found.get("requestBody", {})), answer=_schema(done),
    )  # fmt: skip


def _who(rule: str) -> tuple[Text, ...]:
    if rule == PUBLIC:
        return (Text("任何人", "anybody"),)
    if rule == SIGNED_IN:
        return (Text("已登录的人", "anybody signed in"),)
    return tuple(ROLE_NAMES[role] for role in Role if role in PERMISSIONS.get(rule, ()))


def _schema(part: dict[str, Any]) -> str:
    """The name of the schema that a body or answer has; its kind where it has no name."""
    content = next(iter(part.get("content", {}).items()), None)
    if content is None:
        return ""
    media, described = content
    return kind_of(described.get("schema", {})) or media


def kind_of(schema: dict[str, Any]) -> str:
    """A schema in a few words: `ExtractRead`, `list of string`, `string or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(kind_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"[{kind_of(schema.get('items', {}))}]"
    return str(schema.get("type", schema.get("const", "")))
