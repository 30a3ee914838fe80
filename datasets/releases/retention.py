"""How long superseded releases keep their files. A retired release keeps its record, manifest and verdict for ever; its files
are only given free: nothing here deletes a byte; the collection of the store (docs/store.md) takes those that no row cites.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.grants.ledger import DELIVERY
from auth.grants.tables import UsageEventRow
from auth.policy.model import DeliveryForm
from catalog import queries as catalog
from core import bases
from core.errors import AccessRefused, InputRefused, NotFound, Reason
from core.text import Text, number_of
from core.work import Work, hold
from datasets.extracts.tables import ExtractRow
from datasets.notices import service as notices
from datasets.people import stamp
from datasets.releases import forms
from datasets.releases.tables import ReleaseRow, RetentionRow
from datasets.releases.workflow import ReleaseState, ReleaseStep, advance
from datasets.sharing.tables import ViewRow, was_read

YOUNG: Final = "not-old-enough"
RETIRE: Final = "datasets:release:retire"
_BASIS: Final = "数据集的留存规则（docs/releases.md）· rule of retention of the dataset (docs/releases.md)"


class RetentionSet(SQLModel):
    """Keep the newest `keep_last` releases, and every release for `keep_years` after it was superseded.

    by_clock: what is not kept is retired every day by itself; followers are told a month before.
    """

    model_config = {"extra": "forbid"}

    keep_last: int = Field(ge=1, le=10_000)
    keep_years: int = Field(ge=0, le=100)
    by_clock: bool = False


class RetentionRead(SQLModel):
    """A dataset's rule (none: everything is kept) and what it means today. `items`: superseded releases, newest first, each
    with the reasons that keep it and the day until which its age does; none means that it may be retired."""

    dataset_id: str
    keep_last: int | None
    keep_years: int | None
    by_clock: bool
    floor: dict[str, Any]
    items: list[dict[str, Any]]


@cache
def floor() -> dict[str, Any]:
    """What no dataset's rule may go below, as data."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "retention.json").read_text("utf-8"))
    return loaded


def show(work: Work, actor: Actor, dataset_id: str) -> RetentionRead:
    """The rule and its plan. NotFound outside the actor's scope."""
    _answers_for(work, actor, dataset_id)
    rule = work.db.get(RetentionRow, dataset_id)
    items = [
        {
            "release_id": row.id, "number": row.number, "superseded_at": row.superseded_at, "size_bytes": row.size_bytes,
            "kept_until": kept_until(row.superseded_at, rule) if rule else None,
            "reasons": [{"code": r.code, "zh": r.text.zh, "en": r.text.en} for r in reasons],
        }
        for row, reasons in plan(work, dataset_id, rule)
    ]  # fmt: skip
    return RetentionRead(
        dataset_id=dataset_id,
        keep_last=rule.keep_last if rule else None,
        keep_years=rule.keep_years if rule else None,
        by_clock=bool(rule and rule.by_clock),
        floor=floor(),
        items=items,
    )


def set_rule(work: Work, actor: Actor, dataset_id: str, body: RetentionSet) -> RetentionRead:
    """Set the dataset's rule; nothing is retired by that alone. InputRefused below the platform's floor."""
    _answers_for(work, actor, dataset_id)
    least = floor()
    if body.keep_last < least["keep_last_at_least"] or body.keep_years < least["keep_years_at_least"]:
        last, years = least["keep_last_at_least"], least["keep_years_at_least"]
        raise InputRefused(
            Text(
                f"至少保留最近 {last} 版、被取代后 {years} 年；请提高数值。",
                f"At least the last {number_of(last, 'releases')} and {number_of(years, 'years')} after being superseded are kept; choose more.",
            )
        )
    facts = {**body.model_dump(), "set_by": stamp(actor), "set_at": work.now, "looked_on": None}
    work.db.merge(RetentionRow.model_validate({"dataset_id": dataset_id, **facts}))
    work.db.flush()
    audit.record(
        work,
        actor,
        "dataset.retention_set",
        subject=dataset_id,
        payload=body.model_dump(),
        dataset_id=dataset_id,
    )
    return show(work, actor, dataset_id)


def apply(work: Work, actor: Actor, dataset_id: str) -> RetentionRead:
    """Retire every superseded release that the rule does not keep."""
    _answers_for(work, actor, dataset_id)
    hold(work, f"releases/{dataset_id}")
    rule = work.db.get(RetentionRow, dataset_id)
    for row, reasons in plan(work, dataset_id, rule):
        if not reasons and rule is not None:
            retire(work, actor, row, rule)
    return show(work, actor, dataset_id)


def _answers_for(work: Work, actor: Actor, dataset_id: str) -> None:
    held = catalog.dataset(work, actor, dataset_id)
    if actor.may_in(RETIRE, held.publisher):
        return
    if not actor.may_in(catalog.READ_DRAFTS, held.publisher):
        raise NotFound(Text(f"没有数据集 {dataset_id}。", f"There is no dataset {dataset_id} in your scope."))
    text = Text("您的角色不能管理版本保留。", "Your roles do not let you manage retention.")
    raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])


def plan(
    work: Work, dataset_id: str, rule: RetentionRow | None
) -> list[tuple[ReleaseRow, tuple[Reason, ...]]]:
    """Superseded releases, newest first, each with every reason that keeps it."""
    published = select(ReleaseRow).where(
        ReleaseRow.dataset_id == dataset_id, col(ReleaseRow.published_at).is_not(None)
    )
    rows = work.db.exec(published.order_by(col(ReleaseRow.number).desc())).all()
    extracts, readings = _extracts_of(work, dataset_id), _readings_of(work, dataset_id)
    return [
        (row, keeping(place, row.superseded_at, extracts[row.id], readings[row.id], rule, work.now))
        for place, row in enumerate(rows)
        if row.state == ReleaseState.SUPERSEDED
    ]


def _extracts_of(work: Work, dataset_id: str) -> Counter[str]:
    """How many extracts cite each release."""
    cited = select(ExtractRow.release_id, func.count()).where(ExtractRow.dataset_id == dataset_id)
    return Counter(dict(work.db.exec(cited.group_by(col(ExtractRow.release_id))).all()))


def _readings_of(work: Work, dataset_id: str) -> Counter[str]:
    """How many views of each release were read, and how often its rows were looked at: a leak of these is traced by its file."""
    views = select(ViewRow.release_id, func.count()).where(ViewRow.dataset_id == dataset_id, was_read())
    looks = select(UsageEventRow.release_id, func.count()).where(
        UsageEventRow.dataset_id == dataset_id,
        UsageEventRow.kind == DELIVERY,
        UsageEventRow.form == DeliveryForm.PREVIEW,
    )
    return Counter(dict(work.db.exec(views.group_by(col(ViewRow.release_id))).all())) + Counter(
        dict(work.db.exec(looks.group_by(col(UsageEventRow.release_id))).all())
    )


def keeping(
    place: int,
    superseded_at: datetime | None,
    extracts: int,
    readings: int,
    rule: RetentionRow | None,
    now: datetime,
) -> tuple[Reason, ...]:
    """Why a superseded release keeps its files; () when nothing keeps it. `place`: 0 is the newest release."""
    found = []
    if rule is None:
        text = Text("该数据集没有保留规则，全部保留。", "The dataset has no rule; everything is kept.")
        found.append(Reason("no-rule", text, _BASIS))
    if rule is not None and place < rule.keep_last:
        text = Text(
            f"属于最近 {rule.keep_last} 版。",
            f"It is among the last {number_of(rule.keep_last, 'releases')}.",
        )
        found.append(Reason("among-the-last", text, _BASIS))
    ends = kept_until(superseded_at, rule) if rule is not None else None
    if rule is not None and (ends is None or ends > now):
        text = Text(
            f"被取代不足 {rule.keep_years} 年。",
            f"It was superseded less than {number_of(rule.keep_years, 'years')} ago.",
        )
        found.append(Reason(YOUNG, text, _BASIS))
    if extracts:
        text = Text(
            f"有 {extracts} 份提取引用此版本，监管追溯需要。",
            f"Extracts that cite it: {extracts}; supervision needs it.",
        )
        found.append(Reason("cited-by-extracts", text, bases.PROVED))
    if readings:
        text = Text(
            f"此版本曾凭授权就地读取或预览（视图与预览共 {readings} 个），泄露溯源需要。",
            f"Views that were read in place, and previews, of it: {readings}; tracing a leak needs it.",
        )
        found.append(Reason("read-under-grants", text, bases.PROVED))
    return tuple(found)


def kept_until(superseded_at: datetime | None, rule: RetentionRow) -> datetime | None:
    """The moment until which its age keeps a superseded release; None where nobody knows since when it is one."""
    if superseded_at is None:
        return None
    year = superseded_at.year + rule.keep_years
    try:
        return superseded_at.replace(year=year)
    except ValueError:  # 29 February
        return superseded_at.replace(year=year, month=3, day=1)


def retire(work: Work, actor: Actor, row: ReleaseRow, rule: RetentionRow) -> None:
    """Let go of a release that nothing keeps (`plan`): its record stays, its files are delivered no more."""
    freed = sorted({*_only_its_own(work, row), *forms.forget(work, row.id)})
    row.state = advance(ReleaseState(row.state), ReleaseStep.RETIRE)
    row.version += 1
    row.retired_at = work.now
    row.retired = {
        "by": stamp(actor), "keep_last": rule.keep_last, "keep_years": rule.keep_years, "files_freed": freed,
    }  # fmt: skip
    work.db.add(row)
    payload = {
        "number": row.number,
        "files_freed": freed,
        "keep_last": rule.keep_last,
        "keep_years": rule.keep_years,
    }
    audit.record(work, actor, "release.retired", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    notices.tell(work, row.dataset_id, "retired", row.id, {"number": row.number, "semver": row.semver})


def files_of(row: ReleaseRow) -> set[str]:
    """The data files of a release; its manifest is not among them."""
    parts = [part["sha256"] for part in (row.partitions or {"files": []})["files"]]
    return {digest for digest in (row.sha256, row.csv_sha256, *parts) if digest}


def _only_its_own(work: Work, row: ReleaseRow) -> list[str]:
    """Its files that no other release of the dataset still cites."""
    others = work.db.exec(
        select(ReleaseRow).where(
            ReleaseRow.dataset_id == row.dataset_id,
            ReleaseRow.id != row.id,
            ReleaseRow.state != ReleaseState.RETIRED,
        )
    )
    return sorted(files_of(row) - {digest for other in others for digest in files_of(other)})
