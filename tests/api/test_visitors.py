"""A visitor is known without a thread and without the database; whoever brings any proof is looked up."""

from __future__ import annotations

import json

import pytest
from fastapi import Request

from api.identity import SESSION_COOKIE, carries_proof
from api.pages import ckan


def _request(*headers: tuple[str, str]) -> Request:
    sent = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": sent})


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("authorization", "Bearer x"), ("authorization", ""), ("x-ckan-api-key", "pda_x"),
        ("cookie", f"{SESSION_COOKIE}=x"), ("cookie", f"dg_lang=en; {SESSION_COOKIE}=x"),
    ],
)  # fmt: skip
def test_whatever_identify_reads_is_a_proof(header: str, value: str) -> None:
    assert carries_proof(_request((header, value)))


def test_language_and_other_cookies_prove_nobody() -> None:
    assert not carries_proof(_request(("cookie", "dg_lang=en; dg_half=x"), ("accept", "text/html")))


@pytest.mark.parametrize("value", [2**70, -(2**70), 2**63, "成都", 0.1, None])
def test_ckan_answers_hold_numbers_of_any_size(value: object) -> None:
    answer = ckan._json({"value": value}, 200)
    assert json.loads(bytes(answer.body)) == {"value": value}
