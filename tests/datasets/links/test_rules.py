"""Which links a record holds, what an answer means, when and in which order to ask."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from datasets.links.rules import (
    PER_HOST,
    Outcome,
    arranged,
    asked,
    host_of,
    judged,
    key_of,
    links_in,
    next_look,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_outside_addresses_of_a_record_each_with_its_place() -> None:
    document = {
        "url": "https://portal.example/set", "resources": [
            {"url": " https://portal.example/a.csv "}, {"url": "ftp://portal.example/b"}, {"url": None}, "text", {"url": "https://own.example/file"},
            {"url": "https://own.example.evil/file"}, {"url": "https://x.example/" + "y" * 2000},
        ],
    }  # fmt: skip
    assert links_in(document, "https://portal.example/set", ["https://app.example"], "https://own.example") == {
        ("https://portal.example/set", "page"), ("https://portal.example/a.csv", "resource"),
        ("https://own.example.evil/file", "resource"), ("https://app.example", "reuse"),
    }  # fmt: skip
    assert links_in({}, "", [], "https://own.example") == set()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.example/数据 表.csv#x", "https://a.example/%E6%95%B0%E6%8D%AE%20%E8%A1%A8.csv"), ("HTTP://a.example", "http://a.example"),
        ("https://数据.example/a?b=c%20d&e=值", "https://xn--4gq48lf9j.example/a?b=c%20d&e=%E5%80%BC".replace("xn--4gq48lf9j", "数据".encode("idna").decode())),
        ("https://a.example:8443/x", "https://a.example:8443/x"), ("ftp://a.example", ""), ("https://", ""), ("https://[::1", ""), ("https://a:99999/", ""),
        ("https://u:p@a.example/", "https://u:p@a.example/"),
    ],
)  # fmt: skip
def test_address_is_asked_for_in_ascii(url: str, wanted: str) -> None:
    assert asked(url) == wanted


def test_answers_mean_good_broken_or_that_it_cannot_be_told() -> None:
    assert {judged(status) for status in (200, 204, 206, 304)} == {Outcome.GOOD}
    assert {judged(status) for status in (404, 410, 400, 500, 502, 503)} == {Outcome.BROKEN}
    assert {judged(status) for status in (401, 403, 405, 429, 451)} == {Outcome.UNSURE}


def test_what_broke_is_asked_again_soon_and_then_rarely() -> None:
    assert next_look(Outcome.GOOD, 0, NOW) == NOW + timedelta(days=7)
    assert [next_look(Outcome.BROKEN, n, NOW) - NOW for n in (1, 3, 4)] == [
        timedelta(days=1), timedelta(days=1), timedelta(days=7),
    ]  # fmt: skip
    assert next_look(Outcome.UNSURE, 1, NOW) == NOW + timedelta(days=7)


def test_hosts_take_turns_and_none_has_more_than_its_share() -> None:
    links = [(f"a{n}", "a") for n in range(PER_HOST + 50)] + [("b1", "b"), ("c1", "c"), ("b2", "b")]
    found = arranged(links, 1000)
    assert found[:5] == ["a0", "b1", "c1", "a1", "b2"]
    assert Counter(each[0] for each in found) == {"a": PER_HOST, "b": 2, "c": 1}
    assert len(arranged(links, 10)) == 10
    assert host_of("https://[::1") == ""


def test_an_address_has_a_key_and_a_host_of_its_own() -> None:
    assert key_of("https://a.example") == hashlib.sha256(b"https://a.example").hexdigest()
    assert len({key_of("https://a.example"), key_of("https://a.example/"), key_of("\udcff")}) == 3
    assert host_of(f"https://{'a' * 300}/") == "a" * 255
    assert (host_of("https://A.example:1/"), host_of("mailto:x"), host_of("https://[::1")) == (
        "a.example",
        "",
        "",
    )


@pytest.mark.parametrize(("length", "taken"), [(1999, True), (2000, True), (2001, False)])
def test_an_address_has_two_thousand_letters_at_most(length: int, *, taken: bool) -> None:
    url = "https://x.example/".ljust(length, "y")
    assert links_in({"url": url}, "", [], "https://own.example") == ({(url, "page")} if taken else set())


@pytest.mark.parametrize(
    ("status", "good"), [(199, False), (200, True), (299, True), (300, False), (304, True)]
)
def test_what_ends_well_is_a_good_link(status: int, *, good: bool) -> None:
    assert (judged(status) is Outcome.GOOD) is good


def test_no_more_is_asked_than_there_is_room_for() -> None:
    links = [(f"k{at}", f"h{at % 2}") for at in range(6)]
    assert arranged(links, 3) == ["k0", "k1", "k2"]
    assert arranged(links, 4) == ["k0", "k1", "k2", "k3"]
    assert (arranged(links, 0), arranged([], 5)) == ([], [])
