"""What a request would deliver, shown before it is made."""

from __future__ import annotations

from typing import Final

from auth.actor import Actor
from auth.grants.view import GrantView
from core.files import FileStore
from core.settings import Settings
from core.text import Lang
from core.work import Work
from datasets.extracts import service
from datasets.extracts.models import ExtractCreate, PlannedColumn, PlanRead

COUNT_MEMORY_MB: Final = 256  # a count needs little, and the server counts for several people at once


def plan(
    work: Work, actor: Actor, body: ExtractCreate, files: FileStore, settings: Settings, lang: Lang
) -> PlanRead:
    """Every reason to refuse, or the columns, rows and quota that the request would take."""
    case = service.consider(work, actor, body)
    permitted = not case.reasons
    rows = None
    if permitted and case.release is not None and case.release.sha256:
        from datasets.extracts.build import count

        release = files.path(case.release.sha256)
        memory, scratch = min(settings.memory_limit_mb, COUNT_MEMORY_MB), settings.scratch_dir
        rows = count(release, case.row_filter, memory_limit_mb=memory, scratch=scratch)
    return PlanRead(
        permitted=permitted,
        reasons=[reason.as_json(lang) for reason in case.reasons],
        release_id=case.release.id if case.release else None,
        release_number=case.release.number if case.release else None,
        columns=[
            PlannedColumn(name=term.name, use=term.use, mask=term.mask.model_dump() if term.mask else None)
            for term in case.terms
        ],
        rows=rows,
        rows_in_release=case.release.rows if case.release else None,
        quota_left=quota_left(case.grant),
    )


def quota_left(grant: GrantView) -> dict[str, int | None]:
    """What is left of each quota; None where there is no limit."""
    limits, used = grant.policy.quotas, grant.used
    return {
        unit: None if (limit := getattr(limits, unit)) is None else max(limit - getattr(used, unit), 0)
        for unit in ("extracts", "rows", "bytes")
    }
