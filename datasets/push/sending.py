"""One record at a time to a portal: what is wanted there, what stands there, what is done; and how a push ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select

from auth import audit
from auth.actor import ANYONE
from catalog.ckan.actions import Call, packages
from catalog.queries import titles
from core.text import Text
from core.work import Work, hold
from datasets.harvest import partners
from datasets.harvest.workflow import Result, RunState
from datasets.push import queries, rules
from datasets.push.portal import Portal, Refused, guid_in
from datasets.push.rules import Json, There
from datasets.push.tables import PushItemRow, PushResultRow, PushRunRow, PushTargetRow
from datasets.releases.offered import resources_for

TAKEN: Final = Text(
    "门户上已有同名的他人数据集；请另设名称前缀后重新添加门户。",
    "The portal has a dataset of somebody else's by this name; add the portal again with another prefix.",
)
DRIFTED: Final = Text(
    "门户上的记录在推送后被改动，未覆盖；确认后请以“覆盖”推送。",
    "The record was changed at the portal since it was sent, and is not overwritten; push with “overwrite” to do so.",
)
DELETED: Final = Text(
    "门户上的记录被删除，未重新登记；确认后请以“覆盖”推送。",
    "The record was deleted at the portal, and is not entered again; push with “overwrite” to do so.",
)
GONE: Final = Text("不再公开，已从门户撤下。", "It is public no more and was withdrawn there.")


@dataclass(frozen=True, slots=True)
class Plan:
    """One record before it is sent. `wanted`: the package, None when it must not stand there; `echo`: how the portal showed it when we
    wrote it last; `sent`: what was sent since then without an answer."""

    dataset_id: str
    title: str
    name: str
    guid: str
    wanted: Json | None
    portal_id: str
    digest: str
    echo: Json
    sent: Json | None
    is_known: bool
    is_dry: bool
    overwrites: bool


@dataclass(slots=True)
class Outcome:
    """What became of it. `package`: as it stands there now, when something was written."""

    result: Result
    why: Text | None = None
    package: Json | None = None
    changes: dict[str, list[Any]] | None = None
    drift: dict[str, list[Any]] | None = None


def plan(work: Work, run_id: str, dataset_id: str, site: str) -> Plan | None:
    """What to do about a record; None when this push has done it."""
    if work.db.get(PushResultRow, (run_id, dataset_id)) is not None:
        return None
    run = work.db.get_one(PushRunRow, run_id)
    target = work.db.get_one(PushTargetRow, run.target_id)
    item = work.db.get(PushItemRow, (target.id, dataset_id))
    row = queries.is_wanted(work, target, dataset_id) if run.mode != "take-back" else None
    name, guid, wanted = rules.name_at(target.prefix, dataset_id), rules.guid_of(site, dataset_id), None
    if row is not None:
        call = Call(
            work, ANYONE, {}, site.rstrip("/"), resources_for(site.rstrip("/")), lambda _work, _id: None
        )
        wanted = rules.payload(packages(call, [row])[0], name=name, owner_org=target.portal_org, guid=guid)
    named = titles(work, [dataset_id]).get(dataset_id)
    return Plan(
        dataset_id, named.zh or named.en if named else dataset_id, name, guid, wanted,
        item.portal_id if item else "", item.digest if item else "", item.echo if item else {},
        item.sent if item else None, item is not None and not item.is_gone, run.is_dry, run.overwrites,
    )  # fmt: skip


Before = Callable[[Json, Json], None]


def _nothing_before(_echo: Json, _sent: Json) -> None:
    """Nobody wants to know."""


def carry_out(portal: Portal, plan: Plan, before: Before = _nothing_before) -> Outcome:
    """Look at the portal, decide, do it there. A refusal of the portal is this record's alone; raises Unavailable when nobody answers.
    `before` is told how our part stood there and what is sent (nothing: deleted), before a known record is written anew."""
    try:
        return _carry_out(portal, plan, before)
    except Refused as refused:
        return Outcome(Result.FAILED, refused.why)


def _carry_out(portal: Portal, plan: Plan, before: Before) -> Outcome:
    if plan.wanted is None and not plan.is_known:
        return Outcome(Result.UNCHANGED)
    package = portal.package(plan.portal_id if plan.is_known else plan.name)
    keys = rules.keys_of(plan.wanted) if plan.wanted else set()
    there = There.ABSENT
    if package is not None:
        there = There.OURS if plan.is_known or guid_in(package) == plan.guid else There.FOREIGN
    found = rules.seen(package, keys | rules.keys_in(plan.echo)) if package else {}
    is_unanswered = plan.is_known and rules.is_as_sent(plan.sent, found)
    echo = found if is_unanswered else plan.echo
    drift = rules.difference(echo, found) if plan.is_known else {}
    result = rules.verdict(
        there, is_wanted=plan.wanted is not None, is_known=plan.is_known,
        is_changed=plan.wanted is not None and (is_unanswered or rules.digest(plan.wanted) != plan.digest),
        is_drifted=bool(drift), may_overwrite=plan.overwrites,
    )  # fmt: skip
    made = Outcome(result, drift=drift or None)
    if result is Result.GONE:
        made.why = GONE
        if package is not None and not plan.is_dry:
            before(echo, {})
            portal.delete(package["id"])
    elif result is Result.HELD:
        made.why = DELETED if there is There.ABSENT else DRIFTED
    elif result is Result.FAILED:
        made.why = TAKEN
    elif result in (Result.CREATED, Result.CHANGED):
        _write(portal, plan, package, found, made, partial(before, echo))
    return made


def _write(
    portal: Portal,
    plan: Plan,
    package: Json | None,
    found: Json,
    made: Outcome,
    before: Callable[[Json], None],
) -> None:
    assert plan.wanted is not None  # noqa: S101 - only what is wanted is created or changed
    if package is None:
        made.package = None if plan.is_dry else portal.create(plan.wanted)
        return
    whole = rules.merged(package, plan.wanted, rules.keys_in(plan.echo))
    after = rules.seen(whole, rules.keys_of(plan.wanted))
    if not plan.is_dry:
        before(after)
        made.package = portal.update(whole)
        after = rules.seen(made.package, rules.keys_of(plan.wanted))
    made.changes = rules.difference(found, after)


def intend(work: Work, run_id: str, plan: Plan, echo: Json, sent: Json) -> None:
    """Write down what is about to be sent, so that it is known as ours when its answer never comes."""
    item = work.db.get(PushItemRow, (_open(work, run_id)[1].id, plan.dataset_id))
    if item is not None and not item.is_gone:
        item.echo, item.sent = echo, sent
        work.db.add(item)


def note(work: Work, run_id: str, plan: Plan, outcome: Outcome) -> None:
    """Write down what became of a record, and with it the audit record of what left."""
    run, target = _open(work, run_id)
    if work.db.get(PushResultRow, (run_id, plan.dataset_id)) is not None:
        return
    item = work.db.get(PushItemRow, (target.id, plan.dataset_id))
    if not run.is_dry:
        _keep(work, run, target, plan, outcome, item)
    elif item is not None and outcome.result is not Result.FAILED:
        item.drift = outcome.drift
        work.db.add(item)
    why = outcome.why
    work.db.add(
        PushResultRow(
            run_id=run_id,
            dataset_id=plan.dataset_id,
            title=plan.title[:300],
            name=plan.name,
            result=outcome.result,
            why={"zh": why.zh, "en": why.en} if why else None,
            changes=outcome.changes,
            drift=outcome.drift,
        )
    )
    work.db.flush()


def _keep(
    work: Work, run: PushRunRow, target: PushTargetRow, plan: Plan, outcome: Outcome, item: PushItemRow | None
) -> None:
    payload: dict[str, Any] = {"target": target.id, "run": run.id, "result": str(outcome.result)}
    if outcome.package is not None and plan.wanted is not None:
        item = item or PushItemRow(
            target_id=target.id,
            dataset_id=plan.dataset_id,
            portal_id="",
            digest="",
            echo={},
            pushed_at=work.now,
        )
        item.portal_id, item.digest = str(outcome.package["id"]), rules.digest(plan.wanted)
        item.echo = rules.seen(outcome.package, rules.keys_of(plan.wanted))
        item.drift, item.sent, item.is_gone, item.pushed_at, item.tried_at = None, None, False, work.now, None
        payload |= {"portal_id": item.portal_id, "digest": item.digest}
        audit.record(
            work, partners.actor_of(target), "dataset.pushed", subject=plan.dataset_id, dataset_id=plan.dataset_id,
            payload=payload,
        )  # fmt: skip
    elif item is not None and outcome.result is Result.GONE:
        item.is_gone, item.drift, item.sent, item.tried_at = True, None, None, None
        audit.record(
            work, partners.actor_of(target), "dataset.push_withdrawn", subject=plan.dataset_id,
            dataset_id=plan.dataset_id, payload=payload | {"portal_id": item.portal_id},
        )  # fmt: skip
    elif item is not None and outcome.result is Result.FAILED:
        item.tried_at = work.now
    elif item is not None:
        item.drift = outcome.drift
    if item is not None:
        work.db.add(item)


def close(work: Work, run_id: str) -> dict[str, Any]:
    """The end of a whole push: counts are written and the portal is free for the next."""
    run, target = _open(work, run_id)
    if run.state == RunState.RUNNING:
        _end(work, run, target, RunState.DONE, Text("推送完成。", "The push is complete."))
        if not run.is_dry:
            target.failures = 0
        work.db.add(target)
        payload = {"run": run.id, "dry": run.is_dry, "mode": run.mode, "counts": run.counts}
        audit.record(work, partners.actor_of(target), "push.ended", subject=target.id, payload=payload)
    return {"run_id": run.id, "state": run.state, "counts": run.counts}


def fail(work: Work, run_id: str, why: Text) -> None:
    """The push broke off: what was sent stays, and it is tried again later or paused."""
    run, target = _open(work, run_id)
    if run.state != RunState.RUNNING:
        return
    _end(work, run, target, RunState.FAILED, why)
    if not run.is_dry:
        partners.failed(target, work.now, retries=target.state == "active")
    work.db.add(target)
    payload = {"run": run.id, "dry": run.is_dry, "mode": run.mode, "failed": why.en}
    audit.record(work, partners.actor_of(target), "push.ended", subject=target.id, payload=payload)


def _end(work: Work, run: PushRunRow, target: PushTargetRow, state: RunState, said: Text) -> None:
    counted = (
        select(PushResultRow.result, func.count())
        .where(col(PushResultRow.run_id) == run.id)
        .group_by(PushResultRow.result)
    )
    run.counts = {str(result): number for result, number in work.db.exec(counted)}
    run.state, run.said, run.ended_at = state, {"zh": said.zh, "en": said.en}, work.now
    target.open_run = None
    work.db.add_all([run, target])


def _open(work: Work, run_id: str) -> tuple[PushRunRow, PushTargetRow]:
    run = work.db.get_one(PushRunRow, run_id)
    hold(work, f"push/{run.target_id}")
    work.db.refresh(run)
    return run, work.db.get_one(PushTargetRow, run.target_id)
