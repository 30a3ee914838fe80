"""A release and its successor, the whole way: columns in order, parts by month, signature, version number, notices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from api.durable import drain
from api.house import House
from auth.actor import SYSTEM
from catalog import service as catalog
from catalog.models import Dictionary
from core.errors import Conflict
from core.outbox import OutboxRow
from datasets.content import content_digest
from datasets.notices import service as notices
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from datasets.releases.offline import verify
from datasets.releases.signing import signer
from datasets.releases.tables import ReleaseRow
from tests.datasets.parking import (
    COLUMNS,
    DATASET,
    a_parking_dataset,
    hand_in,
    publish,
    recheck,
    the_release,
)
from tests.people import actor_of, browser_as, client_as

pytestmark = pytest.mark.gx
KEYED = [COLUMNS[0] | {"primary": True}, *COLUMNS[1:]]
FIRST = (
    "day,lot,name,total,free\n2026-03-01,P01,东门,120,13\n2026-04-01,P02,西门,80,0\n,P03,北门,,5\n".encode()
)
THEN = "lot,name,total,free,day\nP01,东门,120,14,2026-03-01\nP02,西门,80,0,2026-04-01\nP04,南门,9,5,2026-03-09\n".encode()


def describe(house: House, columns: list[dict[str, Any]], **layout: Any) -> None:
    with house.write() as work:
        body = Dictionary.model_validate({"columns": columns} | layout)
        catalog.replace_dictionary(work, SYSTEM, DATASET, body)


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work, columns=KEYED)
    describe(sqlite_house, KEYED, partition_by="day", partition_period="month", sort_by=["total", "lot"])
    return sqlite_house


def ask(house: House, who: str, batch_id: str, **more: Any) -> ReleaseRow:
    with house.write() as work:
        made = releases.request(work, actor_of(work, who), ReleaseCreate(batch_id=batch_id, **more))
    drain(house)
    return the_release(house, made.id)


def test_parts_signature_and_order_of_columns(stocked: House, tmp_path: Path) -> None:
    batch = hand_in(stocked, "lin", FIRST)
    release = publish(stocked, "zhou", batch.id)
    assert (release.state, release.semver) == ("published", "1.0.0"), release.problem
    whole = stocked.files.path(str(release.sha256))
    assert pq.read_schema(whole).names == ["lot", "name", "total", "free", "day"]
    assert pq.read_table(whole).column("total").to_pylist() == [80, 120, None]
    order = ["day", "lot", "name", "total", "free"]
    assert release.content_sha256 == batch.content_sha256 != content_digest(whole, order)
    manifest = tmp_path / "manifest.json"
    visitor = client_as(stocked)
    manifest.write_bytes(visitor.get(f"/api/v1/releases/{release.id}/manifest").content)
    said = json.loads(manifest.read_bytes())
    assert (said["content"]["judged_order"], said["content"]["sorted_by"]) == (order, ["total", "lot"])
    key = visitor.get("/.well-known/datagrant-release-key").text
    assert key == visitor.get("/api/v1/releases/key").text == signer(stocked.settings).verifier.text() + "\n"
    assert release.signing_key == signer(stocked.settings).verifier.key_id.hex()
    parts = said["files"]["partitions"]["files"]
    assert [(part["value"], part["rows"]) for part in parts] == [
        ("2026-03", 1),
        ("2026-04", 1),
        ("undated", 1),
    ]
    for asked in ("?format=parquet", "?format=csv", "?partition=2026-03", "?partition=undated"):
        taken = tmp_path / "taken"
        taken.write_bytes(visitor.get(f"/api/v1/releases/{release.id}/file{asked}").content)
        assert verify(taken, manifest, key).flaws == [], asked
    assert visitor.get(f"/api/v1/releases/{release.id}/file?partition=1999-01").status_code == 404
    page = browser_as(stocked, "lin").get(f"/releases/{release.id}").text
    assert all(word in page for word in ("1.0.0", "2026-04", str(release.signing_key)))


def test_a_breaking_release_is_acknowledged_and_told_to_followers(stocked: House, clock: Any) -> None:
    publish(stocked, "zhou", hand_in(stocked, "lin", FIRST).id)
    eye = browser_as(stocked, "eye")
    assert eye.submit(f"/datasets/{DATASET}/follow").status_code == 303
    assert client_as(stocked, "eye").get("/api/v1/me/follows").json()["total"] == 1
    describe(stocked, [*KEYED[:3], KEYED[3] | {"unit": "辆"}, KEYED[4]])
    clock.forward(hours=1)
    batch = hand_in(stocked, "lin", THEN)
    shown = client_as(stocked, "zhou").get(f"/api/v1/releases/preview?batch_id={batch.id}").json()
    assert (shown["semver"], shown["impact"]) == ("2.0.0", "major")
    assert [change["kind"] for change in shown["changes"]] == ["unit-changed"]
    for how in ({}, {"note": "单位改为辆"}, {"accepts_breaking": True}):
        with pytest.raises(Conflict) as refused:
            ask(stocked, "zhou", batch.id, **how)
        assert [reason.code for reason in refused.value.reasons] == ["breaking-change-not-acknowledged"]
    zhou = browser_as(stocked, "zhou")
    assert 'name="accepts_breaking"' in zhou.get(f"/batches/{batch.id}").text
    refused_page = zhou.submit(f"/batches/{batch.id}/publish", note="单位改为辆")
    assert (refused_page.status_code, "单位改为辆" in refused_page.text) == (409, True)
    done = zhou.submit(f"/batches/{batch.id}/publish", note="单位改为辆", accepts_breaking="yes")
    assert done.status_code == 303
    drain(stocked)
    release = the_release(stocked, done.headers["location"].rsplit("/", 1)[-1])
    assert (release.semver, release.state) == ("2.0.0", "published"), release.problem
    told = client_as(stocked, "eye").get("/api/v1/me/notices").json()
    assert [(each["kind"], each["is_new"]) for each in told["items"]] == [("breaking", True)]
    assert told["unread"] == 1
    difference = client_as(stocked, "eye").get(
        "/api/v1" + told["items"][0]["difference"].replace(f"/datasets/{DATASET}", "", 1)
    )
    assert difference.json()["counts"]["added"] == 1
    assert difference.json()["counts"]["by_column"] == {"free": 1}
    with stocked.read() as work:
        bodies = [json.loads(row.body) for row in work.db.exec(select(OutboxRow).order_by(OutboxRow.id))]
    assert [(body["semver"], body["impact"]) for body in bodies] == [("1.0.0", "patch"), ("2.0.0", "major")]
    clock.forward(minutes=1)
    eye = browser_as(stocked, "eye")
    assert "关注的数据集有变化" in eye.get("/").text
    assert "2.0.0" in eye.get("/me/notices").text
    eye.submit("/me/notices/read")
    clock.forward(minutes=1)
    with stocked.write() as work:
        releases.withdraw(work, actor_of(work, "guard"), release.id, "坐标有误")
    with stocked.read() as work:
        mine = notices.notices(work, actor_of(work, "eye"))
        assert [(each.kind, each.is_new) for each in mine] == [("withdrawn", True), ("breaking", False)]
        assert notices.notices(work, actor_of(work, "lin")) == []
    client_as(stocked, "eye").delete(f"/api/v1/datasets/{DATASET}/follow")
    assert client_as(stocked, "eye").get("/api/v1/me/notices").json()["total"] == 0


def test_who_can_no_longer_see_a_dataset_is_no_longer_told(stocked: House, clock: Any) -> None:
    with stocked.write() as work:
        notices.follow(work, actor_of(work, "other"), DATASET)
    clock.forward(minutes=1)
    publish(stocked, "zhou", hand_in(stocked, "lin", FIRST).id)
    with stocked.read() as work:
        assert len(notices.notices(work, actor_of(work, "other"))) == 1
    with stocked.write() as work:
        catalog.withdraw(work, SYSTEM, DATASET, "不再维护这些数据")
    with stocked.read() as work:
        other = actor_of(work, "other")
        assert (notices.notices(work, other), notices.unread(work, other), notices.followed(work, other)) == (
            [],
            0,
            [],
        )


def test_a_partition_column_that_is_no_date_is_told_and_nothing_is_published(stocked: House) -> None:
    describe(stocked, KEYED, partition_by="name")
    batch = hand_in(stocked, "lin", FIRST)
    recheck(stocked, "lin", batch.id)
    release = publish(stocked, "zhou", batch.id)
    assert (release.state, release.sha256) == ("failed", None)
    assert "name" in (release.problem or {})["en"]
