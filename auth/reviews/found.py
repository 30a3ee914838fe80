"""What is known of a grant's use when it is looked at, read from the ledger's sums, findings, incidents and products."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import col, select

from auth.anomalies.tables import AnomalyRow
from auth.consents.cover import named
from auth.grants import lineage
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow, UsageColumnRow, UsageMonthRow
from auth.incidents.tables import IncidentRow
from auth.products.tables import FeeRow, ProductSourceRow
from auth.reviews.rules import Found
from core.errors import Unavailable
from core.work import Work

_UNITS = ("deliveries", "rows", "bytes", "downloads", "refusals")


def found(work: Work, grant: GrantRow) -> Found:
    """The facts of one grant since it began, under those that it amends, too."""
    line = lineage.amended(work, grant)
    sums = [func.coalesce(func.sum(col(getattr(UsageMonthRow, unit))), 0) for unit in _UNITS]
    used = work.db.execute(select(*sums).where(col(UsageMonthRow.grant_id).in_(line))).one()
    read = set(work.db.exec(select(UsageColumnRow.name).where(col(UsageColumnRow.grant_id).in_(line))))
    columns = granted(grant)
    products = sorted(
        set(work.db.exec(select(ProductSourceRow.product_id).where(col(ProductSourceRow.grant_id).in_(line))))
    )
    revenue = select(func.coalesce(func.sum(FeeRow.amount_fen), 0)).where(
        col(FeeRow.product_id).in_(products)
    )
    return Found(
        **dict(zip(_UNITS, (int(each) for each in used), strict=True)), columns_granted=columns,
        columns_unread=tuple(name for name in columns if name not in read),
        anomalies=_number(work, col(AnomalyRow.grant_id).in_(line), AnomalyRow),
        incidents=_number(work, col(IncidentRow.target_id).in_([*line, grant.org_id, grant.dataset_id]), IncidentRow),
        products=len(products), revenue_fen=int(work.db.exec(revenue).one()) if products else 0,
    )  # fmt: skip


def granted(grant: GrantRow) -> tuple[str, ...]:
    """The columns that the grant lets be used; none where its terms cannot be read."""
    try:
        return tuple(named(policy_of(grant)))
    except Unavailable:
        return ()


def _number(work: Work, condition: object, table: type) -> int:
    return int(work.db.exec(select(func.count()).select_from(table).where(condition)).one())  # type: ignore[arg-type]
