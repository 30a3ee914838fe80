"""The terms under which a dataset may be queried, set by its steward; every version is kept."""

from __future__ import annotations

import json

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset, out_of_reach
from auth.delegations.standing import persons
from auth.policy.separation import BASIS as SEPARATION
from catalog.assets import asset
from core.errors import InputRefused, NotFound, Reason, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.queries.model import TermsRead, TermsWrite
from datasets.queries.private.caps import last_cap
from datasets.queries.rules import BASIS, NUMBERS
from datasets.queries.tables import QueryTermsRow

PERMISSION = "datasets:query:terms"


def in_force(work: Work, dataset_id: str) -> TermsRead | None:
    """The dataset's terms; None when nobody set any."""
    row = last_row(work, dataset_id)
    return read(row) if row else None


def last_row(work: Work, dataset_id: str) -> QueryTermsRow | None:
    """The same as it is stored."""
    wanted = select(QueryTermsRow).where(QueryTermsRow.dataset_id == dataset_id)
    return work.db.exec(wanted.order_by(col(QueryTermsRow.version).desc())).first()


def shown(work: Work, actor: Actor, dataset_id: str) -> TermsRead:
    """The same for readers; NotFound when there are none, or the dataset is not published and not theirs."""
    held = asset(work, dataset_id)
    if not (held.is_listed or actor.may_in(PERMISSION, held.org_id)):
        raise out_of_reach(held, _none(dataset_id))
    if (found := in_force(work, dataset_id)) is None:
        raise NotFound(_none(dataset_id))
    return found


def _none(dataset_id: str) -> Text:
    return Text(f"{dataset_id} 没有查询条款。", f"{dataset_id} has no terms for queries.")


def own(work: Work, actor: Actor, dataset_id: str) -> Asset:
    """The dataset, for those who may set its terms. NotFound for everybody else."""
    held = asset(work, dataset_id)
    if not actor.may_in(PERMISSION, held.org_id):
        raise out_of_reach(
            held,
            Text(
                "没有这个数据集，或不属于您的部门。",
                "There is no such dataset, or it is not of your department.",
            ),
        )
    return held


def read(row: QueryTermsRow) -> TermsRead:
    return TermsRead.model_validate(
        row, update={"lists": json.loads(row.lists), "bounds": json.loads(row.bounds), "set_by": row.set_name}
    )


def put(work: Work, actor: Actor, dataset_id: str, body: TermsWrite) -> TermsRead:
    """Set new terms. NotFound outside the actor's department; InputRefused for columns that do not fit; AccessRefused for the person who set the
    privacy budget's cap."""
    held = own(work, actor, dataset_id)
    _fits(held, body)
    hold(work, f"query:{dataset_id}")
    hold(work, f"privacy:{dataset_id}")
    cap = last_cap(work, dataset_id)
    if cap is not None and cap.set_person in persons(work, actor):
        text = Text(
            "隐私预算上限由您本人设定，查询条款须由另一人设定。",
            "You set the cap of the privacy budget; another person must set the terms for queries.",
        )
        refuse_if((Reason("cap-setter-sets-no-terms", text, SEPARATION),))
    last = in_force(work, dataset_id)
    row = QueryTermsRow(
        id=work.new_id(), dataset_id=dataset_id, version=(last.version if last else 0) + 1, contributor=body.contributor, lists=json.dumps(body.lists, ensure_ascii=False),
        guards_all=body.guards_all, bounds=json.dumps(body.bounds, ensure_ascii=False), per_contributor=body.per_contributor, reason=body.reason, set_by=actor.account_id, set_person=actor.person_id, set_name=actor.username, set_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    audit.record(
        work, actor, "query.terms_set", subject=dataset_id, dataset_id=dataset_id,
        payload={"version": row.version, "reason": body.reason} | body.model_dump(mode="json", exclude={"reason", "lists"}),
    )  # fmt: skip
    work.db.flush()
    return read(row)


def _fits(held: Asset, body: TermsWrite) -> None:
    named = {*body.lists, *body.bounds} | ({body.contributor} if body.contributor else set())
    unknown = sorted(name for name in named if held.column(name) is None)
    wrong = sorted(name for name in body.lists if (c := held.column(name)) is not None and c.type != "string")
    unsummed = sorted(
        name for name in body.bounds if (c := held.column(name)) is not None and c.type not in NUMBERS
    )
    if unknown or wrong or unsummed:
        zh = f"没有这些列：{', '.join(unknown)}。" if unknown else ""
        zh += f"这些列不是文本列，不能有代码表：{', '.join(wrong)}。" if wrong else ""
        zh += f"这些列不是数值列，不能有上下界：{', '.join(unsummed)}。" if unsummed else ""
        en = f"There are no columns {', '.join(unknown)}. " if unknown else ""
        en += f"Lists are for text columns, not for: {', '.join(wrong)}. " if wrong else ""
        en += f"Bounds are for columns of numbers, not for: {', '.join(unsummed)}." if unsummed else ""
        raise InputRefused(
            Text(zh, en.strip()), reasons=[Reason("query-terms-unfit", Text(zh, en.strip()), BASIS)]
        )
