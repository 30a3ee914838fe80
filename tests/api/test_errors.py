"""Every kind of error becomes one and the same kind of document, in the reader's language."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from api.access import access
from api.errors import STATUS, status_of
from api.house import House
from core import errors as e
from core.text import Text
from tests.people import app_of


def _kinds(root: type[e.AppError]) -> list[type[e.AppError]]:
    return [root, *(found for child in root.__subclasses__() for found in _kinds(child))]


KINDS = sorted(
    {kind for kind in _kinds(e.AppError) if kind.__module__ == "core.errors"}, key=lambda kind: kind.slug
)
WANTED = {
    "access-refused": 403,
    "conflict": 409,
    "error": 500,
    "gone": 410,
    "input-refused": 422,
    "not-found": 404,
    "not-signed-in": 401,
    "quota-exceeded": 409,
    "second-factor-needed": 403,
    "stale": 412,
    "too-many": 429,
    "transition-refused": 409,
    "unavailable": 503,
}


def _client(house: House, error: e.AppError) -> TestClient:
    app = app_of(house)
    router = APIRouter()

    @router.get("/api/v1/boom", **access("public"))
    @router.get("/boom", **access("public"))
    def boom() -> None:
        raise error

    app.include_router(router)
    return TestClient(app, follow_redirects=False)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_program_gets_a_problem_document(sqlite_house: House, kind: type[e.AppError], lang: str) -> None:
    reason = e.Reason("too-wide", Text("列太多。", "Too many columns."), "rule 7", {"column": "x"})
    error = kind(Text("不行，请缩小范围。", "No; ask for less."), reasons=[reason], limit=3)
    answer = _client(sqlite_house, error).get("/api/v1/boom", headers={"accept-language": lang})
    assert answer.status_code == WANTED[kind.slug] == status_of(error)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"/problems/{kind.slug}",
        "title": kind.title.in_(lang),  # type: ignore[arg-type]
        "status": WANTED[kind.slug],
        "detail": "不行，请缩小范围。" if lang == "zh" else "No; ask for less.",
        "instance": "/api/v1/boom",
        "limit": 3,
        "reasons": [
            {
                "code": "too-wide",
                "text": "列太多。" if lang == "zh" else "Too many columns.",
                "basis": "rule 7",
                "column": "x",
            }
        ],
    }


def test_every_kind_has_its_own_status_written_down() -> None:
    assert {kind.slug for kind in KINDS} == set(WANTED)
    assert set(STATUS) <= set(KINDS)


def test_person_gets_a_page_with_the_same_reasons(sqlite_house: House) -> None:
    reason = e.Reason("too-wide", Text("列太多。", "Too many columns."), "rule 7")
    client = _client(sqlite_house, e.AccessRefused(Text("不行。", "No."), reasons=[reason]))
    answer = client.get("/boom", headers={"accept": "text/html", "accept-language": "en"})
    assert answer.status_code == 403
    assert "Too many columns." in answer.text
    assert "too-wide" in answer.text


def test_visitor_with_a_browser_is_sent_to_sign_in_and_back(sqlite_house: House) -> None:
    client = _client(sqlite_house, e.NotSignedIn(Text("请登录。", "Sign in.")))
    answer = client.get("/boom?page=2", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/boom%3Fpage%3D2")


def test_an_address_that_is_not_there(sqlite_house: House) -> None:
    client = TestClient(app_of(sqlite_house))
    assert client.get("/api/v1/nothing").json()["type"] == "/problems/not-found"
    page = client.get("/nothing", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "<html" in page.text


@pytest.mark.parametrize(
    "path", ["/api/v1/datasets/a%00b", "/api/v1/datasets?q=a%00b", "/api/v1/releases/%00"]
)
def test_nul_in_an_address_is_refused_on_both_databases(house: House, path: str) -> None:
    answer = TestClient(app_of(house)).get(path)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/input-refused"


def test_nul_in_a_body_is_refused_or_kept_but_never_breaks(house: House) -> None:
    body = {"username": "a\0b", "password": "x" * 12}
    answer = TestClient(app_of(house), raise_server_exceptions=False).post("/api/v1/auth/token", json=body)
    assert answer.status_code in (401, 422)


def test_every_answer_carries_the_security_headers(sqlite_house: House) -> None:
    answer = TestClient(app_of(sqlite_house)).get("/api/v1/nothing")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_surprise_is_a_document_too_and_tells_no_secret(
    sqlite_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_of(sqlite_house)

    @app.get("/api/v1/surprise")
    def surprise() -> None:
        raise ZeroDivisionError("password=hunter2")

    answer = TestClient(app, raise_server_exceptions=False).get("/api/v1/surprise")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/error"
    assert "hunter2" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    assert caplog.messages == [f"request {answer.headers['x-request-id']} failed"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_route_with_an_unknown_permission_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unknown permission"):
        access("no:such:thing")
