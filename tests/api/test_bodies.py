"""Large bodies: nobody unknown may send one, and nothing large goes through memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.bodies import AROUND_A_FILE, FROM_ANYBODY, IN_MEMORY
from api.house import House
from tests.people import a_person, browser_as, client_as


@pytest.fixture
def peopled(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_person(work, "admin", roles=["sysadmin"])
    return sqlite_house


class Spy:
    """Counts what is read of it."""

    def __init__(self, size: int) -> None:
        self.left, self.read = size, 0

    def chunks(self) -> Iterator[bytes]:
        while self.left > 0:
            self.read += 65536
            self.left -= 65536
            yield b"x" * 65536


@pytest.mark.parametrize(
    "path", ["/api/v1/auth/token", "/batches", "/api/v1/batches?dataset_id=x&name=x", "/sign-in"]
)
@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=b", "application/octet-stream"]
)
def test_visitor_is_refused_before_a_large_body_is_read(peopled: House, path: str, kind: str) -> None:
    announced = {"content-type": kind, "content-length": str(FROM_ANYBODY + 1)}
    answer = client_as(peopled).post(path, content=b"", headers=announced)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_visitor_is_refused_a_body_of_unknown_length(peopled: House) -> None:
    answer = client_as(peopled).post("/api/v1/auth/token", content=Spy(10 * FROM_ANYBODY).chunks())
    assert answer.status_code == 401


def test_false_proof_does_not_open_the_door(peopled: House) -> None:
    for headers in (
        {"authorization": "Bearer pda_x_y"},
        {"cookie": "dg_session=made-up"},
        {"authorization": "Basic x"},
    ):
        answer = client_as(peopled).post(
            "/api/v1/users", content=Spy(10 * FROM_ANYBODY).chunks(), headers=headers
        )
        assert answer.status_code == 401


def test_known_sender_is_stopped_at_the_limit_of_memory(peopled: House) -> None:
    spy = Spy(4 * IN_MEMORY)
    answer = client_as(peopled, "admin").post(
        "/api/v1/users", content=spy.chunks(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "application/octet-stream"])
def test_a_claimed_type_opens_no_way_into_memory(peopled: House, kind: str) -> None:
    answer = client_as(peopled, "admin").post(
        "/api/v1/users", content=Spy(2 * IN_MEMORY).chunks(), headers={"content-type": kind}
    )
    assert answer.status_code == 413


def test_a_form_is_no_way_to_fill_the_disk(peopled: House) -> None:
    limited = replace(peopled, settings=peopled.settings.model_copy(update={"upload_max_bytes": 1024}))
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
    answer = browser_as(limited, "admin").post(
        "/sign-out",
        content=head + b"x" * (2 * AROUND_A_FILE),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 413


def test_small_bodies_pass_as_before(peopled: House) -> None:
    assert (
        client_as(peopled)
        .post("/api/v1/auth/token", json={"username": "xx", "password": "y" * 900})
        .status_code
        == 401
    )
    assert (
        browser_as(peopled, "admin").submit("/admin/users/new", username="zhao", name_zh="赵").status_code
        == 303
    )
