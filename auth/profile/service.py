"""Proposing a version of the policy profile, seeing what it would break, and putting it in force as a second person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, false, true
from sqlmodel import Field, SQLModel, col, func, select

from auth.actor import SYSTEM, Actor
from auth.agreements import cover
from auth.asset import Asset
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.consents import cover as consents
from auth.delegations.standing import persons
from auth.duties import overdue
from auth.duties import rules as duties
from auth.grants import dormancy
from auth.grants import queries as grants
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL as GRANT_FINAL
from auth.messages import seconds
from auth.policy import rules, safeguards, serving
from auth.policy.extent import extent_objections
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.policy.model import DeliveryForm, GrantPolicy, Prose
from auth.profile.bounds import refuse_beyond
from auth.profile.model import Profile
from auth.profile.now import limits_now, number_now
from auth.profile.now import profile as profile_now
from auth.profile.standing import Standing, replaces, standing
from auth.profile.stored import profile_of
from auth.profile.tables import ProfileRow
from auth.profile.workflow import FINAL, MACHINE, State, Step
from auth.registrations import cover as registrations
from auth.roles import Role
from auth.scope import sight
from auth.stored import if_readable
from auth.vouching import cover as vouching
from auth.vouching import stopping
from core.errors import NotFound, Reason, Unavailable, refuse_if
from core.ids import DatasetId
from core.text import Text
from core.work import Work, hold

Assets = Callable[[DatasetId], Asset]
READ: Final = "auth:profile:read"


class ProfileProposal(SQLModel):
    """A version that is proposed, whole, and why."""

    model_config = {"extra": "forbid"}
    profile: Profile
    reason: Prose = Field(max_length=2000)


class Follower(SQLModel):
    """The next version that is confirmed for a later day and will replace this one."""

    id: str
    number: int
    effective_from: date


class ProfileRead(SQLModel):
    """A version as a reader sees it. `profile`: in lists and on turning it down, null where this service cannot read it."""

    id: str
    state: State
    version: int
    number: int
    key: str
    reason: str
    effective_from: date
    profile: Profile | None
    created_at: datetime
    standing: Standing
    followed_by: Follower | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A live grant that a profile would no longer allow, with every reason. `stopped`: persons who could use it no more, for want of a vouching."""

    grant_id: str
    org_id: str
    dataset_id: str
    reasons: tuple[Reason, ...]
    stopped: frozenset[str] = frozenset()


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    return true() if sight(actor, READ).everything else false()


def _roles(actor: Actor, _row: ProfileRow) -> frozenset[Role]:
    return actor.roles_in(None)


BOOK: Final = Book(
    kind="profile", table=ProfileRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by, roles=_roles,
    kinds={"open": "profile.proposed", Step.CONFIRM: "profile.activated", Step.REJECT: "profile.rejected", Step.SUPERSEDE: "profile.superseded"},
)  # fmt: skip


def propose(work: Work, actor: Actor, body: ProfileProposal) -> ProfileRead:
    """Enter a new version; it counts once a second person has confirmed it and its day has come.

    Raises InputRefused where a number lies beyond its bounds.
    """
    need_reason(body.reason)
    refuse_beyond(body.profile.numbers)
    hold(work, "profile")
    number = (work.db.exec(select(func.max(ProfileRow.number))).one() or 0) + 1
    row = ProfileRow(
        **made_by(work, actor), state=State.PROPOSED, number=number, key=body.profile.key, body=body.profile.model_dump_json(),
        reason=body.reason, effective_from=body.profile.effective_from,
    )  # fmt: skip
    payload = {"number": number, "profile": body.profile.model_dump(mode="json")}
    BOOK.open(work, actor, row, payload, body.reason)
    seconds.call(
        work, actor, "profile.waits", row.id, hands=[row.created_person], facts={"number": row.number}
    )
    return read(work, row)


def step(work: Work, actor: Actor, version_id: str, which: Step, ask: CaseStep) -> ProfileRead:
    """Confirm or reject, as another person than the one who proposed. Raises InputRefused on confirming what lies beyond the bounds.

    Confirming supersedes what the version leaves no day to; what is confirmed for a later day stays.
    """
    hold(work, "profile")
    row = BOOK.row(work, version_id, actor, version=ask.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(tuple(_proposer(work, actor, row, which)))
    if which is Step.REJECT:
        need_reason(ask.note)
    else:
        refuse_beyond(_content(row).numbers)
    BOOK.move(work, actor, row, which, ask.note)
    if which is Step.CONFIRM:
        today = _today(work)
        older = select(ProfileRow).where(ProfileRow.state == State.ACTIVE, ProfileRow.id != row.id)
        for other in list(work.db.exec(older.order_by(col(ProfileRow.number)))):
            if replaces(row.effective_from, other.effective_from, today):
                BOOK.move(work, SYSTEM, other, Step.SUPERSEDE)
    return read(work, row)


def _proposer(work: Work, actor: Actor, row: ProfileRow, which: Any) -> Iterator[Reason]:  # noqa: ANN401 - a step
    if which is Step.CONFIRM and row.created_person in persons(work, actor):
        text = Text("该版本由您提出，须由另一人确认。", "You proposed it; another person must confirm.")
        yield Reason("proposer-does-not-confirm", text, "职责分离 · segregation of duties (3)")


def dry_run(work: Work, profile: Profile, *, assets: Assets) -> list[Breach]:
    """Live grants that this profile would not allow, with every reason; nothing is changed."""
    live = select(GrantRow).where(col(GrantRow.state).not_in(GRANT_FINAL), col(GrantRow.ends_at) > work.now)
    rows = list(work.db.exec(live.order_by(col(GrantRow.id))))
    is_new = profile.vouching and not profile_now(work).vouching
    users = stopping.analysts(work, (row.org_id for row in rows)) if is_new else {}
    found = []
    for row in rows:
        people = stopping.people(users.get(row.org_id, ()), _members(row))
        stopped = frozenset(person for person, is_vouched in people.items() if not is_vouched)
        reasons = (*_all_against(work, profile, row, assets), *_unvouched(len(stopped), len(people)))
        if reasons:
            found.append(Breach(row.id, row.org_id, row.dataset_id, reasons, stopped))
    return found


def _members(row: GrantRow) -> tuple[str, ...]:
    """Whom the grant names; of one that cannot be read, nobody: that is said of it anyway."""
    try:
        return grants.agreed(row).members
    except Unavailable:
        return ()


def people_stopped(found: Iterable[Breach]) -> int:
    """How many persons could use one of these grants no more for want of a vouching, each counted once."""
    return len(frozenset[str]().union(*(each.stopped for each in found)))


def _unvouched(stopped: int, people: int) -> Iterator[Reason]:
    if not stopped:
        return
    zh = f"该机构 {people} 名可使用授权的人员中有 {stopped} 名没有有效担保，将不能再使用。"
    if people == 1:
        en = "The one person who may use the grant is not vouched for and could use it no more."
    else:
        en = f"Of the {people} people who may use the grant {stopped} {'is' if stopped == 1 else 'are'} not vouched for and could use it no more."
    yield Reason("members-not-vouched", Text(zh, en), vouching.BASIS, {"people": people, "stopped": stopped})


def _all_against(work: Work, profile: Profile, row: GrantRow, assets: Assets) -> Iterator[Reason]:
    """Of a grant that cannot be read, that: it breaks no run over the others."""
    try:
        policy = grants.agreed(row)
    except Unavailable as fault:
        yield Reason("policy-unenforceable", fault.detail, rules.POLICY)
        return
    yield from _against(work, profile, row, policy, assets)
    known = profile.limits()
    yield from dormancy.at_use(work, known, row)
    blocking = overdue.blocking(work, profile, known, row)
    yield from blocking
    yield from _late(work, known, row, told=bool(blocking))


def _late(work: Work, known: Limits, row: GrantRow, *, told: bool) -> Iterator[Reason]:
    """Reports that would be late at once by the proposed days and are not by the present ones, where they do not block already."""
    present = limits_now(work)
    if told or all(known[key] == present[key] for key in _REPORTING):
        return
    today = overdue.today(work)
    late = [
        {due for due in overdue.missing(work, row, each) if due.due_on < today} for each in (known, present)
    ]
    had = {(due.kind, due.period) for due in late[1]}
    for due in sorted(late[0], key=lambda each: each.due_on):
        if (due.kind, due.period) not in had:
            yield duties.overdue(due.kind, row.id, row.dataset_id, due.due_on)


_REPORTING: Final = ("use_report_days", "use_report_months")


def _against(
    work: Work, profile: Profile, row: GrantRow, policy: GrantPolicy, assets: Assets
) -> Iterator[Reason]:
    known = profile.limits()
    yield from extent_objections(policy, known)
    yield from cover.of_policy(work, profile, row.org_id, policy)
    try:
        asset = assets(DatasetId(row.dataset_id))
    except NotFound as gone:
        yield Reason("dataset-gone", gone.detail, rules.GRANT)
        return
    yield from consents.of_policy(work, profile, policy, is_shared=asset.is_shared)
    in_scope = asset.auth_op_scope in ("yes", "negotiable")
    yield from registrations.of_policy(work, profile, policy, in_scope=in_scope)
    yield from rules.form_objections(policy.delivery_forms, asset, known)
    yield from rules.column_objections(policy.columns, asset, known)
    level = known.levels.get(asset.level)
    left = [form for form in policy.delivery_forms if level is not None and form in level.forms]
    yield from rules.use_objections(policy.columns, left, asset)
    case = serving.case_of(policy, asset, known, serving.Holding())
    yield from serving.refused_by_profile(case, left)
    if DeliveryForm.QUERY_DP in left:
        yield from safeguards.objections(row.dataset_id, policy.safeguards, known)


def versions(work: Work, actor: Actor, *, offset: int = 0, limit: int = 50) -> tuple[list[ProfileRead], int]:
    """Every version, newest first, those that cannot be read without what they say."""
    rows, total = BOOK.listed(work, actor, offset=offset, limit=limit)
    return _read(work, rows), total


def version(work: Work, actor: Actor, version_id: str) -> ProfileRead:
    """One version. Raises Unavailable where this service cannot read it."""
    row = BOOK.row(work, version_id, actor)
    _content(row)
    return read(work, row)


def commands(work: Work, actor: Actor, version_id: str) -> list[Command]:
    row = BOOK.row(work, version_id, actor)
    return BOOK.commands(actor, row, lambda which: _proposer(work, actor, row, which))


def read(work: Work, row: ProfileRow) -> ProfileRead:
    """A version as it stands today."""
    return _read(work, [row])[0]


def _read(work: Work, rows: Iterable[ProfileRow]) -> list[ProfileRead]:
    today, number = _today(work), number_now(work)
    later = select(ProfileRow).where(ProfileRow.state == State.ACTIVE, col(ProfileRow.effective_from) > today)
    coming = list(work.db.exec(later.order_by(col(ProfileRow.effective_from))))
    found = []
    for row in rows:
        stands = standing(State(row.state), row.effective_from, today, counts=row.number == number)
        after = next((each for each in coming if each.effective_from > row.effective_from), None)
        follower = (
            Follower.model_validate(after, from_attributes=True) if after and stands in FOLLOWED else None
        )
        more = {"profile": if_readable(_content, row), "standing": stands, "followed_by": follower}
        found.append(ProfileRead.model_validate(row, update=more))
    return found


FOLLOWED: Final = (Standing.PROPOSED, Standing.COMING, Standing.IN_FORCE)


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def _content(row: ProfileRow) -> Profile:
    return profile_of(row.number, row.body)
