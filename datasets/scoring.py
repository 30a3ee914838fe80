"""A dataset's quality by GB/T 36344: where it stands, how it got there, what to mend first."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from auth.actor import Actor
from catalog import service as catalog
from core.work import Work
from datasets import verdicts
from datasets.verdicts import Point
from quality.schemes.now import rules_now, rules_of
from quality.scores import Mending, Scorecard


class ToMend(Mending):
    """A failing rule with its sentence; ranked by gain × failing share."""

    rule_zh: str
    rule_en: str
    severity: str
    indicators: list[str]
    unexpected_count: int | None


class QualityRead(BaseModel):
    """scores: of the newest verdict that the reader may see, named by `verdict_id`, of a batch (`batch_number`) or of the
    current release; none before the first. scheme: the weights, sub-indicators and grades that these scores were computed by, else those in force."""

    dataset_id: str
    title_zh: str
    title_en: str
    verdict_id: str | None
    release_id: str | None
    release_number: int | None
    batch_id: str | None
    batch_number: int | None
    scores: Scorecard | None
    mend_first: list[ToMend]
    releases: list[Point]
    scheme: dict[str, Any]


def quality_of(work: Work, actor: Actor, dataset_id: str) -> QualityRead:
    """Raises NotFound for a record out of the reader's sight."""
    record = catalog.show(work, actor, dataset_id)
    seen = verdicts.newest(work, actor, dataset_id)
    read = seen.read if seen else None
    return QualityRead(
        dataset_id=record.id, title_zh=record.title_zh, title_en=record.title_en or record.title_zh,
        verdict_id=read.id if read else None, release_id=read.release_id if read else None,
        release_number=read.release_number if read else None, batch_id=read.batch_id if read else None,
        batch_number=read.batch_number if read else None, scores=read.scores if read else None,
        mend_first=[_to_mend(each, read) for each in read.mend_first] if read else [],
        releases=verdicts.points(work, actor, dataset_id), scheme=dict(rules_of(work, read.scores.scheme) if read else rules_now(work)),
    )  # fmt: skip


def _to_mend(each: Mending, read: verdicts.VerdictRead) -> ToMend:
    rule = read.rules[each.place - 1]
    return ToMend(
        **each.model_dump(), rule_zh=rule.rule_zh, rule_en=rule.rule_en, severity=rule.severity,
        indicators=rule.indicators, unexpected_count=rule.unexpected_count,
    )  # fmt: skip
