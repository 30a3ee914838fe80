"""What intake, gate and release share: the dictionary in force, the suite in force, and stored verdicts."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from catalog import service as catalog
from core.work import Work
from datasets.intake.dictionary import Column, Dictionary


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


def current_suite(work: Work, dataset_id: str) -> Any:  # noqa: ANN401
    from quality import service

    return service.current_suite(work, dataset_id)


def suite_version(work: Work, version_id: str) -> Any:  # noqa: ANN401
    from quality.tables import SuiteVersionRow

    return work.db.get_one(SuiteVersionRow, version_id)


def parsed(suite: Any) -> Any:  # noqa: ANN401
    from quality.suite import Suite

    return Suite.from_data(suite.suite)


def store_verdict(work: Work, row: Any, suite: Any, verdict: Any) -> Any:  # noqa: ANN401
    from quality import service

    return service.store_verdict(work, subject=row.content_sha256, batch_id=row.id, suite_version_id=suite.id, verdict=verdict)


def verdict(work: Work, verdict_id: str | None) -> Any:  # noqa: ANN401
    from quality.tables import VerdictRow

    return work.db.get(VerdictRow, verdict_id) if verdict_id else None


def verdict_of(work: Work, verdict_id: str | None) -> Any:  # noqa: ANN401
    from quality.verdict import Verdict

    row = verdict(work, verdict_id)
    return Verdict.model_validate(row.result) if row else None


def failed_warnings(row: Any) -> int:  # noqa: ANN401
    from quality.verdict import Verdict

    return len(Verdict.model_validate(row.result).warnings)


def outcomes(work: Work, verdict_id: str | None) -> list[dict[str, Any]]:
    found = verdict_of(work, verdict_id)
    return [] if found is None else [
        each.model_dump(mode="json", exclude={"failing_rows"}) | {"rule_zh": each.type, "rule_en": each.type}
        for each in found.expectations
    ]


def quality(work: Work, verdict_id: str) -> tuple[float | None, str | None]:
    return None, None


def workbook(table: Any, verdict: Any, words: Any) -> bytes:  # noqa: ANN401
    from quality.correction import build

    return build(table, verdict, words)
