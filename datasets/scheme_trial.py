"""What a scoring scheme would make of the releases that are there. Stored scores keep the version that they cite."""

from __future__ import annotations

from sqlmodel import SQLModel, col, select

from core.work import Work
from datasets import own_checks
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC
from quality.schemes.model import Scheme
from quality.schemes.now import rules_of
from quality.scores import score
from quality.tables import VerdictRow
from quality.verdict import Verdict


class Regraded(SQLModel):
    """A release that would be graded otherwise."""

    release_id: str
    dataset_id: str
    number: int
    score: float | None
    grade: str | None
    score_then: float | None
    grade_then: str | None


def dry_run(work: Work, asked: Scheme) -> list[Regraded]:
    """Published releases whose grade would be another by it; nothing is changed."""
    rules = asked.as_rules(-1)
    wanted = (
        select(ReleaseRow, VerdictRow)
        .join(VerdictRow, col(VerdictRow.id) == col(ReleaseRow.verdict_id))
        .where(col(ReleaseRow.state).in_(PUBLIC))
        .order_by(col(ReleaseRow.dataset_id), col(ReleaseRow.number))
    )
    found, records = [], dict[str, own_checks.Record]()
    for row, stored in work.db.exec(wanted):
        verdict = Verdict.model_validate(stored.result)
        if row.dataset_id not in records:
            records = {row.dataset_id: own_checks.record_of(work, row.dataset_id)}
        checks = own_checks.of_release(records[row.dataset_id], row, as_current=True)
        by = rules_of(work, stored.scheme_number)
        now, then = score(verdict, by, checks), score(verdict, rules, checks)
        if now.grade != then.grade:
            found.append(
                Regraded(
                    release_id=row.id, dataset_id=row.dataset_id, number=row.number, score=now.total, grade=now.grade,
                    score_then=then.total, grade_then=then.grade,
                )
            )  # fmt: skip
    return found
