"""Template opinions 意见模板: what screeners, reviewers and deciders mostly write, by stage and reason, as a part of the policy profile.

Each is proposed, confirmed by a second person and kept for good with its profile. What was inserted may be changed; the record keeps the
text as it was written, which template it came from, and whether it still says the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth.policy.limits import limits
from auth.policy.model import Prose
from core.errors import InputRefused
from core.text import Text

Stage = Literal["screening", "review", "decision"]
STAGE_NAMES: Final[dict[Stage, Text]] = {
    "screening": Text("受理", "Screening"),
    "review": Text("审核", "Review"),
    "decision": Text("审批", "Decision"),
}


class Opinion(BaseModel):
    """One template. `reason_code`: the reason for refusing that it belongs to; empty: for any outcome."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: str = Field(pattern="^[a-z][a-z0-9-]{1,59}$")
    stage: Stage
    reason_code: str = Field(default="", max_length=80)
    zh: Prose = Field(min_length=1, max_length=100)
    en: Prose = Field(min_length=1, max_length=100)
    text_zh: Prose = Field(min_length=4, max_length=1000)
    text_en: Prose = Field(min_length=4, max_length=1000)
    effective_from: date
    source: Prose = Field(min_length=4, max_length=500)

    @model_validator(mode="after")
    def _known(self) -> Opinion:
        if self.reason_code and self.reason_code not in limits().refusals:
            raise ValueError(f"unknown reason {self.reason_code}")
        return self

    @property
    def name(self) -> Text:
        return Text(self.zh, self.en)

    @property
    def text(self) -> Text:
        return Text(self.text_zh, self.text_en)

    @property
    def sha256(self) -> str:
        """The digest of its canonical JSON: what tells one version of a template from another."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()


Opinions = Annotated[tuple[Opinion, ...], Field(max_length=200)]


def once(opinions: Iterable[Opinion]) -> None:
    """Raise ValueError for a template that is named twice."""
    keys = [each.key for each in opinions]
    if len(set(keys)) != len(keys):
        raise ValueError("a template opinion is named twice")


def of_stage(opinions: Iterable[Opinion], stage: Stage, on: date) -> tuple[Opinion, ...]:
    """What may be inserted at that stage on that day."""
    return tuple(each for each in opinions if each.stage == stage and each.effective_from <= on)


@dataclass(frozen=True, slots=True)
class Inserted:
    """That a text came from a template: which version of it, and whether the text still says the same."""

    key: str
    effective_from: date
    sha256: str
    is_changed: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "template": self.key, "effective_from": self.effective_from.isoformat(), "sha256": self.sha256,
            "is_changed": self.is_changed,
        }  # fmt: skip


def inserted(opinions: Iterable[Opinion], stage: Stage, on: date, key: str, note: str) -> Inserted:
    """The record of what was inserted. Raises InputRefused for a template that the profile in force does not have at that stage."""
    found = next((each for each in of_stage(opinions, stage, on) if each.key == key), None)
    if found is None:
        raise InputRefused(
            Text(
                f"现行政策配置中没有意见模板“{key[:60]}”；请重新选择，或直接填写意见。",
                f"The profile in force has no template opinion “{key[:60]}” for this stage; choose another, or write in your own words.",
            ),
            field="opinion",
        )
    is_same = note.strip() in (found.text_zh.strip(), found.text_en.strip())
    return Inserted(found.key, found.effective_from, found.sha256, not is_same)


def filled(note: str, text: str) -> str:
    """A note with a template's text: after what was written, and never twice."""
    written = note.strip()
    if text in written:
        return written
    return f"{written}\n{text}" if written else text
