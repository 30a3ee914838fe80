"""Pages of registration: the public list, asking for an act, review, notice and code."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import PUBLIC, access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import assets, org_names
from api.pages.tickets import checked
from api.registering import pack
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.registrations import service
from auth.registrations.rules import PAPER_NAMES, PARTS, Body, Paper
from auth.registrations.service import (
    CERTIFY,
    READ,
    REVIEW,
    WRITE,
    RegistrationCertify,
    RegistrationCreate,
    RegistrationRead,
    RegistrationSave,
)
from auth.registrations.workflow import ACT_NAMES, STATE_NAMES, STEP_NAMES, Act, State, Step
from auth.stored import UNREADABLE
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/registrations", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("公共数据资源登记", "Registration of data resources")
_EVERY: Final = ("", Text("全部", "All"))
_BODY: Final = (*PARTS, "attachments")
_PAPERS: Final = Text(
    f"每行一份：类别 名称 SHA-256（从文件填入的行，请将行首的 ? 改为类别）；类别为 {'、'.join(f'{paper.value}（{name.zh}）' for paper, name in PAPER_NAMES.items())}",
    f"One a line: kind, name, SHA-256 (put the kind in place of the ? of a line that was filled in from a file); kinds: {', '.join(f'{paper.value} ({name.en})' for paper, name in PAPER_NAMES.items())}",
)
_LINE: Final = re.compile(r"(\S+)\s+(.+?)\s+([0-9a-fA-F]{64})")


def _badge(row: RegistrationRead) -> Cell:
    if row.is_overdue:
        return Cell(Text("审核逾期", "Review overdue"), badge="overdue")
    if row.state is State.REGISTERED and not row.is_valid:
        gone = row.act is Act.CANCELLATION
        return Cell(Text("已注销", "Cancelled") if gone else Text("已过期", "Expired"), badge="blocked")
    looks = {
        State.REGISTERED: "done",
        State.REFUSED: "blocked",
        State.DROPPED: "blocked",
        State.SUPERSEDED: "still",
    }
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "open"))


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", act: str = "", q: str = ""
) -> HTMLResponse:
    """What is registered and on notice."""
    found, total = service.registrations(
        work, actor, state=state if state in STATE_NAMES else "", act=act if act in ACT_NAMES else "", text=q.strip()[:100],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(Text(row.title_zh, row.title_en), f"/registrations/{row.id}"), Cell(_act(row)), _badge(row), Cell(row.code, mono=True),
         Cell(names.get(row.department_id, row.department_id)), Cell(_span(row.notice_from, row.notice_to)), Cell(str(row.valid_to) if row.valid_to else None)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("授权运营范围内的数据资源须登记：形式审核、公示、赋码，有效期三年。登记不是确权。", "Data within authorised operation are registered: formal review, public notice, a code, valid for three years. It gives no title."),
        heads=[Text("数据", "Data"), Text("类型", "Act"), Text("状态", "State"), Text("登记编码", "Code"), Text("登记单位", "Department"), Text("公示期", "Notice"), Text("有效期至", "Valid until")],
        filters=[
            FormField("q", Text("名称或编码含", "Title or code holds"), "search", value=q),
            FormField("state", Text("状态", "State"), "select", options=[_EVERY, *STATE_NAMES.items()], value=state),
            FormField("act", Text("类型", "Act"), "select", options=[_EVERY, *ACT_NAMES.items()], value=act),
        ],
        actions=[Action(Text("申请登记", "Ask for registration"), "/registrations/new", primary=True)] if actor.may(WRITE) else [],
        empty=Text("还没有登记或公示", "Nothing is registered or on notice yet"),
    )  # fmt: skip


def _act(row: RegistrationRead) -> Text:
    act = ACT_NAMES[row.act]
    return act if row.is_readable else Text(f"{act.zh}（{UNREADABLE.zh}）", f"{act.en} ({UNREADABLE.en})")


def _span(since: object, until: object) -> str | None:
    return f"{since} — {until}" if since and until else str(since) if since else None


@router.get("/new", response_class=HTMLResponse, **access(WRITE))
def new_page(request: Request, dataset: str = "", act: str = "first") -> HTMLResponse:
    """The form to begin an act."""
    return _form(request, {"dataset_id": dataset[:120], "act": act if act in ACT_NAMES else "first"})


def _parts() -> list[FormField]:
    fields = [FormField(name, said, "textarea", rows=2, full=True) for name, said in PARTS.items()]
    return [
        *fields,
        FormField(
            "attachments",
            Text("附件清单", "Attachments"),
            "textarea",
            rows=4,
            full=True,
            hint=_PAPERS,
            digest="? {name} {sha}",
        ),
    ]


def _form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("申请登记", "Ask for registration"), crumb=(_TITLE, "/registrations"), action="/registrations", typed=typed,
        lead=Text("先存为草稿，可缺项；提交时逐项核对。附件由部门保管，此处留存其 SHA-256。", "Saved as a draft that may lack anything; submitting checks it part by part. The department keeps the documents, their SHA-256 is kept here."),
        fields=[
            FormField("dataset_id", Text("资源代码", "Resource code"), required=True),
            FormField("act", Text("登记类型", "Act"), "select", True, list(ACT_NAMES.items())), *_parts(),
        ],
        submit=Text("存为草稿", "Save the draft"), refusal=refusal,
    )  # fmt: skip


def _body(typed: Mapping[str, str]) -> Body:
    papers = []
    for number, line in enumerate(filter(None, map(str.strip, typed["attachments"].splitlines())), 1):
        fits = _LINE.fullmatch(line)
        if fits is None or fits[1] not in set(Paper):
            raise InputRefused(
                Text(
                    f"附件第 {number} 行应为：类别 名称 SHA-256。",
                    f"Line {number} of the attachments is not: kind, name, SHA-256.",
                ),
                field="attachments",
            )
        papers.append({"paper": fits[1], "name": fits[2], "sha256": fits[3].lower()})
    return checked(Body, {name: typed[name] for name in PARTS} | {"attachments": papers})


@router.post("", response_class=HTMLResponse, **access(WRITE))
def draft(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Begin an act."""
    typed = cases.typed_of(form, ("dataset_id", "act", *_BODY))

    def act(work: Work) -> RegistrationRead:
        body = checked(
            RegistrationCreate, {"dataset_id": typed["dataset_id"], "act": typed["act"], "body": _body(typed)}
        )
        return service.draft(work, actor, body, assets=partial(assets, work))

    made = tried(house, act)
    if isinstance(made, AppError):
        return _form(request, typed, made)
    return go(f"/registrations/{made.id}", Text("已存为草稿。", "Saved as a draft."))


@router.get("/{registration_id}", response_class=HTMLResponse, **access(PUBLIC))
def show_page(request: Request, work: ReadDep, actor: ActorDep, registration_id: str) -> HTMLResponse:
    """One act."""
    return _show(request, work, actor, registration_id)


def _lines(body: Body) -> str:
    return "\n".join(f"{each.paper.value} {each.name} {each.sha256}" for each in body.attachments)


def _steps(row: RegistrationRead) -> dict[str, StepForm]:
    body = row.body or Body()
    held = {name: getattr(body, name) for name in PARTS} | {"attachments": _lines(body)}
    filled = [dataclasses.replace(f, full=True, value=held[f.name]) for f in _parts()]
    return {
        Step.SAVE: StepForm(filled), Step.SUBMIT: StepForm(), Step.DROP: StepForm((), Text("确定放弃该草稿吗？", "Give this draft up?"), danger=True),
        Step.PASS: StepForm(), Step.RETURN: StepForm([NOTE]), Step.REFUSE: StepForm([NOTE], danger=True), Step.OBJECT: StepForm([NOTE], danger=True),
        Step.CERTIFY: StepForm([FormField("code", Text("国家登记编码（如有）", "National code, if there is one"), hint=Text("不填则由平台赋码", "Ours when empty"))]),
    }  # fmt: skip


def _show(
    request: Request, work: Work, actor: Actor, registration_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.registration(work, actor, registration_id)
    facts = [
        (Text("数据集", "Dataset"), Cell(row.dataset_id, f"/datasets/{row.dataset_id}")), (Text("登记单位", "Department"), Cell(org_names(work).get(row.department_id, row.department_id))),
        (Text("登记编码", "Code"), Cell(row.code, mono=True)), (Text("有效期", "Valid"), Cell(_span(row.valid_from, row.valid_to))),
        (Text("公示期", "Public notice"), Cell(_span(row.notice_from, row.notice_to))),
    ]  # fmt: skip
    sections = []
    if row.body is not None:
        facts += [(said, Cell(getattr(row.body, name))) for name, said in PARTS.items()]
        facts += [
            (Text("审核期限", "Review due"), Cell(str(row.review_due_on) if row.review_due_on else None)),
            (Text("说明", "Note"), Cell(row.note)),
        ]
        papers = [
            [Cell(PAPER_NAMES[each.paper]), Cell(each.name), Cell(each.sha256, mono=True)]
            for each in row.body.attachments
        ]
        sections.append(
            Section(
                Text("附件", "Attachments"),
                [Text("类别", "Kind"), Text("名称", "Name"), Text("SHA-256", "SHA-256")],
                papers,
            )
        )
    record = Record(
        title=Text(row.title_zh, row.title_en), lead=ACT_NAMES[row.act], crumb=_TITLE, base="/registrations", id=row.id, version=row.version,
        badge=_badge(row), facts=facts, sections=sections, steps=_steps(row),
        downloads=[Action(Text("登记材料包（ZIP）", "Pack (ZIP)"), f"/registrations/{row.id}/pack")] if row.body is not None else [],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, registration_id), service.history(work, actor, registration_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _do(
    request: Request, house: House, actor: Actor, registration_id: str, typed: dict[str, Any], act: Callable[[Work], RegistrationRead]
) -> Response:  # fmt: skip
    place = f"/registrations/{registration_id}"
    return cases.acted(house, act, place, lambda work, refused: _show(request, work, actor, registration_id, refused, typed))  # fmt: skip


def _plain(
    request: Request, house: House, actor: Actor, registration_id: str, form: Mapping[str, Any], which: Step
) -> Response:
    typed = cases.typed_of(form, ("note",), which.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return _do(
        request,
        house,
        actor,
        registration_id,
        typed,
        lambda work: service.step(work, actor, registration_id, which, body),
    )


@router.post("/{registration_id}/save", response_class=HTMLResponse, **access(WRITE))
def save(request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed) -> Response:
    """Replace what is handed in."""
    typed = cases.typed_of(form, _BODY, Step.SAVE.value)
    version = cases.version_of(form)
    return _do(
        request, house, actor, registration_id, typed,
        lambda work: service.save(work, actor, registration_id, RegistrationSave(version=version, body=_body(typed))),
    )  # fmt: skip


@router.post("/{registration_id}/submit", response_class=HTMLResponse, **access(WRITE))
def submit(request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed) -> Response:
    """Hand it in."""
    return _plain(request, house, actor, registration_id, form, Step.SUBMIT)


@router.post("/{registration_id}/drop", response_class=HTMLResponse, **access(WRITE))
def drop(request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed) -> Response:
    """Give the draft up."""
    return _plain(request, house, actor, registration_id, form, Step.DROP)


@router.post("/{registration_id}/return", response_class=HTMLResponse, **access(REVIEW))
def send_back(
    request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed
) -> Response:
    """Send it back to be completed."""
    return _plain(request, house, actor, registration_id, form, Step.RETURN)


@router.post("/{registration_id}/pass", response_class=HTMLResponse, **access(REVIEW))
def pass_on(
    request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed
) -> Response:
    """Pass the review, give notice."""
    return _plain(request, house, actor, registration_id, form, Step.PASS)


@router.post("/{registration_id}/refuse", response_class=HTMLResponse, **access(REVIEW))
def refuse(request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed) -> Response:
    """Refuse it."""
    return _plain(request, house, actor, registration_id, form, Step.REFUSE)


@router.post("/{registration_id}/object", response_class=HTMLResponse, **access(REVIEW))
def uphold(request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed) -> Response:
    """Uphold an objection."""
    return _plain(request, house, actor, registration_id, form, Step.OBJECT)


@router.post("/{registration_id}/certify", response_class=HTMLResponse, **access(CERTIFY))
def certify(
    request: Request, house: HouseDep, actor: ActorDep, registration_id: str, form: Typed
) -> Response:
    """Register it and give the code."""
    typed = cases.typed_of(form, ("code",), Step.CERTIFY.value)
    given = {"version": cases.version_of(form), "code": typed["code"]}
    return _do(
        request, house, actor, registration_id, typed,
        lambda work: service.certify(work, actor, registration_id, checked(RegistrationCertify, given)),
    )  # fmt: skip


@router.post("/{registration_id}/pack", response_class=Response, **access(READ))
def take_pack(work: WorkDep, actor: ActorDep, registration_id: str) -> Response:
    """The pack as a download."""
    made = pack(work, actor, registration_id, partial(assets, work))
    headers = attachment(f"registration-{registration_id[:13]}.zip") | {"Cache-Control": "no-store"}
    return Response(made, media_type="application/zip", headers=headers)
