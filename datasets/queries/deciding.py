"""Whether a question may be asked under a grant at this instant: the same for every kind of query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from auth import audit
from auth.actor import Actor
from auth.grants import ledger
from auth.grants import queries as grant_queries
from auth.grants.ledger import Taking
from auth.grants.standing import licence as licence_of
from auth.grants.view import GrantView, Used
from auth.policy import rules
from auth.policy.filters.model import RowFilter, all_of
from auth.policy.filters.rules import columns_of
from auth.policy.limits import Limits
from auth.policy.model import Ask, DeliveryForm
from auth.policy.serving import TERMS_SET, Holding, case_of
from auth.profile.now import limits_under
from auth.vouching import cover as vouching
from catalog.assets import asset
from core import bases
from core.errors import AppError, NotFound, Reason
from core.ids import DatasetId, GrantId
from core.text import Text
from core.work import Work
from datasets.queries.model import TermsRead, query_hash
from datasets.queries.terms import in_force
from datasets.releases import queries as releases
from datasets.releases.queries import ReleaseFacts

ASK: Final = "datasets:query:ask"


@dataclass(frozen=True, slots=True)
class Question:
    """What every kind of query says of itself. `columns`: measured, grouped by, or compared."""

    form: DeliveryForm
    grant_id: GrantId
    dataset_id: DatasetId
    columns: tuple[str, ...]
    where: RowFilter | None
    purpose: str
    scenario_id: str

    def taking(self, actor: Actor, release: ReleaseFacts | None) -> Taking:
        """What the usage ledger says of it."""
        return Taking.by(
            actor, purpose=self.purpose, scenario_id=self.scenario_id, form=self.form, columns=self.columns,
            release_id=release.id if release else "", release_number=release.number if release else None,
            filter_hash=query_hash(where=self.where)[:32] if self.where else "",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A question with all that was decided about it; `reasons` empty means permitted."""

    question: Question
    grant: GrantView
    release: ReleaseFacts | None
    row_filter: RowFilter | None
    terms: TermsRead | None
    limits: Limits
    reasons: tuple[Reason, ...]


def consider(
    work: Work,
    actor: Actor,
    question: Question,
    more: Iterable[Reason] = (),
    *,
    needs_terms: bool = True,
    is_charged: bool = False,
) -> Case:
    """Every reason to refuse the question now. `more`: what the kind of query objects. NotFound outside the actor's sight.

    is_charged: it was taken from the quota before, which is not asked again.
    """
    grant = grant_queries.view(work, question.grant_id, actor)
    asked = replace(grant, used=Used()) if is_charged else grant
    case = considered(work, asked, question, more, needs_terms=needs_terms)
    at = rules.place_objections(grant.policy, actor.address)
    return replace(case, reasons=(*acting_for(work, actor, grant), *at, *case.reasons))


def considered(
    work: Work, grant: GrantView, question: Question, more: Iterable[Reason] = (), *, needs_terms: bool = True
) -> Case:
    """The same under a grant as it is given here, whoever asks."""
    limits = limits_under(work, grant.policy)
    terms = in_force(work, grant.dataset_id)
    release = releases.under(work, grant.dataset_id, grant.policy.pinned_release)
    if release is not None and not (releases.is_deliverable(release) and release.sha256):
        release = None
    reasons = [*_decided(work, grant, question, limits), *more]
    if needs_terms and TERMS_SET.lacks(
        has := case_of(grant.policy, None, limits, Holding(terms is not None))
    ):
        reasons.append(TERMS_SET.reason(has))
    reasons += _release_fits(release, question, grant)
    row_filter = None
    try:
        row_filter = all_of(grant.policy.row_filter, question.where)
    except ValueError:
        text = Text(
            "筛选条件与授权自带的条件合并后过于复杂；请减少条件。",
            "The filter with the grant's own is too complex; use fewer conditions.",
        )
        reasons.append(Reason("filter-too-complex", text, rules.POLICY))
    return Case(question, grant, release, row_filter, terms, limits, tuple(reasons))


def _decided(work: Work, grant: GrantView, question: Question, limits: Limits) -> tuple[Reason, ...]:
    ask = Ask(
        grant_id=grant.id, dataset_id=question.dataset_id, columns=question.columns, filter=question.where,
        purpose=question.purpose, scenario_id=question.scenario_id, delivery_form=question.form, at=work.now,
    )  # fmt: skip
    try:
        held = asset(work, grant.dataset_id)
    except NotFound as gone:
        return (*rules.effective(grant, work.now), Reason("dataset-gone", gone.detail, rules.POLICY))
    return rules.objections(ask, grant, held, licence_of(work, grant.org_id), limits)


def acting_for(work: Work, actor: Actor, grant: GrantView) -> tuple[Reason, ...]:
    """Why this person does not ask under this grant."""
    if actor.may_in(ASK, grant.org_id):
        return vouching.at_use(work, actor, grant.org_id, grant.policy)
    text = Text(
        "只有被授权机构的分析员可以查询。", "Only an analyst of the grant's own organisation may ask."
    )
    return (Reason("not-an-analyst-of-the-grantee", text, bases.ROLES),)


def _release_fits(release: ReleaseFacts | None, question: Question, grant: GrantView) -> list[Reason]:
    if release is None:
        text = Text(
            f"{grant.dataset_id} 没有可查询的发布版本：尚未发布或已撤回。",
            f"{grant.dataset_id} has no release that may be queried: none published, or it was withdrawn.",
        )
        return [Reason("release-not-published", text, bases.UNVALIDATED)]
    there = {str(column["name"]) for column in release.columns}
    read = {*question.columns} | columns_of(question.where) | columns_of(grant.policy.row_filter)
    return [
        Reason(
            "column-not-in-release",
            Text(
                f"当前版本 v{release.number} 中没有列 {name}。",
                f"The current release v{release.number} has no column {name}.",
            ),
            rules.POLICY,
            {"column": name},
        )
        for name in sorted(read - there)
    ]


def note_refusal(work: Work, actor: Actor, question: Question, refusal: AppError) -> None:
    """Write down that a question was refused, and why; the refusal itself wrote nothing."""
    grant = grant_queries.row(work, question.grant_id, actor)
    codes = [reason.code for reason in refusal.reasons] or [refusal.slug]
    payload: dict[str, Any] = {"reasons": codes, "form": str(question.form)}
    ledger.enter(  # before the record, as whoever is charged does: the other way round the two would wait for each other
        work, question.grant_id, ledger.REFUSED, subject=grant.id, taking=question.taking(actor, None), reasons=tuple(codes)
    )  # fmt: skip
    audit.record(
        work, actor, "query.refused", subject=grant.id, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id, payload=payload,
    )  # fmt: skip
