"""Pages of commitments: the list, one with its text and digest, and establishing that it is broken."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed
from api.late import APIRouter
from api.lookups import org_names
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.papers import commitments
from auth.papers.book import COMMITMENTS
from auth.papers.commitment_workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.papers.commitments import BREAK, CommitmentRead
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/commitments", include_in_schema=True, tags=["pages"])
READ: Final = "auth:application:read"
_TITLE: Final = Text("告知承诺", "Commitments")
_LOOKS: Final = {State.STANDING: "open", State.KEPT: "done", State.BROKEN: "blocked"}
_STEPS: Final = {
    Step.BREAK: StepForm(
        [NOTE],
        Text("认定后该材料须补交，机构一段时间内不得再用承诺。确定？", "The paper is then due and the organisation may not promise for a time. Go on?"),
        danger=True,
    ),
}  # fmt: skip


def _badge(row: CommitmentRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_LOOKS[row.state])


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", org: str = ""
) -> HTMLResponse:
    """Commitments in the reader's sight."""
    found, total = commitments.commitments(
        work, actor, state=state if state in STATE_NAMES else "", org_id=org.strip()[:60],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(Text(row.title_zh, row.title_en), f"/commitments/{row.id}"), Cell(names.get(row.org_id, row.org_id)),
         Cell(Text(row.signer_zh, row.signer_en)), _badge(row), Cell(row.created_at), Cell(row.application_id[:13], f"/applications/{row.application_id}", mono=True)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("以签署的承诺代替材料；违背的由数据专员认定，材料须补交，审批人可见。", "Signed instead of a paper; a steward establishes a breach, the paper is then due, and deciders see it."),
        heads=[Text("材料", "Paper"), Text("机构", "Organisation"), Text("签署人", "Signed by"), Text("状态", "State"), Text("签署时间", "Signed"), Text("申请", "Application")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("org", Text("机构代码", "Organisation id"), "search", value=org),
        ],
        empty=Text("还没有承诺", "No commitments yet"),
    )  # fmt: skip


@router.get("/{commitment_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, commitment_id: str) -> HTMLResponse:
    """One commitment."""
    return _show(request, work, actor, commitment_id)


def _show(
    request: Request, work: Work, actor: Actor, commitment_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row, names = commitments.commitment_of(work, actor, commitment_id), org_names(work)
    text = row.document["text"] or {"zh": "—", "en": "—"}
    org = names.get(row.org_id, Text(row.org_id, row.org_id))
    record = Record(
        title=Text(row.title_zh, row.title_en), lead=org, crumb=_TITLE, base="/commitments", id=row.id, version=row.version,
        badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("承诺内容", "Text"), Cell(Text(text["zh"], text["en"]))), (Text("签署人", "Signed by"), Cell(Text(row.signer_zh, row.signer_en))),
            (Text("签署时间", "Signed"), Cell(row.created_at)), (Text("申请", "Application"), Cell(row.application_id[:13], f"/applications/{row.application_id}", mono=True)),
            (Text("依据", "Basis"), Cell(row.document["paper"]["source"])), (Text("文本摘要 SHA-256", "SHA-256 of the document"), Cell(row.sha256, mono=True)),
            (Text("认定理由", "Findings"), Cell(row.note)),
        ],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, commitments.commands(work, actor, commitment_id), COMMITMENTS.events(work, commitment_id),
        STEP_NAMES, refusal=refusal, typed=typed,
    )  # fmt: skip


@router.post("/{commitment_id}/break", response_class=HTMLResponse, **access(BREAK))
def break_it(request: Request, house: HouseDep, actor: ActorDep, commitment_id: str, form: Typed) -> Response:
    """Establish that it is broken."""
    typed = cases.typed_of(form, ("note",), Step.BREAK.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: commitments.establish_broken(work, actor, commitment_id, body), f"/commitments/{commitment_id}",
        lambda work, refused: _show(request, work, actor, commitment_id, refused, typed),
    )  # fmt: skip
