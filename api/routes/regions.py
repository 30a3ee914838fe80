"""Administrative divisions: codes of GB/T 2260 by name, by what lies in what, one by one. For everybody."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from sqlmodel import SQLModel

from api.access import access
from api.late import APIRouter
from catalog import regions
from core.errors import NotFound
from core.text import Text

router = APIRouter(prefix="/api/v1/regions", tags=["codes"])


class RegionRead(SQLModel):
    """A division. `path`: the codes above it and its own; `zh`, `en`: its name with those above."""

    code: str
    name: str
    zh: str
    en: str
    parent: str
    path: list[str]


class RegionDetail(RegionRead):
    """With what lies directly below."""

    children: list[RegionRead]


def read(found: regions.Region) -> RegionRead:
    label = regions.label(found.code)
    return RegionRead(
        code=found.code, name=found.name, zh=regions.full_name(found.code), en=label.en, parent=found.parent, path=list(found.path)
    )  # fmt: skip


def region(code: str) -> regions.Region:
    """Raises NotFound."""
    if (found := regions.load().get(code)) is None:
        raise NotFound(
            Text(
                f"没有行政区划 {code}；请按名称查找。",
                f"There is no division {code}; look for it by its name.",
            )
        )
    return found


@router.get("", **access("public"))
def list_regions(
    q: Annotated[str, Query(max_length=100, description="A name, a part of it, or the first digits of a code; empty: the provinces")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:  # fmt: skip
    """Divisions that a word means, or the provinces."""
    found = regions.find(q, limit + 1) if q.strip() else regions.children("")
    return {
        "items": [read(each) for each in found[:limit]], "total": min(len(found), limit), "is_cut": len(found) > limit,
        "source": {"zh": regions.SOURCE.zh, "en": regions.SOURCE.en},
    }  # fmt: skip


@router.get("/{region_code}", **access("public"))
def show_region(region_code: str) -> RegionDetail:
    """One division, and what lies directly below it."""
    found = region(region_code)
    return RegionDetail(
        **read(found).model_dump(), children=[read(each) for each in regions.children(found.code)]
    )
