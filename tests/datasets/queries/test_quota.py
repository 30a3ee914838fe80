"""A question whose answer the grant's quota does not pay for looks like one whose figures may not be told: in words, cost and record."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from sqlmodel import col, select

from api.house import House
from auth.audit import AuditEventRow
from auth.grants import queries as grants
from auth.grants import usage
from core.errors import AppError
from datasets.queries import queries, service
from datasets.queries.tables import CellRow
from tests.datasets.queries.scene import QueryScene, a_query_scene, figures

BY_LOT: Final = [{"column": "lot"}]  # five rows: every code of the published list
BY_DAY: Final = [{"column": "day"}]  # seven rows
TOLD: Final[list[dict[str, Any]]] = [{"group_by": BY_LOT}, {"group_by": BY_DAY}]
KEPT_IN: Final[list[dict[str, Any]]] = [
    {"group_by": BY_LOT, "where": {"op": "eq", "column": "stay_id", "value": "S1-0"}},
    {"where": {"op": "eq", "column": "stay_id", "value": "nobody"}},
]


def _used(scene: QueryScene) -> tuple[int, int, int, int]:
    with scene.house.read() as work:
        used = grants.view(work, scene.grant_id).used
    return used.extracts, used.rows, used.per_day, used.per_month


def _seen(scene: QueryScene, **changes: Any) -> dict[str, Any]:
    """A refused question by all that tells of it: what was said, charged, written down and kept for later."""
    before = _used(scene)
    with pytest.raises(AppError) as refused:
        scene.query(**changes)
    with scene.house.read() as work:
        line = usage.events(work, scene.grant_id)[-1]
        kept = queries.listed(work, scene.actor("analyst"))[0]
        told_of = work.db.exec(select(CellRow)).all()
        event = work.db.exec(select(AuditEventRow).order_by(col(AuditEventRow.seq).desc()).limit(1)).one()
    payload = json.loads(event.payload)
    del payload["query"]  # the hash of what was asked
    answer = kept[0] if kept else None
    return {
        "said": (type(refused.value), refused.value.detail, refused.value.reasons, refused.value.facts),
        "took": tuple(now - then for now, then in zip(_used(scene), before, strict=True)),
        "ledger": (line.kind, line.extracts, line.rows, line.bytes, line.reasons),
        "record": (event.kind, payload),
        "answer": answer and (answer.state, answer.groups, answer.measures, answer.rows, answer.notes),
        "history": len(told_of),
    }


def test_with_one_row_left_told_and_kept_in_cannot_be_told_apart(house: House) -> None:
    scene = a_query_scene(house, quotas={"extracts": 50, "rows": 1, "per_day": 50, "per_month": 50})
    kept_in = [_seen(scene, **changes) for changes in KEPT_IN]
    told = [_seen(scene, **changes) for changes in TOLD]
    for each in kept_in + told:
        assert each == kept_in[0]
    assert kept_in[0]["took"] == (1, 0, 1, 1)
    assert (kept_in[0]["ledger"][0], kept_in[0]["record"][0]) == ("charge", "query.suppressed")
    _, detail, reasons, facts = kept_in[0]["said"]
    assert [reason.code for reason in reasons] == ["suppressed"]
    assert (reasons[0].facts, facts) == ({"rows_left": 1}, {})  # the grant's own number, none of the data's
    assert "1 row left" in detail.en
    assert "剩余 1" in detail.zh
    assert figures(scene.query()) == {
        None: 240
    }  # one row, and one is left: the refused figures count as told to nobody


def test_asking_without_end_ends_with_the_extracts(house: House) -> None:
    scene = a_query_scene(house, quotas={"extracts": 3, "rows": 1})
    asked = [scene.code(**changes) for changes in (TOLD[0], KEPT_IN[0], TOLD[0], TOLD[0], KEPT_IN[0])]
    assert asked == [["suppressed"]] * 3 + [["quota-exhausted"]] * 2
    assert _used(scene)[:2] == (3, 0)


def test_where_the_rows_suffice_the_same_question_is_told(house: House) -> None:
    scene = a_query_scene(house, quotas={"extracts": 50, "rows": 12})
    assert [len(scene.query(**changes).rows) for changes in TOLD] == [5, 7]
    assert _used(scene)[:2] == (2, 12)
    assert scene.code() == ["quota-exhausted"]


def test_rows_that_went_meanwhile_are_found_by_the_charge(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_query_scene(house, quotas={"extracts": 50, "rows": 5})
    weighed = service.weighed

    def and_rows_go(*given: Any, **named: Any) -> Any:
        found = weighed(*given, **named)
        with scene.house.write() as work:
            usage.charge(work, scene.grant_id, rows=1)
        return found

    monkeypatch.setattr(service, "weighed", and_rows_go)
    with pytest.raises(AppError) as refused:
        scene.query(group_by=BY_LOT)
    assert refused.value.reasons[0].facts == {"rows_left": 4}
    assert _used(scene)[:2] == (1, 1)
