"""What pydantic finds wrong is said in the reader's language, also where a form has no field to show it at."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from core.faults import sentences, together
from core.text import Text
from datasets.queries.model import QueryAsk


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Given(BaseModel):
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    words: list[str] = Field(default=["x"], min_length=1, max_length=2)
    size: int = Field(default=1, ge=1)
    flag: bool = False
    name: str = "n"

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name == "both":
            raise ValueError("不对 / is wrong")
        if name == "one":
            raise ValueError("is either / or")
        return name


def _of(**given: object) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        Given.model_validate(given)
    return raised.value


@pytest.mark.parametrize(
    ("given", "zh", "en"),
    [
        ({"colour": "green"}, "colour：应为下列之一：'red' or 'blue'", "colour: must be one of 'red' or 'blue'"),
        ({"kind": "c"}, "kind：应为下列之一：'a' or 'b'", "kind: must be one of 'a' or 'b'"),
        ({"words": []}, "words：至少 1 项", "words: has at least 1 entry"),
        ({"words": ["a", "b", "c"]}, "words：至多 2 项", "words: has at most 2 entries"),
        ({"words": ["a", 1]}, "words.1：应为文字", "words.1: must be text"),
        ({"size": "x"}, "size：应为整数", "size: must be a whole number"),
        ({"size": 0, "flag": "maybe"}, "size：应不小于 1；flag：应为 true 或 false", "size: must be 1 or more; flag: must be true or false"),
        ({"name": "both"}, "name：不对", "name: is wrong"),
        ({"name": "one"}, "name：is either / or", "name: is either / or"),
    ],
)  # fmt: skip
def test_each_language_has_its_own_words(given: dict[str, Any], zh: str, en: str) -> None:
    assert together(_of(**given)) == Text(zh, en)


def test_only_the_first_few_are_told() -> None:
    wrong = _of(colour="green", kind="c", size=0)
    assert together(wrong, 2).en.count(";") == 1


def test_a_label_stands_for_the_field() -> None:
    assert sentences(_of(name="both"), {"name": Text("名称", "Name")}) == [
        ("name", Text("名称：不对", "Name: is wrong"))
    ]


def test_a_query_without_measures_is_told_without_english_words() -> None:
    with pytest.raises(ValidationError) as raised:
        QueryAsk.model_validate({"measures": []})
    assert "Field required" not in together(raised.value).zh
    assert "必须填写" in together(raised.value).zh
