"""The smallest body that a route's own schema accepts, so that a test gets past the form of a request to its decision."""

from __future__ import annotations

from typing import Any

_TEXTS = {
    "date": "2026-03-02",
    "date-time": "2026-03-02T01:00:00Z",
    "uuid": "00000000-0000-7000-8000-000000000000",
}


def least(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A value that fits `schema`; `document` resolves its references."""
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return least(found, document)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return least(choices[0], document)
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            return {name: least(schema["properties"][name], document) for name in required}
        case "array":
            return [least(schema.get("items", {}), document)] * schema.get("minItems", 0)
        case "string":
            text = schema.get("examples", [None])[0] or _TEXTS.get(schema.get("format", ""))
            return text or "x" * max(1, schema.get("minLength", 1))
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    return {}


def request_of(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Arguments for a client's `request`: query parameters and body that the operation demands."""
    wanted = [entry for entry in operation.get("parameters", []) if entry["required"]]
    made: dict[str, Any] = {
        "params": {
            entry["name"]: least(entry["schema"], document) for entry in wanted if entry["in"] == "query"
        },
        "headers": {
            entry["name"]: least(entry["schema"], document) for entry in wanted if entry["in"] == "header"
        },
    }
    if any(entry["name"].lower() == "if-match" for entry in operation.get("parameters", [])):
        made["headers"]["If-Match"] = (
            '"1"'  # a step is taken on a version; whose it is not to see must not be told by it
        )
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        body = least(content["schema"], document)
        if kind == "application/json":
            made["json"] = body
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            made["data"] = body
        else:
            made["content"] = b"x"
    return made
