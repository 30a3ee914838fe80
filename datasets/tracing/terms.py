"""Where hidden marks are allowed, set by a dataset's steward; every version is kept. Judged again on the dictionary at each use."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset, out_of_reach
from auth.policy.filters.model import ColumnName
from auth.policy.model import Prose
from catalog import queries as catalog
from catalog.assets import asset
from core.errors import refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.tracing import rules
from datasets.tracing.rules import Markable
from datasets.tracing.tables import MarkTermsRow

PERMISSION = "datasets:mark:write"
Tolerance = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MarkTermsWrite(BaseModel):
    """The columns that may bear hidden marks, each with how far a value may move; none takes all marks back."""

    model_config = ConfigDict(extra="forbid")
    columns: dict[ColumnName, Tolerance] = Field(default={}, max_length=50)
    reason: Prose = Field(min_length=4, max_length=500)


class MarkTermsRead(SQLModel):
    """The terms in force. `columns`: the tolerance of each; version 0 says that nobody set any, and nothing is marked."""

    dataset_id: str
    version: int
    columns: dict[str, float]
    reason: str
    set_by: str
    set_at: datetime | None


_NOT_YOURS: Final = Text(
    "没有这个数据集，或不属于您的部门。", "There is no such dataset, or it is not of your department."
)


def last_row(work: Work, dataset_id: str) -> MarkTermsRow | None:
    wanted = select(MarkTermsRow).where(MarkTermsRow.dataset_id == dataset_id)
    return work.db.exec(wanted.order_by(col(MarkTermsRow.version).desc())).first()


def shown(work: Work, actor: Actor, dataset_id: str) -> MarkTermsRead:
    """What is allowed, for whoever may see the dataset: recipients are told how far their values may be off."""
    held = asset(work, dataset_id)
    if not (held.is_listed or actor.may_in(PERMISSION, held.org_id)):
        raise out_of_reach(held, _NOT_YOURS)
    row = last_row(work, dataset_id)
    if row is None:
        return MarkTermsRead(dataset_id=dataset_id, version=0, columns={}, reason="", set_by="", set_at=None)
    return MarkTermsRead.model_validate(row, update={"set_by": row.set_name})


def own(work: Work, actor: Actor, dataset_id: str) -> Asset:
    """The dataset, for those who may set its terms; NotFound for everybody else."""
    held = asset(work, dataset_id)
    if not actor.may_in(PERMISSION, held.org_id):
        raise out_of_reach(held, _NOT_YOURS)
    return held


def markables(work: Work, dataset_id: str) -> dict[str, Markable]:
    """The dictionary's columns as marks see them."""
    return {
        each.name: Markable(
            each.name, each.type or "string", each.unit or "", each.primary, bool(each.code_list or each.codes),
            each.identifier_kind,
        )
        for each in catalog.columns(work, asset(work, dataset_id).dataset_id)
    }  # fmt: skip


def put(work: Work, actor: Actor, dataset_id: str, body: MarkTermsWrite) -> MarkTermsRead:
    """Set new terms. AccessRefused with every reason for columns that are keys, codes, counts or money."""
    own(work, actor, dataset_id)
    refuse_if(rules.objections(markables(work, dataset_id), body.columns))
    hold(work, f"marks:{dataset_id}")
    last = last_row(work, dataset_id)
    row = MarkTermsRow(
        id=work.new_id(), dataset_id=dataset_id, version=(last.version if last else 0) + 1, columns=dict(body.columns),
        reason=body.reason, set_by=actor.account_id, set_name=actor.username, set_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    audit.record(
        work, actor, "mark.terms_set", subject=dataset_id, dataset_id=dataset_id,
        payload={"version": row.version, "columns": dict(body.columns), "reason": body.reason},
    )  # fmt: skip
    work.db.flush()
    return shown(work, actor, dataset_id)


def allowed(work: Work, dataset_id: str) -> dict[str, float]:
    """The columns that may be marked now, by their tolerance: what the dictionary no longer allows is left out."""
    row = last_row(work, dataset_id)
    if row is None or not row.columns:
        return {}
    columns = markables(work, dataset_id)
    return {
        name: tolerance
        for name, tolerance in row.columns.items()
        if not rules.objections(columns, {name: tolerance})
    }
