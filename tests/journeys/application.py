"""One application over HTTP, step by step, each by whoever may take it and on the version that this person sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from api.client import Refused
from api.sample.stage import Stage


@dataclass
class Journey:
    """Who does what on which application."""

    scene: Stage
    id: str = ""

    def seen(self, who: str) -> dict[str, Any]:
        with self.scene.as_(who) as api:
            found: dict[str, Any] = api.get(f"/applications/{self.id}")
        return found

    def step(self, who: str, step: str, **body: Any) -> dict[str, Any]:
        """One step on the version that this person sees now."""
        with self.scene.as_(who) as api:
            version = api.get(f"/applications/{self.id}")["version"]
            moved: dict[str, Any] = api.post(f"/applications/{self.id}/{step}", {**body, "version": version})
        return moved

    def refused(self, who: str, step: str, **body: Any) -> set[str]:
        """The codes of the reasons; fails when the step is taken."""
        with pytest.raises(Refused) as refusal:
            self.step(who, step, **body)
        return {reason["code"] for reason in refusal.value.problem.get("reasons", [])}

    def votes(self, who: str) -> dict[str, Any]:
        lines = [{"line_id": line["id"], "vote": "approve"} for line in self.seen(who)["lines"]]
        return self.step(who, "review", has_no_conflict=True, lines=lines, note="与场景相符")
