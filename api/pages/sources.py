"""Pages of sources: what is looked into by itself, how it went, and a form for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, sentences, tried
from api.late import APIRouter
from api.web import go, page, page_number
from auth.actor import Actor
from catalog import queries as catalog
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work
from datasets.batches import queries as batches
from datasets.sources import queries, service
from datasets.sources.kinds import KIND_NAMES, MODELS
from datasets.sources.models import SourceCreate, SourceRead, Tested
from datasets.sources.workflow import OUTCOME_NAMES, STATE_NAMES, SourceState

router = APIRouter(prefix="/sources", include_in_schema=True, tags=["pages"])
_READ, _WRITE = queries.READ, queries.WRITE
RUNS_SHOWN: Final = 30
_FIELDS: Final = {
    "folder": ("path", "pattern"),
    "http": ("url", "header"),
    "postgres": ("host", "port", "database", "user", "table", "query", "tls"),
    "s3": ("store", "bucket", "prefix", "pattern", "pick"),
}
LABELS: Final = {
    "": Text("配置", "Configuration"),
    "dataset_id": Text("数据集", "Dataset"),
    "name": Text("名称", "Name"),
    "secret": Text("凭据", "Credential"),
    "schedule": Text("计划", "Schedule"),
    "path": Text("文件夹", "Folder"),
    "pattern": Text("文件名匹配", "File names"),
    "url": Text("地址", "Address"),
    "header": Text("凭据请求头", "Header of the credential"),
    "host": Text("主机", "Host"),
    "port": Text("端口", "Port"),
    "database": Text("数据库", "Database"),
    "user": Text("账号", "User"),
    "table": Text("表", "Table"),
    "query": Text("查询", "Query"),
    "tls": Text("加密", "Encryption"),
    "store": Text("对象存储", "Store"),
    "bucket": Text("桶", "Bucket"),
    "prefix": Text("前缀", "Prefix"),
    "pick": Text("取哪些", "Which"),
}


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset: str = "", state: str = ""
) -> HTMLResponse:
    """Sources of the reader's department."""
    wanted = state if state in set(SourceState) else None
    found = queries.sources(work, actor, dataset_id=dataset or None, state=wanted, page=page_number(request))
    titles = catalog.titles(work, sorted({item.dataset_id for item in found.items}))
    words = {item.id: service.schedule_words(work, item) for item in found.items}
    return page(
        request, "sources/list.html", found=found, dataset=dataset, state=state, states=STATE_NAMES, titles=titles,
        words=words, kinds=KIND_NAMES, outcomes=OUTCOME_NAMES, may_add=actor.may(_WRITE),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_WRITE))
def new_page(
    request: Request, work: ReadDep, actor: ActorDep, kind: str = "http", dataset: str = ""
) -> HTMLResponse:
    """The form for one kind of source."""
    chosen = kind if kind in _FIELDS else "http"
    given = {"dataset_id": dataset, "plan": "frequency", "interval": "PT1H", "at": "06:30"}
    return _form(
        request,
        work,
        actor,
        chosen,
        given | {"port": "5432", "pattern": "*", "tls": "prefer", "pick": "each"},
    )


@router.post("", response_class=HTMLResponse, **access(_WRITE))
def add(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Configure a source; a refusal shows the form again with all but the credential."""
    given = {name: str(value) for name, value in typed.items() if name not in ("csrf", "secret")}
    kind = given.get("kind", "") if given.get("kind") in _FIELDS else "http"
    body, faults = _body(kind, given, str(typed.get("secret", "")))
    if body is None:
        with house.read() as work:
            return _form(request, work, actor, kind, given, faults=faults)
    done = tried(house, lambda work: service.add(work, actor, body, house.settings.keys_dir))
    if isinstance(done, AppError):
        with house.read() as work:
            return _form(request, work, actor, kind, given, error=done)
    said = Text("来源已添加；建议先测试。", "The source was added; test it first.")
    return go(f"/sources/{done.id}", said)


def _body(
    kind: str, given: dict[str, str], secret: str
) -> tuple[SourceCreate | None, list[tuple[str, Text]]]:
    """What was typed, or all that is wrong with it, field by field."""
    plan = given.get("plan", "")
    told = {"every": given.get("interval", ""), "daily": given.get("at", "")}.get(plan, "")
    config = {name: value for name in _FIELDS[kind] if (value := given.get(name, "").strip())}
    body = {
        "dataset_id": given.get("dataset_id", ""), "name": given.get("name", ""), "schedule": f"{plan} {told}".strip(),
        "config": config | {"kind": kind}, "secret": secret or None,
    }  # fmt: skip
    try:
        return SourceCreate.model_validate(body), []
    except ValidationError as fault:
        found = [each for each in sentences(fault, LABELS) if each[0] != "config"]
    try:
        MODELS[kind].model_validate(config | {"kind": kind})
    except ValidationError as fault:
        found += sentences(fault, LABELS)
    return None, [(name, _apart(text)) for name, text in found]


def _apart(text: Text) -> Text:
    """A sentence of the models carries both languages, parted by a slash."""
    if " / " not in text.zh:
        return text
    label, _, _ = text.en.partition(": ")
    return Text(text.zh.partition(" / ")[0], f"{label}: {text.en.partition(' / ')[2]}")


def _form(
    request: Request, work: Work, actor: Actor, kind: str, given: dict[str, str], *,
    faults: list[tuple[str, Text]] | None = None, error: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    status = 422 if faults else status_of(error) if error else 200
    wanted = ("dataset_id", "name", "plan", "interval", "at", *_FIELDS[kind])
    return page(
        request, "sources/new.html", status=status, kind=kind, kinds=KIND_NAMES, error=error, faults=faults or [],
        given={name: given.get(name, "") for name in wanted}, wrong=dict(faults or []), labels=LABELS,
        targets=batches.targets(work, actor), root=request.app.state.house.settings.source_root is not None,
    )  # fmt: skip


@router.get("/{source_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, source_id: str) -> HTMLResponse:
    """One source and its looks."""
    return _show(request, work, actor, source_id)


def _show(
    request: Request, work: Work, actor: Actor, source_id: str, *, error: AppError | None = None,
    tested: Tested | None = None,
) -> HTMLResponse:  # fmt: skip
    source = queries.read(queries.source(work, actor, source_id), actor)
    title = catalog.titles(work, [source.dataset_id]).get(
        source.dataset_id, Text(source.dataset_id, source.dataset_id)
    )
    return page(
        request, "sources/show.html", status=status_of(error) if error else 200, source=source, title=title, error=error,
        tested=tested, words=service.schedule_words(work, source), kinds=KIND_NAMES, states=STATE_NAMES,
        outcomes=OUTCOME_NAMES, runs=queries.runs(work, actor, source_id, RUNS_SHOWN),
        count=queries.run_count(work, actor, source_id), labels=LABELS,
    )  # fmt: skip


@router.post("/{source_id}/test", response_class=HTMLResponse, **access(_WRITE))
def test(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Look into the source now and take nothing; what it says stands on its page."""
    try:
        with house.read() as work:
            row = service.asking(work, actor, source_id)
            ask = service.look(row, house.settings, work.now)
    except NotFound:
        raise
    except AppError as refused:
        with house.read() as work:
            return _show(request, work, actor, source_id, error=refused)
    tested = service.tried(row, ask)
    with house.write() as work:
        service.note_test(work, actor, source_id, tested)
    with house.read() as work:
        return _show(request, work, actor, source_id, tested=tested)


def _stepped(
    request: Request, house: HouseDep, actor: Actor, source_id: str, act: Callable[[Work, Actor, str], object], said: Text
) -> Response:  # fmt: skip
    done = tried(house, lambda work: act(work, actor, source_id))
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return _show(request, work, actor, source_id, error=done)
    return go(
        "/sources"
        if isinstance(done, SourceRead) and done.state is SourceState.REMOVED
        else f"/sources/{source_id}",
        said,
    )


@router.post("/{source_id}/run", response_class=HTMLResponse, **access(_WRITE))
def run(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Look now."""
    said = Text("已开始读取；稍后刷新查看结果。", "It is being looked into; reload to see what came of it.")
    return _stepped(request, house, actor, source_id, service.run, said)


@router.post("/{source_id}/pause", response_class=HTMLResponse, **access(_WRITE))
def pause(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Look no more until it is resumed."""
    return _stepped(
        request, house, actor, source_id, service.pause, Text("来源已暂停。", "The source is paused.")
    )


@router.post("/{source_id}/resume", response_class=HTMLResponse, **access(_WRITE))
def resume(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Look again; whoever resumes takes over."""
    said = Text(
        "来源已恢复，今后的批次以您的名义提交。",
        "The source is active again; from now on its batches are handed in in your name.",
    )
    return _stepped(request, house, actor, source_id, service.resume, said)


@router.post("/{source_id}/remove", response_class=HTMLResponse, **access(_WRITE))
def remove(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Look never again."""
    said = Text("来源已移除，凭据已删除。", "The source was removed and its credential deleted.")
    return _stepped(request, house, actor, source_id, service.remove, said)
