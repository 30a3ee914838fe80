"""Lineage as PROV-JSON (W3C member submission of 2013-04-24). Agents are organisations; persons stay out of it."""

from __future__ import annotations

from typing import Any

from datasets.lineage.graph import Lineage, Node

Records = dict[str, dict[str, Any]]


def prov_json(found: Lineage, base: str) -> dict[str, Any]:
    """base: the installation's address; names of things are addresses under it."""
    row, batch = found.release, found.batch
    department, gate, publishing = (
        _q("org", row.org_id),
        _q("gate-run", row.verdict_id),
        _q("publishing", row.id),
    )
    suite, verdict = _q("suite", row.suite_version_id), _q("verdict", row.verdict_id)
    source, release = _q("batch", batch.id), _q("release", row.id)
    published = row.published_at.isoformat() if row.published_at else None
    document: dict[str, Any] = {
        "prefix": {"dg": f"{base.rstrip('/')}/id/", "prov": "http://www.w3.org/ns/prov#"},
        "entity": {_q(*node.id.split(":", 1)): _entity(node) for node in found.nodes if node.kind != "others"},
        "activity": {
            gate: {"prov:label": "quality gate"},
            publishing: _times(row.requested_at.isoformat(), published) | {"prov:label": "publishing"},
        },
        "agent": {department: {"prov:type": _name("prov:Organization")}},
        "used": _numbered("u", "prov:activity", "prov:entity", [(gate, source), (gate, suite), (publishing, source), (publishing, verdict)]),
        "wasGeneratedBy": _numbered("g", "prov:entity", "prov:activity", [(verdict, gate), (release, publishing)]),
        "wasDerivedFrom": _numbered("d", "prov:generatedEntity", "prov:usedEntity", [(release, source)]),
        "wasAssociatedWith": _numbered("a", "prov:activity", "prov:agent", [(publishing, department)]),
        "wasAttributedTo": _numbered("t", "prov:entity", "prov:agent", [(release, department), (source, department)]),
    }  # fmt: skip
    _revisions(found, document["wasDerivedFrom"])
    _extracts(found, document)
    return document


def _q(kind: str, key: str) -> str:
    return f"dg:{kind}/{key}"


def _name(value: str) -> dict[str, str]:
    return {"$": value, "type": "prov:QUALIFIED_NAME"}


def _numbered(letter: str, left: str, right: str, pairs: list[tuple[str, str]]) -> Records:
    return {f"_:{letter}{n}": {left: one, right: other} for n, (one, other) in enumerate(pairs, 1)}


def _entity(node: Node) -> dict[str, Any]:
    facts = {f"dg:{name}": value for name, value in node.facts.items() if value is not None}
    return {"prov:label": node.label.en, "prov:type": _name(f"dg:{node.kind.capitalize()}"), **facts}


def _times(start: str | None, end: str | None) -> dict[str, str]:
    return {name: at for name, at in (("prov:startTime", start), ("prov:endTime", end)) if at}


def _revisions(found: Lineage, derived: Records) -> None:
    """A release revises the one before it, a correction the batch that it corrects."""
    for link in found.links:
        if link.kind in ("revised", "corrects"):
            derived[f"_:d{len(derived) + 1}"] = {
                "prov:generatedEntity": _q(*link.target.split(":", 1)),
                "prov:usedEntity": _q(*link.source.split(":", 1)),
                "prov:type": _name("prov:Revision"),
            }


def _extracts(found: Lineage, document: dict[str, Any]) -> None:
    """One activity and one agent per extract that the reader may see."""
    release = _q("release", found.release.id)
    for node in found.nodes:
        if node.kind != "extract":
            continue
        key, agent = node.id.split(":", 1)[1], _q("org", node.facts["org_id"])
        entity, activity = _q("extract", key), _q("extraction", key)
        document["activity"][activity] = _times(node.facts["at"], node.facts["ready_at"])
        document["agent"][agent] = {"prov:type": _name("prov:Organization")}
        for relation, left, right, pair in (
            ("used", "prov:activity", "prov:entity", (activity, release)),
            ("wasGeneratedBy", "prov:entity", "prov:activity", (entity, activity)),
            ("wasDerivedFrom", "prov:generatedEntity", "prov:usedEntity", (entity, release)),
            ("wasAssociatedWith", "prov:activity", "prov:agent", (activity, agent)),
        ):
            records = document[relation]
            records[f"_:{relation[0]}x{len(records) + 1}"] = {left: pair[0], right: pair[1]}
