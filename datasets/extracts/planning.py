"""What a request would deliver, shown before it is made."""

from __future__ import annotations

from typing import Final

from auth.actor import Actor
from auth.grants.view import GrantView
from auth.policy.model import Use
from core.errors import Conflict, NotFound, refuse_if
from core.files import FileStore
from core.settings import Settings
from core.text import Lang
from core.work import Work
from datasets.extracts import service
from datasets.extracts.models import ExtractCreate, PlannedColumn, PlanRead
from datasets.formats.fitting import BOUNDED, misfits
from datasets.outputs import opening as outputs
from datasets.releases.queries import ReleaseFacts
from datasets.tracing import terms as mark_terms

COUNT_MEMORY_MB: Final = 256  # a count needs little, and the server counts for several people at once


def plan(
    work: Work, actor: Actor, body: ExtractCreate, files: FileStore, settings: Settings, lang: Lang
) -> PlanRead:
    """Every reason to refuse, or the columns, rows and quota that the request would take."""
    case = service.consider(work, actor, body)
    reasons, rows, size = case.reasons, None, None
    if not reasons and case.release is not None and case.release.sha256:
        from datasets.extracts.build import count

        release = files.path(case.release.sha256)
        memory, scratch = min(settings.memory_limit_mb, COUNT_MEMORY_MB), settings.scratch_dir
        try:
            rows = count(release, case.row_filter, memory_limit_mb=memory, scratch=scratch, cells=case.cells)
            size = _size(case.release, rows, len(case.terms))
            reasons = misfits(body.form, release, case.terms, lambda: rows or 0)
        except Conflict as refusal:
            if not refusal.reasons:
                raise
            reasons = tuple(refusal.reasons)
    plain = {term.name for term in case.terms if term.use is Use.PLAIN}
    return PlanRead(
        permitted=not reasons,
        reasons=[reason.as_json(lang) for reason in reasons],
        release_id=case.release.id if case.release else None,
        release_number=case.release.number if case.release else None,
        columns=[
            PlannedColumn(name=term.name, use=term.use, mask=term.mask.model_dump() if term.mask else None)
            for term in case.terms
        ],
        rows=rows,
        rows_in_release=case.release.rows if case.release else None,
        size_estimate=size,
        small_cells=case.cells.as_json() if case.cells else None,
        checkers=outputs.needed(work, case.grant.dataset_id, body.form),
        marks={name: far for name, far in _allowed(work, case).items() if name in plain},
        quota_left=quota_left(case.grant),
    )


def _allowed(work: Work, case: service.Case) -> dict[str, float]:
    try:
        return mark_terms.allowed(work, case.grant.dataset_id)
    except NotFound:
        return {}  # a reason already


def refuse_misfit(
    work: Work, actor: Actor, body: ExtractCreate, files: FileStore, settings: Settings
) -> None:
    """Raise AccessRefused where the form cannot hold what was asked for; what the grant says is asked elsewhere."""
    if body.form not in BOUNDED:
        return
    case = service.consider(work, actor, body)
    if case.reasons or case.release is None or not case.release.sha256:
        return
    release = files.path(case.release.sha256)

    def rows() -> int:
        from datasets.extracts.build import count

        memory = min(settings.memory_limit_mb, COUNT_MEMORY_MB)
        return count(
            release, case.row_filter, memory_limit_mb=memory, scratch=settings.scratch_dir, cells=case.cells
        )

    refuse_if(misfits(body.form, release, case.terms, rows))


def _size(release: ReleaseFacts, rows: int, columns: int) -> int:
    """About how large the file will be: the release's share of rows and columns."""
    share = rows / max(release.rows or 0, 1) * columns / max(len(release.columns), 1)
    return max(round((release.size_bytes or 0) * share), 1)


def quota_left(grant: GrantView) -> dict[str, int | None]:
    """What is left of each quota; None where there is no limit."""
    limits, used = grant.policy.quotas, grant.used
    return {
        unit: None if (limit := getattr(limits, unit)) is None else max(limit - getattr(used, unit), 0)
        for unit in type(limits).model_fields
    }
