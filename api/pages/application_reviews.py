"""Pages for those who review and decide: vote line by line, narrow column by column."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.datastructures import FormData

from api import awaited, safeguard_forms
from api.access import access
from api.countering import conditions_added, countered
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, reading, sentences, tried
from api.late import APIRouter
from api.line_forms import CONDITIONS, Choices, column_options, networks_in
from api.lookups import assets, choices, holds
from api.opinions import opinion_options, with_opinion
from api.pages.applications import context_of
from api.treatments import OPERATIONS, condition, joined, lacking, term_of, treatments, word_of
from api.web import go, page
from auth.actor import Actor
from auth.applications import queries, reviewing, service
from auth.applications.models import ApplicationRead, DecideBody, ReviewBody
from auth.applications.precedents import precedents
from auth.applications.rules import PRINCIPLES, period, policy_asked
from auth.applications.signing import decision_objections, docket
from auth.applications.steps import local_day
from auth.asset import Asset
from auth.policy.limits import limits
from auth.policy.model import GrantPolicy, Quotas, Safeguards, Use
from auth.policy.narrowing import Narrowing
from auth.policy.rules import column_objections
from auth.policy.wording import FORM_NAMES, term_in_words
from auth.profile.now import limits_now, profile
from catalog.queries import with_columns_asked
from core.errors import AppError, InputRefused
from core.ids import ApplicationId, DatasetId
from core.text import Text
from core.work import Work
from datasets.extracts.explaining import Simulated

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])
OUTCOMES: Final = (
    ("approve", Text("同意", "Approve")),
    ("narrow", Text("收窄", "Narrow")),
    ("reject", Text("不同意", "Refuse")),
)
LABELS: Final[Mapping[str, Text]] = {
    "lines": Text("各行", "Lines"),
    "note": Text("意见", "Note"),
    "has_no_conflict": Text("利益冲突声明", "Declaration"),
}


# -- review


@router.get("/{application_id}/review", response_class=HTMLResponse, **access("auth:application:review"))
def review_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """The stages that wait for this reviewer."""
    return _review(request, work, actor, application_id, None, None)


@router.post("/{application_id}/review", response_class=HTMLResponse, **access("auth:application:review"))
def review(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Vote; or, with `insert`, put a template's text into the note and show the form again."""
    if form.get("insert"):
        with house.read() as work:
            return _review(
                request, work, actor, application_id, with_opinion(request, work, form, "review"), None
            )
    if form.get("has_no_conflict") != "yes":
        with house.read() as work:
            return _review(request, work, actor, application_id, form, reviewing.undeclared())
    body = {
        "version": form.get("version"),
        "stage": form.get("stage") or None,
        "note": str(form.get("note", "")).strip(),
        "opinion": str(form.get("used", "")),
        "has_no_conflict": True,
        "lines": [
            {"line_id": line_id, "vote": form.get(f"vote-{line_id}")} for line_id in form.getlist("line")
        ],
    }
    outcome: ApplicationRead | AppError
    try:
        parsed = ReviewBody.model_validate(body)
        outcome = tried(house, lambda work: service.review(work, actor, application_id, parsed))
    except ValidationError as wrong:
        outcome = _said(sentences(wrong, LABELS))
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _review(request, work, actor, application_id, form, outcome)
    return go(f"/applications/{application_id}", Text("审核意见已记录。", "Your vote is recorded."))


def _review(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    form: FormData | None,
    refusal: AppError | None,
) -> HTMLResponse:
    found = service.application(work, actor, application_id)
    row = queries.row(work, application_id, actor)
    return page(
        request, "applications/review.html", status=422 if refusal else 200, **context_of(work, actor, found),
        open_stages=reviewing.stages_open_to(work, actor, row), refusal=refusal, outcomes=OUTCOMES,
        opinions=opinion_options(work, "review"), given=form or FormData(), against=reviewing.review_objections(work, actor, row),
    )  # fmt: skip


# -- decide


@router.get("/{application_id}/decide", response_class=HTMLResponse, **access("auth:application:decide"))
def decide_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """Everything about the application, with a decision per line and a treatment per column."""
    return decide_form(request, work, actor, application_id, None, None)


@router.post("/{application_id}/decide", response_class=HTMLResponse, **access("auth:application:decide"))
def decide(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Decide every line; or, with `insert`, put a template's text into the note of that line and show the form again."""
    if line_id := str(form.get("insert", "")):
        with house.read() as work:
            known = with_opinion(
                request, work, form, "decision", ending=f"-{line_id}", code=f"code-{line_id}"
            )
            return decide_form(request, work, actor, application_id, known, None)
    outcome: ApplicationRead | AppError
    try:
        with house.read() as work:
            body = _decision(work, actor, application_id, form)
        outcome = tried(
            house,
            lambda work: service.decide(
                work,
                actor,
                application_id,
                body,
                assets=partial(assets, work),
                asset_asked=with_columns_asked,
                holds=holds(work),
            ),
        )
    except ValidationError as wrong:
        outcome = _said(sentences(wrong, LABELS))
    except ValueError as wrong:
        outcome = InputRefused(
            Text(f"填写内容无法识别：{wrong}", f"What was filled in cannot be read: {wrong}")
        )
    except AppError as refused:
        outcome = refused
    if isinstance(outcome, AppError):
        with house.read() as work:
            return decide_form(request, work, actor, application_id, form, outcome)
    return go(f"/applications/{application_id}", Text("决定已记录。", "The decision is recorded."))


def _said(faults: list[tuple[str, Text]]) -> AppError:
    return InputRefused(
        Text("；".join(text.zh for _, text in faults), " ".join(text.en for _, text in faults))
    )


def _decision(work: Work, actor: Actor, application_id: ApplicationId, form: FormData) -> DecideBody:
    row = queries.row(work, application_id, actor)
    ask, mine = queries.ask_of(work, row), docket(work, actor, row).open
    lines = []
    for line, asked_line in zip(queries.lines(work, row.id), ask.lines, strict=True):
        if line.id not in mine:
            continue
        outcome = str(form.get(f"outcome-{line.id}", ""))
        decision: dict[str, Any] = {
            "line_id": line.id,
            "outcome": outcome,
            "reason_code": str(form.get(f"code-{line.id}", "")),
            "note": str(form.get(f"note-{line.id}", "")).strip(),
            "opinion": str(form.get(f"used-{line.id}", "")),
        }
        if outcome in ("approve", "narrow"):
            decision["awaits"] = awaited.given(line.id, form)
            held = assets(work, DatasetId(line.dataset_id))
            changes = _narrowing(line.id, policy_asked(ask, asked_line), held, form)
            if outcome == "narrow":
                decision["narrowing"] = changes
            elif changes:  # nothing that the approver changed may be passed over in silence
                raise InputRefused(
                    Text(
                        f"{line.dataset_id}：您改动了条款，却选择“按申请准予”；请改选“收窄后准予”或还原改动。",
                        f"{line.dataset_id}: you changed terms but chose to approve as asked; choose to approve in part, or undo the changes.",
                    )
                )
        lines.append(decision)
    return DecideBody.model_validate(
        {
            "version": form.get("version"),
            "note": str(form.get("note", "")),
            "public_interest": str(form.get("public_interest", "")).strip(),
            "fairness": str(form.get("fairness", "")).strip(),
            "has_no_conflict": form.get("has_no_conflict") == "yes" or None,
            "lines": lines,
        }
    )


def _conditions(line_id: str, held: Asset, form: FormData) -> list[dict[str, Any]]:
    """Further conditions on rows; empty lines do not count. Raises InputRefused for one that is half filled in or of the wrong type."""
    found = []
    for i in range(CONDITIONS):
        column = held.column(str(form.get(f"fcol-{line_id}-{i}", "")))
        word = str(form.get(f"fval-{line_id}-{i}", "")).strip()
        operation = str(form.get(f"fop-{line_id}-{i}", "eq"))
        if half := lacking(column.name if column else "", operation, word):
            raise InputRefused(half)
        if column is not None:
            with reading(
                f"{column.name}：值应为 {column.type}，而填写的是",
                f"{column.name}: the value must be {column.type}, not",
                word,
            ):
                found.append(condition(column.name, operation, word, column.type))
    return found


def _narrowing(line_id: str, asked: GrantPolicy, held: Asset, form: FormData) -> dict[str, Any]:
    """What the form changes; a part left as it stood is left out."""
    changes: dict[str, Any] = {}
    terms = [
        term_of(term.name, str(form.get(f"use-{line_id}-{term.name}", Use.DENIED))) for term in asked.columns
    ]
    kept = [term for term in terms if term.use is not Use.DENIED]
    if kept != list(asked.columns):
        changes["columns"] = [term.model_dump() for term in kept]
    if ends_on := str(form.get(f"ends-{line_id}", "")):
        with reading(
            "结束日期应写作 2026-01-31，而填写的是", "The last day is written 2026-01-31, not", ends_on
        ):
            ends_at = period(date.fromisoformat(ends_on), date.fromisoformat(ends_on))[1]
        if ends_at != asked.ends_at:
            changes["ends_at"] = ends_at
    if (forms := form.getlist(f"forms-{line_id}")) != list(asked.delivery_forms):
        changes["delivery_forms"] = forms
    quotas = {}
    for unit in Quotas.model_fields:
        word = str(form.get(f"{unit}-{line_id}", "")).strip().replace(",", "")
        with reading(
            "上限应为正整数（留空表示不限），而填写的是",
            "A limit is a whole number from 1 (empty: no limit), not",
            word,
        ):
            quotas[unit] = int(word) if word else None
            Quotas.model_validate({unit: quotas[unit]})
    if Quotas.model_validate(quotas) != asked.quotas:
        changes["quotas"] = quotas
    word = str(form.get(f"networks-{line_id}", ""))
    with reading(
        "网络写作 203.0.113.7 或 203.0.113.0/24，至多 20 个，而填写的是",
        "Networks are written 203.0.113.7 or 203.0.113.0/24, 20 at most, not",
        word,
    ):
        networks = networks_in(word)
    if networks != asked.networks:
        changes["networks"] = networks
    if (release := str(form.get(f"release-{line_id}", "")).strip()) and release != asked.pinned_release:
        changes["pinned_release"] = release
    members = sorted({str(each)[:80] for each in form.getlist(f"members-{line_id}")})
    if members != list(asked.members):
        changes["members"] = members
    if (fee := str(form.get(f"fee-{line_id}", "")).strip()) and fee != asked.fee_reference:
        changes["fee_reference"] = fee
    safeguards = Safeguards.model_validate(safeguard_forms.read(line_id, form))
    if safeguards != asked.safeguards:
        changes["safeguards"] = safeguards.model_dump()
    if conditions := _conditions(line_id, held, form):
        changes["extra_filter"] = joined(conditions)
    if days := str(form.get(f"days-{line_id}", "")).strip():
        with reading("留存天数应为整数，而填写的是", "The days kept are a whole number, not", days):
            if int(days) != asked.retention_days:
                changes["retention_days"] = int(days)
    return changes


def narrowing_of(
    work: Work, actor: Actor, application_id: ApplicationId, line_id: str, form: FormData
) -> Narrowing:
    """What the decision form makes of one line. Raises ValueError for what cannot be read."""
    row = queries.row(work, application_id, actor)
    pairs = zip(queries.lines(work, row.id), queries.ask_of(work, row).lines, strict=True)
    line, asked_line = next((line, asked) for line, asked in pairs if line.id == line_id)
    asked = policy_asked(queries.ask_of(work, row), asked_line)
    return Narrowing.model_validate(
        _narrowing(line_id, asked, assets(work, DatasetId(line.dataset_id)), form)
    )


def decide_form(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    form: FormData | None,
    refusal: AppError | None,
    simulated: Mapping[str, Simulated] | None = None,
) -> HTMLResponse:
    """The decision form, as typed; `simulated`: by line, what it would show."""
    found = service.application(work, actor, application_id)
    row = queries.row(work, application_id, actor)
    ask = queries.ask_of(work, row)
    context = context_of(work, actor, found)
    answered = countered(work, row)
    before = answered.offered if answered else {}
    votes = {
        line.id: [
            (review.stage, review.lines[line.id]["vote"], review.comment)
            for review in found.reviews
            if line.id in review.lines
        ]
        for line in found.lines
    }
    forms = [
        _line_form(
            line.id,
            policy_asked(ask, asked),
            assets(work, DatasetId(line.dataset_id)),
            form,
            choices(
                work, found.org_id, line.dataset_id, asked.pinned_release, asked.members, asked.fee_reference
            ),
            before.get(line.id),
        )
        for line, asked in zip(queries.lines(work, row.id), ask.lines, strict=True)
    ]
    for line, asked, fields in zip(queries.lines(work, row.id), ask.lines, forms, strict=True):
        known = DatasetId(line.dataset_id)
        fields["awaited"] = awaited.of_line(
            line.id, policy_asked(ask, asked), assets(work, known), limits_now(work), partial(holds(work), known), form
        )  # fmt: skip
    return page(
        request, "applications/decide.html", status=422 if refusal else 200, **context, refusal=refusal, votes=votes,
        outcomes=OUTCOMES, line_forms=forms, given=form or FormData(), against=decision_objections(work, actor, row),
        operations=list(OPERATIONS.items()), principles=PRINCIPLES.items(), principles_needed=profile(work).principles, mine=docket(work, actor, row),
        opinions=opinion_options(work, "decision"), simulated=simulated or {}, precedents=_precedents(work, actor, application_id, found),
        countered=answered,
    )  # fmt: skip


def _precedents(
    work: Work, actor: Actor, application_id: ApplicationId, found: ApplicationRead
) -> dict[str, list[dict[str, Any]]]:
    """By line: how lines like it were decided before."""
    refusals = limits().refusals
    return {
        line.id: [
            {
                "is": each,
                "reason": refusals[each.reason_code].name
                if each.reason_code in refusals
                else each.reason_code,
            }
            for each in precedents(work, actor, application_id, line.id)
        ]
        for line in found.lines
    }


def _line_form(
    line_id: str,
    asked: GrantPolicy,
    held: Asset,
    form: FormData | None,
    choose: Choices,
    before: GrantPolicy | None = None,
) -> dict[str, Any]:
    """One line's decision as fields: from what was typed, else from the offer that was countered (`before`), else as asked."""
    start = before or asked
    added = conditions_added(asked, before) if before and form is None else []

    def was(name: str, default: object) -> str:
        return str(form.get(f"{name}-{line_id}", "")) if form is not None else str(default or "")

    columns = []
    for term in asked.columns:
        column = held.column(term.name)
        word = was_use = word_of(term.use, term.mask)
        options = [
            *treatments(column.type if column else "", was_use),
            (Use.DENIED.value, Text("不提供", "Denied")),
        ]
        if form is not None:
            word = str(form.get(f"use-{line_id}-{term.name}", was_use))
        elif before is not None:
            kept = before.term(term.name)
            word = word_of(kept.use, kept.mask) if kept else Use.DENIED.value
            if kept and word not in dict(options):
                options.insert(0, (word, term_in_words(kept)))
        columns.append(
            {
                "name": term.name,
                "title": column.title if column else None,
                "level": column.level if column else None,
                "kind": column.identifier_kind if column else "none",
                "use": word,
                "options": options,
                "warnings": list(column_objections((term,), held, limits())),
            }
        )
    return {
        "outcome": was("outcome", ""),
        "columns": columns,
        "ends": was("ends", local_day(start.ends_at - timedelta(seconds=1))),
        "forms": form.getlist(f"forms-{line_id}") if form is not None else list(start.delivery_forms),
        "form_options": [(each.value, FORM_NAMES[each]) for each in asked.delivery_forms],
        "quotas": {unit: was(unit, getattr(start.quotas, unit)) for unit in Quotas.model_fields},
        "conditions": [
            (
                _given(form, f"fcol-{line_id}-{i}"),
                _given(form, f"fop-{line_id}-{i}") or "eq",
                _given(form, f"fval-{line_id}-{i}"),
            )
            if i >= len(added)
            else added[i]
            for i in range(CONDITIONS)
        ],
        "column_options": column_options(held),
        "networks": was("networks", " ".join(start.networks)),
        "release": was("release", start.pinned_release),
        "release_options": choose.releases,
        "members": form.getlist(f"members-{line_id}") if form is not None else list(start.members),
        "member_options": [each for each in choose.members if each[0] in asked.members or not asked.members],
        "fee": was("fee", start.fee_reference),
        "fee_options": choose.fees,
        "safeguards": safeguard_forms.fields_of(start.safeguards, was, form, line_id),
        "days": was("days", start.retention_days),
        "code": was("code", ""),
        "note": was("note", ""),
        "opinion": was("opinion", ""),
        "used": was("used", ""),
    }


def _given(form: FormData | None, name: str) -> str:
    return str(form.get(name, "")) if form is not None else ""
