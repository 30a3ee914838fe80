"""Tokens, questions and marks. No database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search import sounds
from catalog.search.query import MAX_TOKENS, Groups, fts5, parse, tsquery
from catalog.search.snippet import pieces, spans
from catalog.search.suggest import distance_of
from catalog.search.tokens import fold, runs, sort_key, tokens

ANYTHING = st.text(max_size=60)
MIXED = st.text(alphabet="停车场余位旅游a级AＡ１25 -_,。'\"*:&|!()<>\\", max_size=40)


def test_chinese_becomes_characters_and_pairs_and_the_rest_words() -> None:
    assert list(tokens("停车场 DP-PK-002 5Ａ级 P+R")) == [
        "停", "车", "场", "停车", "车场", "dp", "pk", "002", "5a", "级", "p", "r",
    ]  # fmt: skip


def test_width_and_case_make_no_difference() -> None:
    assert list(tokens("ＰＡＲＫＩＮＧ　Straße ﬁle")) == list(tokens("parking strasse FILE"))


def test_question_asks_for_pairs_words_and_long_word_beginnings() -> None:
    asked = parse("停车场 park ab 车")
    assert fts5(asked.terms) == '"停车" AND "车场" AND "park"* AND "ab" AND "车"'
    assert tsquery(asked.terms) == "'停车' & '车场' & 'park':* & 'ab' & '车'"
    assert fts5(asked.terms[1:2], "title") == '{title} : ("park"*)'


def test_long_questions_stay_bounded() -> None:
    asked = parse("停车场余位旅游公交" * 200 + " a" * 500)
    assert sum(len(term[0].tokens) for term in asked.terms) <= MAX_TOKENS


@given(ANYTHING | MIXED)
def test_tokens_hold_nothing_that_an_index_language_reads(text: str) -> None:
    for token in tokens(text):
        assert not set(token) & set("'\"\\*:&|!()<>{}+-^~.,_ \t\n\x00")


@given(ANYTHING | MIXED)
def test_whatever_is_stored_is_found_by_its_own_text(text: str) -> None:
    stored = set(tokens(text))
    for term in parse(text).terms:
        for token, prefix in term[0].tokens:
            assert token in stored or (prefix and any(word.startswith(token) for word in stored))


@given(MIXED, MIXED)
def test_pieces_are_the_text_itself(text: str, asked: str) -> None:
    assert "".join(piece.text for piece in pieces(text, spans(text, parse(asked)))) == text


@given(MIXED, MIXED)
def test_marks_stand_in_order_and_inside(text: str, asked: str) -> None:
    at = 0
    for start, end in spans(text, parse(asked)):
        assert at <= start < end <= len(text)
        at = end


def test_marks_cover_the_asked_run_in_the_original_spelling() -> None:
    text = "ＰＡＲＫＩＮＧ 与停车场余位"
    marked = [piece.text for piece in pieces(text, spans(text, parse("parking 停车场"))) if piece.hit]
    assert marked == ["ＰＡＲＫＩＮＧ", "停车场"]


def test_window_opens_around_the_first_mark() -> None:
    text = "前" * 300 + "停车场" + "后" * 300
    shown = pieces(text, spans(text, parse("停车")), 100)
    assert [piece.text for piece in shown if piece.hit] == ["停车"]
    assert shown[0].text == "…"
    assert shown[-1].text.endswith("…")
    assert sum(len(piece.text) for piece in shown) == 102


def test_chinese_titles_sort_by_sound() -> None:
    titles = ["停车", "大鹏", "气象", "葵涌", "安全", "南澳"]
    assert sorted(titles, key=lambda title: sort_key(title, chinese=True)) == [
        "安全",
        "大鹏",
        "葵涌",
        "南澳",
        "气象",
        "停车",
    ]


def test_fold_is_stable() -> None:
    for text in ("ＡＢＣ", "ß", "ﬁ", "İ", "ǅ", "㎡", "①", "臺灣", *map(chr, range(0x3400, 0xA000))):
        assert fold(fold(text)) == fold(text)


GROUPS: Groups = {
    part: tuple(other for other in group if other != part)
    for group in (
        [tuple(runs(word)) for word in ("公交", "公共汽车", "bus")],
        [tuple(runs(word)) for word in ("空气质量", "air quality")],
    )
    for part in group
}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("停車場", '"停车" AND "车场"'),
        ("tingchechang", '(("tingchechang"*) OR ("ǀtingche" AND "ǀchechang"))'),
        ("ting che chang", '(("ting"* AND "che" AND "chang"*) OR ("ǀtingche" AND "ǀchechang"))'),
        ("lüyou", '(("lüyou"*) OR ("ǀlvyou"))'),
        ("xian", '(("xian"*) OR ("ǀxian"))'),
        ("tcc", '"tcc"'),
        ("公交线", '(("公交" AND "交线") OR ("公共" AND "共汽" AND "汽车" AND "车线") OR ("线" AND "bus"))'),
        ("air quality index", '(("air" AND "quality"*) OR ("空气" AND "气质" AND "质量")) AND "index"*'),
        ("hospitals", '"hospital"*'),
        ("status", '"status"*'),
    ],
)  # fmt: skip
def test_terms_are_met_by_any_of_their_forms(asked: str, expected: str) -> None:
    assert fts5(parse(asked, GROUPS).terms) == expected


def test_first_letters_are_asked_for_only_when_nothing_else_finds() -> None:
    assert fts5(parse("tcc", by_letters=True).terms) == '(("tcc") OR ("ǁtcc"))'
    assert fts5(parse("tcjcxx", by_letters=True).terms).endswith('("ǁtcjc" AND "ǁcjcx" AND "ǁjcxx"))')


@given(st.text(alphabet="停车场长重庆行乐", min_size=2, max_size=8), st.data())
def test_chinese_is_found_by_how_it_sounds(text: str, data: st.DataObject) -> None:
    stored = {*sounds.pairs(text), *sounds.letters(text)}
    said = tuple(data.draw(st.sampled_from(sounds.readings(char))) for char in text)
    assert set(sounds.asked(said)) <= stored
    ways = sounds.syllables("".join(said))
    assert len(ways) == 4 or said in ways
    assert set(sounds.first_letters("".join(syllable[0] for syllable in said))) <= stored or len(said) > 8


@pytest.mark.parametrize(
    ("one", "other", "most", "expected"),
    [
        ("parking", "parking", 2, 0), ("parkng", "parking", 2, 1), ("prakng", "parking", 2, 2), ("praking", "parking", 1, 1),
        ("parking", "marking", 1, 1), ("parking", "barge", 2, 3), ("a", "abcd", 2, 3), ("", "ab", 2, 2),
    ],
)  # fmt: skip
def test_words_are_near_by_letters_changed_left_out_or_exchanged(
    one: str, other: str, most: int, expected: int
) -> None:
    assert distance_of(one, other, most) == distance_of(other, one, most) == expected
