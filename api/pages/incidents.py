"""Pages of incidents: freeze in one click, see what is frozen, lift."""

from __future__ import annotations

from functools import partial

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import assets
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.incidents import service
from auth.incidents.service import IncidentCreate, IncidentRead
from auth.incidents.workflow import STATE_NAMES, STEP_NAMES, TARGET_NAMES, State, Step, Target
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/incidents", include_in_schema=True, tags=["pages"])
_READ, _FREEZE = "auth:incident:read", "auth:incident:freeze"
_TITLE = Text("应急处置", "Incidents")
_PLACE = {
    Target.DATASET: "/datasets/",
    Target.GRANT: "/grants/",
    Target.ORGANISATION: "/admin/organisations/",
    Target.PLATFORM: "/supervision#",
}


def _state(row: IncidentRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge="blocked" if row.state is State.FROZEN else "done")


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", target: str = ""
) -> HTMLResponse:
    """What is frozen, and what was."""
    found, total = service.incidents(
        work, actor, state=state if state in STATE_NAMES else "", target=target.strip()[:120],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    rows = [
        [Cell(Text(row.title_zh, row.title_en), f"/incidents/{row.id}"), Cell(TARGET_NAMES[row.target_kind]), Cell(row.target_id, mono=True),
         _state(row), Cell(row.reason), Cell(row.created_at), Cell(row.ended_at)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("一键冻结数据集、授权或机构；从提交的那一刻起一律停止使用，由另一人说明理由后解除。", "One click freezes a dataset, a grant or an organisation; all use stops from that moment, until another person lifts it with a reason."),
        heads=[Text("对象", "Target"), Text("类型", "Kind"), Text("标识", "Id"), Text("状态", "State"), Text("理由", "Reason"), Text("冻结时间", "Frozen"), Text("解除时间", "Lifted")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("target", Text("对象标识", "Id of the target"), "search", value=target),
        ],
        actions=[cases.Action(Text("应急冻结", "Freeze"), "/incidents/new", primary=True)] if actor.may(_FREEZE) else [],
        empty=Text("没有应急处置记录", "No incidents"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_FREEZE))
def new_page(request: Request, kind: str = "dataset", target: str = "") -> HTMLResponse:
    """The form to freeze."""
    return _form(request, {"target_kind": kind, "target_id": target})


def _form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("应急冻结", "Freeze"), crumb=(_TITLE, "/incidents"), action="/incidents", typed=typed,
        lead=Text("即时生效：在途下载一并切断。解除须由另一位安全管理员办理。", "It takes effect at once; downloads under way are cut. Another security officer must lift it."),
        fields=[
            FormField("target_kind", Text("类型", "Kind"), "select", True, list(TARGET_NAMES.items())),
            FormField("target_id", Text("标识", "Id"), required=True, hint=Text("资源代码、授权编号、机构标识；全平台填 all", "Resource code, grant id, organisation id; `all` for the whole platform")),
            FormField("reason", Text("理由（向相关单位显示）", "Reason (shown to those concerned)"), "textarea", True, rows=3, full=True),
        ],
        submit=Text("立即冻结", "Freeze now"), refusal=refusal,
        confirm=Text("即时停止一切使用并切断在途下载；您自己不能解除。确定冻结？", "All use stops at once and downloads under way are cut; you cannot lift it yourself. Freeze?"),
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(_FREEZE))
def freeze(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Freeze now."""
    typed = {name: str(form.get(name, "")).strip() for name in ("target_kind", "target_id", "reason")}
    made = tried(
        house,
        lambda work: service.freeze(
            work, actor, checked(IncidentCreate, typed), assets=partial(assets, work)
        ),
    )
    if isinstance(made, AppError):
        return _form(request, typed, made)
    return go(f"/incidents/{made.id}", Text("已冻结，即时生效。", "Frozen, from now on."))


@router.get("/{incident_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, incident_id: str) -> HTMLResponse:
    """One incident."""
    return _show(request, work, actor, incident_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    incident_id: str,
    refusal: AppError | None = None,
    note: str = "",
) -> HTMLResponse:
    row = service.incident(work, actor, incident_id)
    record = Record(
        title=Text(row.title_zh, row.title_en), lead=TARGET_NAMES[row.target_kind], crumb=_TITLE, base="/incidents", id=row.id,
        version=row.version, badge=_state(row),
        facts=[
            (Text("对象", "Target"), Cell(row.target_id, _PLACE[row.target_kind] + row.target_id)), (Text("冻结理由", "Why it was frozen"), Cell(row.reason)),
            (Text("冻结时间", "Frozen"), Cell(row.created_at)), (Text("解除时间", "Lifted"), Cell(row.ended_at)),
            (Text("解除理由", "Why it was lifted"), Cell(row.lifted_reason)),
        ],
        steps={Step.LIFT: StepForm([NOTE], Text("确定解除冻结吗？即时恢复使用。", "Lift the freeze? Use is possible again at once."))},
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, incident_id), service.BOOK.events(work, incident_id), STEP_NAMES,
        refusal=refusal, typed={"step": Step.LIFT.value, "note": note},
    )  # fmt: skip


@router.post("/{incident_id}/lift", response_class=HTMLResponse, **access(_FREEZE))
def lift(request: Request, house: HouseDep, actor: ActorDep, incident_id: str, form: Typed) -> Response:
    """Lift the freeze."""
    note = str(form.get("note", "")).strip()[:2000]
    body = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.lift(work, actor, incident_id, body))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, incident_id, made, note)
    return go(f"/incidents/{incident_id}", Text("冻结已解除。", "The freeze is lifted."))
