"""Pages of tickets: the list, one ticket with everything that is done about it, and the rules that keep failing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep, language
from api.errors import status_of
from api.forms import Typed, sentences, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names
from api.pages.batches import SEVERITIES
from api.receiving import store_upload
from api.web import go, page, page_number
from auth.actor import Actor
from auth.identity.organisations import organisations
from auth.identity.tables import OrgKind
from catalog import queries as catalog
from core.errors import AppError, InputRefused
from core.text import Lang, Text
from core.work import Work
from datasets.batches import service as batches
from datasets.tickets import queries, recurring, returned, service
from datasets.tickets.models import (
    FixDecision,
    TicketAnswer,
    TicketAssign,
    TicketDetail,
    TicketNote,
    TicketRemark,
    TrendPoint,
)
from datasets.tickets.rules import ANSWER_NAMES, BY_PEOPLE
from datasets.tickets.workflow import STATE_NAMES, STEP_NAMES, TicketState
from datasets.waivers.workflow import STANDING_NAMES

Body = TypeVar("Body", bound=BaseModel)
router = APIRouter(prefix="/tickets", include_in_schema=True, tags=["pages"])
_READ, _ASSIGN, _WORK, _CONFIRM = (
    f"datasets:ticket:{word}" for word in ("read", "assign", "work", "confirm")
)
_SUBMIT: Final = "datasets:batch:submit"
EVENT_NAMES: Final = {step.value: name for step, name in STEP_NAMES.items()} | {
    "open": Text("检查未通过，开立工单", "Failed a check; ticket opened"),
    "comment": Text("留言", "Remark"),
    "returned": Text("交回更正", "Correction handed in"),
    "overdue": Text("已逾期", "Overdue"),
}
SETTLED_NAMES: Final = {
    "corrected": Text("已更正", "Corrected"),
    "followed": Text("已由后一批次接续", "Taken over by a later batch"),
    "rejected": Text("批次已退回", "Batch sent back"),
    "signed": Text("已签字确认", "Signed for"),
    "waived": Text("已豁免", "Waived"),
}
_LABELS: Final = {
    "note": Text("说明", "Note"),
    "answer": Text("反馈结论", "Answer"),
    "planned_on": Text("计划完成日期", "Planned date"),
}


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    org: str = "",
    dataset: str = "",
    batch: str = "",
    which: str = "",
    sort: str = "due",
) -> HTMLResponse:
    """Tickets within the reader's sight. `which`: mine, overdue, live."""
    found = queries.tickets(
        work, actor, states=(state,) if state in set(TicketState) else (), org_id=org, dataset_id=dataset.strip(), batch_id=batch,
        overdue=which == "overdue", mine=which == "mine", live=which == "live", sort=sort, page=page_number(request),
    )  # fmt: skip
    return page(
        request, "tickets/list.html", found=found, state=state, org=org, dataset=dataset, which=which, states=STATE_NAMES,
        severities=SEVERITIES, orgs=org_names(work), departments=_departments(work),
        titles=catalog.titles(work, sorted({each.dataset_id for each in found.items})),
        open_fixes=sum(1 for each in queries.fixes(work, actor, states=("proposed",))),
    )  # fmt: skip


def _departments(work: Work) -> list[tuple[str, Text]]:
    kinds = (OrgKind.SOURCE_DEPARTMENT, OrgKind.IMPLEMENTING_BODY)
    return [(org.id, org.name) for org in organisations(work) if org.kind in kinds]


@router.get("/fixes", response_class=HTMLResponse, **access(_READ))
def fixes_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """Rules that keep failing, and what their departments do about the source."""
    return _fixes(request, work, actor, state)


def _fixes(
    request: Request,
    work: Work,
    actor: Actor,
    state: str = "",
    refusal: AppError | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = recurring.listed(work, actor, states=(state,) if state in recurring.FIX_STATES else ())
    titles = catalog.titles(work, sorted({each.dataset_id for each in found}))
    return page(
        request, "tickets/fixes.html", status=status_of(refusal) if refusal else 200, found=found, state=state,
        states=recurring.FIX_STATES, titles=titles, orgs=org_names(work), ticket_states=STATE_NAMES, refusal=refusal,
        typed=typed or {}, trends={each.id: _trend(each.trend, language(request)) for each in found},
    )  # fmt: skip


def _trend(points: list[TrendPoint], lang: Lang) -> dict[str, Any]:
    return {
        "kind": "bar",
        "labels": [str(point.number) for point in points],
        "series": [
            {
                "name": Text("不符行数", "Failing rows").in_(lang),
                "values": [point.failing_rows or 0 for point in points],
            }
        ],
    }


@router.post("/fixes/{fix_id}/accept", response_class=HTMLResponse, **access(_WORK))
def accept_fix(request: Request, house: HouseDep, actor: ActorDep, fix_id: str, form: Typed) -> Response:
    """Plan the mending of the source."""
    return _decide(request, house, actor, fix_id, form, accepts=True)


@router.post("/fixes/{fix_id}/reject", response_class=HTMLResponse, **access(_WORK))
def reject_fix(request: Request, house: HouseDep, actor: ActorDep, fix_id: str, form: Typed) -> Response:
    """Say why the source is not mended."""
    return _decide(request, house, actor, fix_id, form, accepts=False)


def _decide(
    request: Request, house: House, actor: Actor, fix_id: str, form: FormData, *, accepts: bool
) -> Response:
    typed = {key: str(form.get(key, "")) for key in ("note", "planned_on", "version")}
    given = {"note": typed["note"], "planned_on": (typed["planned_on"] or None) if accepts else None}

    def act(work: Work) -> None:
        body = checked(FixDecision, given | _seen(typed["version"]))
        recurring.decide(work, actor, fix_id, body, accepts=accepts)

    if (refused := tried(house, act)) is not None:
        with house.read() as work:
            queries.fix(work, actor, fix_id)
            return _fixes(request, work, actor, refusal=refused, typed=typed | {"id": fix_id})
    said = (
        Text("已采纳并排定日期。", "Accepted, with a date.")
        if accepts
        else Text("已说明不采纳的理由。", "Rejected, with a reason.")
    )
    return go("/tickets/fixes", said)


@router.get("/{ticket_id}", response_class=HTMLResponse, **access(_READ, personal="ticket_id"))
def show_page(request: Request, work: ReadDep, actor: ActorDep, ticket_id: str) -> HTMLResponse:
    """One ticket."""
    return _show(request, work, actor, ticket_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    ticket_id: str,
    refusal: AppError | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = service.detail(work, actor, ticket_id)
    title = catalog.titles(work, [found.dataset_id]).get(
        found.dataset_id, Text(found.dataset_id, found.dataset_id)
    )
    return page(
        request, "tickets/show.html", status=status_of(refusal) if refusal else 200, ticket=found, title=title,
        states=STATE_NAMES, severities=SEVERITIES, answers=ANSWER_NAMES, settled=SETTLED_NAMES, refusal=refusal,
        typed=typed or {}, orgs=org_names(work), departments=_departments(work), steps=_steps(found),
        people=[(each.username, each.name) for each in queries.assignable(work, found.assignee_org)],
        commands={command.step: command for command in found.commands}, events=_events(found),
        choices=[(key, ANSWER_NAMES[key]) for key in BY_PEOPLE], standings=STANDING_NAMES,
        may_comment=actor.may_in(_ASSIGN, found.org_id) or actor.may_in(_ASSIGN, found.assignee_org),
        may_waive=actor.may_in("datasets:waiver:sign", found.org_id),
        may_see_batch=actor.may_in("datasets:batch:read", found.org_id),
    )  # fmt: skip


def _steps(found: TicketDetail) -> list[dict[str, Any]]:
    """Where the ticket stands among the four verbs."""
    names = (
        Text("检查", "Checked"),
        Text("受理分拨", "Accepted"),
        Text("校核更正", "Verified, corrected"),
        Text("反馈", "Answered"),
        Text("确认", "Confirmed"),
    )
    place = {
        TicketState.OPEN: 1, TicketState.ACCEPTED: 2, TicketState.ASSIGNED: 2, TicketState.IN_WORK: 2,
        TicketState.REOPENED: 2, TicketState.ANSWERED: 4, TicketState.CLOSED: 5,
    }[found.state]  # fmt: skip
    tone = "bad" if found.is_overdue else "now"
    return [
        {"label": name, "state": "done" if at < place else tone if at == place else "todo"}
        for at, name in enumerate(names)
    ]


def _events(found: TicketDetail) -> list[dict[str, Any]]:
    """The history, newest first, for the timeline."""
    system = Text("系统", "System")
    tones = {
        "open": "bad",
        "recur": "bad",
        "overdue": "warn",
        "reopen": "warn",
        "mend": "good",
        "confirm": "good",
    }
    events = []
    for event in reversed(found.history):
        answer = ANSWER_NAMES.get(str(event.facts.get("answer")))
        number = event.facts.get("batch_number")
        said = EVENT_NAMES.get(event.step, Text(event.step, event.step))
        if answer:
            said = Text(f"{said.zh}：{answer.zh}", f"{said.en}: {answer.en}")
        elif number:
            said = Text(f"{said.zh}（第 {number} 批）", f"{said.en} (batch {number})")
        said = Text(said.zh, said.en[:1].upper() + said.en[1:])
        who = Text(event.who.name["zh"], event.who.name["en"]) if event.who else system
        events.append(
            {
                "at": event.at,
                "who": who,
                "what": said,
                "note": event.note or None,
                "tone": tones.get(event.step),
            }
        )
    return events


def checked(kind: type[Body], given: dict[str, Any]) -> Body:
    """A form's fields as a body; raises InputRefused with a sentence for each field."""
    try:
        return kind.model_validate(given)
    except ValidationError as fault:
        said = [text for _, text in sentences(fault, _LABELS)]
        zh, en = "；".join(text.zh for text in said), "; ".join(text.en for text in said)
        raise InputRefused(Text(f"{zh}。", f"{en}.")) from None


def _seen(version: str) -> dict[str, int]:
    return {"version": version_of({"version": version})}


def _step(
    request: Request,
    house: House,
    actor: Actor,
    ticket_id: str,
    form: FormData,
    act: Callable[[Work, dict[str, Any]], object],
    said: Text,
    *,
    remark: bool = False,
) -> Response:
    """One step by its form; a refusal shows the page again with what was typed."""
    typed = {key: str(form.get(key, "")) for key in ("note", "answer", "username", "org_id", "version")}
    given = {"note": typed["note"]} | ({} if remark else _seen(typed["version"]))
    refused = tried(house, lambda work: act(work, given | {"typed": typed}))
    if isinstance(refused, AppError):
        with house.read() as work:
            return _show(request, work, actor, ticket_id, refused, typed)
    return go(f"/tickets/{ticket_id}", said)


def _note(given: dict[str, Any]) -> TicketNote:
    return checked(TicketNote, {key: value for key, value in given.items() if key != "typed"})


@router.post("/{ticket_id}/accept", response_class=HTMLResponse, **access(_ASSIGN))
def accept(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Take it in."""
    return _step(
        request, house, actor, ticket_id, form,
        lambda work, given: service.accept(work, actor, ticket_id, _note(given)), Text("已受理。", "Accepted."),
    )  # fmt: skip


@router.post("/{ticket_id}/assign", response_class=HTMLResponse, **access(_ASSIGN))
def assign(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Give it to a person or a department."""

    def act(work: Work, given: dict[str, Any]) -> object:
        typed = given.pop("typed")
        whom = {"username": typed["username"] or None, "org_id": typed["org_id"] or None}
        return service.assign(work, actor, ticket_id, checked(TicketAssign, given | whom))

    return _step(request, house, actor, ticket_id, form, act, Text("已分拨。", "Assigned."))


@router.post("/{ticket_id}/start", response_class=HTMLResponse, **access(_WORK))
def start(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Begin work."""
    return _step(
        request, house, actor, ticket_id, form,
        lambda work, given: service.start(work, actor, ticket_id, _note(given)),
        Text("已开始处理。", "Work has begun."),
    )  # fmt: skip


@router.post("/{ticket_id}/answer", response_class=HTMLResponse, **access(_WORK))
def answer(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Say what was found."""

    def act(work: Work, given: dict[str, Any]) -> object:
        typed = given.pop("typed")
        body = checked(TicketAnswer, given | {"answer": typed["answer"]})
        return service.answer(work, actor, ticket_id, body)

    return _step(
        request, house, actor, ticket_id, form, act,
        Text("已反馈，待另一位专员确认。", "Answered; another steward confirms it."),
    )  # fmt: skip


@router.post("/{ticket_id}/confirm", response_class=HTMLResponse, **access(_CONFIRM))
def confirm(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Close it."""
    return _step(
        request, house, actor, ticket_id, form,
        lambda work, given: service.confirm(work, actor, ticket_id, _note(given)),
        Text("已确认办结。", "Confirmed and closed."),
    )  # fmt: skip


@router.post("/{ticket_id}/reopen", response_class=HTMLResponse, **access(_CONFIRM))
def reopen(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Back to the department."""
    return _step(
        request, house, actor, ticket_id, form,
        lambda work, given: service.reopen(work, actor, ticket_id, _note(given)),
        Text("已退回部门重新处理。", "Sent back to the department."),
    )  # fmt: skip


@router.post("/{ticket_id}/comment", response_class=HTMLResponse, **access(_ASSIGN))
def comment(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str, form: Typed) -> Response:
    """Add a remark."""
    return _step(
        request, house, actor, ticket_id, form,
        lambda work, given: service.comment(work, actor, ticket_id, TicketRemark(note=given["note"])),
        Text("已留言。", "The remark was added."), remark=True,
    )  # fmt: skip


@router.post("/{ticket_id}/return", response_class=HTMLResponse, **access(_SUBMIT))
def return_file(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    ticket_id: str,
    file: UploadFile,
    csrf: Annotated[str, Form()] = "",  # noqa: ARG001 - a field of the form, checked by `access`
) -> Response:
    """Hand the corrected workbook in."""
    try:
        if not file.filename:
            raise InputRefused(Text("请先选择文件。", "Choose a file first."))
        with house.read() as work:
            dataset_id = queries.ticket(work, actor, ticket_id).dataset_id
            batches.may_submit(work, actor, dataset_id)
        stored = store_upload(file, house, actor, dataset_id)
        with house.write() as work:
            batch = returned.take(work, actor, house.files, ticket_id, file.filename, stored)
    except AppError as refused:
        with house.read() as work:
            return _show(request, work, actor, ticket_id, refused)
    said = (
        Text(
            "已识别更正表，正在按行号合并并重新校验。",
            "The workbook was recognised; its rows are merged by key and checked.",
        )
        if batch.is_row_correction
        else Text("已接收完整文件，正在校验。", "The whole file was taken in and is being checked.")
    )
    return go(f"/batches/{batch.id}", said)
