"""The catalogue's pages: search with facets, a dataset, and its tombstone."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api import standards
from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, LangDep, ReadDep, language
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.open_data import VIEWS, looked, titles_en
from api.pages.use_numbers import months_chart
from api.visits import note_visit
from api.web import go, page
from auth.actor import ANYONE, Actor
from auth.incidents import freezes
from catalog import codes, queries, regions, rules, service
from catalog.boxes import Box
from catalog.fields import BY_NAME, FIELDS, SECTIONS, FieldSpec
from catalog.imports import is_as_imported
from catalog.models import DatasetRead
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.reuses import service as reuses
from catalog.reuses.workflow import ReuseState
from catalog.scores import service as scores
from catalog.scores.rules import grade_name
from catalog.search.engine import Found, Search, Sort, search
from catalog.search.facets import BY_KEY
from catalog.search.models import as_read
from catalog.search.saved import box, day
from catalog.standards import schema_org
from catalog.standards.forms import FORMS, accepted
from catalog.use.rules import is_counted
from catalog.workflow import State, Step, open_steps
from core.errors import AppError, InputRefused
from core.text import Lang, Text
from core.work import Work
from datasets.formats.recipes import r_texts
from datasets.harvest.queries import harvested
from datasets.links import service as links
from datasets.links.rules import OUTCOME_NAMES, PLACE_NAMES
from datasets.notices.service import is_following
from datasets.open_data.use import use_of
from datasets.releases.queries import releases_of
from datasets.releases.retention import RETIRE

router = APIRouter(prefix="/datasets", include_in_schema=True, tags=["pages"])

PAGE_SIZE: Final = 20
LINKS: Final = 20  # on a dataset's page
ROWS: Final = 10  # of open data, on the dataset's own page
SIDES: Final = {
    "west": Text("西（经度）", "West (longitude)"), "south": Text("南（纬度）", "South (latitude)"),
    "east": Text("东（经度）", "East (longitude)"), "north": Text("北（纬度）", "North (latitude)"),
}  # fmt: skip
SORTS: Final[dict[Sort, Text]] = {
    "relevance": Text("相关度", "Relevance"),
    "newest": Text("最近更新", "Newest"),
    "title": Text("名称", "Title"),
    "used": Text("使用最多", "Most used"),
    "score": Text("质量评分", "Quality score"),
}


@router.get("", response_class=HTMLResponse, **access("public"))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    q: str = Query("", max_length=1000),
    sort: str = "",
    since: str = Query("", max_length=10),
    until: str = Query("", max_length=10),
    number: int = Query(1, ge=1, le=50_000, alias="page"),
) -> HTMLResponse:
    """Search and browse, with facets beside the list. A day that is none is left out."""
    chosen = {key: request.query_params.getlist(key)[:50] for key in BY_KEY}
    order: Sort = sort if sort in SORTS else "relevance" if q.strip() else "newest"
    days = {name: day(value) for name, value in (("since", since), ("until", until))}
    area, bad_box = None, None
    try:
        area = box(request.query_params)
    except InputRefused as fault:
        bad_box = fault.detail
    ask = Search(q, chosen, order, PAGE_SIZE, PAGE_SIZE * (number - 1), lang, **days, box=area)
    found = search(work, actor, ask)
    return page(
        request, "datasets/list.html", found=as_read(work, found, ask), understood=found.understood, q=q, sort=order, sorts=SORTS,
        facets=_facets(request, found, actor), removals=_removals(request, found), number=number, days=days,
        sides=_sides(request, area), bad_box=bad_box,
        pages=-(-found.total // PAGE_SIZE), code_lists=_code_lists(), frequency=rules.frequency, may_write=actor.may(queries.WRITE),
    )  # fmt: skip


def _sides(request: Request, area: Box | None) -> list[tuple[str, Text, str]]:
    """The four fields of the box: name, label, what stands in it (as typed, where that is no box)."""
    given = request.query_params
    typed = area._asdict() if area else {name: given.get(name, "")[:20] for name in SIDES}
    return [(name, label, str(typed[name])) for name, label in SIDES.items()]


def _facets(request: Request, found: Found, actor: Actor) -> list[dict[str, Any]]:
    """Facets with an address for each option that adds or takes away its value."""
    return [
        {
            "key": counted.facet.key, "label": counted.facet.label,
            "options": [
                {"text": o.text, "count": o.count, "chosen": o.chosen, "href": _toggled(request, counted.facet.key, o.value)}
                for o in counted.options
            ],
        }
        for counted in found.facets
        if counted.options and (counted.facet.key != "state" or actor.may(queries.READ_DRAFTS))
    ]  # fmt: skip


def _removals(request: Request, found: Found) -> list[tuple[Text, Text, str]]:
    """What is chosen now: facet, value, and the address without it."""
    return [
        (counted.facet.label, option.text, _toggled(request, counted.facet.key, option.value))
        for counted in found.facets
        for option in counted.options
        if option.chosen
    ]


def _toggled(request: Request, key: str, value: str) -> str:
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in ("page", "lang")]
    here = (key, value)
    kept = [pair for pair in pairs if pair != here] if here in pairs else [*pairs, here]
    return f"/datasets?{urlencode(kept)}" if kept else "/datasets"


def _code_lists() -> dict[str, codes.CodeList]:
    return {spec.codes: codes.load(spec.codes) for spec in FIELDS if spec.codes} | {
        name: codes.load(name) for name in ("column_type", "identifier_kind", "mask_method", "dataset_state")
    }


@router.head("/{dataset_id}", response_class=HTMLResponse, **access("public"))
@router.get("/{dataset_id}", response_class=HTMLResponse, **access("public"))
def show_page(
    request: Request, house: HouseDep, work: ReadDep, actor: ActorDep, dataset_id: str,
    view: str = Query("", max_length=20, description="Of open data: rows, columns or map"),
    q: str = Query("", max_length=200), sort: str = Query("", max_length=300),
) -> Response:  # fmt: skip
    """One dataset: what it is, its data, its dictionary, how to get it. Programs that accept RDF, JSON or XML get the record as that."""
    if form := accepted(request.headers.get("accept", "")):
        entry = standards.entry(work, actor, dataset_id, request.app.state.house.settings.public_url)
        chosen = FORMS[form]
        return standards.answer(
            request, chosen.write(entry), chosen.media_type, is_public=not actor.is_signed_in
        )
    looking = None
    if view in VIEWS and request.method == "GET":
        service.show(work, actor, dataset_id)  # what is out of sight, or withdrawn, is told as such
        try:
            looking = looked(request, house, actor, dataset_id, view, q, sort, ROWS)
        except AppError as refused:
            return _dataset_page(request, work, actor, dataset_id, refused, status=status_of(refused))
    shown = _dataset_page(request, work, actor, dataset_id, look=looking)
    note_visit(request, house, actor, queries.dataset(work, actor, dataset_id))
    return shown


def _dataset_page(
    request: Request,
    work: Work,
    actor: Actor,
    dataset_id: str,
    refusal: AppError | None = None,
    reason: str = "",
    replaced_by: str = "",
    relation: tuple[str, str] = (kinds.IN_SERIES, ""),
    look: dict[str, Any] | None = None,
    status: int = 409,
) -> HTMLResponse:
    read = service.show(work, actor, dataset_id)
    may_write = actor.may_in(queries.WRITE, read.publisher)
    dictionary = service.show_dictionary(work, actor, dataset_id).columns
    return page(
        request, "datasets/show.html", status=(422 if refusal.facts.get("missing") else status) if refusal else 200, place="#data" if look else "",
        dataset=read, look=look and look | {"base": f"/datasets/{read.id}", "place": "#data", "titles_en": titles_en(dictionary)}, views=VIEWS,
        forms=FORMS.values(), r_texts=r_texts, site=request.app.state.house.settings.public_url, linked_data=_linked_data(request, work, actor, read),
        dictionary=dictionary, record=_record(read, language(request)), frequency=rules.frequency,
        code_lists=_code_lists(), region_name=regions.label, releases=releases_of(work, dataset_id), related=_related(work, actor, read),
        may_write=may_write, steps={str(step) for step in open_steps(State(read.state)) if not (read.foreign_from and step == Step.EDIT)} if may_write else set(),
        objections=service.objections(work, actor, dataset_id) if may_write and read.state == State.DRAFT else (),
        foreign=harvested(work, dataset_id), is_imported=is_as_imported(work, read.id, read.version), may_apply=_may_apply(actor, read), refusal=refusal, reason=reason, replaced_by=replaced_by,
        relations=relations.of(work, actor, [read.id]).get(read.id, []), relation=relation, kinds=[(name, kinds.KINDS[name].label) for name in kinds.STATED],
        score=scores.score(work, actor, dataset_id) if read.state != State.WITHDRAWN and not read.foreign_from else None, grade_name=grade_name,
        reuses=reuses.listed(work, ANYONE, dataset_id=dataset_id, state=ReuseState.SHOWN, limit=1)[1] if read.state == State.PUBLISHED and (read.data_level or 0) <= queries.OPEN_LEVELS else 0,
        links=links.listed(work, actor, dataset_id=dataset_id, limit=LINKS), link_names=OUTCOME_NAMES, link_places=PLACE_NAMES,
        waiting=proposals.waiting(work, dataset_id) if may_write else None,
        freezes=freezes.meeting(work, orgs=[read.publisher], dataset_id=dataset_id), **_use(work, actor, read, language(request)),
        follows=actor.is_signed_in and is_following(work, actor, dataset_id), may_retire=actor.may_in(RETIRE, read.publisher),
    )  # fmt: skip


def _use(work: Work, actor: Actor, read: DatasetRead, lang: Lang) -> dict[str, Any]:
    """How often open data are used, with a chart by month; of other data nothing is told."""
    if not is_counted(str(read.state), read.open_type, read.data_level):
        return {"use": None, "use_chart": None}
    found = use_of(work, actor, read.id, days=False)
    is_used = found.visits + found.downloads + found.calls
    return {"use": found, "use_chart": months_chart(found.months, lang) if is_used else None}


def _linked_data(request: Request, work: Work, actor: Actor, read: DatasetRead) -> Markup | None:
    """The record as schema.org for search engines; only what is published. No `<` is left that could end the element."""
    if read.state != State.PUBLISHED:
        return None
    entry = standards.entry(work, actor, read.id, request.app.state.house.settings.public_url)
    told = json.dumps(schema_org.document(entry), ensure_ascii=False)
    return Markup(told.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 - escaped


def _record(read: DatasetRead, lang: Lang) -> list[tuple[str, Text, list[FieldSpec]]]:
    """The record section by section: filled fields in the reader's language, else in the other; missing ones that are needed."""
    return [
        (
            key,
            label,
            [
                spec
                for spec in FIELDS
                if spec.section == key and spec.name != "relations" and _is_shown(spec, read, lang)
            ],
        )
        for key, label in SECTIONS.items()
    ]


def _is_shown(spec: FieldSpec, read: DatasetRead, lang: Lang) -> bool:
    base = spec.name.removesuffix("_en").removesuffix("_zh")
    is_english = spec.name.endswith("_en")
    twin = next(
        (name for name in ((base, f"{base}_zh") if is_english else (f"{base}_en",)) if name in BY_NAME), None
    )
    if not getattr(read, spec.name):
        return rules.is_mandatory(spec, read.record_type) and (
            lang == "zh" or twin is None or not getattr(read, twin)
        )
    hidden = twin is not None and base != "title" and getattr(read, twin) and is_english != (lang == "en")
    return not hidden


def _related(work: Work, actor: Actor, read: DatasetRead) -> list[tuple[str, Text | None]]:
    """Related codes, with the title and so a link where the reader may see that record."""
    titles = queries.titles(work, read.related_codes, actor)
    return [(code, titles.get(code)) for code in read.related_codes]


def _may_apply(actor: Actor, read: DatasetRead) -> bool:
    """Whether to offer the application: something to apply for, by somebody who may apply or has still to sign in."""
    closed = (
        read.state != State.PUBLISHED
        or bool(read.foreign_from)
        or read.record_type == rules.SERIES
        or (read.open_type == "N" and read.auth_op_scope == "no")
    )
    free = read.open_type == "U"
    return not closed and not free and (not actor.is_signed_in or actor.may("auth:application:write"))


@router.post("/{dataset_id}/publish", response_class=HTMLResponse, **access("catalog:dataset:write"))
def publish(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Ask a second person to publish the record; what stands against it is shown on its page."""
    done = tried(
        house,
        lambda work: proposals.ask_publication(work, actor, dataset_id, expected_version=version_of(typed)),
    )
    if isinstance(done, AppError):
        with house.read() as work:
            return _dataset_page(request, work, actor, dataset_id, done)
    said = Text(
        "已提请发布；另一人复核通过后公开。",
        "Publication is asked for; the record is public when another person accepts.",
    )
    return go(f"/datasets/{dataset_id}", said)


@router.post("/{dataset_id}/relations", response_class=HTMLResponse, **access("catalog:dataset:write"))
def change_relations(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> Response:
    """State a relation, or take one back."""
    kind, code = str(typed.get("kind", "")), str(typed.get("code", "")).strip()
    removed = str(typed.get("remove", ""))

    def act(work: Work) -> DatasetRead | ProposalRead:
        seen = version_of(typed)
        added = [] if removed else [kinds.written(kind, code)]
        if added and kinds.parse(added[0]) is None:
            raise InputRefused(
                Text("请选择关系并填写资源代码。", "Choose a relation and give a resource code."),
                field="code",
            )
        taken = [removed] if removed else []
        return proposals.change_relations(work, actor, dataset_id, added, taken, expected_version=seen)

    done = tried(house, act)
    if isinstance(done, AppError):
        with house.read() as work:
            return _dataset_page(request, work, actor, dataset_id, done, relation=(kind, code))
    if isinstance(done, ProposalRead):
        said = Text(
            "修改已提出；另一人复核通过后生效。",
            "The change is proposed; it stands when another person accepts it.",
        )
        return go(f"/record-proposals/{done.id}", said)
    return go(f"/datasets/{dataset_id}#relations", Text("关系已保存。", "The relations are saved."))


@router.post("/{dataset_id}/withdraw", response_class=HTMLResponse, **access("catalog:dataset:write"))
def withdraw(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Withdraw the record for good."""
    reason, replaced_by = str(typed.get("reason", "")), str(typed.get("replaced_by", ""))
    done = tried(
        house,
        lambda work: service.withdraw(
            work, actor, dataset_id, reason, replaced_by=replaced_by, expected_version=version_of(typed)
        ),
    )
    if isinstance(done, AppError):
        with house.read() as work:
            return _dataset_page(request, work, actor, dataset_id, done, reason, replaced_by)
    return go(
        f"/datasets/{dataset_id}",
        Text("记录已撤回，墓碑页保留。", "The record is withdrawn; a tombstone stays."),
    )
