"""Changes of many records: what they would do, doing them whole or not at all, and taking them back.

Each record changes in the way of `catalog.proposals`: a draft at once, what is published when a second person accepts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from auth import audit
from auth.actor import Actor
from auth.stamps import stamp
from catalog import queries as records
from catalog import service as catalogue
from catalog.changes import dictionaries, queries, rules, sheets
from catalog.changes.models import (
    MOST,
    ChangeSetDetail,
    ChangeSetItem,
    ChangeSetRead,
    Difference,
    EditAsk,
    Preview,
    PreviewItem,
    Problem,
    Wish,
    Wishes,
)
from catalog.changes.tables import ChangeSetItemRow, ChangeSetRow
from catalog.fields import BY_NAME
from catalog.models import DatasetUpdate, Dictionary
from catalog.proposals import queries as proposed
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from catalog.proposals.rules import label
from catalog.search.engine import search
from catalog.search.saved import ask_of
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import AppError, Conflict, InputRefused
from core.faults import sentences
from core.sheets import Sheet
from core.text import Text, number_of
from core.work import Work

_LABELS: Final = {name: spec.label for name, spec in BY_NAME.items()}
Done = tuple[DatasetRow, dict[str, list[Any]], str]  # the record, name → [before, after], its proposal


def chosen(work: Work, actor: Actor, query: str, ids: Sequence[str] = ()) -> list[DatasetRow]:
    """The records of a search (as in the address of `/datasets`), or named, that the actor may change. Raises InputRefused beyond the limit."""
    if query.strip("?& "):
        found = search(work, actor, replace(ask_of(query.lstrip("?")), limit=MOST))
        rows = [hit.row for hit in found.hits if not ids or hit.row.id in ids]
        if found.total > MOST and not ids:
            raise InputRefused(
                Text(
                    f"检索到 {found.total} 条，一次最多 {MOST} 条；请先缩小检索范围。",
                    f"The search finds {number_of(found.total, 'records')} and {MOST} are the most at once; narrow it first.",
                ),
                field="query",
            )
    else:
        rows = queries.named(work, ids)
    return [
        row
        for row in rows
        if actor.may_in(records.WRITE, row.publisher)
        and not row.foreign_from
        and row.state != State.WITHDRAWN
    ]


def table(work: Work, actor: Actor, query: str, ids: Sequence[str] = ()) -> Sheet:
    """These records as a table to edit and hand back."""
    return tables(work, actor, query, ids)[0]


def tables(work: Work, actor: Actor, query: str, ids: Sequence[str] = ()) -> tuple[Sheet, Sheet]:
    """These records, and their data dictionaries, as tables to edit and hand back."""
    rows = chosen(work, actor, query, ids)
    columns = records.columns_of(work, [row.id for row in rows])
    return (
        sheets.sheet(catalogue.read(work, row).model_dump(mode="json") for row in rows),
        dictionaries.sheet(
            (row.id, row.version, [each.model_dump(mode="json") for each in columns.get(row.id, [])]) for row in rows
        ),
    )  # fmt: skip


def from_file(work: Work, actor: Actor, content: bytes) -> Preview:
    """What an edited table would change, and every cell that stands against it."""
    wishes, problems = sheets.read(content)
    return _preview(work, actor, wishes, problems, "file")


def from_edit(work: Work, actor: Actor, ask: EditAsk) -> Preview:
    """What operations on chosen records would change. Raises InputRefused where nothing is chosen or a value does not fit."""
    rows = chosen(work, actor, ask.query, ask.ids)
    if not rows:
        raise InputRefused(
            Text(
                "没有选中您可以修改的记录；请调整检索或勾选记录。",
                "No record that you may change is chosen; adjust the search, or choose records.",
            ),
            field="ids",
        )
    wishes = []
    for row in rows:
        fields: dict[str, Any] = {}
        present = _present(work, actor, row)
        for operation in ask.operations:
            try:
                spec = rules.spec_of(operation.field)
                value = rules.value_of(spec, operation.value)
                fields[spec.name] = rules.operated(
                    spec, fields.get(spec.name, present[spec.name]), operation.op, value
                )
            except rules.Unfit as fault:
                raise InputRefused(
                    Text(f"{operation.field}：{fault.text.zh}。", f"{operation.field}: {fault.text.en}."),
                    field=operation.field,
                ) from None
        wishes.append(Wish(dataset_id=row.id, version=row.version, fields=fields))
    return _preview(work, actor, wishes, [], "edit")


def preview(work: Work, actor: Actor, body: Wishes) -> Preview:
    """What these wishes would change, by doing them and taking all of it back."""
    return _preview(work, actor, body.changes, [], body.source)


def carry_out(work: Work, actor: Actor, body: Wishes) -> ChangeSetDetail:
    """Make the changes, all or none. Raises InputRefused with every problem; Conflict where nothing would change."""
    done, problems = _done(work, actor, body.changes, body.note)
    if problems:
        raise InputRefused(
            Text(
                f"有 {len(problems)} 处问题，没有修改任何记录："
                + "；".join(each.zh for each in problems[:20]),
                f"{len(problems)} problem(s); no record was changed: "
                + "; ".join(each.en for each in problems[:20]),
            ),
            problems=[each.model_dump() for each in problems],
        )
    if not any(fields for _, fields, _ in done):
        raise Conflict(Text("这些记录与所提内容没有差异。", "Nothing differs from the records as they are."))
    made = _kept(work, actor, done, body.source, body.note)
    return detail(work, actor, made.id)


def undo(work: Work, actor: Actor, set_id: str) -> ChangeSetDetail:
    """Put back what nobody changed since, in the same way; what was changed since stays and is named. Raises Conflict where nothing can be put back."""
    made, items = queries.change_set(work, actor, set_id, lock=True)
    if made.undone_by:
        raise Conflict(Text("这次修改已经撤销过。", "This change has been undone already."))
    back: list[Wish] = []
    conflicts: list[Problem] = []
    for item in items:
        state, changed = _standing(work, actor, item)
        if state == "stands":
            back.append(
                Wish(
                    dataset_id=item.dataset_id,
                    fields={name: before for name, (before, _) in item.fields.items()},
                )
            )
        elif state != "back":
            conflicts.append(_conflict(item, state, changed))
    done, problems = _done(work, actor, back, f"撤销批量修改 {made.id}")
    conflicts += problems
    if not any(fields for _, fields, _ in done):
        raise Conflict(
            Text(
                "没有可以撤销的内容："
                + ("；".join(each.zh for each in conflicts[:20]) or "各记录已与修改前相同。"),
                "Nothing can be undone: "
                + ("; ".join(each.en for each in conflicts[:20]) or "the records are as they were."),
            ),
            problems=[each.model_dump() for each in conflicts],
        )
    undone = _kept(work, actor, done, "undo", "", undoes=made.id)
    made.undone_by = undone.id
    work.db.add(made)
    work.db.flush()
    return detail(work, actor, undone.id).model_copy(update={"conflicts": conflicts})


def listed(work: Work, actor: Actor, *, offset: int = 0, limit: int = 50) -> tuple[list[ChangeSetRead], int]:
    """Changes of records that the actor may change, newest first."""
    rows, total = queries.listed(work, actor, offset=offset, limit=limit)
    return [_read(row) for row in rows], total


def detail(work: Work, actor: Actor, set_id: str) -> ChangeSetDetail:
    """One change with each record's difference, and what undoing it would meet."""
    made, items = queries.change_set(work, actor, set_id)
    shown = []
    for item in items:
        row = records.by_id(work, item.dataset_id)
        state, changed = _standing(work, actor, item)
        shown.append(
            ChangeSetItem(
                dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, state=state,
                proposal_id=item.proposal_id, fields=_differences(item.fields), changed_fields=changed,
            )
        )  # fmt: skip
    return ChangeSetDetail(**_read(made).model_dump(), items=shown)


def _present(work: Work, actor: Actor, row: DatasetRow, asked: Collection[str] = ()) -> dict[str, Any]:
    """The record's fields as JSON, as the actor's own open proposal would have them; with its columns where they are `asked` for."""
    held = row.model_dump(mode="json", include=set(BY_NAME))
    if dictionaries.FIELD in asked:
        columns = proposals.wished_dictionary(work, actor, row).columns
        held[dictionaries.FIELD] = [each.model_dump(mode="json") for each in columns]
    return held | proposals.wished(work, actor, row.id)


def _standing(work: Work, actor: Actor, item: ChangeSetItemRow) -> tuple[rules.State, list[str]]:
    row = records.by_id(work, item.dataset_id)
    open_ = proposed.open_of(work, item.dataset_id)
    is_anothers = open_ is not None and open_.proposed["person_id"] != actor.person_id
    waits = is_anothers and open_ is not None and open_.id == item.proposal_id
    return rules.standing(item.fields, _present(work, actor, row, item.fields), waits)


def _conflict(item: ChangeSetItemRow, state: str, changed: Sequence[str]) -> Problem:
    if state == "waiting":
        text = Text("正待复核；请在该提议中退回", "awaits review; return that proposal")
    else:
        labels = [label(name) for name in changed]
        text = Text(
            f"之后又被修改：{'、'.join(each.zh for each in labels)}",
            f"changed since: {', '.join(each.en for each in labels)}",
        )
    return Problem(
        dataset_id=item.dataset_id, code=f"undo-{state}", zh=f"{item.dataset_id}：{text.zh}", en=f"{item.dataset_id}: {text.en}",
        field=changed[0] if changed else "",
    )  # fmt: skip


def _preview(
    work: Work, actor: Actor, wishes: Sequence[Wish], problems: list[Problem], source: str
) -> Preview:
    point = work.db.begin_nested()
    try:
        done, more = _done(work, actor, wishes, "")
    finally:
        point.rollback()
        work.db.expire_all()
    items = [
        PreviewItem(
            dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh, waits=bool(proposal),
            fields=_differences(fields),
        )
        for row, fields, proposal in done
        if fields
    ]  # fmt: skip
    by_id = {wish.dataset_id: wish for wish in wishes}
    changes = [
        by_id[row.id].model_copy(update={"fields": {name: after for name, (_, after) in fields.items()}})
        for row, fields, _ in done
        if fields
    ]
    unchanged = sum(1 for _, fields, _ in done if not fields)
    return Preview(items=items, unchanged=unchanged, problems=problems + more, changes=changes, source=source)


def _done(work: Work, actor: Actor, wishes: Sequence[Wish], note: str) -> tuple[list[Done], list[Problem]]:
    """Each record's change, in a savepoint of its own, so that every problem is found and not only the first."""
    done: list[Done] = []
    problems: list[Problem] = []
    for wish in wishes:
        try:
            plain = {name: value for name, value in wish.fields.items() if name != dictionaries.FIELD}
            body = DatasetUpdate.model_validate(plain)
            with work.db.begin_nested():
                done.append(_one(work, actor, wish, body, note))
        except _Unfit as fault:
            problems += fault.problems
        except ValidationError as fault:
            problems += [_told(wish, "value", text, field) for field, text in sentences(fault, _LABELS)]
        except AppError as refused:
            problems += list(_reasons(wish, refused))
    return done, problems


class _Unfit(Exception):
    """A dictionary that cannot be."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


def _one(work: Work, actor: Actor, wish: Wish, body: DatasetUpdate, note: str) -> Done:
    row = records.writable(work, actor, wish.dataset_id)
    before = _present(work, actor, row, wish.fields)
    sent = body.model_dump(mode="json", exclude_unset=True, exclude={"resource_code", "publisher"})
    dictionary = _dictionary(work, actor, row, wish) if dictionaries.FIELD in wish.fields else None
    if dictionary is not None:
        sent[dictionaries.FIELD] = [each.model_dump(mode="json") for each in dictionary.columns]
    fields = {name: [before[name], value] for name, value in sent.items() if before[name] != value}
    if not fields:
        catalogue.editable(work, actor, row.id, wish.version)
        return row, {}, ""
    wanted = DatasetUpdate.model_validate(
        {name: after for name, (_, after) in fields.items() if name != dictionaries.FIELD}
    )
    if dictionary is not None and dictionaries.FIELD in fields:
        made = proposals.change_both(
            work, actor, row.id, wanted, dictionary, expected_version=wish.version, note=note
        )
    else:
        made = proposals.change(work, actor, row.id, wanted, expected_version=wish.version, note=note)
    return row, fields, made.id if isinstance(made, ProposalRead) else ""


def _dictionary(work: Work, actor: Actor, row: DatasetRow, wish: Wish) -> Dictionary:
    """The dictionary that is wished for, with the layout as it is. Raises _Unfit."""
    present = proposals.wished_dictionary(work, actor, row)
    columns = wish.fields[dictionaries.FIELD]
    if not isinstance(columns, list) or not all(isinstance(each, dict) for each in columns):
        raise _Unfit([_told(wish, "value", Text("数据字典应为列的清单", "a data dictionary is a list of columns"), dictionaries.FIELD)])  # fmt: skip
    held = [each.model_dump(mode="json") for each in present.columns]
    made, problems = dictionaries.merged(held, columns)
    if problems:
        raise _Unfit([
            _told(wish, "value", Text(f"列 {name}：{text.zh}", f"column {name}: {text.en}"), f"{dictionaries.FIELD}.{field}")
            for name, field, text in problems
        ])  # fmt: skip
    try:
        return Dictionary.model_validate(present.model_dump(exclude={"columns"}) | {"columns": made})
    except ValidationError as fault:
        labels = {"": dictionaries.LABEL, dictionaries.FIELD: dictionaries.LABEL}
        raise _Unfit([_told(wish, "value", text, dictionaries.FIELD) for _, text in sentences(fault, labels)]) from None  # fmt: skip


def _reasons(wish: Wish, refused: AppError) -> Iterator[Problem]:
    if not refused.reasons:
        yield _told(wish, refused.slug, refused.detail)
    for reason in refused.reasons:
        yield _told(wish, reason.code, reason.text, str(reason.facts.get("field", "")))


def _told(wish: Wish, code: str, text: Text, field: str = "") -> Problem:
    where = Text(f"第 {wish.line} 行 ", f"Line {wish.line}, ") if wish.line else Text("", "")
    return Problem(
        dataset_id=wish.dataset_id, field=field, line=wish.line, code=code,
        zh=f"{where.zh}{wish.dataset_id}：{text.zh}", en=f"{where.en}{wish.dataset_id}: {text.en}",
    )  # fmt: skip


def _kept(
    work: Work, actor: Actor, done: Sequence[Done], source: str, note: str, undoes: str = ""
) -> ChangeSetRow:
    changed = [each for each in done if each[1]]
    made = ChangeSetRow(
        id=work.new_id(), source=source, note=note.strip(), records=len(changed), made=stamp(actor), made_at=work.now, undoes=undoes,
    )  # fmt: skip
    work.db.add(made)
    work.db.flush()
    work.db.add_all(
        ChangeSetItemRow(set_id=made.id, dataset_id=row.id, place=place, fields=fields, proposal_id=proposal)
        for place, (row, fields, proposal) in enumerate(changed)
    )
    work.db.flush()
    audit.record(
        work, actor, "dataset.changes_undone" if undoes else "dataset.changed_together", subject=made.id,
        payload={"source": source, "undoes": undoes, "records": [row.id for row, _, _ in changed], "note": made.note},
    )  # fmt: skip
    return made


def _differences(fields: dict[str, list[Any]]) -> list[Difference]:
    found = []
    for name, (before, after) in fields.items():
        if name == dictionaries.FIELD:
            found += dictionaries.differences(before, after)
        else:
            said = BY_NAME[name].label
            found.append(
                Difference(name=name, label_zh=said.zh, label_en=said.en, before=before, after=after)
            )
    return found


def _read(row: ChangeSetRow) -> ChangeSetRead:
    name = row.made["name"]
    return ChangeSetRead.model_validate(row, update={"made_zh": name["zh"], "made_en": name["en"]})
