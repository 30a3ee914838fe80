"""Pages of grants: the list, and one grant followed from its application to the last download."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.activating import activated
from api.awaited import wanting
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.dossiers import proofs_of
from api.forms import Typed, tried
from api.happenings import timeline
from api.late import APIRouter
from api.lookups import assets, column_titles, has_release, holds, org_names
from api.pages.applications import policy_in_words
from api.web import go, page
from auth import audit_reading
from auth.actor import Actor
from auth.applications import service as applications
from auth.applications.reading import is_bureau
from auth.grants import dormancy, lineage, queries, reading, service, waking
from auth.grants.ledger import KINDS
from auth.grants.reading import GrantRead
from auth.grants.service import RevokeStep
from auth.grants.steps import GrantStep
from auth.grants.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.incidents import freezes
from auth.policy.limits import limits
from auth.proof.checkpoint import Place
from auth.revocations.opening import SHA256, Grounds
from auth.revocations.rules import BAR_SCOPES
from auth.revocations.service import of_grant as revocation_of
from auth.revocations.workflow import STATE_NAMES as REVOCATION_STATES
from auth.supervision import ledger
from auth.supervision.ledger import Wish
from core.errors import AppError, InputRefused
from core.ids import ApplicationId, GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import queries as extracts

router = APIRouter(prefix="/grants", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 25
SAID: Final = {
    Step.ACTIVATE: Text("授权已生效。", "The grant is active."),
    Step.SUSPEND: Text("授权已暂停，即时停止使用。", "The grant is suspended; all use has stopped."),
    Step.RESUME: Text("授权已恢复。", "The grant counts again."),
    Step.ASK_RESUME: Text("已提出，等待数据专员决定。", "Asked; a steward decides."),
    Step.WAKE: Text("授权已恢复使用。", "The grant counts again."),
    Step.DECLINE_RESUME: Text("已答复不同意恢复。", "Declined; the holder is told."),
    Step.REVOKE: Text("授权已撤销。", "The grant is revoked."),
    Step.RELINQUISH: Text("授权已放弃。", "The grant is given back."),
}


@router.get("", response_class=HTMLResponse, **access("auth:grant:read"))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    dataset: str = "",
    org: str = "",
    sort: str = "-created",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Grants in the reader's sight."""
    found, total = reading.grants(
        work, actor, state=state or None, dataset_id=dataset or None, org_id=org or None, sort=sort,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    return page(
        request, "grants/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        states=STATE_NAMES, state=state, dataset=dataset, org=org, orgs=org_names(work),
    )  # fmt: skip


@router.get("/{grant_id}", response_class=HTMLResponse, **access("auth:grant:read"))
def show_page(request: Request, work: ReadDep, actor: ActorDep, grant_id: GrantId) -> HTMLResponse:
    """One grant: what it allows, what was used, and everything that happened, on one page."""
    return _show(request, work, actor, grant_id)


@router.get("/{grant_id}/record", response_class=HTMLResponse, **access("auth:grant:read"))
def record_page(
    request: Request, work: ReadDep, actor: ActorDep, house: HouseDep, grant_id: GrantId
) -> HTMLResponse:
    """One grant from its application to its deletion certificate on one page, each step with its proof."""
    found = reading.grant(work, actor, grant_id)
    application = applications.application(work, actor, ApplicationId(found.application_id))
    history = audit_reading.history(
        work, application_id=found.application_id, grant_id=grant_id, internal=is_bureau(actor)
    )
    checkpoint, proofs = proofs_of(work, house, [each.seq for each in history])
    taken, sums = ledger.lines(work, Wish(grant_id=grant_id), sort="at", limit=500)
    delivered, _ = extracts.listed(work, actor, grant_id=grant_id, sort="requested", limit=200)
    policy = queries.view(work, grant_id).policy
    line = next((each for each in application.lines if each.dataset_id == found.dataset_id), None)
    return page(
        request, "grants/record.html", found=found, application=application, line=line, states=STATE_NAMES,
        orgs=org_names(work), policy=policy_in_words(work, policy, column_titles(work, found.dataset_id)),
        events=list(zip(timeline(work, actor, history, grant_id), history, strict=True)), proofs=proofs, checkpoint=checkpoint,
        key=Place.of(house.settings).signer().verifier.text(), taken=taken if actor.may("auth:usage:read") else [],
        sums=sums, extracts=delivered, kinds=KINDS, known=limits(), may_take=actor.may("auth:audit:read"),
    )  # fmt: skip


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    refusal: AppError | None = None,
    note: str = "",
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = reading.grant(work, actor, grant_id)
    policy = queries.view(work, grant_id).policy
    history = audit_reading.history(
        work, application_id=found.application_id, grant_id=grant_id, internal=is_bureau(actor)
    )
    commands = service.commands(
        work,
        actor,
        grant_id,
        assets=partial(assets, work),
        has_release=has_release(work),
        holds=holds(work),
    )
    return page(
        request, "grants/show.html", status=422 if refusal else 200, found=found, states=STATE_NAMES,
        orgs=org_names(work), forms=policy.delivery_forms, policy=policy_in_words(work, policy, column_titles(work, found.dataset_id)),
        events=timeline(work, actor, history, grant_id), commands=commands, names={step.value: STEP_NAMES[step] for step in Step},
        sleep=dormancy.sleep_of(work, queries.row(work, grant_id)), usage=_usage(found), refusal=refusal, note=note,
        typed=typed or {}, bar_scopes=list(BAR_SCOPES.items()), revocation=revocation_of(work, actor, grant_id), revocation_states=REVOCATION_STATES,
        freezes=freezes.meeting(work, grants=lineage.of(work, queries.row(work, grant_id)), orgs=[found.org_id, found.department_id], dataset_id=found.dataset_id),
        unserved=wanting(work, policy) if found.state == State.PENDING else (), why_not=[Text(reason["zh"], reason["en"]) for reason in found.why_not],
    )  # fmt: skip


def _usage(found: GrantRead) -> list[dict[str, Any]]:
    names = {
        "extracts": Text("提取次数", "Extracts"),
        "rows": Text("行数", "Rows"),
        "bytes": Text("字节", "Bytes"),
    }
    if found.quota_per_day is not None:
        names["per_day"] = Text(
            f"{found.used_on or '每日'} 次数", f"Uses {(found.used_on and f'on {found.used_on}') or 'a day'}"
        )
    if found.quota_per_month is not None:
        names["per_month"] = Text(f"{found.used_in or '—'} 次数", f"Uses in {found.used_in or '—'}")
    if found.quota_outputs_per_month is not None:
        month = found.outputs_in or "—"
        names["outputs_per_month"] = Text(f"{month} 出域次数", f"Enclave outputs in {month}")
    return [
        {
            "name": name,
            "used": getattr(found, f"used_{unit}"),
            "quota": getattr(found, f"quota_{unit}"),
            "is_size": unit == "bytes",
        }
        for unit, name in names.items()
    ]


@router.post("/{grant_id}/activate", response_class=HTMLResponse, **access("auth:grant:activate"))
def activate(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed) -> Response:
    """Put the grant into force."""
    return _step(
        request,
        house,
        actor,
        grant_id,
        form,
        Step.ACTIVATE,
        lambda work, body: activated(work, actor, grant_id, body),
    )


@router.post("/{grant_id}/suspend", response_class=HTMLResponse, **access("auth:grant:suspend"))
def suspend(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed) -> Response:
    """Stop all use at once."""
    return _step(
        request,
        house,
        actor,
        grant_id,
        form,
        Step.SUSPEND,
        lambda work, body: service.suspend(work, actor, grant_id, body),
    )


@router.post("/{grant_id}/resume", response_class=HTMLResponse, **access("auth:grant:resume"))
def resume(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed) -> Response:
    """Let it count again."""
    return _step(
        request,
        house,
        actor,
        grant_id,
        form,
        Step.RESUME,
        lambda work, body: service.resume(work, actor, grant_id, body),
    )


@router.post("/{grant_id}/ask-resume", response_class=HTMLResponse, **access("auth:grant:ask-resume"))
def ask_resume(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed
) -> Response:
    """Ask that a dormant grant be resumed."""
    return _step(
        request, house, actor, grant_id, form, Step.ASK_RESUME,
        lambda work, body: waking.ask_resume(work, actor, grant_id, body),
    )  # fmt: skip


@router.post("/{grant_id}/wake", response_class=HTMLResponse, **access("auth:grant:wake"))
def wake(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed) -> Response:
    """Let a dormant grant be used again."""
    return _step(
        request, house, actor, grant_id, form, Step.WAKE,
        lambda work, body: waking.decide_resume(work, actor, grant_id, body, Step.WAKE),
    )  # fmt: skip


@router.post("/{grant_id}/decline-resume", response_class=HTMLResponse, **access("auth:grant:wake"))
def decline_resume(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed
) -> Response:
    """Decline to resume a dormant grant."""
    return _step(
        request, house, actor, grant_id, form, Step.DECLINE_RESUME,
        lambda work, body: waking.decide_resume(work, actor, grant_id, body, Step.DECLINE_RESUME),
    )  # fmt: skip


@router.post("/{grant_id}/revoke", response_class=HTMLResponse, **access("auth:grant:revoke"))
def revoke(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed) -> Response:
    """End it for good."""
    return _step(
        request,
        house,
        actor,
        grant_id,
        form,
        Step.REVOKE,
        lambda work, body: service.revoke(
            work, actor, grant_id, _grounds(body, form), assets=partial(assets, work)
        ),
    )


@router.post("/{grant_id}/relinquish", response_class=HTMLResponse, **access("auth:grant:relinquish"))
def relinquish(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, form: Typed
) -> Response:
    """The holder gives it back."""
    return _step(
        request,
        house,
        actor,
        grant_id,
        form,
        Step.RELINQUISH,
        lambda work, body: service.relinquish(work, actor, grant_id, body),
    )


@router.post("/{grant_id}/{which}", response_class=HTMLResponse, **access("auth:application:write"))
def follow(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, which: Literal["renew", "amend"]
) -> Response:
    """A prefilled draft that renews or amends the grant."""
    act = {"renew": applications.renew, "amend": applications.amend}[which]
    outcome = tried(house, lambda work: act(work, actor, grant_id, assets=partial(assets, work)))
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _show(request, work, actor, grant_id, outcome)
    said = Text("已按原授权填好草稿，请核对。", "A draft was filled in from the grant; check it.")
    return go(f"/applications/{outcome.id}/columns", said)


def _grounds(body: GrantStep, form: Typed) -> RevokeStep:
    """The step with what the form says of evidence and bar. Raises InputRefused by field."""
    digest, months = (str(form.get(name, "")).strip().lower() for name in ("evidence_sha256", "bar_months"))
    if not SHA256.fullmatch(digest):
        raise InputRefused(
            Text("证据文件的 SHA-256 应为 64 位十六进制数字。", "The SHA-256 of the evidence is 64 hexadecimal digits."), field="evidence_sha256"
        )  # fmt: skip
    if not (months or "0").isdecimal() or len(months) > 3:
        raise InputRefused(
            Text("限制再次申请的月数应为 0 至 600 的整数。", "The months of the bar are a whole number from 0 to 600."), field="bar_months"
        )  # fmt: skip
    given = str(form.get("bar_scope", "") or "dataset")
    if (scope := next((each for each in BAR_SCOPES if each == given), None)) is None:
        raise InputRefused(Text("没有这个限制范围。", "There is no such reach of a bar."), field="bar_scope")
    return RevokeStep(
        version=body.version, note=body.note, evidence=str(form.get("evidence", "")).strip()[:2000],
        evidence_sha256=digest, bar_months=min(int(months or "0"), 600), bar_scope=scope,
        bar_datasets=str(form.get("bar_datasets", "")).split()[:200],
    )  # fmt: skip


def _step(
    request: Request,
    house: HouseDep,
    actor: Actor,
    grant_id: GrantId,
    form: Typed,
    step: Step,
    act: Callable[[Work, GrantStep], GrantRead],
) -> Response:
    """Take the step; a refusal shows the grant again with every reason and what was typed."""
    body = GrantStep(version=version_of(form), note=str(form.get("note", "")).strip()[:2000])
    outcome = tried(house, lambda work: act(work, body))
    if isinstance(outcome, AppError):
        with house.read() as work:
            typed = {name: str(form.get(name, ""))[:2000] for name in Grounds.model_fields}
            return _show(request, work, actor, grant_id, outcome, body.note, typed)
    return go(f"/grants/{grant_id}", SAID[step])
