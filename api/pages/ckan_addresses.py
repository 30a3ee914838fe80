"""CKAN's addresses of pages, which harvesters and links write by rule: they lead to ours."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse

from api.access import access
from api.ckan_rows import dataset_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.house import House
from api.late import APIRouter
from auth.actor import Actor
from catalog import queries
from catalog.ckan.actions import Call, find
from catalog.ckan.errors import CkanError
from catalog.ckan.listings import group_show, organization_show
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.releases.offered import resources_for

router = APIRouter(tags=["ckan"])


@router.get("/dataset", response_class=RedirectResponse, status_code=302, **access("public"))
def search_page(request: Request) -> str:
    """CKAN's search."""
    return f"/datasets?{request.url.query}" if request.url.query else "/datasets"


@router.get("/dataset/{name}", response_class=RedirectResponse, status_code=302, **access("public"))
@router.get(
    "/dataset/{name}/resource/{resource_id}",
    response_class=RedirectResponse,
    status_code=302,
    **access("public"),
)
def dataset_page(house: HouseDep, work: ReadDep, actor: ActorDep, name: str) -> str:
    """A dataset by its name or id in CKAN; its files and links stand on the same page."""
    try:
        row = find(_call(house, work, actor, name), name, queries.visible(actor))
    except CkanError as refused:
        raise _nowhere(name) from refused
    return f"/datasets/{quote(row.id)}"


@router.get("/organization/{name}", response_class=RedirectResponse, status_code=302, **access("public"))
def organization_page(house: HouseDep, work: ReadDep, actor: ActorDep, name: str) -> str:
    """An organisation by its name or id in CKAN: a publisher here."""
    return f"/publishers/{quote(_shown(organization_show, house, work, actor, name))}"


@router.get("/group/{name}", response_class=RedirectResponse, status_code=302, **access("public"))
def group_page(house: HouseDep, work: ReadDep, actor: ActorDep, name: str) -> str:
    """A group by its name or id in CKAN: a theme here."""
    return f"/themes/{quote(_shown(group_show, house, work, actor, name))}"


def _shown(action: Any, house: House, work: Work, actor: Actor, name: str) -> str:  # noqa: ANN401 - one of two actions
    try:
        return str(action(_call(house, work, actor, name))["id"])
    except CkanError as refused:
        raise _nowhere(name) from refused


def _call(house: House, work: Work, actor: Actor, name: str) -> Call:
    site = house.settings.public_url.rstrip("/")
    return Call(work, actor, {"id": name}, site, resources_for(site), dataset_of)


def _nowhere(name: str) -> NotFound:
    return NotFound(
        Text(f"没有名为 {name} 的页面；请在目录中检索。", f"There is no page named {name}; search the catalogue.")
    )  # fmt: skip
