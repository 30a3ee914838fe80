"""Applications, grants and the audit record over HTTP: the whole way, refusals, versions, scopes, commands."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.application import app as application_command
from api.cli.audit import app as audit_command
from api.cli.grant import app as grant_command
from api.house import House, open_house
from auth import audit
from auth.identity import organisations
from auth.policy.model import GrantPolicy
from auth.policy.odrl_reading import policy_of
from tests.catalog.records import COMPLETE, a_dataset
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import a_person, an_org, app_of, browser_as, client_as

ASK: dict[str, Any] = {
    "lines": [
        {
            "dataset_id": DATASET,
            "columns": [
                {"name": "lot", "reason": "识别停车场"},
                {"name": "free", "reason": "计算空置率"},
                {"name": "name", "reason": "展示名称"},
            ],
            "delivery_forms": ["extract_parquet"],
            "quotas": {"extracts": 10},
        }
    ],
    "scenario_id": "parking",
    "purposes": ["service-operation"],
    "purpose_text": "为游客提供景区周边停车空位提示。",
    "starts_on": "2026-03-02",
    "ends_on": "2027-03-01",
    "retention_days": 90,
}
PEOPLE = (
    ("applicant", "insurer", ["applicant"]),
    ("officer", "insurer", ["org_officer"]),
    ("applicant2", "mapper", ["applicant", "org_officer"]),
    ("screener", "traffic", ["reviewer_business"]),
    ("approver", "bureau", ["approver"]),
)


@pytest.fixture
def house(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        record = COMPLETE | {
            "open_type": "C",
            "open_condition": "须授权",
            "auth_op_scope": "yes",
            "data_level": 2,
        }
        a_parking_dataset(work, **record)
        an_org(work, "insurer")
        an_org(work, "mapper")
        for username, org, roles in PEOPLE:
            a_person(work, username, org, roles)
    return sqlite_house


def _post(client: TestClient, path: str, body: Any = None, version: int | None = None) -> Any:
    headers = {"If-Match": f'"{version}"'} if version else {}
    answer = client.post(f"/api/v1{path}", json=body if body is not None else {}, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json()


def _offered(house: House) -> dict[str, Any]:
    applicant, screener = client_as(house, "applicant"), client_as(house, "screener")
    found = _post(applicant, "/applications", ASK)
    at = f"/applications/{found['id']}"
    found = _post(applicant, f"{at}/submit", version=found["version"])
    found = _post(screener, f"{at}/screen", {"outcome": "ok", "has_no_conflict": True}, found["version"])
    lines = [{"line_id": line["id"], "vote": "narrow"} for line in found["lines"]]
    body = {"has_no_conflict": True, "lines": lines, "note": "名称列非必要"}
    found = _post(screener, f"{at}/review", body, found["version"])
    assert found["state"] == "DECIDING"
    keep = [{"name": name, "use": "plain"} for name in ("lot", "free")]
    decision = {"line_id": lines[0]["line_id"], "outcome": "narrow", "narrowing": {"columns": keep}}
    decided: dict[str, Any] = _post(
        client_as(house, "approver"),
        f"{at}/decide",
        {"lines": [decision], "has_no_conflict": True},
        found["version"],
    )
    return decided


def _granted(house: House) -> dict[str, Any]:
    found = _offered(house)
    officer = client_as(house, "officer")
    terms = officer.get(f"/api/v1/applications/{found['id']}/terms").json()
    body = {"hash": terms["hash"], "version": terms["version"]}
    return dict(_post(officer, f"/applications/{found['id']}/accept", body))


@pytest.mark.gx
def test_whole_way_over_http_from_draft_to_active_grant(house: House) -> None:
    found = _granted(house)
    (grant_id,) = found["grants"]
    steward = client_as(house, "lin")
    refused = steward.post(f"/api/v1/grants/{grant_id}/activate", json={})
    assert (refused.status_code, [r["code"] for r in refused.json()["reasons"]]) == (403, ["no-release"])
    batch = hand_in(house, "lin", CLEAN)
    publish(house, "zhou", batch.id)
    assert _post(steward, f"/grants/{grant_id}/activate")["is_effective"] is True
    seen = client_as(house, "officer").get(f"/api/v1/grants/{grant_id}").json()
    assert [term["name"] for term in seen["policy"]["columns"]] == ["lot", "free"]
    history = client_as(house, "officer").get(f"/api/v1/grants/{grant_id}/history").json()["items"]
    kinds = [event["kind"] for event in history]
    assert kinds[0] == "application.created"
    assert kinds[-1] == "grant.activated"
    assert "application.reviewed" not in kinds
    inside = client_as(house, "approver").get(f"/api/v1/grants/{grant_id}/history").json()["items"]
    assert "application.reviewed" in [event["kind"] for event in inside]


def test_refusal_lists_every_reason_in_the_readers_language_and_is_recorded(house: House) -> None:
    applicant = client_as(house, "applicant")
    found = _post(applicant, "/applications", ASK | {"purpose_text": "", "lines": []})
    path = f"/api/v1/applications/{found['id']}/submit"
    for lang, word in (("zh", "数据集"), ("en", "dataset")):
        refused = applicant.post(path, json={"version": 1}, params={"lang": lang})
        assert refused.status_code == 403
        reasons = {reason["code"]: reason["text"] for reason in refused.json()["reasons"]}
        assert set(reasons) == {"purpose-too-short", "no-datasets"}
        assert word in reasons["no-datasets"]
        told = applicant.get(f"/api/v1/applications/{found['id']}/receipts").json()["items"]
        assert (told[0]["kind"], told[0]["event_id"]) == (
            "application.refused",
            refused.headers["audit-event"],
        )
    with house.read() as work:
        kinds = list(work.db.exec(select(audit.AuditEventRow.kind)))
        assert kinds.count("application.refused") == 2


def test_hidden_dataset_cannot_be_probed_by_applying(house: House) -> None:
    with house.write() as work:
        a_dataset(work, "DP-PK-901", "traffic", draft=True, open_type="C", auth_op_scope="yes")
    applicant = client_as(house, "applicant")
    answers = [
        applicant.post("/api/v1/applications", json={"lines": [{"dataset_id": dataset_id}]})
        for dataset_id in ("DP-PK-901", "DP-PK-999")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["title"] == answers[1].json()["title"]


def test_versions_guard_every_step(house: House) -> None:
    applicant = client_as(house, "applicant", careful=False)
    made = applicant.post("/api/v1/applications", json=ASK)
    assert made.headers["etag"] == '"1"'
    path = f"/api/v1/applications/{made.json()['id']}"
    assert applicant.post(f"{path}/submit", json={}).status_code == 422
    assert applicant.post(f"{path}/submit", json={}, headers={"If-Match": '"9"'}).status_code == 412
    saved = applicant.put(path, json=ASK | {"retention_days": 30}, headers={"If-Match": '"1"'})
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    assert applicant.put(path, json=ASK, headers={"If-Match": '"1"'}).status_code == 412


def test_nobody_sets_what_is_not_theirs_to_set(house: House) -> None:
    applicant = client_as(house, "applicant")
    for extra in ({"state": "AGREED"}, {"org_id": "mapper"}, {"agreement_hash": "0" * 64}):
        assert applicant.post("/api/v1/applications", json=ASK | extra).status_code == 422
    line = ASK["lines"][0] | {"level": 1}
    assert applicant.post("/api/v1/applications", json=ASK | {"lines": [line]}).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"purpose_text": "x\x00" * 20},
        {"purpose_text": "长" * 2001},
        {"retention_days": 0},
        {"starts_on": "2026-02-30"},
        {"lines": [{"dataset_id": "x", "row_filter": {"op": "eq", "column": "a", "value": {"$gt": ""}}}]},
        {"lines": [{"dataset_id": "x", "quotas": {"rows": -1}}]},
        {"lines": [{"dataset_id": "x", "columns": [{"name": "a", "use": "denied"}]}]},
        {"lines": [{"dataset_id": "x"}] * 21},
        {"purposes": "risk-pricing"},
    ],
)
def test_malformed_request_is_told_and_not_stored(house: House, change: dict[str, Any]) -> None:
    applicant = client_as(house, "applicant")
    assert applicant.post("/api/v1/applications", json=ASK | change).status_code == 422
    assert applicant.get("/api/v1/applications").json()["total"] == 0


def test_other_organisation_gets_404_on_every_path_of_an_object(house: House) -> None:
    found = _granted(house)
    other = client_as(house, "applicant2")
    (grant_id,) = found["grants"]
    for path in ("", "/precheck", "/commands", "/history", "/terms"):
        assert other.get(f"/api/v1/applications/{found['id']}{path}").status_code == 404
    for path in ("", "/commands", "/history", "/usage"):
        assert other.get(f"/api/v1/grants/{grant_id}{path}").status_code == 404
    for path in ("submit", "withdraw", "decline"):
        answer = other.post(f"/api/v1/applications/{found['id']}/{path}", json={"version": found["version"]})
        assert answer.status_code == 404
    assert other.post(f"/api/v1/grants/{grant_id}/relinquish", json={"version": 1}).status_code == 404
    assert other.get("/api/v1/applications").json()["total"] == 0
    assert other.get("/api/v1/grants").json()["total"] == 0


def test_commands_route_says_what_is_open_and_why_not(house: House) -> None:
    applicant = client_as(house, "applicant")
    found = _post(applicant, "/applications", ASK | {"retention_days": None})
    items = applicant.get(f"/api/v1/applications/{found['id']}/commands").json()["items"]
    said = {item["command"]: (item["open"], [reason["code"] for reason in item["reasons"]]) for item in items}
    assert said == {
        "save": (True, []),
        "submit": (False, ["retention-missing"]),
        "withdraw": (True, []),
    }
    check = applicant.get(f"/api/v1/applications/{found['id']}/precheck").json()
    assert (check["may_submit"], [r["code"] for r in check["blocking"]]) == (False, ["retention-missing"])


def test_lists_page_and_filter(house: House) -> None:
    applicant = client_as(house, "applicant")
    for scenario in ("parking", "weather", "benefits"):
        _post(applicant, "/applications", ASK | {"scenario_id": scenario})
    first = applicant.get("/api/v1/applications", params={"limit": 2}).json()
    assert (len(first["items"]), first["total"], first["next"]) == (2, 3, 2)
    rest = applicant.get("/api/v1/applications", params={"limit": 2, "offset": first["next"]}).json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert applicant.get("/api/v1/applications", params={"state": "AGREED"}).json()["total"] == 0
    assert applicant.get("/api/v1/applications", params={"waiting": True}).json()["total"] == 3


def test_audit_record_is_read_filtered_and_verified(house: House) -> None:
    found = _granted(house)
    auditor = client_as(house, "eye")
    assert client_as(house, "approver").get("/api/v1/audit").status_code == 403
    everything = auditor.get("/api/v1/audit", params={"limit": 500}).json()
    assert everything["items"][0]["seq"] == everything["total"]
    only = auditor.get("/api/v1/audit", params={"kind": "application", "subject": found["id"]}).json()
    assert {event["kind"].split(".")[0] for event in only["items"]} == {"application"}
    assert auditor.get("/api/v1/audit", params={"account": "officer"}).json()["total"] == 2
    said = auditor.get("/api/v1/audit/verify").json()
    assert (said["holds"], said["fault"], said["events"]) == (True, None, everything["total"])


# -- commands


def _run(house: House, command: Any, *words: str, user: str) -> Any:
    args = [*words, "--data-dir", str(house.settings.data_dir), "--as", user, "--json"]
    result = CliRunner().invoke(command, args)
    assert result.exit_code == 0, result.output + result.stderr
    return json.loads(result.stdout)


def test_commands_walk_the_whole_way(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    monkeypatch.setenv("DATAGRANT_DEMO", "true")  # where nobody needs a second factor
    ask = tmp_path / "ask.json"
    ask.write_text(json.dumps(ASK), encoding="utf-8")
    made = _run(house, application_command, "create", str(ask), user="applicant")
    application_id = made["id"]
    assert _run(house, application_command, "check", application_id, user="applicant")["may_submit"]
    for words, user, state in (
        (["submit", application_id], "applicant", "SUBMITTED"),
        (["screen", application_id, "ok"], "screener", "IN_REVIEW"),
        (["review", application_id, "approve"], "screener", "DECIDING"),
        (["decide", application_id, "approve"], "approver", "OFFERED"),
        (["counter", application_id, "--note", "期限可缩短"], "applicant", "DECIDING"),
        (["decide", application_id, "approve"], "approver", "OFFERED"),
        (["accept", application_id, "--yes"], "officer", "AGREED"),
    ):
        assert _run(house, application_command, *words, user=user)["state"] == state
    (grant_id,) = _run(house, application_command, "show", application_id, user="officer")["grants"]
    assert _run(house, grant_command, "list", user="officer")["total"] == 1
    gone = _run(house, grant_command, "revoke", grant_id, "--note", "测试撤销", user="approver")
    assert gone["state"] == "REVOKED"
    assert _run(house, audit_command, "verify", user="eye")["holds"] is True
    assert _run(house, audit_command, "list", "--kind", "grant", user="eye")["total"] == 2


def test_safeguards_are_asked_for_and_made_stricter_by_options(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=house.clock))
    monkeypatch.setenv("DATAGRANT_DEMO", "true")  # where nobody needs a second factor
    ask = tmp_path / "ask.json"
    ask.write_text(json.dumps(ASK), encoding="utf-8")
    options = ["--min-group", "20", "--checkers", "1", "--watermark"]
    made = _run(house, application_command, "create", str(ask), *options, user="applicant")
    asked = made["lines"][0]["safeguards"]
    assert (asked["min_group"], asked["checkers"], asked["watermark"]) == (20, 1, True)
    saved = _run(house, application_command, "save", made["id"], str(ask), "--checkers", "1", "--safeguards-of", DATASET, user="applicant")  # fmt: skip
    assert saved["lines"][0]["safeguards"]["checkers"] == 1
    assert not saved["lines"][0]["safeguards"].get("min_group")
    for words, user in ((["submit", made["id"]], "applicant"), (["screen", made["id"], "ok"], "screener"), (["review", made["id"], "approve"], "screener")):  # fmt: skip
        _run(house, application_command, *words, user=user)
    stricter = ["decide", made["id"], "approve", "--checkers", "2", "--watermark"]
    at = ["--data-dir", str(house.settings.data_dir), "--as", "approver"]
    unmarked = CliRunner().invoke(application_command, [*stricter, *at])
    assert unmarked.exit_code == 1
    assert "watermark-impossible" in unmarked.output + unmarked.stderr
    forms = [word for form in made["lines"][0]["delivery_forms"] for word in ("--awaits", form)]
    decided = _run(house, application_command, *stricter, *forms, user="approver")
    (line,) = decided["lines"]
    assert (decided["state"], line["offered"]["safeguards"]["checkers"]) == ("OFFERED", 2)
    where = ["--data-dir", str(house.settings.data_dir), "--as", "applicant"]
    for wrong in (
        ["--epsilon", "0"],
        ["--checkers", "3"],
        ["--min-group", "5", "--safeguards-of", "DP-XX-000"],
    ):
        refused = CliRunner().invoke(application_command, ["create", str(ask), *wrong, *where])
        assert refused.exit_code == 2, refused.output
    both = CliRunner().invoke(
        application_command, ["decide", made["id"], "reject", "--checkers", "2", *where]
    )
    assert both.exit_code == 2
    waits = CliRunner().invoke(application_command, ["decide", made["id"], "reject", *forms, *where])
    assert waits.exit_code == 2


def test_audit_verify_exits_1_and_says_where(house: House) -> None:
    with house.write() as work:
        row = work.db.exec(select(audit.AuditEventRow).where(audit.AuditEventRow.seq == 3)).one()
        work.db.connection().exec_driver_sql("DROP TRIGGER IF EXISTS auth_audit_event_no_update")
        row.payload = '{"rewritten":true}'
    args = ["verify", "--data-dir", str(house.settings.data_dir), "--as", "eye"]
    result = CliRunner().invoke(audit_command, args)
    assert result.exit_code == 1
    assert "3" in result.output + result.stderr


def test_the_matrix_shows_each_reader_what_is_his_and_leads_to_applying(house: House) -> None:
    found, visitor = _granted(house), TestClient(app_of(house))
    other = _post(client_as(house, "applicant"), "/applications", ASK | {"scenario_id": "heritage"})
    _post(client_as(house, "applicant"), f"/applications/{other['id']}/submit", version=other["version"])

    def cells(username: str) -> dict[str, Any]:
        told = (client_as(house, username) if username else visitor).get("/api/v1/matrix").json()
        assert [row["dataset_id"] for row in told["items"]] == [DATASET]
        assert len(told["items"][0]["cells"]) == len(told["scenarios"])
        return {cell["scenario_id"]: cell for cell in told["items"][0]["cells"]}

    own = cells("applicant")
    assert (own["parking"]["own"], own["parking"]["pending"], own["parking"]["in_force"]) == ("pending", 1, 0)
    assert (own["heritage"]["own"], own["heritage"]["applications"]) == ("applied", 1)
    assert {(cell["own"], cell["applications"], cell["pending"]) for cell in cells("").values()} == {
        ("none", 0, 0)
    }
    assert (own["parking"]["holders"], cells("")["parking"]["holders"]) == ([], []), (
        "what waits is not public"
    )
    batch = hand_in(house, "lin", CLEAN)
    publish(house, "zhou", batch.id)
    _post(client_as(house, "lin"), f"/grants/{found['grants'][0]}/activate", {}, 1)
    (now,) = [cells("")["parking"]]
    assert (now["in_force"], now["holders"]) == (1, ["insurer"])
    with house.read() as work:
        name = organisations.organisation(work, "insurer").name
    shown = [
        browser_as(house, "applicant", lang=lang).get("/matrix").text.partition("<tbody")[2]
        for lang in ("zh", "en")
    ]
    assert (name.zh in shown[0], name.en in shown[1]) == (True, True)
    public = visitor.get("/api/v1/register?scenario_id=parking").json()
    assert [each["grant_id"] for each in public["items"]] == found["grants"]
    page = browser_as(house, "applicant", lang="en").get("/matrix?theme=PK").text
    assert f"/applications/new?dataset={DATASET}&amp;scenario=weather" in page
    made = browser_as(house, "applicant").submit("/applications/new", dataset=DATASET, scenario="weather")
    draft = (
        client_as(house, "applicant")
        .get(f"/api/v1{made.headers['location'].removesuffix('/columns')}")
        .json()
    )
    assert draft["scenario_id"] == "weather"


def test_a_grant_is_read_as_odrl_by_those_who_may_see_it(house: House) -> None:
    grant_id = _granted(house)["grants"][0]
    told = client_as(house, "officer").get(f"/api/v1/grants/{grant_id}/odrl")
    assert told.headers["content-type"].startswith("application/ld+json")
    held = client_as(house, "officer").get(f"/api/v1/grants/{grant_id}").json()
    assert told.json()["dg:policySha256"] == held["policy_hash"]
    assert policy_of(told.json()) == GrantPolicy.model_validate(held["policy"])
    assert policy_of(told.json()).hash == held["policy_hash"]
    assert client_as(house, "applicant2").get(f"/api/v1/grants/{grant_id}/odrl").status_code == 404
