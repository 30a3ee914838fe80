"""The life of a version of the scoring scheme: that of a version of the policy profile."""

from __future__ import annotations

from typing import Final

from auth.casework.machine import Machine
from auth.profile.workflow import FINAL, MOVES, STATE_NAMES, STEP_NAMES, State, Step
from core.text import Text

__all__ = ["FINAL", "MACHINE", "STATE_NAMES", "STEP_NAMES", "State", "Step"]
MACHINE: Final = Machine(Text("评分方案版本", "scheme version"), MOVES, STATE_NAMES, STEP_NAMES)
