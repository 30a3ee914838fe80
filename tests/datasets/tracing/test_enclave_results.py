"""What left the enclave is traced as what left otherwise, by the pseudonyms that it holds, and is told by its request."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from api.house import House
from datasets.extracts.tables import ExtractRow
from tests.datasets.enclave.scene import MASKED, EnclaveScene, an_enclave_scene
from tests.people import client_as

HIDDEN: list[dict[str, Any]] = [
    *(each for each in MASKED if each["name"] not in ("lot", "plate")),
    {"name": "lot", "reason": "区分不同停车场", "use": "pseudonymised"},
]


def _traced(house: House, leak: bytes) -> dict[str, Any]:
    answer = client_as(house, "watch").post("/api/v1/traces", content=leak)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _released(scene: EnclaveScene) -> tuple[str, str, bytes]:
    """The request, the extract and the file of a result that was released."""
    made = scene.computed()
    done = scene.checks(made.id)
    with scene.house.read() as work:
        row = work.db.get_one(ExtractRow, done.extract_id)
        return made.id, row.id, scene.house.files.path(str(row.sha256)).read_bytes()


def test_a_result_of_the_enclave_names_its_grant_and_its_request(house: House) -> None:
    scene = an_enclave_scene(house, columns=HIDDEN)
    enclave_id, extract_id, file = _released(scene)
    found = _traced(house, file)
    (named,) = found["named"]
    assert found["tokens"] == 2  # no published code stands beside the pseudonyms of two lots
    assert named["grant_id"] == scene.grant_id
    assert [(each["kind"], each["id"], each["enclave_id"], each["who"]) for each in named["deliveries"]] == [
        ("enclave", extract_id, enclave_id, "analyst")
    ]
    assert (found["claims"]["enclave"], found["claimed_is_known"]) == (enclave_id, True)


def test_its_rows_name_it_without_what_the_file_says_of_itself(house: House, tmp_path: Any) -> None:
    scene = an_enclave_scene(house, columns=HIDDEN)
    _, extract_id, file = _released(scene)
    kept = tmp_path / "result.parquet"
    kept.write_bytes(file)
    leak = pq.read_table(kept).slice(0, 1).to_pandas().to_csv(index=False).encode()
    (named,) = _traced(house, leak)["named"]
    assert [each["id"] for each in named["deliveries"]] == [extract_id]


def test_figures_alone_name_nobody_and_the_page_says_what_the_file_claims(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house)
    enclave_id, _, file = _released(scene)
    found = _traced(sqlite_house, file)
    assert (found["named"], found["claims"]["enclave"], found["claimed_is_known"]) == ([], enclave_id, True)


@pytest.mark.parametrize(("lang", "word"), [("zh", "域内计算结果"), ("en", "result of the enclave")])
def test_the_page_leads_to_the_request(sqlite_house: House, lang: str, word: str) -> None:
    scene = an_enclave_scene(sqlite_house, columns=HIDDEN)
    enclave_id, _, file = _released(scene)
    watch = client_as(sqlite_house, "watch")
    page = watch.post(f"/traces?lang={lang}", files={"file": ("leak.parquet", file)})
    assert page.status_code == 200, page.text[:500]
    assert word in page.text
    assert f'href="/enclave/{enclave_id}"' in page.text
