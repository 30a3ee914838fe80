"""Suggesting a reuse, judging it, and reading what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Select, false, func, or_
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.grants.tables import GrantRow
from auth.identity import organisations
from auth.messages import audience
from auth.messages.service import tell
from auth.products.rules import KINDS
from auth.products.tables import ProductRow, ProductSourceRow
from auth.roles import Role
from auth.stamps import stamp
from catalog import queries as records
from catalog.reuses.models import ProductShown, ReuseCreate, ReuseDecision, ReuseRead
from catalog.reuses.tables import ReuseRow
from catalog.reuses.workflow import NEED_REASON, ReuseState, ReuseStep, advance, steps_of
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import Conflict, InputRefused, NotFound, TooMany
from core.text import Text
from core.work import Work

AN_HOUR: Final = 10  # suggestions of one person
_TOLD_MOST: Final = 100


def listed(
    work: Work, actor: Actor, *, dataset_id: str = "", state: str = "", offset: int = 0, limit: int = 20
) -> tuple[list[ReuseRead], int]:
    """Reuses of records within sight, newest first: what is shown, one's own, and what one's department judges. Raises NotFound or
    Gone for a dataset that is out of sight."""
    wanted = _seen(actor)
    if dataset_id:
        wanted = wanted.where(col(ReuseRow.dataset_id) == records.dataset(work, actor, dataset_id).id)
    if state:
        wanted = wanted.where(col(ReuseRow.state) == state)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    order = wanted.order_by(col(ReuseRow.posted_at).desc(), col(ReuseRow.id).desc())
    found = [(row[0], row[1]) for row in work.db.execute(order.offset(offset).limit(limit)).all()]
    products = _products(work, [reuse.product_id for reuse, _ in found])
    return [_read(actor, reuse, row, products) for reuse, row in found], total


def shown(work: Work, dataset_ids: Sequence[str]) -> dict[str, list[ReuseRow]]:
    """What the departments show of several records that everybody may know of, the newest first, a hundred of each at most."""
    found: dict[str, list[ReuseRow]] = {}
    for at in range(0, len(dataset_ids), 500):
        wanted = select(ReuseRow).where(
            col(ReuseRow.dataset_id).in_(dataset_ids[at : at + 500]), ReuseRow.state == ReuseState.SHOWN
        )
        for row in work.db.exec(wanted.order_by(col(ReuseRow.posted_at).desc(), col(ReuseRow.id).desc())):
            kept = found.setdefault(row.dataset_id, [])
            if len(kept) < _TOLD_MOST:
                kept.append(row)
    return found


def reuse(work: Work, actor: Actor, reuse_id: str) -> ReuseRead:
    """One within sight. Raises NotFound."""
    found, row = _one(work, actor, reuse_id)
    return _read(actor, found, row, _products(work, [found.product_id]))


def suggest(work: Work, actor: Actor, dataset_id: str, body: ReuseCreate) -> ReuseRead:
    """Suggest a reuse of a published dataset; its stewards are told. Raises Conflict, InputRefused, TooMany."""
    row = records.dataset(work, actor, dataset_id)
    if row.state != State.PUBLISHED or row.foreign_from:
        raise Conflict(
            Text("只能为本平台已发布的数据集提交再利用。", "Reuses are told of published datasets of this platform.")
        )  # fmt: skip
    if body.product_id:
        _demand_own_product(work, actor, row, body.product_id)
    recent = select(func.count()).select_from(ReuseRow).where(
        ReuseRow.person_id == actor.person_id, col(ReuseRow.posted_at) > work.now - timedelta(hours=1)
    )  # fmt: skip
    if work.db.exec(recent).one() >= AN_HOUR:
        raise TooMany(
            Text(f"一小时内最多提交 {AN_HOUR} 条；请稍后再来。", f"At most {AN_HOUR} an hour; come back later.")
        )  # fmt: skip
    same = select(ReuseRow.id).where(
        ReuseRow.dataset_id == row.id, ReuseRow.person_id == actor.person_id, ReuseRow.title == body.title.strip(),
        col(ReuseRow.state).in_((ReuseState.SUGGESTED, ReuseState.SHOWN)),
    )  # fmt: skip
    if work.db.exec(same).first() is not None:
        raise Conflict(Text("您已提交过同名的再利用。", "You have suggested one of that title already."))
    made = ReuseRow(
        id=work.new_id(), dataset_id=row.id, kind=body.kind, title=body.title.strip(), summary=body.summary.strip(), url=body.url,
        made_by=body.made_by.strip(), product_id=body.product_id, author=stamp(actor), person_id=actor.person_id, posted_at=work.now,
        state=ReuseState.SUGGESTED,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    payload = {"kind": made.kind, "title": made.title, "product": made.product_id}
    audit.record(work, actor, "reuse.suggested", subject=made.id, dataset_id=row.id, payload=payload)
    stewards = [
        one for one in audience.holders(work, [Role.STEWARD], [row.publisher]) if one != actor.account_id
    ]
    _tell(work, stewards, "reuse.waits", made, row)
    return reuse(work, actor, made.id)


def step(work: Work, actor: Actor, reuse_id: str, taken: ReuseStep, body: ReuseDecision) -> ReuseRead:
    """Show, decline or take off as its department, with a reason where it is not shown; take back as its author."""
    found, row = _one(work, actor, reuse_id, lock=True)
    before = found.state
    to = advance(
        ReuseState(before), taken, is_department=_is_department(actor, row), is_author=_is_author(actor, found)
    )  # fmt: skip
    reason = body.reason.strip()
    if taken in NEED_REASON and len(reason) < 2:
        raise InputRefused(Text("请写明理由。", "Say why."), field="reason")
    found.state = to
    found.decided, found.decided_at, found.reason = stamp(actor), work.now, reason
    work.db.add(found)
    work.db.flush()
    payload = {"from": before, "to": found.state, "reason": reason}
    audit.record(work, actor, "reuse.moved", subject=found.id, dataset_id=row.id, payload=payload)
    if not _is_author(actor, found):
        _tell(work, [found.author["account_id"]], "reuse.decided", found, row)
    return _read(actor, found, row, _products(work, [found.product_id]))


def own_products(work: Work, actor: Actor, dataset_id: str) -> list[tuple[str, Text]]:
    """Products of the actor's organisation that are built on grants on this dataset and still offered."""
    rows = work.db.exec(_own(actor, dataset_id).order_by(col(ProductRow.name_zh))) if actor.org_id else ()
    return [(row.id, Text(row.name_zh, row.name_en)) for row in rows]


def _own(actor: Actor, dataset_id: str) -> Any:  # noqa: ANN401 - a statement over products
    built = (
        sqlalchemy.select(col(ProductSourceRow.product_id))
        .join(GrantRow, col(GrantRow.id) == col(ProductSourceRow.grant_id))
        .where(col(GrantRow.dataset_id) == dataset_id)
    )
    return select(ProductRow).where(
        ProductRow.org_id == (actor.org_id or ""), col(ProductRow.ended_at).is_(None), col(ProductRow.id).in_(built)
    )  # fmt: skip


def _demand_own_product(work: Work, actor: Actor, row: DatasetRow, product_id: str) -> None:
    held = work.db.exec(_own(actor, row.id).where(ProductRow.id == product_id)).first()
    if held is None or not actor.may_in("auth:product:write", held.org_id):
        raise InputRefused(
            Text(
                "没有这个产品：须为本机构登记、仍在提供、且建立在该数据集授权之上的产品。",
                "There is no such product: it must be one of your organisation, still offered, and built on a grant on this dataset.",
            ),
            field="product_id",
        )


def _seen(actor: Actor) -> Select[Any, Any]:
    own: ColumnElement[bool] = col(ReuseRow.person_id) == actor.person_id if actor.is_signed_in else false()
    return (
        sqlalchemy.select(ReuseRow, DatasetRow)
        .join(DatasetRow, col(DatasetRow.id) == col(ReuseRow.dataset_id))
        .where(
            records.visible(actor),
            or_(col(ReuseRow.state) == ReuseState.SHOWN, own, records.own(actor, records.WRITE)),
        )
    )


def _one(work: Work, actor: Actor, reuse_id: str, *, lock: bool = False) -> tuple[ReuseRow, DatasetRow]:
    found = None
    if reuse_id.isascii() and reuse_id.isprintable():
        wanted = _seen(actor).where(col(ReuseRow.id) == reuse_id)
        found = work.db.execute(wanted.with_for_update(of=ReuseRow) if lock else wanted).first()
    if found is None:
        raise NotFound(Text(f"没有再利用 {reuse_id}。", f"There is no reuse {reuse_id}."))
    return found[0], found[1]


def _is_department(actor: Actor, row: DatasetRow) -> bool:
    return actor.may_in(records.WRITE, row.publisher)


def _is_author(actor: Actor, found: ReuseRow) -> bool:
    return actor.is_signed_in and found.person_id == actor.person_id


def _tell(work: Work, accounts: Sequence[str], kind: str, found: ReuseRow, row: DatasetRow) -> None:
    facts = {"title_zh": row.title_zh, "title_en": row.title_en or row.title_zh, "name": found.title}
    href = f"/datasets/{row.id}/reuses#{found.id}"
    tell(
        work, list(accounts), kind, subject=found.id, href=href, once=f"{found.id}-{found.state}", facts=facts
    )


def _products(work: Work, ids: Sequence[str]) -> dict[str, ProductShown]:
    wanted = sorted({each for each in ids if each})
    if not wanted:
        return {}
    names = organisations.names(work)
    return {
        row.id: ProductShown(
            id=row.id, name_zh=row.name_zh, name_en=row.name_en, kind=row.kind, kind_zh=KINDS[row.kind].zh, kind_en=KINDS[row.kind].en,
            org_zh=names[row.org_id].zh, org_en=names[row.org_id].en, is_offered=row.ended_at is None,
        )
        for row in work.db.exec(select(ProductRow).where(col(ProductRow.id).in_(wanted)))
    }  # fmt: skip


def _read(actor: Actor, found: ReuseRow, row: DatasetRow, products: dict[str, ProductShown]) -> ReuseRead:
    is_department, is_author = _is_department(actor, row), _is_author(actor, found)
    state = ReuseState(found.state)
    return ReuseRead(
        id=found.id, dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, kind=found.kind, title=found.title,
        summary=found.summary, url=found.url, made_by=found.made_by, state=state, posted_at=found.posted_at, is_mine=is_author,
        reason=found.reason if is_department or is_author else "", product=products.get(found.product_id),
        steps=steps_of(state, is_department=is_department, is_author=is_author),
    )  # fmt: skip
