"""Pages of revocations: the list, and one with the second person's answers."""

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
from auth.revocations import service
from auth.revocations.opening import BOOK, READ, SHA256
from auth.revocations.rules import BAR_SCOPES
from auth.revocations.service import ANSWER, EvidenceStep, RevocationRead
from auth.revocations.workflow import STATE_NAMES, STEP_NAMES, State, Step
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/revocations", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("撤销确认", "Revocations")
_LOOKS: Final = {State.WAITS: "warning", State.OVERDUE: "blocked", State.CONFIRMED: "done", State.OBJECTED: "done", State.LIFTED: "done"}  # fmt: skip
_SHA: Final = FormField(
    "evidence_sha256",
    Text("证据文件的 SHA-256（可不填）", "SHA-256 of the file that proves it (optional)"),
    digest="one",
)
_STEPS: Final = {
    Step.ADD_EVIDENCE: StepForm([FormField("evidence", Text("证据", "Evidence"), "textarea", required=True, rows=2), _SHA]),
    Step.CONFIRM: StepForm([FormField("note", Text("说明（可不填）", "Note (optional)"), "textarea", rows=2)], Text("确认该撤销及其申请限制。确定？", "Confirm the revocation and its bar?")),
    Step.OBJECT: StepForm([NOTE], Text("授权不会恢复，但持有方可立即重新申请。确定？", "The grant does not come back, but its holder may apply at once. Go on?"), danger=True),
    Step.LIFT: StepForm([NOTE], Text("持有方可立即重新申请。确定？", "The holder may apply again at once. Go on?")),
}  # fmt: skip


def _badge(row: RevocationRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_LOOKS[row.state])


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", grant: str = ""
) -> HTMLResponse:
    """Revocations in the reader's sight."""
    found, total = service.revocations(
        work, actor, state=state if state in STATE_NAMES else "", grant_id=grant.strip()[:120],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(row.dataset_id, f"/revocations/{row.id}", mono=True), Cell(names.get(row.org_id, row.org_id)), Cell(row.reason[:80]),
         _badge(row), Cell(row.confirm_by if row.state in (State.WAITS, State.OVERDUE) else None), Cell(row.bar_until), Cell(row.grant_id[:13], f"/grants/{row.grant_id}", mono=True)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("撤销即时生效；另一人须在时限内确认。第二人不予确认时，授权不恢复，但持有方可重新申请。", "A revocation stands at once; another person confirms it in time. If that person does not, the grant stays ended but its holder may apply anew."),
        heads=[Text("数据集", "Dataset"), Text("机构", "Organisation"), Text("理由", "Reason"), Text("状态", "State"), Text("确认时限", "Confirm by"), Text("限制申请至", "Barred until"), Text("授权", "Grant")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("grant", Text("授权编号", "Grant id"), "search", value=grant),
        ],
        empty=Text("没有撤销记录", "Nothing was revoked"),
    )  # fmt: skip


@router.get("/{revocation_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, revocation_id: str) -> HTMLResponse:
    """One revocation."""
    return _show(request, work, actor, revocation_id)


def _reach(row: RevocationRead) -> Text:
    named, more = BAR_SCOPES[row.bar_scope], ", ".join(row.bar_datasets)
    return Text(f"{named.zh}：{more}", f"{named.en}: {more}") if more else named


def _show(
    request: Request, work: Work, actor: Actor, revocation_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.revocation(work, actor, revocation_id)
    barred = Text("限制有效", "In force") if row.is_barring else Text("未生效", "Not in force")
    record = Record(
        title=Text(f"撤销授权 {row.grant_id[:13]}", f"Revocation of {row.grant_id[:13]}"), lead=Text(row.reason, row.reason), crumb=_TITLE, base="/revocations", id=row.id, version=row.version,
        badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("授权", "Grant"), Cell(row.grant_id, f"/grants/{row.grant_id}", mono=True)),
            (Text("机构", "Organisation"), Cell(org_names(work).get(row.org_id, row.org_id))),
            (Text("数据集", "Dataset"), Cell(row.dataset_id, f"/datasets/{row.dataset_id}", mono=True)),
            (Text("证据", "Evidence"), Cell(row.evidence or Text("尚未提供", "None yet"))),
            (Text("证据文件 SHA-256", "SHA-256 of the file"), Cell(row.evidence_sha256, mono=True)),
            (Text("确认时限", "Confirm by"), Cell(row.confirm_by)),
            (Text("限制再次申请至", "Barred from applying until"), Cell(row.bar_until)),
            (Text("限制范围", "The bar is for"), Cell(_reach(row) if row.bar_until else "")),
            (Text("限制现状", "The bar now"), Cell(barred if row.bar_until else "")),
            (Text("撤销时间", "Revoked"), Cell(row.created_at)), (Text("结案时间", "Closed"), Cell(row.ended_at)),
            (Text("第二人说明", "Answer"), Cell(row.note)),
        ],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, revocation_id), BOOK.events(work, revocation_id),
        STEP_NAMES, refusal=refusal, typed=typed,
    )  # fmt: skip


@router.post("/{revocation_id}/add-evidence", response_class=HTMLResponse, **access(ANSWER))
def add_evidence(
    request: Request, house: HouseDep, actor: ActorDep, revocation_id: str, form: Typed
) -> Response:
    """Add to the evidence."""
    typed = cases.typed_of(form, ("evidence", "evidence_sha256"), Step.ADD_EVIDENCE.value)

    def act(work: Work) -> RevocationRead:
        if not SHA256.fullmatch(digest := typed["evidence_sha256"].strip().lower()):
            raise InputRefused(
                Text("SHA-256 应为 64 位十六进制数字。", "A SHA-256 is 64 hexadecimal digits."), field="evidence_sha256"
            )  # fmt: skip
        body = EvidenceStep(
            version=cases.version_of(form), evidence=typed["evidence"][:2000], evidence_sha256=digest
        )
        return service.add_evidence(work, actor, revocation_id, body)

    return _acted(request, house, actor, revocation_id, act, typed)


@router.post("/{revocation_id}/confirm", response_class=HTMLResponse, **access(ANSWER))
def confirm(request: Request, house: HouseDep, actor: ActorDep, revocation_id: str, form: Typed) -> Response:
    """Confirm the revocation."""
    return _answer(request, house, actor, revocation_id, form, Step.CONFIRM)


@router.post("/{revocation_id}/object", response_class=HTMLResponse, **access(ANSWER))
def object_to(
    request: Request, house: HouseDep, actor: ActorDep, revocation_id: str, form: Typed
) -> Response:
    """Do not confirm it."""
    return _answer(request, house, actor, revocation_id, form, Step.OBJECT)


@router.post("/{revocation_id}/lift", response_class=HTMLResponse, **access(ANSWER))
def lift(request: Request, house: HouseDep, actor: ActorDep, revocation_id: str, form: Typed) -> Response:
    """Lift the bar."""
    return _answer(request, house, actor, revocation_id, form, Step.LIFT)


def _answer(request: Request, house: HouseDep, actor: Actor, revocation_id: str, form: Typed, step: Step) -> Response:  # fmt: skip
    typed = cases.typed_of(form, ("note",), step.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return _acted(request, house, actor, revocation_id, lambda work: service.answer(work, actor, revocation_id, step, body), typed)  # fmt: skip


def _acted(request: Request, house: HouseDep, actor: Actor, revocation_id: str, act: Any, typed: dict[str, Any]) -> Response:  # noqa: ANN401 - any step  # fmt: skip
    return cases.acted(
        house, act, f"/revocations/{revocation_id}",
        lambda work, refused: _show(request, work, actor, revocation_id, refused, typed),
    )  # fmt: skip
