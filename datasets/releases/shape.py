"""What consumers rely on, taken from the dictionary and the typed batch; and how it differs from the last release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, select

from auth.actor import Actor
from catalog import service as catalog
from catalog.assets import asset
from core.ids import ReleaseId
from core.work import Work
from datasets.batches import queries as batches
from datasets.batches.tables import BatchRow
from datasets.releases import access, rules
from datasets.releases.models import CompatibilityRead
from datasets.releases.queries import ReleaseFacts
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC

_KEPT: Final = (
    "title_zh", "title_en", "definition_zh", "definition_en", "length", "precision", "unit", "level", "identifier_kind",
    "code_list", "primary", "nullable",
)  # fmt: skip
_WORDS: Final = (("int", "integer"), ("double", "number"), ("float", "number"), ("decimal", "number"))
_WORDS_MORE: Final = (
    ("timestamp", "datetime"), ("date", "date"), ("time", "time"), ("bool", "boolean"), ("string", "string"),
    ("large_string", "string"), ("uint", "integer"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compatibility:
    """A batch, were it published now, beside the last release (none for the first)."""

    former: ReleaseRow | None
    shape: dict[str, Any]
    changes: tuple[rules.Change, ...]
    semver: str

    @property
    def impact(self) -> rules.Impact:
        return rules.impact_of(self.changes)


def of_batch(work: Work, batch: BatchRow) -> Compatibility:
    """What publishing this batch would change for users, and the version number that says so."""
    former = last_public(work, batch.dataset_id)
    shape = shape_of(work, batch)
    found = rules.changes(shape_of_release(former), shape) if former else ()
    last = version_of(former) if former else None
    return Compatibility(former, shape, found, rules.next_version(last, rules.impact_of(found)))


def preview(work: Work, actor: Actor, batch_id: str) -> CompatibilityRead:
    """The same for a reader who decides whether to publish. NotFound outside the actor's sight."""
    found = of_batch(work, batches.batch(work, actor, batch_id))
    return CompatibilityRead(
        semver=found.semver,
        impact=found.impact.word,
        is_first=found.former is None,
        compared_to=ReleaseId(found.former.id) if found.former else None,
        compared_number=found.former.number if found.former else None,
        compared_semver=version_of(found.former) if found.former else None,
        changes=[change.as_json() for change in found.changes],
    )


def last_public(work: Work, dataset_id: str) -> ReleaseRow | None:
    """The newest release that users ever saw, withdrawn or not: version numbers never repeat."""
    wanted = select(ReleaseRow).where(ReleaseRow.dataset_id == dataset_id, col(ReleaseRow.state).in_(PUBLIC))
    return work.db.exec(wanted.order_by(col(ReleaseRow.number).desc())).first()


def version_of(row: ReleaseRow) -> str:
    """The version number; releases made before there were any count as patches of 1.0."""
    return row.semver or f"1.0.{row.number - 1}"


def shape_of(work: Work, batch: BatchRow) -> dict[str, Any]:
    """The columns that the batch holds, in the dictionary's order, as the dictionary describes them; and whether anybody
    may take the data: what the second person saw, so that a later opening opens nothing."""
    held = asset(work, batch.dataset_id)
    found = {each["name"]: each["type"] for each in (batch.intake or {"columns": []})["columns"]}
    columns = [
        {
            "name": column.name,
            "type": found[column.name],
            **column.model_dump(mode="json", include=set(_KEPT)),
        }
        for column in catalog.dictionary(work, batch.dataset_id)
        if column.name in found
    ]
    sort_by = catalog.layout(work, batch.dataset_id).sort_by
    return {
        "level": held.level, "open_type": held.open_type, "is_open": not access.open_objections(held),
        "columns": columns, "sort_by": sort_by,
    }  # fmt: skip


def sorted_by(row: ReleaseRow | ReleaseFacts) -> tuple[str, ...]:
    """The columns by which the rows of the release are sorted; none: they lie as they were handed in."""
    return tuple((row.shape or {}).get("sort_by", ()))


def sort_columns(work: Work, release_id: str) -> tuple[str, ...]:
    """The same for a release by its id."""
    return sorted_by(work.db.get_one(ReleaseRow, release_id))


def shape_of_release(row: ReleaseRow) -> dict[str, Any]:
    """The shape that was kept; of older releases what their columns tell."""
    return row.shape or {"columns": [_told(column) for column in row.columns]}


def _told(column: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: column[name] for name in _KEPT if name in column and name != "level"}
    if str(column.get("level", "")).isdecimal():
        kept["level"] = int(column["level"])
    known = (*_WORDS, *_WORDS_MORE)
    if word := next((word for start, word in known if str(column["type"]).startswith(start)), None):
        kept["type"] = word
    return {"name": column["name"], **kept}
