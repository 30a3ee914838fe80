"""A server that is killed loses no visit that is older than half a minute, and counts none twice."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx2
import pytest
from sqlmodel import select

from api.visits import EVERY_S
from auth.audit import AuditEventRow
from catalog.use import service
from catalog.use.tables import UseRow
from tests.catalog.records import a_dataset
from tests.crash.harness import Plant
from tests.people import an_org

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
STEP_S = 4.0
VISITS = 14
_WRITING_S = 10.0  # on a busy machine


def test_kill_9_loses_half_a_minute_of_visits_at_most(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "data")
    codes = [f"DP-PK-{number:03}" for number in range(1, VISITS + 1)]
    with plant.house.write() as work:
        an_org(work, "traffic", kind="source_department")
        for code in codes:
            a_dataset(work, code, "traffic", open_type="U", data_level=1)
    plant.start()
    try:
        headers = {"User-Agent": FIREFOX, "Accept": "text/html"}
        seen: dict[str, float] = {}
        with httpx2.Client(base_url=f"http://127.0.0.1:{plant.port}", headers=headers, timeout=60) as visitor:
            for code in codes:
                assert visitor.get(f"/datasets/{code}").status_code == 200
                seen[code] = time.monotonic()
                time.sleep(STEP_S)
        killed = time.monotonic()
        plant.kill("server")
        with plant.house.read() as work:
            counted = {row.dataset_id: row.number for row in work.db.exec(select(UseRow))}
            lines, _, sums = service.listed(work, order="-visits", limit=VISITS)
            told = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "use.counted")).all()
        old = {code for code, at in seen.items() if killed - at > EVERY_S + _WRITING_S}
        assert old, "the test saw something that is old enough"
        assert old <= set(counted), "what is older than half a minute is kept"
        assert set(counted.values()) == {1}
        assert {line.dataset_id: line.visits for line in lines if line.visits} == counted
        assert sum(json.loads(each.payload)["visits"] for each in told) == sums.visits == len(counted)
    finally:
        plant.stop()
