"""Configuring outside catalogues: propose, approve (a second person), run, pause, resume, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth import audit
from auth.actor import SYSTEM, Actor
from core import jobs
from core.errors import Conflict, InputRefused
from core.text import Text
from core.work import Work, hold
from datasets.harvest import partners, queries, taking
from datasets.harvest.models import HarvestCreate, HarvestRead, HarvestRunRead, RunAsk
from datasets.harvest.tables import HarvestRunRow, HarvestSourceRow
from datasets.harvest.workflow import HarvestState, HarvestStep
from datasets.people import stamp
from datasets.sources import rules as schedules
from datasets.sources import vault
from datasets.sources.addresses import HttpConfig

JOB: Final = "harvest.run"


def add(work: Work, actor: Actor, body: HarvestCreate, keys_dir: Path) -> HarvestRead:
    """Propose a catalogue. Until a second person approves it, harvests only tell what they would do."""
    partners.demand_department(work, actor, queries.WRITE, body.org_id)
    plan = partners.planned(body.schedule)
    secret = body.secret.get_secret_value() if body.secret else None
    if bool(secret) != bool(body.header):
        raise InputRefused(
            Text("凭据与请求头须同时填写，或都不填。", "Give credential and header together, or neither."),
            field="secret",
        )
    config = HttpConfig(kind="http", url=body.url, header=body.header)
    row = HarvestSourceRow(
        id=work.new_id(), title=body.title, org_id=body.org_id, form=body.form, config=config.model_dump(mode="json"),
        schedule=plan.written(), proposed=stamp(actor), created_at=work.now,
    )  # fmt: skip
    row.secret = vault.seal(keys_dir, row.id, secret) if secret else None
    work.db.add(row)
    work.db.flush()
    payload = {
        "title": row.title,
        "form": row.form,
        "address": body.url,
        "schedule": row.schedule,
        "secret": bool(secret),
    }
    audit.record(work, actor, "harvest.added", subject=row.id, payload=payload)
    return queries.read(work, row)


def approve(work: Work, actor: Actor, source_id: str) -> HarvestRead:
    """Let its records be published. Never by the one who proposed it, whatever account he uses."""
    row = _held(work, actor, source_id, queries.APPROVE)
    partners.approve(row, actor, work.now)
    work.db.add(row)
    audit.record(work, actor, "harvest.approved", subject=row.id, payload={"title": row.title})
    return queries.read(work, row)


def step(work: Work, actor: Actor, source_id: str, which: HarvestStep) -> HarvestRead:
    """Pause, resume or remove. What was harvested stays; a removed one loses its credential."""
    row = _held(work, actor, source_id, queries.WRITE)
    partners.step(row, which, work.now)
    if row.state == HarvestState.REMOVED:
        row.memory = {}
    work.db.add(row)
    audit.record(work, actor, f"harvest.{partners.PAST[which]}", subject=row.id, payload={"title": row.title})
    return queries.read(work, row)


def run(work: Work, actor: Actor, source_id: str, ask: RunAsk) -> HarvestRunRead:
    """Harvest now. A catalogue that nobody has approved can only be tried (`dry`)."""
    row = _held(work, actor, source_id, queries.WRITE)
    state = HarvestState(row.state)
    if state is HarvestState.REMOVED or (state is not HarvestState.ACTIVE and not ask.dry):
        raise Conflict(
            Text(
                "外部目录尚未批准、已暂停或已移除；可先试运行。",
                "The catalogue is not approved, paused or removed; try a dry run first.",
            ),
            state=row.state,
        )
    if row.open_run:
        raise Conflict(
            Text("正在采集；请等待完成。", "It is being harvested; wait for the end."), run_id=row.open_run
        )
    made = _begin(work, row, actor, ask)
    audit.record(
        work,
        actor,
        "harvest.run_requested",
        subject=row.id,
        payload={"run": made.id, "dry": ask.dry, "let_go": ask.let_go},
    )
    return HarvestRunRead.model_validate(made)


def start_due(work: Work) -> int:
    """Begin the harvests whose time has come, and close those whose job died; returns how many were begun."""
    hold(work, "harvest/due")
    for run_id in queries.forgotten(work):
        taking.fail(work, run_id, partners.BROKEN_OFF)
    found = queries.due(work)
    for row in found:
        row.due_at = schedules.next_due(schedules.schedule(row.schedule), None, row.due_at, work.now)
        _begin(work, row, None, RunAsk())
    return len(found)


def _begin(work: Work, row: HarvestSourceRow, actor: Actor | None, ask: RunAsk) -> HarvestRunRow:
    made = HarvestRunRow(
        id=work.new_id(), source_id=row.id, is_dry=ask.dry, lets_go=ask.let_go, asked_at=work.now,
        asked_by=stamp(actor) if actor else None,
    )  # fmt: skip
    made.job_id = jobs.ask_for(
        work,
        JOB,
        f"harvest/{row.id}",
        requested_by=(actor or SYSTEM).account_id,
        org_id=row.org_id,
        payload={"run_id": made.id},
    )
    row.open_run = made.id
    work.db.add_all([row, made])
    work.db.flush()
    return made


def _held(work: Work, actor: Actor, source_id: str, permission: str) -> HarvestSourceRow:
    hold(work, f"harvest/{source_id}")
    row = queries.source(work, actor, source_id)
    partners.demand(actor, permission, row)
    return row
