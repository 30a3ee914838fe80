"""What releases promise over HTTP: differences, lineage, retention; each only as far as the reader may see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.durable import drain
from catalog.tables import ColumnRow
from core.errors import Gone
from datasets.releases import comparing, queries
from datasets.releases.tables import ReleaseRow
from tests.datasets.extracts.scene import ROWS, Scene, a_release, a_scene, a_table
from tests.people import a_person, client_as

OTHER = [(*row[:3], 987654, *row[4:]) if row[0] == "V2" else row for row in ROWS if row[0] != "V5"]


@pytest.fixture
def scene(sqlite_house: Any) -> Scene:
    return a_scene(sqlite_house)


def a_second_release(scene: Scene, rows: Any = OTHER) -> ReleaseRow:
    with scene.house.write() as work:
        first = work.db.get_one(ReleaseRow, scene.release_id)
        key = work.db.get_one(ColumnRow, (first.dataset_id, "venue_id"))
        key.primary = True
        work.db.add(key)
        row = a_release(
            work,
            scene.house.files,
            Path(scene.room),
            a_table(rows),
            number=first.number + 1,
            code=first.dataset_id,
        )
        first.superseded_at = work.now
        work.db.add(first)
        return row


def test_counts_are_for_all_values_for_the_departments_stewards(scene: Scene) -> None:
    new = a_second_release(scene)
    path = f"/api/v1/releases/diff?from={scene.release_id}&to={new.id}"
    for who in (None, "analyst", "auditor"):
        seen = client_as(scene.house, who).get(path).json()
        assert (seen["counts"]["removed"], seen["counts"]["changed"]) == (1, 1), seen
        assert (seen["shows_values"], seen["sample"]) == (False, [])
        assert (
            "987654" not in client_as(scene.house, who).get(f"/datasets/{new.dataset_id}/releases/diff").text
        )
    steward = client_as(scene.house, "steward_a")
    seen = steward.get(path).json()
    assert {
        "kind": "changed",
        "key": {"venue_id": "V2"},
        "before": {"rooms": "30"},
        "after": {"rooms": "987654"},
    } in seen["sample"]
    page = steward.get(f"/datasets/{new.dataset_id}/releases/diff", headers={"accept": "text/html"})
    assert (page.status_code, "V2" in page.text, "987654" in page.text) == (200, True, True)


def test_large_releases_are_compared_once_by_a_job(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "AT_ONCE_ROWS", 0)
    new = a_second_release(scene)
    path = f"/api/v1/releases/diff?from={scene.release_id}&to={new.id}"
    analyst, visitor = client_as(scene.house, "analyst"), client_as(scene.house)
    assert analyst.get(path).json()["state"] == "not-made"
    assert visitor.post(path).status_code == 401
    asked = analyst.post(path).json()
    assert (asked["state"], analyst.post(path).json()["job_id"]) == ("making", asked["job_id"])
    drain(scene.house)
    done = client_as(scene.house, "steward_a").get(path).json()
    assert (done["state"], done["counts"]["by_column"], len(done["sample"])) == ("ready", {"rooms": 1}, 2)
    job = analyst.get(f"/api/v1/jobs/{asked['job_id']}").json()
    assert job["result"] == {
        "older": scene.release_id,
        "newer": new.id,
        "added": 0,
        "removed": 1,
        "changed": 1,
    }
    assert analyst.get(path).json()["sample"] == []


def test_lineage_counts_what_a_reader_may_not_see(scene: Scene) -> None:
    mine = scene.delivered()
    with scene.house.write() as work:
        a_person(work, "stranger", "mapper", ["analyst"])
    path = f"/api/v1/releases/{scene.release_id}/lineage"
    own = client_as(scene.house, "analyst").get(path).json()
    assert [node["href"] for node in own["nodes"] if node["kind"] == "extract"] == [f"/extracts/{mine.id}"]
    for who in (None, "stranger", "steward_a"):
        client = client_as(scene.house, who)
        seen = client.get(path).json()
        assert (seen["hidden_extracts"], [n for n in seen["nodes"] if n["kind"] == "extract"]) == (1, []), who
        for form in ("", "?format=prov", "?format=openlineage"):
            assert mine.id not in client.get(path + form).text
            assert "insurer" not in client.get(path + form).text
        assert mine.id not in client.get(f"/releases/{scene.release_id}/lineage").text
    insider = [
        node
        for node in client_as(scene.house, "steward_a").get(path).json()["nodes"]
        if node["kind"] == "batch"
    ]
    outsider = [node for node in own["nodes"] if node["kind"] == "batch"]
    assert (insider[0]["href"] is not None, outsider[0]["href"], "name" in outsider[0]) == (True, None, False)


def test_lineage_speaks_prov_and_openlineage(scene: Scene) -> None:
    mine = scene.delivered()
    client = client_as(scene.house, "analyst")
    path = f"/api/v1/releases/{scene.release_id}/lineage"
    prov = client.get(f"{path}?format=prov").json()
    release = f"dg:release/{scene.release_id}"
    known = {**prov["entity"], **prov["activity"], **prov["agent"]}
    for relation in ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith", "wasAttributedTo"):
        for record in prov[relation].values():
            ends = [value for name, value in record.items() if name != "prov:type"]
            assert all(end in known for end in ends), (relation, record)
    assert f"dg:extract/{mine.id}" in {
        record["prov:generatedEntity"]
        for record in prov["wasDerivedFrom"].values()
        if record["prov:usedEntity"] == release
    }
    events = client.get(f"{path}?format=openlineage").json()
    assert [event["eventType"] for event in events].count("START") == 2
    assert [event["eventType"] for event in events].count("COMPLETE") == 2
    for event in events:
        assert {"eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"} <= set(event)
        assert len(event["run"]["runId"]) == 36
    assert events == sorted(events, key=lambda event: event["eventTime"])


def test_retention_retires_only_what_nothing_keeps(scene: Scene, clock: Any) -> None:
    cited = scene.delivered().release_id
    second = a_second_release(scene)
    third = a_second_release_after(scene, second)
    last = a_second_release_after(scene, third)
    with scene.house.write() as work:
        a_person(work, "keeper", "bureau", ["catalog_admin"])
    keeper = client_as(scene.house, "keeper")
    base = f"/api/v1/datasets/{last.dataset_id}/retention"
    assert client_as(scene.house, "steward_a").get(base).status_code == 403
    low = keeper.put(base, json={"keep_last": 1, "keep_years": 0}, headers={"accept-language": "en"})
    assert (low.status_code, "At least the last 2" in low.json()["detail"]) == (422, True), low.text
    plan = keeper.put(base, json={"keep_last": 2, "keep_years": 1}).json()["items"]
    assert all(item["reasons"] for item in plan)
    clock.forward(days=400)
    plan = {
        item["release_id"]: [r["code"] for r in item["reasons"]]
        for item in client_as(scene.house, "keeper").get(base).json()["items"]
    }
    assert plan == {third.id: ["among-the-last"], second.id: [], cited: ["cited-by-extracts"]}
    keeper = client_as(scene.house, "keeper")
    keeper.post(f"{base}/apply")
    with scene.house.read() as work:
        row = work.db.get_one(ReleaseRow, second.id)
        assert (row.state, row.retired and row.retired["files_freed"]) == ("retired", [second.sha256])
        assert work.db.get_one(ReleaseRow, cited).state == "superseded"
        assert not queries.is_deliverable(row)
        with pytest.raises(Gone):
            queries.release(work, second.id)
    assert scene.house.files.has(str(second.sha256)), "given free, not deleted"
    visitor = client_as(scene.house)
    assert visitor.get(f"/api/v1/releases/{second.id}").json()["state"] == "retired"
    assert visitor.get(f"/api/v1/releases/{second.id}/file").status_code == 410
    again = visitor.get(f"/api/v1/releases/diff?from={second.id}&to={last.id}")
    assert again.status_code == 409


def a_second_release_after(scene: Scene, former: ReleaseRow) -> ReleaseRow:
    with scene.house.write() as work:
        row = a_release(
            work,
            scene.house.files,
            Path(scene.room),
            a_table(OTHER),
            number=former.number + 1,
            code=former.dataset_id,
        )
        kept = work.db.get_one(ReleaseRow, former.id)
        kept.superseded_at = work.now
        work.db.add(kept)
        return row
