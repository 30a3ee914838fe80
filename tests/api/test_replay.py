"""An answer kept under an Idempotency-Key is given to who got it, as he stands now: the same proof, roles, network and grant. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlmodel import select

from api.house import House
from api.once import holds_secret
from auth.grants import keys
from auth.grants import service as grants
from auth.grants.keys import GrantKeyCreate
from auth.grants.steps import GrantStep
from auth.identity import accounts, api_keys
from auth.identity.api_keys import ApiKeyCreate
from auth.identity.tables import RoleAssignmentRow
from core.ids import GrantId
from tests.datasets.extracts.scene import VENUES, a_scene
from tests.datasets.queries.scene import QueryScene, a_query_scene
from tests.desk import a_grant
from tests.people import app_of, local_token

API = "/api/v1/queries"
KEY = {"idempotency-key": "one"}


@pytest.fixture
def scene(house: House) -> QueryScene:
    return a_query_scene(house)


def asked(scene: QueryScene, proof: str, address: str = "203.0.113.7") -> Any:
    client = TestClient(app_of(scene.house), client=(address, 1), raise_server_exceptions=False)
    headers = KEY | {"authorization": f"Bearer {proof}"}
    return client.post(API, json=scene.body(group_by=[{"column": "lot"}]), headers=headers)


def a_key(scene: QueryScene, **ask: Any) -> str:
    """A key of the analyst's account for queries."""
    with scene.desk.write("analyst") as (work, actor):
        body = ApiKeyCreate.model_validate(
            {"name": "nightly", "scopes": ["auth:grant:read", "datasets:query:ask"], **ask}
        )
        return api_keys.create(work, actor, body).key


def refused(answer: Any, status: int, code: str = "") -> bool:
    """Refused so, with no word of the answer that is kept."""
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (status, False), answer.text
    assert "figures" not in answer.text
    codes = [reason["code"] for reason in answer.json().get("reasons", [])]
    assert not code or code in codes, answer.text
    return True


def test_no_other_proof_of_the_same_person_gets_the_answer(scene: QueryScene) -> None:
    session = local_token(scene.house, "analyst")
    first, again = asked(scene, session), asked(scene, session)
    assert (first.status_code, again.status_code, again.json() == first.json()) == (201, 201, True)
    assert again.headers["idempotency-replayed"] == "true"
    assert refused(asked(scene, a_key(scene)), 422, "idempotency-key-reused")
    assert refused(asked(scene, a_key(scene, scopes=["auth:grant:read"])), 403, "key-lacks-permission")


def test_a_key_of_one_grant_gets_no_answer_of_another_way(house: House) -> None:
    """An extract asked for in a session: the keys of its own grant and of another hear nothing of it."""
    scene = a_scene(house)
    desk = scene.desk
    other = a_grant(desk, asset=desk.assets(VENUES), scenario_id="weather")
    client = TestClient(app_of(house), raise_server_exceptions=False)

    def ask(proof: str) -> Any:
        headers = KEY | {"authorization": f"Bearer {proof}"}
        return client.post("/api/v1/extracts", json=scene.body().model_dump(mode="json"), headers=headers)

    def a_bound_key(grant_id: str) -> str:
        with desk.write("analyst") as (work, actor):
            body = GrantKeyCreate.model_validate({"name": "nightly"})
            return keys.create(work, actor, GrantId(grant_id), body).key

    session = local_token(house, "analyst")
    made = ask(session)
    assert (made.status_code, ask(session).json()["id"]) == (202, made.json()["id"])
    for key in (a_bound_key(other.id), a_bound_key(scene.grant_id)):
        assert refused(ask(key), 422, "idempotency-key-reused")
        assert made.json()["id"] not in ask(key).text


def test_a_key_gets_its_own_answer_from_its_networks_alone(scene: QueryScene) -> None:
    key = a_key(scene, networks=["203.0.113.0/24"])
    assert asked(scene, key).status_code == 201
    assert asked(scene, key).headers["idempotency-replayed"] == "true"
    assert refused(asked(scene, key, "198.51.100.9"), 403, "address-not-allowed")
    assert refused(asked(scene, a_key(scene)), 422, "idempotency-key-reused")


def test_a_role_that_was_taken_away_ends_it(scene: QueryScene) -> None:
    session = local_token(scene.house, "analyst")
    assert asked(scene, session).status_code == 201
    with scene.house.write() as work:
        account = accounts.account_row(work, "analyst").id
        for row in work.db.exec(select(RoleAssignmentRow).where(RoleAssignmentRow.account_id == account)):
            row.valid_to = work.now
            work.db.add(row)
    assert refused(asked(scene, session), 403)


def test_a_role_that_was_added_since_is_another_standing(scene: QueryScene) -> None:
    session = local_token(scene.house, "analyst")
    assert asked(scene, session).status_code == 201
    with scene.house.write() as work:
        account = accounts.account_row(work, "analyst").id
        row = work.db.exec(select(RoleAssignmentRow).where(RoleAssignmentRow.account_id == account)).first()
        assert row
        work.db.add(RoleAssignmentRow(**row.model_dump() | {"id": work.new_id(), "role": "applicant"}))
    assert refused(asked(scene, session), 422, "idempotency-key-reused")


def test_a_disabled_account_gets_nothing(scene: QueryScene) -> None:
    session = local_token(scene.house, "analyst")
    assert asked(scene, session).status_code == 201
    with scene.house.write() as work:
        accounts.account_row(work, "analyst").disabled = True
    assert refused(asked(scene, session), 401)


def test_data_under_a_grant_that_counts_no_more_are_not_given_again(scene: QueryScene) -> None:
    session = local_token(scene.house, "analyst")
    assert asked(scene, session).status_code == 201
    with scene.desk.write("watch") as (work, actor):
        grants.suspend(work, actor, scene.grant_id, GrantStep(note="核查用途"))
    assert refused(asked(scene, session), 403, "grant-not-active")
    with scene.desk.write("watch2") as (work, actor):
        grants.resume(work, actor, scene.grant_id, GrantStep())
    assert asked(scene, session).headers["idempotency-replayed"] == "true"


def test_every_command_asks_who_calls_before_it_answers_again(sqlite_house: House) -> None:
    """A route without that would carry the command out a second time."""
    commands = [
        route
        for route in app_of(sqlite_house).routes
        if isinstance(route, APIRoute) and "POST" in route.methods and route.path.startswith("/api/v1/")
    ]
    assert len(commands) > 100
    for route in commands:
        last = route.dependencies[-1].dependency
        assert holds_secret(route.path) or getattr(last, "__name__", "") == "replay", route.path
