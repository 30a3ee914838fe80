"""Every reason for which a request for an extract is refused, and what it would deliver; a grant is asked again at every instant of use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants.standing import licence as licence_of
from auth.grants.tables import GrantFacts
from auth.grants.view import GrantView, Used
from auth.identity.organisations import licence_asked
from auth.policy import rules
from auth.policy.filters.model import MAX_DEPTH, MAX_NODES, RowFilter, all_of, parse_json
from auth.policy.filters.rules import columns_of
from auth.policy.model import Ask, ColumnTerm, DeliveryForm, GrantPolicy
from auth.policy.small_cells import SmallCells, small_cells
from auth.profile import now
from auth.profile.now import limits_under
from auth.vouching import cover as vouching
from catalog.assets import asset
from catalog.queries import with_columns_asked
from core import bases
from core.errors import Gone, NotFound, Reason
from core.ids import DatasetId, GrantId
from core.text import Text
from core.work import Work, foresee
from datasets.extracts import watermark
from datasets.extracts.models import ExtractCreate
from datasets.extracts.tables import ExtractRow
from datasets.releases import queries as releases
from datasets.releases.queries import ReleaseFacts

POLICY: Final = bases.TERMS
PROMISE: Final = bases.UNVALIDATED


@dataclass(frozen=True, slots=True)
class Case:
    """One request with all that was decided about it. `reasons` empty means permitted.

    checkers: how many people review a file of that form before it leaves; of a dataset that is gone, two.
    """

    grant: GrantView
    release: ReleaseFacts | None
    terms: tuple[ColumnTerm, ...]
    row_filter: RowFilter | None
    reasons: tuple[Reason, ...]
    cells: SmallCells | None = None
    checkers: int = 2


def consider(work: Work, actor: Actor, body: ExtractCreate) -> Case:
    """Every reason to refuse the request now, and what it would deliver. NotFound outside the actor's sight."""
    return consider_held(work, actor, body)[0]


def consider_held(work: Work, actor: Actor, body: ExtractCreate) -> tuple[Case, GrantFacts]:
    """The same with the grant's row, as it was read for it."""
    foresee(work, grant_queries.question(body.grant_id), now.question(work))
    held = grant_queries.facts(work, body.grant_id, actor)
    foresee(
        work, grant_queries.view_asked(work, held), releases.current_asked(held.dataset_id),
        *with_columns_asked(held.dataset_id), licence_asked(held.org_id),
    )  # fmt: skip
    grant = grant_queries.view_of(work, held)
    case = considered(work, grant, body)
    at = rules.place_objections(grant.policy, actor.address)
    against = (*acting_for(work, actor, grant.org_id, grant.policy), *at, *case.reasons)
    return replace(case, reasons=against), held


def considered(work: Work, grant: GrantView, body: ExtractCreate) -> Case:
    """The decision on a request under a grant as it is given here, whoever asks."""
    columns = tuple(body.columns) or tuple(term.name for term in grant.policy.leaving)
    case = _case(work, grant, columns, body, _release(work, grant, body.release_id))
    unmarked = watermark.objections(work, grant.policy, body.form, case.terms)
    return replace(case, reasons=(*case.reasons, *unmarked))


def case_of(work: Work, row: ExtractRow) -> Case:
    """The decision on an extract that was asked for before, at this instant. What it took from the quota is not asked twice."""
    grant = replace(grant_queries.view(work, GrantId(row.grant_id)), used=Used())
    body = body_of(row)
    return _case(work, grant, body.columns, body, _deliverable(work, row.release_id))


def _case(
    work: Work, grant: GrantView, columns: Sequence[str], body: ExtractCreate, release: ReleaseFacts | None
) -> Case:
    """The whole decision on one request, whoever asks."""
    terms = tuple(term for name in columns if (term := grant.policy.term(name)) is not None)
    limits = limits_under(work, grant.policy)
    try:
        held = asset(work, grant.dataset_id)
    except NotFound as gone:
        against = (*rules.effective(grant, work.now), Reason("dataset-gone", gone.detail, POLICY))
        cells, checkers = None, 2
    else:
        against = rules.objections(
            _ask(work, grant, columns, body, release), grant, held, licence_of(work, grant.org_id), limits
        )
        cells = small_cells(held, grant.policy.columns, limits)
        checkers = limits.checkers(held.level, body.form)
    reasons = list(against)
    row_filter: RowFilter | None = None
    try:
        row_filter = all_of(grant.policy.row_filter, body.filter)
    except ValueError:
        reasons.append(_too_complex())
    reasons.extend(release_objections(grant.dataset_id, body.release_id, release, terms, row_filter))
    return Case(grant, release, terms, row_filter, tuple(reasons), cells, checkers)


def _ask(
    work: Work, grant: GrantView, columns: Sequence[str], body: ExtractCreate, release: ReleaseFacts | None
) -> Ask:
    return Ask(
        grant_id=grant.id, dataset_id=grant.dataset_id, columns=tuple(columns), filter=body.filter,
        purpose=body.purpose, scenario_id=body.scenario_id, delivery_form=body.form, at=work.now,
        release_id=release.id if release else body.release_id,
    )  # fmt: skip


def acting_for(
    work: Work, actor: Actor, org_id: str, policy: GrantPolicy, permission: str = "datasets:extract:request"
) -> tuple[Reason, ...]:
    """Why this person may not take data under a grant of the organisation now: no analyst of it, gone from it, not named, or not vouched for."""
    if not actor.may_in(permission, org_id):
        return (not_an_analyst(),)
    return vouching.at_use(work, actor, org_id, policy)


def not_an_analyst() -> Reason:
    """Why somebody else may not ask under a grant."""
    text = Text(
        "只有被授权机构的分析员可以提取数据。",
        "Only an analyst of the grant's own organisation may take data out.",
    )
    return Reason("not-an-analyst-of-the-grantee", text, bases.ROLES)


def policy_of(work: Work, row: ExtractRow) -> GrantPolicy:
    return grant_queries.view(work, GrantId(row.grant_id)).policy


def _release(work: Work, grant: GrantView, wanted: str | None) -> ReleaseFacts | None:
    pinned = grant.policy.pinned_release
    found = releases.under(work, grant.dataset_id, pinned) if wanted is None else _deliverable(work, wanted)
    if found is not None and found.dataset_id != grant.dataset_id:
        raise NotFound(Text("该数据集没有这个发布版本。", "The dataset has no such release."))
    return found


def _deliverable(work: Work, release_id: str) -> ReleaseFacts | None:
    """The release if its bytes may leave at all; None when it was withdrawn."""
    try:
        found = ReleaseFacts.of(releases.release(work, release_id))
    except Gone:
        return None
    return found if releases.is_deliverable(found) and found.sha256 else None


def release_objections(
    dataset_id: DatasetId,
    wanted: str | None,
    release: ReleaseFacts | None,
    terms: Sequence[ColumnTerm],
    row_filter: RowFilter | None,
) -> tuple[Reason, ...]:
    """What stands against delivering from this release: there is none, or it lacks a column."""
    if release is None:
        return (_no_release(dataset_id, wanted),)
    return tuple(_not_in_release(release, terms, row_filter))


def _no_release(dataset_id: DatasetId, release_id: str | None) -> Reason:
    which = release_id or "current"
    text = Text(
        f"{dataset_id} 没有可交付的发布版本（{which}）：尚未发布或已撤回。",
        f"{dataset_id} has no release that may be delivered ({which}): none published, or it was withdrawn.",
    )
    return Reason("release-not-published", text, PROMISE)


def _not_in_release(
    release: ReleaseFacts, terms: Sequence[ColumnTerm], row_filter: RowFilter | None
) -> Iterator[Reason]:
    """Columns of the terms or the filter that this release does not have: an older or newer schema than the dictionary's."""
    there = {str(column["name"]) for column in release.columns}
    for name in sorted(({term.name for term in terms} | columns_of(row_filter)) - there):
        text = Text(
            f"版本 v{release.number} 中没有列 {name}；请去掉该列或选择其他版本。",
            f"Release v{release.number} has no column {name}; leave it out or choose another release.",
        )
        yield Reason("column-not-in-release", text, POLICY, {"column": name})


def _too_complex() -> Reason:
    text = Text(
        f"筛选条件与授权自带的条件合并后过于复杂（至多 {MAX_DEPTH} 层、{MAX_NODES} 项）；请减少条件。",
        f"The filter together with the grant's own is too complex (at most {MAX_DEPTH} levels, {MAX_NODES} parts); use fewer conditions.",
    )
    return Reason("filter-too-complex", text, POLICY)


def body_of(row: ExtractRow) -> ExtractCreate:
    return ExtractCreate.model_construct(  # checked when it was asked for; a result of the enclave is no form to ask for
        grant_id=GrantId(row.grant_id), release_id=row.release_id, columns=json.loads(row.columns),
        filter=parse_json(row.row_filter) if row.row_filter else None, purpose=row.purpose,
        scenario_id=row.scenario_id, form=DeliveryForm(row.form),
    )  # fmt: skip
