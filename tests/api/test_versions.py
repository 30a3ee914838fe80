"""Nobody overwrites what he has not seen: every step of the service asks which version was looked at, or says here why it need not.

The walk goes over the OpenAPI document, so that a new step without the question is found by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi import Response

from api.house import House
from api.versions import guarded, the_version
from auth.casework.book import CaseStep
from core.errors import InputRefused
from core.ids import OrgId
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in
from tests.people import a_person, an_org, app_of, browser_as, client_as

WRITES: Final = ("post", "put", "patch", "delete")
ANEW: Final = "makes a new record and changes none"
LINE: Final = "adds a line to a list that only grows; nothing that was there changes"
READS: Final = "asks or makes a file; nothing is changed by it"
ONCE: Final = "what was asked for never changes: it is answered once, and a second answer is 409"
MINE: Final = "its owner's own setting"
SWITCH: Final = "says itself how it shall stand; said twice it is as said once, or 409"
KEPT: Final = "every setting is kept with its day and none is written over"
NAMED: Final = "names what was read by its digest"
WITHOUT: Final = {
    "put /api/v1/anomaly-rules/{rule}": KEPT,
    "post /api/v1/applications/{application_id}/copy": ANEW,
    "post /api/v1/applications/{application_id}/comments": LINE,
    "post /api/v1/applications/{application_id}/comments/{comment_id}/hide": ONCE,
    "post /api/v1/applications/{application_id}/handlers": LINE,
    "delete /api/v1/applications/{application_id}/invitations/{invitation_id}": ONCE,
    "post /api/v1/applications/{application_id}/co-applicants": ONCE,
    "delete /api/v1/applications/{application_id}/co-applicants/{entry_id}": ONCE,
    "post /api/v1/grants/{grant_id}/renew": ANEW,
    "post /api/v1/grants/{grant_id}/amend": ANEW,
    "post /api/v1/clocks/extensions/{extension_id}/decide": ONCE,
    "post /api/v1/applications/{application_id}/sign-for": ONCE,
    "post /api/v1/applications/{application_id}/extensions": ANEW,
    "put /api/v1/calendar/{day}": SWITCH,
    "delete /api/v1/calendar/{day}": SWITCH,
    "put /api/v1/demands/{demand_id}/vote": MINE,
    "delete /api/v1/demands/{demand_id}/vote": MINE,
    "post /api/v1/disclosure/{year}/pack": READS,
    "post /api/v1/disclosure/{year}/publication": NAMED,
    "post /api/v1/discussions/{thread_id}/reply": LINE,
    "post /api/v1/discussions/{thread_id}/accept": LINE,
    "post /api/v1/discussions/{thread_id}/settle": LINE,
    "post /api/v1/discussions/{thread_id}/decline": LINE,
    "post /api/v1/discussions/{thread_id}/reopen": LINE,
    "post /api/v1/discussions/{thread_id}/hide": ONCE,
    "post /api/v1/grants/{grant_id}/use-reports": ANEW,
    "post /api/v1/enclave/{enclave_id}/decision": NAMED,
    "post /api/v1/enclave/{enclave_id}/withdraw": ONCE,
    "post /api/v1/applications/{application_id}/explain": READS,
    "post /api/v1/applications/{application_id}/simulate": READS,
    "post /api/v1/grants/{grant_id}/explain": READS,
    "post /api/v1/grants/{grant_id}/simulate": READS,
    "post /api/v1/extracts/{extract_id}/withdraw": ONCE,
    "post /api/v1/extracts/{extract_id}/tickets": ANEW,
    "post /api/v1/grants/{grant_id}/keys": ANEW,
    "delete /api/v1/grants/{grant_id}/keys/{key_id}": ONCE,
    "delete /api/v1/harvests/{source_id}": ONCE,
    "post /api/v1/harvests/{source_id}/approve": ONCE,
    "post /api/v1/harvests/{source_id}/run": ANEW,
    "post /api/v1/harvests/{source_id}/pause": SWITCH,
    "post /api/v1/harvests/{source_id}/resume": SWITCH,
    "post /api/v1/jobs/{job_id}/cancel": ONCE,
    "put /api/v1/marks/{dataset_id}": KEPT,
    "delete /api/v1/me/sessions/{session_id}": MINE,
    "delete /api/v1/me/programs/{family_id}": MINE,
    "delete /api/v1/me/api-keys/{key_id}": MINE,
    "put /api/v1/datasets/{dataset_id}/follow": MINE,
    "delete /api/v1/datasets/{dataset_id}/follow": MINE,
    "post /api/v1/organisations/{org_id}/control": SWITCH,
    "post /api/v1/organisations/{org_id}/country": SWITCH,
    "post /api/v1/outputs/{output_id}/sample": READS,
    "post /api/v1/applications/{application_id}/papers/{paper_key}/promise": NAMED,
    "put /api/v1/queries/budget/{dataset_id}": KEPT,
    "put /api/v1/queries/terms/{dataset_id}": KEPT,
    "post /api/v1/products/{product_id}/registration": ONCE,
    "post /api/v1/products/{product_id}/end": ONCE,
    "post /api/v1/products/{product_id}/fees": LINE,
    "delete /api/v1/pushes/{target_id}": ONCE,
    "post /api/v1/pushes/{target_id}/approve": ONCE,
    "post /api/v1/pushes/{target_id}/run": ANEW,
    "post /api/v1/pushes/{target_id}/pause": SWITCH,
    "post /api/v1/pushes/{target_id}/resume": SWITCH,
    "post /api/v1/record-changes/{record_change_id}/undo": ONCE,
    "post /api/v1/registrations/{registration_id}/pack": READS,
    "post /api/v1/releases/{release_id}/withdraw": ONCE,
    "put /api/v1/datasets/{dataset_id}/retention": SWITCH,
    "post /api/v1/datasets/{dataset_id}/retention/apply": SWITCH,
    "post /api/v1/reuses/{reuse_id}/show": ONCE,
    "post /api/v1/reuses/{reuse_id}/decline": ONCE,
    "post /api/v1/reuses/{reuse_id}/remove": ONCE,
    "post /api/v1/reuses/{reuse_id}/take-back": ONCE,
    "post /api/v1/evaluations/{grant_id}": ANEW,
    "post /api/v1/pilots/{grant_id}": SWITCH,
    "post /api/v1/role-changes/{change_id}/confirm": ONCE,
    "post /api/v1/role-changes/{change_id}/refuse": ONCE,
    "post /api/v1/break-glass/{change_id}/close": ONCE,
    "patch /api/v1/me/searches/{search_id}": MINE,
    "delete /api/v1/me/searches/{search_id}": MINE,
    "post /api/v1/grants/{grant_id}/views": ANEW,
    "post /api/v1/grants/{grant_id}/links": READS,
    "post /api/v1/grants/{grant_id}/profile": ANEW,
    "delete /api/v1/sources/{source_id}": ONCE,
    "post /api/v1/sources/{source_id}/test": READS,
    "post /api/v1/sources/{source_id}/run": ANEW,
    "post /api/v1/sources/{source_id}/pause": SWITCH,
    "post /api/v1/sources/{source_id}/resume": SWITCH,
    "post /api/v1/datasets/{dataset_id}/suite/propose": READS,
    "post /api/v1/datasets/{dataset_id}/suite/try": READS,
    "post /api/v1/datasets/{dataset_id}/suite/preview": READS,
    "delete /api/v1/synonyms/{group_id}": ONCE,
    "post /api/v1/tickets/{ticket_id}/comment": LINE,
    "post /api/v1/tickets/{ticket_id}/return": ANEW,
    "post /api/v1/users/{user}/disable": SWITCH,
    "post /api/v1/users/{user}/enable": SWITCH,
    "post /api/v1/users/{user}/password": SWITCH,
    "post /api/v1/users/{user}/second-factor/reset": ANEW,
    "post /api/v1/users/{user}/links": ANEW,
    "post /api/v1/users/{user}/links/end": ONCE,
    "post /api/v1/users/{user}/roles": ANEW,
    "delete /api/v1/users/{user}/roles/{assignment_id}": ANEW,
    "post /api/v1/batches/{batch_id}/verdict/docs": READS,
    "post /api/v1/batches/{batch_id}/verdict/failing": READS,
    "patch /api/v1/webhooks/{endpoint_id}": MINE,
    "delete /api/v1/webhooks/{endpoint_id}": MINE,
    "post /api/v1/webhooks/{endpoint_id}/rotate": MINE,
    "post /api/v1/webhooks/{endpoint_id}/ping": ANEW,
    "post /api/v1/webhooks/deliveries/{delivery_id}/resend": ANEW,
}
ELSEWHERE: Final = {
    "/api/v1/applications/{application_id}/papers/{paper_key}": "in the list of papers",
    "/api/v1/erasures/{erasure_id}": "in a document with more than the record",
}


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def _steps(paths: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in paths.items():
        if path.startswith("/api/v1/") and "{" in path:
            yield from ((method, path, item[method]) for method in WRITES if method in item)


def _asks(operation: dict[str, Any]) -> bool:
    return any(each["name"].lower() == "if-match" for each in operation.get("parameters", ()))


def test_every_step_asks_for_the_version_or_says_why_not(sqlite_house: House) -> None:
    found = {
        f"{method} {path}": _asks(op) for method, path, op in _steps(app_of(sqlite_house).openapi()["paths"])
    }
    assert {name for name, asks in found.items() if not asks} - WITHOUT.keys() == set(), "ask for the version"
    assert WITHOUT.keys() - {name for name, asks in found.items() if not asks} == set(), (
        "these ask for it or are gone"
    )
    assert sum(found.values()) > 100


def test_the_version_that_a_step_asks_for_can_be_read(sqlite_house: House) -> None:
    document = app_of(sqlite_house).openapi()
    schemas = document["components"]["schemas"]
    blind = set()
    for method, path, operation in _steps(document["paths"]):
        if not _asks(operation):
            continue
        places = [path] if method in ("put", "patch") else []
        for place in (*places, path.rpartition("/")[0]):
            answers = document["paths"].get(place, {}).get("get", {}).get("responses", {}).get("200", {})
            name = str(
                answers.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            )
            if "version" in schemas.get(name.rpartition("/")[2], {}).get("properties", {}):
                break
        else:
            blind.add(path.rpartition("/")[0])
    assert blind - ELSEWHERE.keys() == set()


@pytest.mark.parametrize(("header", "said", "taken"), [(3, None, 3), (None, 4, 4), (5, 5, 5)])
def test_one_version_is_taken_wherever_it_is_said(header: int | None, said: int | None, taken: int) -> None:
    assert the_version(header, said) == taken


@pytest.mark.parametrize(("header", "said"), [(None, None), (3, 4)])
def test_no_version_and_two_are_refused(header: int | None, said: int | None) -> None:
    with pytest.raises(InputRefused) as refused:
        the_version(header, said)
    assert refused.value.facts == {"missing": "version"}


def test_what_has_no_room_for_a_version_stays_as_it_is() -> None:
    def plain(thing: str) -> str:
        return thing

    def step(thing: str, body: CaseStep, response: Response) -> str:
        return f"{thing} {body.version}"

    assert guarded(plain, "/api/v1/x/{thing}", {"POST"}) is plain
    assert guarded(step, "/api/v1/x/{thing}", {"GET"}) is step
    assert guarded(step, "/delta-sharing/x/{thing}", {"POST"}) is step
    asked = guarded(step, "/api/v1/x/{thing}", {"POST"})
    assert asked(thing="x", body=CaseStep(), response=Response(), if_match_=7) == "x 7"
    assert guarded(asked, "/api/v1/x/{thing}", {"POST"}) is asked, "asked once"


def test_a_licence_is_stepped_on_as_it_was_seen(house: House) -> None:
    with house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "insurer")
        a_person(work, "keeper", "bureau", ["security_officer"])
    client = client_as(house, "keeper", careful=False)
    at = f"/api/v1/organisations/{OrgId('insurer')}"
    seen = client.get(at).json()["version"]
    body = {"step": "suspend", "note": "等待补充材料"}
    bare = client.post(f"{at}/licence", json=body)
    assert (bare.status_code, bare.json()["missing"]) == (422, "version")
    assert "If-Match" in bare.json()["detail"]
    done = client.post(f"{at}/licence", json=body, headers={"If-Match": f'"{seen}"'})
    assert done.status_code == 200, done.text
    late = client.post(
        f"{at}/licence", json={"step": "disqualify", "note": "材料不实，取消资格", "version": seen}
    )
    assert (late.status_code, late.json()["version"], late.json()["state"]) == (412, seen + 1, "SUSPENDED")
    assert (
        "reload"
        in client.post(
            f"{at}/licence", json=body | {"version": seen}, headers={"Accept-Language": "en"}
        ).json()["detail"]
    )


@pytest.mark.gx
def test_a_release_is_asked_for_of_the_batch_as_it_was_seen(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    client, page = client_as(stocked, "zhou", careful=False), browser_as(stocked, "zhou", "en")
    seen = client.get(f"/api/v1/batches/{batch.id}").json()["version"]
    bare = client.post("/api/v1/releases", json={"batch_id": batch.id})
    assert (bare.status_code, bare.json()["missing"]) == (422, "version")
    late = client.post("/api/v1/releases", json={"batch_id": batch.id, "version": seen - 1})
    assert (late.status_code, late.json()["version"]) == (412, seen)
    assert late.json()["state"]
    at = f"/batches/{batch.id}"
    for step in ("publish", "confirm", "reject", "recheck", "accept", "split"):
        said = page.post(f"{at}/{step}", data={"csrf": page.csrf, "note": "looked at it again"})
        assert said.status_code in (403, 422), step
        assert said.status_code == 403 or "Say which version you saw" in said.text, step
    shown = page.get(at).text
    assert f'name="version" value="{seen}"' in shown, "each form carries it"
    old = page.submit(f"{at}/publish", version=seen - 1)
    assert old.status_code == 412
    done = client.post("/api/v1/releases", json={"batch_id": batch.id}, headers={"If-Match": f'"{seen}"'})
    assert done.status_code == 202, done.text


def test_forms_of_records_and_suites_say_what_they_were_made_from(stocked: House) -> None:
    page = browser_as(stocked, "lin", "en")
    for path, fields in (
        ("publish", {}), ("withdraw", {"reason": "superseded by another"}), ("relations", {"kind": "part", "code": "X"}),
        ("edit", {"title_zh": "停车场"}), ("suite", {"json": "{}"}), ("export-suite", {"json": "{}"}),
    ):  # fmt: skip
        said = page.post(f"/datasets/{DATASET}/{path}", data={"csrf": page.csrf, **fields})
        assert said.status_code in (403, 409, 422), (path, said.status_code)
        assert said.status_code == 403 or "Say which version you saw" in said.text, path
    shown = page.get(f"/datasets/{DATASET}").text
    for step in ("publish", "withdraw", "relations"):
        form = shown.partition(f'action="/datasets/{DATASET}/{step}"')[2]
        assert not form or 'name="version"' in form.partition("</form>")[0], step
