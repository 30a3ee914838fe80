"""Pages of data products: the list, the form that enters one, one product with its chain and fees, and the caps of prices."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import assets, delivered_files, org_names
from api.money import fen_of
from api.pages.tickets import checked
from api.web import go, page
from auth.actor import Actor
from auth.caps import service as caps
from auth.grants import queries as grants
from auth.grants.workflow import State
from auth.policy.limits import limits
from auth.products import listing, service
from auth.products.assessing import assessed
from auth.products.rules import CHECKS, KINDS, TICKS, UNITS, yuan
from auth.products.service import CapCreate, FeeCreate, ProductCreate, RegistrationEnter
from auth.profile.now import profile
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
_TEXTS: Final = (
    "name_zh",
    "name_en",
    "kind",
    "summary",
    "scenario_id",
    "purpose",
    "unit",
    "price",
    "sources",
    "level",
    "level_reason",
    "surveying",
    "registration_code",
)
_CAP_FIELDS: Final = ("scenario_id", "unit", "source", "effective_from", "cap")
_READ, _WRITE, _CAP = "auth:product:read", "auth:product:write", "auth:fee-cap:write"


@router.get("/products", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Products in the reader's sight."""
    found, total = service.products(
        work, actor, delivered_files(work), offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    return page(
        request, "products/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        kinds=KINDS, units=UNITS, orgs=org_names(work), yuan=yuan, known=limits(), may_write=actor.may(_WRITE),
    )  # fmt: skip


@router.get("/products/new", response_class=HTMLResponse, **access(_WRITE))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The form that enters a product."""
    return _form(request, work, actor, dict.fromkeys(_TEXTS, "") | {"unit": "product", "price": "0"}, [])


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    typed: dict[str, str],
    affirmed: list[str],
    refusal: AppError | None = None,
) -> HTMLResponse:
    known = limits()
    held, _ = grants.listed(work, actor, state=State.ACTIVE, limit=200)
    return page(
        request, "products/new.html", status=status_of(refusal) if refusal else 200, typed=typed, affirmed=affirmed,
        refusal=refusal, kinds=KINDS.items(), units=UNITS.items(), checks=CHECKS.items(), grants=held,
        scenarios=[(code, each.name) for code, each in known.scenarios.items()],
        purposes=[(code, each.name) for code, each in known.purposes.items()],
    )  # fmt: skip


@router.post("/products", response_class=HTMLResponse, **access(_WRITE))
def enter(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Enter it; a refusal shows the form again with every reason and what was typed."""
    typed = {name: str(form.get(name, "")).strip() for name in _TEXTS}
    affirmed = [str(each) for each in form.getlist("affirmed")]

    def act(work: Work) -> Any:  # noqa: ANN401 - the read model, or a refusal as a value
        given: dict[str, Any] = {
            name: typed[name] for name in _TEXTS if name not in ("price", "sources") and typed[name]
        }
        given |= {
            "price_fen": fen_of(typed["price"]),
            "affirmed": affirmed,
            "sources": _sources(typed["sources"]),
        }
        return service.enter(
            work, actor, checked(ProductCreate, given), delivered_files(work), partial(assets, work)
        )

    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, actor, typed, affirmed, made)
    return go(f"/products/{made.id}", Text("产品已登记。", "The product is entered."))


def _sources(lines: str) -> list[dict[str, str]]:
    """A grant a line, and after a blank the SHA-256 of a file delivered under it."""
    words = [line.split() for line in lines.splitlines() if line.strip()]
    return [{"grant_id": each[0], "sha256": each[1].lower() if len(each) > 1 else ""} for each in words]


@router.get("/products/{product_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, product_id: str) -> HTMLResponse:
    """One product: its chain down to files, its self-check, its fees."""
    return _show(request, work, actor, product_id)


def _show(
    request: Request, work: Work, actor: Actor, product_id: str, refusal: AppError | None = None
) -> HTMLResponse:
    found = service.product(work, actor, product_id, delivered_files(work))
    return page(
        request, "products/show.html", status=status_of(refusal) if refusal else 200, found=found, refusal=refusal,
        fees=service.fees(work, actor, product_id), kinds=KINDS, units=UNITS, checks=CHECKS, yuan=yuan,
        orgs=org_names(work), known=limits(), may_write=actor.may(_WRITE) and actor.org_id == found.org_id,
        ticks=service.ticks(work, actor, product_id, delivered_files(work), partial(assets, work)), tick_names=TICKS,
        cells=assessed(work, actor, product_id, delivered_files(work), partial(assets, work)), stages=listing.names("stages"),
        dimensions=listing.names("dimensions"), standings=listing.STANDINGS, listing_types=listing.names("types").items(),
        listing_type=listing.type_of(found.kind),
        registration=profile(work).product_registration,
    )  # fmt: skip


@router.post("/products/{product_id}/fees", response_class=HTMLResponse, **access(_WRITE))
def enter_fee(request: Request, house: HouseDep, actor: ActorDep, product_id: str, form: Typed) -> Response:
    """Enter money taken."""
    given = {name: str(form.get(name, "")).strip() for name in ("charged_on", "quantity", "note")}
    body = given | {"price_fen": fen_of(str(form.get("price", "")).strip())}
    made = tried(house, lambda work: service.charge(work, actor, product_id, checked(FeeCreate, body)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, product_id, made)
    return go(f"/products/{product_id}", Text("收费已登记。", "The fee is entered."))


@router.post("/products/{product_id}/registration", response_class=HTMLResponse, **access(_WRITE))
def register(request: Request, house: HouseDep, actor: ActorDep, product_id: str, form: Typed) -> Response:
    """Enter the code of its registration."""
    given = {"code": str(form.get("code", "")).strip()}

    def act(work: Work) -> Any:  # noqa: ANN401 - the read model, or a refusal as a value
        return service.register(
            work, actor, product_id, checked(RegistrationEnter, given), delivered_files(work)
        )

    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, product_id, made)
    return go(f"/products/{product_id}", Text("登记编码已填写。", "The code of the registration is entered."))


@router.post("/products/{product_id}/end", response_class=HTMLResponse, **access(_WRITE))
def end(request: Request, house: HouseDep, actor: ActorDep, product_id: str) -> Response:
    """It is not offered any more."""
    made = tried(house, lambda work: service.end(work, actor, product_id, delivered_files(work)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, product_id, made)
    return go(f"/products/{product_id}", Text("产品已下架。", "The product has ended."))


@router.get("/fee-caps", response_class=HTMLResponse, **access("public"))
def caps_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The caps of prices, for everybody."""
    return _caps(request, work, actor)


def _caps(
    request: Request, work: Work, actor: Actor, refusal: AppError | None = None, typed: dict[str, str] | None = None
) -> HTMLResponse:  # fmt: skip
    known = limits()
    waiting = (
        caps.listed(work, actor, state="PROPOSED", kind="fee", limit=1)[1] if actor.may(caps.READ) else None
    )
    return page(
        request, "products/caps.html", status=status_of(refusal) if refusal else 200, found=service.caps(work),
        units=UNITS, yuan=yuan, known=known, refusal=refusal, may_write=actor.may_in(_CAP, None), waiting=waiting, typed=typed or dict.fromkeys(_CAP_FIELDS, ""),
        scenarios=[("*", Text("全部场景", "All scenarios")), *((code, each.name) for code, each in known.scenarios.items())],
    )  # fmt: skip


@router.post("/fee-caps", response_class=HTMLResponse, **access(_CAP))
def propose_cap(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Propose a cap; a second person confirms it."""
    typed = {name: str(form.get(name, "")).strip() for name in _CAP_FIELDS}
    given: dict[str, Any] = {name: typed[name] for name in _CAP_FIELDS[:-1]} | {
        "cap_fen": fen_of(typed["cap"])
    }
    made = tried(house, lambda work: caps.propose_fee(work, actor, checked(CapCreate, given)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _caps(request, work, actor, made, typed)
    return go(
        f"/caps/{made.id}", Text("已提出，待第二人确认。", "Proposed; a second person must confirm it.")
    )
