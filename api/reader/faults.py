"""What a program hears when it gets no data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(PermissionError):
    """The service said no. `reasons`: every reason, each with `grant` where it is one grant's, `code` and `text`."""

    def __init__(self, said: str, reasons: list[dict[str, Any]] | None = None) -> None:
        super().__init__(said)
        self.reasons = reasons or []

    @classmethod
    def of(cls, problem: Mapping[str, Any]) -> Refusal:
        """From a problem document."""
        reasons = [dict(each) for each in problem.get("reasons", [])]
        said = [str(problem.get("detail") or problem.get("title", ""))]
        return cls("\n".join([*said, *(line_of(each) for each in reasons)]), reasons)


class NotReady(Refusal):
    """Nothing stands against it, but the file is not there yet: it waits for its output review, or could not be made just now."""


class Unreachable(ConnectionError):
    """The service did not answer."""


def line_of(reason: Mapping[str, Any]) -> str:
    """One reason as a line."""
    return f"  - {reason.get('text', '')} [{reason.get('code', '')}]"
