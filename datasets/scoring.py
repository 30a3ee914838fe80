"""A dataset's quality by GB/T 36344: where it stands, how it got there, what to mend first."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from auth.actor import Actor
from catalog import service as catalog
from core.files import FileStore
from core.work import Work
from datasets import verdicts
from datasets.verdicts import Point
from quality.checks import Checked
from quality.schemes.now import rules_now, rules_of
from quality.scores import Mending, Scorecard


class ToMend(Mending):
    """A failing rule with its sentence, or an own check with its name and the columns that it misses; ranked by gain × failing share."""

    rule_zh: str
    rule_en: str
    severity: str | None
    indicators: list[str]
    unexpected_count: int | None
    missing: list[str] = Field(default_factory=list)
    advice_zh: str = ""
    advice_en: str = ""


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
    checks: list[Checked]
    mend_first: list[ToMend]
    releases: list[Point]
    scheme: dict[str, Any]


def quality_of(work: Work, actor: Actor, dataset_id: str, files: FileStore | None = None) -> QualityRead:
    """Raises NotFound for a record out of the reader's sight."""
    record = catalog.show(work, actor, dataset_id)
    seen = verdicts.newest(work, actor, dataset_id, files)
    read = seen.read if seen else None
    return QualityRead(
        dataset_id=record.id, title_zh=record.title_zh, title_en=record.title_en or record.title_zh,
        verdict_id=read.id if read else None, release_id=read.release_id if read else None,
        release_number=read.release_number if read else None, batch_id=read.batch_id if read else None,
        batch_number=read.batch_number if read else None, scores=read.scores if read else None,
        checks=read.checks if read else [],
        mend_first=[_to_mend(each, read) for each in read.mend_first] if read else [],
        releases=verdicts.points(work, actor, dataset_id), scheme=dict(rules_of(work, read.scores.scheme) if read else rules_now(work)),
    )  # fmt: skip


def _to_mend(each: Mending, read: verdicts.VerdictRead) -> ToMend:
    if each.place is None:
        check = next(found for found in read.checks if found.key == each.check)
        return ToMend(
            **each.model_dump(), rule_zh=check.zh, rule_en=check.en, severity=None, indicators=[check.indicator],
            unexpected_count=None, missing=check.missing, advice_zh=check.advice_zh, advice_en=check.advice_en,
        )  # fmt: skip
    rule = read.rules[each.place - 1]
    return ToMend(
        **each.model_dump(), rule_zh=rule.rule_zh, rule_en=rule.rule_en, severity=rule.severity,
        indicators=rule.indicators, unexpected_count=rule.unexpected_count,
    )  # fmt: skip
