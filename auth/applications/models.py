"""What a caller may send about an application, and what a reader gets."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from auth.applications.workflow import State
from auth.policy.filters.model import ColumnName, RowFilter
from auth.policy.model import (
    Code,
    DeliveryForm,
    Mask,
    Members,
    Networks,
    Prose,
    Quotas,
    Safeguards,
    Use,
    storable,
)
from auth.policy.narrowing import Narrowing
from core.ids import ApplicationId, DatasetId

Vote = Literal["approve", "narrow", "reject"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnAsk(_Body):
    """One column asked for, and why the purpose needs it."""

    name: ColumnName
    reason: Prose = Field(default="", max_length=500)
    use: Literal[
        Use.PLAIN, Use.PSEUDONYMISED, Use.MASKED, Use.AGGREGATE_ONLY, Use.FILTER_ONLY, Use.JOIN_ONLY
    ] = Use.PLAIN
    mask: Mask | None = None


class LineAsk(_Body):
    """One dataset asked for. A draft may be incomplete; `submit` says what is missing.

    `members`: who of the organisation may use the grant, by user name or account id, and kept by id; none is every vouched member.
    `fee_reference`: the price rule (a fee cap's id) that shall be agreed. `safeguards`: where the grant is to be stricter than the policy profile.
    """

    dataset_id: Annotated[DatasetId, AfterValidator(storable)] = Field(min_length=1, max_length=120)
    columns: tuple[ColumnAsk, ...] = Field(default=(), max_length=2000)
    row_filter: RowFilter | None = None
    delivery_forms: tuple[DeliveryForm, ...] = ()
    quotas: Quotas = Quotas()
    networks: Networks = ()
    pinned_release: Code | None = None
    members: Members = ()
    fee_reference: Code | None = None
    safeguards: Safeguards = Safeguards()


class ApplicationAsk(_Body):
    """The whole request: datasets, scenario, purpose, period (both days belong to it), how long copies may be kept."""

    lines: tuple[LineAsk, ...] = Field(default=(), max_length=20)
    scenario_id: Prose = Field(default="", max_length=80)
    purposes: tuple[Code, ...] = Field(default=(), max_length=20)
    purpose_text: Prose = Field(default="", max_length=2000)
    starts_on: date | None = None
    ends_on: date | None = None
    retention_days: int | None = Field(default=None, ge=1, le=36500)


class AssistedAsk(ApplicationAsk):
    """A request that a clerk drafts for an organisation, at the request of a named person of it."""

    org_id: Prose = Field(min_length=1, max_length=60)
    assisted_for: Prose = Field(min_length=2, max_length=200)


class ApplicationSave(ApplicationAsk):
    """The request as it shall be from now on; `version` is the one that was seen."""

    version: int | None = Field(default=None, ge=1)


class StepBody(_Body):
    """A step with the version that was seen, and a note where one is due."""

    version: int | None = Field(default=None, ge=1)
    note: Prose = Field(default="", max_length=2000)


class DeclaredStep(StepBody):
    """A step of somebody who judges. `has_no_conflict`: the declaration of interest; whoever leaves it out is asked for it."""

    has_no_conflict: bool | None = None


class MissingPaper(_Body):
    """A paper that lacks and may follow, within so many working days (容缺)."""

    paper: Prose = Field(min_length=1, max_length=40)
    working_days: int = Field(ge=1, le=60)


class ScreenBody(DeclaredStep):
    """`ok` sends it to review; `return` asks for completion; `reject` refuses, with a code of the list of refusals.

    `missing`: the papers that lack and with which it is accepted all the same. `opinion`: the template that the note came from.
    """

    outcome: Literal["ok", "return", "reject"]
    reason_code: Prose = Field(default="", max_length=80)
    missing: tuple[MissingPaper, ...] = Field(default=(), max_length=40)
    opinion: Prose = Field(default="", max_length=60)


class LineVote(_Body):
    line_id: Prose
    vote: Vote
    suggestion: Narrowing | None = None


class ReviewBody(StepBody):
    """One stage's vote on every line of the stage. `has_no_conflict` is the reviewer's declaration of interest; `opinion`: the template
    that the note came from.
    """

    stage: Prose | None = Field(default=None, max_length=160)
    has_no_conflict: bool
    opinion: Prose = Field(default="", max_length=60)
    lines: tuple[LineVote, ...] = Field(min_length=1)


class LineDecision(_Body):
    """`narrow` carries what changes; `reject` a code of the list of refusals and a note. `opinion`: the template that the note came from.

    `awaits`: delivery forms that cannot be had yet, for want of something that the bureau can still mend, and are granted all the same;
    the grant does not come into force before they can.
    """

    line_id: Prose
    outcome: Vote
    narrowing: Narrowing | None = None
    reason_code: Prose = Field(default="", max_length=80)
    note: Prose = Field(default="", max_length=2000)
    opinion: Prose = Field(default="", max_length=60)
    awaits: tuple[DeliveryForm, ...] = ()


class DecideBody(DeclaredStep):
    """A decision on every open line of the approver's scope.

    `public_interest`, `fairness`: what granting does for the public, and how others are treated alike; the profile says whether both are needed.
    """

    public_interest: Prose = Field(default="", max_length=1000)
    fairness: Prose = Field(default="", max_length=1000)
    lines: tuple[LineDecision, ...] = Field(min_length=1)


class Proposal(_Body):
    """A decision until it counts: the lines decided on so far; `opinions`: the templates that their notes came from, as they were then."""

    lines: tuple[LineDecision, ...] = ()
    note: str = ""
    opinions: dict[str, dict[str, Any]] = {}
    public_interest: str = ""
    fairness: str = ""


class ConcurBody(StepBody):
    """A further approver signs the decision that stands proposed, and declares to have no interest in the case."""

    has_no_conflict: bool


class AcceptBody(StepBody):
    """`hash`: the digest of the terms that were read."""

    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class LineRead(BaseModel):
    """One line as asked and as decided. `offered` is the policy on offer. `member_names`: user names of `members`, in their order."""

    id: str
    position: int
    dataset_id: DatasetId
    department_id: str
    title_zh: str
    title_en: str
    level: int
    needs_security_review: bool
    columns: list[dict[str, Any]]
    row_filter: dict[str, Any] | None
    delivery_forms: list[str]
    quotas: dict[str, int | None]
    networks: list[str]
    pinned_release: str | None
    members: list[str]
    member_names: list[str]
    fee_reference: str | None
    safeguards: dict[str, int | bool]
    decision: str
    decision_code: str
    decision_note: str
    decision_opinion: dict[str, Any] | None
    offered: dict[str, Any] | None


class ReviewRead(BaseModel):
    stage: str
    reviewer_name: str
    lines: dict[str, Any]
    comment: str
    at: datetime


class StageRead(BaseModel):
    """One stage of the plan: how many votes it needs, how many are in."""

    stage: str
    line_ids: list[str]
    is_done: bool
    quorum: int
    votes: int


class ProposalRead(BaseModel):
    """The decision as far as it was made, until every line has its signatures. `signed_by` are user names, in order;
    `signatures` the same by line; `open_lines` those on which nobody has decided.
    """

    lines: list[dict[str, Any]]
    note: str
    signed_by: list[str]
    signatures: dict[str, list[str]]
    open_lines: list[str]


class ApplicationBrief(BaseModel):
    """One row of a list."""

    id: ApplicationId
    org_id: str
    state: State
    version: int
    scenario_id: str
    datasets: list[str]
    created_at: datetime
    submitted_at: datetime | None
    due_on: date | None
    working_days_left: int | None
    next_zh: str
    next_en: str


class ApplicationRead(ApplicationBrief):
    """An application as this reader may see it: votes stay hidden from other reviewers until all are in, and from the applicant.

    `lines_for_you`: the lines that this reader may decide on now. `assisted_by`: the clerk who drafted it, as a user name, empty where the
    enterprise did; `co_applicants`: who of the organisation may fill it in besides its applicants, as user names; `is_confirmed`: its applicant has confirmed the content as it stands. `queue`: while it waits for the bureau, its place among
    those that wait at the same point for the same departments, in order of handing in, and how many they are; nothing of the others is told.
    `public_interest`, `fairness`: what the deciders said of both.
    """

    turn: int
    assisted_by: str
    assisted_for: str
    is_confirmed: bool
    purposes: list[str]
    purpose_text: str
    starts_on: date | None
    ends_on: date | None
    retention_days: int | None
    lines: list[LineRead]
    stages: list[StageRead]
    reviews: list[ReviewRead]
    approvers_needed: int
    distinct_departments: bool
    proposal: ProposalRead | None
    lines_for_you: list[str]
    co_applicants: list[str]
    counters_left: int
    succession: str
    from_grant_id: str | None
    decided_at: datetime | None
    ended_at: datetime | None
    agreement_hash: str
    accepted_at: datetime | None
    grants: list[str]
    queue: list[int] | None
    public_interest: str
    fairness: str
