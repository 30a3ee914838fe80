"""Pages for checkers: files that wait to leave, what the machine saw in them, their first rows, and the vote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from catalog import queries as catalog
from core.errors import AppError
from core.text import Text
from core.work import Work
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding, queries, rules
from datasets.outputs.models import OutputRefuse, OutputRelease
from datasets.outputs.workflow import STATE_NAMES

router = APIRouter(prefix="/outputs", tags=["pages"])
_READ, _CHECK = "datasets:output:read", "datasets:output:check"
PER_PAGE: Final = 25
KINDS: Final = {
    "extract": Text("提取文件", "Extract"),
    "view": Text("授权视图", "View of a grant"),
    "enclave": Text("域内计算结果", "Result of the enclave"),
}


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    dataset: str = "",
    sort: str = "-opened",
) -> HTMLResponse:
    """Files under review that the reader may see."""
    number = page_number(request)
    found, total = queries.listed(
        work, actor, state=state if state in STATE_NAMES else None, dataset_id=dataset.strip() or None, sort=sort,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    return page(
        request, "outputs/list.html", found=found, total=total, page_no=number, pages=max(1, -(-total // PER_PAGE)),
        states=STATE_NAMES, state=state, dataset=dataset, kinds=KINDS, forms=FORM_NAMES, orgs=org_names(work),
        titles=catalog.titles(work, sorted({each.dataset_id for each in found})),
    )  # fmt: skip


@router.get("/{output_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, output_id: str) -> HTMLResponse:
    """One file under review."""
    return _show(request, work, actor, output_id)


def _show(
    request: Request, work: Work, actor: Actor, output_id: str, *,
    refusal: AppError | None = None, typed: dict[str, str] | None = None, sample: Any = None,  # noqa: ANN401
) -> HTMLResponse:  # fmt: skip
    found = deciding.detail(work, actor, output_id)
    title = catalog.titles(work, [found.dataset_id]).get(
        found.dataset_id, Text(found.dataset_id, found.dataset_id)
    )
    return page(
        request, "outputs/show.html", status=status_of(refusal) if refusal else 200, output=found, title=title,
        states=STATE_NAMES, kinds=KINDS, forms=FORM_NAMES, weights=rules.WEIGHT_NAMES, refusals=rules.REFUSALS,
        orgs=org_names(work), refusal=refusal, typed=typed or {}, sample=sample, coded=limits(),
        asks=any(each["weight"] == "asks" for each in found.findings),
    )  # fmt: skip


@router.post("/{output_id}/sample", response_class=HTMLResponse, **access(_CHECK))
def look(request: Request, house: HouseDep, actor: ActorDep, output_id: str) -> Response:
    """The page with the first rows; the look is written down."""
    made = tried(house, lambda work: deciding.sample(work, actor, house.files, output_id))
    with house.read() as work:
        if isinstance(made, AppError):
            return _show(request, work, actor, output_id, refusal=made)
        return _show(request, work, actor, output_id, sample=made)


@router.post("/{output_id}/release", response_class=HTMLResponse, **access(_CHECK))
def release(request: Request, house: HouseDep, actor: ActorDep, output_id: str, form: Typed) -> Response:
    """Vote for release."""
    typed = {"note": str(form.get("note", "")), "step": "release"}
    return _voted(
        request, house, actor, output_id, typed, str(form.get("version", "")), deciding.release, OutputRelease
    )


@router.post("/{output_id}/refuse", response_class=HTMLResponse, **access(_CHECK))
def refuse(request: Request, house: HouseDep, actor: ActorDep, output_id: str, form: Typed) -> Response:
    """Vote against release."""
    typed = {"note": str(form.get("note", "")), "refusal": str(form.get("refusal", "")), "step": "refuse"}
    return _voted(
        request, house, actor, output_id, typed, str(form.get("version", "")), deciding.refuse, OutputRefuse
    )


def _voted(
    request: Request, house: House, actor: Actor, output_id: str, typed: dict[str, str], version: str,
    do: Callable[..., Any], body: type[OutputRelease] | type[OutputRefuse],
) -> Response:  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in typed.items() if name != "step"}
    given["version"] = version_of({"version": version})
    signer = partial(signing_key, house.settings.keys_dir)
    made = tried(house, lambda work: do(work, actor, output_id, checked(body, given), signer))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, output_id, refusal=made, typed=typed)
    said = {
        "in_review": Text("已记下您的意见；另一人审核后出结果。", "Your verdict is kept; the result comes when the other checker has spoken."),
        "released": Text("已放行，申请方可以取用。", "Released; the requester can have it."),
        "refused": Text("不予出域，已告知申请方。", "Refused; the requester was told."),
    }[made.state]  # fmt: skip
    return go(f"/outputs/{output_id}", said)
