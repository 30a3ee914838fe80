"""The quick way to canonical JSON gives the bytes of RFC 8785, or leaves it to the library that walks."""

from __future__ import annotations

import enum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from core import canonical as room
from core.canonical import canonical

_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "1,5.0",
        '":5.0',
        "2026-03-03T02:00:00.123456+00:00",
        "（甲）",
        "\ue000",
        "\U0001f600",
        "\u2028",
        "\x7f\x1f",
    ]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner) | st.tuples(inner, inner),
)


@given(_VALUES)
def test_the_bytes_are_those_of_the_library(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


class _Word(enum.StrEnum):
    ONE = "壹"


class _Number(enum.IntEnum):
    TWO = 2


@pytest.mark.parametrize(
    "value",
    [
        {"\U0001f600": 1, "\uff08": 2},  # by UTF-16 the first comes first, by code point the second
        [1e21, 1e-7, 0.1, -0.0, 1.0, 100],
        {"a": -1.5, "b": [2.5]},
        3.0,
        9007199254740991,
        {"kind": _Word.ONE, "n": _Number.TWO},
        {"at": "2026-03-03T02:00:00.123456+00:00", "none": None, "yes": True},
        "",
        {},
        [],
    ],
)
def test_where_the_two_forms_part(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], 2**53, ["\ud800"], {"x": object()}, {1: 2, "a": 3}, b""],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)


def test_an_event_as_they_are_goes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.rfc8785, "dumps", lambda _: pytest.fail("walked"))
    canonical(
        {
            "at": "2026-03-03T02:00:00.123456+00:00",
            "payload": '{"a":[1,2],"b":"甲、乙"}',
            "seq": 12,
            "org": None,
        }
    )
