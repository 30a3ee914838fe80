"""Pages of vouching: for whom an enterprise stands, vouching for a member, ending it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import Action, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.vouching import service
from auth.vouching.service import (
    END,
    GIVE,
    LONGEST_DAYS,
    READ,
    STANDING_NAMES,
    Standing,
    VouchGive,
    VouchRead,
)
from auth.vouching.workflow import STATE_NAMES, STEP_NAMES, Step
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/vouches", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("人员担保", "Members")
_ALL: Final = Text("全部", "All")
_NAMES: Final = ("username", "until", "note")
_NOTE: Final = FormField("note", Text("说明（可不填）", "Note (may be empty)"), "textarea", rows=2)
_STEPS: Final = {
    Step.END: StepForm(
        [_NOTE],
        Text("确定终止吗？该人员即刻不能使用本机构的授权。", "End it? This member uses none of your grants from now on."),
        danger=True,
    )
}  # fmt: skip
_LOOKS: Final = {Standing.COUNTS: "done", Standing.LAPSED: "blocked", Standing.LEFT: "blocked", Standing.ENDED: "open"}  # fmt: skip


def _badge(row: VouchRead) -> Cell:
    return Cell(STANDING_NAMES[row.standing], badge=_LOOKS[row.standing])


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """Vouchings in the reader's sight, and who lacks one."""
    found, total = service.vouches(
        work, actor, state=state if state in STATE_NAMES else "", offset=cases.offset(request), limit=cases.PER_PAGE
    )  # fmt: skip
    names, lacking = org_names(work), service.unvouched(work, actor)
    rows = [
        [
            Cell(row.username, f"/vouches/{row.id}"),
            Cell(names.get(row.org_id, row.org_id)),
            _badge(row),
            Cell(str(row.until)),
            Cell(row.created_at),
        ]
        for row in found
    ]
    lead = Text(
        "机构负责人为使用本机构授权的分析员担保；离开、终止或到期的，即刻不能再用。政策可要求每次使用均须有担保。",
        "The officer vouches for the analysts who use the organisation's grants; who left, or is vouched for no more, takes nothing from then on. The policy in force may ask for it at each use.",
    )
    if lacking:
        said = "、".join(lacking)
        lead = Text(
            f"{lead.zh}尚无担保的分析员：{said}。", f"{lead.en} Analysts without one: {', '.join(lacking)}."
        )
    return cases.list_page(
        request, title=_TITLE, lead=lead, rows=rows, total=total,
        heads=[Text("用户名", "User name"), Text("机构", "Organisation"), Text("状态", "State"), Text("最后一天", "Last day"), Text("担保时间", "Given")],
        filters=[FormField("state", Text("状态", "State"), "select", options=[("", _ALL), *STATE_NAMES.items()], value=state)],
        actions=[Action(Text("为人员担保", "Vouch for a member"), "/vouches/new", primary=True)] if actor.may(GIVE) else [],
        empty=Text("还没有担保", "Nobody is vouched for yet"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(GIVE))
def new_page(request: Request, work: ReadDep, actor: ActorDep, username: str = "") -> HTMLResponse:
    """The form to vouch for a member."""
    lacking = service.unvouched(work, actor)
    return _form(request, {"username": username[:40] or (lacking[0] if len(lacking) == 1 else "")}, lacking)


def _form(
    request: Request, typed: dict[str, str], lacking: Sequence[str] = (), refusal: AppError | None = None
) -> HTMLResponse:
    named = ", ".join(lacking[:10])
    hint = (
        Text(
            f"本机构的账号；尚无人担保：{named}",
            f"An account of your organisation; not vouched for yet: {named}",
        )
        if lacking
        else Text("本机构的账号", "An account of your organisation")
    )
    return cases.form_page(
        request, title=Text("为人员担保", "Vouch for a member"), crumb=(_TITLE, "/vouches"), action="/vouches", typed=typed,
        lead=Text("本机构对该人员使用授权的行为负责，直至最后一天。不能为自己担保。", "Your organisation answers for what this member does with its grants, until the last day. Nobody vouches for himself."),
        fields=[
            FormField("username", Text("用户名", "User name"), required=True, hint=hint),
            FormField("until", Text("最后一天", "Last day"), "date", True, hint=Text(f"至多 {LONGEST_DAYS} 天", f"{LONGEST_DAYS} days at most")),
            _NOTE,
        ],
        submit=Text("担保", "Vouch"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(GIVE))
def give(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Vouch for a member."""
    typed = cases.typed_of(form, _NAMES)
    made = tried(house, lambda work: service.give(work, actor, checked(VouchGive, typed)))
    if isinstance(made, AppError):
        return _form(request, typed, refusal=made)
    return go(f"/vouches/{made.id}", Text("已担保。", "Vouched for."))


@router.get("/{vouch_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, vouch_id: str) -> HTMLResponse:
    """One vouching."""
    return _show(request, work, actor, vouch_id)


def _show(
    request: Request, work: Work, actor: Actor, vouch_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row, names = service.vouch(work, actor, vouch_id), org_names(work)
    record = Record(
        title=Text(row.username, row.username), lead=names.get(row.org_id, Text(row.org_id, row.org_id)), crumb=_TITLE, base="/vouches",
        id=row.id, version=row.version, badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("用户名", "User name"), Cell(row.username)), (Text("机构", "Organisation"), Cell(names.get(row.org_id, row.org_id))),
            (Text("最后一天", "Last day"), Cell(str(row.until))), (Text("说明", "Note"), Cell(row.note)),
        ],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, vouch_id), service.BOOK.events(work, vouch_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


@router.post("/{vouch_id}/end", response_class=HTMLResponse, **access(END))
def end(request: Request, house: HouseDep, actor: ActorDep, vouch_id: str, form: Typed) -> Response:
    """End it."""
    typed = cases.typed_of(form, ("note",), Step.END.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.end(work, actor, vouch_id, body), f"/vouches/{vouch_id}",
        lambda work, refused: _show(request, work, actor, vouch_id, refused, typed),
    )  # fmt: skip
