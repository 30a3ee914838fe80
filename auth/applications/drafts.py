"""The applicant's side: make a draft, fill it, ask what would be refused, submit, withdraw."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlmodel import col, delete, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.applications import assisting, listing, plans, queries, references, rules, steps
from auth.applications.gates import advice, gates, of_line
from auth.applications.models import (
    ApplicationAsk,
    ApplicationRead,
    ApplicationSave,
    AssistedAsk,
    LineAsk,
    StepBody,
)
from auth.applications.reading import read
from auth.applications.steps import Assets
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import State, Step, advance
from auth.asset import Asset
from auth.grants.standing import licence
from auth.identity import organisations
from auth.identity.rules import ENTERPRISE_KINDS
from auth.messages import audience
from auth.messages.service import tell
from auth.papers import cover as papers
from auth.policy import serving
from auth.policy.rules import licence_objections, refused
from auth.policy.serving import Holds, holds_nothing
from auth.profile.now import limits_now, profile
from auth.roles import Role
from core import bases
from core.errors import AccessRefused, Conflict, InputRefused, Reason, refuse_if
from core.ids import ApplicationId, DatasetId, OrgId
from core.recalled import forget
from core.text import Text
from core.work import Work, hold


@dataclass(frozen=True, slots=True)
class Precheck:
    """What would be refused on submitting, and what is likely to be narrowed or asked about."""

    blocking: tuple[Reason, ...]
    advice: tuple[Reason, ...]


def create(
    work: Work,
    actor: Actor,
    body: ApplicationAsk,
    *,
    assets: Assets,
    succession: str = "new",
    from_grant_id: str | None = None,
) -> ApplicationRead:
    """A new draft of the actor's organisation; it may be incomplete, but names no dataset that may never be granted.

    `from_grant_id`: the grant that it shall amend or renew (`auth.applications.succession`).
    """
    row = ApplicationRow(
        id=work.new_id(),
        org_id=_own_org(actor),
        state=State.DRAFT,
        created_by=actor.account_id,
        created_at=work.now,
        succession=succession,
        from_grant_id=from_grant_id,
    )
    return _made(work, actor, row, body, assets)


def assist(work: Work, actor: Actor, body: AssistedAsk, *, assets: Assets) -> ApplicationRead:
    """A draft that a clerk makes for an enterprise; its applicants are told, and confirm it before it is submitted."""
    org = organisations.organisation(work, body.org_id)
    if org.kind not in ENTERPRISE_KINDS:
        raise InputRefused(
            Text(
                "帮代办只面向企业；请选择一家企业。",
                "Drafts are made for enterprises; choose one.",
            ),
            field="org_id",
        )
    refuse_if(_own_clerk(work, actor, body.org_id))
    row = ApplicationRow(
        id=work.new_id(), org_id=org.id, state=State.DRAFT, created_by=actor.account_id, created_at=work.now,
        assisted_by=actor.account_id, assisted_person=actor.person_id, assisted_for=body.assisted_for,
    )  # fmt: skip
    ask = ApplicationAsk.model_validate(body.model_dump(exclude={"org_id", "assisted_for"}))
    made = _made(work, actor, row, ask, assets)
    audit.record(
        work, actor, "application.assisted", subject=row.id, application_id=row.id,
        payload={"org_id": org.id, "assisted_for": body.assisted_for},
    )  # fmt: skip
    tell(
        work, audience.holders(work, [Role.APPLICANT], [org.id]), "application.assisted", subject=row.id,
        href=f"/applications/{row.id}", once=row.id, facts={"id": row.id[:13]},
    )  # fmt: skip
    return made


def _own_clerk(work: Work, actor: Actor, org_id: str) -> tuple[Reason, ...]:
    """Whoever works for the enterprise drafts as its applicant, not as the bureau's clerk."""
    if org_id not in steps.doer(work, actor).orgs:
        return ()
    return (
        refused(
            "clerk-of-own-enterprise",
            "您属于该企业，请以该企业申请人的身份起草。",
            "You belong to that enterprise; draft as its applicant.",
            assisting.BASIS,
        ),
    )


def confirm(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """An applicant of the organisation stands behind a clerk's draft as it is now."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.CONFIRM, steps.roles(work, actor, row))
    if not row.assisted_by:
        raise Conflict(
            Text(
                "本申请由贵机构自行起草，无需确认。",
                "Your organisation drafted this itself; there is nothing to confirm.",
            )
        )
    row.confirmed_by, row.confirmed_hash = actor.account_id, assisting.content_hash(work, row)
    steps.move(work, actor, row, Step.CONFIRM, body.note, {"content_sha256": row.confirmed_hash})
    return read(work, actor, row)


def _made(
    work: Work, actor: Actor, row: ApplicationRow, body: ApplicationAsk, assets: Assets
) -> ApplicationRead:
    known = _known(body, assets)
    refuse_if(
        (*licence_objections(licence(work, OrgId(row.org_id)), work.now), *rules.hard_blocks(body, known))
    )
    work.db.add(row)
    work.db.flush()
    _fill(work, row, body, known)
    steps.remember(work, actor, row, "create", "")
    audit.record(
        work, actor, "application.created", subject=row.id, application_id=row.id,
        payload={"datasets": [line.dataset_id for line in body.lines], "succession": row.succession, "from_grant_id": row.from_grant_id},
    )  # fmt: skip
    return read(work, actor, row)


def save(
    work: Work, actor: Actor, application_id: ApplicationId, body: ApplicationSave, *, assets: Assets
) -> ApplicationRead:
    """Replace the whole request while it is a draft or has come back."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.SAVE, steps.roles(work, actor, row))
    known = _known(body, assets)
    refuse_if(rules.hard_blocks(body, known))
    _fill(work, row, body, known)
    steps.move(work, actor, row, Step.SAVE)
    return read(work, actor, row)


def precheck(
    work: Work, actor: Actor, application_id: ApplicationId, *, assets: Assets, holds: Holds = holds_nothing
) -> Precheck:
    """Everything that submitting would meet, with its rule and source, before anything is sent. `holds`: what datasets have for
    delivery forms; what they lack for one is advice, for the bureau can still mend it."""
    row = queries.row(work, application_id, actor)
    return _precheck(work, row, assets, holds)


def submit(
    work: Work, actor: Actor, application_id: ApplicationId, body: StepBody, *, assets: Assets
) -> ApplicationRead:
    """Hand the request in; refused with every reason that the pre-check would have named."""
    row = steps.load(work, actor, application_id, body.version)
    advance(State(row.state), Step.SUBMIT, steps.roles(work, actor, row))
    _alone(work, row)
    refuse_if(_precheck(work, row, assets).blocking)
    ask = queries.ask_of(work, row)
    _fill(work, row, ask, _known(ask, assets))  # level and review need as they are at the time of submission
    row.turn += 1
    plans.fix_plan(work, row)
    papers.fix(work, actor, row)
    row.submitted_at = work.now
    row.agreement = row.agreement_hash = row.proposal = ""
    steps.move(work, actor, row, Step.SUBMIT, body.note, {"turn": row.turn})
    return read(work, actor, row)


def withdraw(work: Work, actor: Actor, application_id: ApplicationId, body: StepBody) -> ApplicationRead:
    """Take the application back, at any time before it is agreed or refused."""
    row = steps.load(work, actor, application_id, body.version)
    steps.move(work, actor, row, Step.WITHDRAW, body.note)
    return read(work, actor, row)


def lapse_due(work: Work) -> int:
    """Close returned and offered applications whose time to answer is over; each once."""
    late = select(ApplicationRow).where(
        col(ApplicationRow.state).in_([State.RETURNED, State.OFFERED]),
        col(ApplicationRow.due_on) < steps.local_day(work.now),
    )
    held = late.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    rows = list(work.db.exec(held))
    for row in rows:
        steps.move(work, SYSTEM, row, Step.LAPSE)
    return len(rows) + _late_papers(work)


def _late_papers(work: Work) -> int:
    """Applications whose paper did not follow in time go back, or lapse, as the profile says; each once."""
    rows = papers.late(work)
    step = Step.LAPSE if profile(work).papers.overdue == "lapse" else Step.RETURN_LATE
    for row in rows:
        row.proposal = ""
        owed = "；".join(reason.text.zh for reason in papers.blocking(work, row))
        steps.move(work, SYSTEM, row, step, owed[:2000])
    return len(rows)


def _own_org(actor: Actor) -> OrgId:
    if actor.org_id is None or not any(
        held.role is Role.APPLICANT and held.scope == actor.org_id for held in actor.roles
    ):
        reason = refused(
            "not-an-applicant",
            "只有机构的申请人可以发起申请。",
            "Only an applicant of an organisation can apply.",
            bases.ROLES,
        )
        raise AccessRefused(reason.text, reasons=[reason])
    return OrgId(actor.org_id)


def _known(ask: ApplicationAsk, assets: Assets) -> dict[str, Asset]:
    """The datasets asked for, looked up once. NotFound for one that does not exist."""
    return {line.dataset_id: assets(DatasetId(line.dataset_id)) for line in ask.lines}


def _alone(work: Work, row: ApplicationRow) -> None:
    """One submission of an organisation at a time, so that twins see each other. SQLite has one writer anyway."""
    hold(work, f"submit {row.org_id}")


def _precheck(work: Work, row: ApplicationRow, assets: Assets, holds: Holds = holds_nothing) -> Precheck:
    from auth.applications import succession as followed  # it makes drafts, and looks back here

    ask = queries.ask_of(work, row)
    known = _known(ask, assets)
    lines = (
        reason
        for line in ask.lines
        for reason in of_line(
            work, known[line.dataset_id], [each.name for each in line.columns], ask.scenario_id, ask.starts_on, ask.ends_on
        )
    )  # fmt: skip
    named = (
        reason
        for line in ask.lines
        for reason in references.objections(
            work, OrgId(row.org_id), line.dataset_id, line.members, line.fee_reference, ask.scenario_id
        )
    )
    desk = rules.Desk(
        assets=known,
        licence=licence(work, OrgId(row.org_id)),
        limits=limits_now(work),
        now=work.now,
        today=steps.local_day(work.now),
        twins=listing.twins(work, row, ask.scenario_id),
        gates=(
            *gates(work, row),
            *lines,
            *named,
            *followed.objections(work, row, ask),
            *papers.submission_objections(work, row),
            *assisting.submission_objections(work, row),
        ),
        holdings={
            line.dataset_id: holds(line.dataset_id)
            for line in ask.lines
            if serving.looks_at_holding(line.delivery_forms, line.safeguards)
        },
    )
    hints = [hint for line in ask.lines for hint in advice(work, known[line.dataset_id], ask.ends_on)]
    said = (*rules.advice(ask, desk), *followed.advice(work, row, ask), *hints, *papers.advice(work, row))
    return Precheck(rules.submission_objections(ask, desk), said)


def _fill(work: Work, row: ApplicationRow, ask: ApplicationAsk, known: dict[str, Asset]) -> None:
    row.scenario_id, row.purpose_text = ask.scenario_id, ask.purpose_text
    row.purposes = json.dumps(list(ask.purposes))
    row.starts_on, row.ends_on, row.retention_days = ask.starts_on, ask.ends_on, ask.retention_days
    work.db.add(row)
    work.db.exec(delete(ApplicationLineRow).where(col(ApplicationLineRow.application_id) == row.id))
    forget(work, ApplicationLineRow)
    work.db.add_all(
        _line_row(work, row, position, line, known[line.dataset_id])
        for position, line in enumerate(ask.lines)
    )
    work.db.flush()


def _line_row(
    work: Work, row: ApplicationRow, position: int, line: LineAsk, asset: Asset
) -> ApplicationLineRow:
    body = line.model_dump(mode="json")
    return ApplicationLineRow(
        id=work.new_id(), application_id=row.id, position=position, dataset_id=line.dataset_id,
        department_id=asset.org_id, title_zh=asset.title.zh, title_en=asset.title.en, level=asset.level,
        needs_security_review=rules.needs_security_review(line, asset, limits_now(work)),
        columns=_json(body["columns"]),
        row_filter=_json(body["row_filter"]) if line.row_filter is not None else None,
        delivery_forms=_json(body["delivery_forms"]), quotas=_json(body["quotas"]), networks=_json(body["networks"]),
        pinned_release=line.pinned_release, fee_reference=line.fee_reference,
        safeguards=_json(line.safeguards.said()),
        members=_json(references.members_of(work, OrgId(row.org_id), line.members)),
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
