"""Changing records: create, edit, publish, withdraw, replace the dictionary, note the current release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, delete, select

from auth import audit
from auth.actor import Actor
from auth.identity.organisations import organisation
from catalog import conditions, indexing, queries, rules
from catalog.models import (
    ColumnCreate,
    ColumnFields,
    ColumnRead,
    DatasetCreate,
    DatasetExport,
    DatasetFields,
    DatasetRead,
    DatasetUpdate,
    Dictionary,
    DictionaryRead,
    Layout,
)
from catalog.relations import service as relations
from catalog.search import index
from catalog.tables import ColumnRow, DatasetRow
from catalog.workflow import State, Step, advance
from core.errors import Conflict, InputRefused, NotFound, Reason
from core.ids import DatasetId
from core.text import Text
from core.work import Work, hold


def create(work: Work, actor: Actor, body: DatasetCreate) -> DatasetRead:
    """Enter a record as a draft of the publishing department. Only its stewards and the catalogue's administrators may."""
    return read(work, entered(work, actor, body))


def imported(work: Work, actor: Actor, body: DatasetCreate) -> DatasetRow:
    """Enter a record and show it as it is, complete or not; for the administrator's import (`catalog.imports`), which is on record."""
    row = _made(work, actor, body)
    row.state, row.issued, row.version = advance(State.DRAFT, Step.PUBLISH), work.now, row.version + 1
    _enter(work, actor, row, body)
    audit.record(
        work, actor, "dataset.imported", subject=row.id, dataset_id=row.id, payload={"version": row.version}
    )
    return row


def entered(work: Work, actor: Actor, body: DatasetCreate) -> DatasetRow:
    """The same as `create`, for whoever goes on with the row."""
    row = _made(work, actor, body)
    _enter(work, actor, row, body)
    return row


def _made(work: Work, actor: Actor, body: DatasetCreate) -> DatasetRow:
    """A draft that is not stored yet. Raises Conflict where its code is taken."""
    org = _publisher(work, actor, body.publisher)
    relations.demand_sound(work, actor, body.resource_code, body.relations)
    if work.db.get(DatasetRow, body.resource_code) is not None:
        raise Conflict(
            Text(
                f"信息资源代码 {body.resource_code} 已被使用；请换一个代码。",
                f"The resource code {body.resource_code} is taken; choose another.",
            )
        )
    hold(work, "catalog/number")
    return DatasetRow(
        **body.model_dump(include=set(DatasetFields.model_fields)),
        id=DatasetId(body.resource_code), publisher=body.publisher, publisher_zh=org.zh, publisher_en=org.en,
        layout=body.layout.model_dump(exclude_defaults=True),
        state=State.DRAFT, number=_next_number(work), fresh_at=work.now, created_at=work.now, created_by=actor.account_id, modified=work.now,
    )  # fmt: skip


def _enter(work: Work, actor: Actor, row: DatasetRow, body: DatasetCreate) -> None:
    """Store a new record with its dictionary, relations and place in the index."""
    indexing.set_keys(work, row)
    row.column_count = len(body.columns)
    work.db.add(row)
    work.db.flush()
    columns = _columns(row, body.columns)
    work.db.add_all(columns)
    relations.keep(work, row, is_new=True)
    index.put(work, row.number, indexing.document(row, columns), is_new=True)
    audit.record(
        work, actor, "dataset.created", subject=row.id, dataset_id=row.id,
        payload={"publisher": row.publisher, "title": row.title_zh, "columns": len(body.columns)},
    )  # fmt: skip


def update(
    work: Work, actor: Actor, dataset_id: str, body: DatasetUpdate, *, expected_version: int | None = None
) -> DatasetRead:
    """Change the fields that were sent. A published record must stay complete. Raises Stale, Conflict."""
    row = editable(work, actor, dataset_id, expected_version)
    conditions.same_identity(row, body)
    if body.relations:
        relations.demand_sound(work, actor, row.id, body.relations, row.relations)
    if not (changed := _put_fields(row, body)):
        return read(work, row)
    _saved(work, row)
    _note_fields(work, actor, row, changed)
    return read(work, row)


def replace_dictionary(
    work: Work, actor: Actor, dataset_id: str, body: Dictionary, *, expected_version: int | None = None
) -> DictionaryRead:
    """Put a whole dictionary in place of the old one, with the files' layout."""
    row = editable(work, actor, dataset_id, expected_version)
    before = _put_dictionary(work, row, body)
    _saved(work, row)
    _note_dictionary(work, actor, row, before, body)
    return dictionary_read(work, row)


def rewrite(
    work: Work, actor: Actor, dataset_id: str, body: DatasetUpdate, dictionary: Dictionary | None
) -> DatasetRead:
    """Fields and dictionary in one change, complete only together; for accepted proposals (`catalog.proposals`)."""
    row = editable(work, actor, dataset_id, None)
    if body.relations:
        relations.demand_sound(work, None, row.id, body.relations, row.relations)
    changed = _put_fields(row, body)
    before = _put_dictionary(work, row, dictionary) if dictionary else set()
    _saved(work, row)
    if changed:
        _note_fields(work, actor, row, changed)
    if dictionary:
        _note_dictionary(work, actor, row, before, dictionary)
    return read(work, row)


def _put_fields(row: DatasetRow, body: DatasetUpdate) -> dict[str, tuple[Any, Any]]:
    """The fields that were sent and differ, with what they were."""
    sent = body.model_dump(exclude_unset=True, exclude={"resource_code", "publisher"})
    changed = {
        name: (getattr(row, name), value) for name, value in sent.items() if getattr(row, name) != value
    }
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    return changed


def _note_fields(work: Work, actor: Actor, row: DatasetRow, changed: Mapping[str, tuple[Any, Any]]) -> None:
    audit.record(
        work, actor, "dataset.updated", subject=row.id, dataset_id=row.id,
        payload={
            "version": row.version,
            "changes": {name: [_plain(old), _plain(new)] for name, (old, new) in changed.items()},
        },
    )  # fmt: skip


def _put_dictionary(work: Work, row: DatasetRow, body: Dictionary) -> set[str]:
    """The names of the columns as they were."""
    before = {column.name for column in queries.columns(work, row.id)}
    row.layout = Layout.model_validate(body.model_dump(exclude={"columns"})).model_dump(exclude_defaults=True)
    _store_columns(work, row, body.columns)
    return before


def _note_dictionary(work: Work, actor: Actor, row: DatasetRow, before: set[str], body: Dictionary) -> None:
    after = {column.name for column in body.columns}
    audit.record(
        work, actor, "dataset.dictionary_replaced", subject=row.id, dataset_id=row.id,
        payload={
            "version": row.version, "columns": len(after),
            "added": sorted(after - before), "removed": sorted(before - after),
        },
    )  # fmt: skip


def publish(work: Work, actor: Actor, dataset_id: str, *, expected_version: int | None = None) -> DatasetRead:
    """Show a complete record to everybody; at the edge only through review (`catalog.proposals`). Raises Conflict with everything that is missing or contradictory."""
    row = queries.writable(work, actor, dataset_id)
    conditions.same_version(row, expected_version)
    state = advance(State(row.state), Step.PUBLISH)
    conditions.demand_complete(row.id, _objections(work, row))
    row.state, row.issued = state, work.now
    _touch(work, row)
    audit.record(
        work, actor, "dataset.published", subject=row.id, dataset_id=row.id, payload={"version": row.version}
    )
    return read(work, row)


def overwrite_imported(work: Work, actor: Actor, dataset_id: str, fields: Mapping[str, Any]) -> DatasetRead:
    """Put loaded fields over a record's own, complete or not; for the administrator's import alone."""
    row = queries.writable(work, actor, dataset_id)
    _demand_own(row)
    advance(State(row.state), Step.EDIT)
    before = {name: getattr(row, name) for name in fields}
    for name, value in fields.items():
        setattr(row, name, value)
    if row.state == State.DRAFT:
        row.state, row.issued = advance(State.DRAFT, Step.PUBLISH), work.now
    _touch(work, row)
    indexing.put(work, row)
    changes = {
        name: [_plain(before[name]), _plain(value)] for name, value in fields.items() if before[name] != value
    }
    audit.record(
        work, actor, "dataset.imported", subject=row.id, dataset_id=row.id,
        payload={"version": row.version, "changes": changes},
    )  # fmt: skip
    return read(work, row)


def take_foreign(
    work: Work, actor: Actor, body: DatasetCreate, foreign_from: str, stated: Iterable[str] = ()
) -> DatasetRow:
    """Show another catalogue's record as foreign, complete or not; for harvests (`datasets.harvest`) alone. `stated`: its
    relations to records that may come later."""
    create(work, actor, body)
    row = queries.writable(work, actor, body.resource_code)
    row.relations = list(stated)
    relations.keep(work, row)
    row.foreign_from, row.state, row.issued = foreign_from, advance(State(row.state), Step.PUBLISH), work.now
    _touch(work, row)
    audit.record(
        work, actor, "dataset.harvested", subject=row.id, dataset_id=row.id, payload={"from": foreign_from}
    )
    return row


def renew_foreign(
    work: Work, actor: Actor, dataset_id: str, fields: Mapping[str, Any], foreign_from: str
) -> DatasetRow:
    """Put what the other catalogue says now in place of what it said."""
    row = queries.writable(work, actor, dataset_id)
    advance(State(row.state), Step.EDIT)
    for name, value in fields.items():
        setattr(row, name, value)
    row.foreign_from = foreign_from
    _touch(work, row)
    indexing.put(work, row)
    payload = {"from": foreign_from, "version": row.version}
    audit.record(work, actor, "dataset.harvested", subject=row.id, dataset_id=row.id, payload=payload)
    return row


def _demand_own(row: DatasetRow) -> None:
    """What another catalogue keeps is changed there."""
    if row.foreign_from:
        raise Conflict(
            Text(
                f"记录 {row.id} 采集自外部目录（{row.foreign_from}），只能在那里修改；本平台仅可撤回。",
                f"Record {row.id} is harvested from another catalogue ({row.foreign_from}) and is changed there; here it can only be withdrawn.",
            )
        )


def withdraw(
    work: Work,
    actor: Actor,
    dataset_id: str,
    reason: str,
    *,
    replaced_by: str = "",
    expected_version: int | None = None,
) -> DatasetRead:
    """Take a record out of the catalogue for good; a tombstone with the reason, and what replaced it, stays."""
    row = queries.writable(work, actor, dataset_id)
    conditions.same_version(row, expected_version)
    cleaned = "".join(char for char in reason if char.isprintable() or char == "\n").strip()
    if len(cleaned) < 4:
        raise InputRefused(
            Text(
                "请写明撤回原因（至少 4 个字），读者会看到它。",
                "Say why the record is withdrawn (4 characters or more); readers will see it.",
            ),
            field="reason",
        )
    row.replaced_by = _successor(work, actor, row, replaced_by.strip())
    row.state = advance(State(row.state), Step.WITHDRAW)
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = (
        work.now,
        actor.account_id,
        reason.strip()[:2000],
    )
    _touch(work, row)
    relations.keep(work, row)
    audit.record(
        work, actor, "dataset.withdrawn", subject=row.id, dataset_id=row.id,
        payload={"version": row.version, "reason": row.withdrawn_reason, "replaced_by": row.replaced_by},
    )  # fmt: skip
    return read(work, row)


def _successor(work: Work, actor: Actor, row: DatasetRow, wanted: str) -> str:
    """The code of the record that takes over; one that its readers can find."""
    if not wanted:
        return ""
    if wanted != row.id and wanted in queries.titles(work, [wanted], actor):
        return wanted
    raise InputRefused(
        Text(
            f"接替的数据集 {wanted} 不在目录中；请填写另一个已登记的资源代码，或留空。",
            f"The replacing dataset {wanted} is not in the catalogue; give another resource code, or leave it empty.",
        ),
        field="replaced_by",
    )


def note_release(
    work: Work,
    dataset_id: str,
    *,
    release_no: int | None,
    released_at: datetime | None,
    row_count: int | None = None,
    size_bytes: int | None = None,
    quality_score: float | None = None,
    quality_grade: str | None = None,
    data_updated: datetime | None = None,
) -> None:
    """Repeat the current release's facts in the record, for lists and badges; `release_no=None` says there is none.

    For the room above, inside its own audited transaction. `data_updated`: when the data were true; else the release's time.
    """
    row = queries.by_id(work, dataset_id)
    if (row.release_no, row.released_at) != (release_no, released_at):
        row.modified = work.now  # a release that came or went: whoever collects by date must not miss it
    row.release_no, row.released_at = release_no, released_at
    row.row_count, row.size_bytes = row_count, size_bytes
    row.quality_score, row.quality_grade = quality_score, quality_grade
    row.data_updated = data_updated or released_at
    indexing.set_keys(work, row)
    work.db.add(row)
    work.db.flush()


def note_links(work: Work, dataset_id: str, *, good: int | None, broken: int | None) -> None:
    """Repeat in the record how its links stand, for its score; no change of what it says."""
    row = queries.by_id(work, dataset_id)
    if (row.links_good, row.links_broken) != (good, broken):
        row.links_good, row.links_broken = good, broken
        work.db.add(row)
        work.db.flush()


def show(work: Work, actor: Actor, dataset_id: str) -> DatasetRead:
    """One record. Raises NotFound, or Gone with the reason of its withdrawal."""
    row = queries.dataset(work, actor, dataset_id)
    counted = {"active_grants_count": queries.active_grants(work, row)}
    return read(work, row).model_copy(update=_in_sight(work, actor, row) | counted)


def dictionary(work: Work, dataset_id: str) -> list[ColumnRead]:
    """The columns in order, for the rooms above. Raises NotFound."""
    queries.by_id(work, dataset_id)
    return [ColumnRead.model_validate(column) for column in queries.columns(work, dataset_id)]


def layout(work: Work, dataset_id: str) -> Layout:
    """How the department's files are laid out, as far as it has said so. Raises NotFound."""
    return Layout.model_validate(queries.by_id(work, dataset_id).layout)


def crs(work: Work, dataset_id: str) -> str | None:
    """The coordinate reference system of the record (a value of the code list `crs`). Raises NotFound."""
    return queries.by_id(work, dataset_id).crs or None


def show_dictionary(work: Work, actor: Actor, dataset_id: str) -> DictionaryRead:
    return dictionary_read(work, queries.dataset(work, actor, dataset_id))


def objections(work: Work, actor: Actor, dataset_id: str) -> tuple[Reason, ...]:
    """What keeps the record from being published; for those who may write it."""
    return _objections(work, queries.writable(work, actor, dataset_id, lock=False))


def export(work: Work, actor: Actor, dataset_id: str) -> DatasetExport:
    """A record as a file that `create` takes elsewhere."""
    row = queries.dataset(work, actor, dataset_id)
    columns = [ColumnFields.model_validate(column) for column in queries.columns(work, row.id)]
    told = {"resource_code": row.id, "columns": columns, "layout": Layout.model_validate(row.layout)}
    return DatasetExport.model_validate(row, update=told | _in_sight(work, actor, row))


def _in_sight(work: Work, actor: Actor, row: DatasetRow) -> dict[str, list[str]]:
    """The fields that name other records, without those of which the reader may not know; whole for who writes the record."""
    if actor.may_in(queries.WRITE, row.publisher):
        return {}
    return relations.in_sight(work, actor, [row])[row.id]


def read(work: Work, row: DatasetRow) -> DatasetRead:
    return DatasetRead.model_validate(
        row,
        update={
            "resource_code": row.id,
            "staleness": rules.staleness(row.model_dump(), row.data_updated, work.now),
        },
    )


def dictionary_read(work: Work, row: DatasetRow) -> DictionaryRead:
    columns = [ColumnRead.model_validate(column) for column in queries.columns(work, row.id)]
    return DictionaryRead.model_validate(
        Layout.model_validate(row.layout).model_dump()
        | {"dataset_id": row.id, "version": row.version, "columns": columns}
    )


def editable(work: Work, actor: Actor, dataset_id: str, expected_version: int | None) -> DatasetRow:
    row = queries.writable(work, actor, dataset_id)
    conditions.same_version(row, expected_version)
    _demand_own(row)
    advance(State(row.state), Step.EDIT)
    return row


def _publisher(work: Work, actor: Actor, org_id: str) -> Text:
    """The name of a department for which the actor may write records."""
    may = actor.may_in(queries.WRITE, org_id)
    try:
        org = organisation(work, org_id) if may else None
    except NotFound:
        org = None
    if org is None or org.is_enterprise:
        raise InputRefused(
            Text(
                f"提供方 {org_id} 不是您可以代为登记的部门；请选择您所属的部门。",
                f"{org_id} is not a department that you may enter records for; choose your own.",
            ),
            field="publisher",
        )
    return org.name


def _objections(work: Work, row: DatasetRow) -> tuple[Reason, ...]:
    columns = [column.model_dump() for column in queries.columns(work, row.id)]
    return rules.objections(row.model_dump(), columns)


def _saved(work: Work, row: DatasetRow) -> None:
    """After an edit: what is published stays complete, the version moves on, the index follows."""
    work.db.flush()
    if row.state == State.PUBLISHED:
        conditions.demand_complete(row.id, _objections(work, row))
    _touch(work, row)
    indexing.put(work, row)


def _next_number(work: Work) -> int:
    return (work.db.exec(select(func.max(DatasetRow.number))).one() or 0) + 1


def _touch(work: Work, row: DatasetRow) -> None:
    row.version += 1
    row.modified = work.now
    indexing.set_keys(work, row)
    work.db.add(row)
    work.db.flush()


def _store_columns(work: Work, row: DatasetRow, columns: Iterable[ColumnCreate]) -> None:
    work.db.exec(delete(ColumnRow).where(col(ColumnRow.dataset_id) == row.id))
    made = _columns(row, columns)
    work.db.add_all(made)
    row.column_count = len(made)
    work.db.flush()


def _columns(row: DatasetRow, columns: Iterable[ColumnCreate]) -> list[ColumnRow]:
    return [
        ColumnRow(**column.model_dump(), dataset_id=row.id, position=place)
        for place, column in enumerate(columns, 1)
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A field's value as the audit record keeps it."""
    return value.isoformat() if isinstance(value, date) else value
