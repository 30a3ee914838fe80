"""What intake, gate and release share: the dictionary in force, the suite in force, and stored verdicts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import rfc8785

from catalog import service as catalog
from core.work import Work
from datasets.intake.dictionary import Column, Dictionary
from quality.suite import Expectation
from quality.tables import SuiteVersionRow, VerdictRow
from quality.verdict import Outcome, Verdict
from quality.wording import describe


def dictionary(work: Work, dataset_id: str, options: dict[str, Any] | None = None) -> Dictionary:
    """The dictionary that a file of this dataset is read by; `options` of the batch go before the dataset's layout."""
    columns = [
        Column.model_validate(column.model_dump(include=set(Column.model_fields)))
        for column in catalog.dictionary(work, dataset_id)
    ]
    layout = catalog.layout(work, dataset_id).model_dump(exclude_none=True)
    return Dictionary.model_validate(layout | (options or {}) | {"columns": columns})


def dictionary_digest(work: Work, dataset_id: str) -> str:
    """SHA-256 of the columns as intake reads them."""
    columns = [column.model_dump(mode="json") for column in dictionary(work, dataset_id).columns]
    return hashlib.sha256(rfc8785.dumps(columns)).hexdigest()


def column_words(work: Work, dataset_id: str) -> dict[str, dict[str, str]]:
    """What the dictionary says of each column, as texts for a file's own metadata; what is not said is left out."""
    kept = ("title_zh", "title_en", "definition_zh", "definition_en", "unit", "level", "identifier_kind")
    return {
        column.name: {name: str(value) for name in kept if (value := getattr(column, name)) not in (None, "")}
        for column in catalog.dictionary(work, dataset_id)
    }


def suite_version(work: Work, version_id: str) -> SuiteVersionRow:
    """One version of a suite, by its id."""
    return work.db.get_one(SuiteVersionRow, version_id)


def verdict_row(work: Work, verdict_id: str | None) -> VerdictRow | None:
    return work.db.get(VerdictRow, verdict_id) if verdict_id else None


def verdict(work: Work, verdict_id: str | None) -> Verdict | None:
    """What the suite said, in full."""
    row = verdict_row(work, verdict_id)
    return Verdict.model_validate(row.result) if row else None


def failed_warnings(row: VerdictRow) -> int:
    """How many failed rules a person must sign for."""
    return len(Verdict.model_validate(row.result).warnings)


def outcomes(work: Work, verdict_id: str | None) -> list[dict[str, Any]]:
    """The verdict rule by rule, each with its sentence in both languages."""
    found = verdict(work, verdict_id)
    return [_outcome(each) for each in found.expectations] if found else []


def _outcome(each: Outcome) -> dict[str, Any]:
    return each.model_dump(mode="json", exclude={"failing_rows"}) | {
        "rule_zh": each.type,
        "rule_en": each.type,
    }


def quality_of(work: Work, verdict_id: str) -> tuple[float | None, str | None]:
    """Score (0-100) and grade by the verdict; none while nothing is scored."""
    return None, None


def workbook(table: Path, said: Verdict, words: dict[str, dict[str, str]]) -> bytes:
    from quality.correction import build

    return build(table, said, words)
