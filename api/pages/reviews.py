"""Pages of reviews: campaigns and how far they are, the list of grants to answer for, one look at a grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles, org_names
from api.money import yuan
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.grants import queries as grant_queries
from auth.reviews import service
from auth.reviews.found import granted
from auth.reviews.rules import PARTS
from auth.reviews.service import (
    ANSWER,
    CAMPAIGN,
    DECIDE,
    OPEN,
    PILOT,
    READ,
    CampaignOpen,
    CampaignRead,
    PilotMark,
    ReviewAnswer,
    ReviewRead,
)
from auth.reviews.workflow import (
    CAMPAIGN_MACHINE,
    KIND_NAMES,
    STATE_NAMES,
    STEP_NAMES,
    CampaignState,
    Kind,
    State,
    Step,
)
from core.errors import AppError
from core.ids import GrantId
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("授权复核与评估", "Reviews of grants")
_CAMPAIGNS: Final = Text("定期复核批次", "Certification campaigns")
_EVERY: Final = ("", Text("全部", "All"))
_ANSWERED: Final = ("note", *PARTS)
_FOUND: Final = {
    "deliveries": Text("交付次数", "Deliveries"), "rows": Text("行数", "Rows"), "bytes": Text("字节", "Bytes"),
    "downloads": Text("下载", "Downloads"), "refusals": Text("被拒绝", "Refusals"), "anomalies": Text("异常", "Anomalies"),
    "incidents": Text("应急处置", "Incidents"), "products": Text("产品", "Products"), "revenue_fen": Text("收入（元）", "Revenue (yuan)"),
}  # fmt: skip


def _figure(name: str, value: int) -> int | str:
    return yuan(value) if name.endswith("_fen") else value


def _titled(columns: Sequence[str], titles: Mapping[str, Text]) -> Text | None:
    """Columns as people call them, each with its name."""
    if not columns:
        return None
    named = [(titles[each], each) if each in titles else (Text("", ""), each) for each in columns]
    return Text(
        "、".join(f"{title.zh} {name}".strip() for title, name in named), ", ".join(f"{title.en} ({name})" if title.en else name for title, name in named)
    )  # fmt: skip


def _badge(row: ReviewRead) -> Cell:
    if row.is_overdue:
        return Cell(Text("已逾期", "Overdue"), badge="overdue")
    looks = {State.KEPT: "done", State.WITHDRAWN: "blocked", State.SETTLED: "still"}
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "open"))


@router.get("/reviews", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, kind: str = "", state: str = "", campaign: str = "", grant: str = "", late: str = ""
) -> HTMLResponse:  # fmt: skip
    """Grants to answer for, those due first."""
    found, total = service.reviews(
        work, actor, kind=kind if kind in KIND_NAMES else "", state=state if state in STATE_NAMES else "", campaign_id=campaign.strip()[:60],
        grant_id=grant.strip()[:60], overdue=late == "yes", offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(Text(row.title_zh, row.title_en), f"/reviews/{row.id}"), Cell(names.get(row.org_id, row.org_id)), Cell(KIND_NAMES[row.kind]), _badge(row),
         Cell(len(row.found["columns_unread"])), Cell(row.found["deliveries"]), Cell(str(row.due_on)), Cell(Text("试点", "Pilot") if row.is_pilot else None)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("逐项答复：保留、收窄或撤销，附理由；收窄与撤销须另一人确认。", "Answer for each grant: keep, narrow or withdraw, with the reason; another person confirms what narrows or withdraws."),
        heads=[Text("数据", "Data"), Text("机构", "Holder"), Text("类型", "Kind"), Text("状态", "State"), Text("未读取的列", "Columns not read"), Text("交付", "Deliveries"), Text("期限", "Due"), Text("标记", "Flag")],
        filters=[
            FormField("kind", Text("类型", "Kind"), "select", options=[_EVERY, *KIND_NAMES.items()], value=kind),
            FormField("state", Text("状态", "State"), "select", options=[_EVERY, *STATE_NAMES.items()], value=state),
            FormField("late", Text("逾期", "Overdue"), "select", options=[_EVERY, ("yes", Text("仅逾期", "Overdue only"))], value=late),
            FormField("campaign", Text("批次", "Campaign"), "search", value=campaign),
        ],
        actions=[Action(_CAMPAIGNS, "/campaigns")], empty=Text("没有待复核的授权", "No grant is to be reviewed"),
    )  # fmt: skip


@router.get("/reviews/{review_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, review_id: str) -> HTMLResponse:
    """One look at a grant."""
    return _show(request, work, actor, review_id)


def _choice(name: str, titles: Mapping[str, Text], is_unread: bool) -> dict[str, Any]:
    """A column of the grant to be ticked: its title, its name, and whether it was ever read."""
    code = [Text(name, name)] if name in titles else []
    told = [*code, Text("从未读取", "never read")] if is_unread else code
    hint = Text(" · ".join(each.zh for each in told), " · ".join(each.en for each in told))
    return {"value": name, "label": titles.get(name, name), "hint": hint if told else None}


def _steps(row: ReviewRead, granted: Sequence[str], titles: Mapping[str, Text]) -> dict[str, StepForm]:
    more = (
        [FormField(name, said, "textarea", True, rows=2, full=True) for name, said in PARTS.items()]
        if row.kind is Kind.EVALUATION
        else []
    )
    columns = FormField(
        "columns", Text("去掉的列", "Columns that are to go"), "checkboxes", True, value=row.found["columns_unread"], full=True, across=True,
        options=[_choice(name, titles, name in row.found["columns_unread"]) for name in granted],
        hint=Text("已勾选从未读取的列；至少保留一列", "Those never read are ticked; one at least stays"),
    )  # fmt: skip
    return {
        Step.KEEP: StepForm([NOTE, *more]), Step.NARROW: StepForm([columns, NOTE, *more]), Step.WITHDRAW: StepForm([NOTE, *more], danger=True),
        Step.RETURN: StepForm([NOTE]), Step.CONFIRM: StepForm(),
        Step.REVOKE: StepForm([NOTE], Text("确定撤销该授权吗？即时停止使用。", "Revoke the grant? Use stops at once."), danger=True),
    }  # fmt: skip


def _show(
    request: Request, work: Work, actor: Actor, review_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.review(work, actor, review_id)
    titles = column_titles(work, row.dataset_id)
    facts = [
        (Text("授权", "Grant"), Cell(row.grant_id[:13], f"/grants/{row.grant_id}", mono=True)), (Text("机构", "Holder"), Cell(org_names(work).get(row.org_id, row.org_id))),
        (Text("期限", "Due"), Cell(str(row.due_on))), *((said, Cell(_figure(name, row.found[name]))) for name, said in _FOUND.items()),
        (Text("授权的列", "Columns granted"), Cell(_titled(row.found["columns_granted"], titles))), (Text("从未读取的列", "Columns never read"), Cell(_titled(row.found["columns_unread"], titles))),
        (Text("答复理由", "Reason given"), Cell(row.reason)), (Text("去掉的列", "Columns that are to go"), Cell(_titled(row.columns, titles))),
        (Text("变更期限", "To be amended by"), Cell(str(row.narrow_due_on) if row.narrow_due_on else None)),
    ]  # fmt: skip
    if row.kind is Kind.EVALUATION:
        facts += [(said, Cell(getattr(row, name))) for name, said in PARTS.items()]
    pilot = (
        [
            (
                "info",
                Text(
                    "试点授权：评估结论为保留后方可续期。",
                    "A pilot: it is renewed only after an evaluation that keeps it.",
                ),
            )
        ]
        if row.is_pilot
        else []
    )
    record = Record(
        title=Text(row.title_zh, row.title_en), lead=KIND_NAMES[row.kind], crumb=_TITLE, base="/reviews", id=row.id, version=row.version,
        badge=_badge(row), facts=facts, steps=_steps(row, granted(grant_queries.row(work, GrantId(row.grant_id))), titles), notes=pilot,
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, review_id), service.REVIEWS.events(work, review_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _answer(
    request: Request, house: House, actor: Actor, review_id: str, form: FormData, which: Step
) -> Response:
    typed: dict[str, Any] = cases.typed_of(form, _ANSWERED, which.value)
    typed["columns"] = [str(name) for name in form.getlist("columns")]
    given = typed | {"outcome": which.value, "version": cases.version_of(form)}
    given.pop("step")
    return cases.acted(
        house, lambda work: service.answer(work, actor, review_id, checked(ReviewAnswer, given)), f"/reviews/{review_id}",
        lambda work, refused: _show(request, work, actor, review_id, refused, typed),
    )  # fmt: skip


def _decide(
    request: Request, house: House, actor: Actor, review_id: str, form: Mapping[str, Any], which: Step
) -> Response:
    typed = cases.typed_of(form, ("note",), which.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.decide(work, actor, review_id, which, body), f"/reviews/{review_id}",
        lambda work, refused: _show(request, work, actor, review_id, refused, typed),
    )  # fmt: skip


@router.post("/reviews/{review_id}/keep", response_class=HTMLResponse, **access(ANSWER))
def keep(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Keep the grant."""
    return _answer(request, house, actor, review_id, form, Step.KEEP)


@router.post("/reviews/{review_id}/narrow", response_class=HTMLResponse, **access(ANSWER))
def narrow(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Say which columns are to go."""
    return _answer(request, house, actor, review_id, form, Step.NARROW)


@router.post("/reviews/{review_id}/withdraw", response_class=HTMLResponse, **access(ANSWER))
def withdraw(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Say that the grant is to be withdrawn."""
    return _answer(request, house, actor, review_id, form, Step.WITHDRAW)


@router.post("/reviews/{review_id}/return", response_class=HTMLResponse, **access(DECIDE))
def send_back(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Send the answer back."""
    return _decide(request, house, actor, review_id, form, Step.RETURN)


@router.post("/reviews/{review_id}/confirm", response_class=HTMLResponse, **access(DECIDE))
def confirm(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Confirm a narrowing."""
    return _decide(request, house, actor, review_id, form, Step.CONFIRM)


@router.post("/reviews/{review_id}/revoke", response_class=HTMLResponse, **access("auth:grant:revoke"))
def revoke(request: Request, house: HouseDep, actor: ActorDep, review_id: str, form: Typed) -> Response:
    """Confirm a withdrawal: revoke the grant."""
    return _decide(request, house, actor, review_id, form, Step.REVOKE)


@router.get("/evaluations/{grant_id}", response_class=HTMLResponse, **access(OPEN))
def evaluate_page(request: Request, grant_id: str) -> HTMLResponse:
    """The form to open an evaluation."""
    return _evaluate_form(request, grant_id)


def _evaluate_form(request: Request, grant_id: str, refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("发起授权后评估", "Open an evaluation"), crumb=(_TITLE, "/reviews"), action=f"/evaluations/{grant_id}", fields=[], typed={},
        lead=Text(f"授权 {grant_id[:13]}：使用、未读取的列、成效、投诉与质量，由数源部门限期答复。", f"Grant {grant_id[:13]}: use, columns never read, value, complaints and quality, answered by the source department in time."),
        submit=Text("发起", "Open"), refusal=refusal,
    )  # fmt: skip


@router.post("/evaluations/{grant_id}", response_class=HTMLResponse, **access(OPEN))
def evaluate(request: Request, house: HouseDep, actor: ActorDep, grant_id: str) -> Response:
    """Open an evaluation."""
    made = tried(house, lambda work: service.evaluate(work, actor, grant_id))
    if isinstance(made, AppError):
        return _evaluate_form(request, grant_id, made)
    return go(f"/reviews/{made.id}", Text("评估已发起。", "The evaluation is open."))


@router.get("/pilots/{grant_id}", response_class=HTMLResponse, **access(PILOT))
def pilot_page(request: Request, grant_id: str) -> HTMLResponse:
    """The form to mark a pilot."""
    return _pilot_form(request, grant_id, {})


def _pilot_form(
    request: Request, grant_id: str, typed: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("标记为试点", "Mark as a pilot"), crumb=(_TITLE, "/reviews"), action=f"/pilots/{grant_id}", typed=typed,
        lead=Text(f"授权 {grant_id[:13]}：试点期限较短，续期前必须评估。", f"Grant {grant_id[:13]}: a pilot is short, and evaluated before it may be renewed."),
        fields=[FormField("reason", Text("理由", "Reason"), "textarea", True, rows=2, full=True)], submit=Text("标记", "Mark"), refusal=refusal,
    )  # fmt: skip


@router.post("/pilots/{grant_id}", response_class=HTMLResponse, **access(PILOT))
def mark_pilot(request: Request, house: HouseDep, actor: ActorDep, grant_id: str, form: Typed) -> Response:
    """Mark a pilot."""
    typed = cases.typed_of(form, ("reason",))
    made = tried(house, lambda work: service.mark_pilot(work, actor, grant_id, checked(PilotMark, typed)))
    if isinstance(made, AppError):
        return _pilot_form(request, grant_id, typed, made)
    return go(f"/grants/{grant_id}", Text("已标记为试点。", "Marked as a pilot."))


@router.get("/campaigns", response_class=HTMLResponse, **access(READ))
def campaigns_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Campaigns and how far they are."""
    found, total = service.campaigns(work, actor, offset=cases.offset(request), limit=cases.PER_PAGE)
    rows = [
        [Cell(row.period, f"/campaigns/{row.id}"), _state(row), Cell(f"{row.progress['answered']} / {row.progress['total']}"), Cell(row.progress["kept"]),
         Cell(row.progress["narrowed"]), Cell(row.progress["withdrawn"]), Cell(row.progress["overdue"]), Cell(str(row.due_on))]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_CAMPAIGNS, rows=rows, total=total,
        lead=Text("每半年一次：数源部门逐项答复其全部有效授权。", "Each half year the departments answer for every live grant on their data."),
        heads=[Text("期间", "Period"), Text("状态", "State"), Text("已答复", "Answered"), Text("保留", "Kept"), Text("收窄", "Narrowed"), Text("撤销", "Withdrawn"), Text("逾期", "Overdue"), Text("期限", "Due")],
        actions=[Action(Text("发起复核", "Open a campaign"), "/campaigns/new", primary=True)] if actor.may(CAMPAIGN) else [],
        empty=Text("还没有发起过", "None was opened yet"),
    )  # fmt: skip


def _state(row: CampaignRead) -> Cell:
    return Cell(
        CAMPAIGN_MACHINE.state_names[row.state], badge="done" if row.state is CampaignState.CLOSED else "open"
    )


@router.get("/campaigns/new", response_class=HTMLResponse, **access(CAMPAIGN))
def campaign_form(request: Request) -> HTMLResponse:
    """The form to open a campaign."""
    return _campaign_form(request, {})


def _campaign_form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("发起定期复核", "Open a campaign"), crumb=(_CAMPAIGNS, "/campaigns"), action="/campaigns", typed=typed,
        lead=Text("向每个数源部门发出其全部有效授权的复核任务。", "Every source department is asked about each live grant on its data."),
        fields=[FormField("period", Text("期间", "Period"), hint=Text("如 2026H1；不填为本半年", "as 2026H1; the present half year when empty"))],
        submit=Text("发起", "Open"), refusal=refusal,
    )  # fmt: skip


@router.post("/campaigns", response_class=HTMLResponse, **access(CAMPAIGN))
def open_campaign(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Open a campaign."""
    typed = cases.typed_of(form, ("period",))
    made = tried(house, lambda work: service.open_campaign(work, actor, checked(CampaignOpen, typed)))
    if isinstance(made, AppError):
        return _campaign_form(request, typed, made)
    return go(f"/campaigns/{made.id}", Text("复核已发起。", "The campaign is open."))


@router.get("/campaigns/{campaign_id}", response_class=HTMLResponse, **access(READ))
def campaign_page(request: Request, work: ReadDep, actor: ActorDep, campaign_id: str) -> HTMLResponse:
    """One campaign: its figures and what is late."""
    return _campaign(request, work, actor, campaign_id)


def _campaign(
    request: Request, work: Work, actor: Actor, campaign_id: str, refusal: AppError | None = None
) -> HTMLResponse:
    row, names = service.campaign(work, actor, campaign_id), org_names(work)
    late, _ = service.reviews(work, actor, campaign_id=campaign_id, overdue=True)
    heads = {"total": Text("授权", "Grants"), "answered": Text("已答复", "Answered"), "kept": Text("保留", "Kept"), "narrowed": Text("收窄", "Narrowed"), "withdrawn": Text("撤销", "Withdrawn"), "settled": Text("已了结", "Settled"), "overdue": Text("逾期", "Overdue")}  # fmt: skip
    record = Record(
        title=Text(f"{row.period} 定期复核", f"Certification {row.period}"), lead=Text(f"已答复 {row.progress['answered']} / {row.progress['total']}", f"{row.progress['answered']} of {row.progress['total']} answered"),
        crumb=_CAMPAIGNS, base="/campaigns", id=row.id, version=row.version, badge=_state(row),
        facts=[*((said, Cell(row.progress[name])) for name, said in heads.items()), (Text("答复期限", "Due"), Cell(str(row.due_on)))],
        progress=(row.progress["answered"], row.progress["total"]),
        sections=[
            Section(
                Text("逾期未办", "Overdue"), [Text("数据", "Data"), Text("数源部门", "Department"), Text("机构", "Holder"), Text("状态", "State")],
                [[Cell(Text(each.title_zh, each.title_en), f"/reviews/{each.id}"), Cell(names.get(each.department_id, each.department_id)), Cell(names.get(each.org_id, each.org_id)), Cell(STATE_NAMES[each.state])] for each in late],
                empty=Text("没有逾期", "Nothing is overdue"),
            )
        ],
        actions=[Action(Text("全部授权", "All grants"), f"/reviews?campaign={row.id}")],
        steps={"close": StepForm((), Text("确定结束该批次吗？", "Close the campaign?"))},
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.campaign_commands(work, actor, campaign_id), service.CAMPAIGNS.events(work, campaign_id),
        CAMPAIGN_MACHINE.step_names, refusal=refusal,
    )  # fmt: skip


@router.post("/campaigns/{campaign_id}/close", response_class=HTMLResponse, **access(CAMPAIGN))
def close_campaign(
    request: Request, house: HouseDep, actor: ActorDep, campaign_id: str, form: Typed
) -> Response:
    """End a campaign."""
    body = CaseStep(version=cases.version_of(form))
    return cases.acted(
        house, lambda work: service.close_campaign(work, actor, campaign_id, body), f"/campaigns/{campaign_id}",
        lambda work, refused: _campaign(request, work, actor, campaign_id, refused),
    )  # fmt: skip
