"""Routes that answer with something else than JSON say so in the OpenAPI document: `**gives("text/csv")`."""

from __future__ import annotations

from typing import Any

from fastapi import Response


def gives(*kinds: str) -> dict[str, Any]:
    """Keyword arguments for a route decorator; `kinds` are the media types that the route may answer with."""
    schema = {"type": "string", "format": "binary"}
    content = {kind: {"schema": schema if not kind.endswith("json") else {}} for kind in kinds}
    return {
        "response_class": Response,
        "responses": {200: {"description": "The file or document.", "content": content}},
    }


def may_give(*kinds: str) -> dict[str, Any]:
    """For a route that answers JSON by its model and, when asked, as one of these kinds."""
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    return {"responses": {200: {"content": content}}}


def gives_file(kind: str = "*/*", *, elsewhere: bool = False) -> dict[str, Any]:
    """For a route that sends a stored file: whole, a range of it, or word that the caller has it already, or where it lies."""
    body = {kind: {"schema": {} if kind.endswith("json") else {"type": "string", "format": "binary"}}}
    return {
        "response_class": Response,
        "responses": {
            200: {"description": "The file.", "content": body},
            206: {"description": "The range asked for.", "content": body},
            304: {"description": "Unchanged since the ETag that was given."},
            416: {"description": "No such range.", "content": body},
        }
        | ({307: {"description": "The file, at the address given, for a few minutes."}} if elsewhere else {}),
    }
