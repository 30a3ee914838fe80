"""Links of records: gathered, looked at, told to who keeps the records and to the records' scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Select, func
from sqlmodel import SQLModel, col, delete, select

from auth import audit
from auth.actor import Actor
from catalog import queries as records
from catalog import service as catalogue
from catalog.reuses.tables import ReuseRow
from catalog.reuses.workflow import ReuseState
from catalog.tables import DatasetRow, DescriptionRow
from catalog.workflow import State
from core import jobs
from core.errors import Conflict
from core.ids import DatasetId, OrgId
from core.jobs import JobRead, JobRow, JobState
from core.text import Text
from core.work import Work, hold
from datasets.links import rules
from datasets.links.asking import Answer
from datasets.links.rules import Outcome
from datasets.links.tables import LinkLookRow, LinkUseRow

READ: Final = records.READ_DRAFTS
WRITE: Final = "catalog:harvest:write"
LOOK: Final = "links.look"
SUBJECT: Final = "links/all"
USUAL: Final = 500
"""Links of a run that somebody asks for, where no daily number is set."""
_PART: Final = 500


class LinkRead(SQLModel):
    """A link beside one record. `since`: when the outcome became what it is; `last_good`: when it was last found good."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    publisher: OrgId
    place: str
    url: str
    host: str
    outcome: Outcome
    status: int | None
    said_zh: str
    said_en: str
    looked_at: datetime | None
    since: datetime | None
    last_good: datetime | None


def listed(
    work: Work, actor: Actor, *, outcome: str = "", host: str = "", dataset_id: str = "", offset: int = 0, limit: int | None = 50
) -> tuple[list[LinkRead], int]:  # fmt: skip
    """Links beside the records of the actor's departments: broken ones first, the longest broken first."""
    wanted = _seen(actor)
    for column, value in ((LinkLookRow.outcome, outcome), (LinkLookRow.host, host), (LinkUseRow.dataset_id, dataset_id)):  # fmt: skip
        if value:
            wanted = wanted.where(col(column) == value)
    total = work.db.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    order = sqlalchemy.case((col(LinkLookRow.outcome) == Outcome.BROKEN, 0), (col(LinkLookRow.outcome) == Outcome.UNSURE, 1), (col(LinkLookRow.outcome) == Outcome.NEW, 2), else_=3)  # fmt: skip
    rows = work.db.execute(
        wanted.order_by(order, col(LinkLookRow.since), col(LinkLookRow.url), col(LinkUseRow.dataset_id), col(LinkUseRow.place))
        .offset(offset)
        .limit(limit)
    ).all()  # fmt: skip
    return [_read(*row) for row in rows], total


def counts(work: Work, actor: Actor) -> dict[str, int]:
    """How many links beside records in the actor's sight have each outcome."""
    part = _seen(actor).subquery()
    rows = work.db.execute(select(part.c.outcome, func.count()).group_by(part.c.outcome)).all()
    return {str(outcome): number for outcome, number in rows}


def _seen(actor: Actor) -> Select[*tuple[Any, ...]]:
    return (
        sqlalchemy.select(
            *(col(each) for each in (
                LinkUseRow.dataset_id, DatasetRow.title_zh, DatasetRow.title_en, DatasetRow.publisher, LinkUseRow.place, LinkLookRow.url,
                LinkLookRow.host, LinkLookRow.outcome, LinkLookRow.status, LinkLookRow.said_zh, LinkLookRow.said_en, LinkLookRow.looked_at,
                LinkLookRow.since, LinkLookRow.last_good,
            ))
        )
        .join(LinkLookRow, col(LinkLookRow.key) == col(LinkUseRow.key))
        .join(DatasetRow, col(DatasetRow.id) == col(LinkUseRow.dataset_id))
        .where(records.own(actor, READ), col(DatasetRow.state) != State.WITHDRAWN)
    )  # fmt: skip


def _read(*row: Any) -> LinkRead:  # noqa: ANN401 - a row of `_seen`
    found = dict(zip(LinkRead.model_fields, row, strict=True))
    return LinkRead.model_validate(found | {"title_en": found["title_en"] or found["title_zh"]})


def ask_look(work: Work, actor: Actor) -> JobRead:
    """Look at links now. Raises Conflict while a look runs."""
    actor.demand(WRITE)
    hold(work, SUBJECT)
    running = select(JobRow).where(
        JobRow.kind == LOOK, col(JobRow.state).in_((JobState.QUEUED, JobState.RUNNING))
    )
    if (found := work.db.exec(running).first()) is not None:
        raise Conflict(
            Text("正在检查链接；请等待完成。", "Links are being looked at; wait for the end."),
            job_id=found.id,
        )
    job_id = jobs.ask_for(work, LOOK, SUBJECT, requested_by=actor.account_id, org_id=None)
    audit.record(work, actor, "links.look_requested", subject=job_id)
    return jobs.read(work.db.get_one(JobRow, job_id))


def holding(work: Work) -> list[str]:
    """The records that may hold links: what was described by others, and what has reuses; and those that held some."""
    described = select(DescriptionRow.dataset_id).join(
        DatasetRow, col(DatasetRow.id) == col(DescriptionRow.dataset_id)
    ).where(col(DatasetRow.state) != State.WITHDRAWN)  # fmt: skip
    reused = select(ReuseRow.dataset_id).where(ReuseRow.state == ReuseState.SHOWN, ReuseRow.url != "")
    held = select(LinkUseRow.dataset_id)
    return sorted({*work.db.exec(described), *work.db.exec(reused), *work.db.exec(held)})


def gather(work: Work, dataset_ids: Sequence[str], site: str) -> None:
    """Note which links these records hold now."""
    rows = {
        row.id: row for row in work.db.exec(select(DatasetRow).where(col(DatasetRow.id).in_(dataset_ids)))
    }
    documents = {
        row.dataset_id: row.document
        for row in work.db.exec(select(DescriptionRow).where(col(DescriptionRow.dataset_id).in_(dataset_ids)))
    }
    reuses: dict[str, list[str]] = defaultdict(list)
    shown = select(ReuseRow.dataset_id, ReuseRow.url).where(
        col(ReuseRow.dataset_id).in_(dataset_ids), ReuseRow.state == ReuseState.SHOWN, ReuseRow.url != ""
    )
    for dataset_id, url in work.db.exec(shown):
        reuses[dataset_id].append(url)
    wanted: dict[tuple[str, str, str], str] = {}
    for dataset_id, row in rows.items():
        if row.state == State.WITHDRAWN:
            continue
        for url, place in rules.links_in(
            documents.get(dataset_id, {}), row.foreign_from, reuses[dataset_id], site
        ):
            wanted[rules.key_of(url), dataset_id, place] = url
    uses = work.db.exec(select(LinkUseRow).where(col(LinkUseRow.dataset_id).in_(dataset_ids)))
    held = {(use.key, use.dataset_id, use.place): use for use in uses}
    new = [each for each in wanted if each not in held]
    keys = {key for key, _, _ in new}
    known = (
        set(work.db.exec(select(LinkLookRow.key).where(col(LinkLookRow.key).in_(keys)))) if keys else set()
    )
    urls = {key: wanted[key, dataset_id, place] for key, dataset_id, place in new if key not in known}
    work.db.add_all(
        LinkLookRow(key=key, url=url, host=rules.host_of(url), due_at=work.now) for key, url in urls.items()
    )
    work.db.flush()
    work.db.add_all(LinkUseRow(key=key, dataset_id=dataset_id, place=place) for key, dataset_id, place in new)
    for gone in held.keys() - wanted.keys():
        work.db.delete(held[gone])
    work.db.flush()
    _tell_records(work, {dataset_id for _, dataset_id, _ in (*new, *(held.keys() - wanted.keys()))})


def forget(work: Work) -> None:
    """Let go of links that no record holds any more."""
    used = select(LinkUseRow.key)
    work.db.exec(delete(LinkLookRow).where(col(LinkLookRow.key).not_in(used)))


def chosen(work: Work, most: int) -> list[str]:
    """The links to ask for now, the longest due first, hosts in turn."""
    wanted = select(LinkLookRow.key, LinkLookRow.host).where(col(LinkLookRow.due_at) <= work.now)
    rows = work.db.exec(wanted.order_by(col(LinkLookRow.due_at), col(LinkLookRow.key)).limit(most * 20))
    return rules.arranged(list(rows), most)


def link(work: Work, key: str) -> LinkLookRow | None:
    return work.db.get(LinkLookRow, key)


def note(work: Work, key: str, answer: Answer) -> None:
    """Write down what a link said, and tell the records that hold it."""
    row = work.db.get(LinkLookRow, key)
    if row is None:
        return
    if row.outcome != answer.outcome:
        row.since = work.now
    row.outcome, row.status, row.looked_at = answer.outcome, answer.status, work.now
    row.said_zh, row.said_en = answer.said.zh[:500], answer.said.en[:500]
    row.failures = 0 if answer.outcome is Outcome.GOOD else row.failures + 1
    if answer.outcome is Outcome.GOOD:
        row.last_good = work.now
        row.etag, row.last_modified = answer.etag or row.etag, answer.last_modified or row.last_modified
    row.due_at = rules.next_look(answer.outcome, row.failures, work.now)
    work.db.add(row)
    work.db.flush()
    _tell_records(work, work.db.exec(select(LinkUseRow.dataset_id).where(LinkUseRow.key == key)))


def _tell_records(work: Work, dataset_ids: Iterable[str]) -> None:
    """Repeat in the records how many of their links are good and how many broken; links of reuses are others' and do not count."""
    wanted = sorted(set(dataset_ids))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for at in range(0, len(wanted), _PART):
        counted = (
            select(
                LinkUseRow.dataset_id,
                LinkLookRow.outcome,
                func.count(sqlalchemy.distinct(col(LinkUseRow.key))),
            )
            .join(LinkLookRow, col(LinkLookRow.key) == col(LinkUseRow.key))
            .where(col(LinkUseRow.dataset_id).in_(wanted[at : at + _PART]), LinkUseRow.place != "reuse")
            .group_by(col(LinkUseRow.dataset_id), col(LinkLookRow.outcome))
        )
        for dataset_id, outcome, number in work.db.execute(counted):
            found[dataset_id][outcome] = number
    for dataset_id in wanted:
        said = found.get(dataset_id)
        catalogue.note_links(
            work, dataset_id, good=said.get(Outcome.GOOD, 0) if said else None, broken=said.get(Outcome.BROKEN, 0) if said else None
        )  # fmt: skip
