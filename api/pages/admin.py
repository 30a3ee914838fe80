"""Administration: accounts with their roles, organisations with their licences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.pages.duties import attached
from api.pages.tickets import checked
from api.web import go, page
from auth.actor import ANYONE, Actor
from auth.agreements import at_odds
from auth.identity import (
    accounts,
    affiliation,
    changes,
    credentials,
    factor,
    licence,
    links,
    organisations,
    passwords,
    registration,
)
from auth.identity.accounts import RoleGive
from auth.identity.affiliation import ControlEntry
from auth.identity.changes import ChangeRead
from auth.identity.labels import CHANGE_KIND_NAMES, LICENCE_NAMES, ORG_KIND_NAMES
from auth.identity.licence import LicenceStep
from auth.identity.organisations import OrganisationRead
from auth.identity.registration import CountryCorrection
from auth.identity.rules import ENTERPRISE_ROLES
from auth.identity.tables import OrgKind
from auth.incidents import freezes
from auth.roles import ROLE_NAMES, Role
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/admin", include_in_schema=True, tags=["pages"])

PAGE_SIZE = 50
_ASKED = Text(
    "角色变更已提出，待另一位管理员确认后生效。",
    "The change of roles waits for another administrator to confirm it.",
)
CHANGE_ASKED = Text(
    "已提出，待另一位管理员确认后生效。", "This waits for another administrator to confirm it."
)
WORDS: dict[str, Any] = {
    "role_names": ROLE_NAMES, "role_options": list(ROLE_NAMES.items()),
    "kinds": ORG_KIND_NAMES, "kind_options": list(ORG_KIND_NAMES.items()),
    "licences": LICENCE_NAMES, "licence_options": list(LICENCE_NAMES.items()),
}  # fmt: skip
FormText = Annotated[str, Form(max_length=500)]


@router.get("", **access("auth:user:read"))
def index() -> Response:
    """Administration starts with the accounts."""
    return RedirectResponse("/admin/users", 303)


@router.get("/users", response_class=HTMLResponse, **access("auth:user:read", personal=""))
def users(
    request: Request,
    work: ReadDep,
    q: str = Query("", max_length=80),
    org: str = "",
    number: int = Query(1, ge=1, le=100_000, alias="page"),
) -> HTMLResponse:
    """Accounts, searched and paged."""
    found, total = accounts.accounts(
        work, query=q, org_id=org or None, limit=PAGE_SIZE, offset=PAGE_SIZE * (number - 1)
    )
    return page(
        request, "admin/users.html", rows=found, total=total, number=number, pages=-(-total // PAGE_SIZE),
        q=q, org=org, parts_orgs=_org_options(work), **WORDS,
    )  # fmt: skip


@router.get("/users/new", response_class=HTMLResponse, **access("auth:user:admin"))
def new_user(request: Request, house: HouseDep) -> HTMLResponse:
    """The form for an account."""
    return _user_form(request, house, {})


@router.post("/users/new", response_class=HTMLResponse, **access("auth:user:admin"))
def create_user(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    username: FormText = "",
    name_zh: FormText = "",
    name_en: FormText = "",
    org_id: FormText = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    roles: Annotated[list[Role] | None, Form()] = None,
) -> Response:
    """Make an account; a refusal shows the form again as typed, without the password."""
    typed = {
        "username": username,
        "name_zh": name_zh,
        "name_en": name_en,
        "org_id": org_id,
        "roles": roles or [],
    }
    try:
        hashed = passwords.hashed(password, house.settings.password_workers) if password else None
    except AppError as refused:
        return _user_form(request, house, typed, refused)
    made = tried(
        house,
        lambda work: changes.open_account(
            work,
            actor,
            username,
            hashed,
            Text(name_zh or username, name_en or username),
            org_id or None,
            roles or (),
        ),
    )
    if isinstance(made, AppError):
        return _user_form(request, house, typed, made)
    said = Text("账户已创建。", "The account was made.")
    if roles:
        said = Text(said.zh + _ASKED.zh, f"{said.en} {_ASKED.en}")
    return go(f"/admin/users/{made.username}", said)


@router.get("/users/{user}", response_class=HTMLResponse, **access("auth:user:read", personal="user"))
def show_user(request: Request, house: HouseDep, user: str) -> HTMLResponse:
    """One account: roles, state, what may be done."""
    return user_page(request, house, user)


@router.post("/users/{user}/roles", response_class=HTMLResponse, **access("auth:user:admin"))
def give_role(
    request: Request, house: HouseDep, actor: ActorDep, user: str,
    role: Annotated[Role, Form()], scope: FormText = "",
) -> Response:  # fmt: skip
    """Give a role."""
    ask = RoleGive(role=role, scope=scope or None)
    done = tried(house, lambda work: changes.give(work, actor, user, ask))
    if isinstance(done, AppError):
        return user_page(request, house, user, done)
    return go(f"/admin/users/{user}", _ASKED)


@router.post("/users/{user}/roles/{assignment_id}/end", **access("auth:user:admin"))
def take_role(work: WorkDep, actor: ActorDep, user: str, assignment_id: str) -> Response:
    """End a role."""
    changes.take(work, actor, user, assignment_id)
    return go(f"/admin/users/{user}", _ASKED)


@router.post("/users/{user}/disable", **access("auth:user:admin"))
def disable(work: WorkDep, actor: ActorDep, user: str) -> Response:
    """Disable an account."""
    accounts.set_disabled(work, actor, user, True)
    return go(
        f"/admin/users/{user}",
        Text("账户已停用，其会话与令牌即刻失效。", "The account is disabled; its sessions and tokens ended."),
    )


@router.post("/users/{user}/enable", **access("auth:user:admin"))
def enable(work: WorkDep, actor: ActorDep, user: str) -> Response:
    """Enable an account."""
    accounts.set_disabled(work, actor, user, False)
    return go(f"/admin/users/{user}", Text("账户已启用。", "The account is enabled."))


@router.post("/users/{user}/password", response_class=HTMLResponse, **access("auth:user:admin"))
def reset_password(
    request: Request, house: HouseDep, actor: ActorDep, user: str,
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:  # fmt: skip
    """Set a new password for somebody, or ask to where the account decides anything."""
    with house.read() as work:
        accounts.account(work, user)
    try:
        hashed = passwords.hashed(password, house.settings.password_workers)
    except AppError as refused:
        return user_page(request, house, user, refused)
    done = tried(house, lambda work: credentials.set_password(work, actor, user, hashed))
    if isinstance(done, AppError):
        return user_page(request, house, user, done)
    waits = isinstance(done, ChangeRead)
    return go(
        f"/admin/users/{user}", CHANGE_ASKED if waits else Text("口令已重置。", "The password was reset.")
    )


@router.post("/users/{user}/second-factor/reset", response_class=HTMLResponse, **access("auth:user:admin"))
def reset_factor(request: Request, house: HouseDep, actor: ActorDep, user: str) -> Response:
    """Ask to take away somebody's second factor."""
    done = tried(house, lambda work: credentials.reset_factor(work, actor, user))
    if isinstance(done, AppError):
        return user_page(request, house, user, done)
    return go(f"/admin/users/{user}", CHANGE_ASKED)


@router.get("/organisations", response_class=HTMLResponse, **access("auth:org:read"))
def organisation_list(request: Request, work: ReadDep, kind: OrgKind | None = None) -> HTMLResponse:
    """Organisations by kind."""
    return page(
        request, "admin/organisations.html", rows=organisations.organisations(work, kind=kind), kind=kind or "", **WORDS,
    )  # fmt: skip


@router.get("/organisations/new", response_class=HTMLResponse, **access("auth:org:admin"))
def new_organisation(request: Request) -> HTMLResponse:
    """The form for an organisation."""
    return _organisation_form(request, {})


@router.post("/organisations/new", response_class=HTMLResponse, **access("auth:org:admin"))
def create_organisation(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    kind: Annotated[OrgKind, Form()],
    org_id: FormText = "",
    name_zh: FormText = "",
    name_en: FormText = "",
    credit_code: FormText = "",
    country: FormText = "CN",
) -> Response:
    """Enter an organisation; a refusal shows the form again as typed."""
    typed = {
        "org_id": org_id,
        "kind": kind,
        "name_zh": name_zh,
        "name_en": name_en,
        "credit_code": credit_code,
        "country": country,
    }
    made = tried(
        house,
        lambda work: organisations.create_organisation(
            work, actor, Text(name_zh, name_en or name_zh), kind,
            org_id=org_id.strip() or None, credit_code=credit_code.strip().upper() or None, country=country.strip().upper() or "CN",
        ),
    )  # fmt: skip
    if isinstance(made, AppError):
        return _organisation_form(request, typed, made)
    return go(f"/admin/organisations/{made.id}", Text("组织已登记。", "The organisation was entered."))


@router.get("/organisations/{org_id}", response_class=HTMLResponse, **access("auth:org:read"))
def organisation_page(request: Request, house: HouseDep, actor: ActorDep, org_id: str) -> HTMLResponse:
    """One organisation: licence and people."""
    return _organisation_page(request, house, org_id, actor=actor)


def _acted(
    request: Request,
    house: House,
    org_id: str,
    actor: Actor,
    act: Callable[[Work], OrganisationRead],
    typed: dict[str, str],
    said: Text,
) -> Response:
    """What was done to the organisation, said on its page; a refusal shows the form again as typed."""
    done = tried(house, act)
    if isinstance(done, AppError):
        return _organisation_page(request, house, org_id, done, typed, actor)
    return go(f"/admin/organisations/{org_id}", said)


@router.post("/organisations/{org_id}/licence", response_class=HTMLResponse, **access("auth:org:licence"))
def step_licence(request: Request, house: HouseDep, actor: ActorDep, org_id: str, form: Typed) -> Response:
    """Qualify, renew, suspend, resume or disqualify."""
    typed = {
        name: str(form.get(name, "")).strip()
        for name in ("step", "valid_to", "note", "credit_code", "documents")
    } | {"version": str(version_of(form))}

    def act(work: Work) -> OrganisationRead:
        given = {name: value for name, value in typed.items() if value} | {
            "documents": attached(typed["documents"])
        }
        return licence.take(work, actor, org_id, checked(LicenceStep, given))

    return _acted(request, house, org_id, actor, act, typed, Text("资格状态已更新。", "The licence was set."))


@router.post("/organisations/{org_id}/control", response_class=HTMLResponse, **access("auth:org:admin"))
def enter_control(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    org_id: str,
    controlled_by: FormText = "",
    control_note: FormText = "",
) -> Response:
    """Enter who controls an organisation; a refusal shows the form again as typed."""

    def act(work: Work) -> OrganisationRead:
        ask = checked(ControlEntry, {"controlled_by": controlled_by, "note": control_note})
        return affiliation.enter_control(work, actor, org_id, ask, touched=at_odds.ids, tell=at_odds.tell_new)

    return _acted(
        request,
        house,
        org_id,
        actor,
        act,
        {"controlled_by": controlled_by, "control_note": control_note},
        Text("控制关系已登记。", "Who controls it was entered."),
    )


@router.post("/organisations/{org_id}/country", response_class=HTMLResponse, **access("auth:org:admin"))
def correct_country(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    org_id: str,
    country: FormText = "",
    country_note: FormText = "",
) -> Response:
    """Correct where an organisation is registered; a refusal shows the form again as typed."""

    def act(work: Work) -> OrganisationRead:
        ask = checked(CountryCorrection, {"country": country, "note": country_note})
        return registration.correct_country(work, actor, org_id, ask)

    return _acted(
        request,
        house,
        org_id,
        actor,
        act,
        {"country": country, "country_note": country_note},
        Text("登记地已更正。", "The country was corrected."),
    )


def _org_options(work: Work) -> list[tuple[str, Text]]:
    return [(row.id, row.name) for row in organisations.organisations(work)]


def _status(error: AppError | None) -> int:
    return status_of(error) if error else 200


def _user_form(
    request: Request, house: House, typed: dict[str, Any], error: AppError | None = None
) -> HTMLResponse:
    with house.read() as work:
        orgs = _org_options(work)
    return page(
        request, "admin/user_new.html", status=_status(error), typed=typed, error=error, parts_orgs=orgs, **WORDS,
    )  # fmt: skip


def user_page(request: Request, house: House, user: str, error: AppError | None = None) -> HTMLResponse:
    with house.read() as work:
        row = accounts.account(work, user)
        org = organisations.organisation(work, row.org_id) if row.org_id else None
        has_factor = factor.is_enrolled(work, row.id)
        password_waits = credentials.password_takes_two(work, accounts.account_row(work, row.id))
        identities = links.links(work, row.id)
        waiting, _ = changes.changes(work, request.state.actor, waiting=True, account_id=row.id)
    enterprise = org is not None and org.is_enterprise
    fitting = [(role, name) for role, name in ROLE_NAMES.items() if (role in ENTERPRISE_ROLES) == enterprise]
    return page(
        request,
        "admin/user.html",
        status=_status(error),
        row=row,
        error=error,
        has_factor=has_factor,
        identities=identities,
        issuer=house.settings.oidc_issuer or "",
        waiting=waiting,
        password_waits=password_waits,
        kinds_of_change=CHANGE_KIND_NAMES,
        **(WORDS | {"role_options": fitting}),
    )


def _organisation_form(
    request: Request, typed: dict[str, Any], error: AppError | None = None
) -> HTMLResponse:
    return page(
        request,
        "admin/organisation_new.html",
        status=_status(error),
        typed=typed,
        error=error,
        **WORDS,
    )


def _organisation_page(
    request: Request,
    house: House,
    org_id: str,
    error: AppError | None = None,
    typed: dict[str, str] | None = None,
    actor: Actor = ANYONE,
) -> HTMLResponse:
    with house.read() as work:
        row = organisations.organisation(work, org_id)
        people = accounts.accounts(work, org_id=org_id, limit=200)[0] if actor.may("auth:user:read") else []
        papers = licence.papers(organisations.organisation_row(work, org_id))
        steps = licence.open_steps(work, actor, org_id)
        past = licence.events(work, org_id)
        frozen = freezes.meeting(work, orgs=[org_id])
    return page(
        request, "admin/organisation.html", status=_status(error), row=row, people=people, error=error, freezes=frozen,
        papers=papers, steps=[(step.value, licence.STEP_NAMES[step]) for step in steps], past=past, step_names=licence.STEP_NAMES, typed=typed or {}, **WORDS,
    )  # fmt: skip
