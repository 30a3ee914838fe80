"""What programs look for at fixed addresses: feeds, data.json, OAI-PMH, the site map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Path as PathParam
from fastapi import Query, Request, Response

from api import standards, whole_catalogue
from api.access import PUBLIC, access
from api.deps import HouseDep, LangDep, ReadDep
from api.harvesting import Items
from api.late import APIRouter
from api.routes.metadata import NAME
from auth.actor import ANYONE
from catalog import queries
from catalog.discussions import feed as discussion_atom
from catalog.discussions import service as discussions
from catalog.search.engine import Search, search
from catalog.search.facets import BY_KEY
from catalog.search.saved import box, day
from catalog.standards import atom, oai
from catalog.standards.entry import instant
from catalog.tables import DatasetRow
from core.errors import NotFound
from core.text import Text
from core.work import Work

router = APIRouter(tags=["standards"])
PAGE_SIZE: Final = 50
MOST: Final = 50_000  # addresses in one site map (sitemaps.org)
_FRONTS: Final = ("/datasets", "/register")
_LISTS: Final = {"url": "urlset", "sitemap": "sitemapindex"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Number = Annotated[int, Query(ge=1, le=20_000, alias="page")]
Part = Annotated[int, PathParam(ge=1, le=20_000)]


@router.head("/data.json", **access(PUBLIC), response_class=Response)
@router.get("/data.json", **access(PUBLIC), response_class=Response)
def data_json(request: Request, house: HouseDep) -> Response:
    """The public catalogue as DCAT-US 3, whole, where its harvesters look for it; kept until the catalogue changes."""
    return whole_catalogue.answered(request, house, NAME)


@router.head("/feeds/datasets.atom", **access(PUBLIC), response_class=Response)
@router.get("/feeds/datasets.atom", **access(PUBLIC), response_class=Response)
def search_feed(
    request: Request,
    house: HouseDep,
    work: ReadDep,
    lang: LangDep,
    q: Annotated[str, Query(max_length=1000)] = "",
    number: Number = 1,
) -> Response:
    """Records that a search finds, newest first; takes the words and facets of the catalogue's page."""
    chosen = {key: request.query_params.getlist(key)[:50] for key in BY_KEY}
    given = request.query_params
    found = search(
        work, ANYONE,
        Search(q, chosen, "newest", PAGE_SIZE, PAGE_SIZE * (number - 1), lang, day(given.get("since", "")), day(given.get("until", "")), box(given)),
    )  # fmt: skip
    title = Text(f"目录检索：{q}", f"Catalogue search: {q}") if q else Text("目录更新", "The catalogue")
    rows, total = (
        ([], 0) if found.meant else ([hit.row for hit in found.hits], found.total)
    )  # nobody asked for the word that was meant
    return _feed(request, house, work, lang, rows, total, number, title)


@router.head("/feeds/organisations/{org_id}.atom", **access(PUBLIC), response_class=Response)
@router.get("/feeds/organisations/{org_id}.atom", **access(PUBLIC), response_class=Response)
def organisation_feed(
    request: Request, house: HouseDep, work: ReadDep, lang: LangDep, org_id: str, number: Number = 1
) -> Response:
    """Records of one department."""
    found = search(
        work,
        ANYONE,
        Search("", {"publisher": [org_id]}, "newest", PAGE_SIZE, PAGE_SIZE * (number - 1), lang),
    )
    if not found.total:
        raise NotFound(
            Text("没有这个部门，或它还没有公开的数据集。", "There is no such department, or it has published nothing yet.")
        )  # fmt: skip
    row = found.hits[0].row if found.hits else None
    title = Text(row.publisher_zh, row.publisher_en) if row else Text(org_id, org_id)
    return _feed(request, house, work, lang, [hit.row for hit in found.hits], found.total, number, title)


@router.head("/feeds/discussions.atom", **access(PUBLIC), response_class=Response)
@router.get("/feeds/discussions.atom", **access(PUBLIC), response_class=Response)
def discussion_feed(
    request: Request,
    house: HouseDep,
    work: ReadDep,
    lang: LangDep,
    dataset: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """The newest questions and error reports with their answers, on all public records or on one (`dataset`)."""
    site = house.settings.public_url
    found, _ = discussions.threads(work, ANYONE, dataset_id=dataset, limit=PAGE_SIZE)
    where = f"/datasets/{dataset}/discussion" if dataset else "/discussions"
    title = Text("讨论与报错", "Questions and error reports")
    about = Text(f"{title.zh}：{dataset}", f"{title.en}: {dataset}") if dataset else title
    address = f"{site}/feeds/discussions.atom" + (f"?{urlencode({'dataset': dataset})}" if dataset else "")
    body = discussion_atom.feed(
        found,
        address=address,
        page=f"{site}{where}",
        site=site,
        title=about,
        lang=lang,
        updated=instant(EPOCH),
    )
    return standards.answer(request, body, atom.MEDIA_TYPE)


@router.head("/feeds/datasets/{dataset_id}.atom", **access(PUBLIC), response_class=Response)
@router.get("/feeds/datasets/{dataset_id}.atom", **access(PUBLIC), response_class=Response)
def dataset_feed(
    request: Request, house: HouseDep, work: ReadDep, lang: LangDep, dataset_id: str
) -> Response:
    """One record: its newest state, so that a reader of feeds sees each change."""
    row = queries.dataset(work, ANYONE, dataset_id)
    title = Text(row.title_zh or row.id, row.title_en or row.title_zh or row.id)
    return _feed(request, house, work, lang, [row], 1, 1, title)


def _feed(
    request: Request,
    house: HouseDep,
    work: Work,
    lang: LangDep,
    rows: list[DatasetRow],
    total: int,
    number: int,
    title: Text,
) -> Response:
    site = house.settings.public_url
    kept = [pair for pair in parse_qsl(request.url.query) if pair[0] != "page"]

    def at(page: int) -> str:
        asked = urlencode([*kept, *([("page", str(page))] if page > 1 else [])])
        return f"{site}{request.url.path}" + (f"?{asked}" if asked else "")

    last = max(1, -(-total // PAGE_SIZE))
    steps = {"self": number, "first": 1, "last": last, "previous": number - 1, "next": number + 1}
    links = {rel: at(page) for rel, page in steps.items() if 1 <= page <= max(last, number)}
    body = atom.feed(
        standards.entries(work, rows, site), address=at(1), page=f"{site}/datasets?{urlencode(kept)}", title=title, lang=lang,
        links=links, updated=EPOCH,
    )  # fmt: skip
    return standards.answer(request, body, atom.MEDIA_TYPE)


@router.head("/oai", **access(PUBLIC), response_class=Response)
@router.get("/oai", **access(PUBLIC), response_class=Response)
def oai_pmh(request: Request, house: HouseDep, work: ReadDep) -> Response:
    """OAI-PMH 2.0."""
    return _oai(request.query_params.multi_items(), house, work)


@router.post("/oai", **access(PUBLIC), response_class=Response)
async def oai_pmh_by_form(request: Request, house: HouseDep) -> Response:
    """The same, asked by a form."""
    form = [(name, str(value)) for name, value in (await request.form()).multi_items()]
    with house.read() as work:
        return _oai(form, house, work)


def _oai(pairs: list[tuple[str, str]], house: HouseDep, work: Work) -> Response:
    site = house.settings.public_url
    body = oai.answer(
        pairs, Items(work, site), base_url=f"{site}/oai", host=urlsplit(site).hostname or "localhost", now=work.now
    )  # fmt: skip
    return Response(body, media_type="text/xml; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.head("/sitemap.xml", **access(PUBLIC), response_class=Response)
@router.get("/sitemap.xml", **access(PUBLIC), response_class=Response)
def sitemap(request: Request, house: HouseDep, work: ReadDep) -> Response:
    """The pages of public records, for search engines; an index of several maps where one may not hold them all."""
    site = house.settings.public_url
    rows, total = standards.public_rows(work, offset=0, limit=MOST)
    if total <= MOST - len(_FRONTS):
        return _map(request, "url", [*((f"{site}{path}", None) for path in _FRONTS), *_pages(site, rows)])
    maps = [(f"{site}/sitemaps/{number}.xml", None) for number in range(1, -(-total // MOST) + 1)]
    return _map(request, "sitemap", maps)


@router.head("/sitemaps/{number}.xml", **access(PUBLIC), response_class=Response)
@router.get("/sitemaps/{number}.xml", **access(PUBLIC), response_class=Response)
def part_of_sitemap(request: Request, house: HouseDep, work: ReadDep, number: Part) -> Response:
    """One of the maps that the index names, from 1."""
    site = house.settings.public_url
    rows, _ = standards.public_rows(work, offset=MOST * (number - 1), limit=MOST)
    if not rows:
        raise NotFound(Text(f"没有第 {number} 份站点地图。", f"There is no site map {number}."))
    return _map(request, "url", _pages(site, rows))


def _pages(site: str, rows: list[DatasetRow]) -> list[tuple[str, datetime | None]]:
    return [(f"{site}/datasets/{row.id}", queries.changed_at(row)) for row in rows]


def _map(request: Request, kind: str, addresses: Sequence[tuple[str, datetime | None]]) -> Response:
    """`kind`: what is listed, `url` or `sitemap`."""
    from lxml import etree

    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    root = etree.Element(f"{{{space}}}{_LISTS[kind]}", nsmap={None: space})
    for address, changed in addresses:
        made = etree.SubElement(root, f"{{{space}}}{kind}")
        etree.SubElement(made, f"{{{space}}}loc").text = address
        if changed:
            etree.SubElement(made, f"{{{space}}}lastmod").text = instant(changed)
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return standards.answer(request, bytes(body), "application/xml")


@router.head("/robots.txt", **access(PUBLIC), response_class=Response)
@router.get("/robots.txt", **access(PUBLIC), response_class=Response)
def robots(house: HouseDep) -> Response:
    """What search engines may read, and where the site map is."""
    closed = ("/api/", "/me", "/admin", "/applications", "/grants", "/extracts", "/sign-in")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), "Allow: /api/v1/catalogue"]
    return Response(
        "\n".join([*lines, f"Sitemap: {house.settings.public_url}/sitemap.xml", ""]), media_type="text/plain"
    )
