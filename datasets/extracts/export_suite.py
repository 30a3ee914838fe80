"""The export suite of a dataset: what every extract must fulfil before it is handed out. Versioned like the first suite.

An extract holds the columns that were asked for, so only the rules about columns that it holds are asked; a query of the
suite's own is always asked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from auth.actor import Actor
from auth.asset import Asset
from core.errors import Conflict, NotFound, Reason
from core.ids import DatasetId
from core.text import Text
from core.work import Work
from datasets import references
from quality import service
from quality.service import SuiteRead, current_suite, save_suite, subject_of
from quality.suite import Expectation, Suite
from quality.tables import SuiteVersionRow
from quality.verdict import Outcome, Verdict
from quality.wording import describe

CODE: Final = "export-rule-failed"
BASIS: Final = "数据集的出门规则集（docs/quality.md）· export suite of the dataset (docs/quality.md)"


def save(
    work: Work,
    actor: Actor,
    held: Asset,
    suite: Suite,
    note: str = "",
    *,
    expected_version: int | None = None,
) -> SuiteRead:
    """Put a new version in force. Raises NotFound outside the scope, InputRefused, Stale."""
    if actor.may_in("quality:suite:write", held.org_id):
        references.refuse_unreadable(work, held, suite)
    saved = save_suite(work, actor, held, suite, note, expected_version=expected_version, stage="export")
    return _named(saved, held)


def suite(work: Work, actor: Actor, held: Asset, number: int | None = None) -> SuiteRead:
    """The version in force, or the one of that number. Raises NotFound."""
    service.demand_reader(actor, held)
    return _named(service.suite(work, actor, _subject(held), number), held)


def history(work: Work, actor: Actor, held: Asset) -> list[SuiteRead]:
    """Every version, newest first. Raises NotFound outside the scope."""
    service.demand_reader(actor, held)
    return [_named(each, held) for each in service.suite_history(work, actor, _subject(held))]


def newest(work: Work, actor: Actor, held: Asset) -> SuiteRead | None:
    """The version in force, None while there is none. Raises NotFound outside the scope."""
    try:
        return suite(work, actor, held)
    except NotFound:
        history(work, actor, held)  # NotFound again for whoever may not read it
        return None


def in_force(work: Work, dataset_id: str) -> SuiteVersionRow | None:
    """What extracts of the dataset are judged by now, regardless of who asks."""
    return current_suite(work, dataset_id, "export")


def applicable(whole: Suite, columns: Collection[str]) -> Suite:
    """The rules that can be asked of a table with these columns."""
    kept = [each for each in whole.expectations if set(_columns(each)) <= set(columns)]
    return Suite(name=whole.name, expectations=kept)


def refusal(number: int, verdict: Verdict) -> Conflict:
    """Why nothing is delivered: each broken rule as a sentence with its count, no values."""
    reasons = [
        Reason(
            CODE,
            _said(each),
            BASIS,
            {
                "type": each.type,
                "unexpected_count": each.unexpected_count,
                "rule_zh": describe(each).zh,
                "rule_en": describe(each).en,
                "outcome": each.outcome,
            },
        )
        for each in verdict.expectations
        if each.outcome == "error" or (each.outcome == "failed" and each.severity == "critical")
    ]
    zh, en = "；".join(each.text.zh for each in reasons), "; ".join(each.text.en for each in reasons)
    return Conflict(
        Text(
            f"出域规则集第 {number} 版未通过，没有交付任何数据，次数已退回：{zh}。请调整申请的列或筛选，或联系数据专员。",
            f"The extract breaks version {number} of the export suite; nothing was delivered and the quota was given back: {en}. "
            "Ask for other columns or rows, or tell the data steward.",
        ),
        reasons=reasons,
    )


def uncounted(reason: Reason) -> Text:
    """A broken rule as a sentence without its count."""
    zh, en = reason.facts["rule_zh"], reason.facts["rule_en"]
    if reason.facts["outcome"] == "error":
        return Text(
            f"出域规则“{zh}”无法运行；请联系数据专员",
            f'The export rule "{en}" could not run; tell the data steward',
        )
    return Text(
        f"不符合出域规则“{zh}”；请调整申请的列或筛选，或联系数据专员",
        f'The export rule "{en}" does not hold; ask for other columns or rows, or tell the data steward',
    )


def note_for_receipt(verdict_id: str, row: SuiteVersionRow, verdict: Verdict, content: str) -> dict[str, Any]:
    """What the receipt says of the check."""
    return {
        "verdict_id": verdict_id, "verdict": verdict.verdict, "suite_number": row.number, "suite_sha256": row.sha256,
        "rules": len(verdict.expectations), "content_sha256": content,
    }  # fmt: skip


def columns_of(table: Path) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(table).names)


def _columns(each: Expectation) -> list[str]:
    return each.spec.columns(each.kwargs)


def _said(each: Outcome) -> Text:
    rule = describe(each)
    if each.outcome == "error":
        return Text(f"“{rule.zh}”无法运行（{each.error}）", f'"{rule.en}" could not run ({each.error})')
    count = each.unexpected_count
    if count is None:
        return Text(f"“{rule.zh}”不成立", f'"{rule.en}" does not hold')
    return Text(f"“{rule.zh}”有 {count} 行不符", f'"{rule.en}" fails in {count} rows')


def _subject(held: Asset) -> Asset:
    return replace(held, dataset_id=DatasetId(subject_of(held.dataset_id, "export")))


def _named(read: SuiteRead, held: Asset) -> SuiteRead:
    return read.model_copy(update={"dataset_id": held.dataset_id})
