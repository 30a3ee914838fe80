"""Descriptions in HTML become plain text; what only looks like it stays."""

from __future__ import annotations

import time

import pytest

from catalog.harvest.markup import text_of
from catalog.harvest.records import record


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("<p>One &amp; two.</p><p>Three<br/>four</p>", "One & two.\n\nThree\nfour"),
        ("<ul><li>停车场</li><li>车位</li></ul>余位", "- 停车场\n- 车位\n\n余位"),
        ('See <a href="https://a.example/x">the page</a>.', "See the page (https://a.example/x)."),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="javascript:alert(1)">press</a><script>alert(2)</script><style>p {}</style>', "press"),
        ("<div><div>a</div></div><div>b</div>", "a\n\nb"),
        ("<table><tr><td>年</td><td>数</td></tr><tr><td>2026</td><td>7</td></tr></table>", "年 数\n2026 7"),
        ("R&amp;D &mdash; x&nbsp;y", "R&D — x y"),
        ("a < b and <i>c</i> > d", "a < b and c > d"),
        ("a < b, <unknown> stays, 1 <2> 3, AT&T &copy", "a < b, <unknown> stays, 1 <2> 3, AT&T &copy"),
        ("two\nlines\n\n  kept", "two\nlines\n\n  kept"),
        ("<p>cut off <a href='https://a.exa", "cut off"),
    ],
)
def test_what_a_person_would_see_is_kept(said: str, read: str) -> None:
    assert text_of(said) == read


def test_a_record_keeps_no_markup_and_no_control_signs() -> None:
    made = record("1", "题名", {"zh": "<p>说明&#0;&#7;。</p>", "en": "<b>Bold</b> words"})
    assert (made.description_zh, made.description_en) == ("说明\ufffd。", "Bold words")


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "<a ",
        "<div>",
        "&#1",
        "<p></",
        "<br><a href='http://x'>",
        "<!--",
        "<p x='y",
        "<a b='",
        "<!-- -->",
        "<script>",
    ],
)
def test_no_description_holds_the_harvest_up(part: str) -> None:
    began = time.process_time()
    text_of("<p>" + part * 200_000)
    assert time.process_time() - began < 3
