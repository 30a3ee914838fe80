"""Pages of proposals to suspend grants: the list, and one with the two answers to it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed
from api.late import APIRouter
from api.lookups import org_names
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.suspensions import service
from auth.suspensions.service import ANSWER, READ, ProposalRead
from auth.suspensions.workflow import STATE_NAMES, STEP_NAMES, State, Step
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/suspensions", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("暂停建议", "Proposals to suspend")
_LOOKS: Final = {State.OPEN: "blocked", State.SUSPENDED: "done", State.DISMISSED: "done"}
_MORE: Final = FormField("note", Text("补充说明", "To be added"), "textarea", rows=2)
_STEPS: Final = {
    Step.SUSPEND: StepForm([_MORE], Text("授权立即停止使用，恢复须由另一人办理。确定？", "All use of the grant stops at once; somebody else may resume it. Go on?"), danger=True),
    Step.DISMISS: StepForm([NOTE], Text("授权继续有效。确定？", "The grant goes on. Sure?")),
}  # fmt: skip


def _badge(row: ProposalRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_LOOKS[row.state])


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", grant: str = ""
) -> HTMLResponse:
    """Proposals in the reader's sight."""
    found, total = service.proposals(
        work, actor, state=state if state in STATE_NAMES else "", grant_id=grant.strip()[:120],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(row.dataset_id, f"/suspensions/{row.id}", mono=True), Cell(names.get(row.org_id, row.org_id)), Cell(row.found[:80]),
         _badge(row), Cell(row.created_at), Cell(row.grant_id[:13], f"/grants/{row.grant_id}", mono=True)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("数据专员认定违背承诺后，对由此取得的有效授权建议暂停；由安全管理员一步暂停，或说明不予暂停的理由。", "Once a steward has found a commitment broken, the grants in force that came of it are proposed for suspension; a security officer suspends them by one step or says why not."),
        heads=[Text("数据集", "Dataset"), Text("机构", "Organisation"), Text("认定的事实", "What was found"), Text("状态", "State"), Text("提出时间", "Proposed"), Text("授权", "Grant")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("grant", Text("授权编号", "Grant id"), "search", value=grant),
        ],
        empty=Text("没有暂停建议", "Nothing is proposed"),
    )  # fmt: skip


@router.get("/{suspension_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, suspension_id: str) -> HTMLResponse:
    """One proposal."""
    return _show(request, work, actor, suspension_id)


def _show(
    request: Request, work: Work, actor: Actor, suspension_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.proposal(work, actor, suspension_id)
    record = Record(
        title=Text(f"暂停授权 {row.grant_id[:13]} 的建议", f"Proposal to suspend grant {row.grant_id[:13]}"), lead=Text(row.found, row.found), crumb=_TITLE, base="/suspensions", id=row.id, version=row.version,
        badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("授权", "Grant"), Cell(row.grant_id, f"/grants/{row.grant_id}", mono=True)),
            (Text("机构", "Organisation"), Cell(org_names(work).get(row.org_id, row.org_id))),
            (Text("数据集", "Dataset"), Cell(row.dataset_id, f"/datasets/{row.dataset_id}", mono=True)),
            (Text("违背的承诺", "Broken commitment"), Cell(row.commitment_id[:13], f"/commitments/{row.commitment_id}", mono=True)),
            (Text("提出时间", "Proposed"), Cell(row.created_at)), (Text("处理时间", "Answered"), Cell(row.ended_at)),
            (Text("处理说明", "Answer"), Cell(row.note if row.ended_at else "")),
        ],
        actions=[Action(Text("该授权的台账", "Ledger of this grant"), f"/usage?grant={row.grant_id}")] if actor.may("auth:usage:read") else [],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, suspension_id), service.BOOK.events(work, suspension_id),
        STEP_NAMES, refusal=refusal, typed=typed,
    )  # fmt: skip


@router.post("/{suspension_id}/suspend", response_class=HTMLResponse, **access(ANSWER))
def carry_out(
    request: Request, house: HouseDep, actor: ActorDep, suspension_id: str, form: Typed
) -> Response:
    """Suspend the grant."""
    return _answer(request, house, actor, suspension_id, form, Step.SUSPEND)


@router.post("/{suspension_id}/dismiss", response_class=HTMLResponse, **access(ANSWER))
def dismiss(request: Request, house: HouseDep, actor: ActorDep, suspension_id: str, form: Typed) -> Response:
    """Let the grant go on."""
    return _answer(request, house, actor, suspension_id, form, Step.DISMISS)


def _answer(request: Request, house: HouseDep, actor: Actor, suspension_id: str, form: Typed, step: Step) -> Response:  # fmt: skip
    typed = cases.typed_of(form, ("note",), step.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    act = service.carry_out if step is Step.SUSPEND else service.dismiss
    return cases.acted(
        house, lambda work: act(work, actor, suspension_id, body), f"/suspensions/{suspension_id}",
        lambda work, refused: _show(request, work, actor, suspension_id, refused, typed),
    )  # fmt: skip
