"""Beside the objects of `scoped.py`, those in the state that an address asks for: a batch with its verdict, a draft, a certificate, a view.

places = more(house, things)          # all through the real services and jobs
ids = things | at(path, places)       # what to ask for at this address, by the names in its path and query
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from sqlmodel import select

from api.durable import drain
from api.house import House
from auth.applications.workflow import State
from auth.duties.tables import DutyRow
from auth.papers.tables import PaperFileRow, PaperRow
from auth.proof import looking
from auth.proof.checkpoint import Place
from catalog.assets import asset
from core.ids import GrantId
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding
from datasets.outputs.models import OutputRelease
from datasets.outputs.tables import OutputReviewRow
from datasets.sharing import service as sharing
from tests.datasets.extracts.scene import VENUES, Scene, a_record
from tests.datasets.parking import CLEAN, DATASET, FAILS, SUITE, UNTYPED, hand_in, publish
from tests.datasets.sharing.reading import reader
from tests.desk import A_PDF, Desk, an_application, an_ask
from tests.people import actor_of, client_as

HIDDEN: Final = "DP-BC-901"
Places = list[tuple[str, dict[str, str]]]


def at(path: str, places: Places) -> dict[str, str]:
    """What is asked for at an address: of all patterns that it meets, the last one's."""
    found: dict[str, str] = {}
    for pattern, ids in places:
        if re.search(pattern, path):
            found |= ids
    return found


def more(house: House, things: dict[str, str]) -> Places:
    fixed = [
        ("/harvests/", {"source_id": things["harvest_id"]}),
        ("/pushes/", {"run_id": things["push_run_id"]}),
    ]
    return [*fixed, *_batches(house), *_applications(house), *_grants(house, things), *_records(house)]


def _batches(house: House) -> Places:
    drain(house)
    clean, fails, untyped = (
        hand_in(house, "steward_a", data, name)
        for data, name in ((CLEAN + b"P04,x,1,1,2026-03-01\n", "c.csv"), (FAILS, "f.csv"), (UNTYPED, "u.csv"))
    )
    release = publish(house, "steward_b", clean.id)
    steward = client_as(house, "steward_a")
    rule = {"rule": SUITE["expectations"][0], "batch_id": clean.id}
    asked = steward.post(f"/api/v1/datasets/{DATASET}/suite/preview", json=rule)
    assert asked.status_code == 202, asked.text
    for what in ("docs", "failing"):
        made = steward.post(f"/api/v1/batches/{fails.id}/verdict/{what}")
        assert made.status_code == 202, made.text
    drain(house)
    place = Place.of(house.settings)
    with house.write() as work:
        looking.note(work, looking.verified(work, place))
    return [
        ("/batches/", {"batch_id": fails.id}),
        ("/batches/.*(dictionary|preview|match)", {"batch_id": clean.id}),
        ("/untyped", {"batch_id": untyped.id}),
        ("/releases", {"release_id": release.id, "batch": clean.id, "batch_id": clean.id}),
        ("/suite/preview/", {"job_id": asked.json()["id"]}),
        ("/waivers/(rules|new)", {"dataset_id": DATASET, "dataset": DATASET}),
    ]


def _applications(house: House) -> Places:
    desk = Desk(house)
    with house.read() as work:
        desk.known[VENUES] = asset(work, VENUES)
    held = desk.known[VENUES]

    def made(state: State, scenario: str) -> str:
        columns = [column.name for column in held.columns if column.identifier_kind == "none"]
        return an_application(desk, at=state, ask=an_ask(held, columns=columns, scenario_id=scenario)).id

    draft, submitted = made(State.DRAFT, "safety"), made(State.SUBMITTED, "tourism-traffic")
    in_hand = made(State.DECIDING, "weather")
    line = client_as(house, "approver").get(f"/api/v1/applications/{submitted}").json()["lines"][0]["id"]
    with house.write() as work:
        file_id, paper_id = work.new_id(), work.new_id()
        work.db.add(
            PaperRow(
                id=paper_id, state="SUPPLIED", created_by="applicant", created_person="p", created_at=work.now, application_id=submitted,
                org_id="insurer", key="proof", title_zh="证明", title_en="Proof", departments='["parks"]', file_id=file_id,
            )
        )  # fmt: skip
        work.db.flush()
        work.db.add(
            PaperFileRow(
                id=file_id, paper_id=paper_id, name="proof.pdf", media_type="application/pdf", size_bytes=len(A_PDF),
                sha256=hashlib.sha256(A_PDF).hexdigest(), content=A_PDF, by="applicant", at=work.now,
            )
        )  # fmt: skip
    return [
        ("/applications/.*(check|columns|datasets|purpose|edit)$", {"application_id": draft}),
        (
            "/applications/.*(precedents|explain)",
            {"application_id": submitted, "line_id": line, "line": line},
        ),
        ("/papers/{paper_key}/file", {"application_id": submitted, "paper_key": "proof"}),
        ("/applications/{application_id}/decide", {"application_id": in_hand}),
    ]


def _grants(house: House, things: dict[str, str]) -> Places:
    grant = things["grant_id"]
    scene = Scene(house, Desk(house), house.settings.data_dir, GrantId(grant), "")
    who = reader(scene)
    with house.write() as work:
        asked = sharing.want(work, who, None)
    drain(house)
    with house.write() as work:
        wanted = select(OutputReviewRow.id).where(OutputReviewRow.subject_id == asked.id)
        waiting = list(work.db.exec(wanted))
        for each in waiting:
            deciding.release(
                work, actor_of(work, "checker"), each, OutputRelease(note="已逐项核对，可以出域"),
                lambda: signing_key(house.settings.keys_dir),
            )  # fmt: skip
        end = DutyRow(
            id=work.new_id(), state="OPEN", created_by="system", created_person="", created_at=work.now, grant_id=grant, org_id="insurer",
            department_id="parks", dataset_id=VENUES, title_zh="场所", title_en="Venues", kind="deletion_certificate", period="end",
            due_on=work.now.date(),
        )  # fmt: skip
        work.db.add(end)
    analyst = client_as(house, "analyst")
    rows = analyst.get(f"/api/v1/grants/{grant}/rows")
    assert rows.status_code == 200, rows.text
    event = analyst.get(f"/api/v1/grants/{grant}/readings").json()["items"][0]["id"]
    return [
        ("/duties/{duty_id}/certificate", {"duty_id": end.id}),
        ("/duties/report", {"grant": grant, "grant_id": grant}),
        ("/read", {"event_id": event}),
        ("/(queries/private|verifications/new)", {"grant": grant, "grant_id": grant}),
    ]


def _records(house: House) -> Places:
    """A record that nobody outside its department sees, and that grants could cover."""
    with house.write() as work:
        a_record(work, HIDDEN, draft=True)
    suite = {
        "name": "export",
        "expectations": [SUITE["expectations"][0] | {"kwargs": {"column": "venue_id"}}],
    }
    saved = client_as(house, "steward_a").put(
        f"/api/v1/datasets/{HIDDEN}/export-suite", json={"suite": suite, "note": "出域核对"}
    )
    assert saved.status_code in (200, 201), saved.text
    return [("/datasets/{dataset_id}/export-suite", {"dataset_id": HIDDEN})]
