"""Pages of proposed caps: the list, and one with what would be over it and the second person's answer."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed
from api.late import APIRouter
from api.lookups import org_names
from api.money import yuan, yuan_or_nothing
from auth.actor import Actor
from auth.caps import foreseen, service
from auth.caps.foreseen import CapEffects
from auth.caps.service import CONFIRM, KIND_NAMES, PROPOSE, READ, CapRead
from auth.caps.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.casework.book import CaseStep
from auth.policy.limits import limits
from auth.products.rules import UNITS
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/caps", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("上限审定", "Proposed caps")
_LOOKS: Final = {State.PROPOSED: "warn", State.CONFIRMED: "active", State.REJECTED: "rejected"}
_STEPS: Final = {
    Step.CONFIRM: StepForm(confirm=Text("确认后即成为现行上限并向社会公示。确定？", "It then counts as the cap and is shown to everybody. Confirm it?")),
    Step.REJECT: StepForm([NOTE]),
}  # fmt: skip


def _state(row: CapRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_LOOKS[row.state])


def _of(row: CapRead, orgs: dict[str, Text]) -> Text:
    """What it caps: a scenario's unit from a day on, or an operator's year."""
    if row.kind == "revenue":
        org = orgs.get(row.org_id, Text(row.org_id, row.org_id))
        return Text(f"{org.zh} {row.year} 年度", f"{org.en}, {row.year}")
    known = limits().scenarios
    everywhere = Text("全部场景", "All scenarios")
    scenario = known[row.scenario_id].name if row.scenario_id in known else everywhere
    unit = UNITS[row.unit]
    return Text(f"{scenario.zh}，{unit.zh}，自 {row.effective_from}", f"{scenario.en}, {unit.en}, from {row.effective_from}")  # fmt: skip


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", kind: str = ""
) -> HTMLResponse:
    """Caps that were proposed, newest first."""
    found, total = service.listed(
        work, actor, state=state if state in STATE_NAMES else "", kind=kind if kind in KIND_NAMES else "",
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    orgs = org_names(work)
    rows = [
        [Cell(_of(row, orgs), f"/caps/{row.id}"), Cell(KIND_NAMES[row.kind]), Cell(yuan(row.cap_fen)), _state(row), Cell(row.created_at), Cell(row.source)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("收费上限与最高准许收入由一人提出、另一人看过试运行后确认；确认之前，原上限继续有效。金额单位为元。", "Caps of prices and revenue are proposed by one person and confirmed by another, who has seen the dry run; until then the earlier caps count. In yuan."),
        heads=[Text("对象", "What"), Text("种类", "Kind"), Text("上限", "Cap"), Text("状态", "State"), Text("提出时间", "Proposed"), Text("依据", "Source")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("kind", Text("种类", "Kind"), "select", options=[("", Text("全部", "All")), *KIND_NAMES.items()], value=kind),
        ],
        actions=[
            Action(Text("提出收费上限", "Propose a fee cap"), "/fee-caps", primary=True),
            Action(Text("提出最高准许收入", "Propose a revenue cap"), "/revenue/new"),
        ] if actor.may_in(PROPOSE, None) else [],
        empty=Text("没有提出过上限", "No cap was proposed"),
    )  # fmt: skip


@router.get("/{cap_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, cap_id: str) -> HTMLResponse:
    """One proposed cap with its dry run."""
    return _show(request, work, actor, cap_id)


def _show(
    request: Request, work: Work, actor: Actor, cap_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row, orgs = service.cap(work, actor, cap_id), org_names(work)
    what = _of(row, orgs)
    record = Record(
        title=Text(f"{KIND_NAMES[row.kind].zh}：{yuan(row.cap_fen)} 元", f"{KIND_NAMES[row.kind].en}: {yuan(row.cap_fen)} yuan"), lead=what,
        crumb=_TITLE, base="/caps", id=row.id, version=row.version, badge=_state(row), steps=_STEPS,
        facts=[
            (Text("对象", "What"), Cell(what)), (Text("上限（元）", "Cap (yuan)"), Cell(yuan(row.cap_fen))), (Text("依据", "Source"), Cell(row.source)),
            (Text("提出时间", "Proposed"), Cell(row.created_at)), (Text("办结时间", "Settled"), Cell(row.ended_at)),
        ],
        sections=_sections(row, foreseen.effects(work, actor, cap_id), orgs) if row.state is State.PROPOSED else [],
        actions=[Action(Text("现行收费上限", "Caps in force"), "/fee-caps")] if row.kind == "fee" else [],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, cap_id), service.BOOK.events(work, cap_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _sections(row: CapRead, found: CapEffects, orgs: dict[str, Text]) -> list[Section]:
    """The dry run: what is over it, in yuan."""

    def org(org_id: str) -> Cell:
        return Cell(orgs.get(org_id, org_id))

    if row.kind == "revenue":
        return [
            Section(
                Text("试运行：结果将改变的年度", "Dry run: years that would turn out otherwise"),
                [Text("机构", "Operator"), Text("年度", "Year"), Text("实收", "Taken"), Text("现行上限", "Cap in force"), Text("本上限", "This cap"), Text("现超出", "Over it now"), Text("将超出", "Would be over")],
                [[org(each.org_id), Cell(str(each.year)), Cell(yuan(each.taken_fen)), Cell(yuan_or_nothing(each.cap_before_fen) or "—"), Cell(yuan_or_nothing(each.cap_fen) or "—"),
                  Cell(yuan(each.excess_before_fen)), Cell(yuan(each.excess_fen), badge="blocked" if each.excess_fen else "")] for each in found.years],
                empty=Text("没有年度会因此改变", "No year would turn out otherwise"),
            )
        ]  # fmt: skip
    return [
        Section(
            Text("试运行：单价将高于上限的在供产品", "Dry run: products on offer that would be above the cap"),
            [Text("产品", "Product"), Text("机构", "Organisation"), Text("单价", "Price"), Text("现行上限", "Cap in force"), Text("本上限", "This cap")],
            [[Cell(Text(each.name_zh, each.name_en), f"/products/{each.product_id}"), org(each.org_id), Cell(yuan(each.price_fen)),
              Cell(yuan_or_nothing(each.cap_fen) or "—"), Cell(yuan(row.cap_fen))] for each in found.prices],
            empty=Text("没有在供产品高于此上限", "No product on offer is above it"),
            note=Text("自生效之日起，高于此上限的收费将被拒绝。", "From its first day a charge above it is refused."),
        ),
        Section(
            Text("试运行：自生效之日起已登记、单价高于上限的收费", "Dry run: charges entered since its first day at a price above it"),
            [Text("产品", "Product"), Text("机构", "Organisation"), Text("单价", "Price"), Text("数量", "Quantity"), Text("金额", "Amount"), Text("收费日期", "Charged")],
            [[Cell(Text(each.name_zh, each.name_en), f"/products/{each.product_id}"), org(each.org_id), Cell(yuan(each.price_fen)), Cell(str(each.quantity)),
              Cell(yuan(each.amount_fen)), Cell(f"{each.first_on} – {each.last_on}" if each.first_on != each.last_on else str(each.first_on))] for each in found.charges],
            empty=Text("没有已登记的收费高于此上限", "No charge on record is above it"),
            note=Text("已登记的收费不变；是否退还由机构与主管部门处理。", "Charges on record stay; whether money is returned is for operator and authority."),
        ),
    ]  # fmt: skip


@router.post("/{cap_id}/confirm", response_class=HTMLResponse, **access(CONFIRM))
def confirm(request: Request, house: HouseDep, actor: ActorDep, cap_id: str, form: Typed) -> Response:
    """Put it in force, as a second person."""
    return _step(request, house, actor, cap_id, form, Step.CONFIRM)


@router.post("/{cap_id}/reject", response_class=HTMLResponse, **access(CONFIRM))
def reject(request: Request, house: HouseDep, actor: ActorDep, cap_id: str, form: Typed) -> Response:
    """Do not take it."""
    return _step(request, house, actor, cap_id, form, Step.REJECT)


def _step(request: Request, house: HouseDep, actor: Actor, cap_id: str, form: Typed, step: Step) -> Response:
    typed = cases.typed_of(form, ("note",), step.value)
    ask = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.step(work, actor, cap_id, step, ask), f"/caps/{cap_id}",
        lambda work, refused: _show(request, work, actor, cap_id, refused, typed),
    )  # fmt: skip
