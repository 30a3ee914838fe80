"""Writing records through review: a draft is written at once, what readers see changes when a second person accepts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from auth import audit
from auth.actor import Actor
from auth.stamps import stamp
from catalog import conditions, imports, queries, service
from catalog import rules as record_rules
from catalog.models import DatasetRead, DatasetUpdate, Dictionary, DictionaryRead
from catalog.proposals import queries as proposals
from catalog.proposals import rules
from catalog.proposals.models import (
    ColumnChange,
    FieldChange,
    ProposalDecision,
    ProposalDetail,
    ProposalRead,
    ProposalReturn,
    ProposalStepRead,
)
from catalog.proposals.tables import ProposalRow
from catalog.proposals.workflow import MOVES, WAITING, ProposalState, ProposalStep, advance
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.tables import DatasetRow
from catalog.workflow import State, Step
from catalog.workflow import advance as advance_record
from core.errors import Conflict, NotFound, Stale, refuse_if
from core.text import Text
from core.work import Work, hold

_NOTHING: Final[Mapping[str, Any]] = {}


def change(
    work: Work,
    actor: Actor,
    dataset_id: str,
    body: DatasetUpdate,
    *,
    expected_version: int | None = None,
    note: str = "",
) -> DatasetRead | ProposalRead:
    """Change fields: of a draft at once, of a published record by a proposal. Nothing changed gives the record as it is."""
    row = service.editable(work, actor, dataset_id, expected_version)
    if not _is_reviewed(actor, row):
        return service.update(work, actor, dataset_id, body, expected_version=expected_version)
    conditions.same_identity(row, body)
    if body.relations:
        relations.demand_sound(work, actor, row.id, body.relations, row.relations)
    sent = body.model_dump(mode="json", exclude_unset=True, exclude={"resource_code", "publisher"})
    made = _proposed(work, actor, row, fields=sent, note=note)
    return service.read(work, row) if made is None else read(made, row)


def change_relations(
    work: Work,
    actor: Actor,
    dataset_id: str,
    add: Sequence[str],
    remove: Sequence[str],
    *,
    expected_version: int | None = None,
) -> DatasetRead | ProposalRead:
    """State further relations of a record, or some no more (`kind:code`); goes on from the actor's own waiting change."""
    row = service.editable(work, actor, dataset_id, expected_version)
    held = wished(work, actor, dataset_id).get("relations", row.relations)
    gone = kinds.pairs(remove)
    wanted = [kinds.written(*pair) for pair in kinds.pairs([*held, *add]) if pair not in gone]
    return change(work, actor, dataset_id, DatasetUpdate(relations=wanted), expected_version=expected_version)


def change_dictionary(
    work: Work,
    actor: Actor,
    dataset_id: str,
    body: Dictionary,
    *,
    expected_version: int | None = None,
    note: str = "",
) -> DictionaryRead | ProposalRead:
    """Replace the dictionary: of a draft at once, of a published record by a proposal."""
    row = service.editable(work, actor, dataset_id, expected_version)
    if not _is_reviewed(actor, row):
        return service.replace_dictionary(work, actor, dataset_id, body, expected_version=expected_version)
    made = _proposed(work, actor, row, dictionary=_document(body), note=note)
    return service.dictionary_read(work, row) if made is None else read(made, row)


def change_both(
    work: Work, actor: Actor, dataset_id: str, body: DatasetUpdate, dictionary: Dictionary,
    *, expected_version: int | None = None, note: str = "",
) -> DatasetRead | ProposalRead:  # fmt: skip
    """Change fields and replace the dictionary in one step, complete only together."""
    row = service.editable(work, actor, dataset_id, expected_version)
    conditions.same_identity(row, body)
    if body.relations:
        relations.demand_sound(work, actor, row.id, body.relations, row.relations)
    if not _is_reviewed(actor, row):
        return service.rewrite(work, actor, dataset_id, body, dictionary)
    sent = body.model_dump(mode="json", exclude_unset=True, exclude={"resource_code", "publisher"})
    made = _proposed(work, actor, row, fields=sent, dictionary=_document(dictionary), note=note)
    return service.read(work, row) if made is None else read(made, row)


def describe(
    work: Work, actor: Actor, row: DatasetRow, body: DatasetUpdate, name: str, document: Mapping[str, Any]
) -> ProposalRead | None:
    """Write fields with what a client says beyond them (`catalog.imports.keep`), each in the same way as `change`."""
    if not _is_reviewed(actor, row):
        if body.model_fields_set:
            service.update(work, actor, row.id, body)
        imports.keep(work, actor, row, name, document, is_import=False)
        return None
    service.editable(work, actor, row.id, None)
    sent = body.model_dump(mode="json", exclude_unset=True)
    made = _proposed(work, actor, row, fields=sent, description={"name": name, "document": dict(document)})
    return None if made is None else read(made, row)


def ask_publication(
    work: Work, actor: Actor, dataset_id: str, *, expected_version: int | None = None, note: str = ""
) -> ProposalRead:
    """Hand a complete draft to a second person. Raises Conflict with everything that is missing or contradictory."""
    row = queries.writable(work, actor, dataset_id)
    conditions.same_version(row, expected_version)
    advance_record(State(row.state), Step.PUBLISH)
    conditions.demand_complete(row.id, service.objections(work, actor, dataset_id))
    open_ = _own_open(work, actor, row)
    made = open_ or _new(work, actor, row, "publish")
    made.base_version, made.authors, made.note = (
        row.version,
        proposals.writers(work, row.id),
        note.strip()[:2000],
    )
    _kept(work, actor, made, is_new=open_ is None)
    return read(made, row)


def accept(work: Work, actor: Actor, proposal_id: str, body: ProposalDecision) -> ProposalRead:
    """Let it stand. Raises Stale where the record, or the proposal, changed since; Conflict where it is incomplete by now."""
    made, row = for_step(work, actor, proposal_id, ProposalStep.ACCEPT, body.version)
    made.takes_effect_at = None  # now, whatever moment was named before
    let_stand(work, actor, made, row)
    return decided(work, actor, made, row, ProposalStep.ACCEPT, "")


def let_stand(work: Work, actor: Actor, made: ProposalRow, row: DatasetRow) -> None:
    """Do to the record what the proposal says. Raises what `accept` raises."""
    demand_unchanged(work, made, row)
    if made.kind == "publish":
        service.publish(work, actor, row.id)
    else:
        _apply(work, actor, made, row)


def demand_unchanged(work: Work, made: ProposalRow, row: DatasetRow) -> None:
    """Raise Stale where the record is no longer what the proposal was made on."""
    if made.kind == "publish":
        if row.version != made.base_version:
            raise Stale(
                Text(
                    "草稿在提请发布之后又有修改；请撰写人再次提请发布。",
                    "The draft changed after publication was asked for; its author asks again.",
                ),
                version=row.version,
            )
        return
    gone = rules.drifted(made.fields, row.model_dump(mode="json"))
    if made.dictionary is not None and _present_dictionary(work, row) not in made.dictionary.values():
        gone.append("columns")
    if gone:
        names = [rules.label(name) for name in gone]
        raise Stale(
            Text(
                f"提出之后，这些项已被另行修改：{'、'.join(each.zh for each in names)}；请退回，由提出人重新提出。",
                f"These changed since it was proposed: {', '.join(each.en for each in names)}; return it, so that its author proposes anew.",
            ),
            fields=gone,
        )


def give_back(work: Work, actor: Actor, proposal_id: str, body: ProposalReturn) -> ProposalRead:
    """Return it to its author with a reason; the record stays as it is."""
    made, row = for_step(work, actor, proposal_id, ProposalStep.RETURN, body.version)
    return decided(work, actor, made, row, ProposalStep.RETURN, body.reason.strip())


def take_back(work: Work, actor: Actor, proposal_id: str, body: ProposalDecision) -> ProposalRead:
    """Its author no longer wants it."""
    made, row = for_step(work, actor, proposal_id, ProposalStep.TAKE_BACK, body.version)
    return decided(work, actor, made, row, ProposalStep.TAKE_BACK, "")


def listed(
    work: Work, actor: Actor, *, state: str = "", dataset_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ProposalRead], int]:
    """Proposals within the actor's sight, newest first."""
    found, total = proposals.listed(
        work, actor, state=state, dataset_id=dataset_id, offset=offset, limit=limit
    )
    return [read(made, row) for made, row in found], total


def waiting(work: Work, dataset_id: str) -> ProposalRead | None:
    """What waits for a decision on a record, for its own page."""
    made = proposals.open_of(work, dataset_id)
    return read(made, queries.by_id(work, dataset_id)) if made else None


def wished(work: Work, actor: Actor, dataset_id: str, former: str = "") -> dict[str, Any]:
    """Field values that the actor wishes for: of the named proposal of this record, else of his own open one."""
    if former:
        made, row = proposals.proposal(work, actor, former)
        found = made if row.id == dataset_id else None
    else:
        open_ = proposals.open_of(work, dataset_id)
        found = open_ if open_ and open_.proposed["person_id"] == actor.person_id else None
    return {name: after for name, (_, after) in found.fields.items()} if found else {}


def wished_dictionary(work: Work, actor: Actor, row: DatasetRow) -> Dictionary:
    """The dictionary as the actor's own open proposal would have it, else as it stands."""
    open_ = proposals.open_of(work, row.id)
    is_own = open_ is not None and open_.proposed["person_id"] == actor.person_id
    document = open_.dictionary["after"] if open_ is not None and is_own and open_.dictionary else None
    return Dictionary.model_validate(document or _present_dictionary(work, row))


def wished_description(work: Work, actor: Actor, dataset_id: str) -> dict[str, Any] | None:
    """What the actor's own open proposal says beyond our fields: `name` and `document`."""
    open_ = proposals.open_of(work, dataset_id)
    is_own = open_ is not None and open_.proposed["person_id"] == actor.person_id
    return open_.description if open_ is not None and is_own else None


def detail(work: Work, actor: Actor, proposal_id: str) -> ProposalDetail:
    """One proposal with its difference and the steps open to this reader."""
    made, row = proposals.proposal(work, actor, proposal_id)
    state = ProposalState(made.state)
    present = row.model_dump(mode="json")
    gone = set(rules.drifted(made.fields, present)) if state in WAITING else set()
    dictionary = made.dictionary or {"before": {"columns": []}, "after": {"columns": []}}
    shown = [
        FieldChange(
            name=name, label_zh=rules.label(name).zh, label_en=rules.label(name).en, before=before, after=after,
            is_drifted=name in gone,
        )
        for name, (before, after) in made.fields.items()
    ]  # fmt: skip
    steps = [
        ProposalStepRead(
            step=step.value, allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for source, step in MOVES
        if source is state and actor.may_in(proposals.REVIEW, row.publisher) and step is not ProposalStep.AMEND
        for reasons in [rules.objections(state, step, actor.person_id, made.proposed["person_id"], made.authors)]
    ]  # fmt: skip
    against_it = against(work, made, row) if state in WAITING else ()
    return ProposalDetail(
        **read(made, row).model_dump(),
        is_held_up=state in WAITING and _is_held_up(work, made, row),
        fields=shown,
        columns=[
            ColumnChange(name=name, kind=kind, facts=facts)
            for name, kind, facts in rules.columns_difference(
                dictionary["before"]["columns"], dictionary["after"]["columns"]
            )
        ],
        objections=[
            {"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis, **r.facts}
            for r in against_it
        ],
        steps=steps,
    )


def _is_held_up(work: Work, made: ProposalRow, row: DatasetRow) -> bool:
    try:
        demand_unchanged(work, made, row)
    except Stale:
        return True
    return False


def _is_reviewed(actor: Actor, row: DatasetRow) -> bool:
    return row.state == State.PUBLISHED and actor.via != "system"


def _document(body: Dictionary) -> dict[str, Any]:
    """A dictionary as JSON that says only what is not the default."""
    return body.model_dump(mode="json", exclude_defaults=True)


def _present_dictionary(work: Work, row: DatasetRow) -> dict[str, Any]:
    held = service.dictionary_read(work, row).model_dump(exclude={"dataset_id", "version"})
    columns = [{key: value for key, value in each.items() if key != "position"} for each in held["columns"]]
    return _document(Dictionary.model_validate(held | {"columns": columns}))


def _proposed(
    work: Work, actor: Actor, row: DatasetRow, *, fields: Mapping[str, Any] = _NOTHING,
    dictionary: dict[str, Any] | None = None, description: dict[str, Any] | None = None, note: str = "",
) -> ProposalRow | None:  # fmt: skip
    """The author's one open proposal with this change put into it; None when nothing differs from the record."""
    open_ = _own_open(work, actor, row)
    present = row.model_dump(mode="json")
    kept = dict(open_.fields) if open_ else {}
    for name, value in fields.items():
        kept.pop(name, None)
        if present[name] != value:
            kept[name] = [present[name], value]
    held = open_.dictionary if open_ else None
    if dictionary is not None:
        before = _present_dictionary(work, row)
        held = None if before == dictionary else {"before": before, "after": dictionary}
    said = description or (open_.description if open_ else None)
    if not kept and held is None and not _says_more(work, row, said):
        if open_ is not None:
            decided(work, actor, open_, row, ProposalStep.TAKE_BACK, "")
        return None
    made = open_ or _new(work, actor, row, "change")
    made.base_version, made.fields, made.dictionary, made.description = row.version, kept, held, said
    made.note = note.strip()[:2000] or made.note
    conditions.demand_complete(row.id, against(work, made, row))
    _kept(work, actor, made, is_new=open_ is None)
    return made


def _says_more(work: Work, row: DatasetRow, said: Mapping[str, Any] | None) -> bool:
    if said is None:
        return False
    kept = imports.kept_of(work, [row.id]).get(row.id)
    return kept is None or kept.document != said["document"]


def against(work: Work, made: ProposalRow, row: DatasetRow) -> tuple[Any, ...]:
    """What would keep the record from being published if the proposal stood."""
    wanted = DatasetUpdate.model_validate({name: after for name, (_, after) in made.fields.items()})
    record = row.model_dump() | wanted.model_dump(exclude_unset=True)
    columns = (
        [column.model_dump() for column in Dictionary.model_validate(made.dictionary["after"]).columns]
        if made.dictionary
        else [column.model_dump() for column in queries.columns(work, row.id)]
    )
    return record_rules.objections(record, columns)


def _apply(work: Work, actor: Actor, made: ProposalRow, row: DatasetRow) -> None:
    body = DatasetUpdate.model_validate({name: after for name, (_, after) in made.fields.items()})
    dictionary = Dictionary.model_validate(made.dictionary["after"]) if made.dictionary else None
    service.rewrite(work, actor, row.id, body, dictionary)
    if made.description is not None:
        imports.keep(
            work, actor, row, made.description["name"], made.description["document"], is_import=False
        )


def _own_open(work: Work, actor: Actor, row: DatasetRow) -> ProposalRow | None:
    """The actor's open proposal on this record. Raises Conflict while somebody else's waits."""
    open_ = proposals.open_of(work, row.id)
    if open_ is None or open_.proposed["person_id"] == actor.person_id:
        return open_
    name = open_.proposed["name"]
    raise Conflict(
        Text(
            f"{name['zh']}对该记录的提议正待复核（/record-proposals/{open_.id}）；请先通过或退回它，再提出您的修改。",
            f"A proposal of {name['en']} on this record awaits review (/record-proposals/{open_.id}); accept or return it first, then propose yours.",
        ),
        proposal_id=open_.id,
    )


def _new(work: Work, actor: Actor, row: DatasetRow, kind: str) -> ProposalRow:
    hold(work, f"catalog/proposal/{row.id}")
    return ProposalRow(
        id=work.new_id(), dataset_id=row.id, publisher=row.publisher, kind=kind, base_version=row.version,
        proposed=stamp(actor), proposed_at=work.now, version=0,
    )  # fmt: skip


def _kept(work: Work, actor: Actor, made: ProposalRow, *, is_new: bool) -> None:
    if not is_new:  # what was accepted for a later moment and then amended is to be decided anew
        made.state = advance(ProposalState(made.state), ProposalStep.AMEND)
        made.decided = made.decided_at = made.takes_effect_at = None
    made.version += 1
    made.proposed_at = work.now
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, "dataset.proposed" if is_new else "dataset.proposal_amended", subject=made.id, dataset_id=made.dataset_id,
        payload={
            "kind": made.kind, "base_version": made.base_version, "fields": made.fields,
            "dictionary": made.dictionary is not None, "description": made.description is not None,
        },
    )  # fmt: skip


def for_step(
    work: Work, actor: Actor, proposal_id: str, step: ProposalStep, version: int | None
) -> tuple[ProposalRow, DatasetRow]:
    """The proposal and its record, locked, for a step that is the actor's to take."""
    made, row = proposals.proposal(work, actor, proposal_id)
    if not actor.may_in(proposals.REVIEW, row.publisher):
        raise NotFound(Text(f"没有提议 {proposal_id}。", f"There is no proposal {proposal_id}."))
    row = queries.writable(work, actor, row.id)  # locked; the proposal belongs to it
    work.db.refresh(made)
    if version not in (None, made.version):
        raise Stale(
            Text(
                f"提议已是第 {made.version} 稿，您看到的是第 {version} 稿；请重新打开后再决定。",
                f"The proposal is at draft {made.version}, you saw {version}; open it again and decide then.",
            ),
            version=made.version,
        )
    state = ProposalState(made.state)
    advance(state, step)
    refuse_if(rules.objections(state, step, actor.person_id, made.proposed["person_id"], made.authors))
    return made, row


def decided(
    work: Work, actor: Actor, made: ProposalRow, row: DatasetRow, step: ProposalStep, reason: str
) -> ProposalRead:
    """Write the decision down: who, when, why."""
    made.state = advance(ProposalState(made.state), step)
    made.decided, made.decided_at, made.reason = stamp(actor), work.now, reason
    made.version += 1
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, f"dataset.proposal_{made.state}", subject=made.id, dataset_id=row.id,
        payload={"kind": made.kind, "proposed_by": made.proposed["account_id"], "reason": reason},
    )  # fmt: skip
    return read(made, row)


def read(made: ProposalRow, row: DatasetRow) -> ProposalRead:
    decided = (made.decided or {}).get("name", {"zh": "", "en": ""})
    return ProposalRead(
        id=made.id, dataset_id=row.id, title_zh=row.title_zh, title_en=row.title_en or row.title_zh,
        publisher=row.publisher, kind=made.kind, state=made.state, base_version=made.base_version, note=made.note,
        proposed_zh=made.proposed["name"]["zh"], proposed_en=made.proposed["name"]["en"], proposed_at=made.proposed_at,
        decided_zh=decided["zh"], decided_en=decided["en"], decided_at=made.decided_at, reason=made.reason,
        takes_effect_at=made.takes_effect_at, changed_fields=list(made.fields), changes_dictionary=made.dictionary is not None, version=made.version,
    )  # fmt: skip
