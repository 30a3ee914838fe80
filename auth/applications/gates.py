"""What must stand besides the application itself, whatever it says: nothing frozen, no duty overdue, an agreement where one is asked for. Asked before submitting, at the decision and at signing."""

from __future__ import annotations

from collections.abc import Iterable

from auth.agreements import cover
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.duties.service import overdue_reasons
from auth.incidents import freezes
from auth.profile.now import profile
from core.errors import Reason
from core.work import Work


def gates(work: Work, row: ApplicationRow) -> tuple[Reason, ...]:
    """Every reason of that kind against this application now, each once."""
    lines = [(line.dataset_id, line.department_id) for line in queries.lines(work, row.id)]
    agreed = cover.objections(work, profile(work), row.org_id, row.scenario_id, row.starts_on, row.ends_on)
    return _once((*_frozen(work, row.org_id, lines), *overdue_reasons(work, row.org_id), *agreed))


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple({(reason.code, reason.text): reason for reason in reasons}.values())


def _frozen(work: Work, org_id: str, lines: list[tuple[str, str]]) -> Iterable[Reason]:
    yield from freezes.reasons(work, orgs=[org_id])
    for dataset_id, department_id in lines:
        yield from freezes.reasons(work, orgs=[department_id], dataset_id=dataset_id)
