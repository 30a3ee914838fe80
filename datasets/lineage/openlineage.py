"""Lineage as OpenLineage run events (spec 2-0-2): the publishing of a release, and each extract that the reader may see.

Every run comes with its START and its end, oldest first, ready to be posted one by one to a lineage service.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from core.work import Work
from datasets import gate
from datasets.lineage.graph import Lineage, Node

_EVENT: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS: Final = "https://openlineage.io/spec/facets"
_SCHEMA: Final = f"{_FACETS}/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
_VERSION: Final = f"{_FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_ASSERTIONS: Final = (
    f"{_FACETS}/1-0-1/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet"
)


def run_events(work: Work, found: Lineage, base: str) -> list[dict[str, Any]]:
    """base: the installation's address; it is the namespace of jobs and datasets, and their producer."""
    row, batch = found.release, found.batch
    place = base.rstrip("/")
    source = {
        "namespace": place, "name": f"{row.dataset_id}.batch",
        "facets": {"version": _facet(place, _VERSION, datasetVersion=batch.sha256)},
        "inputFacets": {"dataQualityAssertions": _facet(place, _ASSERTIONS, assertions=_assertions(work, found))},
    }  # fmt: skip
    released = _released(found, place)
    job = {"namespace": place, "name": f"release.publish.{row.dataset_id}", "facets": {}}
    run_id = row.job_id or row.id
    events = _run(
        place, run_id, job, [source], [released], (row.requested_at, row.published_at), row.state != "failed"
    )
    for node in found.nodes:
        if node.kind == "extract":
            events += _extract(found, node, place)
    return sorted(events, key=lambda event: str(event["eventTime"]))


def _facet(producer: str, schema: str, **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"_producer": producer, "_schemaURL": schema, **facts}


def _released(found: Lineage, place: str) -> dict[str, Any]:
    row = found.release
    fields = [
        {
            "name": each["name"],
            "type": each["type"],
            "description": each.get("title_en") or each.get("title_zh", ""),
        }
        for each in row.columns
    ]
    return {
        "namespace": place, "name": row.dataset_id,
        "facets": {
            "schema": _facet(place, _SCHEMA, fields=fields),
            "version": _facet(place, _VERSION, datasetVersion=row.semver or str(row.number)),
        },
        "outputFacets": {},
    }  # fmt: skip


def _assertions(work: Work, found: Lineage) -> list[dict[str, Any]]:
    """Every rule of the verdict with its outcome; no value of any cell."""
    said = gate.verdict(work, found.release.verdict_id)
    told = []
    for each in said.expectations if said else []:
        column = each.kwargs.get("column")
        entry = {"assertion": each.type, "success": each.outcome == "passed"}
        told.append(entry | ({"column": column} if isinstance(column, str) else {}))
    return told


def _extract(found: Lineage, node: Node, place: str) -> list[dict[str, Any]]:
    key, facts = node.id.split(":", 1)[1], node.facts
    version = found.release.semver or str(found.release.number)
    source = {
        "namespace": place, "name": found.release.dataset_id, "inputFacets": {},
        "facets": {"version": _facet(place, _VERSION, datasetVersion=version)},
    }  # fmt: skip
    made = {
        "namespace": place,
        "name": f"{found.release.dataset_id}.extract.{key}",
        "facets": {},
        "outputFacets": {},
    }
    job = {"namespace": place, "name": f"extract.build.{facts['grant_id']}", "facets": {}}
    start, end = datetime.fromisoformat(facts["at"]), facts["ready_at"]
    times = (start, datetime.fromisoformat(end) if end else None)
    return _run(place, key, job, [source], [made], times, facts["state"] != "failed")


def _run(
    place: str,
    run_id: str,
    job: dict[str, Any],
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    times: tuple[datetime, datetime | None],
    went_well: bool,
) -> list[dict[str, Any]]:
    """START, and COMPLETE once it is over; a run that came to nothing ends with FAIL at the time of its start."""
    start, end = times
    event = {
        "producer": place, "schemaURL": _EVENT, "run": {"runId": run_id, "facets": {}}, "job": job, "inputs": inputs,
        "outputs": outputs,
    }  # fmt: skip
    events = [{"eventType": "START", "eventTime": start.isoformat(), **event}]
    if not went_well:
        events.append({"eventType": "FAIL", "eventTime": start.isoformat(), **event})
    elif end is not None:
        events.append({"eventType": "COMPLETE", "eventTime": end.isoformat(), **event})
    return events
