"""Configuring portals: propose, approve (a second person), push, pause, resume, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth import audit
from auth.actor import PLATFORM, SYSTEM, Actor
from core import jobs
from core.errors import Conflict, InputRefused
from core.text import Text
from core.work import Work, hold
from datasets.harvest import partners
from datasets.harvest.workflow import HarvestState, HarvestStep
from datasets.people import stamp
from datasets.push import queries, sending
from datasets.push.models import Mode, PushAsk, PushCreate, PushRead, PushRunRead
from datasets.push.tables import PushRunRow, PushTargetRow
from datasets.sources import rules as schedules
from datasets.sources import vault

JOB: Final = "push.run"


def add(work: Work, actor: Actor, body: PushCreate, keys_dir: Path) -> PushRead:
    """Propose a portal. Until a second person approves it, pushes only tell what they would do."""
    partners.demand_department(work, actor, queries.WRITE, body.org_id)
    if body.reach == "all" and not actor.may_in(queries.WRITE, PLATFORM):
        raise InputRefused(
            Text("您只能推送本部门的记录。", "You may push the records of your own department only."),
            field="reach",
        )
    plan = partners.planned(body.schedule)
    row = PushTargetRow(
        id=work.new_id(), proposed=stamp(actor), created_at=work.now,
        **body.model_dump(exclude={"secret", "schedule"}), schedule=plan.written(),
    )  # fmt: skip
    row.secret = vault.seal(keys_dir, f"push:{row.id}", body.secret.get_secret_value())
    work.db.add(row)
    work.db.flush()
    payload = {
        "title": row.title, "address": row.url, "organisation_there": row.portal_org, "reach": row.reach,
        "only_open": row.only_open, "schedule": row.schedule,
    }  # fmt: skip
    audit.record(work, actor, "push.added", subject=row.id, payload=payload)
    return queries.read(work, row)


def approve(work: Work, actor: Actor, target_id: str) -> PushRead:
    """Let our records go there. Never by the one who proposed it, whatever account he uses."""
    row = _held(work, actor, target_id, queries.APPROVE)
    partners.approve(row, actor, work.now)
    work.db.add(row)
    audit.record(work, actor, "push.approved", subject=row.id, payload={"title": row.title})
    return queries.read(work, row)


def step(work: Work, actor: Actor, target_id: str, which: HarvestStep) -> PushRead:
    """Pause, resume or remove. What stands there stays; take it back before removing."""
    row = _held(work, actor, target_id, queries.WRITE)
    if which is HarvestStep.REMOVE and row.open_run:
        raise Conflict(
            Text("正在推送；请等待完成再移除。", "A push is running; remove it after its end."),
            run_id=row.open_run,
        )
    partners.step(row, which, work.now)
    work.db.add(row)
    audit.record(work, actor, f"push.{partners.PAST[which]}", subject=row.id, payload={"title": row.title})
    return queries.read(work, row)


def run(work: Work, actor: Actor, target_id: str, ask: PushAsk) -> PushRunRead:
    """Push now. A portal that nobody has approved can only be tried (`dry`); what a paused one holds can be taken back."""
    row = _held(work, actor, target_id, queries.WRITE)
    state = HarvestState(row.state)
    taken = ask.take_back and state is HarvestState.PAUSED
    if state is HarvestState.REMOVED or (state is not HarvestState.ACTIVE and not ask.dry and not taken):
        raise Conflict(
            Text(
                "门户尚未批准、已暂停或已移除；可先试运行。",
                "The portal is not approved, paused or removed; try a dry run first.",
            ),
            state=row.state,
        )
    if row.open_run:
        raise Conflict(
            Text("正在推送；请等待完成。", "A push is running; wait for the end."), run_id=row.open_run
        )
    if ask.take_back and not ask.dry and state is HarvestState.ACTIVE:
        partners.step(row, HarvestStep.PAUSE, work.now)  # else the schedule would bring everything back
    made = _begin(work, row, actor, ask, "take-back" if ask.take_back else "all")
    payload = {"run": made.id, "dry": ask.dry, "overwrite": ask.overwrite, "mode": made.mode}
    audit.record(work, actor, "push.run_requested", subject=row.id, payload=payload)
    return PushRunRead.model_validate(made)


def start_due(work: Work) -> int:
    """Begin the pushes whose time has come, withdraw what must leave, close those whose job died; returns how many were begun."""
    hold(work, "push/due")
    for run_id in queries.forgotten(work):
        sending.fail(work, run_id, partners.BROKEN_OFF)
    found = queries.due(work)
    for row, mode in found:
        if mode == "all":
            row.due_at = schedules.next_due(schedules.schedule(row.schedule), None, row.due_at, work.now)
        _begin(work, row, None, PushAsk(), "all" if mode == "all" else "leaving")
    return len(found)


def _begin(work: Work, row: PushTargetRow, actor: Actor | None, ask: PushAsk, mode: Mode) -> PushRunRow:
    made = PushRunRow(
        id=work.new_id(), target_id=row.id, is_dry=ask.dry, overwrites=ask.overwrite, mode=mode, asked_at=work.now,
        asked_by=stamp(actor) if actor else None,
    )  # fmt: skip
    made.job_id = jobs.ask_for(
        work, JOB, f"push/{row.id}", requested_by=(actor or SYSTEM).account_id, org_id=row.org_id,
        payload={"run_id": made.id},
    )  # fmt: skip
    row.open_run = made.id
    work.db.add_all([row, made])
    work.db.flush()
    return made


def _held(work: Work, actor: Actor, target_id: str, permission: str) -> PushTargetRow:
    hold(work, f"push/{target_id}")
    row = queries.target(work, actor, target_id)
    partners.demand(actor, permission, row)
    return row
