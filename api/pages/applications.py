"""Pages of applications: the list, one application with all that concerns it, and its simple steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.awaited import of_terms
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.happenings import timeline
from api.late import APIRouter
from api.lookups import assets, column_titles, holds, named, org_names
from api.opinions import opinion_options, with_opinion
from api.pages.tickets import checked
from api.web import go, page
from auth import audit_reading
from auth.actor import Actor
from auth.agreements import at_odds
from auth.applications import co_applicants, handlers, inviting, queries, references, service, talk
from auth.applications.judging import Statement
from auth.applications.models import (
    AcceptBody,
    ApplicationRead,
    DeclaredStep,
    ScreenBody,
    StepBody,
)
from auth.applications.precedents import told_narrowed
from auth.applications.reading import is_bureau
from auth.applications.workflow import FINAL, STATE_NAMES, State
from auth.clocks import queries as clocks
from auth.papers import commitments, reading
from auth.policy import wording
from auth.policy.filters.model import parse
from auth.policy.limits import limits
from auth.policy.model import ColumnTerm, GrantPolicy, Safeguards
from core.errors import AppError, InputRefused, Reason, Unavailable
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 25
WRITE: Final = "auth:application:write"
EDIT: Final = "auth:application:edit"
PATH: Final = (
    State.DRAFT,
    State.SUBMITTED,
    State.IN_REVIEW,
    State.DECIDING,
    State.OFFERED,
    State.AGREED,
)


@router.get("", response_class=HTMLResponse, **access("auth:application:read"))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    dataset: str = "",
    show: str = "",
    sort: str = "-created",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Applications in the reader's sight; `show`: mine, waiting, handled."""
    found, total = service.applications(
        work, actor, state=state or None, mine=show == "mine", waiting=show == "waiting", handled=show == "handled", dataset_id=dataset or None,
        sort=sort, offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    waiting = service.applications(work, actor, waiting=True, limit=1)[1]
    return page(
        request, "applications/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        states=STATE_NAMES, state=state, dataset=dataset, show=show, waiting=waiting, orgs=org_names(work),
        scenarios=limits().scenarios,
    )  # fmt: skip


@router.get("/{application_id}", response_class=HTMLResponse, **access("auth:application:read"))
def show_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """One application."""
    return shown(request, work, actor, application_id)


def shown(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    *,
    refusal: AppError | None = None,
    note: str = "",
    given: Mapping[str, Any] | None = None,
    said: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """The page of one application; `note`, `given` and `said`: what was typed into the form of a step or comment that was refused, or is being filled in."""
    found = service.application(work, actor, application_id)
    row = queries.row(work, application_id, actor)
    assigns = handlers.may_assign(work, actor, row)
    remarks, remarked = talk.comments(work, actor, application_id, limit=talk.MOST)
    return page(
        request, "applications/show.html", status=422 if refusal else 200, **context_of(work, actor, found),
        at_odds=at_odds.of_application(work, actor, found.org_id, found.scenario_id or "") if actor.may(at_odds.READ) else [],
        commands={item["command"]: item for item in service.commands(work, actor, application_id, assets=partial(assets, work))},
        events=timeline(
            work, actor, audit_reading.history(work, application_id=found.id, internal=is_bureau(actor))
        ),
        changed={line.id: told_narrowed(work, row, line)[0] for line in queries.lines(work, row.id) if line.offered},
        refusal=refusal, note=note, given=given or {}, opinions=opinion_options(work, "screening"), clocks=clocks.case(work, actor, application_id),
        proposed=proposed_in_words(work, actor, found), remarks=remarks, remarked=remarked, said=said or {},
        audiences=talk.may_comment(work, actor, row), ask_options=_people(work, talk.colleagues(work, actor, row)), assigns=assigns,
        invites=[stage.name for stage in inviting.stages_to_invite(work, actor, row)],
        invitable=_invitable(work, actor, application_id) if actor.may(inviting.INVITE) else [],
        invitations=inviting.invitations(work, actor, application_id) if actor.may(inviting.INVITE) else [],
        co_applicants=co_applicants.co_applicants(work, actor, application_id),
        nameable=_people(work, co_applicants.able(work, row)) if co_applicants.may_name(work, actor, row) else [],
        able_options=lambda each: _people(work, each.able),
        handlers=handlers.handlers(work, actor, application_id) if is_bureau(actor) and actor.org_id != row.org_id else [],
    )  # fmt: skip


def _invitable(work: Work, actor: Actor, application_id: ApplicationId) -> list[tuple[str, Text]]:
    """Who could be invited, each with the stage: a choice says both."""
    orgs = org_names(work)
    found = inviting.invitable(work, actor, application_id)
    several = len({each.stage for each in found}) > 1

    def said(each: inviting.Invitable, name: str, org: str, stage: str) -> str:
        return f"{name}（{each.username}）{org}{f' · {stage}' if several else ''}"

    return [
        (
            f"{each.username}|{each.stage}",
            Text(
                said(each, each.name_zh, orgs[each.org_id].zh if each.org_id in orgs else "", _stage_name(orgs, each.stage).zh),
                said(each, each.name_en, orgs[each.org_id].en if each.org_id in orgs else "", _stage_name(orgs, each.stage).en),
            ),
        )
        for each in found
    ]  # fmt: skip


def _people(work: Work, usernames: Sequence[str]) -> list[tuple[str, Text | str]]:
    """Choices of one person, or nobody."""
    return [("", "—"), *named(work, [(name, name) for name in usernames])]


def proposed_in_words(work: Work, actor: Actor, found: ApplicationRead) -> list[dict[str, Any]]:
    """The decision that stands proposed, line by line, with what it will allow."""
    if found.proposal is None:
        return []
    lines = list(queries.proposal_of(queries.row(work, ApplicationId(found.id), actor)).lines)
    return said_in_words(
        work, service.statement(work, actor, found.id, lines, assets=partial(assets, work), holds=holds(work))
    )


def said_in_words(work: Work, said: list[Statement]) -> list[dict[str, Any]]:
    return [
        {
            "line_id": line.line_id,
            "title": Text(line.title_zh, line.title_en),
            "outcome": line.outcome,
            "note": line.note,
            "against": line.against,
            "policy": policy_in_words(work, line.policy, column_titles(work, line.dataset_id)) if line.policy else None,
        }
        for line in said
    ]  # fmt: skip


def context_of(work: Work, actor: Actor, found: ApplicationRead) -> dict[str, Any]:
    """What every page about one application shows. Raises Unavailable where this version cannot read what is asked."""
    queries.ask_of(work, queries.row(work, ApplicationId(found.id), actor))
    orgs, known = org_names(work), limits()
    return {
        "found": found,
        "states": STATE_NAMES,
        "orgs": orgs,
        "known": known,
        "refusal_options": [(code.code, code.name) for code in known.refusals.values()],
        "scenario": known.scenarios.get(found.scenario_id),
        "purposes": [known.purposes[code].name for code in found.purposes if code in known.purposes],
        "lines": [line_in_words(work, line.model_dump()) for line in found.lines],
        "steps": steps_of(found),
        "bureau": is_bureau(actor),
        "stage_name": partial(_stage_name, orgs),
        "is_final": found.state in FINAL,
        "papers": reading.papers(work, actor, found.id),
        "broken": commitments.broken_of(work, found.org_id) if is_bureau(actor) else [],
        "may_edit": may_edit(actor, found),
    }


def may_edit(actor: Actor, found: ApplicationRead) -> bool:
    """Whether the draft is this reader's to fill in: an applicant's or named co-applicant's of the organisation, or the clerk's who drafted it."""
    if found.state not in (State.DRAFT, State.RETURNED):
        return False
    if actor.username in found.co_applicants:
        return actor.may_in(EDIT, found.org_id)
    return actor.may_in(WRITE, found.org_id) and (
        actor.org_id == found.org_id or found.assisted_by == actor.username
    )


def line_in_words(work: Work, line: dict[str, Any]) -> dict[str, Any]:
    """A line with its columns, filter and offer in words."""
    titles = column_titles(work, line["dataset_id"])
    offered, unreadable = _offered(line)
    asked_filter = parse(line["row_filter"]) if line["row_filter"] else None
    return line | {
        "title": Text(line["title_zh"], line["title_en"]),
        "asked": [
            {
                "name": column["name"],
                "title": titles.get(column["name"]),
                "reason": column["reason"],
                "use": wording.term_in_words(
                    ColumnTerm.model_validate({k: column[k] for k in ("name", "use", "mask")})
                )
                if (column["use"] == "masked") == (column["mask"] is not None)
                else wording.USE_NAMES[column["use"]],
                "offered": wording.term_in_words(term)
                if offered and (term := offered.term(column["name"]))
                else None,
            }
            for column in line["columns"]
        ],
        "filter": wording.filter_in_words(asked_filter, titles),
        "forms": [wording.FORM_NAMES[form] for form in line["delivery_forms"]],
        "fee": references.fee_named(work, line["fee_reference"]),
        "safeguards": wording.safeguards_in_words(Safeguards.model_validate(line["safeguards"])),
        "policy": policy_in_words(work, offered, titles) if offered else None,
        "unreadable": unreadable,
    }


def _offered(line: dict[str, Any]) -> tuple[GrantPolicy | None, Sequence[Reason]]:
    """The policy of an offer, or why it cannot be told."""
    if not line["offered"]:
        return None, ()
    try:
        return queries.offered_policy(json.dumps(line["offered"])), ()
    except Unavailable as fault:
        return None, fault.reasons


def policy_in_words(work: Work, policy: GrantPolicy, titles: dict[str, Text]) -> dict[str, Any]:
    """A policy for people."""
    known, names = limits(), references.names_of(work, policy.members)
    scenario = known.scenarios.get(policy.scenario_id)
    return {
        "terms": [
            {"name": term.name, "title": titles.get(term.name), "use": wording.term_in_words(term), "kind": term.use}
            for term in policy.columns
        ],
        "filter": wording.filter_in_words(policy.row_filter, titles),
        "forms": [wording.FORM_NAMES[form] for form in policy.delivery_forms],
        "scenario": scenario.name if scenario else policy.scenario_id,
        "purposes": [known.purposes[code].name if code in known.purposes else code for code in policy.purposes],
        "starts_at": policy.starts_at,
        "ends_at": policy.ends_at,
        "quotas": policy.quotas,
        "networks": wording.networks_in_words(policy.networks) if policy.networks else None,
        "pinned_release": policy.pinned_release,
        "members": [names.get(each, each) for each in policy.members],
        "fee": references.fee_named(work, policy.fee_reference),
        "safeguards": wording.safeguards_in_words(policy.safeguards),
        "retention_days": policy.retention_days,
    }  # fmt: skip


def steps_of(found: ApplicationRead) -> list[dict[str, Any]]:
    """The way, with where the application stands on it."""
    aside = found.state not in PATH
    at = PATH.index(found.state) if not aside else _reached(found)
    items = []
    for n, state in enumerate(PATH):
        mark = "done" if n < at or found.state is State.AGREED else "now" if n == at else "todo"
        items.append({"label": STATE_NAMES[state], "state": "bad" if aside and n == at else mark})
    if aside:
        items[at]["note"] = STATE_NAMES[found.state]
    return items


def _reached(found: ApplicationRead) -> int:
    if found.agreement_hash:
        return PATH.index(State.OFFERED)
    if found.decided_at:
        return PATH.index(State.DECIDING)
    return PATH.index(State.SUBMITTED) if found.submitted_at else 0


def _stage_name(orgs: dict[str, Text], stage: str) -> Text:
    if stage == "security":
        return Text("安全审核", "Security review")
    name = orgs.get(stage.removeprefix("business:"), Text(stage, stage))
    return Text(f"业务审核 · {name.zh}", f"Business review · {name.en}")


# -- simple steps: one form each on the page itself


def version_of(form: Any) -> int | None:  # noqa: ANN401 - form data
    word = str(form.get("version", ""))
    return int(word) if word.isdecimal() and len(word) < 10 else None


def text_of(form: Any, name: str) -> str:  # noqa: ANN401
    return str(form.get(name, "")).strip()


def done(
    request: Request,
    house: HouseDep,
    actor: Actor,
    application_id: ApplicationId,
    outcome: ApplicationRead | AppError,
    said: Text,
    note: str,
    given: Mapping[str, Any] | None = None,
) -> Response:
    if isinstance(outcome, AppError):
        with house.read() as work:
            return shown(request, work, actor, application_id, refusal=outcome, note=note, given=given)
    return go(f"/applications/{application_id}", said)


def missing_of(form: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - form data
    """The papers for which days were filled in (`days-KEY`)."""
    keys = [name.removeprefix("days-") for name in form if name.startswith("days-")]
    return [
        {"paper": key, "working_days": text_of(form, f"days-{key}")}
        for key in keys
        if text_of(form, f"days-{key}")
    ]


def declared(form: Any) -> DeclaredStep:  # noqa: ANN401
    """A step of somebody who judges: unticked, the declaration is not given."""
    return DeclaredStep(
        **step_body(form).model_dump(), has_no_conflict=text_of(form, "has_no_conflict") == "yes" or None
    )


def step_body(form: Any) -> StepBody:  # noqa: ANN401
    return StepBody(version=version_of(form), note=text_of(form, "note")[:2000])


@router.post("/{application_id}/screen", response_class=HTMLResponse, **access("auth:application:screen"))
def screen(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Accept for review, return or refuse; or, with `insert`, put a template's text into the note and show the form again."""
    if form.get("insert"):
        with house.read() as work:
            known = with_opinion(request, work, form, "screening", code="reason_code")
            return shown(request, work, actor, application_id, note=text_of(known, "note"), given=known)
    wanted = text_of(form, "outcome")
    if wanted not in ("ok", "return", "reject"):
        raise InputRefused(Text("请选择办理结果。", "Choose an outcome."))
    given = {
        "outcome": wanted,
        "reason_code": text_of(form, "reason_code")[:80],
        "opinion": text_of(form, "used")[:60],
        "missing": missing_of(form) if wanted == "ok" else (),
    }
    plain = declared(form)

    def act(work: Work) -> ApplicationRead:
        body = checked(ScreenBody, plain.model_dump() | given)
        return service.screen(work, actor, application_id, body)

    outcome = tried(house, act)
    said = {
        "ok": Text("已受理，进入审核。", "Accepted for review."),
        "return": Text("已退回补正。", "Returned for completion."),
        "reject": Text("已作不予受理处理。", "Refused."),
    }[wanted]
    return done(request, house, actor, application_id, outcome, said, plain.note, form)


@router.post("/{application_id}/return", response_class=HTMLResponse, **access("auth:application:return"))
def send_back(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Send back to the applicant."""
    body = declared(form)
    outcome = tried(house, lambda work: service.send_back(work, actor, application_id, body))
    said = Text("已退回申请人补正。", "Returned to the applicant.")
    return done(request, house, actor, application_id, outcome, said, body.note)


@router.post("/{application_id}/withdraw", response_class=HTMLResponse, **access("auth:application:withdraw"))
def withdraw(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Take the application back."""
    body = step_body(form)
    outcome = tried(house, lambda work: service.withdraw(work, actor, application_id, body))
    return done(
        request,
        house,
        actor,
        application_id,
        outcome,
        Text("申请已撤回。", "Application withdrawn."),
        body.note,
    )


@router.post("/{application_id}/decline", response_class=HTMLResponse, **access("auth:application:accept"))
def decline(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Turn the terms down."""
    body = step_body(form)
    outcome = tried(house, lambda work: service.decline(work, actor, application_id, body))
    return done(
        request, house, actor, application_id, outcome, Text("已拒绝条款。", "Terms declined."), body.note
    )


# -- the terms


@router.get("/{application_id}/terms", response_class=HTMLResponse, **access("auth:application:read"))
def terms_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """The agreement, readable in both languages, with the digest that accepting it names."""
    return _terms(request, work, actor, application_id)


def _terms(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    refusal: AppError | None = None,
) -> HTMLResponse:
    found = service.application(work, actor, application_id)
    terms = service.terms(work, actor, application_id)
    offers = [
        {
            "title": Text(line["dataset"]["zh"], line["dataset"]["en"]),
            "dataset_id": policy.dataset_id,
            "hash": policy.hash,
            "wanting": lacks,
            "policy": policy_in_words(work, policy, column_titles(work, policy.dataset_id)),
        }
        for line, lacks in zip(terms["document"]["lines"], of_terms(work, terms), strict=True)
        for policy in (queries.offered_policy(json.dumps(line["policy"])),)
    ]
    commands = service.commands(work, actor, application_id, assets=partial(assets, work))
    return page(
        request, "applications/terms.html", status=422 if refusal else 200, **context_of(work, actor, found), terms=terms,
        offers=offers, clauses=terms["document"]["clauses"]["clauses"], refusal=refusal,
        may_accept=any(item["command"] == "accept_terms" for item in commands),
    )  # fmt: skip


@router.post("/{application_id}/accept", response_class=HTMLResponse, **access("auth:application:accept"))
def accept(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Accept the terms that were read."""
    digest = text_of(form, "hash")
    if text_of(form, "read") != "yes" or len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        refusal: Any = InputRefused(Text("请先勾选“已阅读并接受”。", "Tick “read and accepted” first."))
    else:
        body = AcceptBody(version=version_of(form), hash=digest)
        refusal = tried(house, lambda work: service.accept_terms(work, actor, application_id, body))
    if isinstance(refusal, AppError):
        with house.read() as work:
            return _terms(request, work, actor, application_id, refusal)
    said = Text(
        "条款已接受，授权已生成，待数据专员使其生效。",
        "Terms accepted; the grants are issued and wait to be activated.",
    )
    return go(f"/applications/{application_id}", said)
