"""Pages for one rule of a suite on paper: a form, a menu of ready rules, a preview while it is written, a file from outside.

Nothing here saves anything: the suite being written travels along as text, so all of it works without scripts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Request, Response, UploadFile
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.pages.suites import WRITE, Draft, editor, rules_in, typed_draft, with_rules
from api.web import page
from auth.actor import Actor
from auth.asset import Asset
from catalog import service as catalog
from core.errors import AppError, InputRefused, NotFound
from core.jobs import JobRead
from core.text import Text, number_of
from core.work import Work
from datasets import suites
from quality import forms, scores
from quality.suite import MAX_EXPECTATIONS, Suite
from quality.templates import templates, type_name
from quality.vocabulary import TYPES, Shape
from quality.wording import describe, severity_name

router = APIRouter(prefix="/datasets/{dataset_id}/suite", include_in_schema=True, tags=["pages"])
MAX_FILE: Final = 4 * 1024 * 1024
_META: Final = ("title_zh", "title_en", "rule_id", "gbt36344")
_SHAPES: Final = {
    Shape.COLUMN: Text("逐值检查一列", "One column, value by value"),
    Shape.AGGREGATE: Text("整列的统计", "One column as a whole"),
    Shape.TYPE: Text("列的类型", "Type of a column"),
    Shape.PAIR: Text("两列之间", "Two columns"),
    Shape.RECORD: Text("多列之间", "Several columns"),
    Shape.TABLE: Text("整张表", "The table"),
    Shape.QUERY: Text("自写查询", "A query of one's own"),
}


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """One rule on paper. place: where it stands in the suite, from 0; entry: as the suite would write it."""

    place: int
    entry: dict[str, Any]
    refusal: AppError | None = None
    preview: JobRead | None = None


@router.post("/rule", response_class=HTMLResponse, **access(WRITE))
def open_rule(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """The chosen rule of the text as a form."""
    return _on_text(request, house, actor, dataset_id, typed, lambda entries: _picked(entries, typed))


@router.post("/rule/add", response_class=HTMLResponse, **access(WRITE))
def add_rule(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """A ready rule from the menu as a form; it joins the text when it is kept."""

    def pick(entries: list[Any]) -> RuleDraft:
        code = str(typed.get("template", "")).rpartition(":")[2]
        ready = next((each for each in templates() if each.code == code), None)
        if ready is None:
            raise InputRefused(
                Text("请先从菜单中选择一条现成规则。", "Choose a ready rule from the menu first.")
            )
        return RuleDraft(len(entries), ready.rule(str(typed.get("column", "")) or None))

    return _on_text(request, house, actor, dataset_id, typed, pick)


@router.post("/rule/type", response_class=HTMLResponse, **access(WRITE))
def change_type(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """The same rule with the fields of another type; what has the same name is kept."""
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        return _form(request, work, actor, held, typed_draft(typed), _typed_rule(work, held, typed))


@router.post("/rule/keep", response_class=HTMLResponse, **access(WRITE))
def keep_rule(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """The rule goes into the text of the suite, which is not saved yet; a fault shows the form again."""
    draft = typed_draft(typed)
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        rule = _typed_rule(work, held, typed)
        try:
            Suite.from_data({"name": "", "expectations": [rule.entry]})
            entries = rules_in(draft.text)
        except AppError as refused:
            return _form(request, work, actor, held, draft, replace(rule, refusal=refused))
        entries[rule.place : rule.place + 1] = [rule.entry]
        said = Text(
            "规则已写入草稿；规则集尚未保存。", "The rule is in the draft; the suite is not saved yet."
        )
        return editor(
            request, work, actor, held, replace(draft, text=with_rules(draft.text, entries), said=said)
        )


@router.post("/rule/remove", response_class=HTMLResponse, **access(WRITE))
def remove_rule(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """The text without the chosen rule; not saved yet."""
    draft = typed_draft(typed)
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        try:
            entries = rules_in(draft.text)
        except AppError as refused:
            return editor(request, work, actor, held, replace(draft, refusal=refused))
        del entries[_place(typed) : _place(typed) + 1]
        said = Text(
            "规则已从草稿中去掉；规则集尚未保存。",
            "The rule is out of the draft; the suite is not saved yet.",
        )
        return editor(
            request, work, actor, held, replace(draft, text=with_rules(draft.text, entries), said=said)
        )


@router.post("/rule/cancel", response_class=HTMLResponse, **access(WRITE))
def back_to_editor(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """The text as it was."""
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        return editor(request, work, actor, held, typed_draft(typed))


@router.post("/rule/preview", response_class=HTMLResponse, **access(WRITE))
def ask_for_preview(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> HTMLResponse:
    """What the rule as typed would find; asked for by the page a moment after the last letter, or by a button."""
    draft = typed_draft(typed)
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        rule = _typed_rule(work, held, typed)

    def ask(work: Work) -> JobRead:
        one = Suite.from_data({"name": "preview", "expectations": [rule.entry]})
        on = suites.chosen(work, actor, dataset_id, draft.batch)
        return suites.ask_to_preview(work, actor, dataset_id, one, on)

    asked = tried(house, ask)
    if isinstance(asked, NotFound):
        raise asked
    if request.headers.get("hx-request"):
        return _preview(request, dataset_id, asked)
    with house.read() as work:
        shown = replace(rule, refusal=asked) if isinstance(asked, AppError) else replace(rule, preview=asked)
        return _form(request, work, actor, held, draft, shown)


@router.get("/preview/{job_id}", response_class=HTMLResponse, **access(WRITE))
def show_preview(
    request: Request, work: ReadDep, actor: ActorDep, dataset_id: str, job_id: str
) -> HTMLResponse:
    """How far a preview is, or what it found; a page of its own where there are no scripts."""
    job = suites.preview(work, actor, dataset_id, job_id)
    if request.headers.get("hx-request"):
        return _preview(request, dataset_id, job)
    held = suites.writable(work, actor, dataset_id)
    return page(request, "suites/preview_page.html", held=held, job=job, base=f"/datasets/{dataset_id}/suite")


@router.post("/import", response_class=HTMLResponse, **access(WRITE))
def import_file(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    dataset_id: str,
    typed: Typed,
    file: UploadFile | None = None,
) -> Response:
    """A suite file of Great Expectations into the editor; every fault is listed, nothing is saved."""
    draft = typed_draft(typed)
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        try:
            text = _text_of(file)
            draft = replace(draft, text=text)
            rules_in(text)
            suite = Suite.parse(text)
            said = Text(
                f"已从文件读入 {len(suite.expectations)} 条规则；尚未保存，请核对后试跑或保存。",
                f"{number_of(len(suite.expectations), 'rules')} read from the file; nothing is saved yet: look, try, then save.",
            )
            entries = [each.model_dump(mode="json", exclude_defaults=True) for each in suite.expectations]
            draft = replace(draft, text=with_rules(json.dumps({"name": suite.name}), entries), said=said)
        except AppError as refused:
            draft = replace(draft, refusal=refused)
        return editor(request, work, actor, held, draft)


def _text_of(file: UploadFile | None) -> str:
    data = file.file.read(MAX_FILE + 1) if file is not None else b""
    if not data:
        raise InputRefused(Text("请先选择规则集文件（JSON）。", "Choose a suite file (JSON) first."))
    if len(data) > MAX_FILE:
        raise InputRefused(
            Text(
                "文件超过 4 MiB，不像规则集；请核对。",
                "The file exceeds 4 MiB, which no suite does; check it.",
            )
        )
    return data.decode("utf-8-sig", "replace").replace("\0", "\ufffd")


def _on_text(
    request: Request,
    house: House,
    actor: Actor,
    dataset_id: str,
    typed: Typed,
    pick: Callable[[list[Any]], RuleDraft],
) -> HTMLResponse:
    """The form for a rule of the text, or the editor with why there is none."""
    draft = typed_draft(typed)
    with house.read() as work:
        held = suites.writable(work, actor, dataset_id)
        try:
            rule = pick(rules_in(draft.text))
        except AppError as refused:
            return editor(request, work, actor, held, replace(draft, refusal=refused))
        return _form(request, work, actor, held, draft, rule)


def _place(typed: Typed) -> int:
    word = str(typed.get("place", ""))
    return min(int(word), MAX_EXPECTATIONS) if word.isascii() and word.isdecimal() and len(word) < 7 else 0


def _picked(entries: list[Any], typed: Typed) -> RuleDraft:
    place = _place(typed)
    if place >= len(entries):
        raise InputRefused(Text("草稿中没有这条规则。", "There is no such rule in the draft."))
    try:
        rule = Suite.from_data({"name": "", "expectations": [entries[place]]}).expectations[0]
        return RuleDraft(place, rule.model_dump(mode="json"))
    except AppError as fault:
        entry = entries[place]
        if not isinstance(entry, dict) or str(entry.get("type")) not in TYPES:
            raise
        kwargs = entry.get("kwargs") if isinstance(entry.get("kwargs"), dict) else {}
        return RuleDraft(
            place, {"type": entry["type"], "kwargs": kwargs, "severity": "critical", "meta": {}}, fault
        )


def _typed_rule(work: Work, held: Asset, typed: Typed) -> RuleDraft:
    """The rule as the form says it. Words of the suite that the form does not show are kept."""
    name = str(typed.get("type", ""))
    if name not in TYPES:
        raise InputRefused(Text(f"规则类型 {name!r} 不存在。", f"Type {name!r} does not exist."))
    columns = catalog.dictionary(work, held.dataset_id)
    given = {
        key.removeprefix("arg-"): [str(each) for each in typed.getlist(key)]
        for key in typed
        if key.startswith("arg-")
    }
    meta = _kept_meta(str(typed.get("meta", "")))
    for key in _META:
        if text := str(typed.get(key, "")).strip():
            meta[key] = text
        elif key in typed:
            meta.pop(key, None)
    severity = str(typed.get("severity", "critical"))
    entry: dict[str, Any] = {"type": name, "kwargs": forms.read(name, given, columns), "severity": severity}
    return RuleDraft(_place(typed), entry | ({"meta": meta} if meta else {}))


def _kept_meta(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _form(
    request: Request, work: Work, actor: Actor, held: Asset, draft: Draft, rule: RuleDraft
) -> HTMLResponse:
    entry = rule.entry
    meta = entry.get("meta") or {}
    columns = catalog.dictionary(work, held.dataset_id)
    spec = TYPES[entry["type"]]
    shown = forms.fields(entry["type"], entry["kwargs"], columns)
    first = len({*spec.all_required, *spec.needs_one, *spec.either})
    at_once = [each for place, each in enumerate(shown) if place < first or each.value]
    return page(
        request, "suites/rule.html", status=422 if rule.refusal else 200, held=held, draft=draft, rule=rule, entry=entry,
        meta=meta, meta_text=json.dumps(meta, ensure_ascii=False), said=_said(entry), job=rule.preview,
        fields=at_once, rest=[each for each in shown if each not in at_once], base=f"/datasets/{held.dataset_id}/suite",
        targets=suites.targets(work, actor, held.dataset_id), parts=scores.part_names(), types=_types(),
        severities=[(name, severity_name(name)) for name in ("critical", "warning", "info")],
    )  # fmt: skip


def _types() -> list[tuple[Text, list[tuple[str, Text]]]]:
    return [
        (label, [(spec.name, type_name(spec.name)) for spec in TYPES.values() if spec.shape is shape])
        for shape, label in _SHAPES.items()
    ]


def _said(entry: dict[str, Any]) -> Text | None:
    try:
        return describe(Suite.from_data({"name": "", "expectations": [entry]}).expectations[0])
    except AppError:
        return None


def _preview(request: Request, dataset_id: str, asked: JobRead | AppError) -> HTMLResponse:
    """The part of the page that says what the rule would find. Faults are no error of the request: the writer is writing."""
    refusal, job = (asked, None) if isinstance(asked, AppError) else (None, asked)
    return page(
        request, "suites/preview.html", job=job, refusal=refusal, base=f"/datasets/{dataset_id}/suite"
    )
