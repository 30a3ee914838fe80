"""Code lists: the values that coded fields may take, with their labels and sources."""

from __future__ import annotations

from typing import Any

from api.access import access
from api.late import APIRouter
from catalog import codes

router = APIRouter(prefix="/api/v1/codes", tags=["codes"])


@router.get("", **access("public"))
def list_code_lists() -> dict[str, Any]:
    """Every list: name, title, source, day of effect, number of values."""
    found = [codes.load(name) for name in codes.names()]
    items = [
        {key: value for key, value in one.as_json().items() if key != "items"} | {"count": len(one.codes)}
        for one in found
    ]
    return {"items": items, "total": len(items), "next": None}


@router.get("/{name}", **access("public"))
def show_code_list(name: str) -> dict[str, Any]:
    """One list with its values."""
    return codes.load(name).as_json()
