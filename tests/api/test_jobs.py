"""Jobs as people see them, and a job's end written down whatever happens."""

from __future__ import annotations

import pytest

from api.durable import drain
from api.house import House
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from core import jobs
from core.jobs import JobState
from tests.people import a_person, actor_of, an_org, browser_as, client_as


@pytest.fixture
def peopled(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        for org in ("traffic", "weather"):
            an_org(work, org, "source_department")
            a_person(work, f"{org}-steward", org, ["steward"])
        a_person(work, "eye", "traffic", [("auditor", "*")])
    return sqlite_house


def asked(house: House, kind: str = "store.scrub", org: str | None = "traffic") -> str:
    with house.write() as work:
        return jobs.ask_for(work, kind, "store", requested_by="nobody", org_id=org)


def test_a_job_is_seen_by_its_organisation_and_the_platform(peopled: House) -> None:
    job_id = asked(peopled)
    for who, status, total in (("traffic-steward", 200, 1), ("weather-steward", 404, 0), ("eye", 200, 1)):
        client = client_as(peopled, who)
        assert client.get(f"/api/v1/jobs/{job_id}").status_code == status
        assert client.get("/api/v1/jobs").json()["total"] == total
    assert client_as(peopled).get("/api/v1/jobs").status_code == 401


def test_whoever_does_not_watch_the_platform_sees_his_own_jobs_alone(peopled: House) -> None:
    """A station clerk and an output checker hold their roles for the whole platform, and have no part in its work."""
    job_id = asked(peopled)
    with peopled.write() as work:
        an_org(work, "bureau", "implementing_body")
        for username in ("clerk", "output_checker", "approver"):
            a_person(work, username, "bureau", [username])
    assert client_as(peopled, "approver").get(f"/api/v1/jobs/{job_id}").status_code == 200
    for who in ("clerk", "output_checker"):
        client = client_as(peopled, who)
        assert client.get(f"/api/v1/jobs/{job_id}").status_code == 404, who
        assert client.get("/api/v1/jobs").json()["total"] == 0
        assert browser_as(peopled, who).get(f"/jobs/{job_id}").status_code == 404


def test_a_job_runs_to_its_result(peopled: House) -> None:
    peopled.files.put([b"one"])
    job_id = asked(peopled)
    assert drain(peopled) == 1
    found = client_as(peopled, "traffic-steward").get(f"/api/v1/jobs/{job_id}").json()
    assert (found["state"], found["progress"]) == ("done", 1.0)
    assert found["result"].items() >= {"checked": 1, "damaged": [], "missing": 0}.items()


def test_a_flipped_bit_is_found_by_the_scrub(peopled: House) -> None:
    stored = peopled.files.put([b"precious"])
    path = peopled.files.path(stored.sha256)
    path.chmod(0o640)
    path.write_bytes(b"precioux")
    job_id = asked(peopled)
    drain(peopled)
    found = client_as(peopled, "eye").get(f"/api/v1/jobs/{job_id}").json()
    assert found["result"]["damaged"] == [stored.sha256]


def test_a_cancelled_job_ends_as_cancelled(peopled: House) -> None:
    job_id = asked(peopled)
    steward = client_as(peopled, "traffic-steward")
    assert steward.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 200
    assert client_as(peopled, "eye").post(f"/api/v1/jobs/{job_id}/cancel").status_code == 409
    drain(peopled)
    assert steward.get(f"/api/v1/jobs/{job_id}").json()["state"] == JobState.CANCELLED
    assert steward.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 409


def test_a_key_with_limits_stops_no_job(peopled: House) -> None:
    job_id = asked(peopled)
    with peopled.write() as work:
        ask = ApiKeyCreate(name="reader", scopes=["datasets:batch:read"])
        key = api_keys.create(work, actor_of(work, "traffic-steward"), ask).key
    program = client_as(peopled)
    program.headers["authorization"] = f"Bearer {key}"
    assert program.get(f"/api/v1/jobs/{job_id}").status_code == 200
    assert program.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 409
    assert client_as(peopled, "traffic-steward").post(f"/api/v1/jobs/{job_id}/cancel").status_code == 200


def test_a_broken_job_says_so_in_both_languages(peopled: House) -> None:
    job_id = asked(peopled, "no.such.kind")
    drain(peopled)
    found = client_as(peopled, "traffic-steward").get(f"/api/v1/jobs/{job_id}").json()
    assert found["state"] == "failed"
    assert found["error"]["zh"]
    assert found["error"]["en"]
    assert "Traceback" not in found["error"]["en"]


def test_the_pages_show_jobs_and_poll_while_they_run(peopled: House) -> None:
    job_id = asked(peopled)
    browser = browser_as(peopled, "traffic-steward")
    assert job_id in browser.get("/jobs").text
    assert "hx-get" in browser.get(f"/jobs/{job_id}").text
    assert "hx-refresh" not in browser.get(f"/jobs/{job_id}/fragment").headers
    assert browser.submit(f"/jobs/{job_id}/cancel").status_code == 303
    drain(peopled)
    ended = browser.get(f"/jobs/{job_id}/fragment")
    assert ended.headers["hx-refresh"] == "true"
    assert "hx-get" not in ended.text
