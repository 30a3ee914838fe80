"""The month's report of supervision: by dataset, department or enterprise what was granted, asked for, taken, refused and found.

Use is read from the ledger's sums of the month, so that a report's total is the ledger's. Every grant's heading is there, whether or not
anything was taken under it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel
from sqlmodel import col, func, select

from auth.anomalies.tables import AnomalyRow
from auth.applications.tables import ApplicationEventRow, ApplicationLineRow, ApplicationRow
from auth.applications.workflow import Step
from auth.grants import in_force
from auth.grants.tables import GrantRow, UsageMonthRow
from auth.identity.tables import OrganisationRow
from auth.supervision.dashboard import span
from auth.supervision.disclosure import DECISIONS
from core.work import Work

Names = dict[str, tuple[str, str]]
GRANTS: Final = ("in_force", "activated", "ended")
CASES: Final = ("applications", "decided", "findings")
TAKEN: Final = ("extracts", "rows", "bytes", "sent_bytes", "deliveries", "downloads", "refusals")


class By(StrEnum):
    """What the report's lines are."""

    DATASET = "dataset"
    DEPARTMENT = "department"
    ENTERPRISE = "enterprise"


class MonthlyLine(BaseModel):
    """One dataset, department or enterprise. Grants: `in_force` at some instant of the month, `activated` and `ended` in it. Cases: `applications`
    first submitted and `decided` in it (one that names several datasets counts for each), `findings` of the anomaly rules. `sent_bytes` left by download.
    """

    key: str
    name_zh: str
    name_en: str
    in_force: int = 0
    activated: int = 0
    ended: int = 0
    applications: int = 0
    decided: int = 0
    findings: int = 0
    extracts: int = 0
    rows: int = 0
    bytes: int = 0
    sent_bytes: int = 0
    deliveries: int = 0
    downloads: int = 0
    refusals: int = 0


class Monthly(BaseModel):
    """A local month. `is_over`: no later use can change it. `total` counts each grant and application once."""

    month: str
    by: By
    made_at: datetime
    is_over: bool
    total: MonthlyLine
    lines: list[MonthlyLine]


def monthly(work: Work, month: str, by: By) -> Monthly:
    """The report as the records say it now. `month`: 2026-03."""
    begins, ends = span(month)
    lines: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()

    def count(keys: Iterable[str], counted: dict[str, int]) -> None:
        total.update(counted)
        for key in keys:
            lines.setdefault(key, Counter()).update(counted)

    grants = {row.id: row for row in work.db.exec(select(GrantRow).where(GrantRow.created_at < ends))}
    for grant in grants.values():
        if counted := _lived(grant, begins, in_force.until(ends, work.now)):
            count([_of_grant(grant, by)], counted)
    for used in work.db.exec(select(UsageMonthRow).where(UsageMonthRow.month == month)):
        count([_of_grant(grants[used.grant_id], by)], {unit: getattr(used, unit) for unit in TAKEN})
    for case, ids in (
        ("applications", _submitted(work, begins, ends)),
        ("decided", _decided(work, begins, ends)),
    ):
        for keys in _of_applications(work, ids, by):
            count(keys, {case: 1})
    found = select(AnomalyRow).where(AnomalyRow.created_at >= begins, AnomalyRow.created_at < ends)
    for finding in work.db.exec(found):
        at = {
            By.DATASET: finding.dataset_id,
            By.DEPARTMENT: finding.department_id,
            By.ENTERPRISE: finding.org_id,
        }
        count([at[by]], {"findings": 1})
    names = _titles(work) if by is By.DATASET else _orgs(work)
    return Monthly(
        month=month, by=by, made_at=work.now, is_over=ends <= work.now, total=_line("total", ("合计", "Total"), total),
        lines=[
            _line(key, names.get(key, (key, key)), held)
            for key, held in sorted(lines.items(), key=lambda each: (-each[1]["bytes"], -each[1]["in_force"], each[0]))
        ],
    )  # fmt: skip


def _line(key: str, name: tuple[str, str], held: Counter[str]) -> MonthlyLine:
    numbers = {unit: held[unit] for unit in (*GRANTS, *CASES, *TAKEN)}
    return MonthlyLine.model_validate({"key": key, "name_zh": name[0], "name_en": name[1], **numbers})


def _lived(grant: GrantRow, begins: datetime, until: datetime) -> dict[str, int]:
    """What the grant adds to the month, as far as that is past; nothing before it was activated and after it ended."""
    if (
        grant.activated_at is None
        or grant.activated_at >= until
        or (over := in_force.over_at(grant)) < begins
    ):
        return {}
    return {
        "in_force": int(in_force.lived_in(grant, begins, until)),
        "activated": int(grant.activated_at >= begins),
        "ended": int(over < until),
    }


def _of_grant(grant: GrantRow, by: By) -> str:
    return {By.DATASET: grant.dataset_id, By.DEPARTMENT: grant.department_id, By.ENTERPRISE: grant.org_id}[by]


def _submitted(work: Work, begins: datetime, ends: datetime) -> list[str]:
    """Applications that were submitted for the first time in the span."""
    event, first = ApplicationEventRow, func.min(ApplicationEventRow.at)
    wanted = (
        select(event.application_id)
        .where(event.step == str(Step.SUBMIT))
        .group_by(col(event.application_id))
        .having(first >= begins, first < ends)
    )
    return list(work.db.exec(wanted))


def _decided(work: Work, begins: datetime, ends: datetime) -> list[str]:
    """Applications on which a decision fell in the span."""
    event = ApplicationEventRow
    wanted = select(event.application_id).where(
        col(event.step).in_(DECISIONS), event.at >= begins, event.at < ends
    )
    return list(work.db.exec(wanted.distinct()))


def _of_applications(work: Work, ids: list[str], by: By) -> Iterator[set[str]]:
    """For each application what it is counted under."""
    for start in range(0, len(ids), 500):
        part = col(ApplicationRow.id).in_(ids[start : start + 500])
        if by is By.ENTERPRISE:
            for org_id in work.db.exec(select(ApplicationRow.org_id).where(part)):
                yield {org_id}
            continue
        key = ApplicationLineRow.dataset_id if by is By.DATASET else ApplicationLineRow.department_id
        found: dict[str, set[str]] = {}
        joined = select(ApplicationRow.id, key).join(
            ApplicationLineRow, col(ApplicationLineRow.application_id) == col(ApplicationRow.id)
        )
        for application_id, named in work.db.exec(joined.where(part)):
            found.setdefault(application_id, set()).add(named)
        yield from found.values()


def _titles(work: Work) -> Names:
    """A dataset's names, as the newest paper that names it has them."""
    found: Names = {}
    for table in (ApplicationLineRow, GrantRow):
        wanted = select(table.dataset_id, table.title_zh, table.title_en).order_by(col(table.id))
        found |= {key: (zh, en) for key, zh, en in work.db.exec(wanted)}
    return found


def _orgs(work: Work) -> Names:
    wanted = select(OrganisationRow.id, OrganisationRow.name_zh, OrganisationRow.name_en)
    return {key: (zh, en) for key, zh, en in work.db.exec(wanted)}
