"""Pages of anomalies: what was found, one finding with its answers, and the rules with a form to set each."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.anomalies import config, rules, service
from auth.anomalies.rules import ACTION_NAMES, Rule
from auth.anomalies.service import AnomalyRead, SettingBody, SettingRead
from auth.anomalies.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.casework.book import CaseStep
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
_READ, _ANSWER, _CONFIGURE = "auth:anomaly:read", "auth:anomaly:answer", "auth:anomaly:configure"
_TITLE, _RULES = Text("异常", "Anomalies"), Text("异常规则", "Anomaly rules")
_BADGES = {State.OPEN: "blocked", State.ACKNOWLEDGED: "done", State.FALSE_ALARM: "done"}


def _rule(rule: Rule) -> Text:
    return config.shipped()[rule].name


def _state(row: AnomalyRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_BADGES[row.state])


@router.get("/anomalies", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", rule: str = "", grant: str = ""
) -> HTMLResponse:
    """What the rules found, newest first."""
    found, total = service.anomalies(
        work, actor, state=state if state in STATE_NAMES else "", rule=rule if rule in rules.JUDGES else "",
        grant_id=grant.strip()[:120], offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(_rule(row.rule), f"/anomalies/{row.id}"), Cell(Text(row.text_zh, row.text_en)), Cell(names.get(row.org_id, row.org_id)),
         Cell(row.dataset_id, mono=True), Cell(ACTION_NAMES[row.action]), _state(row), Cell(row.created_at)]
        for row in found
    ]  # fmt: skip
    everything = ("", Text("全部", "All"))
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("规则对使用台账的发现：看到什么、阈值多少、随后怎样。由人确认或判为误报。", "What the rules saw in the usage ledger, against which limit, and what followed. A person acknowledges it or calls it a false alarm."),
        heads=[Text("规则", "Rule"), Text("发现", "Seen"), Text("机构", "Organisation"), Text("数据集", "Dataset"), Text("处置", "Result"), Text("状态", "State"), Text("时间", "At")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[everything, *STATE_NAMES.items()], value=state),
            FormField("rule", Text("规则", "Rule"), "select", options=[everything, *((each, _rule(each)) for each in Rule)], value=rule),
            FormField("grant", Text("授权编号", "Grant id"), "search", value=grant),
        ],
        actions=[Action(_RULES, "/anomaly-rules"), Action(Text("使用台账", "Usage ledger"), "/usage")],
        empty=Text("没有发现异常", "Nothing out of the ordinary"),
    )  # fmt: skip


@router.get("/anomalies/{anomaly_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, anomaly_id: str) -> HTMLResponse:
    """One finding."""
    return _show(request, work, actor, anomaly_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    anomaly_id: str,
    refusal: AppError | None = None,
    step: str = "",
    note: str = "",
) -> HTMLResponse:
    row = service.anomaly(work, actor, anomaly_id)
    org = org_names(work).get(row.org_id, row.org_id)
    record = Record(
        title=_rule(row.rule), lead=Text(row.text_zh, row.text_en), crumb=_TITLE, base="/anomalies", id=row.id,
        version=row.version, badge=_state(row),
        facts=[
            (Text("授权", "Grant"), Cell(row.grant_id, f"/grants/{row.grant_id}")), (Text("机构", "Organisation"), Cell(org)),
            (Text("数据集", "Dataset"), Cell(row.dataset_id, f"/datasets/{row.dataset_id}")),
            (Text("观测值", "Seen"), Cell(row.seen)), (Text("阈值", "Limit"), Cell(row.threshold)),
            (Text("处置", "Result"), Cell(ACTION_NAMES[row.action])), (Text("发现时间", "Found"), Cell(row.created_at)),
            (Text("处理时间", "Answered"), Cell(row.ended_at)), (Text("处理说明", "Answer"), Cell(row.note)),
        ],
        steps={
            Step.ACKNOWLEDGE: StepForm([NOTE], Text("确认异常？限速随之解除；已暂停的授权须另行恢复。", "Acknowledge it? A throttle ends; a suspended grant is resumed on its own page.")),
            Step.DISMISS: StepForm([NOTE], Text("判为误报？此前的使用不再计入。", "Call it a false alarm? Use until now does not count again.")),
        },
        actions=[Action(Text("该授权的台账", "Ledger of this grant"), f"/usage?grant={row.grant_id}")],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, anomaly_id), service.BOOK.events(work, anomaly_id), STEP_NAMES,
        refusal=refusal, typed={"step": step, "note": note},
    )  # fmt: skip


@router.post("/anomalies/{anomaly_id}/acknowledge", response_class=HTMLResponse, **access(_ANSWER))
def acknowledge(request: Request, house: HouseDep, actor: ActorDep, anomaly_id: str, form: Typed) -> Response:
    """It was an anomaly."""
    return _close(request, house, actor, anomaly_id, form, Step.ACKNOWLEDGE)


@router.post("/anomalies/{anomaly_id}/dismiss", response_class=HTMLResponse, **access(_ANSWER))
def dismiss(request: Request, house: HouseDep, actor: ActorDep, anomaly_id: str, form: Typed) -> Response:
    """A false alarm."""
    return _close(request, house, actor, anomaly_id, form, Step.DISMISS)


def _close(
    request: Request, house: HouseDep, actor: Actor, anomaly_id: str, form: Typed, step: Step
) -> Response:
    note = str(form.get("note", "")).strip()[:2000]
    body = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.close(work, actor, anomaly_id, step, body))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, anomaly_id, made, step.value, note)
    return go(f"/anomalies/{anomaly_id}", Text("已记录。", "Noted."))


@router.get("/anomaly-rules", response_class=HTMLResponse, **access(_READ))
def rules_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Every rule with its numbers and their source."""
    found = service.rules(work)
    may = actor.may(_CONFIGURE)
    rows = [
        [Cell(Text(each.name_zh, each.name_en), f"/anomaly-rules/{each.rule}" if may else ""), Cell(ACTION_NAMES[each.action]),
         Cell(_numbers(each)), Cell(each.source), Cell(each.set_by or Text("系统缺省", "As shipped"))]
        for each in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_RULES, rows=rows, total=len(rows),
        lead=Text("规则可解释，不用模型。限速与暂停在每次申请时即时判断；设置规则的人不得恢复被其暂停的授权。", "Rules that can be explained; no models. Throttle and suspension are judged at each request; whoever sets a rule does not resume what it suspends."),
        heads=[Text("规则", "Rule"), Text("处置", "Result"), Text("阈值", "Numbers"), Text("来源", "Source"), Text("设置人", "Set by")],
        actions=[Action(_TITLE, "/anomalies")],
    )  # fmt: skip


def _numbers(each: SettingRead) -> Text:
    parts = [(config.NUMBER_NAMES[name], value) for name, value in each.numbers.items()]
    return Text(
        "；".join(f"{name.zh} {value}" for name, value in parts),
        "; ".join(f"{name.en} {value}" for name, value in parts),
    )


@router.get("/anomaly-rules/{rule}", response_class=HTMLResponse, **access(_CONFIGURE))
def rule_page(request: Request, work: ReadDep, rule: Rule) -> HTMLResponse:
    """The form to set a rule."""
    now = config.settings(work)[rule]
    return _form(request, now, {"action": now.action.value, **now.numbers})


def _form(
    request: Request, now: config.Setting, typed: dict[str, object], refusal: AppError | None = None
) -> HTMLResponse:
    numbers = [
        FormField(name, config.NUMBER_NAMES[name], "number", True, value=value)
        for name, value in now.numbers.items()
    ]
    return cases.form_page(
        request, title=now.name, crumb=(_RULES, "/anomaly-rules"), action=f"/anomaly-rules/{now.rule}", typed=typed,
        lead=Text("自提交起生效，旧设置保留备查。", "In force from now on; earlier settings are kept."),
        fields=[
            FormField("action", Text("处置", "Result"), "select", True, list(ACTION_NAMES.items())), *numbers,
            FormField("reason", Text("理由或来源", "Reason or source"), "textarea", True, rows=2, full=True),
        ],
        submit=Text("保存", "Save"), refusal=refusal,
    )  # fmt: skip


@router.post("/anomaly-rules/{rule}", response_class=HTMLResponse, **access(_CONFIGURE))
def set_rule(request: Request, house: HouseDep, actor: ActorDep, rule: Rule, form: Typed) -> Response:
    """Set the rule."""
    numbers = {name: str(form.get(name, "")).strip() for name in config.shipped()[rule].numbers}
    said = {name: str(form.get(name, "")).strip() for name in ("action", "reason")}
    body = {**said, "numbers": numbers}
    made = tried(house, lambda work: service.configure(work, actor, rule, checked(SettingBody, body)))
    if isinstance(made, AppError):
        with house.read() as work:
            now = config.settings(work)[rule]
        return _form(request, now, {**said, **numbers}, made)
    return go("/anomaly-rules", Text("规则已设置。", "The rule is set."))
