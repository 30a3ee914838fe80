"""CKAN's relationships, written: they are the relations that our records state (`catalog.relations`), changed under the same rules.

A `comment` that names one of our kinds chooses among those that CKAN has one word for; any other comment has no place here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlmodel import col

from catalog import queries
from catalog.ckan import shape
from catalog.ckan.actions import Action, Call, find, names
from catalog.ckan.errors import invalid, not_found
from catalog.ckan.shape import Json
from catalog.ckan.writing import note_waiting, writable
from catalog.models import DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from catalog.relations import kinds
from catalog.rules import SERIES
from catalog.tables import DatasetRow
from catalog.workflow import State

_USUAL: Final[Mapping[str, str]] = {
    "child_of": "isPartOf", "parent_of": "hasPart", "links_to": "references", "linked_from": "isReferencedBy",
    "derives_from": "source", "has_derivation": "isSourceOf", "depends_on": "requires", "dependency_of": "isRequiredBy",
}  # fmt: skip
"""CKAN's word → our kind, where the comment names none."""
_OF_SERIES: Final = {"child_of": kinds.IN_SERIES, "parent_of": kinds.KINDS[kinds.IN_SERIES].inverse}


def package_relationship_create(call: Call) -> Json:
    """State how a dataset (`subject`) stands to another (`object`): `type` as CKAN names it, our own kind as `comment`. Stated before, it stays."""
    subject, other = _ends(call)
    kind = _chosen(call, subject, other)
    if not _stated(call, subject, other, [kind]):
        _change(call, subject, other.id, add=kind)
    return _told(call, subject, other, kind)


def package_relationship_update(call: Call) -> Json:
    """Say a relation of this `type` by another kind (`comment`)."""
    subject, other = _ends(call)
    kind = _chosen(call, subject, other)
    kept = _demand_stated(call, subject, other)
    if kind not in kept:
        _take_back(call, subject, other, kept[:1])
        _change(call, subject, other.id, add=kind)
    return _told(call, subject, other, kind)


def package_relationship_delete(call: Call) -> None:
    """Take back what is stated of this `type` (or of this kind alone, as `comment`), whichever of the two records states it."""
    subject, other = _ends(call)
    kept = _demand_stated(call, subject, other)
    named = call.text("comment")
    _take_back(call, subject, other, [named] if named in kept else kept)


def _ends(call: Call) -> tuple[DatasetRow, DatasetRow]:
    """Both records. What the caller may not know of is not found, and only what he may write is changed."""
    for name in ("subject", "object", "type"):
        call.wanted(name)
    if call.text("type") not in _USUAL:
        raise invalid(type=f"Value must be one of: {'; '.join(_USUAL)}")
    subject = writable(call, call.text("subject"))
    other = find(
        call, call.text("object"), queries.visible(call.actor), col(DatasetRow.state) != State.WITHDRAWN
    )
    return subject, other


def _chosen(call: Call, subject: DatasetRow, other: DatasetRow) -> str:
    """The kind that is meant."""
    type_, named = call.text("type"), call.text("comment")
    if named in kinds.STATED and shape.relationship_type(named) == type_:
        return named
    series = {"child_of": other, "parent_of": subject}.get(type_)
    return _OF_SERIES[type_] if series is not None and series.record_type == SERIES else _USUAL[type_]


def _stated(call: Call, subject: DatasetRow, other: DatasetRow, wanted: Iterable[str]) -> list[str]:
    """Which of these kinds, as the subject says them, either of the two states; with what the caller has waiting."""
    here = {kind for kind, code in _pairs(call, subject) if code == other.id}
    there = {kinds.KINDS[kind].inverse for kind, code in _pairs(call, other) if code == subject.id}
    return [kind for kind in wanted if kind in here | there]


def _demand_stated(call: Call, subject: DatasetRow, other: DatasetRow) -> list[str]:
    of_type = [kind for kind in kinds.KINDS if shape.relationship_type(kind) == call.text("type")]
    if not (found := _stated(call, subject, other, of_type)):
        raise not_found("This relationship was not found")
    return found


def _pairs(call: Call, row: DatasetRow) -> list[tuple[str, str]]:
    wish = proposals.wished(call.work, call.actor, row.id)
    return kinds.pairs(wish.get("relations", row.relations), wish.get("related_codes", row.related_codes))


def _take_back(call: Call, subject: DatasetRow, other: DatasetRow, wanted: Iterable[str]) -> None:
    for kind in wanted:
        if (kind, other.id) in _pairs(call, subject):
            _change(call, subject, other.id, remove=kind)
        inverse = kinds.KINDS[kind].inverse
        if (inverse, subject.id) in _pairs(call, other):
            _change(call, writable(call, other.id), subject.id, remove=inverse)


def _change(call: Call, row: DatasetRow, code: str, *, add: str = "", remove: str = "") -> None:
    """A draft changes at once; of a published record the change waits for a second person."""
    pairs = [pair for pair in _pairs(call, row) if pair != (remove, code)] + ([(add, code)] if add else [])
    body = DatasetUpdate(
        relations=[kinds.written(*pair) for pair in pairs if pair[0] != kinds.RELATED],
        related_codes=[each for kind, each in pairs if kind == kinds.RELATED],
    )
    made = proposals.change(call.work, call.actor, row.id, body)
    if isinstance(made, ProposalRead):
        note_waiting(call, made)
    else:
        call.changed.append(row.id)


def _told(call: Call, subject: DatasetRow, other: DatasetRow, kind: str) -> Json:
    first, second = names(call, [subject.id, other.id])
    return {"subject": first, "type": shape.relationship_type(kind), "object": second, "comment": kind}


WRITES: Final[Mapping[str, Action]] = {
    each.__name__: each
    for each in (package_relationship_create, package_relationship_update, package_relationship_delete)
}
