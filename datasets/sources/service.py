"""Configuring sources: add, test, run, pause, resume, remove. What a run brings is `handing`'s business."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from auth import audit
from auth.actor import SYSTEM, Actor
from catalog import rules as catalog_rules
from catalog.codes import load
from catalog.tables import DatasetRow
from core import bases, jobs
from core.errors import AccessRefused, AppError, Conflict, InputRefused, Reason
from core.settings import Settings
from core.text import Text
from core.work import Work, hold
from datasets.batches import service as batches
from datasets.people import stamp
from datasets.sources import handing, kinds, queries, rules, vault
from datasets.sources.asking import Ask
from datasets.sources.guard import Resolve, lookup
from datasets.sources.models import RunRead, SourceCreate, SourceRead, Tested
from datasets.sources.tables import SourceRow, SourceRunRow
from datasets.sources.workflow import Outcome, SourceState, SourceStep, advance

RUN: Final = "source.run"
TEST_SECONDS: Final = 20


def add(work: Work, actor: Actor, body: SourceCreate, keys_dir: Path) -> SourceRead:
    """A new source of a dataset; whoever configures it hands its batches in, and so may not publish them."""
    found = batches.may_submit(work, actor, body.dataset_id)
    _demand_write(actor, found.org_id)
    plan = rules.schedule(body.schedule)
    secret = body.secret.get_secret_value() if body.secret else None
    _demand_secret_fits(body, secret)
    source_id = work.new_id()
    row = SourceRow(
        id=source_id, dataset_id=body.dataset_id, org_id=found.org_id, name=body.name, kind=body.config.kind,
        config=body.config.model_dump(mode="json"), schedule=plan.written(), owner=stamp(actor),
        secret=vault.seal(keys_dir, source_id, secret) if secret else None, preparers=[actor.person_id],
        due_at=_first_due(work, body.dataset_id, plan), created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {
        "name": row.name, "kind": row.kind, "address": kinds.shown(body.config), "schedule": row.schedule,
        "secret": secret is not None,
    }  # fmt: skip
    audit.record(work, actor, "source.added", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    return queries.read(row, actor)


def pause(work: Work, actor: Actor, source_id: str) -> SourceRead:
    """Look no more until somebody resumes it; what a running look finds is not handed in."""
    row = _for_step(work, actor, source_id)
    _move(work, row, SourceStep.PAUSE)
    row.due_at = None
    row.paused_why = {"zh": f"由 {actor.name.zh} 暂停。", "en": f"Paused by {actor.name.en}."}
    audit.record(work, actor, "source.paused", subject=row.id, dataset_id=row.dataset_id)
    return queries.read(row, actor)


def resume(work: Work, actor: Actor, source_id: str) -> SourceRead:
    """Look again. Whoever resumes a source takes it over: from now on its batches are handed in in his name."""
    row = _for_step(work, actor, source_id)
    batches.may_submit(work, actor, row.dataset_id)
    _move(work, row, SourceStep.RESUME)
    row.failures, row.paused_why, row.owner = 0, None, stamp(actor)
    row.preparers = sorted({*row.preparers, actor.person_id})
    row.due_at = _first_due(work, row.dataset_id, rules.schedule(row.schedule))
    audit.record(work, actor, "source.resumed", subject=row.id, dataset_id=row.dataset_id)
    return queries.read(row, actor)


def remove(work: Work, actor: Actor, source_id: str) -> SourceRead:
    """Look never again. The history stays, the credential goes."""
    row = _for_step(work, actor, source_id)
    _move(work, row, SourceStep.REMOVE)
    row.due_at, row.secret, row.memory = None, None, {}
    audit.record(work, actor, "source.removed", subject=row.id, dataset_id=row.dataset_id)
    return queries.read(row, actor)


def run(work: Work, actor: Actor, source_id: str) -> RunRead:
    """Look now. Whoever asks counts among the preparers of what is found. Conflict while a look is under way."""
    row = _for_step(work, actor, source_id)
    if row.state != SourceState.ACTIVE:
        raise Conflict(
            Text("来源未在运行；请先恢复。", "The source is not active; resume it first."), state=row.state
        )
    if row.open_run is not None:
        raise Conflict(
            Text("来源正在读取；请等待完成。", "The source is being looked into; wait for it to end."),
            run_id=row.open_run,
        )
    made = _begin(work, row, actor)
    if row.due_at is not None and row.due_at <= work.now:  # this is the look that was due
        row.due_at = rules.next_due(
            rules.schedule(row.schedule), rhythm(work, row.dataset_id), row.due_at, work.now
        )
    payload = {"run": made.id, "job": made.job_id}
    audit.record(
        work, actor, "source.run_requested", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    return RunRead.model_validate(made)


def start_due(work: Work) -> int:
    """Begin a look into every source whose time has come; returns their number.

    One transaction at a time does this, and it moves the due time in the same breath as it asks for the job: two workers,
    or one that starts again, begin no look twice.
    """
    hold(work, "sources/due")
    handing.close_forgotten(work)
    begun = 0
    for row in queries.due(work):
        hold(work, f"source/{row.id}")
        work.db.refresh(row)
        if row.state != SourceState.ACTIVE or row.open_run is not None:
            continue  # somebody was faster
        plan = rules.schedule(row.schedule)
        was_due, made = row.due_at, _begin(work, row, None)
        row.due_at = rules.next_due(plan, rhythm(work, row.dataset_id), was_due, work.now)
        work.db.add_all([row, made])
        begun += 1
    return begun


def _begin(work: Work, row: SourceRow, actor: Actor | None) -> SourceRunRow:
    made = SourceRunRow(
        id=work.new_id(), source_id=row.id, asked_by=stamp(actor) if actor else None, asked_at=work.now,
        outcome=Outcome.RUNNING,
    )  # fmt: skip
    made.job_id = jobs.ask_for(
        work, RUN, f"source/{row.id}", requested_by=(actor or SYSTEM).account_id, org_id=row.org_id,
        payload={"run_id": made.id},
    )  # fmt: skip
    row.open_run = made.id
    work.db.add(row)
    work.db.add(made)
    work.db.flush()
    return made


def asking(work: Work, actor: Actor, source_id: str) -> SourceRow:
    """The source, if the actor may try it; asked before anything is connected to."""
    row = queries.source(work, actor, source_id)
    _demand_write(actor, row.org_id)
    if row.state == SourceState.REMOVED:
        raise Conflict(Text("来源已移除。", "The source was removed."), state=row.state)
    return row


def look(row: SourceRow, settings: Settings, now: datetime, resolve: Resolve = lookup) -> Ask:
    """What a look into this source is given, with its credential in clear."""
    secret = vault.unseal(settings.keys_dir, row.id, row.secret) if row.secret else None
    return Ask(row.org_id, secret, row.memory, settings, now, resolve=resolve)


def tried(row: SourceRow, ask: Ask) -> Tested:
    """Look into the source and take nothing; every failure is an answer. Opens no transaction."""
    short = ask.settings.model_copy(update={"source_seconds": TEST_SECONDS})
    brief = Ask(ask.org_id, ask.secret, {}, short, ask.now, resolve=ask.resolve)
    try:
        found = kinds.probe(brief, kinds.config_of(row.config))
    except AppError as refused:
        return Tested(ok=False, said={"zh": refused.detail.zh, "en": refused.detail.en}, facts=[])
    return Tested(ok=True, said={"zh": found.said.zh, "en": found.said.en}, facts=found.facts)


def note_test(work: Work, actor: Actor, source_id: str, tested: Tested) -> None:
    """Write down who tried a source, and whether it answered."""
    row = asking(work, actor, source_id)
    audit.record(
        work, actor, "source.tested", subject=row.id, payload={"ok": tested.ok, "said": tested.said["en"]},
        dataset_id=row.dataset_id,
    )  # fmt: skip


def rhythm(work: Work, dataset_id: str) -> str | None:
    """The record's own update frequency as an ISO 8601 duration; None when it has none (irregular)."""
    held = work.db.get(DatasetRow, dataset_id)
    if held is None:
        return None
    return held.update_interval or load("update_freq").fact(held.update_freq, "iso")


def schedule_words(work: Work, source: SourceRead) -> Text:
    """A source's schedule as a person reads it."""
    plan = rules.schedule(source.schedule)
    if plan.kind == "every":
        return rules.schedule_words(plan, catalog_rules.frequency("", plan.period))
    held = work.db.get(DatasetRow, source.dataset_id)
    every = catalog_rules.frequency(held.update_freq, held.update_interval) if held else Text("—", "—")
    return rules.schedule_words(plan, every)


def _first_due(work: Work, dataset_id: str, plan: rules.Schedule) -> datetime | None:
    """When it is looked into first; a schedule that never comes is refused, not kept silently."""
    own = rhythm(work, dataset_id)
    if plan.kind == "frequency" and rules.period(own) is None:
        raise InputRefused(
            Text(
                "该数据集的更新周期为不定时或未填写，无法据此安排；请改用 every PT1H、daily 06:30 或 manual。",
                "The record says no regular update frequency to follow; use every PT1H, daily 06:30 or manual.",
            )
        )
    return rules.next_due(plan, own, None, work.now)


def _demand_secret_fits(body: SourceCreate, secret: str | None) -> None:
    config = body.config
    if config.kind == "http" and config.wants_secret() and not secret:
        raise InputRefused(
            Text(
                "地址或请求头需要凭据，但没有填写；请填写凭据，或去掉请求头与 {secret}。",
                "Header or address call for a credential, but none was given; give it, or leave header and {secret} out.",
            )
        )
    if secret and (config.kind == "folder" or (config.kind == "http" and not config.wants_secret())):
        raise InputRefused(
            Text(
                "填写了凭据，但没有使用它的地方；HTTP 来源请指定请求头，或在地址中写 {secret}。",
                "A credential was given but has no use; for an HTTP source name the header, or write {secret} in the address.",
            )
        )


def _demand_write(actor: Actor, org_id: str) -> None:
    if not actor.may_in(queries.WRITE, org_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])


def _for_step(work: Work, actor: Actor, source_id: str) -> SourceRow:
    hold(work, f"source/{source_id}")
    row = queries.source(work, actor, source_id)
    _demand_write(actor, row.org_id)
    return row


def _move(work: Work, row: SourceRow, step: SourceStep) -> None:
    row.state = advance(SourceState(row.state), step)
    row.version += 1
    work.db.add(row)
