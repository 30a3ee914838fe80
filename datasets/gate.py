"""What intake, gate and release share: the dictionary in force, the suite in force, and stored verdicts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import rfc8785
from sqlmodel import col, select

from auth.actor import SYSTEM
from auth.audit import AuditEventRow
from catalog import codes
from catalog import service as catalog
from core.text import Text
from core.work import Work
from datasets.intake.dictionary import Column, Dictionary
from datasets.intake.facts import UNTYPED
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import DELIVERABLE
from datasets.shapes import Shapes, shapes_of
from quality.checks import Checked
from quality.schemes.now import rules_of
from quality.scores import score
from quality.tables import SuiteVersionRow, VerdictRow
from quality.troubles import trouble
from quality.verdict import Outcome, Verdict
from quality.wording import describe

_RULES_CHANGED: Final = ("suite.saved", "dataset.created", "dataset.dictionary_replaced")
_RECORD_CHANGED: Final = "dataset.updated"
_DECISIVE: Final = frozenset(
    {"data_level", "open_type", "open_condition", "share_type", "share_condition", "share_mode", "auth_op_scope", "crs"}
)  # fmt: skip


def dictionary(work: Work, dataset_id: str, options: dict[str, Any] | None = None) -> Dictionary:
    """The dictionary that a file of this dataset is read by; `options` of the batch go before the dataset's layout."""
    columns = [
        _labelled(Column.model_validate(column.model_dump(include=set(Column.model_fields))))
        for column in catalog.dictionary(work, dataset_id)
    ]
    layout = catalog.layout(work, dataset_id).model_dump(
        exclude_none=True, include=set(Dictionary.model_fields)
    )
    known = {"columns": columns, "crs": catalog.crs(work, dataset_id)}
    return Dictionary.model_validate(layout | (options or {}) | known)


def _labelled(column: Column) -> Column:
    """The column with the labels of the catalogue's own code list, where it names one and cells are mapped by it."""
    name = column.code_list
    if column.format not in ("code", "label") or column.codes is not None or not isinstance(name, str):
        return column
    if name not in codes.names():
        return column
    listed = {code.value: [code.text.zh, code.text.en] for code in codes.load(name).codes.values()}
    return column.model_copy(update={"codes": listed})


def shapes(work: Work, dataset_id: str) -> Shapes:
    """What a release of this dataset shows as shapes, and in which coordinate reference system."""
    return shapes_of(dictionary(work, dataset_id))


def dictionary_digest(work: Work, dataset_id: str) -> str:
    """SHA-256 of all that intake reads a file by: columns, layout, points, the reference system of the record."""
    words = dictionary(work, dataset_id).model_dump(mode="json", exclude={"fill_missing"})  # a batch's own
    return hashlib.sha256(rfc8785.dumps(words)).hexdigest()


def column_words(work: Work, dataset_id: str) -> dict[str, dict[str, str]]:
    """What the dictionary says of each column, as texts for a file's own metadata; what is not said is left out."""
    kept = ("title_zh", "title_en", "definition_zh", "definition_en", "unit", "level", "identifier_kind")
    return {
        column.name: {name: str(value) for name in kept if (value := getattr(column, name)) not in (None, "")}
        for column in catalog.dictionary(work, dataset_id)
    }


def key_columns(work: Work, dataset_id: str) -> list[str]:
    """The columns that together name a row, as the dictionary says."""
    return [column.name for column in catalog.dictionary(work, dataset_id) if column.primary]


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


def rule_authors(work: Work, dataset_id: str) -> list[str]:
    """Persons who changed the dataset's suite, its dictionary, or in its record to whom it is open and how its places
    are meant, since the last release was asked for, or ever if none was.

    Read from the audit record, which names the person at that time. That release was looked at by somebody else, so what
    stood then has had its second person.
    """
    accepted = (
        select(AuditEventRow.seq)
        .join(ReleaseRow, col(ReleaseRow.id) == AuditEventRow.subject)
        .where(
            ReleaseRow.dataset_id == dataset_id,
            col(ReleaseRow.state).in_(DELIVERABLE),
            AuditEventRow.kind == "release.requested",
        )
        .order_by(col(AuditEventRow.seq).desc())
    )
    since = work.db.exec(accepted).first() or 0
    wanted = select(AuditEventRow).where(
        AuditEventRow.dataset_id == dataset_id,
        col(AuditEventRow.kind).in_((*_RULES_CHANGED, _RECORD_CHANGED)),
        AuditEventRow.via != SYSTEM.via,
        AuditEventRow.seq > since,
    )
    return sorted({event.actor_person for event in work.db.exec(wanted) if _is_decisive(event)})


def _is_decisive(event: AuditEventRow) -> bool:
    """Whether a change of the record touches who may have the data or how they are read; of its words, it does not."""
    return event.kind != _RECORD_CHANGED or not _DECISIVE.isdisjoint(json.loads(event.payload)["changes"])


def outcomes(work: Work, verdict_id: str | None) -> list[dict[str, Any]]:
    """The verdict rule by rule, each with its sentence in both languages."""
    found = verdict(work, verdict_id)
    return [_outcome(each) for each in found.expectations] if found else []


def _outcome(each: Outcome) -> dict[str, Any]:
    rule = describe(each)
    found = each.model_dump(mode="json", exclude={"failing_rows", "failing_keys"})
    why = trouble(each.error) if each.error else Text("", "")
    return found | {"rule_zh": rule.zh, "rule_en": rule.en, "error_zh": why.zh, "error_en": why.en}


def quality_of(
    work: Work, verdict_id: str, checks: Sequence[Checked] = ()
) -> tuple[float | None, str | None]:
    """Score (0-100) and grade by the verdict; none where nothing can be scored."""
    row = verdict_row(work, verdict_id)
    if row is None:
        return None, None
    card = score(Verdict.model_validate(row.result), rules_of(work, row.scheme_number), checks)
    return card.total, card.grade


def with_untyped(said: Verdict, intake: dict[str, Any]) -> Verdict:
    """The verdict with the cells that could not be typed as one more failed rule per column, for the correction sheet."""
    by_column: dict[str, list[dict[str, Any]]] = {}
    for finding in untyped_findings(intake):
        by_column.setdefault(finding["column"], []).append(finding)
    counts = untyped_counts(intake)
    added = [_untyped_rule(column, found, counts[column]) for column, found in by_column.items()]
    return said.model_copy(update={"expectations": [*said.expectations, *added]})


def untyped_findings(intake: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings that stand for a cell whose value a typed table cannot hold."""
    return [each for each in intake["findings"] if each["code"] == UNTYPED and each["row"] and each["column"]]


def untyped_counts(intake: dict[str, Any]) -> dict[str, int]:
    """How many cells of each column could not be typed, whether or not each has a finding; columns without any are left out."""
    told = Counter(each["column"] for each in untyped_findings(intake))
    counted = {each["name"]: each.get("untyped") or 0 for each in intake.get("columns", ())}
    return {name: number for name in {**told, **counted} if (number := max(told[name], counted.get(name, 0)))}


def _untyped_rule(column: str, found: list[dict[str, Any]], count: int) -> Outcome:
    wanted = found[0]["wanted"]
    values = "；".join(f"{each['row']}: {each['value']}" for each in found[:20])
    return Outcome(
        type="expect_column_values_to_be_of_type",
        kwargs={"column": column, "type_": wanted, "description": f"{column} ≠ {wanted} ({values})"},
        outcome="failed",
        unexpected_count=count,
        failing_rows=sorted({each["row"] for each in found}),
    )
