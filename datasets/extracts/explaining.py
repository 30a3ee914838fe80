"""For those who decide: what each rule would say of a request, and what a policy would show of the data as they are.

Nothing here decides anything itself. The rules are those of `auth.policy.rules`, the rows those that an extract would hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlmodel import select

from auth import audit
from auth.actor import Actor
from auth.applications.references import names_of
from auth.applications.trying import Tried
from auth.grants.standing import licence as licence_of
from auth.identity.principals import principal
from auth.identity.tables import AccountRow
from auth.policy import comparing, rules, serving
from auth.policy.comparing import Difference
from auth.policy.explaining import Spoken, spoken
from auth.policy.filters.model import RowFilter
from auth.policy.model import (
    AGGREGABLE,
    EXTRACT_FORMS,
    ROW_FORMS,
    Ask,
    ColumnTerm,
    DeliveryForm,
    GrantPolicy,
    Prose,
    Use,
)
from auth.policy.narrowing import Narrowing, widenings
from auth.policy.serving import Moment
from auth.policy.small_cells import small_cells
from auth.profile.now import limits_now, limits_under
from auth.scope import sight
from catalog.assets import asset
from core import bases
from core.errors import Conflict, NotFound, Reason, refuse_if
from core.files import FileStore
from core.ids import DatasetId
from core.settings import Settings
from core.text import Text
from core.work import Work
from datasets.extracts import deciding
from datasets.holding import holding
from datasets.releases import queries as releases
from datasets.releases.queries import ReleaseFacts
from datasets.releases.whole import whole

SIMULATES: Final = "auth:policy:simulate"
SEES_ROWS: Final = "datasets:batch:read"
SAMPLE_ROWS: Final = 5
COUNT_MEMORY_MB: Final = 256
_PERSON: Final = Text("由被授权机构的分析员提出", "Asked by an analyst of the grant's own organisation")
_RELEASE: Final = Text(
    "有可交付的发布版本，且含所需各列", "There is a release to deliver that holds the columns"
)
_ROLES: Final = bases.ROLES


class ExplainAsk(BaseModel):
    """A request to be judged. Left out: the scenario, purpose, form and columns of the policy itself, the present moment.

    `person`: a user name; left out: nobody in particular, so the person is not judged. `line_id` names a line of an application.
    """

    model_config = ConfigDict(extra="forbid")
    line_id: Prose = Field(default="", max_length=60)
    narrowing: Narrowing | None = None
    person: Prose = Field(default="", max_length=40)
    purpose: Prose = Field(default="", max_length=80)
    scenario_id: Prose = Field(default="", max_length=80)
    columns: list[Prose] = Field(default=[], max_length=2000)
    filter: RowFilter | None = None
    form: DeliveryForm | None = None
    at: AwareDatetime | None = None
    rows: int | None = Field(default=None, ge=0)


class SimulateAsk(BaseModel):
    """Which policy to try: a line of an application, or a grant, as it stands or under this narrowing."""

    model_config = ConfigDict(extra="forbid")
    line_id: Prose = Field(default="", max_length=60)
    narrowing: Narrowing | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What every rule says. `ask` is the request as it was judged."""

    ask: Ask
    person: str
    release_number: int | None
    spoken: tuple[Spoken, ...]

    @property
    def permitted(self) -> bool:
        return not any(each.reasons for each in self.spoken)


def explain(work: Work, tried: Tried, wanted: ExplainAsk) -> Explained:
    """Judge the request at `wanted.at` (else now) with the records as they stand; takes nothing, writes nothing."""
    at = wanted.at or work.now
    policy, view = tried.view.policy, tried.view
    form = wanted.form or policy.delivery_forms[0]
    ask = Ask(
        grant_id=view.id, dataset_id=view.dataset_id, columns=tuple(wanted.columns) or _all_of(policy, form),
        filter=wanted.filter, purpose=wanted.purpose or policy.purposes[0],
        scenario_id=wanted.scenario_id or policy.scenario_id, delivery_form=form, at=at, rows=wanted.rows,
    )  # fmt: skip
    then = replace(work, now=at)
    try:
        said = list(
            spoken(
                ask,
                view,
                asset(work, view.dataset_id),
                licence_of(then, view.org_id),
                limits_under(then, policy),
            )
        )
    except NotFound as gone:
        reasons = (Reason("dataset-gone", gone.detail, rules.POLICY),)
        said = [Spoken("dataset-is-grantable", Text("数据集仍在目录中", "The dataset is still in the catalogue"), rules.GRANT, reasons)]  # fmt: skip
    release = releases.under(work, view.dataset_id, policy.pinned_release)
    terms = tuple(term for name in ask.columns if (term := policy.term(name)) is not None)
    against = deciding.release_objections(view.dataset_id, None, release, terms, policy.row_filter)
    said.append(Spoken("release-is-there", _RELEASE, deciding.PROMISE, against))
    said.extend(_had(work, then, policy, form, terms))
    if wanted.person:
        said.insert(
            0, Spoken("person-may-ask", _PERSON, _ROLES, _of_person(then, wanted.person, tried, form))
        )
    return Explained(ask, wanted.person, release.number if release else None, tuple(said))


def _had(
    work: Work, then: Work, policy: GrantPolicy, form: DeliveryForm, terms: tuple[ColumnTerm, ...]
) -> Iterator[Spoken]:
    """What the form needs of the dataset, row by row: terms of statistics, a budget, marks. Nothing of a dataset that is gone."""
    try:
        held = asset(work, policy.dataset_id)
    except NotFound:
        return
    case = serving.case_of(policy, held, limits_now(then), holding(work, policy.dataset_id))
    if form in ROW_FORMS:
        case = replace(case, terms=terms)
    for need in serving.of_form(case, form):
        yield Spoken(need.key, need.name, need.basis, (need.reason(case),) if need.lacks(case) else ())


def _all_of(policy: GrantPolicy, form: DeliveryForm) -> tuple[str, ...]:
    if form in ROW_FORMS:
        return tuple(term.name for term in policy.leaving)
    if form is DeliveryForm.VERIFY:
        return tuple(term.name for term in policy.columns if term.use is Use.JOIN_ONLY)
    return tuple(term.name for term in policy.columns if term.use in AGGREGABLE)


def _of_person(then: Work, username: str, tried: Tried, form: DeliveryForm) -> tuple[Reason, ...]:
    """An unknown name gets the answer that a stranger gets."""
    permission = "datasets:extract:request" if form in EXTRACT_FORMS else "datasets:query:ask"
    account = then.db.exec(select(AccountRow).where(AccountRow.username == username)).first()
    found = principal(then, account.id, "session") if account else None
    if found is None:
        return (deciding.not_an_analyst(),)
    return deciding.acting_for(then, found.actor, tried.view.org_id, tried.view.policy, permission)


@dataclass(frozen=True, slots=True)
class Shown:
    """What one policy shows. `rows` is None where there are fewer than `below`, or where `reasons` stand against counting."""

    policy: GrantPolicy
    rows: int | None
    below: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """`draft`: the policy that is tried; `asked` and `current`: what it is compared with, where there is such.

    `against`: why it could not stand. `sample`: rows as they would leave, for those who may see rows; None for the others.
    """

    dataset_id: DatasetId
    release_number: int | None
    rows_in_release: int | None
    draft: Shown
    asked: Shown | None
    current: Shown | None
    from_asked: tuple[Difference, ...]
    from_current: tuple[Difference, ...]
    against: tuple[Reason, ...]
    sample: list[dict[str, Any]] | None

    def columns(self) -> list[tuple[str, list[Text | None]]]:
        """By column: what becomes of it as tried, as asked, under the current grant (None: nothing to compare with)."""
        shown = [each.policy if each else None for each in (self.draft, self.asked, self.current)]
        return [
            (
                name,
                [comparing.said(comparing.term_of(policy, name)) if policy else None for policy in shown],
            )
            for name in comparing.columns_of(*(policy for policy in shown if policy))
        ]


def simulate(work: Work, actor: Actor, tried: Tried, files: FileStore, settings: Settings) -> Simulated:
    """Count the rows and name the columns that the policy would show of the current release. Takes nothing.

    AccessRefused for data of a department beyond the actor's scope.
    """
    refuse_if(_beyond(actor, tried))
    view = tried.view
    policy = view.policy
    release = releases.under(work, view.dataset_id, policy.pinned_release)
    if release is not None and not (release.sha256 and releases.is_deliverable(release)):
        release = None

    def shown(each: GrantPolicy) -> Shown:
        return _shown(work, each, release, files, settings)

    draft = shown(policy)
    asked = tried.asked
    names = names_of(
        work, [each for known in (asked, policy, tried.current) if known for each in known.members]
    )
    return Simulated(
        dataset_id=view.dataset_id,
        release_number=release.number if release else None,
        rows_in_release=release.rows if release else None,
        draft=draft,
        asked=None if asked is None else draft if asked == policy else shown(asked),
        current=None if tried.current is None else draft if tried.current == policy else shown(tried.current),
        from_asked=comparing.differences(asked, policy, names) if asked else (),
        from_current=comparing.differences(tried.current, policy, names) if tried.current else (),
        against=_against(work, tried),
        sample=_sample(work, actor, tried, release, files, settings),
    )


def _beyond(actor: Actor, tried: Tried) -> tuple[Reason, ...]:
    reach = sight(actor, SIMULATES)
    if reach.everything or tried.department_id in reach.departments:
        return ()
    department = tried.department_id
    return (
        rules.refused(
            "beyond-your-departments",
            f"{department} 的数据不在您的职责范围内，不能试算；请由该部门的审批人或审核人试算。",
            f"Data of {department} lie beyond your scope and cannot be tried by you; ask an approver or reviewer of that department.",
            _ROLES,
            departments=[department],
        ),
    )


def _against(work: Work, tried: Tried) -> tuple[Reason, ...]:
    policy, limits = tried.view.policy, limits_now(work)
    base = tried.asked or tried.current
    found = list(widenings(policy, base)) if base is not None else []
    try:
        held = asset(work, tried.view.dataset_id)
    except NotFound as gone:
        return (*found, Reason("dataset-gone", gone.detail, rules.POLICY))
    return (
        *found,
        *rules.asset_objections(held),
        *rules.unenforceable(policy, held),
        *rules.form_objections(policy.delivery_forms, held, limits),
        *rules.column_objections(policy.columns, held, limits),
        *rules.use_objections(policy.columns, policy.delivery_forms, held),
        *serving.objections(
            serving.case_of(policy, held, limits, holding(work, policy.dataset_id)), policy.delivery_forms, Moment.DECISION
        ),
    )  # fmt: skip


def _shown(
    work: Work, policy: GrantPolicy, release: ReleaseFacts | None, files: FileStore, settings: Settings
) -> Shown:
    against = deciding.release_objections(policy.dataset_id, None, release, policy.columns, policy.row_filter)
    if against or release is None or release.sha256 is None:
        return Shown(policy, None, None, against)
    from datasets.extracts.build import count

    limits = limits_under(work, policy)
    try:
        cells = small_cells(asset(work, policy.dataset_id), policy.columns, limits)
        rows = count(
            whole(files, release.sha256), policy.row_filter, cells=cells, scratch=settings.scratch_dir,
            memory_limit_mb=min(settings.memory_limit_mb, COUNT_MEMORY_MB),
        )  # fmt: skip
    except (Conflict, NotFound) as refusal:
        reasons = refusal.reasons or (Reason("does-not-fit", refusal.detail, rules.POLICY),)
        return Shown(policy, None, None, tuple(reasons))
    least = limits["query_min_group"]
    return Shown(policy, None, least, ()) if 0 < rows < least else Shown(policy, rows, None, ())


def _sample(
    work: Work,
    actor: Actor,
    tried: Tried,
    release: ReleaseFacts | None,
    files: FileStore,
    settings: Settings,
) -> list[dict[str, Any]] | None:
    """A few rows as they would leave, only for whoever may see rows of that department anyway."""
    seen, policy = sight(actor, SEES_ROWS), tried.view.policy
    if not (seen.everything or tried.department_id in seen.departments) or not policy.leaving:
        return None
    if release is None or release.sha256 is None or deciding.release_objections(
        policy.dataset_id, None, release, policy.leaving, policy.row_filter
    ):  # fmt: skip
        return None
    from datasets.extracts.build import sample
    from datasets.extracts.keys import grant_key, master_key
    from datasets.extracts.row_order import ReleaseLayout
    from datasets.releases.shape import sort_columns

    cells = small_cells(asset(work, policy.dataset_id), policy.columns, limits_under(work, policy))
    key = grant_key(master_key(settings.keys_dir), policy.dataset_id, tried.view.id)
    try:
        return sample(
            whole(files, release.sha256), policy.leaving, policy.row_filter, key=key, cells=cells, rows=SAMPLE_ROWS,
            layout=ReleaseLayout(release.sha256, sort_columns(work, release.id)),
            memory_limit_mb=min(settings.memory_limit_mb, COUNT_MEMORY_MB), scratch=settings.scratch_dir,
        )  # fmt: skip
    except Conflict:
        return None


def note(work: Work, actor: Actor, tried: Tried, found: Simulated) -> None:
    """Write down that somebody counted rows of the data under a policy, and whether rows were shown."""
    view = tried.view
    is_grant = not view.id.startswith("line-")
    audit.record(
        work, actor, "policy.simulated", subject=view.id, dataset_id=view.dataset_id,
        grant_id=view.id if is_grant else None, application_id=view.application_id,
        payload={
            "policy_hash": view.policy.hash, "release": found.release_number, "rows": found.draft.rows,
            "sampled": len(found.sample or []),
        },
    )  # fmt: skip
