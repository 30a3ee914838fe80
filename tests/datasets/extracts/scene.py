"""A scene for tests of extracts: the desk's people, a catalogued dataset, a released file, an active grant.

    scene = a_scene(house)                                # release v1 of VENUES and the insurer's grant on it
    made = scene.asks(columns=["venue_id"])               # the analyst asks; ExtractRead
    scene.works()                                         # the worker's part, in place, then the checker's: released
    scene.works(releases=False)                           # without the checker: extracts wait for their output review
    table = scene.table(made.id)                          # the delivered Parquet
    scene.suspends() / .revokes() / .resumes() / .withdraws() / .freezes() / .thaws(incident_id)

People and grant walk the real workflow. The release is written by the real writer, but put straight into its table: the
gate that it would have to pass has tests of its own and costs ten seconds to start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import col, select

from api.house import House
from auth.audit import AuditEventRow
from auth.casework.book import CaseStep
from auth.grants import queries as grant_queries
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.grants.view import GrantView
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from catalog.assets import asset
from core.files import FileStore
from core.ids import DatasetId, ExtractId, GrantId
from core.jobs import JobRow, JobState
from core.jobs_run import JobContext, Steps, context_for, in_place, perform
from core.work import Work
from datasets.batches.tables import BatchRow
from datasets.content import ROW_COLUMN, content_digest
from datasets.extracts import delivering, service
from datasets.extracts.models import ExtractCreate, ExtractRead
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding
from datasets.outputs.models import OutputRelease
from datasets.outputs.tables import OutputReviewRow
from datasets.pipeline import extract_build
from datasets.releases.service import withdraw
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from datasets.releases.writer import write_parquet
from tests.catalog.records import a_dataset
from tests.desk import Desk, a_desk, a_grant
from tests.snapshots import restored

VENUES: Final = DatasetId("DP-BC-002")
COLUMNS: Final = (
    ("venue_id", "string", 1, "none", pa.string()),
    ("venue_name", "string", 1, "none", pa.string()),
    ("district", "string", 1, "none", pa.string()),
    ("rooms", "integer", 1, "none", pa.int64()),
    ("area_m2", "number", 1, "none", pa.float64()),
    ("is_open", "boolean", 1, "none", pa.bool_()),
    ("opened_on", "date", 1, "none", pa.date32()),
    ("seen_at", "datetime", 1, "none", pa.timestamp("us")),
    ("contact_phone", "string", 2, "DI", pa.string()),
    ("secret_note", "string", 2, "none", pa.string()),
)
ROWS: Final[tuple[tuple[Any, ...], ...]] = (
    (
        "V1",
        "大鹏所城",
        "大鹏",
        12,
        80.5,
        True,
        date(2019, 5, 1),
        datetime.fromisoformat("2026-03-01T08:30"),
        "13800000001",
        "秘密甲",
    ),
    (
        "V2",
        "=1+1",
        "南澳",
        30,
        120.0,
        True,
        date(2020, 1, 31),
        datetime.fromisoformat("2026-03-01T09:00"),
        "13800000002",
        "秘密乙",
    ),
    ("V3", "＝cmd", "大鹏", None, None, None, None, None, None, None),
    (
        "V4",
        None,
        None,
        7,
        float("nan"),
        False,
        date(2021, 2, 28),
        datetime.fromisoformat("2026-03-02T00:00"),
        "13800000004",
        "秘密丁",
    ),
    (
        "V5",
        "+86电话",
        "葵涌",
        55,
        300.25,
        False,
        date(2018, 8, 8),
        datetime.fromisoformat("2026-02-28T00:00"),
        "13800000005",
        "秘密戊",
    ),
)
GRANTED: Final = (
    "venue_id", "venue_name", "district", "rooms", "area_m2", "is_open", "opened_on", "seen_at",
    {"name": "contact_phone", "reason": "同一联系人去重", "use": "pseudonymised"},
)  # fmt: skip


def a_table(rows: Any = ROWS) -> pa.Table:
    """The typed table as intake leaves it: with row numbers."""
    arrays = [
        pa.array(values, kind) for values, (*_, kind) in zip(zip(*rows, strict=True), COLUMNS, strict=True)
    ]
    table = pa.table(dict(zip([name for name, *_ in COLUMNS], arrays, strict=True)))
    return table.append_column(ROW_COLUMN, pa.array(range(1, len(rows) + 1), pa.int64()))


def a_record(work: Work, code: str = VENUES, **changes: Any) -> None:
    """The dataset in the catalogue: conditional, level 2, published by department `parks`."""
    columns = [
        {
            "name": name, "title_zh": f"列{name}", "title_en": name.capitalize(), "type": kind, "level": level,
            "identifier_kind": identifies, "unit": "间" if name == "rooms" else None,
        }
        for name, kind, level, identifies, _ in COLUMNS
    ]  # fmt: skip
    a_dataset(
        work, code, "parks",
        **{"columns": columns, "data_level": 2, "open_type": "C", "open_condition": "经授权", "auth_op_scope": "yes",
           "title_zh": "旅游场所名录", "title_en": "Venues"} | changes,
    )  # fmt: skip


def a_release(
    work: Work, files: FileStore, room: Path, table: pa.Table, *, number: int = 1, code: str = VENUES
) -> ReleaseRow:
    """A published release of the table; an earlier one is superseded."""
    typed, out = room / f"typed-{number}.parquet", room / f"release-{number}.parquet"
    pq.write_table(table, typed)
    words = {
        name: {"title_zh": f"列{name}", "title_en": name.capitalize(), "unit": "间"}
        for name in table.column_names
    }
    columns = write_parquet(
        typed, out, words, {"datagrant:release": str(number), "datagrant:secret": "整版元数据"}
    )
    content, stored = content_digest(out), files.put_file(out)
    person = {
        "account_id": "a",
        "person_id": "p",
        "username": "steward_a",
        "org_id": "parks",
        "name": {"zh": "甲", "en": "A"},
    }
    batch = BatchRow(
        id=work.new_id(), dataset_id=code, org_id="parks", number=number, name="venues.csv", sha256=stored.sha256,
        size_bytes=stored.size_bytes, state="released", submitted=person, submitted_at=work.now, preparers=["p"],
    )  # fmt: skip
    work.db.add(batch)
    work.db.flush()
    for former in work.db.exec(
        select(ReleaseRow).where(ReleaseRow.dataset_id == code, ReleaseRow.state == ReleaseState.PUBLISHED)
    ):
        former.state = ReleaseState.SUPERSEDED
    row = ReleaseRow(
        id=work.new_id(), dataset_id=code, org_id="parks", number=number, batch_id=batch.id, state=ReleaseState.PUBLISHED,
        sha256=stored.sha256, size_bytes=stored.size_bytes, rows=table.num_rows, columns=columns, content_sha256=content,
        batch_sha256=stored.sha256, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", preparers=["p"],
        prepared=person, publisher=person, requested_at=work.now, published_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    return row


@dataclass
class Scene:
    """One house with a release and a grant; every act goes through the real services."""

    house: House
    desk: Desk
    room: Path
    grant_id: GrantId
    release_id: str

    def asks(self, who: str = "analyst", **changes: Any) -> ExtractRead:
        with self.desk.write(who) as (work, actor):
            return service.request(work, actor, self.body(**changes))

    def body(self, **changes: Any) -> ExtractCreate:
        given = {"grant_id": self.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
        return ExtractCreate.model_validate(given | changes)

    def works(self, steps: Steps = in_place, *, releases: bool = True) -> None:
        """Carry every queued build out, as the worker does, and let the checker release what is made."""
        with self.house.read() as work:
            waiting = list(
                work.db.exec(
                    select(JobRow)
                    .where(
                        JobRow.kind == delivering.JOB_KIND,
                        col(JobRow.state).in_([JobState.QUEUED, JobState.RUNNING]),
                    )
                    .order_by(col(JobRow.id))
                )
            )
        for row in waiting:
            perform(self.context(row, steps), extract_build.JOB)
        if releases:
            self.checks()

    def checks(self, who: str = "checker", note: str = "已逐项核对，可以出域") -> None:
        """The checker releases everything that waits for an output review."""
        for review_id in self.waiting():
            with self.desk.write(who) as (work, actor):
                deciding.release(work, actor, review_id, OutputRelease(note=note), self.signer)

    def waiting(self) -> list[str]:
        """The reviews that are open, oldest first."""
        with self.house.read() as work:
            wanted = select(OutputReviewRow.id).where(OutputReviewRow.state == "in_review")
            return list(work.db.exec(wanted.order_by(col(OutputReviewRow.id))))

    def signer(self) -> Ed25519PrivateKey:
        return signing_key(self.house.settings.keys_dir)

    def context(self, row: JobRow, steps: Steps = in_place) -> JobContext:
        house = self.house
        return context_for(house.engine, house.files, house.settings, house.clock, house.new_id, row, steps)

    def delivered(self, **changes: Any) -> ExtractRead:
        """Asked for and made; must be ready."""
        made = self.asks(**changes)
        self.works()
        found = self.extract(made.id)
        assert found.state == "ready", (found.failed_en, found.failed_zh)
        return found

    def extract(self, extract_id: str) -> ExtractRead:
        with self.desk.read("auditor") as (work, actor):
            return service.extract(work, actor, ExtractId(extract_id))

    def file(self, extract_id: str) -> Path:
        sha256 = self.extract(extract_id).sha256
        assert sha256 is not None
        return self.house.files.path(sha256)

    def table(self, extract_id: str) -> pa.Table:
        """The delivered Parquet, by its key where it has one: rows leave mixed (`datasets.extracts.row_order`)."""
        found = pq.read_table(self.file(extract_id))
        return found.sort_by("venue_id") if "venue_id" in found.column_names else found

    def view(self) -> GrantView:
        with self.house.read() as work:
            return grant_queries.view(work, self.grant_id)

    def suspends(self, who: str = "watch") -> None:
        with self.desk.write(who) as (work, actor):
            grants.suspend(work, actor, self.grant_id, GrantStep(note="例行检查中"))

    def resumes(self, who: str = "watch2") -> None:
        with self.desk.write(who) as (work, actor):
            grants.resume(work, actor, self.grant_id, GrantStep())

    def revokes(self, who: str = "watch") -> None:
        with self.desk.write(who) as (work, actor):
            grants.revoke(work, actor, self.grant_id, GrantStep(note="违反使用约定"))

    def freezes(self, who: str = "watch", kind: str = "dataset", target: str = VENUES) -> str:
        body = IncidentCreate(target_kind=Target(kind), target_id=target, reason="疑似超范围使用")
        with self.desk.write(who) as (work, actor):
            return incidents.freeze(work, actor, body, assets=self.desk.assets).id

    def thaws(self, incident_id: str, who: str = "watch2") -> None:
        with self.desk.write(who) as (work, actor):
            incidents.lift(work, actor, incident_id, CaseStep(note="核查完毕，未见异常"))

    def withdraws(self, who: str = "steward_b") -> None:
        with self.desk.write(who) as (work, actor):
            withdraw(work, actor, self.release_id, "数据有误，重新核对")

    def releases(self, table: pa.Table, number: int) -> str:
        with self.house.write() as work:
            return a_release(work, self.house.files, self.room, table, number=number).id

    def events(self, kind: str = "extract.") -> list[tuple[str, dict[str, Any]]]:
        """The audit events whose kind begins so, oldest first."""
        with self.house.read() as work:
            found = work.db.exec(
                select(AuditEventRow)
                .where(col(AuditEventRow.kind).startswith(kind))
                .order_by(col(AuditEventRow.seq))
            )
            return [(event.kind, json.loads(event.payload)) for event in found]


def a_scene(house: House, *, table: pa.Table | None = None, **grant: Any) -> Scene:
    """The scene; `grant` changes what is asked for: columns, quotas, row_filter, forms …"""

    def build() -> tuple[GrantId, str]:
        desk = a_desk(house)
        with house.write() as work:
            a_record(work)
            release = a_release(work, house.files, room, a_table() if table is None else table)
        with house.read() as work:
            desk.known[VENUES] = asset(work, VENUES)
        found = a_grant(desk, asset=desk.known[VENUES], **{"columns": list(GRANTED)} | grant)
        return found.id, release.id

    room = house.settings.data_dir
    name = "scene", repr(sorted(grant.items()))
    grant_id, release_id = build() if table is not None else restored(house, name, build)
    desk = Desk(house)
    with house.read() as work:
        desk.known[VENUES] = asset(work, VENUES)
    return Scene(house, desk, room, grant_id, release_id)
