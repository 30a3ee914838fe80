"""Pages of the policy profile: what is in force, shipped profiles side by side, versions, and the dry run of a change."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api import cases
from api.access import access
from api.cases import NOTE, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import assets, org_names
from api.routes.selfchecks import around
from api.web import go, page
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.duties.workflow import KIND_NAMES
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.profile import service
from auth.profile.bounds import beyond, bounds
from auth.profile.editing import digest, edited, fields_of
from auth.profile.foreseen import ClockEffects, clock_effects
from auth.profile.model import Profile, shipped
from auth.profile.now import profile
from auth.profile.opinions import STAGE_NAMES, Opinion
from auth.profile.service import Follower, ProfileProposal, ProfileRead
from auth.profile.standing import Standing, words
from auth.profile.wording import (
    NOTHING,
    REACH_NAMES,
    REGISTERED,
    REGISTRATION_NAMES,
    RULES,
    days_in_words,
    differences,
    items,
    measured,
)
from auth.profile.workflow import STEP_NAMES, Step
from auth.selfcheck import service as selfcheck
from auth.selfcheck.rules import OUTCOME_NAMES
from auth.stored import UNREADABLE
from core.errors import AppError, InputRefused, Stale, Unavailable
from core.faults import together
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/profile", include_in_schema=True, tags=["pages"])
_READ, _PROPOSE, _CONFIRM = (f"auth:profile:{word}" for word in ("read", "propose", "confirm"))
Shape = Literal["fields", "json"]
_TITLE: Final = Text("政策配置", "Policy profile")
_CHANGED: Final = Text(
    "您填写期间起点配置已有变化。所填内容保留在下方；请与现行配置逐项核对后再提交。",
    "The profile this starts from changed meanwhile. What you typed is kept below; compare it with the one in force before proposing again.",
)
_TONES: Final = {
    Standing.PROPOSED: "warn",
    Standing.COMING: "info",
    Standing.IN_FORCE: "active",
    Standing.REJECTED: "rejected",
    Standing.SUPERSEDED: "superseded",
}


def _state(row: ProfileRead) -> Cell:
    return Cell(words(row.standing, row.effective_from), badge=_TONES[row.standing])


def follows(after: Follower | None, base: str) -> list[tuple[Text, Cell]]:
    """That another version is confirmed for a later day, on the page of what it will replace. `base`: where versions have their pages."""
    if after is None:
        return []
    said = Text(
        f"第 {after.number} 版已确认，自 {after.effective_from} 起取代本版；本版所改不会自动并入该版。",
        f"Version {after.number}, confirmed for {after.effective_from}, follows and will replace this one; what this one changes is not carried over.",
    )
    return [(Text("后续版本", "What follows"), Cell(said, f"{base}/{after.id}"))]


def _current(work: Work) -> tuple[Profile | None, Text | None]:
    """The profile in force; None and the words that say why where it cannot be read."""
    try:
        return profile(work), None
    except Unavailable as unread:
        return None, unread.detail


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The profile in force beside the shipped ones, and every version. One in force that cannot be read is named; another may take its place."""
    known = shipped()
    now, unread = _current(work)
    columns = [*([now] if now else []), *known.values()]
    names = {
        each.key: each.name for other in known.values() for each in (differences(now, other) if now else ())
    }
    said = [items(each) for each in columns]
    table = [
        (key, name, [each[key].value if key in each else NOTHING for each in said])
        for key, name in names.items()
    ]
    found, total = service.versions(work, actor, limit=100)
    return page(
        request, "profile/list.html", current=now, columns=columns, table=table, found=found, total=total, words=words, tones=_TONES,
        whole=json.dumps(now.model_dump(mode="json"), ensure_ascii=False, indent=2) if now else "", unread=unread, unreadable=UNREADABLE, may_propose=actor.may(_PROPOSE), shipped=known,
    )  # fmt: skip


def _as_json(request: Request, typed: dict[str, Any], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("提出新版本", "Propose a version"), crumb=(_TITLE, "/profile"), action="/profile", typed=typed,
        lead=Text("由第二人确认后生效。提交后先看试运行：哪些现有授权将不符合。", "It counts once a second person has confirmed it. The dry run on its page says which live grants it would break."),
        fields=[
            FormField("profile", Text("配置（JSON）", "Profile (JSON)"), "code", True, rows=24, full=True),
            FormField("reason", Text("理由", "Reason"), "textarea", True, rows=2, full=True),
        ],
        submit=Text("提交", "Propose"), refusal=refusal,
    )  # fmt: skip


def _start(work: Work, of: str) -> Profile:
    """The profile that a form starts from: a shipped one by its key, else the one in force."""
    if of and of not in shipped():
        raise InputRefused(Text("没有这个随附配置。", "There is no shipped profile of that key."), field="of")
    return shipped().get(of) or profile(work)


def _fields(
    request: Request, of: str, start: Profile, typed: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    return page(
        request, "profile/new.html", status=status_of(refusal) if refusal else 200, of=of, base=digest(start), typed=typed, refusal=refusal,
        rules=RULES, registered=REGISTERED, registration_names=REGISTRATION_NAMES, kinds=KIND_NAMES, reach_names=REACH_NAMES,
        numbers=list(limits().numbers.values()), measured=measured, bounds=bounds,
        reminders=list(limits().reminders.values()), in_words=days_in_words,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_PROPOSE))
def new_page(
    request: Request, work: ReadDep, of: str = "", shape: Annotated[Shape, Query(alias="as")] = "fields"
) -> HTMLResponse:
    """The form, filled with a shipped profile or with the one in force: its fields, or the whole as JSON."""
    start = _start(work, of)
    if shape == "json":
        whole = json.dumps(start.model_dump(mode="json"), ensure_ascii=False, indent=2)
        return _as_json(request, {"profile": whole})
    return _fields(request, of, start, fields_of(start) | {"reason": ""})


@router.post("", response_class=HTMLResponse, **access(_PROPOSE))
def propose(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Propose a version."""
    typed = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    reason = typed.get("reason", "")[:2000]

    def act(work: Work) -> ProfileRead:
        try:
            if "profile" in typed:
                said = Profile.model_validate_json(typed["profile"])
            else:
                start = _start(work, typed.get("of", ""))
                if typed.get("base") != digest(start):
                    raise Stale(_CHANGED)
                said = edited(start, typed)
            body = ProfileProposal(profile=said, reason=reason)
        except ValidationError as fault:
            why = together(fault)
            raise InputRefused(
                Text(f"配置不成立：{why.zh}", f"The profile does not hold: {why.en}"), field="profile"
            ) from fault
        return service.propose(work, actor, body)

    made = tried(house, act)
    if isinstance(made, AppError):
        if "profile" in typed:
            return _as_json(request, typed, made)
        of = typed.get("of", "") if typed.get("of", "") in shipped() else ""
        with house.read() as work:
            start = _start(work, of)
        off = dict.fromkeys(RULES, "")
        return _fields(request, of, start, fields_of(start) | off | {"reason": ""} | typed, made)
    return go(
        f"/profile/{made.id}", Text("已提出，待第二人确认。", "Proposed; a second person must confirm it.")
    )


def _opinions(request: Request, work: Work, actor: Actor, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:  # fmt: skip
    current = profile(work)
    return page(
        request, "profile/opinions.html", status=422 if refusal else 200, current=current, opinions=current.opinions,
        stages=STAGE_NAMES, refusals=limits().refusals, typed=typed, refusal=refusal, may_propose=actor.may(_PROPOSE),
        opinion_reasons=[(code.code, code.name) for code in limits().refusals.values()],
    )  # fmt: skip


@router.get("/opinions", response_class=HTMLResponse, **access(_READ))
def opinions_page(request: Request, work: ReadDep, actor: ActorDep, key: str = "") -> HTMLResponse:
    """The template opinions in force; `key`: one of them, to be changed."""
    found = next((each for each in profile(work).opinions if each.key == key), None)
    typed = {name: str(value) for name, value in found.model_dump(mode="json").items()} if found else {}
    return _opinions(request, work, actor, typed)


@router.post("/opinions", response_class=HTMLResponse, **access(_PROPOSE))
def propose_opinion(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Propose the profile in force with one template added, changed or left out; a second person confirms it."""
    names = (*Opinion.model_fields, "reason", "remove")
    typed = {name: str(form.get(name, "")).strip() for name in names}

    def act(work: Work) -> ProfileRead:
        current = profile(work)
        kept = [each for each in current.opinions if each.key != typed["key"]]
        try:
            if not typed["remove"]:
                fields = {name: typed[name] for name in Opinion.model_fields}
                kept.append(Opinion.model_validate(fields))
            elif len(kept) == len(current.opinions):
                raise InputRefused(
                    Text("现行配置中没有该标识的模板。", "The profile in force has no template of that key."),
                    field="key",
                )
            day = max(work.now.astimezone(LOCAL).date(), current.effective_from)
            changed = Profile.model_validate(current.model_dump() | {"opinions": kept, "effective_from": day})
        except ValidationError as fault:
            said = together(fault)
            raise InputRefused(
                Text(f"请改正：{said.zh}", f"Please mend: {said.en}"),
                field=str(fault.errors()[0]["loc"][-1:] or "key"),
            ) from fault
        return service.propose(work, actor, ProfileProposal(profile=changed, reason=typed["reason"][:2000]))

    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return _opinions(request, work, actor, typed, made)
    return go(
        f"/profile/{made.id}", Text("已提出，待第二人确认。", "Proposed; a second person must confirm it.")
    )


@router.get("/{profile_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, profile_id: str) -> HTMLResponse:
    """One version: what it changes, and which live grants it would break."""
    return _show(request, work, actor, profile_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    profile_id: str,
    refusal: AppError | None = None,
    note: str = "",
) -> HTMLResponse:
    row = service.version(work, actor, profile_id)
    assert row.profile is not None  # noqa: S101 - refused where it cannot be read
    names = org_names(work)
    now, unread = _current(work)
    changes = differences(now, row.profile) if now else []
    why_none = unread or beyond(row.profile.numbers)
    broken = [] if why_none else service.dry_run(work, row.profile, assets=partial(assets, work))
    stopped = service.people_stopped(broken)
    turned = [] if why_none else selfcheck.changed(work, actor, row.profile, around(request.app.state.house))
    clocks = ClockEffects() if why_none else clock_effects(work, row.profile)
    dry = Text("试运行：将不符合的现有授权", "Dry run: live grants that it would break")
    if stopped:
        dry = Text(
            f"{dry.zh}（{stopped} 名无担保人员将不能使用）",
            f"{dry.en} (people who could use them no more: {stopped})",
        )
    record = Record(
        title=Text(f"{row.profile.zh} 第 {row.number} 版", f"{row.profile.en}, version {row.number}"), lead=Text.of_note(row.profile.source), crumb=_TITLE,
        base="/profile", id=row.id, version=row.version, badge=_state(row),
        facts=[(Text("理由", "Reason"), Cell(row.reason)), (Text("生效日期", "Effective from"), Cell(str(row.effective_from))), *follows(row.followed_by, "/profile"), (Text("来源", "Source"), Cell(Text.of_note(row.profile.source))), (Text("标识", "Key"), Cell(row.key, mono=True))],
        sections=[
            Section(Text("与现行配置的差别", "Against the profile in force"), [Text("项目", "What"), Text("现行", "In force"), Text("本版", "This version"), Text("数据中的名称", "Name in the data")], [[Cell(each.name), Cell(each.before), Cell(each.after), Cell(each.key, mono=True)] for each in changes], empty=unread or Text("没有差别", "No difference")),
            Section(
                dry, [Text("授权", "Grant"), Text("机构", "Organisation"), Text("数据集", "Dataset"), Text("原因", "Reasons")],
                [[Cell(each.grant_id[:13], f"/grants/{each.grant_id}", mono=True), Cell(names.get(each.org_id, each.org_id)), Cell(each.dataset_id, mono=True),
                  Cell(Text("；".join(r.text.zh for r in each.reasons), " ".join(r.text.en for r in each.reasons)))] for each in broken],
                empty=why_none or Text("没有授权会因此不符合", "It breaks no live grant"),
            ),
            Section(
                Text("试运行：时限与提醒（假定今日生效）", "Dry run: clocks and reminders, as if in force today"),
                [Text("项目", "What"), Text("现行", "In force"), Text("本版", "This version")], _clock_rows(clocks),
                empty=why_none or Text("时限、延期、上报与提醒均不变", "Clocks, extensions, escalation and reminders stay as they are"),
            ),
            Section(
                Text("试运行：结果将改变的自查项", "Dry run: points of self-checks that would turn out otherwise"),
                [Text("自查对象", "Whose"), Text("自查项", "Point"), Text("现行", "In force"), Text("本版", "This version")],
                [[Cell(Text(each.subject_zh, each.subject_en)), Cell(Text(each.name_zh, each.name_en)), Cell(OUTCOME_NAMES[each.before]),
                  Cell(OUTCOME_NAMES[each.after])] for each in turned],
                empty=why_none or Text("没有自查项会因此改变", "None would"),
            ),
        ],
        steps={Step.CONFIRM: StepForm(confirm=Text("确定生效吗？", "Put it in force?")), Step.REJECT: StepForm([NOTE])},
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, profile_id), service.BOOK.events(work, profile_id), STEP_NAMES, refusal=refusal,
        typed={"step": Step.REJECT.value, "note": note},
    )  # fmt: skip


def _clock_rows(found: ClockEffects) -> list[list[Cell]]:
    """What becomes of clocks and reminders, as rows; only what the version says otherwise."""
    rows = []
    if found.running is not None:
        name = Text("期限将变动的在办申请", "Running applications whose due days move")
        stays = Text(
            f"0（在办 {found.running} 件，时限自开始之日不变；之后开始的环节按本版计算）",
            f"0 of {found.running}: a clock keeps the numbers with which it began; stages that begin later count by this version",
        )
        rows.append([Cell(name), Cell("—"), Cell(stays)])
    for name, pair in (
        (Text("将上报的超期环节", "Overdue clocks that would be told to a level"), found.escalations),
        (
            Text("超过上限、无法准予的待审批延期", "Waiting extensions that are too long to be granted"),
            found.extensions,
        ),
        (Text("将发出的提醒", "Reminders that would go out"), found.reminders),
    ):
        if pair is not None:
            rows.append([Cell(name), Cell(str(pair.now)), Cell(str(pair.then))])
    return rows


def _step(
    request: Request, house: HouseDep, actor: Actor, profile_id: str, form: Typed, step: Step
) -> Response:
    note = str(form.get("note", "")).strip()[:2000]
    ask = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.step(work, actor, profile_id, step, ask))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, profile_id, made, note)
    return go(f"/profile/{profile_id}", Text("已办理。", "Done."))


@router.post("/{profile_id}/confirm", response_class=HTMLResponse, **access(_CONFIRM))
def confirm(request: Request, house: HouseDep, actor: ActorDep, profile_id: str, form: Typed) -> Response:
    """Put it in force, as a second person."""
    return _step(request, house, actor, profile_id, form, Step.CONFIRM)


@router.post("/{profile_id}/reject", response_class=HTMLResponse, **access(_CONFIRM))
def reject(request: Request, house: HouseDep, actor: ActorDep, profile_id: str, form: Typed) -> Response:
    """Do not take it."""
    return _step(request, house, actor, profile_id, form, Step.REJECT)
