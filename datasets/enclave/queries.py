"""Reading enclave requests. Every list and every look-up starts from what the actor may see."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, func, or_, true
from sqlmodel import col, select

from auth.actor import Actor
from auth.scope import sight
from auth.stored import if_readable, readable
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.enclave.model import EnclaveRead, EnclaveSpec, EnclaveStepRead
from datasets.enclave.rules import BASIS
from datasets.enclave.tables import EnclaveRow, EnclaveStepRow

READ: Final = "datasets:enclave:read"
_UNREADABLE: Final = Text(
    "域内计算 {id} 的方案含有本版本不能读取的内容（{places}），不予审查和计算；请撤回后重新提交，或联系安全管理员。",
    "The specification of computation {id} holds what this version cannot read ({places}); it is neither reviewed nor computed. Withdraw it "
    "and hand it in anew, or tell the security officer.",
)
SORTS: Final = {
    "submitted": col(EnclaveRow.id),
    "dataset": col(EnclaveRow.dataset_id),
    "state": col(EnclaveRow.state),
}


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Requests of the actor's own enterprise, or on the data of his departments, or all for those who watch."""
    seen = sight(actor, READ)
    bound = true() if actor.grant is None else col(EnclaveRow.grant_id) == actor.grant
    if seen.everything:
        return bound
    own = or_(
        false(), col(EnclaveRow.org_id).in_(sorted(seen.orgs)), col(EnclaveRow.department_id).in_(sorted(seen.departments))
    )  # fmt: skip
    return and_(bound, own)


def row(work: Work, actor: Actor | None, enclave_id: str, *, to_change: bool = False) -> EnclaveRow:
    """One request within the actor's sight; of anybody for None. Raises NotFound."""
    wanted = select(EnclaveRow).where(EnclaveRow.id == enclave_id)
    if actor is not None:
        wanted = wanted.where(seen_by(actor))
    if to_change:
        wanted = wanted.with_for_update()
    found = work.db.exec(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(
            Text(
                "没有这项域内计算，或不在您可见的范围内。",
                "There is no such computation, or it is not yours to see.",
            )
        )
    return found


def spec_of(row: EnclaveRow) -> EnclaveSpec:
    """Raises Unavailable where this version does not know the words of the specification: it is then neither reviewed nor computed."""
    with readable(_UNREADABLE, basis=BASIS, id=row.id):
        return EnclaveSpec.model_validate_json(row.spec)


def read(row: EnclaveRow) -> EnclaveRead:
    """`spec` as it was handed in; None where it cannot be read."""
    spec = json.loads(row.spec) if if_readable(spec_of, row) else None
    return EnclaveRead.model_validate(row, update={"spec": spec})


def steps(work: Work, enclave_id: str) -> list[EnclaveStepRead]:
    """What was done, oldest first."""
    wanted = select(EnclaveStepRow).where(EnclaveStepRow.enclave_id == enclave_id)
    found = work.db.exec(wanted.order_by(col(EnclaveStepRow.id)))
    return [
        EnclaveStepRead.model_validate(
            each.model_dump() | {"name_zh": each.who["name"]["zh"], "name_en": each.who["name"]["en"]}
        )
        for each in found
    ]


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-submitted",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[EnclaveRead], int]:
    """Requests in sight and their number. `sort`: a key of SORTS, `-` before it for descending."""
    conditions: list[Any] = [seen_by(actor)]
    for column, value in (
        (EnclaveRow.state, state),
        (EnclaveRow.grant_id, grant_id),
        (EnclaveRow.dataset_id, dataset_id),
    ):
        if value:
            conditions.append(col(column) == value)
    order = SORTS.get(sort.removeprefix("-"), col(EnclaveRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(EnclaveRow.id).desc())
    total = work.db.exec(select(func.count()).select_from(EnclaveRow).where(*conditions)).one()
    found = work.db.exec(select(EnclaveRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit))
    return [read(each) for each in found], total
