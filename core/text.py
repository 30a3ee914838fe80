"""Two languages side by side: every sentence that a person reads carries its Chinese and its English form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

_COUNTED: Final = re.compile(
    r"\{(\w+)\} ((?:[a-z-]+ )?)([a-z]+s)\b(?: (are|were|have|look|match|hold|lie|wait|do)\b)?"
)
_NO_PLURAL: Final = frozenset({"is", "was", "has", "this", "as", "less", "its", "his", "across", "always"})
_JOINS: Final = frozenset({"of", "at", "and", "in", "on", "to", "for", "or", "by", "is", "from", "with"})
_VERBS: Final = {
    "are": "is",
    "were": "was",
    "have": "has",
    "look": "looks",
    "match": "matches",
    "hold": "holds",
    "lie": "lies",
    "wait": "waits",
    "do": "does",
}
Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in both languages; `{name}` places are filled by `filled`."""

    zh: str
    en: str

    def in_(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en

    def filled(self, **facts: object) -> Text:
        """The same sentence with its places filled; raises KeyError if a fact is missing."""
        return Text(self.zh.format(**facts), counted(self.en, facts).format(**facts))

    def __str__(self) -> str:
        return self.en

    @classmethod
    def of_note(cls, note: str) -> Text:
        """A note that this service wrote in both languages, `中文 · English`; any other note reads the same in both."""
        zh, _, en = note.partition(" · ")
        return cls(zh, en or zh)


def counted(en: str, facts: Mapping[str, object]) -> str:
    """The English pattern with the noun after a place made singular where one is counted: `{n} reasons` with n=1 is `{n} reason`."""

    def one(found: re.Match[str]) -> str:
        name, before, noun, verb = found.groups()
        is_noun = noun not in _NO_PLURAL and before.strip() not in _JOINS
        if str(facts.get(name)) != "1" or not is_noun:
            return found.group()
        said = f"{{{name}}} {before}{_singular(noun)}"
        return f"{said} {_VERBS[verb]}" if verb else said

    return _COUNTED.sub(one, en)


def number_of(count: object, words: str) -> str:
    """`3 files`, `1 file`; `3 rows are`, `1 row is`: for sentences that are made where the number is known."""
    return counted(f"{{n}} {words}", {"n": count}).format(n=count)


def verb_of(count: object, verb: str) -> str:
    """The verb that goes with a number: `carry`, of one `carries`."""
    if str(count) != "1":
        return verb
    return _VERBS.get(verb) or (f"{verb[:-1]}ies" if verb.endswith("y") else f"{verb}s")


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    if noun.endswith(("ches", "shes", "sses", "xes")):
        return noun[:-2]
    return noun if noun.endswith("ss") else noun[:-1]
