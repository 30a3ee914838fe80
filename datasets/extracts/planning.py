"""What a request would deliver, shown before it is made. How exactly: `telling.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth import audit
from auth.actor import Actor
from auth.grants import ledger
from auth.grants.ledger import Taking
from auth.grants.view import GrantView
from auth.policy.filters.model import RowFilter, all_of
from auth.policy.model import DeliveryForm, Use
from auth.profile.now import limits_now, limits_under
from catalog.assets import asset
from core.errors import Conflict, NotFound, Reason, TooMany, refuse_if
from core.files import FileStore
from core.settings import Settings
from core.text import Lang, Text, number_of
from core.work import Work, hold
from datasets.extracts import deciding, telling
from datasets.extracts.keys import grant_key, master_key
from datasets.extracts.models import ExtractCreate, PlannedColumn, PlanRead
from datasets.extracts.noting import filter_hash
from datasets.formats.fitting import BOUNDED, misfits
from datasets.outputs import opening as outputs
from datasets.releases.queries import ReleaseFacts
from datasets.releases.whole import whole
from datasets.tracing import terms as mark_terms

COUNT_MEMORY_MB: Final = 256  # a count needs little, and the server counts for several people at once


def plan(
    work: Work, actor: Actor, body: ExtractCreate, files: FileStore, settings: Settings, lang: Lang
) -> PlanRead:
    """Every reason to refuse, or the columns, rows and quota that the request would take."""
    case = deciding.consider(work, actor, body)
    reasons, rows, size = case.reasons, None, None
    checkers = outputs.needed(work, case.grant.dataset_id, body.form, case.grant.policy)
    step = _step(work, body, case, checkers)
    if not reasons and case.release is not None and case.release.sha256:
        release = whole(files, case.release.sha256)
        try:
            rows = _rows_told(release, body, case, step, settings)
            size = _size(case.release, rows or step, len(case.terms))
            reasons = misfits(
                body.form,
                release,
                case.terms,
                lambda: rows or 0,
                _allowed_forms(work, case),
                is_exact=step < 2,
            )
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
        rows_within=step if rows is not None else 0,
        rows_in_release=case.release.rows if case.release else None,
        size_estimate=size,
        small_cells=case.cells.as_json() if case.cells else None,
        checkers=checkers,
        marks={name: far for name, far in _allowed(work, case).items() if name in plain},
        quota_left=quota_left(case.grant),
    )


def _step(work: Work, body: ExtractCreate, case: deciding.Case, checkers: int) -> int:
    """In which steps rows are told; 0: as they are."""
    exact = telling.is_exact(body.filter, case.grant.policy, checkers)
    return 0 if exact else limits_under(work, case.grant.policy)["query_min_group"]


def _rows_told(release: Path, body: ExtractCreate, case: deciding.Case, step: int, settings: Settings) -> int:
    """How many rows the request would deliver, as far as they are told. Conflict where the rule of small cells leaves none."""
    from datasets.extracts.build import count

    assert case.release is not None  # noqa: S101 - asked for only where there is one
    memory, scratch = min(settings.memory_limit_mb, COUNT_MEMORY_MB), settings.scratch_dir
    wanted = case.row_filter if step < 2 else _widened(body, case)
    rows = count(release, wanted, memory_limit_mb=memory, scratch=scratch, cells=case.cells)
    if step < 2:
        return rows
    key = grant_key(master_key(settings.keys_dir), case.grant.dataset_id, f"plan|{case.grant.id}")
    asked = f"{case.release.id}|{wanted.model_dump_json() if wanted else ''}"
    told = telling.rounded(rows, step, key, asked)
    return min(told, case.release.rows or told)


def _widened(body: ExtractCreate, case: deciding.Case) -> RowFilter | None:
    policy = case.grant.policy
    return all_of(policy.row_filter, telling.widened(body.filter, telling.hidden_of(policy)))


def enter(work: Work, actor: Actor, body: ExtractCreate) -> None:
    """Put a plan that counts rows of a filter on record. TooMany when the grant has had its plans of the day."""
    case = deciding.consider(work, actor, body)
    checkers = outputs.needed(work, case.grant.dataset_id, body.form, case.grant.policy)
    if case.reasons or not telling.is_counted(body.filter, checkers):
        return
    hold(work, f"plan:{case.grant.id}")
    most = limits_now(work)["extract_plans_per_day"]
    if ledger.of_today(work, case.grant.id, ledger.PLAN) >= most:
        text = Text(
            f"该授权今日的提取计划已达 {most} 次；请直接提交提取，或明日再看计划。",
            f"This grant has had its {number_of(most, 'plans')} of today; ask for the extract itself, or look again tomorrow.",
        )
        raise TooMany(text, reasons=[Reason("plans-of-the-day", text, deciding.PROMISE, {"limit": most})])
    _note_plan(work, actor, body, case)


def _note_plan(work: Work, actor: Actor, body: ExtractCreate, case: deciding.Case) -> None:
    """Write down that somebody let a plan count rows. It takes nothing from the quotas."""
    columns = tuple(term.name for term in case.terms)
    taking = Taking.by(
        actor, purpose=body.purpose, scenario_id=body.scenario_id, form=body.form, columns=columns,
        release_id=case.release.id if case.release else "", release_number=case.release.number if case.release else None,
        filter_hash=filter_hash(body.filter),
    )  # fmt: skip
    grant = case.grant
    ledger.enter(work, grant.id, ledger.PLAN, subject=grant.id, taking=taking, counts={"extracts": 0})
    audit.record(
        work, actor, "extract.planned", subject=grant.id, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id, payload={"form": body.form, "filter": filter_hash(body.filter)},
    )  # fmt: skip


def _allowed(work: Work, case: deciding.Case) -> dict[str, float]:
    try:
        return mark_terms.allowed(work, case.grant.dataset_id)
    except NotFound:
        return {}  # a reason already


def refuse_misfit(
    work: Work, actor: Actor, body: ExtractCreate, files: FileStore, settings: Settings
) -> None:
    """Raise AccessRefused where the form cannot hold what was asked for; what the grant says is asked elsewhere.

    It takes nothing, so it counts no rows but as a plan does.
    """
    if body.form not in BOUNDED:
        return
    case = deciding.consider(work, actor, body)
    if case.reasons or case.release is None or not case.release.sha256:
        return
    release = whole(files, case.release.sha256)
    checkers = outputs.needed(work, case.grant.dataset_id, body.form, case.grant.policy)
    step = _step(work, body, case, checkers)

    def rows() -> int:
        try:
            return _rows_told(release, body, case, step, settings)
        except Conflict:
            if step < 2:
                raise
            return 0  # nothing may be left of it: that is for the one to say who takes the extract for it

    refuse_if(misfits(body.form, release, case.terms, rows, _allowed_forms(work, case), is_exact=step < 2))


def _allowed_forms(work: Work, case: deciding.Case) -> frozenset[DeliveryForm]:
    """The forms that the grant holds and the dataset's level allows now."""
    rule = limits_now(work).levels.get(asset(work, case.grant.dataset_id).level)
    return frozenset(case.grant.policy.delivery_forms) & (rule.forms if rule else frozenset())


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
