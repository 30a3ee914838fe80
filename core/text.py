"""Two languages side by side: every sentence that a person reads carries its Chinese and its English form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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
        return Text(self.zh.format(**facts), self.en.format(**facts))

    def __str__(self) -> str:
        return self.en

    @classmethod
    def of_note(cls, note: str) -> Text:
        """A note that this service wrote in both languages, `中文 · English`; any other note reads the same in both."""
        zh, _, en = note.partition(" · ")
        return cls(zh, en or zh)
