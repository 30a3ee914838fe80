"""Pages of the scoring scheme: weights and grades in force, versions, and what a version would regrade."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api import cases
from api.access import access
from api.cases import NOTE, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.profile import follows
from api.web import go, page
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.profile.standing import Standing, words
from auth.stored import UNREADABLE
from core.errors import AppError, InputRefused, Unavailable
from core.faults import together
from core.text import Text
from core.work import Work
from datasets import scheme_trial
from quality.schemes import service
from quality.schemes.model import Scheme, differences, shipped
from quality.schemes.now import in_force, number_now, rules_now
from quality.schemes.service import SchemeProposal, SchemeRead
from quality.schemes.workflow import STEP_NAMES, Step

router = APIRouter(prefix="/scoring", include_in_schema=True, tags=["pages"])
_READ, _PROPOSE, _CONFIRM = (f"quality:scheme:{word}" for word in ("read", "propose", "confirm"))
_TITLE: Final = Text("评分方案", "Scoring scheme")
_TONES: Final = {
    Standing.PROPOSED: "warn",
    Standing.COMING: "info",
    Standing.IN_FORCE: "active",
    Standing.REJECTED: "rejected",
    Standing.SUPERSEDED: "superseded",
}


def _current(work: Work) -> tuple[Scheme | None, Text | None]:
    """The scheme in force; None and the words that say why where it cannot be read."""
    try:
        return in_force(work)[1], None
    except Unavailable as unread:
        return None, unread.detail


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Weights and grades in force, and every version. One in force that cannot be read is named; another may take its place."""
    scheme, unread = _current(work)
    found, total = service.versions(work, actor)
    return page(
        request, "scoring/list.html", number=number_now(work), current=scheme, rules=rules_now(work) if scheme else None, unread=unread, unreadable=UNREADABLE, found=found, total=total,
        words=words, tones=_TONES, may_propose=actor.may(_PROPOSE),
    )  # fmt: skip


def _form(request: Request, typed: dict[str, Any], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("提出新版本", "Propose a version"), crumb=(_TITLE, "/scoring"), action="/scoring", typed=typed,
        lead=Text("由第二人确认后生效，只用于此后的校验结论；已有得分不变。提交后先看试算：哪些版本的等级会不同。", "It counts once a second person has confirmed it, for verdicts given from then on; scores that are there never change. Its page says which releases it would grade otherwise."),
        fields=[
            FormField("scheme", Text("权重与等级（JSON）", "Weights and grades (JSON)"), "code", True, rows=24, full=True),
            FormField("reason", Text("理由", "Reason"), "textarea", True, rows=2, full=True),
        ],
        submit=Text("提交", "Propose"), refusal=refusal,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_PROPOSE))
def new_page(request: Request, work: ReadDep) -> HTMLResponse:
    """The form, filled with the scheme in force; with the shipped one where that cannot be read."""
    start = (_current(work)[0] or shipped()).model_dump(mode="json")
    return _form(request, {"scheme": json.dumps(start, ensure_ascii=False, indent=2)})


@router.post("", response_class=HTMLResponse, **access(_PROPOSE))
def propose(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Propose a version."""
    typed = {name: str(form.get(name, "")).strip() for name in ("scheme", "reason")}

    def act(work: Work) -> SchemeRead:
        try:
            body = SchemeProposal(
                scheme=Scheme.model_validate_json(typed["scheme"]), reason=typed["reason"][:2000]
            )
        except ValidationError as fault:
            said = together(fault)
            text = Text(f"方案不成立：{said.zh}", f"The scheme does not hold: {said.en}")
            raise InputRefused(text, field="scheme") from fault
        return service.propose(work, actor, body)

    made = tried(house, act)
    if isinstance(made, AppError):
        return _form(request, typed, made)
    said = Text("已提出，待第二人确认。", "Proposed; a second person must confirm it.")
    return go(f"/scoring/{made.id}", said)


@router.get("/{scheme_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, scheme_id: str) -> HTMLResponse:
    """One version: what it changes, and which releases it would grade otherwise."""
    return _show(request, work, actor, scheme_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    scheme_id: str,
    refusal: AppError | None = None,
    note: str = "",
) -> HTMLResponse:
    row = service.version(work, actor, scheme_id)
    assert row.scheme is not None  # noqa: S101 - refused where it cannot be read
    now, unread = _current(work)
    changes = differences(now, row.scheme) if now else []
    regraded = scheme_trial.dry_run(work, row.scheme)
    record = Record(
        title=Text(f"评分方案第 {row.number} 版", f"Scoring scheme, version {row.number}"), lead=Text.of_note(row.scheme.source), crumb=_TITLE,
        base="/scoring", id=row.id, version=row.version, badge=Cell(words(row.standing, row.effective_from), badge=_TONES[row.standing]),
        facts=[(Text("理由", "Reason"), Cell(row.reason)), (Text("生效日期", "Effective from"), Cell(str(row.effective_from))), *follows(row.followed_by, "/scoring"), (Text("来源", "Source"), Cell(Text.of_note(row.scheme.source)))],
        sections=[
            Section(Text("与现行方案的差别", "Against the scheme in force"), [Text("项目", "What"), Text("现行", "In force"), Text("本版", "This version")], [[Cell(what, mono=True), Cell(old), Cell(new)] for what, old, new in changes], empty=unread or Text("没有差别", "No difference")),
            Section(
                Text("试算：等级会不同的版本（已有得分不变）", "Dry run: releases that it would grade otherwise (their scores stay)"),
                [Text("数据集", "Dataset"), Text("版本", "Release"), Text("得分", "Score"), Text("按本版", "By this version")],
                [[Cell(each.dataset_id, mono=True), Cell(str(each.number), f"/releases/{each.release_id}"),
                  Cell(f"{each.score} {each.grade}"), Cell(f"{each.score_then} {each.grade_then}")] for each in regraded],
                empty=Text("没有版本的等级会不同", "No release would be graded otherwise"),
            ),
        ],
        steps={Step.CONFIRM: StepForm(confirm=Text("确定生效吗？", "Put it in force?")), Step.REJECT: StepForm([NOTE])},
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, scheme_id), service.BOOK.events(work, scheme_id), STEP_NAMES, refusal=refusal,
        typed={"step": Step.REJECT.value, "note": note},
    )  # fmt: skip


def _step(
    request: Request, house: HouseDep, actor: Actor, scheme_id: str, form: Typed, step: Step
) -> Response:
    note = str(form.get("note", "")).strip()[:2000]
    ask = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.step(work, actor, scheme_id, step, ask))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, scheme_id, made, note)
    return go(f"/scoring/{scheme_id}", Text("已办理。", "Done."))


@router.post("/{scheme_id}/confirm", response_class=HTMLResponse, **access(_CONFIRM))
def confirm(request: Request, house: HouseDep, actor: ActorDep, scheme_id: str, form: Typed) -> Response:
    """Put it in force, as a second person."""
    return _step(request, house, actor, scheme_id, form, Step.CONFIRM)


@router.post("/{scheme_id}/reject", response_class=HTMLResponse, **access(_CONFIRM))
def reject(request: Request, house: HouseDep, actor: ActorDep, scheme_id: str, form: Typed) -> Response:
    """Do not take it."""
    return _step(request, house, actor, scheme_id, form, Step.REJECT)
