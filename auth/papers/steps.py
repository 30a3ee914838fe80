"""What every step on a paper shares: the application within sight, the paper that it needs, its row, its version, and who is told."""

from __future__ import annotations

import json
from typing import Final

from auth.actor import Actor
from auth.applications import queries, steps
from auth.applications.tables import ApplicationRow
from auth.applications.workflow import FINAL
from auth.applications.workflow import State as At
from auth.messages import audience
from auth.messages.service import tell
from auth.papers import cover
from auth.papers.rules import Paper
from auth.papers.tables import PaperRow
from auth.roles import Role
from core.errors import NotFound, Stale, TransitionRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

REVIEWED: Final = frozenset({At.SUBMITTED, At.IN_REVIEW, At.DECIDING})


def load(
    work: Work, actor: Actor, application_id: ApplicationId, *, to_change: bool = False
) -> ApplicationRow:
    """The application within sight; to change its papers only while it has not ended without an agreement. Raises NotFound, TransitionRefused."""
    row = queries.row(work, application_id, actor, to_change=to_change)
    if to_change and steps.state(work, row) in FINAL - {At.AGREED}:
        raise TransitionRefused(
            Text(
                "申请已终结，不再收取材料。",
                "The application has ended; papers are not taken any more.",
            ),
            state=row.state,
        )
    return row


def paper_of(work: Work, row: ApplicationRow, key: str) -> Paper:
    """The paper as the application needs it now. NotFound where it does not."""
    found = next((each for each in cover.papers_of(work, row) if each.key == key), None)
    if found is None:
        raise NotFound(
            Text(
                f"该申请不需要材料“{key}”。",
                f"The application needs no paper “{key}”.",
            )
        )
    return found


def held(work: Work, actor: Actor, row: ApplicationRow, key: str) -> tuple[Paper, PaperRow]:
    """The paper and its row, made where the application has none yet. NotFound for a paper that it does not need."""
    paper = paper_of(work, row, key)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or row.state in cover.OPEN:
        rule = next(each for each in cover.rules_of(work, row) if each.key == key)
        departments = json.dumps(sorted(queries.departments(work, row.id)))
        known = cover.listed(work, actor, row, rule, departments)
    return paper, known


def need_fresh(row: PaperRow, version: int | None) -> None:
    """Stale where somebody else was faster."""
    if version is not None and version != row.version:
        raise Stale(
            Text(
                f"材料已被他人修改（当前版本 {row.version}）；请刷新后再操作。",
                f"The paper was changed by somebody else (now version {row.version}); reload first.",
            ),
            version=row.version,
        )


def tell_reviewers(work: Work, row: ApplicationRow, paper: PaperRow) -> None:
    """Tell the reviewers that a paper that was owed has come."""
    facts = {"id": row.id[:13], "title_zh": paper.title_zh, "title_en": paper.title_en}
    tell(
        work, audience.bureau(work, row, [Role.REVIEWER_BUSINESS]), "paper.came", subject=paper.id,
        href=f"/applications/{row.id}/papers", once=f"{paper.id}|{paper.version}", facts=facts,
    )  # fmt: skip
