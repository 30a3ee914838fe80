"""Ways into the catalogue for everybody: departments, themes, and what programs may call."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, LangDep, ReadDep
from api.late import APIRouter
from api.pages.quality_trend import trend_chart
from api.web import page, page_number
from auth.actor import Actor
from auth.identity.labels import ORG_KIND_NAMES
from auth.identity.organisations import organisation
from catalog import codes, rules
from catalog.search import saved
from catalog.search.engine import Found, Search, search
from catalog.search.facets import BY_KEY
from catalog.search.models import as_read
from catalog.standards.forms import FORMS
from catalog.use import service as use
from catalog.use.service import LineRead, NumbersRead
from core.errors import NotFound
from core.text import Lang, Text
from core.work import Work
from datasets.trends import service as trends
from datasets.trends.service import TrendRead

router = APIRouter(include_in_schema=True, tags=["pages"])
PAGE_SIZE: Final = 20
_SHOWN: Final = ("theme", "publisher", "open_type", "has_release", "format")


@router.get("/publishers", response_class=HTMLResponse, **access("public"))
def publishers_page(request: Request, work: ReadDep, actor: ActorDep, lang: LangDep) -> HTMLResponse:
    """Departments that describe data here, with how many records each shows."""
    title = Text("数据提供部门", "Departments")
    return _index(request, work, actor, lang, "publisher", title)


@router.get("/themes", response_class=HTMLResponse, **access("public"))
def themes_page(request: Request, work: ReadDep, actor: ActorDep, lang: LangDep) -> HTMLResponse:
    """Themes, with how many records each holds."""
    return _index(request, work, actor, lang, "theme", Text("主题领域", "Themes"))


@router.get("/publishers/{publisher_id}", response_class=HTMLResponse, **access("public"))
def publisher_page(
    request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, publisher_id: str
) -> HTMLResponse:
    """One department: who it is, what it describes, how much of it is open."""
    found, ask = _found(request, work, actor, lang, "publisher", publisher_id)
    if not found.total:
        raise NotFound(
            Text("没有这个部门，或它还没有公开的数据集；请从部门列表查找。", "There is no such department, or it has published nothing yet; look at the list of departments.")
        )  # fmt: skip
    org = organisation(work, publisher_id)
    return _front(
        request, work, actor, found, ask, key="publisher", value=publisher_id, title=org.name, index=Text("数据提供部门", "Departments"),
        facts=[(Text("机构类别", "Kind"), ORG_KIND_NAMES[org.kind]), (Text("统一社会信用代码", "Credit code"), org.credit_code or "—")],
        feed=f"/feeds/organisations/{publisher_id}.atom", used=use.listed(work, publisher=publisher_id, limit=5),
        course=trends.course(work, publisher_id),
    )  # fmt: skip


@router.get("/themes/{theme_code}", response_class=HTMLResponse, **access("public"))
def theme_page(
    request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, theme_code: str
) -> HTMLResponse:
    """One theme: its records and who publishes them."""
    known = codes.load("domain")
    if theme_code not in known.codes:
        raise NotFound(
            Text("没有这个主题；请从主题列表查找。", "There is no such theme; look at the list of themes.")
        )
    found, ask = _found(request, work, actor, lang, "theme", theme_code)
    return _front(
        request, work, actor, found, ask, key="theme", value=theme_code, title=known.text(theme_code), index=Text("主题领域", "Themes"),
        facts=[(Text("主题代码", "Code"), theme_code)], feed=f"/feeds/datasets.atom?theme={theme_code}",
    )  # fmt: skip


@router.get("/developers", response_class=HTMLResponse, **access("public"))
def developers_page(request: Request) -> HTMLResponse:
    """What programs may call: protocols, addresses, and first lines to copy."""
    return page(
        request, "catalogue/developers.html", site=request.app.state.house.settings.public_url, metadata_forms=list(FORMS.values())
    )  # fmt: skip


def _found(
    request: Request, work: Work, actor: Actor, lang: Lang, key: str, value: str
) -> tuple[Found, Search]:
    start = PAGE_SIZE * (page_number(request) - 1)
    ask = Search("", {key: [value[:100]]}, "newest", PAGE_SIZE, min(start, 1_000_000), lang)
    return search(work, actor, ask), ask


def _index(request: Request, work: Work, actor: Actor, lang: Lang, key: str, title: Text) -> HTMLResponse:
    found = search(work, actor, Search("", {}, "newest", 1, 0, lang))
    options = next(counted.options for counted in found.facets if counted.facet.key == key)
    base = "/publishers/" if key == "publisher" else "/themes/"
    return page(request, "catalogue/index.html", title=title, options=options, base=base)


def _front(
    request: Request, work: Work, actor: Actor, found: Found, ask: Search, *, key: str, value: str, title: Text, index: Text,
    facts: list[tuple[Text, Any]], feed: str, used: tuple[list[LineRead], int, NumbersRead] | None = None, course: TrendRead | None = None,
) -> HTMLResponse:  # fmt: skip
    counts = [
        (counted.facet, [option for option in counted.options if option.count])
        for counted in found.facets
        if counted.facet.key in _SHOWN and counted.facet.key != key
    ]
    kept = saved.same(work, actor, urlencode({key: value})) if actor.is_signed_in else None
    return page(
        request, "catalogue/front.html", followed=kept is not None and kept.tells, title=title, index=index, base="/publishers" if key == "publisher" else "/themes",
        key=key, value=value, facts=facts, feed=feed, use=used if used and used[1] else None, course=course, course_chart=trend_chart(course, ask.lang) if course else None, found=as_read(work, found, ask), counts=[each for each in counts if each[1]],
        number=page_number(request), pages=max(1, -(-found.total // PAGE_SIZE)), label=BY_KEY[key].label, frequency=rules.frequency,
        code_lists={name: codes.load(name) for name in ("open_type", "data_level", "domain", "dataset_state")},
    )  # fmt: skip
