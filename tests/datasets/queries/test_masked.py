"""Previews under a grant: the same few rows that an extract begins with, charged, on record, and refused with every reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.query import app
from api.house import House, open_house
from api.routes.queries import desk_of
from auth.grants.tables import UsageEventRow
from auth.profile.model import DEFAULT, Profile, shipped
from catalog.assets import asset
from catalog.tables import ColumnRow, DatasetRow
from core.errors import AccessRefused, AppError, Conflict
from datasets.queries import masked
from datasets.queries.masked import ROWS, MaskedAsk, MaskedRead
from datasets.tracing import service as tracing
from tests.auth.agreements.scene import in_force
from tests.datasets.extracts.scene import GRANTED, VENUES, Scene, a_record, a_release, a_table
from tests.datasets.extracts.scene import ROWS as VENUE_ROWS
from tests.desk import a_desk, a_grant
from tests.people import actor_of, client_as

FORMS = ["preview", "extract_jsonl"]
ALLOWED = Profile.model_validate(
    shipped()[DEFAULT].model_dump(mode="json")
    | {
        "forms": {level: ["preview", "extract_jsonl", "query_agg"] for level in (2, 3)},
        "checkers": {level: {"preview": 0, "extract_jsonl": 0} for level in (2, 3)},
    }
)


def _rows(count: int = 60) -> list[tuple[Any, ...]]:
    """Districts in groups of twelve or more, and nine rows of a district of their own."""
    made = [(f"V{at:02d}", *VENUE_ROWS[at % 5][1:]) for at in range(count)]
    for at in range(9):
        made[at] = (*made[at][:2], "孤岛", *made[at][3:])
    return made


def a_preview_scene(house: House, **grant: Any) -> Scene:
    desk = a_desk(house)
    in_force(desk, ALLOWED)
    with house.write() as work:
        a_record(work)
        release = a_release(work, house.files, house.settings.data_dir, a_table(_rows()))
    with house.read() as work:
        desk.known[VENUES] = asset(work, VENUES)
    asked = {"columns": list(GRANTED), "forms": FORMS} | grant
    found = a_grant(desk, asset=desk.known[VENUES], **asked)
    return Scene(house, desk, house.settings.data_dir, found.id, release.id)


def _shown(scene: Scene, who: str = "analyst", **ask: Any) -> MaskedRead:
    with scene.house.read() as work:
        actor = actor_of(work, who)
    return masked.show(desk_of(scene.house), actor, MaskedAsk(grant_id=scene.grant_id, **ask))


def _codes(scene: Scene, who: str = "analyst", **ask: Any) -> list[str]:
    with pytest.raises(AppError) as refused:
        _shown(scene, who, **ask)
    return [reason.code for reason in refused.value.reasons] or [refused.value.slug]


def _lines(scene: Scene) -> list[tuple[str, str, int, int, str]]:
    with scene.house.read() as work:
        found = work.db.exec(select(UsageEventRow).where(UsageEventRow.form == "preview"))
        return [(each.kind, each.account, each.extracts, each.rows, each.reasons) for each in found]


def test_it_shows_what_an_extract_begins_with_and_takes_it_from_the_quota(house: House) -> None:
    scene = a_preview_scene(house, row_filter={"op": "ne", "column": "venue_id", "value": "V04"})
    shown = _shown(scene)
    whole = scene.delivered(form="extract_jsonl", columns=[each.name for each in shown.columns])
    begins = scene.file(whole.id).read_text("utf-8").splitlines()[:ROWS]
    assert [json.dumps(row, ensure_ascii=False) for row in shown.rows] == [
        json.dumps(json.loads(line), ensure_ascii=False) for line in begins
    ]
    assert len(shown.rows) == ROWS
    assert "secret_note" not in shown.rows[0]
    assert not {row["contact_phone"] for row in shown.rows} & {row[8] for row in VENUE_ROWS} - {None}
    assert _shown(scene).rows == shown.rows  # no second look shows more
    used = scene.view().used
    assert (used.extracts, used.rows) == (3, 2 * ROWS + whole.rows)
    assert [line[:4] for line in _lines(scene)] == [("delivery", "analyst", 1, ROWS)] * 2
    (_, payload), _ = scene.events("preview.")
    assert (payload["rows"], payload["release"]) == (ROWS, 1)
    with house.read() as work:
        pseudonyms = [each for each in tracing.deliveries(work) if each.kind == "preview"]
        assert (len(pseudonyms), pseudonyms[0].who) == (2, "analyst")
        assert scene.grant_id in {each.grant_id for each in tracing.suspects(work, pseudonyms)}


def test_small_groups_stay_out_of_it(sqlite_house: House) -> None:
    scene = a_preview_scene(sqlite_house)
    before = _shown(scene)
    assert len(before.rows) == ROWS
    _becomes_sensitive(scene)
    shown = _shown(scene)
    assert shown.small_cells is not None
    assert (shown.small_cells["min_rows"], len(shown.rows)) == (10, ROWS)
    assert "孤岛" not in {row["district"] for row in shown.rows}
    stays = {row["district"] for row in shown.rows}
    kept = [row["venue_id"] for row in before.rows if row["district"] in stays]
    assert [row["venue_id"] for row in shown.rows][
        : len(kept)
    ] == kept  # the same order, without what stays out


def test_every_reason_is_given_and_a_refusal_takes_nothing(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_preview_scene(sqlite_house, quotas={"extracts": 2, "rows": 30})
    _shown(scene)
    assert _codes(scene) == ["quota-exceeded"]  # twenty more rows are not left
    assert scene.view().used.extracts == 1
    assert _codes(scene, "officer") == ["not-an-analyst-of-the-grantee"]
    assert _codes(scene, "officer2") == ["not-found"]
    assert _codes(scene, purpose="research") == ["purpose-mismatch"]
    with monkeypatch.context() as patch:
        patch.setattr("datasets.queries.masked.limits_now", lambda *_: shipped()[DEFAULT].limits())
        assert _codes(scene) == ["preview-needs-review"]
    scene.suspends()
    assert _codes(scene, purpose="research") == ["grant-not-active", "purpose-mismatch"]
    kinds = [kind for kind, _ in scene.events("query.refused")]
    assert len(kinds) == 5
    assert [line[0] for line in _lines(scene)] == ["delivery", *["refused"] * 5]


def test_a_grant_that_ends_while_rows_are_read_shows_nothing(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_preview_scene(sqlite_house)
    read = masked._read

    def revoked_meanwhile(*given: Any) -> list[bytes]:
        lines = read(*given)
        scene.revokes()
        return lines

    monkeypatch.setattr(masked, "_read", revoked_meanwhile)
    with pytest.raises(AccessRefused):
        _shown(scene)
    assert scene.view().used.extracts == 0


def _a_newer_release(scene: Scene) -> None:
    with scene.house.write() as work:
        a_release(work, scene.house.files, scene.house.settings.data_dir, a_table(_rows(55)), number=2)


def _becomes_sensitive(scene: Scene) -> None:
    with scene.house.write() as work:
        work.db.exec(select(DatasetRow).where(DatasetRow.id == VENUES)).one().data_level = 3
        wanted = select(ColumnRow).where(ColumnRow.dataset_id == VENUES, ColumnRow.name == "district")
        work.db.exec(wanted).one().identifier_kind = "QI"


@pytest.mark.parametrize("change", [_a_newer_release, _becomes_sensitive])
def test_rows_read_before_something_changed_are_not_shown(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch, change: Callable[[Scene], None]
) -> None:
    scene = a_preview_scene(sqlite_house)
    read = masked._read

    def meanwhile(*given: Any) -> list[bytes]:
        lines = read(*given)
        change(scene)
        return lines

    monkeypatch.setattr(masked, "_read", meanwhile)
    with pytest.raises(Conflict, match="ask again"):
        _shown(scene)
    assert scene.view().used.extracts == 0
    monkeypatch.setattr(masked, "_read", read)
    assert len(_shown(scene).rows) == ROWS, "asked again it is shown"


def test_a_form_that_is_not_granted_shows_nothing(sqlite_house: House) -> None:
    scene = a_preview_scene(sqlite_house, forms=["extract_jsonl"])
    assert _codes(scene) == ["form-not-granted"]
    page = client_as(scene.house, "analyst").get(f"/previews/grants/{scene.grant_id}?lang=en")
    assert "does not include the delivery form “Preview (a few rows)”" in page.text


def test_page_command_and_route(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    scene = a_preview_scene(sqlite_house)
    analyst = client_as(scene.house, "analyst")
    ask = {"grant_id": scene.grant_id}
    made = analyst.post("/api/v1/previews", json=ask)
    assert (made.status_code, len(made.json()["rows"])) == (201, ROWS)
    kept = analyst.post("/api/v1/previews", json=ask, headers={"Idempotency-Key": "k-1"})
    assert kept.status_code == 422  # its answer would be kept
    address = f"/previews/grants/{scene.grant_id}"
    assert address in analyst.get(f"/grants/{scene.grant_id}").text
    assert address in analyst.get("/queries/new").text
    one = made.json()["rows"][0]["venue_id"]
    for lang in ("zh", "en"):
        form = analyst.get(f"{address}?lang={lang}").text
        assert one not in form
        sent = {"csrf": form.split('name="csrf" value="')[1].split('"')[0], "purpose": "risk-pricing"}
        page = analyst.post(address, data=sent)
        assert (page.status_code, one in page.text) == (200, True)
        assert page.headers["cache-control"] == "no-store"
    refused = analyst.post(address, data=sent | {"purpose": "research"})
    assert (refused.status_code, one in refused.text) == (403, False)
    assert scene.view().used.extracts == 3
    where = ["--data-dir", str(scene.house.settings.data_dir), "--as", "analyst", "--json"]
    told = CliRunner().invoke(app, ["preview", VENUES, "--grant", scene.grant_id, *where])
    assert json.loads(told.stdout)["rows"] == made.json()["rows"]
    assert CliRunner().invoke(app, ["preview", "DP-XX-9", "--grant", scene.grant_id, *where]).exit_code == 2
    assert client_as(scene.house, "officer2").post("/api/v1/previews", json=ask).status_code == 403
