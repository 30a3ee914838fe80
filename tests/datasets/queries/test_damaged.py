"""A release file that is not what was judged: no figure of it is told, nothing is charged, and the answer says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.house import House
from auth.grants import queries as grants
from auth.grants import usage
from core.errors import Unavailable
from core.files import FileStore
from datasets.queries.verifying import service as verifying
from datasets.releases.queries import current
from datasets.releases.whole import whole
from tests.datasets.enclave.scene import an_enclave_scene
from tests.datasets.queries.scene import CONSENT, STAYS, QueryScene, a_query_scene, figures, stays
from tests.people import client_as

ASKS: dict[str, Callable[[QueryScene], object]] = {
    "query_agg": lambda scene: scene.query(group_by=[{"column": "lot"}]),
    "query_dp": lambda scene: scene.private(),
    "verify": lambda scene: scene.verify(),
}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "query_agg": ("/api/v1/queries", {}),
    "query_dp": ("/api/v1/queries/private", {"measure": {"kind": "count"}, "epsilon_micro": 500_000}),
    "verify": ("/api/v1/verifications", {"key": {"plate": "粤B00007"}, "claim": None, "consent": CONSENT}),
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "STEP", 0.0)


def _damage(scene: QueryScene) -> str:
    """One byte of the current release's file is another; its digest."""
    with scene.house.read() as work:
        release = current(work, STAYS)
    assert release is not None
    sha256 = str(release.sha256)
    file = scene.house.files.path(sha256)
    held = bytearray(file.read_bytes())
    held[len(held) // 3] ^= 1
    file.chmod(0o640)
    file.write_bytes(held)
    return sha256


def _left(scene: QueryScene) -> tuple[object, ...]:
    with scene.house.read() as work:
        used = grants.view(work, scene.grant_id).used
        return used, len(usage.events(work, scene.grant_id)), scene.budget().spent_micro


def _scene(house: House) -> QueryScene:
    scene = a_query_scene(house)
    scene.caps()
    return scene


@pytest.mark.parametrize("form", ASKS)
def test_nothing_is_told_of_a_damaged_file_and_nothing_charged(house: House, form: str) -> None:
    scene = _scene(house)
    before, sha256 = _left(scene), _damage(scene)
    with pytest.raises(Unavailable) as refused:
        ASKS[form](scene)
    assert sha256[:12] in refused.value.detail.zh
    assert "does not match its digest" in refused.value.detail.en
    assert _left(scene) == before


@pytest.mark.parametrize("form", ASKS)
def test_a_file_damaged_after_a_question_is_found_by_the_next(sqlite_house: House, form: str) -> None:
    """What was worked out for the first is kept, and does not stand for the file."""
    scene = _scene(sqlite_house)
    scene.query()
    _damage(scene)
    with pytest.raises(Unavailable):
        ASKS[form](scene)


def test_what_was_told_before_is_told_again_without_the_file(sqlite_house: House) -> None:
    scene = _scene(sqlite_house)
    told = scene.private()
    _damage(scene)
    assert scene.private().rows == told.rows


def test_an_earlier_release_that_answers_are_held_against_must_be_whole(sqlite_house: House) -> None:
    scene = _scene(sqlite_house)
    scene.query()
    _damage(scene)
    scene.releases([*stays(), *((f"N{n}", f"粤C{n:05}", "A", 1, 5.0, 30, "") for n in range(40))], 2)
    with pytest.raises(Unavailable):
        scene.query()


def test_the_enclave_does_not_compute_on_a_damaged_file(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house)
    made = scene.submits()
    scene.decides(made.id)
    _damage(scene)
    scene.works()
    assert scene.shown(made.id).review_id is None
    assert scene.shown(made.id).state not in ("in_review", "released")


@pytest.mark.parametrize("form", ASKS)
def test_over_http_the_answer_says_so_in_words(sqlite_house: House, form: str) -> None:
    scene = _scene(sqlite_house)
    _damage(scene)
    path, more = BODIES[form]
    body = scene.body() | more
    if form != "query_agg":
        del body["select"]
    answer = client_as(scene.house, "analyst").post(path, json=body, headers={"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()["title"]) == (503, "服务暂不可用")
    assert "校验不符" in answer.json()["detail"]


class _CopyOfABucket(FileStore):
    """A store whose bucket holds the right bytes, whatever this machine's copy has become."""

    def verify(self, sha256: str) -> bool:
        return bool(sha256)

    def verify_copy(self, sha256: str) -> bool:
        return super().verify(sha256)


def test_the_copy_that_is_read_is_what_is_hashed(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house)
    sha256, store = _damage(scene), _CopyOfABucket(sqlite_house.files.root)
    assert store.verify(sha256)
    with pytest.raises(Unavailable):
        whole(store, sha256)


def test_a_whole_file_is_read_where_it_lies(sqlite_house: House) -> None:
    scene = a_query_scene(sqlite_house)
    with sqlite_house.read() as work:
        sha256 = str(getattr(current(work, STAYS), "sha256", ""))
    assert whole(sqlite_house.files, sha256) == sqlite_house.files.path(sha256)
    assert figures(scene.query()) == {None: 240}
