"""What leaves of an event, to which addresses, and when the next attempt is made."""

from __future__ import annotations

import pytest

from auth.webhooks.rules import EVENT_KINDS, RETRY_S, in_groups, said_of, url_fault, wait_after

HOUR = 3600


def test_attempts_are_made_for_three_days_and_then_no_more() -> None:
    """The schedule that Standard Webhooks proposes."""
    waits = [wait_after(attempts) for attempts in range(1, 11)]
    assert waits == [5, 300, HOUR // 2, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR, None]
    assert len(RETRY_S) == 9


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_what_is_said_of_an_event_begins_with_what_it_is_about(kind: str) -> None:
    known = EVENT_KINDS[kind]
    assert known.key in known.says
    assert known.name.zh
    assert known.name.en
    body = dict.fromkeys((*known.says, "note", "person_id"), "x")
    assert said_of(kind, body) == dict.fromkeys(known.says, "x")
    assert said_of(kind, {known.key: "x"}) == {known.key: "x"}


LONGEST = "https://a.example/" + "x" * (500 - len("https://a.example/"))


@pytest.mark.parametrize(
    ("url", "plain_ok", "fault"),
    [
        ("https://a.example/hook?x=1", False, None),
        ("https://a.example:8443/", False, None),
        ("https://[2001:db8::1]/", False, None),
        ("https://[2001:db8::1]:8443/", False, None),
        (LONGEST, False, None),
        (LONGEST + "x", False, "at most 500"),
        ("https://a.example/ b", False, "ASCII"),
        ("https://a.example/\x7f", False, "ASCII"),
        ("https://例.example/", False, "ASCII"),
        ("http://a.example/", False, "https://"),
        ("http://a.example/", True, None),
        ("https://a.example/", True, None),
        ("ftp://a.example/", True, "https://"),
        ("https://user@a.example/", False, "no user"),
        ("https://:word@a.example/", False, "no user"),
        ("https://a.example/#part", False, "no user"),
        ("https://a.example:0/", False, "a host and a port"),
        ("https://a.example:1/", False, None),
        ("https:///path", False, "a host and a port"),
        ("https://-a.example/", False, "a host and a port"),
        ("https://a.example:99999/", False, "no address"),
        ("https://[::1/", False, "no address"),
    ],
)
def test_an_address_is_judged_by_its_form(url: str, plain_ok: bool, fault: str | None) -> None:
    said = url_fault(url, plain_ok=plain_ok)
    assert (said is None) is (fault is None)
    assert said is None or (fault is not None and fault in said.en and said.zh)


def test_every_kind_stands_in_one_group_and_none_is_empty() -> None:
    groups = in_groups()
    assert sorted(kind for _, kinds in groups for kind in kinds) == sorted(EVENT_KINDS)
    assert all(kinds for _, kinds in groups)
