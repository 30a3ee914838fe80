"""Records and the whole catalogue in the words of outside standards."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query, Request, Response

from api import standards
from api.access import PUBLIC, access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.late import APIRouter
from catalog.standards import dcat_ap
from catalog.standards.forms import FORMS, accepted
from core.text import Text

router = APIRouter(prefix="/api/v1", tags=["standards"])
PAGE_SIZE: Final = 100
NAME: Final = Text("数授公共数据目录", "Datagrant catalogue of public data")
MetadataForm = StrEnum("MetadataForm", {name: name for name in FORMS})  # type: ignore[misc]
CatalogueForm = StrEnum("CatalogueForm", {name: name for name in dcat_ap.SYNTAXES})  # type: ignore[misc]


@router.get("/metadata-forms", **access(PUBLIC))
def list_forms(lang: LangDep) -> dict[str, object]:
    """The outside forms that records are written in."""
    items = [
        {"form": form.name, "label": form.label.in_(lang), "media_type": form.media_type}
        for form in FORMS.values()
    ]
    return {"items": items, "total": len(items), "next": None}


@router.head("/datasets/{dataset_id}/metadata", **access(PUBLIC), response_class=Response)
@router.get("/datasets/{dataset_id}/metadata", **access(PUBLIC), response_class=Response)
def show_metadata(
    request: Request,
    house: HouseDep,
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    form: MetadataForm | None = None,
) -> Response:
    """One record in an outside form: by `form`, else by the Accept header, else as DCAT-AP in JSON-LD. Withdrawn: 410."""
    name = form or accepted(request.headers.get("accept", "")) or "jsonld"
    chosen = FORMS[str(name)]
    entry = standards.entry(work, actor, dataset_id, house.settings.public_url)
    return standards.answer(
        request, chosen.write(entry), chosen.media_type, filename=f"{entry.row.id}.{chosen.suffix}",
        is_public=not actor.is_signed_in,
    )  # fmt: skip


@router.head("/catalogue", **access(PUBLIC), response_class=Response)
@router.get("/catalogue", **access(PUBLIC), response_class=Response)
def show_catalogue(
    request: Request,
    house: HouseDep,
    work: ReadDep,
    form: CatalogueForm | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """The public catalogue as DCAT-AP, 100 records a page; `hydra:next` leads on."""
    wish = accepted(request.headers.get("accept", ""))
    syntax = str(form or (wish if wish in dcat_ap.SYNTAXES else "turtle"))
    site = house.settings.public_url
    rows, total = standards.public_rows(work, offset=PAGE_SIZE * (page - 1), limit=PAGE_SIZE)
    graph = dcat_ap.catalogue_graph(
        standards.entries(work, rows, site), site=site, title=NAME, page=page, pages=-(-total // PAGE_SIZE),
        size=PAGE_SIZE, total=total,
    )  # fmt: skip
    return standards.answer(request, dcat_ap.serialise(graph, syntax), dcat_ap.SYNTAXES[syntax][1])
