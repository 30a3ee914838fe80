"""Pages of proposals on records: the list, and one with its difference and the decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from auth.policy.filters.rules import LOCAL
from catalog import codes
from catalog.fields import BY_NAME
from catalog.proposals import service, timing
from catalog.proposals.models import ProposalDecision, ProposalReturn, ProposalTiming
from catalog.proposals.workflow import KIND_NAMES, STATE_NAMES, ProposalState
from core.errors import AppError
from core.text import Lang, Text
from core.work import Work

router = APIRouter(prefix="/record-proposals", include_in_schema=True, tags=["pages"])
PER_PAGE = 50
READ, REVIEW = "catalog:dataset:read-drafts", "catalog:dataset:review"


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "open") -> HTMLResponse:
    """What waits for a second person; other states by the filter."""
    number = page_number(request)
    wanted = state if state in (*ProposalState, "") else "open"
    found, total = service.listed(work, actor, state=wanted, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "record_proposals/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        state=wanted, states=[("", Text("全部", "All")), *STATE_NAMES.items()], names=STATE_NAMES, kinds=KIND_NAMES,
    )  # fmt: skip


@router.get("/{record_proposal_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, record_proposal_id: str) -> HTMLResponse:
    """One proposal: what differs, and what this reader may do."""
    return _show(request, work, actor, record_proposal_id)


def _show(
    request: Request, work: Work, actor: Actor, wanted: str, refusal: AppError | None = None, reason: str = "", at: str = ""
) -> HTMLResponse:  # fmt: skip
    found = service.detail(work, actor, wanted)
    return page(
        request, "record_proposals/show.html", status=status_of(refusal) if refusal else 200, found=found,
        steps={each.step: each for each in found.steps}, refusal=refusal, reason=reason, names=STATE_NAMES,
        at=at or (found.takes_effect_at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M") if found.takes_effect_at else ""),
        kinds=KIND_NAMES, shown=shown,
    )  # fmt: skip


def shown(name: str, value: Any, lang: Lang) -> str:  # noqa: ANN401 - a field's value, of many types
    """A field's value in words: codes by their labels, lists joined, nothing as a dash."""
    if value is None or value in ("", []):
        return "—"
    spec = BY_NAME.get(name)
    values = value if isinstance(value, list) else [value]
    if spec and spec.codes:
        known = codes.load(spec.codes)
        values = [known.text(each).in_(lang) for each in values]
    return ("、" if lang == "zh" else ", ").join(str(each) for each in values)


@router.post("/{record_proposal_id}/accept", response_class=HTMLResponse, **access(REVIEW))
def accept(
    request: Request, house: HouseDep, actor: ActorDep, record_proposal_id: str, typed: Typed
) -> Response:
    """Let it stand."""
    said = Text("提议已通过，记录已更新。", "The proposal is accepted; the record stands so now.")
    body = _version(typed)
    return _done(
        request, house, actor, record_proposal_id, said,
        lambda work: service.accept(work, actor, record_proposal_id, checked(ProposalDecision, body)),
    )  # fmt: skip


@router.post("/{record_proposal_id}/accept-at", response_class=HTMLResponse, **access(REVIEW))
def accept_at(
    request: Request, house: HouseDep, actor: ActorDep, record_proposal_id: str, typed: Typed
) -> Response:
    """Accept it for a later moment, or name another one."""
    at = str(typed.get("at", ""))
    body = _version(typed) | {"at": in_zone(at)}
    return _done(
        request, house, actor, record_proposal_id, Text("提议已通过，到时生效。", "The proposal is accepted and takes effect at its moment."),
        lambda work: timing.accept_at(work, actor, record_proposal_id, checked(ProposalTiming, body)), at=at,
    )  # fmt: skip


def in_zone(word: str) -> str:
    """A moment of a form, local where it says no zone."""
    try:
        moment = datetime.fromisoformat(word.strip())
    except ValueError:
        return word
    return (moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)).isoformat()


@router.post("/{record_proposal_id}/return", response_class=HTMLResponse, **access(REVIEW))
def give_back(
    request: Request, house: HouseDep, actor: ActorDep, record_proposal_id: str, typed: Typed
) -> Response:
    """Return it with a reason."""
    reason = str(typed.get("reason", ""))
    body = _version(typed) | {"reason": reason}
    return _done(
        request, house, actor, record_proposal_id, Text("提议已退回。", "The proposal is returned."),
        lambda work: service.give_back(work, actor, record_proposal_id, checked(ProposalReturn, body)), reason,
    )  # fmt: skip


@router.post("/{record_proposal_id}/take-back", response_class=HTMLResponse, **access(REVIEW))
def take_back(
    request: Request, house: HouseDep, actor: ActorDep, record_proposal_id: str, typed: Typed
) -> Response:
    """Its author takes it back."""
    body = _version(typed)
    return _done(
        request, house, actor, record_proposal_id, Text("提议已收回。", "The proposal is taken back."),
        lambda work: service.take_back(work, actor, record_proposal_id, checked(ProposalDecision, body)),
    )  # fmt: skip


def _version(typed: Any) -> dict[str, Any]:  # noqa: ANN401 - a form
    return {"version": version_of(typed)}


def _done(
    request: Request, house: HouseDep, actor: Actor, wanted: str, said: Text, act: Callable[[Work], Any], reason: str = "", at: str = ""
) -> Response:  # fmt: skip
    outcome = tried(house, act)
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _show(request, work, actor, wanted, outcome, reason, at)
    return go(f"/record-proposals/{wanted}", said)
