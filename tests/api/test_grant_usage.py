"""The lines of a grant come in pages, over HTTP and by command: a grant that is used every minute has thousands. On both databases."""

from __future__ import annotations

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from api.cli.grant import app as command
from api.house import House, open_house
from auth.grants import ledger
from tests.desk import a_desk, a_grant
from tests.people import client_as


def test_the_lines_of_a_grant_come_in_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = a_desk(house)
    grant = a_grant(desk)
    with house.write() as work:
        for number in range(5):
            ledger.enter(work, grant.id, ledger.REFUSED, subject=f"x{number}", reasons=("columns",))
    holder = client_as(house, "analyst")
    at = f"/api/v1/grants/{grant.id}/usage"
    found = holder.get(at).json()
    assert (found["total"], len(found["items"]), found["next"]) == (5, 5, None)
    subjects, offset = [], 0
    while offset is not None:
        page = holder.get(at, params={"limit": 2, "offset": offset}).json()
        assert page["total"] == 5
        subjects += [line["subject"] for line in page["items"]]
        offset = page["next"]
    assert subjects == [line["subject"] for line in found["items"]]
    for wrong in ({"limit": 0}, {"limit": 501}, {"offset": -1}):
        assert holder.get(at, params=wrong).status_code == 422
    if house.settings.database_url is not None:
        return
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    told = CliRunner().invoke(
        command, ["usage", grant.id, "--limit", "2", "--offset", "4", "--json", "--as", "analyst", "--data-dir", str(house.settings.data_dir)],
    )  # fmt: skip
    assert [line["subject"] for line in json.loads(told.stdout)["items"]] == subjects[4:]
