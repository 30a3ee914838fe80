"""What was read under a grant without an extract, in place or as a preview, is looked at, and its release is kept for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from api.house import House
from api.routes.queries import desk_of
from datasets.queries import masked
from datasets.queries.masked import MaskedAsk
from datasets.releases import retention
from datasets.releases.retention import RetentionSet
from datasets.releases.tables import ReleaseRow
from datasets.sharing import service as sharing
from datasets.sharing.tables import ViewRow
from tests.api.test_release_promises import a_second_release, a_second_release_after
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.queries.test_masked import a_preview_scene
from tests.datasets.sharing.reading import makes, reader
from tests.people import a_person, actor_of, client_as


def _begins(scene: Scene, view: ViewRow) -> None:
    """Its bytes are on their way; whether all arrive nobody knows yet, or the server was killed."""
    who = reader(scene)
    with scene.house.write() as work:
        sharing.begin(work, who, view)


def _phones(scene: Scene, view: ViewRow) -> bytes:
    phones = pq.read_table(scene.house.files.path(view.sha256 or "")).column("contact_phone").to_pylist()
    return "\n".join(each for each in phones if each).encode()


def _traced(scene: Scene, leak: bytes) -> dict[str, Any]:
    answer = client_as(scene.house, "watch").post("/api/v1/traces", content=leak)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_whoever_began_to_read_a_view_is_looked_at_though_its_end_was_never_written_down(
    house: House,
) -> None:
    scene = a_scene(house)
    view = makes(scene)
    assert (_traced(scene, _phones(scene, view))["named"], view.last_read_at) == ([], None)
    _begins(scene, view)
    (found,) = _traced(scene, _phones(scene, view))["named"]
    assert (found["grant_id"], found["hits"]) == (scene.grant_id, 4)
    assert [(each["kind"], each["id"], each["who"]) for each in found["deliveries"]] == [
        ("view", view.id, "analyst")
    ]


def _read_in_place(scene: Scene) -> None:
    _begins(scene, makes(scene))


def _looked_at(scene: Scene) -> None:
    with scene.house.read() as work:
        actor = actor_of(work, "analyst")
    masked.show(desk_of(scene.house), actor, MaskedAsk(grant_id=scene.grant_id))


@pytest.mark.parametrize(
    ("made", "reads"), [(a_scene, _read_in_place), (a_preview_scene, _looked_at)], ids=["view", "preview"]
)
def test_a_release_that_was_read_without_an_extract_is_not_retired(
    house: House, clock: TestClock, made: Callable[[House], Scene], reads: Callable[[Scene], None]
) -> None:
    scene = made(house)
    reads(scene)
    second = a_second_release(scene)
    last = a_second_release_after(scene, a_second_release_after(scene, second))
    with house.write() as work:
        a_person(work, "keeper", "bureau", ["catalog_admin"])
        keeper = actor_of(work, "keeper")
        retention.set_rule(work, keeper, last.dataset_id, RetentionSet(keep_last=2, keep_years=1))
    clock.forward(days=400)
    with house.write() as work:
        before = retention.show(work, keeper, last.dataset_id).items
        retention.apply(work, keeper, last.dataset_id)
    codes = {each["release_id"]: [reason["code"] for reason in each["reasons"]] for each in before}
    assert (codes[scene.release_id], codes[second.id]) == (["read-under-grants"], [])
    with house.read() as work:
        rows = {each.id: each.state for each in work.db.exec(select(ReleaseRow))}
    assert (rows[scene.release_id], rows[second.id]) == ("superseded", "retired")


def test_a_view_that_was_made_and_never_read_keeps_no_release(house: House) -> None:
    scene = a_scene(house)
    makes(scene)
    last = a_second_release(scene)
    with house.read() as work:
        ((row, reasons),) = retention.plan(work, last.dataset_id, None)
    assert (row.id, [each.code for each in reasons]) == (scene.release_id, ["no-rule"])


def test_a_release_whose_file_is_gone_is_told_of(house: House) -> None:
    scene = a_scene(house)
    view = makes(scene)
    _begins(scene, view)
    leak = _phones(scene, view)
    assert _traced(scene, leak)["is_cut"] is False
    with house.read() as work:
        house.files.remove(work.db.get_one(ReleaseRow, scene.release_id).sha256 or "")
    found = _traced(scene, leak)
    assert (found["named"], found["is_cut"]) == ([], True)
