"""A preview under a grant: a few real rows, filtered and masked as an extract of the grant would hold them.

It takes neither filter nor place: of one release a grant shows the same rows however often it is asked, so many looks tell no more
than one. The rows are decided on twice: before they are read, and again in the transaction that charges and hands them over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import SQLModel

from auth import audit
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants import usage
from auth.grants.view import GrantView
from auth.policy import serving
from auth.policy.model import DeliveryForm, Prose
from auth.policy.small_cells import SmallCells, small_cells
from auth.profile.now import limits_now
from catalog.assets import asset
from core.errors import AccessRefused, Conflict, NotFound, QuotaExceeded, Reason, refuse_if
from core.ids import GrantId
from core.work import Work
from datasets.extracts import watermark
from datasets.queries import deciding
from datasets.queries.deciding import Case, Question
from datasets.queries.service import Desk, moved
from datasets.releases import queries as releases
from datasets.releases.whole import whole

FORM: Final = DeliveryForm.PREVIEW
ROWS: Final = 20
MEMORY_MB: Final = 256  # the server may show several at once


class MaskedAsk(BaseModel):
    """Under which grant, and for which of its purposes; empty where it has one alone."""

    model_config = ConfigDict(extra="forbid")
    grant_id: GrantId
    purpose: Prose = Field(default="", max_length=80)


class MaskedColumn(SQLModel):
    """A column as it leaves."""

    name: str
    use: str
    mask: dict[str, Any] | None


class MaskedRead(SQLModel):
    """The rows by column name, what they took from the grant, and the rule for small groups where one holds. Kept nowhere."""

    id: str
    grant_id: str
    dataset_id: str
    release_number: int
    columns: list[MaskedColumn]
    rows: list[dict[str, Any]]
    took: dict[str, int]
    small_cells: dict[str, Any] | None


def consider(work: Work, actor: Actor, ask: MaskedAsk) -> Case:
    """Every reason to refuse the preview now, and what it would show. NotFound outside the actor's sight."""
    grant = grant_queries.view(work, ask.grant_id, actor)
    return deciding.consider(
        work,
        actor,
        _question(grant, ask),
        (*_needs_review(work, grant), *watermark.objections(work, grant.policy, FORM, grant.policy.leaving)),
        needs_terms=False,
    )


def _question(grant: GrantView, ask: MaskedAsk) -> Question:
    policy = grant.policy
    purpose = ask.purpose or (policy.purposes[0] if len(policy.purposes) == 1 else "")
    columns = tuple(term.name for term in policy.leaving)
    return Question(FORM, grant.id, grant.dataset_id, columns, None, purpose, policy.scenario_id)


def _needs_review(work: Work, grant: GrantView) -> Iterator[Reason]:
    """Rows that people must see before they leave cannot be shown at once."""
    try:
        held = asset(work, grant.dataset_id)
    except NotFound:
        held = None
    case = serving.case_of(grant.policy, held, limits_now(work), serving.Holding())
    if serving.SHOWN_AT_ONCE.lacks(case):
        yield serving.SHOWN_AT_ONCE.reason(case)


def show(desk: Desk, actor: Actor, ask: MaskedAsk) -> MaskedRead:
    """The rows, charged and on record. AccessRefused or Conflict with every reason; refusals are on record and in the ledger."""
    try:
        return _shown(desk, actor, ask)
    except (AccessRefused, QuotaExceeded, Conflict) as refusal:
        with desk.write() as work:
            row = grant_queries.row(work, ask.grant_id, actor)
            question = _question(grant_queries.view_of(work, row), ask)
            deciding.note_refusal(work, actor, question, refusal)
        raise


def _shown(desk: Desk, actor: Actor, ask: MaskedAsk) -> MaskedRead:
    with desk.read() as work:
        case = consider(work, actor, ask)
        refuse_if(case.reasons)
        cells = _cells(work, case)
    lines = _read(desk, case, cells)
    with desk.write() as work:
        now = consider(work, actor, ask)
        refuse_if(now.reasons)
        if _basis(now) != _basis(case) or _cells(work, now) != cells:
            raise moved()
        return _handed_over(work, actor, now, lines, cells)


def _cells(work: Work, case: Case) -> SmallCells | None:
    try:
        return small_cells(asset(work, case.grant.dataset_id), case.grant.policy.columns, case.limits)
    except NotFound:
        return None  # a reason to refuse already


def _basis(case: Case) -> tuple[object, ...]:
    return case.release and case.release.id, case.grant.policy_hash


def _read(desk: Desk, case: Case, cells: SmallCells | None) -> list[bytes]:
    """The rows as lines of JSON, by the query that makes extracts, from a file whose digest is right."""
    from datasets.extracts.build import sampled
    from datasets.extracts.keys import grant_key, master_key
    from datasets.extracts.row_order import ReleaseLayout
    from datasets.formats.pages import as_lines
    from datasets.releases.shape import sort_columns

    assert case.release is not None and case.release.sha256 is not None  # noqa: S101, PT018 - reasons otherwise
    release = whole(desk.files, case.release.sha256)
    key = grant_key(master_key(desk.settings.keys_dir), case.grant.dataset_id, case.grant.id)
    with desk.read() as work:
        layout = ReleaseLayout(case.release.sha256, sort_columns(work, case.release.id))
    table = sampled(
        release, case.grant.policy.leaving, case.row_filter, key=key, rows=ROWS, cells=cells,
        layout=layout,
        memory_limit_mb=min(desk.settings.memory_limit_mb, MEMORY_MB), scratch=desk.settings.scratch_dir,
    )  # fmt: skip
    return list(as_lines(table))


def _handed_over(
    work: Work, actor: Actor, case: Case, lines: list[bytes], cells: SmallCells | None
) -> MaskedRead:
    assert case.release is not None  # noqa: S101 - a reason otherwise
    grant, made = case.grant, work.new_id()
    releases.keep_while_using(work, grant.dataset_id, case.release.id)
    took = {"extracts": 1, "rows": len(lines), "bytes": sum(map(len, lines))}
    usage.charge(
        work,
        grant.id,
        extracts=took["extracts"],
        rows=took["rows"],
        bytes=took["bytes"],
        subject=made,
        taking=case.question.taking(actor, case.release),
        delivers=True,
    )
    audit.record(
        work, actor, "preview.shown", subject=made, dataset_id=grant.dataset_id, grant_id=grant.id,
        application_id=grant.application_id,
        payload={"release": case.release.number, "rows": len(lines), "policy_hash": grant.policy_hash},
    )  # fmt: skip
    return MaskedRead(
        id=made, grant_id=grant.id, dataset_id=grant.dataset_id, release_number=case.release.number,
        columns=[
            MaskedColumn(name=term.name, use=term.use, mask=term.mask.model_dump() if term.mask else None)
            for term in grant.policy.leaving
        ],
        rows=[json.loads(line) for line in lines], took=took, small_cells=cells.as_json() if cells else None,
    )  # fmt: skip
