"""A scene for tests of queries: a release of parking stays with owners, terms for queries, an insurer's grant for statistics.

scene = a_query_scene(house)
read = scene.query(select=[{"kind": "count"}], group_by=[{"column": "lot"}])     # QueryRead
scene.code(select=…)                                                            # the reasons' codes when refused
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from api.house import House
from api.routes.queries import desk_of
from auth.actor import Actor
from catalog.assets import asset
from core.errors import AppError
from core.ids import DatasetId, GrantId
from datasets.queries import service, terms
from datasets.queries.model import QueryAsk, QueryRead, TermsWrite
from datasets.queries.private import budget
from datasets.queries.private import service as private
from datasets.queries.private.model import BudgetRead, CapWrite, PrivateAsk
from datasets.queries.verifying import service as verifying
from datasets.queries.verifying.model import VerificationRead, VerifyAsk
from tests.catalog.records import a_dataset
from tests.datasets.extracts.scene import a_release
from tests.desk import Desk, a_desk, a_grant
from tests.people import actor_of
from tests.snapshots import restored

STAYS: Final = DatasetId("DP-PK-009")
COLUMNS: Final = (
    ("stay_id", "string", 1, "none", pa.string()),
    ("plate", "string", 3, "DI", pa.string()),
    ("lot", "string", 1, "none", pa.string()),
    ("day", "integer", 1, "none", pa.int64()),
    ("fee", "number", 2, "none", pa.float64()),
    ("minutes", "integer", 1, "none", pa.int64()),
    ("note", "string", 2, "none", pa.string()),
)
TERMS: Final[dict[str, Any]] = {
    "contributor": "plate",
    "lists": {"lot": ["A", "B", "C", "D", "E"]},
    "bounds": {"fee": [0, 20]},
    "per_contributor": 2,
    "reason": "车牌即贡献者",
}
USES: Final = {
    "lot": "aggregate_only", "fee": "aggregate_only", "minutes": "aggregate_only", "day": "plain",
    "stay_id": "filter_only", "plate": "join_only",
}  # fmt: skip
CONSENT: Final = {"reference": "同意书-0007", "given_on": "2026-01-05", "until": "2026-06-30"}
GRANTED: Final = tuple(
    {"name": name, "reason": f"停车统计需要 {name}", "use": use} for name, use in USES.items()
)
FORMS: Final = ["query_agg", "query_dp", "verify"]
CAPS: Final[dict[str, Any]] = {
    "dataset_micro": 4_000_000, "org_micro": 3_000_000, "grant_micro": 2_000_000, "user_micro": 1_500_000, "reason": "年度预算",
}  # fmt: skip


def stays(owners: int = 120) -> list[tuple[Any, ...]]:
    """Lot A: 60 owners, B: 40, C: 17, D: 3 (120 owners); each stays twice. Nobody is in E."""
    rows = []
    for owner in range(owners):
        lot = "A" if owner < 60 else "B" if owner < 100 else "C" if owner < 117 else "D"
        rows += [
            (
                f"S{owner}-{n}",
                f"粤B{owner:05}",
                lot,
                1 + owner % 7,
                5.0 + owner % 11 + n,
                30 + owner % 90,
                "私密",
            )
            for n in range(2)
        ]
    return rows


def a_stays_table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    arrays = [
        pa.array(values, kind) for values, (*_, kind) in zip(zip(*rows, strict=True), COLUMNS, strict=True)
    ]
    return pa.table(dict(zip([name for name, *_ in COLUMNS], arrays, strict=True)))


@dataclass
class QueryScene:
    """One house with a release, terms and a grant; every act goes through the real services."""

    house: House
    desk: Desk
    grant_id: GrantId

    def actor(self, who: str = "analyst") -> Actor:
        with self.house.read() as work:
            return actor_of(work, who)

    def body(self, **changes: Any) -> dict[str, Any]:
        given = {
            "grant_id": self.grant_id, "dataset_id": STAYS, "purpose": "risk-pricing", "scenario_id": "safety",
            "select": [{"kind": "count"}],
        }  # fmt: skip
        return given | changes

    def query(self, who: str = "analyst", **changes: Any) -> QueryRead:
        ask = QueryAsk.model_validate(self.body(**changes))
        return service.ask_for(desk_of(self.house), self.actor(who), ask)

    def code(self, who: str = "analyst", **changes: Any) -> list[str]:
        """The codes of the refusal; [] when it was answered."""
        try:
            self.query(who, **changes)
        except AppError as refused:
            return [reason.code for reason in refused.reasons] or [refused.slug]
        return []

    def private(self, who: str = "analyst", **changes: Any) -> QueryRead:
        """An answer with differential privacy; a count with epsilon 0.5 unless said otherwise."""
        given = self.body() | {"measure": {"kind": "count"}, "epsilon_micro": 500_000} | changes
        del given["select"]
        return private.ask_for(desk_of(self.house), self.actor(who), PrivateAsk.model_validate(given))

    def private_code(self, who: str = "analyst", **changes: Any) -> list[str]:
        try:
            self.private(who, **changes)
        except AppError as refused:
            return [reason.code for reason in refused.reasons] or [refused.slug]
        return []

    def verify(self, who: str = "analyst", plate: str = "粤B00007", **changes: Any) -> VerificationRead:
        given = self.body() | {"key": {"plate": plate}, "claim": None, "consent": CONSENT} | changes
        del given["select"]
        return verifying.verify(desk_of(self.house), self.actor(who), VerifyAsk.model_validate(given))

    def verify_code(self, who: str = "analyst", **changes: Any) -> list[str]:
        try:
            self.verify(who, **changes)
        except AppError as refused:
            return [reason.code for reason in refused.reasons] or [refused.slug]
        return []

    def caps(self, who: str = "approver", **changes: Any) -> None:
        with self.desk.write(who) as (work, actor):
            budget.set_cap(work, actor, STAYS, CapWrite.model_validate(CAPS | changes))

    def budget(self, who: str = "analyst") -> BudgetRead:
        with self.house.read() as work:
            return budget.shown(work, actor_of(work, who), STAYS)

    def sets(self, who: str = "steward_a", **changes: Any) -> None:
        with self.desk.write(who) as (work, actor):
            terms.put(work, actor, STAYS, TermsWrite.model_validate(TERMS | changes))

    def releases(self, rows: Sequence[tuple[Any, ...]], number: int) -> None:
        with self.house.write() as work:
            a_release(
                work,
                self.house.files,
                self.house.settings.data_dir,
                a_stays_table(rows),
                number=number,
                code=STAYS,
            )

    def grants(self, **changes: Any) -> GrantId:
        """A further grant of the insurer on the same dataset."""
        return a_grant(self.desk, asset=self.desk.known[STAYS], **changes).id


def figures(read: QueryRead, measure: str = "count") -> dict[Any, Any]:
    """By group (or None): the figure of a measure."""
    return {next(iter(row["group"].values()), None): row["figures"][measure] for row in read.rows}


def a_query_scene(
    house: House, *, rows: Sequence[tuple[Any, ...]] | None = None, terms_too: bool = True, **grant: Any
) -> QueryScene:
    def build() -> str:
        desk = a_desk(house)
        columns = [
            {"name": name, "title_zh": f"列{name}", "title_en": name.capitalize(), "type": kind, "level": level,
             "identifier_kind": identifies}
            for name, kind, level, identifies, _ in COLUMNS
        ]  # fmt: skip
        with house.write() as work:
            a_dataset(
                work, STAYS, "parks", columns=columns, data_level=3, open_type="C", open_condition="经授权",
                auth_op_scope="yes", title_zh="停车记录", title_en="Parking stays",
            )  # fmt: skip
        scene = QueryScene(house, desk, GrantId(""))
        scene.releases(rows or stays(), 1)
        with house.read() as work:
            desk.known[STAYS] = asset(work, STAYS)
        if terms_too:
            scene.sets()
        return scene.grants(**{"columns": list(GRANTED), "forms": FORMS} | grant)

    key = "queries", repr(sorted(grant.items())), terms_too
    made = build() if rows is not None else restored(house, key, build)
    desk = Desk(house)
    with house.read() as work:
        desk.known[STAYS] = asset(work, STAYS)
    return QueryScene(house, desk, GrantId(made))
