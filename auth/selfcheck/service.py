"""Self-checks: computed from the record whenever somebody looks, and kept with day and digest when they are handed in."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import rfc8785
from pydantic import BaseModel
from sqlalchemy import exists, func, text
from sqlmodel import col, or_, select

from auth import audit, audit_guard, audit_roles
from auth.actor import Actor
from auth.agreements import cover as agreements
from auth.anomalies.tables import AnomalyRow
from auth.anomalies.workflow import State as AnomalyState
from auth.audit import AuditEventRow
from auth.duties import overdue
from auth.duties.workflow import Kind
from auth.grants.standing import licence
from auth.grants.stored import read_by_name
from auth.grants.tables import GrantRow, UsageColumnRow, UsageEventRow
from auth.grants.workflow import State
from auth.identity.factor import is_enrolled
from auth.identity.tables import AccountRow, OrganisationRow, RoleAssignmentRow
from auth.incidents.tables import IncidentRow
from auth.incidents.workflow import State as IncidentState
from auth.papers import commitments
from auth.papers import cover as papers
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.profile.model import Profile
from auth.profile.now import profile
from auth.proof.checkpoint import Place
from auth.proof.looks import newest
from auth.roles import PERMISSIONS, Role
from auth.scope import sight
from auth.selfcheck import rules
from auth.selfcheck.rules import OrganisationFacts, Outcome, PlatformFacts, Point
from auth.selfcheck.tables import SelfCheckRow
from auth.stored import readable
from auth.vouching import cover as vouching
from core.errors import NotFound
from core.ids import OrgId
from core.settings import Settings
from core.text import Text
from core.work import Work

READ: Final = "auth:selfcheck:read"
KEEP: Final = "auth:selfcheck:keep"
SUBJECT: Final = "platform"
_WEIGHED: Final = ("self_check_span_days", "use_report_days", "use_report_months", "deletion_days")
ADMINISTRATORS: Final = (Role.SYSADMIN, Role.SECURITY_OFFICER, Role.AUDITOR)
_UNREADABLE: Final = Text(
    "{day} 提交的自查（{id}）含有本版本不能读取的内容（{places}）；请联系安全管理员。",
    "The self-check of {day} ({id}) holds what this version cannot read ({places}). Tell the security officer.",
)
Receiptless = Callable[[Work, str], int]


@dataclass(frozen=True, slots=True)
class Around:
    """What lies beside the database: settings, the roles that must have a second factor, and how many of an organisation's files have no receipt."""

    settings: Settings
    factor_roles: Collection[Role]
    receiptless: Receiptless


class PointRead(BaseModel):
    key: str
    name_zh: str
    name_en: str
    outcome: Outcome
    found_zh: str
    found_en: str
    next_zh: str
    next_en: str
    href: str


class ChangedPoint(BaseModel):
    """A point that would turn out otherwise under another policy profile."""

    subject: str
    subject_zh: str
    subject_en: str
    key: str
    name_zh: str
    name_en: str
    before: Outcome
    after: Outcome


class CheckRead(BaseModel):
    """A self-check as it stands at `at`. `subject`: `platform`, or an organisation's id. `may_keep`: whether the reader may hand it in."""

    subject: str
    title_zh: str
    title_en: str
    basis: str
    at: datetime
    passed: int
    failed: int
    not_applicable: int
    points: list[PointRead]
    may_keep: bool = False


class KeptBrief(BaseModel):
    """One that was handed in."""

    id: str
    subject: str
    kept_at: datetime
    kept_by: str
    sha256: str
    passed: int
    failed: int
    not_applicable: int


class KeptRead(KeptBrief):
    """One that was handed in, as it stood; `document` is what `sha256` is the digest of."""

    check: CheckRead
    document: str


def own_subject(actor: Actor) -> str:
    """Whose self-check somebody sees who names none: his enterprise's, or the platform's."""
    mine = sorted(sight(actor, READ).orgs)
    return mine[0] if mine else SUBJECT


def subjects(work: Work, actor: Actor) -> list[tuple[str, Text]]:
    """Whose self-checks this reader may see: the platform's, and those of enterprises that hold or held a grant."""
    seen = sight(actor, READ)
    wanted = select(OrganisationRow).where(exists().where(col(GrantRow.org_id) == col(OrganisationRow.id)))
    if not seen.everything:
        on_ours = exists().where(
            col(GrantRow.org_id) == col(OrganisationRow.id), col(GrantRow.department_id).in_(seen.departments)
        )
        wanted = select(OrganisationRow).where(or_(col(OrganisationRow.id).in_(seen.orgs), on_ours))
    found = [
        (row.id, Text(row.name_zh, row.name_en))
        for row in work.db.exec(wanted.order_by(col(OrganisationRow.id)))
    ]
    return [(SUBJECT, Text("平台", "The platform")), *found] if seen.everything else found


def check(work: Work, actor: Actor, subject: str, around: Around) -> CheckRead:
    """The self-check as the record stands now. NotFound outside the actor's sight."""
    known = dict(subjects(work, actor))
    if subject not in known:
        raise _missing()
    points = _points(work, subject, around, profile(work))
    basis = rules.PLATFORM_BASIS if subject == SUBJECT else rules.GRANTS_BASIS
    return _read(work, subject, known[subject], basis, points, may_keep=_may_keep(actor, subject))


def _points(work: Work, subject: str, around: Around, under: Profile) -> tuple[Point, ...]:
    """Every point of the platform or of an organisation, as the profile given wants it."""
    if subject == SUBJECT:
        known = under.limits()
        return rules.of_platform(_platform(work, around, known), known)
    return rules.of_organisation(_organisation(work, OrgId(subject), around, under))


def changed(work: Work, actor: Actor, proposed: Profile, around: Around) -> list[ChangedPoint]:
    """The points in the actor's sight that would turn out otherwise under the proposed profile; nothing is changed."""
    return list(_changed(work, actor, proposed, around))


def _changed(work: Work, actor: Actor, proposed: Profile, around: Around) -> Iterator[ChangedPoint]:
    present = profile(work)
    now, then = present.limits(), proposed.limits()
    asks = (present.agreement, present.vouching) != (proposed.agreement, proposed.vouching)
    of_orgs = asks or any(now[key] != then[key] for key in _WEIGHED)
    for subject, title in subjects(work, actor):
        if subject != SUBJECT and not of_orgs:
            continue
        held = {each.key: each for each in _points(work, subject, around, present)}
        for point in _points(work, subject, around, proposed):
            if (before := held[point.key].outcome) is not point.outcome:
                yield ChangedPoint(
                    subject=subject, subject_zh=title.zh, subject_en=title.en, key=point.key, name_zh=point.name.zh,
                    name_en=point.name.en, before=before, after=point.outcome,
                )  # fmt: skip


def keep(work: Work, actor: Actor, subject: str, around: Around) -> KeptRead:
    """Hand it in as it stands now: kept with day and digest, and on record. NotFound for whoever may not."""
    found = check(work, actor, subject, around)
    if not found.may_keep:
        raise _missing()
    document = rfc8785.dumps(found.model_dump(mode="json", exclude={"may_keep"}))
    row = SelfCheckRow(
        id=work.new_id(), subject=subject, document=document.decode(), sha256=hashlib.sha256(document).hexdigest(),
        passed=found.passed, failed=found.failed, not_applicable=found.not_applicable, kept_by=actor.account_id, kept_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    failed = [each.key for each in found.points if each.outcome is Outcome.FAIL]
    audit.record(
        work,
        actor,
        "selfcheck.kept",
        subject=row.id,
        payload={"of": subject, "sha256": row.sha256, "failed": failed},
    )
    return _kept(work, row)


def kept(
    work: Work, actor: Actor, *, subject: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[KeptBrief], int]:
    """Those that were handed in, of subjects in the actor's sight, newest first, and their number."""
    seen = [name for name, _ in subjects(work, actor) if subject in ("", name)]
    met = col(SelfCheckRow.subject).in_(seen)
    total = work.db.exec(select(func.count()).select_from(SelfCheckRow).where(met)).one()
    wanted = select(SelfCheckRow).where(met).order_by(col(SelfCheckRow.id).desc()).offset(offset).limit(limit)
    return [_brief(work, row) for row in work.db.exec(wanted)], total


def kept_one(work: Work, actor: Actor, self_check_id: str) -> KeptRead:
    """One that was handed in. Raises NotFound outside the actor's sight, Unavailable where this version cannot read it."""
    row = work.db.get(SelfCheckRow, self_check_id)
    if row is None or row.subject not in dict(subjects(work, actor)):
        raise _missing()
    return _kept(work, row)


def _may_keep(actor: Actor, subject: str) -> bool:
    return actor.may(KEEP) if subject == SUBJECT else actor.may_in(KEEP, subject) and actor.org_id == subject


def _missing() -> NotFound:
    return NotFound(Text("没有这份自查。", "There is no such self-check."))


def _read(
    work: Work, subject: str, title: Text, basis: str, points: tuple[Point, ...], *, may_keep: bool
) -> CheckRead:
    count = Counter(each.outcome for each in points)
    return CheckRead(
        subject=subject, title_zh=title.zh, title_en=title.en, basis=basis, at=work.now, passed=count[Outcome.PASS],
        failed=count[Outcome.FAIL], not_applicable=count[Outcome.NOT_APPLICABLE], may_keep=may_keep,
        points=[
            PointRead(
                key=each.key, name_zh=each.name.zh, name_en=each.name.en, outcome=each.outcome, found_zh=each.found.zh,
                found_en=each.found.en, next_zh=each.cure.zh, next_en=each.cure.en, href=each.href,
            )
            for each in points
        ],
    )  # fmt: skip


def _brief(work: Work, row: SelfCheckRow) -> KeptBrief:
    account = work.db.get(AccountRow, row.kept_by)
    return KeptBrief(
        **row.model_dump(exclude={"document", "kept_by"}), kept_by=account.username if account else ""
    )


def _kept(work: Work, row: SelfCheckRow) -> KeptRead:
    basis = rules.PLATFORM_BASIS if row.subject == SUBJECT else rules.GRANTS_BASIS
    with readable(_UNREADABLE, basis=basis, id=row.id, day=row.kept_at.astimezone(LOCAL).date()):
        check = CheckRead.model_validate_json(row.document, extra="forbid")
    return KeptRead(
        **_brief(work, row).model_dump(),
        document=row.document,
        check=check,
    )


# -- facts


def _platform(work: Work, around: Around, known: Limits) -> PlatformFacts:
    look, held = newest(work), _roles(work)
    administrators = {role: held[role] for role in ADMINISTRATORS}
    merged = Counter(person for people in administrators.values() for person in people)
    deciding = {role for role in Role if role in PERMISSIONS["auth:application:decide"]}
    deciders = {person for role in deciding for person in held[role]}
    due = _accounts_of(work, around.factor_roles)
    unused_days = known["self_check_unused_days"]
    unused_since = work.now - timedelta(days=unused_days)
    unused = (
        select(func.count())
        .select_from(AccountRow)
        .where(
            col(AccountRow.disabled).is_(False), col(AccountRow.created_at) < unused_since,
            or_(col(AccountRow.last_sign_in_at).is_(None), col(AccountRow.last_sign_in_at) < unused_since),
        )
    )  # fmt: skip
    settings = around.settings
    return PlatformFacts(
        look_holds=look.holds if look else None, look_days=(work.now - look.at).days if look else 0, guarded=_guarded(work),
        checkpoints=sum(1 for _ in Place.of(settings).paths()), events=work.db.exec(select(func.count()).select_from(AuditEventRow)).one(),
        admins_missing=sum(not people for people in administrators.values()), admins_merged=sum(n > 1 for n in merged.values()),
        deciders=len(deciders), deciding_admins=len(deciders & held[Role.SYSADMIN]), factor_due=len(due),
        factor_missing=sum(not is_enrolled(work, account) for account in due), tries=settings.lockout_failures,
        locked_minutes=settings.lockout_minutes, idle_minutes=settings.session_idle_minutes, unused_accounts=work.db.exec(unused).one(),
        unused_days=unused_days, certificates_overdue=_certificates(work, known), secure_line=settings.public_url.startswith("https://"),
        scanner=bool(settings.clamd), demo=settings.demo,
    )  # fmt: skip


def _standing_roles(work: Work) -> Any:  # noqa: ANN401 - a condition
    held = RoleAssignmentRow
    return (col(held.valid_from) <= work.now) & or_(
        col(held.valid_to).is_(None), col(held.valid_to) > work.now
    )


def _roles(work: Work) -> dict[Role, set[str]]:
    """The persons who hold each role now, by an account that may sign in."""
    held = RoleAssignmentRow
    wanted = (
        select(held.role, AccountRow.person_id)
        .join(AccountRow, col(AccountRow.id) == col(held.account_id))
        .where(_standing_roles(work), col(AccountRow.disabled).is_(False))
    )
    found: dict[Role, set[str]] = {role: set() for role in Role}
    for role, person in work.db.exec(wanted):
        found[Role(role)].add(person)
    return found


def _accounts_of(work: Work, roles: Collection[Role]) -> list[str]:
    held = RoleAssignmentRow
    wanted = (
        select(AccountRow.id)
        .join(held, col(held.account_id) == col(AccountRow.id))
        .where(_standing_roles(work), col(held.role).in_(list(roles)), col(AccountRow.disabled).is_(False))
    )
    return sorted(set(work.db.exec(wanted)))


def _guarded(work: Work) -> bool:
    """Whether what keeps the record from being changed is in its place."""
    connection = work.db.connection()
    if connection.dialect.name == "postgresql":
        return audit_roles.is_guarded(connection)
    names = {
        row.name for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    }
    return set(audit_guard.SQLITE_TRIGGERS) <= names


def _certificates(work: Work, limits: Limits) -> int:
    holders = work.db.exec(select(GrantRow.org_id).distinct()).all()
    return sum(
        kind is Kind.DELETION_CERTIFICATE
        for org_id in holders
        for kind, *_ in overdue.of_org(work, limits, org_id)
    )


def _organisation(work: Work, org_id: OrgId, around: Around, under: Profile) -> OrganisationFacts:
    known, held = under.limits(), licence(work, org_id)
    days = known["self_check_span_days"]
    owed = Counter(kind for kind, *_ in overdue.of_org(work, known, org_id))
    grants = list(
        work.db.exec(
            select(GrantRow).where(GrantRow.org_id == org_id, col(GrantRow.activated_at).is_not(None))
        )
    )
    since = work.now - timedelta(days=days)
    refused = Counter(
        reason
        for said in work.db.exec(
            select(UsageEventRow.reasons).where(
                UsageEventRow.org_id == org_id,
                UsageEventRow.kind == "refused",
                col(UsageEventRow.at) >= since,
            )
        )
        for reason in json.loads(said)
    )
    delivered = (
        select(func.count())
        .select_from(UsageEventRow)
        .where(
            UsageEventRow.org_id == org_id, UsageEventRow.kind == "delivery", col(UsageEventRow.at) >= since
        )
    )
    anomalies = (
        select(func.count())
        .select_from(AnomalyRow)
        .where(AnomalyRow.org_id == org_id, AnomalyRow.state == AnomalyState.OPEN)
    )
    return OrganisationFacts(
        grants=len(grants), licence_holds=held.state == "QUALIFIED" and (held.valid_to is None or work.now < held.valid_to),
        agreement=bool(agreements.active(work, org_id)) if under.agreement else None, reports_overdue=owed[Kind.USE_REPORT],
        certificates_overdue=owed[Kind.DELETION_CERTIFICATE], unvouched=_unvouched(work, org_id) if under.vouching else None,
        deliveries=work.db.exec(delivered).one(), purpose_refusals=refused["purpose-mismatch"] + refused["scenario-mismatch"],
        quota_refusals=refused["quota-exhausted"] + refused["quota-exceeded"], unread_columns=_unread(work, grants, since),
        commitments_broken=len(commitments.broken_of(work, org_id)), papers_overdue=len(papers.overdue_of(work, org_id)),
        anomalies_open=work.db.exec(anomalies).one(), frozen=_frozen(work, org_id, [row.id for row in grants]),
        untraced=around.receiptless(work, org_id), days=days,
    )  # fmt: skip


def _unvouched(work: Work, org_id: str) -> int:
    held = RoleAssignmentRow
    wanted = (
        select(AccountRow.id)
        .join(held, col(held.account_id) == col(AccountRow.id))
        .where(
            _standing_roles(work), held.role == Role.ANALYST, held.scope == org_id, AccountRow.org_id == org_id,
            col(AccountRow.disabled).is_(False),
        )
    )  # fmt: skip
    return sum(not vouching.stands(work, account, OrgId(org_id)) for account in set(work.db.exec(wanted)))


def _unread(work: Work, grants: list[GrantRow], since: datetime) -> int:
    """Columns that may leave and were not read in all that time, of grants in force that are older."""
    old = [
        row for row in grants if row.state == State.ACTIVE and row.activated_at and row.activated_at < since
    ]
    if not old:
        return 0
    read = select(UsageColumnRow.grant_id, UsageColumnRow.name).where(
        col(UsageColumnRow.grant_id).in_([row.id for row in old]), col(UsageColumnRow.last_read_at) >= since
    )
    seen = set(work.db.exec(read).all())
    return sum((row.id, name) not in seen for row in old for name in read_by_name(row))


def _frozen(work: Work, org_id: str, grant_ids: list[str]) -> bool:
    wanted = select(IncidentRow.id).where(
        IncidentRow.state == IncidentState.FROZEN, col(IncidentRow.target_id).in_([org_id, *grant_ids])
    )
    return work.db.exec(wanted).first() is not None


__all__ = [
    "Around", "CheckRead", "KeptBrief", "KeptRead", "check", "keep", "kept", "kept_one", "own_subject", "subjects",
]  # fmt: skip
