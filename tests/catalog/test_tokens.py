"""Tokens, questions and marks. No database."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.search.query import MAX_TOKENS, fts5, parse, tsquery
from catalog.search.snippet import pieces, spans
from catalog.search.tokens import fold, sort_key, tokens

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
    assert tsquery(asked.terms[1:2], "title") == "'park':*A"
    assert fts5(asked.terms[1:2], "title") == '{title} : ("park"*)'


def test_long_questions_stay_bounded() -> None:
    assert sum(len(term) for term in parse("停车场余位旅游公交" * 200 + " a" * 500).terms) <= MAX_TOKENS


@given(ANYTHING | MIXED)
def test_tokens_hold_nothing_that_an_index_language_reads(text: str) -> None:
    for token in tokens(text):
        assert not set(token) & set("'\"\\*:&|!()<>{}+-^~.,_ \t\n\x00")


@given(ANYTHING | MIXED)
def test_whatever_is_stored_is_found_by_its_own_text(text: str) -> None:
    stored = set(tokens(text))
    for term in parse(text).terms:
        for token, prefix in term:
            assert token in stored or (prefix and any(word.startswith(token) for word in stored))


@given(MIXED, MIXED)
def test_pieces_are_the_text_itself(text: str, asked: str) -> None:
    assert "".join(piece.text for piece in pieces(text, parse(asked))) == text


@given(MIXED, MIXED)
def test_marks_stand_in_order_and_inside(text: str, asked: str) -> None:
    at = 0
    for start, end in spans(text, parse(asked)):
        assert at <= start < end <= len(text)
        at = end


def test_marks_cover_the_asked_run_in_the_original_spelling() -> None:
    marked = [
        piece.text for piece in pieces("ＰＡＲＫＩＮＧ 与停车场余位", parse("parking 停车场")) if piece.hit
    ]
    assert marked == ["ＰＡＲＫＩＮＧ", "停车场"]


def test_window_opens_around_the_first_mark() -> None:
    shown = pieces("前" * 300 + "停车场" + "后" * 300, parse("停车"), 100)
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
    for text in ("ＡＢＣ", "ß", "ﬁ", "İ", "ǅ", "㎡", "①"):
        assert fold(fold(text)) == fold(text)
